//! Working on a store outside of the gate, where foreign code may run.

use std::mem;

use ungil_sync::{GateGuard, current_thread};

use crate::queue::Queue;
use crate::state::{State, ToWake};
use crate::store::Store;

/// Who has the store out.
#[derive(Clone, Copy)]
pub(crate) enum Out {
    /// This thread: a comparison has come back to its queue.
    Mine,
    /// Another.
    Theirs,
}

impl<S: Store> State<S> {
    /// Who has the store out, if anybody has.
    #[inline]
    pub(crate) fn who_is_out(&self) -> Option<Out> {
        let (thread, _) = self.out?;
        Some(if thread == current_thread() { Out::Mine } else { Out::Theirs })
    }
}

impl<T, S: Store<Item = T>> Queue<T, S> {
    /// Whether this thread is comparing items of the queue: it must not wait for it.
    pub fn is_compared_here(&self) -> bool {
        matches!(self.state.enter().who_is_out(), Some(Out::Mine))
    }

    /// Takes the store out of the gate, works on it, and puts it back, also when `work` panics.
    pub(crate) fn outside<'q, R>(
        &'q self,
        mut state: GateGuard<'q, State<S>>,
        work: impl FnOnce(&mut S) -> R,
    ) -> (GateGuard<'q, State<S>>, R) {
        /// Puts the store back where `work` has panicked.
        struct Back<'q, T, S: Store<Item = T>>(&'q Queue<T, S>, S);

        impl<T, S: Store<Item = T>> Drop for Back<'_, T, S> {
            fn drop(&mut self) {
                let mut to_wake = ToWake::new();
                let mut state = self.0.state.enter();
                state.put_back(self.1.take(), &mut to_wake);
                drop(state);
                to_wake.wake();
            }
        }

        let len = state.store.len();
        let mut back = Back(self, state.store.take());
        state.out = Some((current_thread(), len));
        drop(state);
        let result = work(&mut back.1);
        let store = back.1.take();
        mem::forget(back);
        let mut state = self.state.enter();
        state.store = store;
        state.out = None;
        (state, result)
    }
}

impl<S: Store> State<S> {
    fn put_back(&mut self, store: S, to_wake: &mut ToWake<S::Item>) {
        self.store = store;
        self.out = None;
        self.pass_turn(to_wake);
    }
}
