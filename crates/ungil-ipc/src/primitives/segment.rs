//! [`Segment`]: shared memory that has room for many primitives; and the places in it, `Slot`s.
//!
//! A primitive takes the next free bytes of the process's current segment, and no other ever gets them: another process may have the primitive for longer than
//! this one. When a segment is full there is a new one; the old one goes with the last of its primitives here, and with the last process elsewhere.
//! Pages that nobody has touched take no memory, so a segment is large and a descriptor serves thousands of locks.
//!
//! A forked child has the segment too, and would take the same places as its parent: it begins one of its own.

use std::io;
use std::marker::PhantomData;
use std::mem::{align_of, size_of};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use ungil_sync::{AfterFork, Gate};

use crate::memory::Memory;

/// How much a segment holds, unless more is asked for at once. A guess.
const SIZE: usize = 1 << 20;
/// Primitives are so far apart, lest two that have nothing to do with each other share a line of the cache.
const LINE: usize = 64;

/// Shared memory with room for primitives.
#[derive(Debug)]
pub struct Segment {
    memory: Memory,
    /// How much of it is taken; used by the process that made it alone. Relaxed: it orders nothing.
    used: AtomicUsize,
}

impl Segment {
    /// The segment that another process made, by its descriptor: for primitives that are passed to this one.
    ///
    /// # Errors
    ///
    /// As [`Memory::from_fd`].
    pub fn from_fd(file: OwnedFd) -> io::Result<Self> {
        let memory = Memory::from_fd(file)?;
        let used = AtomicUsize::new(memory.len());
        Ok(Self { memory, used })
    }

    fn new(len: usize) -> io::Result<Self> {
        Ok(Self { memory: Memory::new(len)?, used: AtomicUsize::new(0) })
    }

    /// Takes the next `len` bytes; none if there are not so many.
    fn take(&self, len: usize) -> Option<usize> {
        let taken = |used: usize| used.checked_add(len).filter(|end| *end <= self.memory.len());
        self.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, taken).ok()
    }
}

impl AsFd for Segment {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.memory.as_fd()
    }
}

/// The segment that this process takes places from.
struct Current(Option<Arc<Segment>>);

impl AfterFork for Current {
    fn after_fork(&mut self, is_torn: bool) {
        // One word: it is what was there before or after the change, whose count is not to be relied on.
        let parents = self.0.take();
        if is_torn {
            std::mem::forget(parents);
        }
    }
}

static CURRENT: Gate<Current> = Gate::new(Current(None));

/// What a place in shared memory may be taken for.
///
/// # Safety
///
/// The type is `repr(C)` and consists of atomics: any bytes are a value, and other processes may change them at any time. Its alignment is at most [`LINE`].
pub(crate) unsafe trait Words {}

// SAFETY: nothing at all.
unsafe impl Words for () {}

/// A place: a head, and a table of entries behind it.
#[derive(Debug)]
pub(crate) struct Slot<H, E = ()> {
    segment: Arc<Segment>,
    offset: usize,
    n_entries: usize,
    words: PhantomData<(H, E)>,
}

// SAFETY: the words are atomics, and the segment may be shared.
unsafe impl<H, E> Send for Slot<H, E> {}
// SAFETY: as for `Send`.
unsafe impl<H, E> Sync for Slot<H, E> {}

impl<H: Words, E: Words> Slot<H, E> {
    const ENTRIES_AT: usize = size_of::<H>().next_multiple_of(align_of::<E>());

    /// A new place, all zero.
    pub(crate) fn new(n_entries: usize) -> io::Result<Self> {
        let too_large = || io::Error::from(io::ErrorKind::OutOfMemory);
        let len =
            Self::size(n_entries).and_then(|len| len.checked_next_multiple_of(LINE)).ok_or_else(too_large)?;
        let current = CURRENT.enter().0.clone();
        let place = |segment: Arc<Segment>| segment.take(len).map(|offset| (segment, offset));
        if let Some((segment, offset)) = current.and_then(place) {
            return Self::at(segment, offset, n_entries);
        }
        let segment = Arc::new(Segment::new(len.max(SIZE))?);
        let offset = segment.take(len).ok_or_else(too_large)?;
        // Out of the gate it is dropped, where nobody has it any more.
        let before = CURRENT.enter().0.replace(Arc::clone(&segment));
        drop(before);
        Self::at(segment, offset, n_entries)
    }

    /// The place that another process has told of.
    ///
    /// # Errors
    ///
    /// `InvalidData` if it is not within the segment.
    pub(crate) fn at(segment: Arc<Segment>, offset: usize, n_entries: usize) -> io::Result<Self> {
        let end = Self::size(n_entries).and_then(|len| offset.checked_add(len));
        if !offset.is_multiple_of(LINE) || end.is_none_or(|end| end > segment.memory.len()) {
            let text =
                format!("there is no primitive at {offset} in a segment of {} bytes", segment.memory.len());
            return Err(io::Error::new(io::ErrorKind::InvalidData, text));
        }
        Ok(Self { segment, offset, n_entries, words: PhantomData })
    }

    fn size(n_entries: usize) -> Option<usize> {
        n_entries.checked_mul(size_of::<E>())?.checked_add(Self::ENTRIES_AT)
    }

    /// Where it is, for [`Slot::at`] in another process.
    pub(crate) fn place(&self) -> (&Arc<Segment>, usize) {
        (&self.segment, self.offset)
    }

    #[inline]
    pub(crate) fn head(&self) -> &H {
        // SAFETY: within the memory, by `at`.
        let at = unsafe { self.segment.memory.as_ptr().add(self.offset) };
        // SAFETY: the memory is there for as long as the segment, which `self` keeps; the place is aligned to a line, and has a head, by `at`; any bytes are
        // one, as `Words` says.
        unsafe { &*at.cast::<H>() }
    }

    #[inline]
    pub(crate) fn entries(&self) -> &[E] {
        // SAFETY: within the memory, by `at`.
        let at = unsafe { self.segment.memory.as_ptr().add(self.offset + Self::ENTRIES_AT) };
        // SAFETY: as for the head; there are so many, by `at`, and they are aligned, since the head's length was rounded up to that.
        unsafe { std::slice::from_raw_parts(at.cast::<E>(), self.n_entries) }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicU64;

    use super::*;

    #[repr(C)]
    struct Word(AtomicU64);
    // SAFETY: one atomic.
    unsafe impl Words for Word {}

    #[test]
    fn places_do_not_overlap_and_are_found_by_their_offset() {
        let slots: Vec<Slot<Word, Word>> = (0..100).map(|_| Slot::new(20).expect("memory")).collect();
        for (number, slot) in slots.iter().enumerate() {
            slot.head().0.store(number as u64, Ordering::Relaxed);
            slot.entries()[19].0.store(number as u64, Ordering::Relaxed);
        }
        for (number, slot) in slots.iter().enumerate() {
            let (segment, offset) = slot.place();
            let again = Slot::<Word, Word>::at(Arc::clone(segment), offset, 20).expect("there");
            assert_eq!(again.head().0.load(Ordering::Relaxed), number as u64);
            assert_eq!(again.entries()[19].0.load(Ordering::Relaxed), number as u64);
        }
    }

    #[test]
    fn a_large_one_has_a_segment_of_its_own() {
        let slot = Slot::<Word, Word>::new(SIZE).expect("memory");
        slot.entries()[SIZE - 1].0.store(1, Ordering::Relaxed);
        assert!(Slot::<Word, Word>::new(usize::MAX / 4).is_err());
    }

    #[test]
    fn a_place_outside_is_refused() {
        let slot = Slot::<Word, Word>::new(0).expect("memory");
        let segment = slot.place().0;
        let len = segment.memory.len();
        for (offset, n_entries) in [(1, 0), (len, 0), (len - LINE, 8), (0, usize::MAX), (usize::MAX - 63, 1)]
        {
            assert!(Slot::<Word, Word>::at(Arc::clone(segment), offset, n_entries).is_err());
        }
        assert!(Slot::<Word, Word>::at(Arc::clone(segment), len - LINE, 7).is_ok());
    }
}
