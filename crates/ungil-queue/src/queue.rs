//! [`Queue`]: what it is made of, and what can be asked of it.

use std::fmt;

use ungil_sync::patience::Patience;
use ungil_sync::{Gate, Statistics};

use crate::heap::Heap;
use crate::state::{State, ToWake};
use crate::store::{Fifo, Lifo, Store};

/// A queue between any number of threads; first in, first out unless another [`Store`] says otherwise.
///
/// What a thread did before it put an item is seen by the thread that gets it.
pub struct Queue<T, S: Store<Item = T> = Fifo<T>> {
    pub(crate) state: Gate<State<S>>,
    /// That of who waits for an item, and of who waits for room.
    pub(crate) getters: Patience,
    pub(crate) putters: Patience,
}

/// The item that was put last comes out first.
pub type LifoQueue<T> = Queue<T, Lifo<T>>;

/// The least item comes out first.
pub type PriorityQueue<T> = Queue<T, Heap<T>>;

impl<T, S: Store<Item = T>> Queue<T, S> {
    /// An empty queue for at most `max_size` items; 0 is any number.
    pub fn new(max_size: usize) -> Self
    where
        S: Default,
    {
        Self::with_store(S::default(), max_size)
    }

    /// A queue of the items in `store`, for at most `max_size`; 0 is any number.
    pub fn with_store(store: S, max_size: usize) -> Self {
        Self {
            state: Gate::new(State::new(store, max_size)),
            getters: Patience::new(),
            putters: Patience::new(),
        }
    }

    /// How many items there are. Another thread may change that before the caller looks at it.
    #[inline]
    pub fn len(&self) -> usize {
        self.state.enter().len()
    }

    /// Whether there is no item.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether there is no room.
    pub fn is_full(&self) -> bool {
        let state = self.state.enter();
        state.max_size > 0 && state.len() >= state.max_size
    }

    /// The most items; 0 for any number.
    pub fn max_size(&self) -> usize {
        self.state.enter().max_size
    }

    /// Changes how many items there may be; those that are there stay.
    pub fn set_max_size(&self, max_size: usize) {
        let mut to_wake = ToWake::new();
        let mut state = self.state.enter();
        state.max_size = max_size;
        state.admit(&mut to_wake);
        drop(state);
        to_wake.wake();
    }

    /// Calls `visit` for each item that is in its place, within the gate: it must neither wait nor come back here.
    pub fn each(&self, mut visit: impl FnMut(&T)) {
        self.state.enter().store.each(&mut visit);
    }

    /// How many threads wait: for an item, for room, and for all tasks to be done.
    pub fn n_waiting(&self) -> (usize, usize, usize) {
        let state = self.state.enter();
        (state.getters.len(), state.putters.len(), state.joiners.len())
    }

    /// How many threads wait in all; a queue has no holder.
    pub fn statistics(&self) -> Statistics {
        let (getters, putters, joiners) = self.n_waiting();
        Statistics { waiters: getters + putters + joiners, ..Statistics::default() }
    }
}

impl<T, S: Store<Item = T> + Default> Default for Queue<T, S> {
    fn default() -> Self {
        Self::new(0)
    }
}

impl<T, S: Store<Item = T>> fmt::Debug for Queue<T, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Queue").field("len", &self.len()).field("max_size", &self.max_size()).finish()
    }
}
