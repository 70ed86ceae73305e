//! [`Patience`]: whether a waiter looks for its signal for a while before it sleeps.
//!
//! Where the other thread runs on another core and answers at once, looking takes a hundredth of what it takes to sleep and be
//! woken. Where it needs this core, or takes its time, looking is in vain. A primitive learns which it is from its last waits; a look that was
//! ended by the other thread's coming to this core was in vain, though it may have found something.
//!
//! The thread that signals come to does not look, since a handler that runs meanwhile would not interrupt the sleep that follows; but if its caller is
//! ready to look after signals now and then ([`Patience::park_and_check`]).

use std::cell::Cell;
use std::mem;
use std::time::{Duration, Instant};

use crate::park::{Deadline, WaitResult, must_not_miss_signals};
use crate::prim::{AtomicU32, Ordering, spin_loop};
use crate::waiters::{Signal, Waiter};

/// How long a waiter looks. Longer than it takes to wake the other thread should that one sleep, or two threads that both have
/// fallen asleep would never find that they could do without. Measured: 40 to 90 us on a virtual machine whose cores are idle.
const LOOK_FOR: Duration = Duration::from_micros(200);

/// What passes between two tries when another thread has had the core meanwhile, as it does where threads are more than cores. Maybe it was the one that
/// was waited for, which was held up by the look. A try takes a tenth of a microsecond.
const DISPLACED: Duration = Duration::from_micros(20);

/// After one wait that looked in vain, one goes to sleep at once; after two in a row, two; and so on, twice as many each time, up
/// to this many.
const MOST_SKIPPED: u32 = 64;

/// How long the thread that signals come to sleeps after a look that was in vain, before it looks after signals: less than a person notices.
const CHECK_AFTER: Duration = Duration::from_millis(20);

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

    /// As [`Patience::park`], but the thread that signals come to looks too. If that was in vain, its wait ends as interrupted after a moment: a handler may
    /// have run meanwhile, which did not interrupt the sleep.
    ///
    /// # Errors
    ///
    /// As [`Waiter::park`]; [`WaitResult::Interrupted`] also if nothing has arrived.
    pub fn park_and_check<T>(&self, waiter: &Waiter<T>, deadline: Deadline) -> Result<Signal, WaitResult> {
        if !must_not_miss_signals() {
            return self.park(waiter, deadline);
        }
        let looked = self.try_look(LOOK_FOR, || waiter.signal(), deadline);
        STAYED_AWAKE.set(matches!(looked, Looked::Found(_)));
        match looked {
            Looked::Found(signal) => Ok(signal),
            Looked::NotAtAll => waiter.park(deadline),
            Looked::InVain => {
                let soon = Instant::now() + CHECK_AFTER;
                match waiter.park(Some(deadline.map_or(soon, |at| at.min(soon)))) {
                    Err(WaitResult::TimedOut) if deadline.is_none_or(|at| at > soon) => {
                        Err(WaitResult::Interrupted)
                    }
                    ended => ended,
                }
            }
        }
    }

    /// What `find` finds within a while, if looking has paid lately and the deadline does not come before.
    pub(crate) fn look<T>(&self, find: impl Fn() -> Option<T>, deadline: Deadline) -> Option<T> {
        self.look_for(LOOK_FOR, find, deadline)
    }

    /// The same within `most`.
    pub fn look_for<T>(&self, most: Duration, find: impl Fn() -> Option<T>, deadline: Deadline) -> Option<T> {
        if must_not_miss_signals() {
            return None;
        }
        match self.try_look(most, find, deadline) {
            Looked::Found(found) => Some(found),
            Looked::NotAtAll | Looked::InVain => None,
        }
    }

    /// The same on any thread, for one that sleeps in a way of its own. The thread that signals come to may have missed one by a look that was in vain: it
    /// sleeps no longer than that says, and looks after signals.
    ///
    /// # Errors
    ///
    /// Until when to sleep, where the look has found nothing.
    pub fn look_before_sleep<T>(
        &self,
        most: Duration,
        find: impl Fn() -> Option<T>,
        deadline: Deadline,
    ) -> Result<T, Deadline> {
        match self.try_look(most, find, deadline) {
            Looked::Found(found) => Ok(found),
            Looked::InVain if must_not_miss_signals() => {
                let soon = Instant::now() + CHECK_AFTER;
                Err(Some(deadline.map_or(soon, |at| at.min(soon))))
            }
            Looked::NotAtAll | Looked::InVain => Err(deadline),
        }
    }

    fn try_look<T>(&self, most: Duration, find: impl Fn() -> Option<T>, deadline: Deadline) -> Looked<T> {
        let to_skip = self.to_skip.load(Ordering::Relaxed);
        if to_skip > 0 {
            self.to_skip.store(to_skip - 1, Ordering::Relaxed);
            return Looked::NotAtAll;
        }
        let mut now = Instant::now();
        let end = now + most;
        if deadline.is_some_and(|at| at < end) {
            return Looked::NotAtAll;
        }
        let (mut found, mut was_displaced) = (None, false);
        while found.is_none() && !was_displaced && now < end {
            spin_loop();
            found = find();
            let before = mem::replace(&mut now, Instant::now());
            was_displaced = now - before > DISPLACED;
        }
        self.learn(found.is_some() && !was_displaced);
        found.map_or(Looked::InVain, Looked::Found)
    }

    /// Takes note of whether a look has paid.
    fn learn(&self, has_paid: bool) {
        let skipped =
            if has_paid { 0 } else { (self.skipped.load(Ordering::Relaxed) * 2).clamp(1, MOST_SKIPPED) };
        self.skipped.store(skipped, Ordering::Relaxed);
        self.to_skip.store(skipped, Ordering::Relaxed);
    }
}

/// What came of a look.
enum Looked<T> {
    NotAtAll,
    InVain,
    Found(T),
}

impl Default for Patience {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(all(test, not(ungil_loom)))]
mod tests {
    use std::cell::Cell;

    use super::*;

    /// How often a wait looks, if it finds something at a certain try.
    fn n_looks(patience: &Patience, finds_at: u32) -> u32 {
        let n_looks = Cell::new(0);
        let find = || {
            n_looks.set(n_looks.get() + 1);
            (n_looks.get() == finds_at).then_some(())
        };
        patience.look(find, None);
        n_looks.get()
    }

    #[test]
    fn a_wait_that_looked_in_vain_has_the_next_ones_sleep() {
        let patience = Patience::new();
        for skipped in [1, 2, 4, 8, 16, 32, 64, 64] {
            assert!(n_looks(&patience, u32::MAX) > 0);
            for _ in 0..skipped {
                assert_eq!(n_looks(&patience, 1), 0);
            }
        }
        assert_eq!(n_looks(&patience, 1), 1, "and one that finds something");
        assert_eq!(n_looks(&patience, 1), 1, "has the next look");
    }

    #[test]
    fn who_has_no_time_does_not_look() {
        let patience = Patience::new();
        assert_eq!(patience.look(|| Some(()), Some(Instant::now())), None);
    }

    #[test]
    fn it_is_asked_once_whether_the_last_wait_slept() {
        let waiter = Waiter::<()>::new();
        let mut queue = crate::waiters::WaitQueue::new();
        queue.push_back(&waiter);
        crate::waiters::wake_all(queue.signal(1, Signal::GRANTED));
        assert_eq!(Patience::new().park(&waiter, None), Ok(Signal::GRANTED));
        assert_eq!((stayed_awake(), stayed_awake()), (true, false));
    }
}
