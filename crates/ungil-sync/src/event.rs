//! [`Event`]: a flag that threads wait for.

use crate::gate::Gate;
use crate::park::{Deadline, WaitResult};
use crate::patience::Patience;
use crate::prim::{Arc, AtomicU32, Ordering};
use crate::statistics::{Statistics, Waits};
use crate::waiters::{Signal, WaitQueue, Waiter, wake_all};

/// The flag.
const SET: u32 = 1;
/// Threads wait. Set while the queue is not empty, and changed only inside the gate.
///
/// While it is set, the flag is made true inside the gate too, in one step with taking the queue; so a thread that comes
/// when the flag has been cleared again is not woken by the `set` before.
const WAITERS: u32 = 2;

/// A flag that starts false; threads wait until it is true: `threading.Event`.
///
/// What a thread did before it set the flag is seen by those that find it set.
///
/// ```
/// use std::thread;
/// use ungil_sync::{Event, WaitResult};
///
/// let event = Event::new();
/// thread::scope(|scope| {
///     let waiter = scope.spawn(|| event.wait(None));
///     event.set();
///     assert_eq!(waiter.join().unwrap(), WaitResult::Ready);
/// });
/// event.clear();
/// assert!(!event.is_set());
/// ```
#[derive(Debug)]
pub struct Event {
    state: AtomicU32,
    queue: Gate<WaitQueue>,
    waits: Waits,
    patience: Patience,
}

impl Event {
    /// An event whose flag is false.
    pub fn new() -> Self {
        Self {
            state: AtomicU32::new(0),
            queue: Gate::new(WaitQueue::new()),
            waits: Waits::new(),
            patience: Patience::new(),
        }
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
        // Relaxed: the exchange decides.
        let mut state = self.state.load(Ordering::Relaxed);
        while state & WAITERS == 0 {
            // Release: pairs with `is_set` and `wait`. Acquire: what follows a `set` is not done before it.
            match self.state.compare_exchange_weak(state, SET, Ordering::AcqRel, Ordering::Relaxed) {
                Ok(_) => return,
                Err(found) => state = found,
            }
        }
        self.set_and_wake();
    }

    #[cold]
    fn set_and_wake(&self) {
        let mut queue = self.queue.enter();
        // The flag is set and WAITERS is not. AcqRel: as in `set`.
        self.state.swap(SET, Ordering::AcqRel);
        let woken = queue.signal(usize::MAX, Signal::GRANTED);
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
        let waiter = Waiter::new();
        {
            let mut queue = self.queue.enter();
            if !self.announce() {
                return WaitResult::Ready;
            }
            queue.push_back(&waiter);
        }
        let begun = self.waits.begin();
        let result = match self.patience.park(&waiter, deadline) {
            Ok(_) => WaitResult::Ready,
            Err(ended) => self.give_up(&waiter, ended),
        };
        self.waits.end(begun);
        result
    }

    /// Inside the gate: sets [`WAITERS`], unless the flag is true.
    fn announce(&self) -> bool {
        // Acquire on failure: pairs with `set`. Relaxed otherwise: a `set` that sees the bit enters the gate.
        self.state
            .fetch_update(Ordering::Relaxed, Ordering::Acquire, |state| {
                (state & SET == 0).then_some(state | WAITERS)
            })
            .is_ok()
    }

    /// A waiter's wait has ended before the flag was set.
    fn give_up(&self, waiter: &Arc<Waiter>, ended: WaitResult) -> WaitResult {
        let mut queue = self.queue.enter();
        if !queue.remove(waiter) {
            return WaitResult::Ready;
        }
        if queue.is_empty() {
            // Relaxed: those who see the bit enter the gate, and are ordered by that.
            self.state.fetch_and(!WAITERS, Ordering::Relaxed);
        }
        ended
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
