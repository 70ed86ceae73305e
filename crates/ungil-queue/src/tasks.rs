//! Counting tasks: put, and done.

use ungil_sync::waiters::Waiter;
use ungil_sync::{Deadline, WaitResult};

use crate::error::TooManyDone;
use crate::queue::Queue;
use crate::state::{Phase, ToWake};
use crate::store::Store;

impl<T, S: Store<Item = T>> Queue<T, S> {
    /// How many tasks were put and are not done.
    pub fn unfinished(&self) -> usize {
        self.state.enter().unfinished
    }

    /// Says how many tasks were put and are not done.
    pub fn set_unfinished(&self, n: usize) {
        let mut to_wake = ToWake::new();
        let mut state = self.state.enter();
        state.unfinished = n;
        state.finish(&mut to_wake);
        drop(state);
        to_wake.wake();
    }

    /// Says that one task that was got is done.
    ///
    /// # Errors
    ///
    /// When no task is unfinished.
    #[inline]
    pub fn task_done(&self) -> Result<(), TooManyDone> {
        let mut to_wake = ToWake::new();
        let mut state = self.state.enter();
        state.unfinished = state.unfinished.checked_sub(1).ok_or(TooManyDone)?;
        state.finish(&mut to_wake);
        drop(state);
        to_wake.wake();
        Ok(())
    }

    /// Waits until no task is unfinished, or the deadline passes. A queue that is retired meanwhile ends the wait as ready.
    pub fn join(&self, deadline: Deadline) -> WaitResult {
        let waiter = Waiter::new();
        {
            let mut state = self.state.enter();
            if state.unfinished == 0 || state.phase == Phase::Retired {
                return WaitResult::Ready;
            }
            state.joiners.push_back(&waiter);
        }
        match waiter.park(deadline) {
            Ok(_) => WaitResult::Ready,
            Err(ended) => {
                if self.state.enter().joiners.remove(&waiter) {
                    ended
                } else {
                    WaitResult::Ready
                }
            }
        }
    }
}
