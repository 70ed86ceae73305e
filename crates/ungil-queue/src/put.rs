//! Putting items.

use std::sync::Arc;
use std::task::Waker;

use ungil_sync::waiters::{Signal, Ticket, Waiter};
use ungil_sync::{Deadline, GateGuard, WaitResult};

use crate::error::{PutError, Refused};
use crate::out::Out;
use crate::queue::Queue;
use crate::state::{Phase, State, ToWake};
use crate::store::Store;

/// A place in a bounded queue that is promised to the holder. Dropped unused, it goes to the next who waits.
#[derive(Debug)]
#[must_use]
pub struct Room<'q, T, S: Store<Item = T>> {
    queue: &'q Queue<T, S>,
}

/// A wait for room of a task that is no thread (see [`Queue::begin_put`]).
#[derive(Debug)]
pub struct PendingPut(Arc<Waiter>);

/// How putting failed.
type Failed<T, S> = PutError<T, <S as Store>::Error>;

impl<T, S: Store<Item = T>> Queue<T, S> {
    /// Puts an item if there is room.
    ///
    /// # Errors
    ///
    /// The item, and why not; never [`Refused::Interrupted`].
    #[inline]
    pub fn try_put(&self, item: T) -> Result<(), Failed<T, S>> {
        let mut state = self.state.enter();
        if state.is_plain_put() {
            return match state.store.push_plainly(item) {
                Ok(()) => {
                    state.unfinished += 1;
                    Ok(())
                }
                Err(item) => self.insert_outside(state, item),
            };
        }
        if state.phase == Phase::Open && state.is_full() {
            return Err(PutError { item, why: Refused::Full });
        }
        self.insert(state, item)
    }

    /// Puts an item into the place that it was promised.
    ///
    /// # Errors
    ///
    /// The item, and why not; never [`Refused::Full`] nor [`Refused::Interrupted`].
    pub fn put_into(&self, room: Room<'_, T, S>, item: T) -> Result<(), Failed<T, S>> {
        std::mem::forget(room);
        let mut state = self.state.enter();
        state.reserved -= 1;
        self.insert(state, item)
    }

    /// Puts an item, waiting for room until the deadline.
    ///
    /// # Errors
    ///
    /// The item, and why not: [`Refused::Full`] if there was no room in time.
    pub fn put(&self, item: T, deadline: Deadline) -> Result<(), Failed<T, S>> {
        let mut room = None;
        let mut item = item;
        let mut ticket = Ticket::default();
        loop {
            let tried = match room.take() {
                None => self.try_put(item),
                Some(room) => self.put_into(room, item),
            };
            let Err(refused) = tried else { return Ok(()) };
            let ended = match refused.why {
                Refused::Full => self.wait_for_room(&mut ticket, deadline).map(|found| room = found),
                Refused::Busy => self.wait_for_turn(deadline),
                _ => return Err(refused),
            };
            item = refused.item;
            match ended {
                Ok(()) => {}
                Err(WaitResult::Interrupted) => return Err(PutError { item, why: Refused::Interrupted }),
                Err(_) => return Err(PutError { item, why: Refused::Full }),
            }
        }
    }

    /// Waits for room until the deadline; `None` if the caller should look again. Who waits again, interrupted or not, keeps its
    /// place among the putters.
    ///
    /// # Errors
    ///
    /// [`WaitResult::TimedOut`] or [`WaitResult::Interrupted`].
    pub fn wait_for_room(
        &self,
        ticket: &mut Ticket,
        deadline: Deadline,
    ) -> Result<Option<Room<'_, T, S>>, WaitResult> {
        let waiter = Waiter::new();
        {
            let mut state = self.state.enter();
            if state.phase != Phase::Open || !state.is_full() {
                return Ok(None);
            }
            state.putters.push(&waiter, ticket);
        }
        match self.putters.park(&waiter, deadline) {
            Ok(signal) => Ok(self.room(signal)),
            Err(ended) => {
                if self.state.enter().putters.remove(&waiter) {
                    return Err(ended);
                }
                Ok(waiter.signal().and_then(|signal| self.room(signal)))
            }
        }
    }

    fn room(&self, signal: Signal) -> Option<Room<'_, T, S>> {
        (signal == Signal::GRANTED).then_some(Room { queue: self })
    }

    /// Waits until the deadline for whoever has the store out.
    ///
    /// # Errors
    ///
    /// [`WaitResult::TimedOut`] or [`WaitResult::Interrupted`].
    pub fn wait_for_turn(&self, deadline: Deadline) -> Result<(), WaitResult> {
        let waiter = Waiter::new();
        {
            let mut state = self.state.enter();
            if !matches!(state.who_is_out(), Some(Out::Theirs)) {
                return Ok(());
            }
            state.turn.push_back(&waiter);
        }
        match waiter.park(deadline) {
            Ok(_) => Ok(()),
            Err(ended) => {
                if self.state.enter().turn.remove(&waiter) {
                    Err(ended)
                } else {
                    Ok(())
                }
            }
        }
    }

    /// Begins to wait for room for a task that `waker` wakes; none if the task should look again at once.
    ///
    /// The task asks [`Queue::end_put`] when it has been woken, or when it gives up.
    pub fn begin_put(&self, waker: Waker) -> Option<PendingPut> {
        let waiter = Waiter::of_task(waker);
        let mut state = self.state.enter();
        if state.phase != Phase::Open || !state.is_full() {
            return None;
        }
        state.putters.push_back(&waiter);
        Some(PendingPut(waiter))
    }

    /// Ends such a wait: the room that it was promised, if it was.
    pub fn end_put(&self, pending: &PendingPut) -> Option<Room<'_, T, S>> {
        if self.state.enter().putters.remove(&pending.0) {
            return None;
        }
        let signal = pending.0.signal()?;
        pending.0.reset();
        self.room(signal)
    }

    /// Puts as many items as there is room for, in one step where that runs no foreign code; the rest stays in `items`.
    ///
    /// # Errors
    ///
    /// Why the first of the rest was not put, if not for want of room.
    pub fn try_put_many(&self, items: &mut std::collections::VecDeque<T>) -> Result<(), Refused<S::Error>> {
        while let Some(item) = items.pop_front() {
            if let Err(PutError { item, why }) = self.try_put(item) {
                items.push_front(item);
                return if matches!(why, Refused::Full) { Ok(()) } else { Err(why) };
            }
        }
        Ok(())
    }

    /// Puts an item for which there is room.
    fn insert(&self, mut state: GateGuard<'_, State<S>>, item: T) -> Result<(), Failed<T, S>> {
        let mut to_wake = ToWake::new();
        let refused = match state.phase {
            Phase::Open => None,
            Phase::ShutDown => Some(Refused::ShutDown),
            Phase::Retired => Some(Refused::Retired),
        };
        let refused = refused.or_else(|| state.who_is_out().map(Refused::because_out));
        if let Some(why) = refused {
            state.admit(&mut to_wake);
            drop(state);
            to_wake.wake();
            return Err(PutError { item, why });
        }
        let item = match state.getters.hand_to_first(item) {
            Ok(getter) => {
                state.unfinished += 1;
                // The item takes no place, so one that was promised for it is free.
                state.admit(&mut to_wake);
                drop(state);
                getter.wake();
                to_wake.wake();
                return Ok(());
            }
            Err(item) => item,
        };
        match state.store.push_plainly(item) {
            Ok(()) => {
                state.unfinished += 1;
                Ok(())
            }
            Err(item) => self.insert_outside(state, item),
        }
    }

    /// Puts an item whose place is found by foreign code.
    fn insert_outside(&self, mut state: GateGuard<'_, State<S>>, item: T) -> Result<(), Failed<T, S>> {
        let mut to_wake = ToWake::new();
        // Its place is taken from now on.
        state.reserved += 1;
        let (mut state, result) = self.outside(state, |store| store.push(item));
        state.reserved -= 1;
        match result {
            Ok(()) => state.unfinished += 1,
            Err(_) => state.admit(&mut to_wake),
        }
        state.pass_turn(&mut to_wake);
        drop(state);
        to_wake.wake();
        result.map_err(|(item, error)| PutError { item, why: Refused::Compare(error) })
    }
}

impl<E> Refused<E> {
    pub(crate) fn because_out(out: Out) -> Self {
        match out {
            Out::Mine => Self::Reentrant,
            Out::Theirs => Self::Busy,
        }
    }
}

impl<T, S: Store<Item = T>> Drop for Room<'_, T, S> {
    fn drop(&mut self) {
        let mut to_wake = ToWake::new();
        let mut state = self.queue.state.enter();
        state.reserved -= 1;
        state.admit(&mut to_wake);
        drop(state);
        to_wake.wake();
    }
}
