//! The end of a queue: shut down, or retired.

use std::mem;

use ungil_sync::waiters::Signal;

use crate::error::GetError;
use crate::out::Out;
use crate::queue::Queue;
use crate::state::{Phase, State, ToWake};
use crate::store::Store;

/// What was in a queue.
#[derive(Debug)]
pub struct Contents<T> {
    /// The items, as the standard queue's container would hold them.
    pub items: Vec<T>,
    /// How many tasks are unfinished.
    pub unfinished: usize,
    /// Whether it had been shut down.
    pub is_shut_down: bool,
}

impl<T, S: Store<Item = T>> Queue<T, S> {
    /// Takes no items from now on, and gives those that are there; who waits finds it so.
    pub fn shutdown(&self) {
        let mut to_wake = ToWake::new();
        let mut state = self.state.enter();
        state.shut(&mut to_wake);
        drop(state);
        to_wake.wake();
    }

    /// Shuts down and returns the items that are there, whose tasks count as done: they are the caller's to drop.
    ///
    /// # Errors
    ///
    /// [`GetError::Busy`] or [`GetError::Reentrant`] while the store is out; it is shut down all the same.
    pub fn shutdown_now(&self) -> Result<Vec<T>, GetError<S::Error>> {
        let mut to_wake = ToWake::new();
        let mut state = self.state.enter();
        state.shut(&mut to_wake);
        let result = state.in_place().map(|()| {
            let items = state.store.take().into_items();
            state.unfinished = state.unfinished.saturating_sub(items.len());
            state.finish(&mut to_wake);
            items
        });
        drop(state);
        to_wake.wake();
        result
    }

    /// Whether it has been shut down.
    pub fn is_shut_down(&self) -> bool {
        self.state.enter().phase == Phase::ShutDown
    }

    /// Takes everything out, to be kept elsewhere; every later operation finds the queue retired, and so does who waits.
    ///
    /// # Errors
    ///
    /// [`GetError::Busy`] or [`GetError::Reentrant`] while the store is out, [`GetError::Retired`] the second time.
    pub fn retire(&self) -> Result<Contents<T>, GetError<S::Error>> {
        let mut to_wake = ToWake::new();
        let mut state = self.state.enter();
        if state.phase == Phase::Retired {
            return Err(GetError::Retired);
        }
        state.in_place()?;
        let contents = Contents {
            items: state.store.take().into_items(),
            unfinished: mem::take(&mut state.unfinished),
            is_shut_down: state.phase == Phase::ShutDown,
        };
        state.phase = Phase::Retired;
        state.disturb(&mut to_wake);
        to_wake.others.extend(state.joiners.signal(usize::MAX, Signal::RETRY));
        drop(state);
        to_wake.wake();
        Ok(contents)
    }

    /// Whether the contents went elsewhere.
    pub fn is_retired(&self) -> bool {
        self.state.enter().phase == Phase::Retired
    }

    /// Removes all items, for the collector: they are the caller's to drop, outside of everything.
    pub fn clear(&self) -> Vec<T> {
        let mut to_wake = ToWake::new();
        let mut state = self.state.enter();
        let items = state.store.take().into_items();
        state.admit(&mut to_wake);
        drop(state);
        to_wake.wake();
        items
    }
}

impl<S: Store> State<S> {
    fn shut(&mut self, to_wake: &mut ToWake<S::Item>) {
        if self.phase == Phase::Open {
            self.phase = Phase::ShutDown;
        }
        self.disturb(to_wake);
    }

    /// Whether the store is in its place.
    fn in_place(&self) -> Result<(), GetError<S::Error>> {
        match self.who_is_out() {
            None => Ok(()),
            Some(Out::Mine) => Err(GetError::Reentrant),
            Some(Out::Theirs) => Err(GetError::Busy),
        }
    }
}
