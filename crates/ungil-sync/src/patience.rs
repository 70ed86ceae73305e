//! [`Patience`]: whether a waiter looks for its signal for a while before it sleeps.
//!
//! Where the other thread runs on another core and answers at once, looking takes a hundredth of what it takes to sleep and be
//! woken. Where it needs this core, or takes its time, looking is in vain. A primitive learns which it is from its last waits.
//!
//! The thread that signals come to never looks: a handler that runs meanwhile would not interrupt the sleep that follows.

use std::cell::Cell;
use std::time::{Duration, Instant};

use crate::park::{Deadline, WaitResult, must_not_miss_signals};
use crate::prim::{AtomicU32, Ordering, spin_loop};
use crate::waiters::{Signal, Waiter};

/// How long a waiter looks. Longer than it takes to wake the other thread should that one sleep, or two threads that both have
/// fallen asleep would never find that they could do without. Measured: 40 to 90 us on a virtual machine whose cores are idle.
const LOOK_FOR: Duration = Duration::from_micros(200);

/// After one wait that looked in vain, one goes to sleep at once; after two in a row, two; and so on, twice as many each time, up
/// to this many.
const MOST_SKIPPED: u32 = 64;

thread_local! {
    static STAYED_AWAKE: Cell<bool> = const { Cell::new(false) };
}

/// Whether this thread's last [`Patience::park`] ended before it slept, if nobody has asked since.
///
/// Then whoever ended it is at work at this moment, and what else it is about to give up is worth a look too.
pub fn stayed_awake() -> bool {
    STAYED_AWAKE.take()
}

/// What a primitive has learnt from its waits.
///
/// ```
/// use ungil_sync::patience::Patience;
/// use ungil_sync::waiters::{Signal, WaitQueue, Waiter, wake_all};
///
/// let (patience, waiter) = (Patience::new(), Waiter::<()>::new());
/// let mut queue = WaitQueue::new();
/// queue.push_back(&waiter);
/// wake_all(queue.signal(1, Signal::GRANTED));
/// assert_eq!(patience.park(&waiter, None), Ok(Signal::GRANTED));
/// ```
#[derive(Debug)]
pub struct Patience {
    /// How many waits are still to go to sleep at once. Relaxed, as the other: they order nothing, and may miscount.
    to_skip: AtomicU32,
    /// How many were to, after the last that looked in vain.
    skipped: AtomicU32,
}

impl Patience {
    /// That of a primitive that nobody has waited for.
    pub fn new() -> Self {
        Self { to_skip: AtomicU32::new(0), skipped: AtomicU32::new(0) }
    }

    /// As [`Waiter::park`], after a look if that promises something.
    ///
    /// # Errors
    ///
    /// As [`Waiter::park`].
    pub fn park<T>(&self, waiter: &Waiter<T>, deadline: Deadline) -> Result<Signal, WaitResult> {
        let found = self.look(|| waiter.signal(), deadline);
        STAYED_AWAKE.set(found.is_some());
        found.map_or_else(|| waiter.park(deadline), Ok)
    }

    /// What `find` finds within a while, if it is asked at all.
    pub(crate) fn look<T>(&self, find: impl Fn() -> Option<T>, deadline: Deadline) -> Option<T> {
        if must_not_miss_signals() {
            return None;
        }
        let to_skip = self.to_skip.load(Ordering::Relaxed);
        if to_skip > 0 {
            self.to_skip.store(to_skip - 1, Ordering::Relaxed);
            return None;
        }
        let end = Instant::now() + LOOK_FOR;
        if deadline.is_some_and(|at| at < end) {
            return None;
        }
        while Instant::now() < end {
            spin_loop();
            if let Some(found) = find() {
                self.skipped.store(0, Ordering::Relaxed);
                return Some(found);
            }
        }
        let skipped = (self.skipped.load(Ordering::Relaxed) * 2).clamp(1, MOST_SKIPPED);
        self.skipped.store(skipped, Ordering::Relaxed);
        self.to_skip.store(skipped, Ordering::Relaxed);
        None
    }
}

impl Default for Patience {
    fn default() -> Self {
        Self::new()
    }
}
