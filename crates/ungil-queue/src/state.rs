//! What the gate of a queue guards.
//!
//! Invariants:
//!
//! - While getters wait, there is no item and the store is in its place: an item that is put goes to the first of them.
//! - While putters wait, there is no room. Room that is freed is *reserved* for the first of them, and nobody else gets it.
//! - `out` says who has taken the store out, and how many items it held; the store in its place is empty meanwhile.

use std::mem;

use ungil_sync::waiters::{Signal, WaitQueue, Woken};
use ungil_sync::{AfterFork, ThreadId};

use crate::store::Store;

#[derive(Debug)]
pub(crate) struct State<S: Store> {
    pub(crate) store: S,
    /// Who compares items in the store, and how many it held when it was taken out.
    pub(crate) out: Option<(ThreadId, usize)>,
    /// The most items; 0 for any number.
    pub(crate) max_size: usize,
    /// Places that are promised to putters on their way.
    pub(crate) reserved: usize,
    /// Tasks put and not yet done.
    pub(crate) unfinished: usize,
    pub(crate) phase: Phase,
    pub(crate) getters: WaitQueue<S::Item>,
    pub(crate) putters: WaitQueue,
    /// Those that wait until no task is unfinished.
    pub(crate) joiners: WaitQueue,
    /// Those that wait until the store is in its place again.
    pub(crate) turn: WaitQueue,
}

/// How far a queue has come in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    Open,
    /// Takes no items, and gives those that it has.
    ShutDown,
    /// Its contents went elsewhere.
    Retired,
}

/// Waiters to be woken once outside of the gate.
#[derive(Debug)]
#[must_use]
pub(crate) struct ToWake<T> {
    pub(crate) getters: Vec<Woken<T>>,
    pub(crate) others: Vec<Woken>,
}

impl<T> ToWake<T> {
    pub(crate) const fn new() -> Self {
        Self { getters: Vec::new(), others: Vec::new() }
    }

    pub(crate) fn wake(self) {
        self.getters.into_iter().for_each(Woken::wake);
        self.others.into_iter().for_each(Woken::wake);
    }
}

impl<S: Store> State<S> {
    pub(crate) fn new(store: S, max_size: usize) -> Self {
        Self {
            store,
            out: None,
            max_size,
            reserved: 0,
            unfinished: 0,
            phase: Phase::Open,
            getters: WaitQueue::new(),
            putters: WaitQueue::new(),
            joiners: WaitQueue::new(),
            turn: WaitQueue::new(),
        }
    }

    /// How many items there are.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.store.len() + self.out.map_or(0, |(_, len)| len)
    }

    /// Whether there is no room for another item.
    #[inline]
    pub(crate) fn is_full(&self) -> bool {
        self.max_size > 0 && self.len() + self.reserved >= self.max_size
    }

    /// Whether a put need do no more than push, be it by foreign code: the common case.
    #[inline]
    pub(crate) fn is_plain_put(&self) -> bool {
        self.phase == Phase::Open && self.getters.is_empty() && self.out.is_none() && !self.is_full()
    }

    /// Whether anybody waits for an item to leave, or for the store to be in its place.
    #[inline]
    pub(crate) fn is_awaited(&self) -> bool {
        !self.putters.is_empty() || !self.turn.is_empty()
    }

    /// Reserves what room there is for the putters that wait.
    #[inline]
    pub(crate) fn admit(&mut self, to_wake: &mut ToWake<S::Item>) {
        while !self.putters.is_empty() && !self.is_full() {
            self.reserved += 1;
            to_wake.others.extend(self.putters.signal_first(Signal::GRANTED));
        }
    }

    /// Ends the waits for all tasks to be done, if they are.
    #[inline]
    pub(crate) fn finish(&mut self, to_wake: &mut ToWake<S::Item>) {
        if self.unfinished == 0 && !self.joiners.is_empty() {
            to_wake.others.extend(self.joiners.signal(usize::MAX, Signal::GRANTED));
        }
    }

    /// Ends the waits for the store to be in its place.
    pub(crate) fn pass_turn(&mut self, to_wake: &mut ToWake<S::Item>) {
        to_wake.others.extend(self.turn.signal(usize::MAX, Signal::RETRY));
    }

    /// Lets everybody who waits for an item or for room look again.
    pub(crate) fn disturb(&mut self, to_wake: &mut ToWake<S::Item>) {
        to_wake.getters.extend(self.getters.signal(usize::MAX, Signal::RETRY));
        to_wake.others.extend(self.putters.signal(usize::MAX, Signal::RETRY));
    }
}

impl<S: Store> AfterFork for State<S> {
    fn after_fork(&mut self, is_torn: bool) {
        // A store that another thread was changing, or had taken out, did not come along.
        if is_torn {
            mem::forget(self.store.take());
        }
        self.out = None;
        self.reserved = 0;
        self.getters.after_fork(is_torn);
        self.putters.after_fork(is_torn);
        self.joiners.after_fork(is_torn);
        self.turn.after_fork(is_torn);
    }
}
