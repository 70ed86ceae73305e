//! [`Barrier`]: a number of threads that wait for one another.
//!
//! States, by phase:
//!
//! | phase     | those inside                           | who arrives   | ends when                                         |
//! |-----------|----------------------------------------|---------------|---------------------------------------------------|
//! | filling   | wait for the rest                      | goes inside   | the last arrives: acting; a reset: resetting      |
//! | acting    | wait for the last, who runs the action | waits outside | the action has run: draining; it failed: broken   |
//! | draining  | leave, having met                      | waits outside | nobody is inside: filling                         |
//! | resetting | leave, finding it broken               | waits outside | nobody is inside: filling                         |
//! | broken    | leave, finding it broken               | is refused    | a reset: resetting, or filling if nobody is inside |
//!
//! An abort breaks it in every phase, a wait that times out only while it is filling. A reset lets those that have met leave
//! in peace. The phases are CPython's, where the barrier stays locked while the action runs: an abort by then waits for the
//! end of the action, and a call by the action itself never returns. Here both take effect at once.

use std::error::Error;
use std::fmt;

use crate::fork::generation;
use crate::gate::{AfterFork, Gate, GateGuard};
use crate::park::{Deadline, WaitResult};
use crate::patience::Patience;
use crate::prim::Arc;
use crate::statistics::{Statistics, Waits};
use crate::waiters::{Signal, WaitQueue, Waiter, Woken, wake_all};

/// So many threads wait until all of them have arrived, again and again: `threading.Barrier`.
///
/// What each thread did before it arrived is seen by all when they go.
///
/// [`Barrier::wait`] does it all. Who wants to do something before the others go, to hear of signals, or to leave early, goes
/// step by step: [`Barrier::arrive`], then [`Waiting::wait`] or [`Last::let_go`].
///
/// ```
/// use std::thread;
/// use ungil_sync::{Arrival, Barrier};
///
/// let barrier = Barrier::new(2);
/// thread::scope(|scope| {
///     scope.spawn(|| barrier.wait(None).unwrap());
///     match barrier.arrive().unwrap().unwrap() {
///         Arrival::Waiting(waiting) => assert_eq!(waiting.wait(None), Ok(Ok(0))),
///         Arrival::Last(last) => {
///             // All have arrived, and none has gone.
///             assert_eq!(last.let_go(), Ok(1));
///         }
///     }
/// });
/// ```
#[derive(Debug)]
pub struct Barrier {
    parties: usize,
    state: Gate<State>,
    waits: Waits,
    patience: Patience,
}

/// The barrier is broken, or was while the thread waited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BrokenBarrier;

/// What a thread that has arrived is to do.
#[derive(Debug)]
#[must_use]
pub enum Arrival<'a> {
    /// Not the last: wait for the others.
    Waiting(Waiting<'a>),
    /// The last: let the others go.
    Last(Last<'a>),
}

/// A thread that waits at the barrier for the others. Dropped before the others have come, it leaves as if it had never arrived.
#[derive(Debug)]
pub struct Waiting<'a> {
    barrier: &'a Barrier,
    waiter: Arc<Waiter>,
    index: usize,
    /// The process in which it arrived; a forked child has let it go.
    generation: u32,
}

/// The thread that arrived last. Dropped without letting the others go, it breaks the barrier.
#[derive(Debug)]
pub struct Last<'a> {
    barrier: &'a Barrier,
    index: usize,
    /// As in [`Waiting`].
    generation: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Filling,
    Acting,
    Draining,
    Resetting,
    Broken,
}

#[derive(Debug)]
struct State {
    phase: Phase,
    /// How many threads are inside: arrived, and not yet gone.
    n_inside: usize,
    /// Those inside that sleep.
    inside: WaitQueue,
    /// Those that sleep until the barrier fills again.
    outside: WaitQueue,
}

impl AfterFork for State {
    fn after_fork(&mut self, is_torn: bool) {
        self.inside.after_fork(is_torn);
        self.outside.after_fork(is_torn);
        self.n_inside = 0;
        if self.phase != Phase::Broken {
            self.phase = Phase::Filling;
        }
    }
}

impl Barrier {
    /// A barrier for `parties` threads, of which there is at least one.
    pub fn new(parties: usize) -> Self {
        let state =
            State { phase: Phase::Filling, n_inside: 0, inside: WaitQueue::new(), outside: WaitQueue::new() };
        Self { parties, state: Gate::new(state), waits: Waits::new(), patience: Patience::new() }
    }

    /// How many threads it is for.
    pub fn parties(&self) -> usize {
        self.parties
    }

    /// Arrives, first waiting until those of the last round have gone; that is not what the deadline of the wait is about.
    ///
    /// # Errors
    ///
    /// When the barrier is broken; the outer error when a signal arrived first.
    pub fn arrive(&self) -> Result<Result<Arrival<'_>, BrokenBarrier>, WaitResult> {
        let waiter = Waiter::new();
        loop {
            let mut state = self.state.enter();
            match state.phase {
                Phase::Broken => return Ok(Err(BrokenBarrier)),
                Phase::Filling => {
                    let (barrier, index, generation) = (self, state.n_inside, generation());
                    state.n_inside += 1;
                    if state.n_inside >= self.parties {
                        state.phase = Phase::Acting;
                        return Ok(Ok(Arrival::Last(Last { barrier, index, generation })));
                    }
                    waiter.reset();
                    state.inside.push_back(&waiter);
                    return Ok(Ok(Arrival::Waiting(Waiting { barrier, waiter, index, generation })));
                }
                Phase::Acting | Phase::Draining | Phase::Resetting => {
                    waiter.reset();
                    state.outside.push_back(&waiter);
                }
            }
            drop(state);
            if let Err(ended) = waiter.park(None) {
                self.state.enter().outside.remove(&waiter);
                return Err(ended);
            }
        }
    }

    /// Arrives and waits for the others until the deadline; `Ok` with the thread's number among them, from 0 in the order of
    /// arrival. A signal does not end the wait.
    ///
    /// # Errors
    ///
    /// When the barrier is broken, which a wait that times out makes it.
    pub fn wait(&self, deadline: Deadline) -> Result<usize, BrokenBarrier> {
        let arrival = loop {
            if let Ok(arrival) = self.arrive() {
                break arrival?;
            }
        };
        match arrival {
            Arrival::Last(last) => last.let_go(),
            Arrival::Waiting(waiting) => loop {
                match waiting.wait(deadline) {
                    Err(_) => {}
                    Ok(result) => return result,
                }
            },
        }
    }

    /// Sends away those who wait, who find the barrier broken, and begins anew. If all have arrived, they go as if it had not been
    /// called.
    pub fn reset(&self) {
        let mut state = self.state.enter();
        if matches!(state.phase, Phase::Acting | Phase::Draining) {
            return;
        }
        state.phase = if state.n_inside == 0 { Phase::Filling } else { Phase::Resetting };
        let woken = state.inside.signal(usize::MAX, Signal::CLOSED);
        drop(state);
        wake_all(woken);
    }

    /// Breaks the barrier: those who wait, and those who come, find it broken until it is reset.
    pub fn abort(&self) {
        wake_all(self.state.enter().break_all());
    }

    /// How many threads have arrived and wait.
    pub fn n_waiting(&self) -> usize {
        let state = self.state.enter();
        if matches!(state.phase, Phase::Filling | Phase::Acting) { state.n_inside } else { 0 }
    }

    /// Whether it is broken.
    pub fn is_broken(&self) -> bool {
        self.state.enter().phase == Phase::Broken
    }

    /// Forgets who waits: for a forked child, which knows that nobody uses it.
    pub fn reset_after_fork(&self) {
        self.state.enter().after_fork(false);
    }

    /// Who waits; a barrier has no holder.
    pub fn statistics(&self) -> Statistics {
        self.waits.with(None, self.n_waiting())
    }
}

impl State {
    /// Breaks the barrier.
    fn break_all(&mut self) -> Vec<Woken> {
        self.phase = Phase::Broken;
        let mut woken = self.inside.signal(usize::MAX, Signal::CLOSED);
        woken.extend(self.outside.signal(usize::MAX, Signal::RETRY));
        woken
    }

    /// A thread that arrived in the process `arrived` leaves.
    fn leave(&mut self, arrived: u32) -> Vec<Woken> {
        if arrived != generation() {
            return Vec::new();
        }
        self.n_inside -= 1;
        if self.n_inside > 0 || !matches!(self.phase, Phase::Draining | Phase::Resetting) {
            return Vec::new();
        }
        self.phase = Phase::Filling;
        self.outside.signal(usize::MAX, Signal::RETRY)
    }
}

impl Waiting<'_> {
    /// Waits for the others until the deadline; `Ok` with the thread's number in the order of arrival, from 0.
    ///
    /// # Errors
    ///
    /// The inner when the barrier is broken, which a wait that times out makes it. The outer when a signal arrived first: the
    /// thread is still inside, and may wait again.
    pub fn wait(&self, deadline: Deadline) -> Result<Result<usize, BrokenBarrier>, WaitResult> {
        let begun = self.barrier.waits.begin();
        let signal = if self.generation == generation() {
            let parked = self.barrier.patience.park(&self.waiter, deadline);
            parked.or_else(|ended| self.time_out(ended))
        } else {
            // The thread has forked, in the handler of the signal that interrupted it; here the others will not come.
            Ok(self.waiter.signal().unwrap_or(Signal::CLOSED))
        };
        self.barrier.waits.end(begun);
        match signal? {
            Signal::GRANTED => Ok(Ok(self.index)),
            _ => Ok(Err(BrokenBarrier)),
        }
    }

    /// The wait has ended before the others have come.
    fn time_out(&self, ended: WaitResult) -> Result<Signal, WaitResult> {
        if ended == WaitResult::Interrupted {
            return Err(ended);
        }
        let mut state = self.barrier.state.enter();
        if state.phase == Phase::Acting {
            // All have come; what the action does decides how this ends.
            drop(state);
            return self.waiter.park(None);
        }
        if !state.inside.remove(&self.waiter) {
            return Ok(self.waiter.signal().unwrap_or(Signal::CLOSED));
        }
        let woken = state.break_all();
        drop(state);
        wake_all(woken);
        Ok(Signal::CLOSED)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let mut state = self.barrier.state.enter();
        // Not there if it was signalled.
        state.inside.remove(&self.waiter);
        leave(state, self.generation);
    }
}

impl Last<'_> {
    /// Lets the others go; `Ok` with this thread's number, the last.
    ///
    /// # Errors
    ///
    /// When the barrier was broken meanwhile.
    pub fn let_go(self) -> Result<usize, BrokenBarrier> {
        let mut state = self.barrier.state.enter();
        if self.generation != generation() {
            // The action has forked, and here nobody waits for its end.
            return Ok(self.index);
        }
        if state.phase != Phase::Acting {
            return Err(BrokenBarrier);
        }
        state.phase = Phase::Draining;
        let woken = state.inside.signal(usize::MAX, Signal::GRANTED);
        drop(state);
        wake_all(woken);
        Ok(self.index)
    }
}

impl Drop for Last<'_> {
    fn drop(&mut self) {
        let mut state = self.barrier.state.enter();
        // The phase of another round only if this is another process: until the thread leaves, no round begins.
        let is_failed = state.phase == Phase::Acting && self.generation == generation();
        let woken = if is_failed { state.break_all() } else { Vec::new() };
        leave(state, self.generation);
        wake_all(woken);
    }
}

/// A thread that arrived in the process `arrived` leaves, and those who wait for that are woken.
fn leave(mut state: GateGuard<'_, State>, arrived: u32) {
    let woken = state.leave(arrived);
    drop(state);
    wake_all(woken);
}

impl fmt::Display for BrokenBarrier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the barrier is broken")
    }
}

impl Error for BrokenBarrier {}
