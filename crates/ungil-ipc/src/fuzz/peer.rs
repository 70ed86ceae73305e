//! [`Peer`]: a process that has memory of ours and writes nonsense into it; and [`Numbers`], by which it decides what.

use std::ops::Range;
use std::os::fd::{BorrowedFd, RawFd};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use ungil_sync::{Deadline, deadline_in};

use crate::memory::Memory;
use crate::primitives::{Who, wait};
use crate::ring;

/// Numbers without order, from a seed.
#[derive(Debug)]
pub(crate) struct Numbers(u64);

impl Numbers {
    pub(crate) fn new(seed: u64) -> Self {
        // Seeds that are neighbours begin far apart, and none at zero, where it would stay.
        let mut numbers = Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15).max(1));
        for _ in 0..8 {
            numbers.next();
        }
        numbers
    }

    /// G. Marsaglia, "Xorshift RNGs" (2003), section 3.
    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// One below `n`.
    pub(crate) fn below(&mut self, n: usize) -> usize {
        (self.next() >> 11) as usize % n
    }

    /// Whether a thing happens that does once in `n` times.
    pub(crate) fn is_one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    pub(crate) fn one_of<T: Clone>(&mut self, all: &[T]) -> T {
        all[self.below(all.len())].clone()
    }

    /// A length: mostly short, now and then as long as a ring or longer.
    pub(crate) fn len(&mut self) -> usize {
        let most = self.one_of(&[10, 100, 5000, ring::CAPACITY + 20, 3 * ring::CAPACITY]);
        self.below(most)
    }

    /// A word that may be taken for an index, a length, a flag or a process.
    pub(crate) fn word(&mut self) -> u64 {
        let near = self.below(9) as u64;
        match self.below(11) {
            0 => self.next(),
            1 => near,
            2 => self.below(300_000) as u64,
            3 => u64::MAX - near,
            4 => (ring::CAPACITY as u64 + 4).wrapping_sub(near),
            5 => 1 << self.below(64),
            6 => Who::me().word() | near & 1,
            // No process: Linux has no such number, as far as one can be sure.
            7 => (1 << 23) - 2,
            8 => near << 32 | self.below(300_000) as u64,
            9 => (1 << 63) | self.below(300_000) as u64,
            _ => 0,
        }
    }

    /// A deadline that comes at once, or soon.
    pub(crate) fn deadline(&mut self) -> Deadline {
        deadline_in(Duration::from_micros(self.one_of(&[0, 50, 500])))
    }
}

/// One that has the same memory, mapped for itself.
pub(crate) struct Peer {
    memories: Vec<Memory>,
    /// Where it likes to write: which memory, and which bytes.
    places: Vec<(usize, Range<usize>)>,
    keeps_to_places: bool,
}

/// After so long a victim waits for what will not come.
const LONG: Duration = Duration::from_millis(20);

impl Peer {
    /// One that writes into these places of memory, and now and then elsewhere in its first `len` bytes.
    pub(crate) fn of(fd: BorrowedFd<'_>, len: usize, places: Vec<Range<usize>>) -> Self {
        Self { memories: Vec::new(), places: Vec::new(), keeps_to_places: false }.and(fd, len, places)
    }

    /// One that writes into this place of memory, and nowhere else: what is there besides is other tests'.
    pub(crate) fn of_place(fd: BorrowedFd<'_>, place: Range<usize>) -> Self {
        Self { keeps_to_places: true, ..Self::of(fd, place.end, vec![place]) }
    }

    /// The same peer, which has more of ours.
    pub(crate) fn and(mut self, fd: BorrowedFd<'_>, len: usize, places: Vec<Range<usize>>) -> Self {
        let fd = fd.try_clone_to_owned().expect("a descriptor");
        self.places.extend(places.into_iter().map(|place| (self.memories.len(), place)));
        self.memories.push(Memory::beginning_of(fd, len).expect("memory"));
        self
    }

    /// Writes nonsense somewhere.
    pub(crate) fn write(&self, numbers: &mut Numbers) {
        let (memory, place) = numbers.one_of(&self.places);
        let memory = &self.memories[memory];
        let is_elsewhere = !self.keeps_to_places && numbers.is_one_in(16);
        let place = if is_elsewhere { 0..memory.len() } else { place };
        let at = ((place.start + numbers.below(place.len())) & !3).min(place.end - 8);
        let word = numbers.word().to_ne_bytes();
        // SAFETY: eight bytes within the memory.
        let at = unsafe { memory.as_ptr().add(at) };
        match numbers.below(3) {
            // SAFETY: as above; others read and write there meanwhile, as other processes may.
            0 => unsafe { at.cast::<[u8; 4]>().write_volatile([word[0], word[1], word[2], word[3]]) },
            // SAFETY: as above.
            _ => unsafe { at.cast::<[u8; 8]>().write_volatile(word) },
        }
    }

    /// Writes nothing but zeros to all of its places, and wakes who sleeps there: nobody has anything.
    fn clear(&self) {
        for (memory, place) in &self.places {
            for at in place.clone().step_by(4) {
                // SAFETY: within the memory.
                let at = unsafe { self.memories[*memory].as_ptr().add(at & !3) };
                // SAFETY: four bytes within the memory, whose length is one of whole pages, aligned to four; any bytes are an atomic.
                let word = unsafe { AtomicU32::from_ptr(at.cast()) };
                if word.swap(0, Ordering::SeqCst) != 0 {
                    wait::wake(word, u32::MAX);
                }
            }
        }
    }

    /// Has the peer do what `attack` says, and the victim its `steps`: in turns, or both at once. A victim that waits long is let go on.
    pub(crate) fn against(
        &self,
        numbers: &mut Numbers,
        attack: impl Fn(&mut Numbers) + Sync,
        mut step: impl FnMut(&mut Numbers),
    ) {
        let n_steps = 1 + numbers.below(30);
        let takes_turns = numbers.is_one_in(2);
        let mut own = Numbers::new(numbers.next());
        let is_over = AtomicBool::new(false);
        thread::scope(|scope| {
            let _over = SetAtEnd(&is_over);
            let background = scope.spawn(|| {
                let begun = Instant::now();
                while !is_over.load(Ordering::Relaxed) {
                    if begun.elapsed() > LONG {
                        self.clear();
                        thread::park_timeout(Duration::from_millis(1));
                    } else if takes_turns {
                        thread::park_timeout(LONG);
                    } else {
                        attack(&mut own);
                    }
                }
            });
            for _ in 0..n_steps {
                for _ in 0..if takes_turns { numbers.below(4) } else { 0 } {
                    attack(numbers);
                }
                step(numbers);
            }
            is_over.store(true, Ordering::Relaxed);
            background.thread().unpark();
        });
    }
}

/// Says that it is over, however the scope ends.
struct SetAtEnd<'a>(&'a AtomicBool);

impl Drop for SetAtEnd<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Sends what a doorbell's other side may: a byte that it knows, or not; the end; or takes what is ours.
pub(crate) fn ring_wrongly(socket: RawFd, numbers: &mut Numbers) {
    let byte = numbers.one_of(b"wwmm\0x");
    match numbers.below(40) {
        0 => {
            let how = numbers.one_of(&[libc::SHUT_RD, libc::SHUT_WR, libc::SHUT_RDWR]);
            // SAFETY: the descriptor is open.
            unsafe { libc::shutdown(socket, how) };
        }
        1..=10 => {
            let mut taken = [0_u8; 3];
            // SAFETY: so many bytes are ours.
            unsafe { libc::recv(socket, taken.as_mut_ptr().cast(), taken.len(), libc::MSG_DONTWAIT) };
        }
        _ => {
            let flags = libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL;
            // SAFETY: one byte, which is ours.
            unsafe { libc::send(socket, (&raw const byte).cast(), 1, flags) };
        }
    }
}
