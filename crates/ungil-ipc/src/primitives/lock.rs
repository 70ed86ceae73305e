//! [`Lock`] and [`RLock`]: one process has it at a time, and within that one thread.
//!
//! In shared memory there is one word, which says which process has it. Which thread that is, and how often, concerns nobody else: each process
//! keeps that for itself, beside the word's place.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use ungil_sync::patience::Patience;
use ungil_sync::{Deadline, WaitResult, current_thread};

use super::latch::Latch;
use super::segment::{Segment, Slot, Words};
use super::{Dead, Who};

// SAFETY: one atomic.
unsafe impl Words for Latch {}

/// A lock that one process, and within that one thread, holds at a time, and that anybody may release.
///
/// ```
/// use ungil_ipc::primitives::Lock;
///
/// let lock = Lock::new()?;
/// assert!(lock.try_acquire() && !lock.try_acquire());
/// assert!(lock.release() && !lock.release());
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct Lock {
    slot: Slot<Latch>,
    patience: Patience,
    /// Which thread of this process holds it, if a process does and that is this one; 0 after a release. Relaxed: a thread that reads its own number wrote it
    /// last, and nobody has released the lock since in this process.
    thread: AtomicU64,
}

impl Lock {
    /// A lock that nobody holds.
    ///
    /// # Errors
    ///
    /// What the system says: no descriptor or no memory is left.
    pub fn new() -> io::Result<Self> {
        Ok(Self::of(Slot::new(0)?))
    }

    /// The lock that another process has told of, with [`Lock::place`].
    ///
    /// # Errors
    ///
    /// `InvalidData` if it is not within the segment.
    pub fn at(segment: Arc<Segment>, offset: usize) -> io::Result<Self> {
        Ok(Self::of(Slot::at(segment, offset, 0)?))
    }

    fn of(slot: Slot<Latch>) -> Self {
        Self { slot, patience: Patience::new(), thread: AtomicU64::new(0) }
    }

    /// Where it is, for another process.
    pub fn place(&self) -> (&Arc<Segment>, usize) {
        self.slot.place()
    }

    /// Acquires it if nobody holds it.
    #[inline]
    pub fn try_acquire(&self) -> bool {
        let is_acquired = self.slot.head().try_acquire();
        if is_acquired {
            self.note_thread();
        }
        is_acquired
    }

    /// The same, or if a process holds it that died.
    pub fn try_acquire_from_the_dead(&self) -> Option<Dead> {
        let dead = self.slot.head().take_from_the_dead(Who::has_been_dead)?;
        self.note_thread();
        Some(dead)
    }

    /// Acquires it, waiting until the deadline; and tells if its holder died.
    ///
    /// # Errors
    ///
    /// As [`WaitResult`] says; interrupted now and then without a signal.
    pub fn acquire(&self, deadline: Deadline) -> Result<Option<Dead>, WaitResult> {
        let dead = self.slot.head().acquire(&self.patience, deadline)?;
        self.note_thread();
        Ok(dead)
    }

    /// Releases it, whoever holds it; false if nobody does.
    #[inline]
    pub fn release(&self) -> bool {
        self.thread.store(0, Ordering::Relaxed);
        self.slot.head().release()
    }

    /// Which process holds it.
    pub fn holder(&self) -> Option<Who> {
        self.slot.head().holder()
    }

    /// Whether this thread acquired it, and nobody since.
    #[inline]
    pub fn is_mine(&self) -> bool {
        self.thread.load(Ordering::Relaxed) == current_thread().get() && self.holder() == Some(Who::me())
    }

    #[inline]
    fn note_thread(&self) {
        self.thread.store(current_thread().get(), Ordering::Relaxed);
    }
}

/// A lock that its holder, a thread of a process, may acquire again, and releases as often.
///
/// ```
/// use ungil_ipc::primitives::RLock;
///
/// let lock = RLock::new()?;
/// assert!(lock.try_acquire() && lock.try_acquire());
/// assert_eq!(lock.count(), 2);
/// assert!(lock.release() && lock.release() && !lock.release());
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct RLock {
    lock: Lock,
    /// How often its holder has acquired it; of meaning if that is a thread of this process, which alone writes it. Relaxed, as `thread`.
    count: AtomicU32,
}

impl RLock {
    /// A lock that nobody holds.
    ///
    /// # Errors
    ///
    /// As [`Lock::new`].
    pub fn new() -> io::Result<Self> {
        Ok(Self { lock: Lock::new()?, count: AtomicU32::new(0) })
    }

    /// The lock that another process has told of, with [`RLock::place`].
    ///
    /// # Errors
    ///
    /// As [`Lock::at`].
    pub fn at(segment: Arc<Segment>, offset: usize) -> io::Result<Self> {
        Ok(Self { lock: Lock::at(segment, offset)?, count: AtomicU32::new(0) })
    }

    /// Where it is, for another process.
    pub fn place(&self) -> (&Arc<Segment>, usize) {
        self.lock.place()
    }

    /// Acquires it if nobody else holds it.
    #[inline]
    pub fn try_acquire(&self) -> bool {
        if self.lock.is_mine() {
            let count = self.count.load(Ordering::Relaxed);
            // More often than can be counted: as if somebody else held it.
            return count
                .checked_add(1)
                .inspect(|count| self.count.store(*count, Ordering::Relaxed))
                .is_some();
        }
        let is_acquired = self.lock.try_acquire();
        if is_acquired {
            self.count.store(1, Ordering::Relaxed);
        }
        is_acquired
    }

    /// The same, if a process holds it that died.
    pub fn try_acquire_from_the_dead(&self) -> Option<Dead> {
        let dead = self.lock.try_acquire_from_the_dead()?;
        self.count.store(1, Ordering::Relaxed);
        Some(dead)
    }

    /// Acquires it, waiting until the deadline; and tells if its holder died.
    ///
    /// # Errors
    ///
    /// As [`Lock::acquire`].
    pub fn acquire(&self, deadline: Deadline) -> Result<Option<Dead>, WaitResult> {
        if self.lock.is_mine() && self.try_acquire() {
            return Ok(None);
        }
        let dead = self.lock.acquire(deadline)?;
        self.count.store(1, Ordering::Relaxed);
        Ok(dead)
    }

    /// Gives back one acquisition; false if this thread does not hold it.
    #[inline]
    pub fn release(&self) -> bool {
        match self.count() {
            0 => false,
            1 => {
                self.count.store(0, Ordering::Relaxed);
                self.lock.release()
            }
            count => {
                self.count.store(count - 1, Ordering::Relaxed);
                true
            }
        }
    }

    /// Which process holds it.
    pub fn holder(&self) -> Option<Who> {
        self.lock.holder()
    }

    /// How often this thread holds it.
    #[inline]
    pub fn count(&self) -> u32 {
        if self.lock.is_mine() { self.count.load(Ordering::Relaxed) } else { 0 }
    }

    /// How often a thread of this process holds it, whichever that is.
    pub fn count_of_process(&self) -> u32 {
        if self.holder() == Some(Who::me()) { self.count.load(Ordering::Relaxed) } else { 0 }
    }
}
