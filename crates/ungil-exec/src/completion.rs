//! [`Completion`]: what a future and the worker that completes it share.
//!
//! Invariants:
//!
//! - The state changes inside the gate only; outside, it may be read at any time. Whoever reads an end there sees what was done before it.
//! - The outcome is there from when the state is [`State::Finished`].
//! - Who waits for the end (threads, callbacks) is told once, by whoever makes it: by the result, or by the cancellation. Groups are told of a cancellation by
//!   the worker, when it finds the future cancelled; so the standard library has it.
//! - While it is *monitored*, transitions are for those alone who say that they hold the monitor: a lock of the caller's, under which a program has
//!   the right to see the state stand still.

use std::fmt;
use std::mem;

use ungil_sync::patience::Patience;
use ungil_sync::waiters::{Signal, Ticket, WaitQueue, Waiter, Woken, wake_all};
use ungil_sync::{AfterFork, Deadline, Gate, GateGuard, WaitResult};

use crate::group::{Ending, Group};
use crate::prim::{Arc, AtomicU8, Ordering};
use crate::state::State;

/// The shared half of a future: its state, its outcome, and who is to be told. `C` is a callback.
///
/// It calls nothing: what it hands out ([`Told`]) is the caller's to tell, outside of all gates.
pub struct Completion<T, E, C> {
    /// A copy of the state inside, for those who only look.
    state: AtomicU8,
    inside: Gate<Inside<T, E, C>>,
}

struct Inside<T, E, C> {
    state: State,
    is_monitored: bool,
    outcome: Option<Result<T, E>>,
    /// Made when there is somebody to be told; most futures end before.
    audience: Option<Box<Audience<C>>>,
}

struct Audience<C> {
    waiters: WaitQueue,
    callbacks: Vec<C>,
    groups: Vec<(Arc<Group>, usize)>,
}

/// Why a transition was not made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// It is not possible from this state.
    State(State),
    /// The caller does not hold the monitor, and there is one: it has to take it and to try again.
    Monitored,
}

/// Whether the caller of a transition holds the monitor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Monitor {
    /// It does.
    Held,
    /// It does not, or there is none.
    NotHeld,
}

/// Who has to be told of an end.
#[must_use = "somebody waits to be told"]
pub struct Told<C> {
    woken: Vec<Woken>,
    groups: Vec<(Arc<Group>, usize)>,
    ending: Ending,
    callbacks: Vec<C>,
}

impl<C> Told<C> {
    fn nobody(ending: Ending) -> Self {
        Self { woken: Vec::new(), groups: Vec::new(), ending, callbacks: Vec::new() }
    }

    /// Wakes the threads that wait, and returns the callbacks, which the caller calls in their order.
    pub fn wake(self) -> Vec<C> {
        wake_all(self.woken);
        for (group, index) in self.groups {
            group.report(index, self.ending);
        }
        self.callbacks
    }
}

impl<C> fmt::Debug for Told<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Told").field("ending", &self.ending).finish_non_exhaustive()
    }
}

/// What a cancellation came to.
#[derive(Debug)]
pub enum Cancellation<C> {
    /// The future is cancelled now.
    Made(Told<C>),
    /// It was before.
    AlreadyMade,
    /// The work has begun, or is over.
    TooLate,
}

impl<T, E, C> Completion<T, E, C> {
    /// That of a future whose work nobody has begun.
    pub fn new() -> Self {
        Self {
            state: AtomicU8::new(State::Pending as u8),
            inside: Gate::new(Inside {
                state: State::Pending,
                is_monitored: false,
                outcome: None,
                audience: None,
            }),
        }
    }

    /// How far it is.
    #[inline]
    pub fn state(&self) -> State {
        // Acquire: pairs with `Inside::become_`.
        State::from_number(self.state.load(Ordering::Acquire))
    }

    /// From now on transitions are for those who hold the monitor.
    pub fn monitor(&self) {
        self.inside.enter().is_monitored = true;
    }

    /// The worker begins: true if it is to do the work. A cancelled future is told to the groups that wait for it, and is not to be worked on.
    ///
    /// # Errors
    ///
    /// The state, if it was begun before.
    pub fn begin(&self, monitor: Monitor) -> Result<(bool, Told<C>), Refused> {
        let mut inside = self.enter(monitor)?;
        match inside.state {
            State::Pending => {
                self.become_(&mut inside, State::Running);
                Ok((true, Told::nobody(Ending::Returned)))
            }
            State::Cancelled => {
                self.become_(&mut inside, State::CancelledAndNotified);
                let groups = inside.audience.as_mut().map(|audience| mem::take(&mut audience.groups));
                let groups = groups.unwrap_or_default();
                Ok((false, Told { groups, ..Told::nobody(Ending::Cancelled) }))
            }
            state => Err(Refused::State(state)),
        }
    }

    /// The work is over, with `outcome`.
    ///
    /// # Errors
    ///
    /// The outcome, and why it is not that of the future: it has come to its end before.
    pub fn finish(
        &self,
        outcome: Result<T, E>,
        monitor: Monitor,
    ) -> Result<Told<C>, (Result<T, E>, Refused)> {
        let mut inside = match self.enter(monitor) {
            Ok(inside) => inside,
            Err(refused) => return Err((outcome, refused)),
        };
        if inside.state.is_done() {
            let state = inside.state;
            return Err((outcome, Refused::State(state)));
        }
        let ending = if outcome.is_ok() { Ending::Returned } else { Ending::Raised };
        // There is none from before, unless a program has set one by hand; that is dropped outside.
        let before = inside.outcome.replace(outcome);
        self.become_(&mut inside, State::Finished);
        let told = inside.audience.take().map_or_else(
            || Told::nobody(ending),
            |audience| {
                let Audience { mut waiters, callbacks, groups } = *audience;
                Told { woken: waiters.signal(usize::MAX, Signal::GRANTED), groups, ending, callbacks }
            },
        );
        drop(inside);
        drop(before);
        Ok(told)
    }

    /// The work is not to be done.
    ///
    /// # Errors
    ///
    /// [`Refused::Monitored`] alone.
    pub fn cancel(&self, monitor: Monitor) -> Result<Cancellation<C>, Refused> {
        let mut inside = self.enter(monitor)?;
        match inside.state {
            State::Pending => {}
            State::Cancelled | State::CancelledAndNotified => return Ok(Cancellation::AlreadyMade),
            State::Running | State::Finished => return Ok(Cancellation::TooLate),
        }
        self.become_(&mut inside, State::Cancelled);
        Ok(Cancellation::Made(inside.tell_of_cancellation()))
    }

    /// Running work has stopped since it was asked to: its future is cancelled, and all are told at once.
    ///
    /// # Errors
    ///
    /// The state, if it was not running.
    pub fn stop(&self, monitor: Monitor) -> Result<Told<C>, Refused> {
        let mut inside = self.enter(monitor)?;
        if inside.state != State::Running {
            return Err(Refused::State(inside.state));
        }
        self.become_(&mut inside, State::CancelledAndNotified);
        let mut told = inside.tell_of_cancellation();
        told.groups =
            inside.audience.as_mut().map(|audience| mem::take(&mut audience.groups)).unwrap_or_default();
        Ok(told)
    }

    /// Looks at the outcome, if it is there. `look` runs inside the gate: it may neither wait nor call foreign code.
    pub fn outcome<R>(&self, look: impl FnOnce(&Result<T, E>) -> R) -> Option<R> {
        self.inside.enter().outcome.as_ref().map(look)
    }

    /// Waits once until the deadline for the end of the future; who waits again with the same ticket keeps its place.
    ///
    /// # Errors
    ///
    /// [`WaitResult::TimedOut`] or [`WaitResult::Interrupted`].
    pub fn wait(
        &self,
        ticket: &mut Ticket,
        patience: &Patience,
        deadline: Deadline,
    ) -> Result<(), WaitResult> {
        self.wait_by(ticket, |waiter| patience.park(waiter, deadline))
    }

    /// The same for a caller that looks after signals and waits again whenever it is interrupted: [`Patience::park_and_check`].
    ///
    /// # Errors
    ///
    /// [`WaitResult::TimedOut`] or [`WaitResult::Interrupted`].
    pub fn wait_and_check(
        &self,
        ticket: &mut Ticket,
        patience: &Patience,
        deadline: Deadline,
    ) -> Result<(), WaitResult> {
        self.wait_by(ticket, |waiter| patience.park_and_check(waiter, deadline))
    }

    fn wait_by(
        &self,
        ticket: &mut Ticket,
        park: impl FnOnce(&Waiter) -> Result<Signal, WaitResult>,
    ) -> Result<(), WaitResult> {
        let waiter = Waiter::new();
        {
            let mut inside = self.inside.enter();
            if inside.state.is_done() {
                return Ok(());
            }
            inside.audience().waiters.push(&waiter, ticket);
        }
        park(&waiter).map(drop).or_else(|ended| {
            let mut inside = self.inside.enter();
            if inside.state.is_done() {
                return Ok(());
            }
            inside.audience().waiters.remove(&waiter);
            Err(ended)
        })
    }

    /// Has `callback` handed to whoever makes the end.
    ///
    /// # Errors
    ///
    /// The callback, if the end is there already: the caller calls it.
    pub fn add_callback(&self, callback: C) -> Result<(), C> {
        let mut inside = self.inside.enter();
        if inside.state.is_done() {
            return Err(callback);
        }
        inside.audience().callbacks.push(callback);
        Ok(())
    }

    /// Has `group` told of the end under the number `index`; how it ended, if that is known already, and then the group is not told.
    pub fn watch(&self, group: &Arc<Group>, index: usize) -> Option<Ending> {
        let mut inside = self.inside.enter();
        let ended = inside.ending();
        if ended.is_none() {
            inside.audience().groups.push((Arc::clone(group), index));
        }
        ended
    }

    /// How it ended, if it has, in the eyes of those who wait for several futures.
    pub fn ending(&self) -> Option<Ending> {
        self.inside.enter().ending()
    }

    /// No longer tells `group`.
    pub fn unwatch(&self, group: &Arc<Group>) {
        let mut inside = self.inside.enter();
        if let Some(audience) = &mut inside.audience {
            audience.groups.retain(|(each, _)| !Arc::ptr_eq(each, group));
        }
    }

    /// Puts the state there by hand. Who waits for an end is told, but callbacks are not given out.
    pub fn overwrite_state(&self, state: State) {
        let mut inside = self.inside.enter();
        self.become_(&mut inside, state);
        let Some(ending) = inside.ending() else {
            // Threads look, those who wait for several futures do not.
            let woken = if state.is_done() { inside.signal_waiters() } else { Vec::new() };
            drop(inside);
            return wake_all(woken);
        };
        let groups =
            inside.audience.as_mut().map(|audience| mem::take(&mut audience.groups)).unwrap_or_default();
        let told = Told::<C> { woken: inside.signal_waiters(), groups, ending, callbacks: Vec::new() };
        drop(inside);
        told.wake();
    }

    /// Puts the outcome there by hand, made of the one that there is: what stays and what goes, which is returned.
    pub fn overwrite_outcome(
        &self,
        outcome: impl FnOnce(Option<Result<T, E>>) -> (Option<Result<T, E>>, Option<Result<T, E>>),
    ) -> Option<Result<T, E>> {
        let mut inside = self.inside.enter();
        let (stays, goes) = outcome(inside.outcome.take());
        inside.outcome = stays;
        goes
    }

    /// Shows the outcome and the callbacks to a collector, inside the gate.
    pub fn each(&self, mut outcome: impl FnMut(&Result<T, E>), callback: impl FnMut(&C)) {
        let inside = self.inside.enter();
        if let Some(there) = &inside.outcome {
            outcome(there);
        }
        if let Some(audience) = &inside.audience {
            audience.callbacks.iter().for_each(callback);
        }
    }

    /// Takes out what it holds, to be dropped; for a collector.
    pub fn take(&self) -> (Option<Result<T, E>>, Vec<C>) {
        let mut inside = self.inside.enter();
        let callbacks = inside.audience.as_mut().map(|audience| mem::take(&mut audience.callbacks));
        (inside.outcome.take(), callbacks.unwrap_or_default())
    }

    fn enter(&self, monitor: Monitor) -> Result<GateGuard<'_, Inside<T, E, C>>, Refused> {
        let inside = self.inside.enter();
        if inside.is_monitored && monitor == Monitor::NotHeld {
            return Err(Refused::Monitored);
        }
        Ok(inside)
    }

    fn become_(&self, inside: &mut Inside<T, E, C>, state: State) {
        inside.state = state;
        // Release: pairs with `state`.
        self.state.store(state as u8, Ordering::Release);
    }
}

impl<T, E, C> Inside<T, E, C> {
    fn audience(&mut self) -> &mut Audience<C> {
        self.audience.get_or_insert_with(|| {
            Box::new(Audience { waiters: WaitQueue::new(), callbacks: Vec::new(), groups: Vec::new() })
        })
    }

    fn ending(&self) -> Option<Ending> {
        match self.state {
            State::Pending | State::Running | State::Cancelled => None,
            State::CancelledAndNotified => Some(Ending::Cancelled),
            State::Finished => {
                Some(if matches!(self.outcome, Some(Err(_))) { Ending::Raised } else { Ending::Returned })
            }
        }
    }

    fn tell_of_cancellation(&mut self) -> Told<C> {
        let mut told = Told { woken: self.signal_waiters(), ..Told::nobody(Ending::Cancelled) };
        if let Some(audience) = &mut self.audience {
            told.callbacks = mem::take(&mut audience.callbacks);
        }
        told
    }

    fn signal_waiters(&mut self) -> Vec<Woken> {
        let waiters = self.audience.as_mut().map(|audience| &mut audience.waiters);
        waiters.map(|waiters| waiters.signal(usize::MAX, Signal::GRANTED)).unwrap_or_default()
    }
}

impl<T, E, C> AfterFork for Inside<T, E, C> {
    fn after_fork(&mut self, is_torn: bool) {
        if is_torn {
            // Another thread was in the middle of a change. What it had reached is unknown, so it is left where it lies.
            mem::forget(self.outcome.take());
            mem::forget(self.audience.take());
        } else if let Some(audience) = &mut self.audience {
            // The groups stay: the thread that forked may be in the middle of a loop over one.
            audience.waiters.after_fork(false);
        }
    }
}

impl<T, E, C> Default for Completion<T, E, C> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T, E, C> fmt::Debug for Completion<T, E, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Completion").field("state", &self.state()).finish_non_exhaustive()
    }
}
