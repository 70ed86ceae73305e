//! [`Lock`]: mutual exclusion that any thread may end.

use std::error::Error;
use std::fmt;

use crate::park::{Deadline, WaitResult};
use crate::permits::Permits;
use crate::prim::{AtomicU64, Ordering};
use crate::statistics::Statistics;
use crate::thread::{ThreadId, current_thread};
use crate::wait_graph::Held;
use crate::waiters::Ticket;

/// A lock that is not re-entrant, guards no data, and may be released by any thread: `threading.Lock`.
///
/// What a thread did before it released the lock is seen by the thread that acquires it next.
#[derive(Debug)]
pub struct Lock {
    permits: Permits,
    /// The thread that acquired the lock, 0 when nobody holds it. Written by who has just acquired or is about to release;
    /// relaxed, since it is read to be shown, and by the wait graph, which confirms what it sees.
    holder: AtomicU64,
}

/// A lock was released that nobody holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotLocked;

impl Lock {
    /// A lock that nobody holds.
    #[cfg(not(ungil_loom))]
    pub const fn new() -> Self {
        Self { permits: Permits::new(1), holder: AtomicU64::new(0) }
    }

    /// A lock that nobody holds.
    #[cfg(ungil_loom)]
    pub fn new() -> Self {
        Self { permits: Permits::new(1), holder: AtomicU64::new(0) }
    }

    /// Acquires the lock if nobody holds it.
    #[inline]
    pub fn try_acquire(&self) -> bool {
        let is_acquired = self.permits.try_acquire();
        if is_acquired {
            self.set_holder();
        }
        is_acquired
    }

    /// Acquires the lock, waiting for it until the deadline.
    #[inline]
    pub fn acquire(&self, deadline: Deadline) -> WaitResult {
        self.acquire_with(&mut Ticket::default(), deadline)
    }

    /// As [`Lock::acquire`], for a wait that goes on after it was interrupted: with the ticket of before.
    #[inline]
    pub fn acquire_with(&self, ticket: &mut Ticket, deadline: Deadline) -> WaitResult {
        let result = self.permits.acquire_with(ticket, deadline);
        if result == WaitResult::Ready {
            self.set_holder();
        }
        result
    }

    #[inline]
    fn set_holder(&self) {
        self.holder.store(current_thread().get(), Ordering::Relaxed);
    }

    /// Releases the lock, whoever holds it.
    ///
    /// # Errors
    ///
    /// When nobody holds it.
    #[inline]
    pub fn release(&self) -> Result<(), NotLocked> {
        // If nobody holds it, it is 0 already.
        self.holder.store(0, Ordering::Relaxed);
        self.permits.release(1, 1).map_err(|_| NotLocked)
    }

    /// Whether somebody holds it.
    #[inline]
    pub fn is_locked(&self) -> bool {
        self.permits.free() == 0
    }

    /// Makes the lock one that nobody holds or waits for: for a forked child, which knows that nobody uses it.
    pub fn reset_after_fork(&self) {
        self.holder.store(0, Ordering::Relaxed);
        self.permits.reset(1);
    }

    /// Who holds it, and who waits.
    pub fn statistics(&self) -> Statistics {
        self.permits.waits.with(self.holder(), self.permits.n_waiters())
    }
}

impl Held for Lock {
    fn holder(&self) -> Option<ThreadId> {
        ThreadId::new(self.holder.load(Ordering::Relaxed))
    }
}

impl Default for Lock {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Display for NotLocked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("release unlocked lock")
    }
}

impl Error for NotLocked {}
