//! [`Event`]: a flag that threads wait for.

use crate::gate::Gate;
use crate::park::{Deadline, WaitResult};
use crate::prim::{AtomicU32, Ordering};
use crate::statistics::{Statistics, Waits};
use crate::waiters::{Signal, WaitQueue, Waiter, wake_all};

/// The flag.
const SET: u32 = 1;
/// Threads wait. Set while the queue is not empty, and changed only inside the gate.
const WAITERS: u32 = 2;

/// A flag that starts false; threads wait until it is true: `threading.Event`.
///
/// What a thread did before it set the flag is seen by those that find it set.
#[derive(Debug)]
pub struct Event {
    state: AtomicU32,
    queue: Gate<WaitQueue>,
    waits: Waits,
}

impl Event {
    /// An event whose flag is false.
    pub fn new() -> Self {
        Self { state: AtomicU32::new(0), queue: Gate::new(WaitQueue::new()), waits: Waits::new() }
    }

    /// Whether the flag is true.
    #[inline]
    pub fn is_set(&self) -> bool {
        // Acquire: pairs with `set`.
        self.state.load(Ordering::Acquire) & SET != 0
    }

    /// Makes the flag true, and ends the waits of all that wait.
    #[inline]
    pub fn set(&self) {
        // Release: pairs with `is_set` and `wait`. Acquire: what follows a `set` is not done before it.
        if self.state.fetch_or(SET, Ordering::AcqRel) & WAITERS != 0 {
            self.wake();
        }
    }

    #[cold]
    fn wake(&self) {
        let mut queue = self.queue.enter();
        let woken = queue.signal(usize::MAX, Signal::GRANTED);
        // Relaxed: those who see the bit enter the gate, and are ordered by that.
        self.state.fetch_and(!WAITERS, Ordering::Relaxed);
        drop(queue);
        wake_all(woken);
    }

    /// Makes the flag false. Threads that a `set` before has woken return all the same.
    #[inline]
    pub fn clear(&self) {
        self.state.fetch_and(!SET, Ordering::AcqRel);
    }

    /// Waits until the flag is true, or the deadline passes.
    #[inline]
    pub fn wait(&self, deadline: Deadline) -> WaitResult {
        if self.is_set() { WaitResult::Ready } else { self.sleep(deadline) }
    }

    #[cold]
    fn sleep(&self, deadline: Deadline) -> WaitResult {
        let begun = self.waits.begin();
        let waiter = Waiter::new();
        {
            let mut queue = self.queue.enter();
            // AcqRel: if the flag is set by now, this pairs with `set`; if not, a `set` from now on sees the bit.
            if self.state.fetch_or(WAITERS, Ordering::AcqRel) & SET != 0 {
                if queue.is_empty() {
                    self.state.fetch_and(!WAITERS, Ordering::Relaxed);
                }
                return WaitResult::Ready;
            }
            queue.push_back(&waiter);
        }
        let result = match waiter.park(deadline) {
            Ok(_) => WaitResult::Ready,
            Err(ended) => {
                let mut queue = self.queue.enter();
                if queue.remove(&waiter) {
                    if queue.is_empty() {
                        self.state.fetch_and(!WAITERS, Ordering::Relaxed);
                    }
                    ended
                } else {
                    WaitResult::Ready
                }
            }
        };
        self.waits.end(begun);
        result
    }

    /// Forgets who waits: for a forked child, which knows that nobody uses it. The flag stays.
    pub fn reset_after_fork(&self) {
        let mut queue = self.queue.enter();
        std::mem::forget(std::mem::take(&mut *queue));
        self.state.fetch_and(!WAITERS, Ordering::Relaxed);
    }

    /// Who waits; an event has no holder.
    pub fn statistics(&self) -> Statistics {
        self.waits.with(None, self.queue.enter().len())
    }
}

impl Default for Event {
    fn default() -> Self {
        Self::new()
    }
}
