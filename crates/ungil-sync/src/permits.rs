//! [`Permits`]: a number of permits to be taken and given back; a lock has one, a semaphore some.
//!
//! One word holds the number and whether anybody waits. While nobody does, taking and giving back are one exchange of that
//! word. Invariant: [`WAITERS`] is set while the queue is not empty, and changed only inside the gate; so whoever gives a
//! permit back and does not see it may go, and whoever sees it finds the queue through the gate.
//!
//! A permit that is given back is free for all: a running thread may take it before the waiter that is woken for it comes,
//! which keeps a lock busy instead of idle for as long as a thread takes to wake. So that no waiter starves, a permit is handed
//! straight to the first of them when that has not been done for [`FAIR_EVERY`]: the *eventual fairness* of
//! A. d'Antras' `parking_lot`, itself after WebKit's `WTF::Lock` (F. Pizlo, "Locking in WebKit", 2016). A waiter that was
//! woken and came too late goes back to its place in the queue, and so does one that a signal has interrupted.

use std::mem;
use std::time::{Duration, Instant};

use crate::gate::{AfterFork, Gate};
use crate::park::{Deadline, WaitResult, must_not_miss_signals};
use crate::prim::{Arc, AtomicU64, Ordering, pause, spin_loop, yield_now};
use crate::statistics::Waits;
use crate::waiters::{Signal, Ticket, WaitQueue, Waiter, wake_all};

/// How long running threads may go before waiters; `parking_lot` draws from 0 to 1 ms, this is the middle.
const FAIR_EVERY: Duration = Duration::from_micros(500);

/// How often a thread looks again before it sleeps: first in growing distances, then each time letting another thread run, which
/// may be the one that will give back. Measured, contended on two free cores and on a busy one: with more of the first
/// it is twice as slow on the busy core, without the second on the free ones.
const LOOKS: (u32, u32) = (3, 4);

/// Set in the word while threads wait; the number of permits stands above it.
const WAITERS: u64 = 1;
const ONE: u64 = 2;

/// Permits to be taken one by one, and given back.
#[derive(Debug)]
pub(crate) struct Permits {
    /// The number of free permits times [`ONE`], and [`WAITERS`].
    state: AtomicU64,
    queue: Gate<Queue>,
    pub(crate) waits: Waits,
}

/// Who waits for a permit.
#[derive(Debug)]
struct Queue {
    waiters: WaitQueue,
    /// When a permit was last handed to a waiter, or the first wait began.
    last_fair: Option<Instant>,
}

impl AfterFork for Queue {
    fn after_fork(&mut self, is_torn: bool) {
        self.waiters.after_fork(is_torn);
        self.last_fair = None;
    }
}

/// More permits were given back than there may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TooMany;

impl Permits {
    /// So many free permits.
    #[cfg(not(ungil_loom))]
    pub(crate) const fn new(n: u64) -> Self {
        let queue = Queue { waiters: WaitQueue::new(), last_fair: None };
        Self { state: AtomicU64::new(n * ONE), queue: Gate::new(queue), waits: Waits::new() }
    }

    #[cfg(ungil_loom)]
    pub(crate) fn new(n: u64) -> Self {
        let queue = Queue { waiters: WaitQueue::new(), last_fair: None };
        Self { state: AtomicU64::new(n * ONE), queue: Gate::new(queue), waits: Waits::new() }
    }

    /// How many are free.
    #[inline]
    pub(crate) fn free(&self) -> u64 {
        // Relaxed: the number is old news as soon as it is read.
        self.state.load(Ordering::Relaxed) / ONE
    }

    /// How many threads wait.
    pub(crate) fn n_waiters(&self) -> usize {
        self.queue.enter().waiters.len()
    }

    /// Takes one if one is free.
    #[inline]
    pub(crate) fn try_acquire(&self) -> bool {
        // Relaxed: the exchange decides.
        let mut state = self.state.load(Ordering::Relaxed);
        while state >= ONE {
            // Acquire: pairs with the Release of giving back.
            match self.state.compare_exchange_weak(state, state - ONE, Ordering::Acquire, Ordering::Relaxed) {
                Ok(_) => return true,
                Err(_) => state = self.look_again(),
            }
        }
        false
    }

    /// The word, after another thread has changed it at the same moment. With a pause before, that thread gets on meanwhile, and
    /// does not have to fight for the word when it comes back: measured, twice as many operations of two threads together.
    fn look_again(&self) -> u64 {
        pause();
        // Relaxed: the exchange decides.
        self.state.load(Ordering::Relaxed)
    }

    /// Takes one, waiting for it until the deadline. Who waits on after an interruption brings the ticket of before.
    #[inline]
    pub(crate) fn acquire_with(&self, ticket: &mut Ticket, deadline: Deadline) -> WaitResult {
        if self.try_acquire() { WaitResult::Ready } else { self.wait(ticket, deadline) }
    }

    #[cold]
    fn wait(&self, ticket: &mut Ticket, deadline: Deadline) -> WaitResult {
        let begun = self.waits.begin();
        let result = if self.spin() { WaitResult::Ready } else { self.sleep(ticket, deadline, begun) };
        self.waits.end(begun);
        result
    }

    /// Looks for a permit for a short while. Not in the thread that signals come to: see [`crate::patience`].
    fn spin(&self) -> bool {
        if must_not_miss_signals() {
            return false;
        }
        let (n_awake, n_yielding) = LOOKS;
        let awake = (0..n_awake).any(|turn| {
            (0..1 << turn).for_each(|_| spin_loop());
            self.try_acquire()
        });
        awake
            || (0..n_yielding).any(|_| {
                yield_now();
                self.try_acquire()
            })
    }

    fn sleep(&self, ticket: &mut Ticket, deadline: Deadline, begun: Instant) -> WaitResult {
        let waiter = Waiter::new();
        loop {
            {
                let mut queue = self.queue.enter();
                if self.take_or_announce(&queue.waiters) {
                    return WaitResult::Ready;
                }
                waiter.reset();
                queue.waiters.push(&waiter, ticket);
                queue.last_fair.get_or_insert(begun);
            }
            match waiter.park(deadline) {
                Ok(Signal::GRANTED) => return WaitResult::Ready,
                Ok(_) if self.spin() => return WaitResult::Ready,
                Ok(_) => {}
                Err(ended) => return self.give_up(&waiter, ended),
            }
        }
    }

    /// Inside the gate: takes a permit, or sets [`WAITERS`], in one step.
    fn take_or_announce(&self, waiters: &WaitQueue) -> bool {
        let mut state = self.state.load(Ordering::Relaxed);
        loop {
            let is_free = state >= ONE;
            let next = if is_free { state - ONE } else { state | WAITERS };
            // Acquire: as in `try_acquire`.
            match self.state.compare_exchange_weak(state, next, Ordering::Acquire, Ordering::Relaxed) {
                Ok(_) => {
                    debug_assert!(waiters.is_empty() || state & WAITERS != 0, "who waits is announced");
                    return is_free;
                }
                Err(found) => state = found,
            }
        }
    }

    /// A waiter's wait has ended before it got a permit; it gets one after all if that was under way.
    fn give_up(&self, waiter: &Arc<Waiter>, ended: WaitResult) -> WaitResult {
        let mut queue = self.queue.enter();
        if queue.waiters.remove(waiter) {
            if queue.waiters.is_empty() {
                self.announce_nobody();
            }
            return ended;
        }
        drop(queue);
        // Woken for a free permit: if another thread has taken it, that one will see who waits when it gives it back.
        if waiter.signal() == Some(Signal::GRANTED) || self.try_acquire() { WaitResult::Ready } else { ended }
    }

    /// Inside the gate: nobody waits any more.
    fn announce_nobody(&self) {
        // Relaxed: those who see the bit enter the gate, and are ordered by that.
        self.state.fetch_and(!WAITERS, Ordering::Relaxed);
    }

    /// Gives `n` back, if no more than `most` are free then.
    #[inline]
    pub(crate) fn release(&self, n: u64, most: u64) -> Result<(), TooMany> {
        let mut state = self.state.load(Ordering::Relaxed);
        loop {
            if !fits(state, n, most) {
                return Err(TooMany);
            }
            if state & WAITERS != 0 {
                return self.release_slow(n, most);
            }
            // Release: pairs with the Acquire of taking.
            match self.state.compare_exchange_weak(
                state,
                state + n * ONE,
                Ordering::Release,
                Ordering::Relaxed,
            ) {
                Ok(_) => return Ok(()),
                Err(_) => state = self.look_again(),
            }
        }
    }

    #[cold]
    fn release_slow(&self, n: u64, most: u64) -> Result<(), TooMany> {
        let mut queue = self.queue.enter();
        let n_woken = usize::try_from(n).unwrap_or(usize::MAX).min(queue.waiters.len());
        let is_fair = n_woken > 0 && queue.is_fairness_due();
        let n_free = if is_fair { n - n_woken as u64 } else { n };
        let mut state = self.state.load(Ordering::Relaxed);
        loop {
            if !fits(state, n, most) {
                return Err(TooMany);
            }
            // Release: pairs with the Acquire of taking.
            match self.state.compare_exchange_weak(
                state,
                state + n_free * ONE,
                Ordering::Release,
                Ordering::Relaxed,
            ) {
                Ok(_) => break,
                Err(found) => state = found,
            }
        }
        let woken = queue.waiters.signal(n_woken, if is_fair { Signal::GRANTED } else { Signal::RETRY });
        if queue.waiters.is_empty() {
            self.announce_nobody();
        }
        drop(queue);
        wake_all(woken);
        Ok(())
    }

    /// Forgets who waits, and sets the number of free permits: for a forked child that knows nobody uses them.
    pub(crate) fn reset(&self, n: u64) {
        let mut queue = self.queue.enter();
        mem::forget(mem::take(&mut queue.waiters));
        queue.last_fair = None;
        // Release: pairs with the Acquire of taking.
        self.state.store(n * ONE, Ordering::Release);
    }
}

/// Whether `n` more permits than the state has are at most `most`.
#[inline]
fn fits(state: u64, n: u64, most: u64) -> bool {
    (state / ONE).checked_add(n).is_some_and(|free| free <= most)
}

impl Queue {
    /// Whether it is time to hand a permit to who waits.
    #[cfg(not(ungil_loom))]
    fn is_fairness_due(&mut self) -> bool {
        let now = Instant::now();
        let is_due = self.last_fair.is_none_or(|last| now.duration_since(last) >= FAIR_EVERY);
        if is_due {
            self.last_fair = Some(now);
        }
        is_due
    }

    /// The model chooses.
    #[cfg(ungil_loom)]
    #[expect(clippy::unused_self, reason = "as outside of models")]
    fn is_fairness_due(&mut self) -> bool {
        let _ = FAIR_EVERY;
        crate::prim::chosen::IS_FAIR.get()
    }
}
