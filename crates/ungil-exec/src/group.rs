//! [`Group`]: a wait for several futures at once.

use std::collections::VecDeque;
use std::mem;

use ungil_sync::patience::Patience;
use ungil_sync::waiters::{Signal, Ticket, WaitQueue, Waiter, wake_all};
use ungil_sync::{AfterFork, Deadline, Gate, WaitResult};

/// How a future ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Ending {
    /// With a result.
    Returned,
    /// With a failure.
    Raised,
    /// It was cancelled, and its worker knows.
    Cancelled,
}

/// Collects which of several futures have ended, and lets a thread wait for enough of them.
///
/// Futures are known by numbers, which whoever watches them chooses ([`crate::completion::Completion::watch`]).
#[derive(Debug)]
pub struct Group {
    inside: Gate<Inside>,
    patience: Patience,
}

#[derive(Debug)]
struct Inside {
    /// Those that have ended and have not been taken, in the order of their ends.
    ended: VecDeque<usize>,
    /// How many a thread waits for.
    needed: usize,
    /// Whether one that has failed is enough.
    stops_at_failure: bool,
    /// Whether one has.
    has_failed: bool,
    waiters: WaitQueue,
}

impl Group {
    /// A group that is told of nothing yet.
    pub fn new() -> Self {
        Self {
            inside: Gate::new(Inside {
                ended: VecDeque::new(),
                needed: 1,
                stops_at_failure: false,
                has_failed: false,
                waiters: WaitQueue::new(),
            }),
            patience: Patience::new(),
        }
    }

    /// The future of that number has ended.
    pub fn report(&self, index: usize, ending: Ending) {
        let mut inside = self.inside.enter();
        inside.ended.push_back(index);
        inside.has_failed |= ending == Ending::Raised;
        if inside.is_enough() && !inside.waiters.is_empty() {
            let woken = inside.waiters.signal(usize::MAX, Signal::GRANTED);
            drop(inside);
            wake_all(woken);
        }
    }

    /// What to wait for: so many ends that have not been taken, or a failure if that is enough.
    pub fn need(&self, n_ended: usize, stops_at_failure: bool) {
        let mut inside = self.inside.enter();
        inside.needed = n_ended;
        inside.stops_at_failure = stops_at_failure;
    }

    /// Waits once for that, until the deadline; who waits again with the same ticket keeps its place.
    ///
    /// # Errors
    ///
    /// [`WaitResult::TimedOut`] or [`WaitResult::Interrupted`].
    pub fn wait(&self, ticket: &mut Ticket, deadline: Deadline) -> Result<(), WaitResult> {
        self.wait_by(ticket, |waiter| self.patience.park(waiter, deadline))
    }

    /// The same for a caller that looks after signals and waits again whenever it is interrupted: [`Patience::park_and_check`].
    ///
    /// # Errors
    ///
    /// [`WaitResult::TimedOut`] or [`WaitResult::Interrupted`].
    pub fn wait_and_check(&self, ticket: &mut Ticket, deadline: Deadline) -> Result<(), WaitResult> {
        self.wait_by(ticket, |waiter| self.patience.park_and_check(waiter, deadline))
    }

    fn wait_by(
        &self,
        ticket: &mut Ticket,
        park: impl FnOnce(&Waiter) -> Result<Signal, WaitResult>,
    ) -> Result<(), WaitResult> {
        let waiter = Waiter::new();
        {
            let mut inside = self.inside.enter();
            if inside.is_enough() {
                return Ok(());
            }
            inside.waiters.push(&waiter, ticket);
        }
        park(&waiter).map(drop).or_else(|ended| {
            let mut inside = self.inside.enter();
            if inside.is_enough() {
                return Ok(());
            }
            inside.waiters.remove(&waiter);
            Err(ended)
        })
    }

    /// Takes those that have ended.
    pub fn take(&self) -> VecDeque<usize> {
        mem::take(&mut self.inside.enter().ended)
    }
}

impl Inside {
    fn is_enough(&self) -> bool {
        self.ended.len() >= self.needed || self.stops_at_failure && self.has_failed
    }
}

impl AfterFork for Inside {
    fn after_fork(&mut self, is_torn: bool) {
        if is_torn {
            mem::forget(mem::take(&mut self.ended));
        }
        self.waiters.after_fork(is_torn);
    }
}

impl Default for Group {
    fn default() -> Self {
        Self::new()
    }
}
