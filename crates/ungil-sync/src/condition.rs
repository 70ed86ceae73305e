//! [`Condition`]: threads that wait to be notified.

use crate::fork::generation;
use crate::gate::Gate;
use crate::lock::Lock;
use crate::park::{Deadline, WaitResult};
use crate::patience::{Patience, stayed_awake};
use crate::prim::Arc;
use crate::statistics::{Statistics, Waits};
use crate::waiters::{Signal, Ticket, WaitQueue, Waiter, wake_all};

/// One of those that waited was chosen: a notification that it does not take is another's.
const CHOSEN: Signal = Signal::GRANTED;
/// All that waited were notified: nobody is left to pass it on to.
const ALL: Signal = Signal::RETRY;

/// The waiting half of `threading.Condition`: its lock is the caller's, and may be of any kind.
///
/// To wait: hold the lock, [`enroll`](Condition::enroll), release the lock, wait, acquire the lock. A notification between
/// enrolling and waiting is not lost. [`Condition::wait`] does it all with a [`Lock`].
///
/// ```
/// use std::thread;
/// use ungil_sync::{Condition, Lock};
///
/// let (lock, condition) = (Lock::new(), Condition::new());
/// let _ = lock.acquire(None);
/// thread::scope(|scope| {
///     scope.spawn(|| {
///         let _ = lock.acquire(None);
///         condition.notify(1);
///         lock.release().unwrap();
///     });
///     let _ = condition.wait(&lock, None);
/// });
/// lock.release().unwrap();
/// ```
#[derive(Debug)]
pub struct Condition {
    queue: Gate<WaitQueue>,
    waits: Waits,
    patience: Patience,
}

/// A thread's place among those that wait for a notification. Dropped, it gives the place up; a notification that it was given
/// and has not taken goes to the next.
#[derive(Debug)]
#[must_use = "who does not wait gives the place up"]
pub struct Waiting<'a> {
    condition: &'a Condition,
    waiter: Arc<Waiter>,
    /// The process in which the place was taken; a forked child knows nothing of it.
    generation: u32,
    is_over: bool,
}

impl Condition {
    /// A condition that nobody waits for.
    pub fn new() -> Self {
        Self { queue: Gate::new(WaitQueue::new()), waits: Waits::new(), patience: Patience::new() }
    }

    /// Takes a place behind those that wait already.
    pub fn enroll(&self) -> Waiting<'_> {
        let waiter = Waiter::new();
        self.queue.enter().push_back(&waiter);
        Waiting { condition: self, waiter, generation: generation(), is_over: false }
    }

    /// Releases `lock`, waits for a notification until the deadline, and acquires the lock again, however long that takes.
    ///
    /// # Panics
    ///
    /// If nobody holds the lock.
    pub fn wait(&self, lock: &Lock, deadline: Deadline) -> WaitResult {
        let mut waiting = self.enroll();
        lock.release().expect("the lock of a condition is held by who waits");
        let result = waiting.wait_on(deadline);
        if stayed_awake() {
            waiting.look_for(|| !lock.is_locked());
        }
        let mut ticket = Ticket::default();
        while lock.acquire_with(&mut ticket, None) != WaitResult::Ready {}
        result
    }

    /// Ends the waits of the `n` threads that came first, or of all if they are fewer.
    pub fn notify(&self, n: usize) {
        let mut queue = self.queue.enter();
        if queue.is_empty() {
            return;
        }
        let signal = if n < queue.len() { CHOSEN } else { ALL };
        let woken = queue.signal(n, signal);
        drop(queue);
        wake_all(woken);
    }

    /// Ends the waits of all.
    pub fn notify_all(&self) {
        self.notify(usize::MAX);
    }

    /// How many threads wait.
    pub fn n_waiters(&self) -> usize {
        self.queue.enter().len()
    }

    /// Forgets who waits: for a forked child, which knows that nobody uses it.
    pub fn reset_after_fork(&self) {
        std::mem::forget(std::mem::take(&mut *self.queue.enter()));
    }

    /// Who waits; what is held is the condition's lock, which has statistics of its own.
    pub fn statistics(&self) -> Statistics {
        self.waits.with(None, self.n_waiters())
    }
}

impl Waiting<'_> {
    /// Waits for a notification until the deadline. An interruption gives the place up too; see [`Waiting::wait_on`].
    pub fn wait(mut self, deadline: Deadline) -> WaitResult {
        self.wait_on(deadline)
    }

    /// As [`Waiting::wait`], but the place outlives an interruption, so that the wait may go on.
    pub fn wait_on(&mut self, deadline: Deadline) -> WaitResult {
        self.take_place_after_fork();
        let begun = self.condition.waits.begin();
        let result = match self.condition.patience.park(&self.waiter, deadline) {
            Ok(_) => WaitResult::Ready,
            Err(WaitResult::Interrupted) => WaitResult::Interrupted,
            Err(ended) => {
                // Notified at this moment, the wait has ended in time after all.
                if self.give_up().is_some() { WaitResult::Ready } else { ended }
            }
        };
        self.condition.waits.end(begun);
        self.is_over = result != WaitResult::Interrupted;
        result
    }

    /// Before the lock is acquired again, by a thread that [stayed awake](stayed_awake) for its notification: who notified
    /// holds the lock and is about to release it. Looks for that for a while.
    pub fn look_for(&self, is_free: impl Fn() -> bool) {
        self.condition.patience.look(|| is_free().then_some(()), None);
    }

    /// Leaves the queue; the notification, if it came before that.
    fn give_up(&self) -> Option<Signal> {
        self.condition.queue.enter().remove(&self.waiter);
        self.waiter.signal()
    }

    /// A thread that forked between two waits, in the handler of the signal that interrupted it, goes on in the child as well.
    fn take_place_after_fork(&mut self) {
        if self.generation != generation() && self.waiter.signal().is_none() {
            self.generation = generation();
            self.condition.queue.enter().push_back(&self.waiter);
        }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if !self.is_over && self.give_up() == Some(CHOSEN) {
            self.condition.notify(1);
        }
    }
}

impl Default for Condition {
    fn default() -> Self {
        Self::new()
    }
}
