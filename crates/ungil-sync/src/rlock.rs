//! [`RLock`]: mutual exclusion that its holder may enter again.

use std::error::Error;
use std::fmt;

use crate::park::{Deadline, WaitResult};
use crate::permits::Permits;
use crate::prim::{AtomicU64, Ordering};
use crate::statistics::Statistics;
use crate::thread::{ThreadId, current_thread};
use crate::wait_graph::Held;
use crate::waiters::Ticket;

/// A lock that its owner may acquire again, and must release as often: `threading.RLock`.
///
/// What a thread did before it released the lock is seen by the thread that acquires it next. A thread is known by its
/// [`ThreadId`], so the lock of a thread that ended while it held it may pass to one that began later.
///
/// ```
/// use ungil_sync::RLock;
///
/// let lock = RLock::new();
/// assert!(lock.try_acquire() && lock.try_acquire());
/// lock.release().unwrap();
/// assert!(lock.is_owned());
/// lock.release().unwrap();
/// assert!(lock.release().is_err());
/// ```
#[derive(Debug)]
pub struct RLock {
    permits: Permits,
    /// The thread that holds it, or 0. Relaxed: a thread that reads its own number wrote it itself, and any other number only
    /// says "not mine"; what the lock guards is ordered by the permits.
    owner: AtomicU64,
    /// How often the owner has acquired it. Relaxed: written by the owner alone.
    depth: AtomicU64,
}

/// A lock was released by a thread that does not own it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotOwned;

/// How often a released lock had been acquired, to be restored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Saved {
    /// How often.
    pub depth: u64,
    /// By whom.
    pub owner: Option<ThreadId>,
}

impl RLock {
    /// A lock that nobody holds.
    #[cfg(not(ungil_loom))]
    pub const fn new() -> Self {
        Self { permits: Permits::new(1), owner: AtomicU64::new(0), depth: AtomicU64::new(0) }
    }

    /// A lock that nobody holds.
    #[cfg(ungil_loom)]
    pub fn new() -> Self {
        Self { permits: Permits::new(1), owner: AtomicU64::new(0), depth: AtomicU64::new(0) }
    }

    /// Acquires the lock if nobody else holds it.
    #[inline]
    pub fn try_acquire(&self) -> bool {
        let me = current_thread();
        self.enter_again(me) || (self.permits.try_acquire() && self.own(me, 1))
    }

    /// Acquires the lock, waiting until the deadline for whoever else holds it.
    #[inline]
    pub fn acquire(&self, deadline: Deadline) -> WaitResult {
        self.acquire_with(&mut Ticket::default(), deadline)
    }

    /// As [`RLock::acquire`], for a wait that goes on after it was interrupted: with the ticket of before.
    #[inline]
    pub fn acquire_with(&self, ticket: &mut Ticket, deadline: Deadline) -> WaitResult {
        let me = current_thread();
        if self.enter_again(me) {
            return WaitResult::Ready;
        }
        let result = self.permits.acquire_with(ticket, deadline);
        if result == WaitResult::Ready {
            self.own(me, 1);
        }
        result
    }

    /// Whether this thread holds the lock, and does so once more now.
    #[inline]
    fn enter_again(&self, me: ThreadId) -> bool {
        let is_mine = self.owner.load(Ordering::Relaxed) == me.get();
        if is_mine {
            self.depth.store(self.depth() + 1, Ordering::Relaxed);
        }
        is_mine
    }

    #[inline]
    fn own(&self, me: ThreadId, depth: u64) -> bool {
        self.owner.store(me.get(), Ordering::Relaxed);
        self.depth.store(depth, Ordering::Relaxed);
        true
    }

    /// Releases the lock once.
    ///
    /// # Errors
    ///
    /// When this thread does not hold it.
    #[inline]
    pub fn release(&self) -> Result<(), NotOwned> {
        if !self.is_owned() {
            return Err(NotOwned);
        }
        let depth = self.depth();
        if depth > 1 {
            self.depth.store(depth - 1, Ordering::Relaxed);
            return Ok(());
        }
        self.let_go()
    }

    /// Releases the lock as often as it was acquired; [`RLock::restore`] undoes that.
    ///
    /// # Errors
    ///
    /// When this thread does not hold it.
    pub fn save(&self) -> Result<Saved, NotOwned> {
        if !self.is_owned() {
            return Err(NotOwned);
        }
        let saved = Saved { depth: self.depth(), owner: self.holder() };
        self.let_go()?;
        Ok(saved)
    }

    #[inline]
    fn let_go(&self) -> Result<(), NotOwned> {
        self.depth.store(0, Ordering::Relaxed);
        self.owner.store(0, Ordering::Relaxed);
        self.permits.release(1, 1).map_err(|_| NotOwned)
    }

    /// Acquires the lock as often as `saved` says, waiting for it until the deadline.
    pub fn restore(&self, saved: Saved, deadline: Deadline) -> WaitResult {
        self.restore_with(saved, &mut Ticket::default(), deadline)
    }

    /// As [`RLock::restore`], for a wait that goes on after it was interrupted: with the ticket of before.
    pub fn restore_with(&self, saved: Saved, ticket: &mut Ticket, deadline: Deadline) -> WaitResult {
        let result = self.permits.acquire_with(ticket, deadline);
        if result == WaitResult::Ready {
            self.own(saved.owner.unwrap_or_else(current_thread), saved.depth);
        }
        result
    }

    /// As [`RLock::restore`], if nobody holds it.
    pub fn try_restore(&self, saved: Saved) -> bool {
        self.permits.try_acquire() && self.own(saved.owner.unwrap_or_else(current_thread), saved.depth)
    }

    /// Whether somebody holds it.
    #[inline]
    pub fn is_locked(&self) -> bool {
        self.permits.free() == 0
    }

    /// Whether this thread holds it.
    #[inline]
    pub fn is_owned(&self) -> bool {
        self.owner.load(Ordering::Relaxed) == current_thread().get()
    }

    /// How often its owner has acquired it; 0 if nobody holds it.
    #[inline]
    pub fn depth(&self) -> u64 {
        self.depth.load(Ordering::Relaxed)
    }

    /// Makes the lock one that nobody holds or waits for: for a forked child, which knows that nobody uses it.
    pub fn reset_after_fork(&self) {
        self.owner.store(0, Ordering::Relaxed);
        self.depth.store(0, Ordering::Relaxed);
        self.permits.reset(1);
    }

    /// Who holds it, and who waits.
    pub fn statistics(&self) -> Statistics {
        self.permits.waits.with(self.holder(), self.permits.n_waiters())
    }
}

impl Held for RLock {
    fn holder(&self) -> Option<ThreadId> {
        ThreadId::new(self.owner.load(Ordering::Relaxed))
    }
}

impl Default for RLock {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Display for NotOwned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("cannot release un-acquired lock")
    }
}

impl Error for NotOwned {}
