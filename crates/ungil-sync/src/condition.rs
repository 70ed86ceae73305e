//! [`Condition`]: threads that wait to be notified.

use crate::gate::Gate;
use crate::lock::Lock;
use crate::park::{Deadline, WaitResult};
use crate::prim::Arc;
use crate::statistics::{Statistics, Waits};
use crate::waiters::{Signal, WaitQueue, Waiter, wake_all};

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
}

/// A thread's place among those that wait for a notification. Dropped, it gives the place up; a notification that it was given
/// and has not taken goes to the next.
#[derive(Debug)]
#[must_use = "who does not wait gives the place up"]
pub struct Waiting<'a> {
    condition: &'a Condition,
    waiter: Arc<Waiter>,
    is_over: bool,
}

impl Condition {
    /// A condition that nobody waits for.
    pub fn new() -> Self {
        Self { queue: Gate::new(WaitQueue::new()), waits: Waits::new() }
    }

    /// Takes a place behind those that wait already.
    pub fn enroll(&self) -> Waiting<'_> {
        let waiter = Waiter::new();
        self.queue.enter().push_back(&waiter);
        Waiting { condition: self, waiter, is_over: false }
    }

    /// Releases `lock`, waits for a notification until the deadline, and acquires the lock again, however long that takes.
    ///
    /// # Panics
    ///
    /// If nobody holds the lock.
    pub fn wait(&self, lock: &Lock, deadline: Deadline) -> WaitResult {
        let waiting = self.enroll();
        lock.release().expect("the lock of a condition is held by who waits");
        let result = waiting.wait(deadline);
        while lock.acquire(None) != WaitResult::Ready {}
        result
    }

    /// Ends the waits of the `n` threads that came first, or of all if they are fewer.
    pub fn notify(&self, n: usize) {
        let mut queue = self.queue.enter();
        if queue.is_empty() {
            return;
        }
        let woken = queue.signal(n, Signal::GRANTED);
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
    /// Waits for a notification until the deadline. When interrupted, the place is kept until dropped: call it again with
    /// [`Waiting::wait_on`].
    pub fn wait(mut self, deadline: Deadline) -> WaitResult {
        self.wait_on(deadline)
    }

    /// As [`Waiting::wait`], but the place outlives an interruption, so that the wait may go on.
    pub fn wait_on(&mut self, deadline: Deadline) -> WaitResult {
        let begun = self.condition.waits.begin();
        let result = match self.waiter.park(deadline) {
            Ok(_) => WaitResult::Ready,
            Err(WaitResult::Interrupted) => WaitResult::Interrupted,
            // Notified at this moment: the wait has ended in time after all.
            Err(ended) => {
                if self.condition.queue.enter().remove(&self.waiter) { ended } else { WaitResult::Ready }
            }
        };
        self.condition.waits.end(begun);
        self.is_over = result != WaitResult::Interrupted;
        result
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if !self.is_over && !self.condition.queue.enter().remove(&self.waiter) {
            self.condition.notify(1);
        }
    }
}

impl Default for Condition {
    fn default() -> Self {
        Self::new()
    }
}
