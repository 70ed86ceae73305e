//! [`Queue`]: items from any process to any, through a ring in shared memory; each comes out once and whole, whoever is killed meanwhile.
//!
//! | words | say |
//! |---|---|
//! | `put`, `got` | how many units of eight bytes, and how many items, have ever been put in and taken out; each pair is one word |
//! | `at_put`, `at_get` | which process is putting, which is taking |
//! | `promised` | how many items each process has been let in with that are not in the ring yet |
//! | `unfinished` | how many items have been put whose `task_done` has not come |
//!
//! A producer writes an item behind what has been put and then moves `put`, by one store: killed before, it has put nothing; killed after, the item is whole.
//! A consumer copies an item out and then moves `got`: killed before, the item is the next one's; killed after, the item is gone with it.
//!
//! An item that does not fit passes in pieces, each a record of its own that says whether it is an item's first and whether it is its last. The producer keeps
//! `at_put` and the consumer `at_get` from the first to the last. A consumer that finds a first record where it expects another drops what it has;
//! one that finds another where it expects a first skips it; and one that waits for more, while nobody is putting, waits for the next item. So if either is
//! killed, that item is lost and no other.
//!
//! Reading order: `record` is how items lie in the ring; `put` and `get` are the two sides; `promises` is about bounds, and `selectable` about `select`.

mod get;
mod promises;
mod put;
mod record;
mod selectable;
#[cfg(test)]
mod tests;

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, SeqCst};
use std::sync::atomic::{AtomicU32, AtomicU64};

use ungil_sync::patience::Patience;
use ungil_sync::{Deadline, WaitResult};

use crate::memory::Memory;
use crate::primitives::latch::Latch;
use crate::primitives::wait::{self, Futex, Pause};
use promises::Promise;
use record::{CAPACITY, Moved, Ring};
use selectable::Bell;

pub use get::Getting;
pub use put::{Outcome, Pouring};

/// How many processes' promises are known by name. A guess.
const KNOWN: usize = 64;

/// Two that have nothing to do with each other are on lines of their own.
#[derive(Debug)]
#[repr(C, align(64))]
struct Line<T>(T);

#[derive(Debug)]
#[repr(C)]
struct Head {
    putting: Line<Side>,
    getting: Line<Side>,
    tasks: Line<Tasks>,
    promises: Line<Promises>,
}

/// One side of the ring.
#[derive(Debug)]
#[repr(C)]
struct Side {
    /// How much has ever been moved; written by who has the latch. A release, which pairs with the other side's acquire: the bytes are there, or free. The other
    /// side sleeps on its low half, so it is `SeqCst`, as a [`Futex`] wants it.
    moved: AtomicU64,
    latch: Latch,
    /// How many threads of the other side may sleep; more, if some were killed.
    n_asleep: AtomicU32,
    /// Not 0: an item passes in pieces, and the latch stays taken.
    in_pieces: AtomicU32,
}

impl Side {
    /// What the other side sleeps on.
    #[inline]
    fn futex(&self) -> Futex<'_> {
        Futex { word: wait::low_half(&self.moved), n_asleep: Some(&self.n_asleep) }
    }
}

#[derive(Debug)]
#[repr(C)]
struct Tasks {
    unfinished: AtomicU32,
    /// Counts how often the last task was done: who waits for that sleeps on it.
    n_idle: AtomicU32,
    /// Not 0: somebody has asked for the descriptor.
    is_selected: AtomicU32,
}

#[derive(Debug)]
#[repr(C)]
struct Promises {
    latch: Latch,
    /// Those of processes that the table has no room for.
    unknown: AtomicU32,
    of: [Promise; KNOWN],
}

const SIZE: usize = size_of::<Head>() + CAPACITY;

/// Another process wrote what cannot be; what was in the queue has been dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a process wrote impossible records into the queue, whose items are lost")]
pub struct Corrupt;

/// Items between processes, in their order.
///
/// ```
/// use ungil_ipc::queue::{Outcome, Queue};
///
/// let queue = Queue::new(u32::MAX)?;
/// assert_eq!(queue.try_put(b"item"), Ok(Outcome::Done));
/// assert_eq!(queue.try_get(), Ok(Some(b"item".to_vec())));
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct Queue {
    memory: Memory,
    bell: Option<Bell>,
    /// How many items it holds at most.
    most: u32,
    for_items: Patience,
    for_room: Patience,
    at_latch: Patience,
}

impl Queue {
    /// One that holds at most so many items.
    ///
    /// # Errors
    ///
    /// What the system says: no descriptor or no memory is left.
    pub fn new(most: u32) -> io::Result<Self> {
        Ok(Self::of(Memory::new(SIZE)?, most))
    }

    /// The queue that another process made, by its descriptor.
    ///
    /// # Errors
    ///
    /// `InvalidData` if it is none; or what the system says.
    pub fn from_fd(file: OwnedFd, most: u32) -> io::Result<Self> {
        let memory = Memory::from_fd(file)?;
        if memory.len() < SIZE {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "the memory is too small for a queue's"));
        }
        Ok(Self::of(memory, most))
    }

    fn of(memory: Memory, most: u32) -> Self {
        let [for_items, for_room, at_latch] = [(); 3].map(|()| Patience::new());
        Self { memory, bell: None, most, for_items, for_room, at_latch }
    }

    /// How many items it holds at most.
    pub fn most(&self) -> u32 {
        self.most
    }

    /// How many items have been put and not been taken, those that are not in the ring yet included.
    pub fn len(&self) -> usize {
        self.n_in_ring() as usize + self.n_promised() as usize
    }

    /// Whether nothing is there to be taken.
    pub fn is_empty(&self) -> bool {
        let head = self.head();
        Moved::of(head.putting.0.moved.load(SeqCst)).units
            == Moved::of(head.getting.0.moved.load(SeqCst)).units
    }

    /// Whether it holds as many items as it may.
    pub fn is_full(&self) -> bool {
        self.len() >= self.most as usize
    }

    /// One more task.
    pub fn begin_task(&self) {
        // Relaxed: the item comes after it, by a release.
        self.head().tasks.0.unfinished.fetch_add(1, Relaxed);
    }

    /// One task less; false if there is none.
    pub fn task_done(&self) -> bool {
        let tasks = &self.head().tasks.0;
        // Release: pairs with the acquire in `join`, which so sees what was done.
        let before = tasks.unfinished.fetch_update(AcqRel, Relaxed, |n| n.checked_sub(1));
        if before == Ok(1) {
            tasks.n_idle.fetch_add(1, SeqCst);
            wait::wake(&tasks.n_idle, u32::MAX);
        }
        before.is_ok()
    }

    /// How often all tasks have been done: for [`Queue::join`].
    pub fn n_idle(&self) -> u32 {
        self.head().tasks.0.n_idle.load(SeqCst)
    }

    /// Waits until no task is left, or none has been since `n_idle`.
    ///
    /// # Errors
    ///
    /// As [`WaitResult`] says; interrupted now and then without a signal.
    pub fn join(&self, n_idle: u32, deadline: Deadline) -> Result<(), WaitResult> {
        let tasks = &self.head().tasks.0;
        let is_over = || tasks.unfinished.load(Acquire) == 0 || tasks.n_idle.load(SeqCst) != n_idle;
        let attempt = || if is_over() { Ok(()) } else { Err(Pause::While(n_idle)) };
        wait::until(Futex::of(&tasks.n_idle), &self.for_room, deadline, is_over, attempt, || None)
    }

    fn head(&self) -> &Head {
        let head: *const Head = self.memory.as_ptr().cast();
        // SAFETY: the memory is large enough, by the constructors, aligned to a page, and there for as long as `self`; the head consists of atomics: any bytes are one.
        unsafe { &*head }
    }

    fn ring(&self) -> Ring<'_> {
        // SAFETY: the memory has so many bytes, by the constructors.
        let at = unsafe { self.memory.as_ptr().add(size_of::<Head>()) };
        // SAFETY: `CAPACITY` bytes follow, aligned as the head is, for as long as `self`.
        unsafe { Ring::at(at) }
    }
}

// SAFETY: it refers to shared memory, whose words are atomics, and whose bytes are reached by who has the latches.
unsafe impl Send for Queue {}
// SAFETY: as for `Send`.
unsafe impl Sync for Queue {}

impl AsFd for Queue {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.memory.as_fd()
    }
}

const _: () = assert!(size_of::<Head>().is_multiple_of(64));
