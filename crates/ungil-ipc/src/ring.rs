//! [`Ring`]: bytes from one process to another, through memory that both can write.
//!
//! | bytes | written by | holds |
//! |---|---|---|
//! | 0..8 | the producer | `head`: how many bytes have ever been put in |
//! | 64..72 | the consumer | `tail`: how many have ever been taken out |
//! | 128..144 | both | whether each waits, and what `channel` and `link` have beside |
//! | 256.. | the producer | the bytes, each at its number modulo the capacity |
//!
//! One thread at a time puts in, and one takes out; which process it is in may change. Neither keeps an index of its own, so that a forked child can go on where its
//! parent was. The release of each index pairs with the acquire of the other side's load: the bytes are there before `head` says so, and free before `tail`
//! says so.
//!
//! The peer may write anything anywhere, at any moment. So each use of the indices checks that they are no farther apart than the capacity, and each access
//! is at an index modulo the capacity, which is a constant of this process.

use std::cmp::min;
use std::mem::offset_of;
use std::ptr;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use crate::memory::Memory;

/// How many bytes a ring holds. A guess.
pub(crate) const CAPACITY: usize = 1 << 18;
/// What a ring takes of the memory.
pub(crate) const SIZE: usize = size_of::<Header>() + CAPACITY;

/// The peer wrote indices that cannot be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the other side of the channel wrote impossible indices into it")]
pub struct Corrupt;

#[repr(C, align(64))]
struct Line<T>(T);

#[repr(C, align(256))]
struct Header {
    head: Line<AtomicU64>,
    tail: Line<AtomicU64>,
    flags: Flags,
}

/// What the two sides tell each other beside the bytes.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct Flags {
    /// The consumer sleeps until there are bytes: who puts some in takes this back, and then rings.
    pub(crate) consumer_waits: AtomicU32,
    /// The producer sleeps until there is room, likewise.
    pub(crate) producer_waits: AtomicU32,
    /// Of a channel: [`ANNOUNCES`](crate::channel), `SENDING`.
    pub(crate) mode: AtomicU32,
    /// Of a link: how many threads wait for what comes of tasks.
    pub(crate) n_awaiting: AtomicU32,
}

const _: () = assert!(size_of::<Header>() == 256 && offset_of!(Header, flags) == 128);

/// A ring in shared memory; one process's view of it, of either side.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ring {
    header: *const Header,
    bytes: *mut u8,
}

impl Ring {
    /// The ring of this number in the memory.
    ///
    /// # Safety
    ///
    /// The memory outlives the ring and every copy of it.
    ///
    /// # Panics
    ///
    /// The memory is too small for so many rings.
    pub(crate) unsafe fn of(memory: &Memory, number: usize) -> Self {
        assert!(memory.len() >= SIZE * (number + 1), "the memory has no ring {number}");
        // SAFETY: within the memory, by the assertion.
        let at = unsafe { memory.as_ptr().add(SIZE * number) };
        // SAFETY: as above; a ring is larger than its header.
        let bytes = unsafe { at.add(size_of::<Header>()) };
        Self { header: at.cast(), bytes }
    }

    pub(crate) fn flags(&self) -> &Flags {
        &self.header().flags
    }

    /// How many bytes there are to take out; more than the capacity if the indices cannot be. `SeqCst`: who goes to sleep looks at it
    /// after it has said so.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        let tail = self.header().tail.0.load(Ordering::SeqCst);
        usize::try_from(self.header().head.0.load(Ordering::SeqCst).wrapping_sub(tail)).unwrap_or(usize::MAX)
    }

    /// Puts in the first bytes of the one and then of the other, as many as there is room for, and returns how many.
    ///
    /// # Errors
    ///
    /// The indices cannot be.
    #[inline]
    pub(crate) fn put(&self, bytes: [&[u8]; 2]) -> Result<usize, Corrupt> {
        // Relaxed: only producers write it, one at a time, and what orders them orders this.
        let head = self.header().head.0.load(Ordering::Relaxed);
        // Acquire: pairs with the release in `take`.
        let n_used = n_between(self.header().tail.0.load(Ordering::Acquire), head)?;
        let mut n = 0;
        for bytes in bytes {
            let n_here = min(CAPACITY - n_used - n, bytes.len());
            self.copy_in(&bytes[..n_here], place(head.wrapping_add(n as u64)));
            n += n_here;
        }
        if n > 0 {
            // `SeqCst` is a release, and comes before the look at whether the consumer waits.
            self.header().head.0.store(head.wrapping_add(n as u64), Ordering::SeqCst);
        }
        Ok(n)
    }

    /// Copies bytes, no more than the capacity, to that place and on from the beginning.
    #[inline]
    fn copy_in(&self, bytes: &[u8], place: usize) {
        let (first, rest) = bytes.split_at(min(bytes.len(), CAPACITY - place));
        // SAFETY: `place` is below the capacity.
        let at = unsafe { self.bytes.add(place) };
        // SAFETY: the bytes end at the capacity or before; the consumer keeps away from what is not in use.
        unsafe { ptr::copy_nonoverlapping(first.as_ptr(), at, first.len()) };
        // SAFETY: the rest is less than the capacity.
        unsafe { ptr::copy_nonoverlapping(rest.as_ptr(), self.bytes, rest.len()) };
    }

    /// Takes out as many bytes as there are, up to `most`, to `to`; returns how many.
    ///
    /// # Safety
    ///
    /// `most` bytes may be written at `to`.
    ///
    /// # Errors
    ///
    /// The indices cannot be.
    #[inline]
    pub(crate) unsafe fn take(&self, to: *mut u8, most: usize) -> Result<usize, Corrupt> {
        // SAFETY: as the caller promises.
        let n = unsafe { self.peek(to, most) }?;
        if n > 0 {
            // Relaxed: as the producer's. `SeqCst` is a release, and comes before the look at whether the producer waits.
            let tail = self.header().tail.0.load(Ordering::Relaxed);
            self.header().tail.0.store(tail.wrapping_add(n as u64), Ordering::SeqCst);
        }
        Ok(n)
    }

    /// Copies what [`Ring::take`] would take out.
    ///
    /// # Safety
    ///
    /// As [`Ring::take`].
    ///
    /// # Errors
    ///
    /// The indices cannot be.
    #[inline]
    pub(crate) unsafe fn peek(&self, to: *mut u8, most: usize) -> Result<usize, Corrupt> {
        // Relaxed: only consumers write it, one at a time, and what orders them orders this.
        let tail = self.header().tail.0.load(Ordering::Relaxed);
        // Acquire: pairs with the store in `put`.
        let n = min(n_between(tail, self.header().head.0.load(Ordering::Acquire))?, most);
        let first = min(n, CAPACITY - place(tail));
        // SAFETY: `place` is below the capacity.
        let at = unsafe { self.bytes.add(place(tail)) };
        // SAFETY: `first` bytes end at the capacity or before; the caller has room for them. A hostile producer may write them meanwhile: they are bytes,
        // and any are as good.
        unsafe { ptr::copy_nonoverlapping(at, to, first) };
        // SAFETY: the caller has room for `n` bytes.
        let to = unsafe { to.add(first) };
        // SAFETY: as above, from the beginning on.
        unsafe { ptr::copy_nonoverlapping(self.bytes, to, n - first) };
        Ok(n)
    }

    fn header(&self) -> &Header {
        // SAFETY: the memory outlives this, by the promise of `of`, is aligned to a page, and has a header here, whose fields are atomics: any bytes are
        // some of them.
        unsafe { &*self.header }
    }
}

/// How many bytes lie between two indices.
fn n_between(tail: u64, head: u64) -> Result<usize, Corrupt> {
    let n = head.wrapping_sub(tail);
    if n <= CAPACITY as u64 { Ok(n as usize) } else { Err(Corrupt) }
}

/// Where the byte of this number is.
fn place(index: u64) -> usize {
    index as usize % CAPACITY
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_ring<R>(test: impl FnOnce(&Memory, Ring) -> R) -> R {
        let memory = Memory::new(SIZE).expect("memory");
        // SAFETY: the memory outlives the test.
        let ring = unsafe { Ring::of(&memory, 0) };
        test(&memory, ring)
    }

    fn taken(ring: Ring, most: usize) -> Result<Vec<u8>, Corrupt> {
        let mut bytes = vec![0; most];
        // SAFETY: the vector has so many bytes.
        let n = unsafe { ring.take(bytes.as_mut_ptr(), most) }?;
        bytes.truncate(n);
        Ok(bytes)
    }

    /// As a peer might.
    fn write_indices(memory: &Memory, head: u64, tail: u64) {
        for (at, index) in [(0, head), (64, tail)] {
            // SAFETY: within the memory.
            let at = unsafe { memory.as_ptr().add(at) };
            // SAFETY: as above, for eight bytes, and nobody else uses them.
            unsafe { at.cast::<[u8; 8]>().write(index.to_ne_bytes()) };
        }
    }

    #[test]
    fn bytes_come_out_as_they_went_in_around_the_end_too() {
        with_ring(|_, ring| {
            let mut next = (0_u8..=250).cycle();
            let mut expected = (0_u8..=250).cycle();
            for n in [1, 0, 7, CAPACITY, 5, CAPACITY - 1, 100_000, 200_000, 3] {
                let bytes: Vec<u8> = next.by_ref().take(n).collect();
                let (one, other) = bytes.split_at(n / 3);
                assert_eq!(ring.put([one, other]), Ok(n));
                assert_eq!(ring.len(), n);
                let out = taken(ring, n + 10).expect("whole");
                assert_eq!(out, expected.by_ref().take(n).collect::<Vec<_>>());
            }
        });
    }

    #[test]
    fn a_full_ring_takes_what_there_is_room_for() {
        with_ring(|_, ring| {
            assert_eq!(ring.put([&vec![1; CAPACITY + 5], &[]]), Ok(CAPACITY));
            assert_eq!(ring.put([&[2; 5], &[]]), Ok(0));
            assert_eq!(taken(ring, 3), Ok(vec![1; 3]));
            assert_eq!(ring.put([&[2; 5], &[]]), Ok(3));
        });
    }

    #[test]
    fn indices_that_cannot_be_are_refused() {
        with_ring(|memory, ring| {
            for (head, tail) in [(0, 1), (CAPACITY as u64 + 1, 0), (5, 6), (u64::MAX, 7)] {
                write_indices(memory, head, tail);
                assert_eq!(ring.put([&[1], &[]]), Err(Corrupt));
                assert_eq!(taken(ring, 1), Err(Corrupt));
            }
        });
    }

    proptest::proptest! {
        #[test]
        fn whatever_a_peer_writes_stays_within_the_ring(
            tail in proptest::num::u64::ANY,
            n_between in 0_u64..CAPACITY as u64 + 3,
            rest in proptest::collection::vec(proptest::num::u8::ANY, 256 - 128),
            n in 0_usize..600_000,
        ) {
            with_ring(|memory, ring| {
                write_indices(memory, tail.wrapping_add(n_between), tail);
                // SAFETY: the header is 256 bytes, and nobody else uses it.
                let flags = unsafe { memory.as_ptr().add(128) };
                // SAFETY: as above.
                unsafe { ptr::copy_nonoverlapping(rest.as_ptr(), flags, rest.len()) };
                let can_be = n_between <= CAPACITY as u64;
                // What leads out of the memory ends the test's process.
                proptest::prop_assert_eq!(ring.put([&[7], &vec![7; n]]).is_ok(), can_be);
                proptest::prop_assert_eq!(taken(ring, n).is_ok(), can_be);
                Ok(())
            })?;
        }
    }
}
