//! Getting items.

use std::sync::Arc;
use std::task::Waker;

use ungil_sync::waiters::{Ticket, Waiter};
use ungil_sync::{Deadline, GateGuard, WaitResult};

use crate::error::{GetError, PutError, Refused};
use crate::out::Out;
use crate::queue::Queue;
use crate::state::{Phase, State, ToWake};
use crate::store::{Foreign, Store};

/// A wait for an item of a task that is no thread (see [`Queue::begin_get`]).
#[derive(Debug)]
pub struct PendingGet<T>(Arc<Waiter<T>>);

/// How getting failed.
type Failed<S> = GetError<<S as Store>::Error>;

impl<T, S: Store<Item = T>> Queue<T, S> {
    /// Gets the next item if there is one.
    ///
    /// # Errors
    ///
    /// Why there is none; never [`GetError::Interrupted`].
    #[inline]
    pub fn try_get(&self) -> Result<T, Failed<S>> {
        let mut state = self.state.enter();
        if state.out.is_none() && !state.is_awaited() {
            return match state.store.pop_plainly() {
                Ok(Some(item)) => Ok(item),
                Ok(None) => Err(state.why_empty()),
                Err(Foreign) => self.remove_outside(state),
            };
        }
        if let Some(out) = state.who_is_out() {
            return Err(GetError::because_out(out));
        }
        if state.store.is_empty() {
            return Err(state.why_empty());
        }
        match state.store.pop_plainly() {
            Ok(popped) => removed(state, Ok(popped)),
            Err(Foreign) => self.remove_outside(state),
        }
    }

    /// Removes an item that foreign code chooses.
    fn remove_outside(&self, state: GateGuard<'_, State<S>>) -> Result<T, Failed<S>> {
        let (state, popped) = self.outside(state, S::pop);
        removed(state, popped)
    }

    /// Gets the next item, waiting for one until the deadline.
    ///
    /// # Errors
    ///
    /// Why there is none: [`GetError::Empty`] if none came in time.
    pub fn get(&self, deadline: Deadline) -> Result<T, Failed<S>> {
        let mut ticket = Ticket::default();
        loop {
            let ended = match self.try_get() {
                Err(GetError::Empty) => match self.wait_for_item(&mut ticket, deadline) {
                    Ok(Some(item)) => return Ok(item),
                    Ok(None) => Ok(()),
                    Err(ended) => Err(ended),
                },
                Err(GetError::Busy) => self.wait_for_turn(deadline),
                other => return other,
            };
            match ended {
                Ok(()) => {}
                Err(WaitResult::Interrupted) => return Err(GetError::Interrupted),
                Err(_) => return Err(GetError::Empty),
            }
        }
    }

    /// Waits for an item until the deadline; `None` if the caller should look again. Who waits again, interrupted or not, keeps its
    /// place among the getters.
    ///
    /// # Errors
    ///
    /// [`WaitResult::TimedOut`] or [`WaitResult::Interrupted`].
    pub fn wait_for_item(&self, ticket: &mut Ticket, deadline: Deadline) -> Result<Option<T>, WaitResult> {
        let waiter = Waiter::new();
        {
            let mut state = self.state.enter();
            if state.should_look() {
                return Ok(None);
            }
            state.getters.push(&waiter, ticket);
        }
        match self.getters.park(&waiter, deadline) {
            Ok(_) => Ok(waiter.take()),
            Err(ended) => {
                if self.state.enter().getters.remove(&waiter) {
                    return Err(ended);
                }
                Ok(waiter.take())
            }
        }
    }

    /// Begins to wait for an item for a task that `waker` wakes; none if the task should look again at once.
    ///
    /// The task asks [`Queue::end_get`] when it has been woken, or when it gives up.
    pub fn begin_get(&self, waker: Waker) -> Option<PendingGet<T>> {
        let waiter = Waiter::of_task(waker);
        let mut state = self.state.enter();
        if state.should_look() {
            return None;
        }
        state.getters.push_back(&waiter);
        Some(PendingGet(waiter))
    }

    /// Ends such a wait: the item that it was handed, if it was. A task that gives up hands it back with [`Queue::give_back`].
    pub fn end_get(&self, pending: &PendingGet<T>) -> Option<T> {
        self.state.enter().getters.remove(&pending.0);
        pending.0.take()
    }

    /// Gives back an item that a wait brought and nobody wants: to the next who waits, or to where it came from, room or not.
    ///
    /// # Errors
    ///
    /// The item, if the queue is retired, the store is out, or a comparison fails.
    pub fn give_back(&self, item: T) -> Result<(), PutError<T, S::Error>> {
        let mut state = self.state.enter();
        if state.phase == Phase::Retired {
            return Err(PutError { item, why: Refused::Retired });
        }
        if let Some(out) = state.who_is_out() {
            return Err(PutError { item, why: Refused::because_out(out) });
        }
        let item = match state.getters.hand_to_first(item) {
            Ok(getter) => {
                drop(state);
                getter.wake();
                return Ok(());
            }
            Err(item) => item,
        };
        if state.store.push_compares() {
            let (state, result) = self.outside(state, |store| store.push_again(item));
            let _ = removed(state, Ok(None::<T>));
            return result.map_err(|(item, error)| PutError { item, why: Refused::Compare(error) });
        }
        let result = state.store.push_again(item);
        drop(state);
        result.map_err(|(item, error)| PutError { item, why: Refused::Compare(error) })
    }

    /// Gets up to `most` items, those that are there, in one step.
    ///
    /// # Errors
    ///
    /// Why there is not even one, or why a comparison failed: then all of them stay.
    pub fn try_get_many(&self, most: usize) -> Result<Vec<T>, Failed<S>> {
        let mut state = self.state.enter();
        if let Some(out) = state.who_is_out() {
            return Err(GetError::because_out(out));
        }
        if state.store.is_empty() {
            return Err(state.why_empty());
        }
        let (state, popped) = if state.store.pop_compares() {
            self.outside(state, |store| store.pop_many(most))
        } else {
            let popped = state.store.pop_many(most);
            (state, popped)
        };
        removed(state, popped.map(Some))
    }
}

/// What is to be done when something has been removed from the store.
fn removed<S: Store, R>(
    mut state: GateGuard<'_, State<S>>,
    popped: Result<Option<R>, S::Error>,
) -> Result<R, Failed<S>> {
    let mut to_wake = ToWake::new();
    state.admit(&mut to_wake);
    if !state.turn.is_empty() {
        state.pass_turn(&mut to_wake);
    }
    let result = match popped {
        Ok(Some(popped)) => Ok(popped),
        Ok(None) => Err(state.why_empty()),
        Err(error) => Err(GetError::Compare(error)),
    };
    drop(state);
    to_wake.wake();
    result
}

impl<S: Store> State<S> {
    /// Why a getter gets nothing from an empty store.
    fn why_empty(&self) -> Failed<S> {
        match self.phase {
            Phase::Open => GetError::Empty,
            Phase::ShutDown => GetError::ShutDown,
            Phase::Retired => GetError::Retired,
        }
    }

    /// Whether a getter that found nothing has reason to look again.
    fn should_look(&self) -> bool {
        !self.store.is_empty() || self.out.is_some() || self.phase != Phase::Open
    }
}

impl<E> GetError<E> {
    fn because_out(out: Out) -> Self {
        match out {
            Out::Mine => Self::Reentrant,
            Out::Theirs => Self::Busy,
        }
    }
}
