//! [`Pool`]: which worker gets which task, and when there have to be more workers. Who the workers are is the caller's affair.
//!
//! A worker asks for a task ([`Pool::next`]), and is given one, or a place in which to wait for one, or is told to leave. It has to be
//! started by the caller when [`Pool::submit`] says so.
//!
//! Invariants:
//!
//! - While a worker is idle, no task waits but those for whom another is on its way: a task that is submitted calls the one that has been idle longest. It stays in the
//!   backlog until that comes, where a forked child finds it.
//! - There are at most `max_workers` workers that are not blocked, and a task waits only while there are as many, or one is on its way.
//! - A worker that waits for the pool's own tasks says so ([`Pool::block`]). When all do, nobody is left to do these tasks: then, and only then, there may
//!   be one more. So nothing waits for ever for its own pool. When the waits are over there is one too many, which leaves before it takes another task.

use std::mem;

use ungil_sync::patience::Patience;
use ungil_sync::waiters::{Signal, Ticket, WaitQueue, Waiter, Woken, wake_all};
use ungil_sync::{AfterFork, Deadline, Gate, WaitResult};

use crate::backlog::Backlog;
use crate::prim::Arc;

/// Tasks and workers of an executor.
#[derive(Debug)]
pub struct Pool<T> {
    inside: Gate<Inside<T>>,
    /// Of workers that wait for tasks.
    patience: Patience,
}

#[derive(Debug)]
struct Inside<T> {
    backlog: Backlog<T>,
    /// Workers that wait for a task.
    idle: WaitQueue,
    /// Those that wait for room in the backlog.
    submitters: WaitQueue,
    /// Those that wait until no worker is left.
    joiners: WaitQueue,
    max_workers: usize,
    /// The most tasks that may wait; 0 for any number.
    max_pending: usize,
    /// Workers that have not left, those included that are to be started.
    n_workers: usize,
    /// Of them, those that were started or called and have not asked for a task yet.
    n_coming: usize,
    /// Of them, those that wait for tasks of this pool.
    n_blocked: usize,
    /// How many workers there ever were: the number of the next.
    n_started: usize,
    is_shut_down: bool,
}

/// What follows from a task that was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "a worker may have to be started"]
pub enum Demand {
    /// Nothing.
    None,
    /// A worker of this number has to be started; [`Pool::lose`] if that is not possible.
    Worker(usize),
}

/// Why a task was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The pool is shut down.
    ShutDown,
    /// As many tasks wait as may.
    Full,
}

/// What a worker is to do next.
#[derive(Debug)]
pub enum Next<T> {
    /// This.
    Task(T),
    /// To wait ([`Pool::wait`]), and to ask again.
    Wait(Idle),
    /// To leave: it is no worker any more.
    Leave,
}

/// The place of a worker that waits for a task.
#[derive(Debug)]
#[must_use = "a worker in such a place is called"]
pub struct Idle(Arc<Waiter>);

/// What there is in a pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Census {
    /// Workers.
    pub n_workers: usize,
    /// Those of them that wait for a task.
    pub n_idle: usize,
    /// Tasks that wait for a worker.
    pub n_pending: usize,
}

impl<T> Pool<T> {
    /// A pool without workers, of at most so many (at least 1), in which at most `max_pending` tasks wait; 0 for any number.
    pub fn new(max_workers: usize, max_pending: usize) -> Self {
        Self {
            inside: Gate::new(Inside {
                backlog: Backlog::new(),
                idle: WaitQueue::new(),
                submitters: WaitQueue::new(),
                joiners: WaitQueue::new(),
                max_workers: max_workers.max(1),
                max_pending,
                n_workers: 0,
                n_coming: 0,
                n_blocked: 0,
                n_started: 0,
                is_shut_down: false,
            }),
            patience: Patience::new(),
        }
    }

    /// Takes a task; those of higher priority are done first.
    ///
    /// # Errors
    ///
    /// The task, and why it was not taken.
    #[inline]
    pub fn submit(&self, task: T, priority: i64) -> Result<Demand, (T, Refusal)> {
        self.take(task, priority, false)
    }

    /// Takes a task from a worker of this pool, though as many wait as may: it would wait for itself to make room.
    ///
    /// # Errors
    ///
    /// The task, if the pool is shut down.
    pub fn submit_from_worker(&self, task: T, priority: i64) -> Result<Demand, (T, Refusal)> {
        self.take(task, priority, true)
    }

    #[inline]
    fn take(&self, task: T, priority: i64, goes_beyond: bool) -> Result<Demand, (T, Refusal)> {
        let mut inside = self.inside.enter();
        if inside.is_shut_down {
            return Err((task, Refusal::ShutDown));
        }
        if inside.is_full() && !goes_beyond {
            return Err((task, Refusal::Full));
        }
        inside.backlog.push(task, priority);
        if inside.idle.is_empty() {
            return Ok(inside.demand());
        }
        let woken = inside.call(1);
        drop(inside);
        wake_all(woken);
        Ok(Demand::None)
    }

    /// Waits once until the deadline for room in the backlog; who waits again with the same ticket keeps its place.
    ///
    /// # Errors
    ///
    /// [`WaitResult::TimedOut`] or [`WaitResult::Interrupted`].
    pub fn wait_for_room(&self, ticket: &mut Ticket, deadline: Deadline) -> Result<(), WaitResult> {
        let waiter = Waiter::new();
        {
            let mut inside = self.inside.enter();
            if inside.is_shut_down || !inside.is_full() {
                return Ok(());
            }
            inside.submitters.push(&waiter, ticket);
        }
        waiter
            .park(deadline)
            .map(drop)
            .or_else(|ended| if self.inside.enter().submitters.remove(&waiter) { Err(ended) } else { Ok(()) })
    }

    /// What a worker is to do next; `was_called` the first time that it asks, and when [`Pool::wait`] has said so.
    #[inline]
    pub fn next(&self, was_called: bool) -> Next<T> {
        let mut inside = self.inside.enter();
        inside.n_coming = inside.n_coming.saturating_sub(usize::from(was_called));
        let is_surplus = inside.n_surplus() > 0;
        if !is_surplus && let Some(task) = inside.backlog.pop() {
            let woken = inside.admit();
            drop(inside);
            wake_all(woken);
            return Next::Task(task);
        }
        if is_surplus || inside.is_shut_down {
            let woken = inside.leave();
            drop(inside);
            wake_all(woken);
            return Next::Leave;
        }
        let waiter = Waiter::new();
        inside.idle.push_back(&waiter);
        // There is room now for what this worker would take.
        let woken = inside.admit();
        drop(inside);
        wake_all(woken);
        Next::Wait(Idle(waiter))
    }

    /// Waits until the worker should ask again; whether it was called.
    pub fn wait(&self, place: &Idle) -> bool {
        self.patience.park(&place.0, None).is_ok() || !self.inside.enter().idle.remove(&place.0)
    }

    /// A worker that was to be started, or has begun, is there no more. The tasks, if it was the last and nobody will do them.
    pub fn lose(&self, was_started: bool) -> Vec<T> {
        let mut inside = self.inside.enter();
        inside.n_coming = inside.n_coming.saturating_sub(usize::from(!was_started));
        let joiners = inside.leave();
        let left = if inside.n_workers == 0 { inside.backlog.take() } else { Vec::new() };
        // There is room now, in the backlog or for a worker.
        let submitters = inside.submitters.signal(usize::MAX, Signal::RETRY);
        drop(inside);
        wake_all(joiners);
        wake_all(submitters);
        left
    }

    /// A worker is about to wait for a task of this pool. If all do so, a further one may have to be started.
    pub fn block(&self) -> Demand {
        let mut inside = self.inside.enter();
        inside.n_blocked += 1;
        if inside.backlog.is_empty() { Demand::None } else { inside.demand() }
    }

    /// A worker no longer waits.
    pub fn unblock(&self) {
        let mut inside = self.inside.enter();
        inside.n_blocked = inside.n_blocked.saturating_sub(1);
        let n_surplus = inside.n_surplus();
        if n_surplus == 0 {
            return;
        }
        // Those that are idle find that they are too many. If none is, the next to ask for a task does.
        let woken = inside.call(n_surplus);
        drop(inside);
        wake_all(woken);
    }

    /// Takes no task from now on; workers leave when there is none left.
    pub fn shutdown(&self) {
        let mut inside = self.inside.enter();
        inside.is_shut_down = true;
        let idle = inside.call(usize::MAX);
        let submitters = inside.submitters.signal(usize::MAX, Signal::RETRY);
        drop(inside);
        wake_all(idle);
        wake_all(submitters);
    }

    /// Whether it was shut down.
    pub fn is_shut_down(&self) -> bool {
        self.inside.enter().is_shut_down
    }

    /// Sets how many workers there may be, at least 1: the next task finds it so, and workers that are too many leave when they next ask for one.
    pub fn set_max_workers(&self, max_workers: usize) {
        self.inside.enter().max_workers = max_workers.max(1);
    }

    /// Takes out the tasks that nobody has begun.
    pub fn drain(&self) -> Vec<T> {
        let mut inside = self.inside.enter();
        let tasks = inside.backlog.take();
        let woken = inside.admit();
        drop(inside);
        wake_all(woken);
        tasks
    }

    /// Waits once until the deadline until no worker is left.
    ///
    /// # Errors
    ///
    /// [`WaitResult::TimedOut`] or [`WaitResult::Interrupted`].
    pub fn join(&self, ticket: &mut Ticket, deadline: Deadline) -> Result<(), WaitResult> {
        let waiter = Waiter::new();
        {
            let mut inside = self.inside.enter();
            if inside.n_workers == 0 {
                return Ok(());
            }
            inside.joiners.push(&waiter, ticket);
        }
        waiter
            .park(deadline)
            .map(drop)
            .or_else(|ended| if self.inside.enter().joiners.remove(&waiter) { Err(ended) } else { Ok(()) })
    }

    /// How many workers and tasks there are.
    pub fn census(&self) -> Census {
        let inside = self.inside.enter();
        Census { n_workers: inside.n_workers, n_idle: inside.idle.len(), n_pending: inside.backlog.len() }
    }

    /// Shows the waiting tasks to a collector, inside the gate.
    pub fn each(&self, visit: impl FnMut(&T)) {
        self.inside.enter().backlog.each(visit);
    }
}

impl<T> Inside<T> {
    /// Whether there is no room for a task. One that a worker on its way will take has left its place already.
    fn is_full(&self) -> bool {
        let n_waiting = self.backlog.len().saturating_sub(self.n_coming);
        let n_to_come = self.max_workers.saturating_sub(self.n_workers) + self.idle.len();
        self.max_pending > 0 && n_to_come == 0 && n_waiting >= self.max_pending
    }

    /// Whether a task that waits needs another worker.
    fn demand(&mut self) -> Demand {
        let is_blocked = self.n_workers > 0 && self.n_blocked >= self.n_workers;
        if self.n_workers >= self.max_workers && !is_blocked {
            return Demand::None;
        }
        self.n_workers += 1;
        self.n_coming += 1;
        self.n_started += 1;
        Demand::Worker(self.n_started - 1)
    }

    /// How many more workers there are than may be, since those that were blocked are not any more.
    fn n_surplus(&self) -> usize {
        (self.n_workers - self.n_blocked.min(self.n_workers)).saturating_sub(self.max_workers)
    }

    /// Lets in those who wait for room, as many as there is.
    fn admit(&mut self) -> Vec<Woken> {
        if self.submitters.is_empty() {
            return Vec::new();
        }
        let n_waiting = self.backlog.len().saturating_sub(self.n_coming);
        let n_free = self.max_pending.saturating_sub(n_waiting) + self.idle.len();
        self.submitters.signal(n_free, Signal::RETRY)
    }

    /// Has so many idle workers ask for a task, those that have been idle longest.
    fn call(&mut self, n: usize) -> Vec<Woken> {
        let woken = self.idle.signal(n, Signal::RETRY);
        self.n_coming += woken.len();
        woken
    }

    fn leave(&mut self) -> Vec<Woken> {
        self.n_workers = self.n_workers.saturating_sub(1);
        if self.n_workers == 0 { self.joiners.signal(usize::MAX, Signal::GRANTED) } else { Vec::new() }
    }
}

impl<T> AfterFork for Inside<T> {
    fn after_fork(&mut self, is_torn: bool) {
        if is_torn {
            mem::forget(self.backlog.take());
        }
        mem::forget(mem::take(&mut self.idle));
        mem::forget(mem::take(&mut self.submitters));
        mem::forget(mem::take(&mut self.joiners));
        (self.n_workers, self.n_coming, self.n_blocked) = (0, 0, 0);
    }
}
