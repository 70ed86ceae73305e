//! [`Patience`]: whether a waiter looks for its signal for a while before it sleeps.
//!
//! Where the other thread runs on another core and answers at once, looking takes a hundredth of what it takes to sleep and be
//! woken. Where it needs this core, or takes its time, looking is in vain. A primitive learns which it is from its last waits.
//!
//! The thread that signals come to never looks: a handler that runs meanwhile would not interrupt the sleep that follows.

use std::time::{Duration, Instant};

use crate::park::{Deadline, WaitResult, must_not_miss_signals};
use crate::prim::{AtomicU32, Ordering, spin_loop};
use crate::waiters::{Signal, Waiter};

/// How long a waiter looks. Longer than it takes to wake the other thread should that one sleep, or two threads that both have
/// fallen asleep would never find that they could do without. Measured: 40 us on a virtual machine whose cores are idle.
const LOOK_FOR: Duration = Duration::from_micros(60);

/// How many waits go to sleep at once after one that looked in vain, which makes those cost that much less. A guess.
const DISCOURAGED: u32 = 32;

/// What a primitive has learnt from its waits.
#[derive(Debug)]
pub(crate) struct Patience {
    /// How many waits are to go to sleep at once. Relaxed: it orders nothing, and may miscount.
    discouraged: AtomicU32,
}

impl Patience {
    pub(crate) fn new() -> Self {
        Self { discouraged: AtomicU32::new(0) }
    }

    /// As [`Waiter::park`], after a look if that promises something.
    pub(crate) fn park(&self, waiter: &Waiter, deadline: Deadline) -> Result<Signal, WaitResult> {
        self.look(|| waiter.signal(), deadline).map_or_else(|| waiter.park(deadline), Ok)
    }

    /// What `find` finds within a while, if it is asked at all.
    pub(crate) fn look<T>(&self, find: impl Fn() -> Option<T>, deadline: Deadline) -> Option<T> {
        if must_not_miss_signals() {
            return None;
        }
        let n_waits = self.discouraged.load(Ordering::Relaxed);
        if n_waits > 0 {
            self.discouraged.store(n_waits - 1, Ordering::Relaxed);
            return None;
        }
        let end = Instant::now() + LOOK_FOR;
        if deadline.is_some_and(|at| at < end) {
            return None;
        }
        while Instant::now() < end {
            spin_loop();
            if let Some(found) = find() {
                return Some(found);
            }
        }
        self.discouraged.store(DISCOURAGED, Ordering::Relaxed);
        None
    }
}
