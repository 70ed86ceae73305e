//! [`Semaphore`] and [`BoundedSemaphore`]: a number of permits.

use std::error::Error;
use std::fmt;

use crate::park::{Deadline, WaitResult};
use crate::permits::Permits;
use crate::statistics::Statistics;
use crate::waiters::Ticket;

/// The most permits that the word of [`Permits`] holds.
const MOST: u64 = u64::MAX >> 1;

/// So many threads may hold it at once; more may be released than were acquired: `threading.Semaphore`.
///
/// What a thread did before it gave a permit back is seen by the thread that takes that permit.
///
/// ```
/// use ungil_sync::{Semaphore, WaitResult};
///
/// let semaphore = Semaphore::new(2);
/// assert!(semaphore.try_acquire() && semaphore.try_acquire());
/// assert!(!semaphore.try_acquire());
/// semaphore.release(2).unwrap();
/// assert_eq!(semaphore.acquire(None), WaitResult::Ready);
/// assert_eq!(semaphore.value(), 1);
/// ```
#[derive(Debug)]
pub struct Semaphore {
    permits: Permits,
}

/// A semaphore that cannot be released more often than it was acquired: `threading.BoundedSemaphore`.
///
/// ```
/// use ungil_sync::{BoundedSemaphore, ReleasedTooOften};
///
/// let semaphore = BoundedSemaphore::new(1);
/// assert!(semaphore.try_acquire());
/// assert_eq!(semaphore.release(1), Ok(()));
/// assert_eq!(semaphore.release(1), Err(ReleasedTooOften));
/// ```
#[derive(Debug)]
pub struct BoundedSemaphore {
    permits: Permits,
    initial: u64,
}

/// A bounded semaphore was released more often than it was acquired.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReleasedTooOften;

impl Semaphore {
    /// A semaphore with `value` permits, of which there may be 2**63 - 1.
    pub fn new(value: u64) -> Self {
        Self { permits: Permits::new(value.min(MOST)) }
    }

    /// Takes a permit if one is free.
    #[inline]
    pub fn try_acquire(&self) -> bool {
        self.permits.try_acquire()
    }

    /// Takes a permit, waiting for one until the deadline.
    #[inline]
    pub fn acquire(&self, deadline: Deadline) -> WaitResult {
        self.acquire_with(&mut Ticket::default(), deadline)
    }

    /// As [`Semaphore::acquire`], for a wait that goes on after it was interrupted: with the ticket of before.
    #[inline]
    pub fn acquire_with(&self, ticket: &mut Ticket, deadline: Deadline) -> WaitResult {
        self.permits.acquire_with(ticket, deadline)
    }

    /// Gives `n` permits back.
    ///
    /// # Errors
    ///
    /// When more would be free than can be counted.
    #[inline]
    pub fn release(&self, n: u64) -> Result<(), ReleasedTooOften> {
        self.permits.release(n, MOST).map_err(|_| ReleasedTooOften)
    }

    /// Gives `n` permits back if no more than `most` are free then.
    ///
    /// # Errors
    ///
    /// When more would be; then none is given back.
    #[inline]
    pub fn release_within(&self, n: u64, most: u64) -> Result<(), ReleasedTooOften> {
        self.permits.release(n, most.min(MOST)).map_err(|_| ReleasedTooOften)
    }

    /// How many permits are free.
    #[inline]
    pub fn value(&self) -> u64 {
        self.permits.free()
    }

    /// Forgets who waits, and sets the number of permits: for a forked child, which knows that nobody uses it.
    pub fn reset_after_fork(&self, value: u64) {
        self.permits.reset(value.min(MOST));
    }

    /// Who waits; a semaphore has no holder.
    pub fn statistics(&self) -> Statistics {
        self.permits.waits.with(None, self.permits.n_waiters())
    }
}

impl BoundedSemaphore {
    /// A semaphore with `value` permits, and never more, of which there may be 2**63 - 1.
    pub fn new(value: u64) -> Self {
        let initial = value.min(MOST);
        Self { permits: Permits::new(initial), initial }
    }

    /// Takes a permit if one is free.
    #[inline]
    pub fn try_acquire(&self) -> bool {
        self.permits.try_acquire()
    }

    /// Takes a permit, waiting for one until the deadline.
    #[inline]
    pub fn acquire(&self, deadline: Deadline) -> WaitResult {
        self.acquire_with(&mut Ticket::default(), deadline)
    }

    /// As [`BoundedSemaphore::acquire`], for a wait that goes on after it was interrupted: with the ticket of before.
    #[inline]
    pub fn acquire_with(&self, ticket: &mut Ticket, deadline: Deadline) -> WaitResult {
        self.permits.acquire_with(ticket, deadline)
    }

    /// Gives `n` permits back.
    ///
    /// # Errors
    ///
    /// When more would be free than there were at first; then none is given back.
    #[inline]
    pub fn release(&self, n: u64) -> Result<(), ReleasedTooOften> {
        self.permits.release(n, self.initial).map_err(|_| ReleasedTooOften)
    }

    /// How many permits are free.
    #[inline]
    pub fn value(&self) -> u64 {
        self.permits.free()
    }

    /// How many permits there were at first.
    pub fn initial(&self) -> u64 {
        self.initial
    }

    /// Forgets who waits, and sets the number of permits: for a forked child, which knows that nobody uses it.
    pub fn reset_after_fork(&self, value: u64) {
        self.permits.reset(value.min(self.initial));
    }

    /// Who waits; a semaphore has no holder.
    pub fn statistics(&self) -> Statistics {
        self.permits.waits.with(None, self.permits.n_waiters())
    }
}

impl fmt::Display for ReleasedTooOften {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Semaphore released too many times")
    }
}

impl Error for ReleasedTooOften {}
