//! [`Pool`]: which worker process gets which task, and when there have to be more workers. Who starts them, and learns of their end, is the caller's affair.
//!
//! A task is given to an idle worker by who submits it, through the worker's ring; or it waits. Where tasks are short, workers are given some ahead, so that none
//! waits for the pool; those that are not begun are taken back when another worker is idle, or when theirs has died.
//!
//! Invariants:
//!
//! - A task is in one place at a time: with the caller, in the backlog, or with a worker until [`Pool::take`] or [`Pool::lose`] hands it out.
//! - A worker answers its tasks in their order. One that does not keep to the protocol is handed out as [`Event::Corrupt`], and given nothing more.
//! - Tasks wait only while all workers have enough, or one is on its way.

use std::collections::VecDeque;
use std::mem;
use std::sync::Arc;

use ungil_exec::backlog::Backlog;
use ungil_sync::waiters::{Signal, Ticket, WaitQueue, Waiter, Woken, wake_all};
use ungil_sync::{AfterFork, Deadline, Gate, WaitResult};

use crate::arena::{Held, Producer};
use crate::frame::Frame;
use crate::link::{Link, MOST_AHEAD};

/// The `seq` of a frame that answers no task.
pub const NO_TASK: u64 = u64::MAX;

/// How much work a worker is given ahead, in nanoseconds: some times what it takes the pool to look after it.
const AHEAD: u64 = 1_000_000;

/// A task that runs for less is not worth waking a worker, in nanoseconds; one that is awake is given it instead, behind no more than so much work.
const NOT_WORTH_WAKING: u64 = 30_000;

/// A worker is given no more ahead; and no more are taken back of which it may not know, of no more bytes in its ring: so together they have words of their own, and
/// one that has no task can be given one.
const MOST_GIVEN: usize = MOST_AHEAD / 2;
const MOST_TAKEN_BACK: usize = MOST_AHEAD / 2 - 1;
const LONGEST_TAKEN_BACK: usize = 4096;

/// Tasks and workers.
#[derive(Debug)]
pub struct Pool<T> {
    inside: Gate<Inside<T>>,
    /// Where the blocks of tasks are.
    producer: Arc<Producer>,
}

#[derive(Debug)]
struct Inside<T> {
    backlog: Backlog<Task<T>>,
    workers: Vec<Worker<T>>,
    links: Arc<Vec<Arc<Link>>>,
    /// Those that wait for room in the backlog, and those that wait until no worker is left.
    submitters: WaitQueue,
    joiners: WaitQueue,
    max_workers: usize,
    /// The most tasks that may wait; 0 for any number.
    max_pending: usize,
    /// How many a worker is given before it is dismissed; 0 for any number.
    max_tasks: usize,
    /// Workers that have been asked for and are not there yet.
    n_coming: usize,
    /// Tasks that the caller has, and will put back or not.
    n_held: usize,
    n_started: u64,
    /// How many tasks have been answered.
    n_answered: u64,
    /// How long a task runs, in nanoseconds; unknown before the first.
    mean_run: Option<u64>,
    /// The frame that tells a worker to end.
    dismissal: Frame,
    is_shut_down: bool,
}

/// A call that was submitted.
#[derive(Debug)]
pub struct Task<T> {
    /// What the caller knows it by.
    pub token: T,
    /// What the worker is sent.
    pub frame: Frame,
    /// The blocks that the frame tells of.
    pub held: Vec<Held>,
    /// Those of higher priority are done first.
    pub priority: i64,
    /// It is given to no worker that has another.
    pub is_alone: bool,
    /// It has been given to a worker, this one or one before.
    pub was_given: bool,
}

#[derive(Debug)]
struct Worker<T> {
    number: u64,
    link: Arc<Link>,
    given: VecDeque<(u64, Task<T>)>,
    /// Tasks on their way from the backlog.
    n_reserved: usize,
    n_given: usize,
    next_seq: u64,
    /// Those that were taken back, and that it may not have found to be yet.
    recalled: VecDeque<u64>,
    /// It is given nothing more.
    is_leaving: bool,
}

/// What became of a task that was submitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "a worker may have to be started"]
pub struct Submitted {
    /// A worker has it; otherwise it waits.
    pub was_given: bool,
    /// It was given to a worker that has others, though one is idle: see [`Pool::submit`].
    pub was_gathered: bool,
    /// A worker of this number has to be started: [`Pool::add`], or [`Pool::lose`] if that is not possible.
    pub demand: Option<u64>,
}

/// Why a task was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The pool is shut down.
    ShutDown,
    /// As many tasks wait as may.
    Full,
}

/// What a worker has sent.
#[derive(Debug)]
pub enum Event<T> {
    /// What came of a task.
    Done {
        /// The worker's number.
        worker: u64,
        /// Its link, which has the blocks of the answer: the worker may have ended meanwhile.
        link: Arc<Link>,
        /// What the worker has sent.
        frame: Frame,
        /// The task.
        task: Task<T>,
    },
    /// Something else.
    Message {
        /// The worker's number.
        worker: u64,
        /// What it has sent.
        frame: Frame,
    },
    /// The worker of this number does not keep to the protocol: it has to be ended.
    Corrupt(u64),
}

/// What there is in a pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Census {
    /// Workers, those included that are to come.
    pub n_workers: usize,
    /// Those that have no task.
    pub n_idle: usize,
    /// Tasks that no worker has begun, as far as is known.
    pub n_pending: usize,
}

/// What became of a task that was for a worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "a task may have to be given to another worker"]
pub enum Assigned {
    /// The worker has it, if there was one.
    Given,
    /// It waits again, for the worker to take out what it has.
    Full,
    /// It waits again, since the worker is no more: there may be another for it.
    Gone,
}

impl<T> Pool<T> {
    /// A pool without workers, of at most so many; `dismissal` tells one to end. Zeros are for any number.
    pub fn new(
        max_workers: usize,
        max_pending: usize,
        max_tasks: usize,
        producer: Arc<Producer>,
        dismissal: Frame,
    ) -> Self {
        let inside = Inside {
            backlog: Backlog::new(),
            workers: Vec::new(),
            links: Arc::default(),
            submitters: WaitQueue::new(),
            joiners: WaitQueue::new(),
            max_workers: max_workers.max(1),
            max_pending,
            max_tasks,
            n_coming: 0,
            n_held: 0,
            n_started: 0,
            n_answered: 0,
            mean_run: None,
            dismissal,
            is_shut_down: false,
        };
        Self { inside: Gate::new(inside), producer }
    }

    /// Where the blocks of tasks are.
    pub fn producer(&self) -> &Arc<Producer> {
        &self.producer
    }

    /// Takes a task, and gives it to a worker if one has little to do.
    ///
    /// If the caller is about to submit more, tasks that are short `may_gather` with a worker that is awake, rather than wake another. Then somebody has to look now
    /// and then whether they are stuck behind one that is not ([`Pool::gathered`]), and to give out again what is ([`Pool::next`]).
    ///
    /// # Errors
    ///
    /// The task, and why it was not taken.
    pub fn submit(&self, task: Task<T>, may_gather: bool) -> Result<Submitted, (Task<T>, Refusal)> {
        let mut inside = self.inside.enter();
        if inside.is_shut_down {
            return Err((task, Refusal::ShutDown));
        }
        let mut task = task;
        // What could not be taken back would stay behind a long one.
        let may_gather = may_gather && task.frame.size() <= LONGEST_TAKEN_BACK;
        if inside.backlog.is_empty()
            && let Some(at) = inside.worker_for(task.is_alone, may_gather)
        {
            let was_gathered = may_gather && !inside.workers[at].given.is_empty();
            match inside.give(at, task, &self.producer) {
                None => return Ok(Submitted { was_given: true, was_gathered, demand: None }),
                Some(back) => task = back,
            }
        }
        if inside.is_full() {
            return Err((task, Refusal::Full));
        }
        let priority = task.priority;
        inside.backlog.push(task, priority);
        Ok(Submitted { was_given: false, was_gathered: false, demand: inside.demand() })
    }

    /// If a worker has tasks that it may not have begun, and that could be taken back, and another has none: how many tasks have been answered until now. If that stays the same for a while, they are stuck.
    pub fn gathered(&self) -> Option<u64> {
        let inside = self.inside.enter();
        let is_uneven =
            inside.workers.iter().any(Worker::is_free) && inside.workers.iter().any(Worker::may_give_back);
        is_uneven.then_some(inside.n_answered)
    }

    /// A task that was handed out may come back ([`Pool::put_back`]), or not ([`Pool::let_go`]), or is not done with: until then the pool is not over.
    pub fn hold(&self) {
        self.inside.enter().n_held += 1;
    }

    /// Takes back a task that was held, before those that wait.
    pub fn put_back(&self, task: Task<T>) {
        let priority = task.priority;
        let mut inside = self.inside.enter();
        inside.n_held = inside.n_held.saturating_sub(1);
        inside.backlog.put_back(task, priority);
    }

    /// So many tasks that were held do not come back. True if the pool is over by that: whoever waits for it elsewhere than in [`Pool::join`] is to be told.
    pub fn let_go(&self, n: usize) -> bool {
        let mut inside = self.inside.enter();
        inside.n_held = inside.n_held.saturating_sub(n);
        inside.dismiss();
        let woken = inside.release_joiners();
        let is_over = inside.is_shut_down && inside.is_over();
        drop(inside);
        wake_all(woken);
        is_over
    }

    /// Whether it was shut down, nothing is left to do, and no worker is left.
    pub fn is_over(&self) -> bool {
        let inside = self.inside.enter();
        inside.is_shut_down && inside.is_over()
    }

    /// The next task for a worker that has little to do, and the worker's number, to be given to [`Pool::assign`].
    pub fn next(&self) -> Option<(u64, Task<T>)> {
        let mut inside = self.inside.enter();
        let reserved = inside.reserve();
        let woken = inside.admit();
        drop(inside);
        wake_all(woken);
        reserved
    }

    /// Gives the worker a task that [`Pool::next`] has reserved it for, or nothing if it is not wanted any more.
    pub fn assign(&self, number: u64, task: Option<Task<T>>) -> Assigned {
        let mut inside = self.inside.enter();
        let at = inside.workers.iter().position(|worker| worker.number == number);
        if let Some(at) = at {
            inside.workers[at].n_reserved = inside.workers[at].n_reserved.saturating_sub(1);
        }
        let left = match (task, at) {
            (Some(task), Some(at)) if !inside.workers[at].is_leaving => inside.give(at, task, &self.producer),
            (task, _) => task,
        };
        let Some(task) = left else {
            inside.dismiss();
            return Assigned::Given;
        };
        let priority = task.priority;
        inside.backlog.put_back(task, priority);
        let is_there = at.is_some_and(|at| !inside.workers[at].is_leaving);
        inside.dismiss();
        if is_there { Assigned::Full } else { Assigned::Gone }
    }

    /// A worker that has to be started for tasks that wait.
    pub fn demand(&self) -> Option<u64> {
        self.inside.enter().demand()
    }

    /// A worker that may be started though no task waits for it.
    pub fn want(&self) -> Option<u64> {
        let mut inside = self.inside.enter();
        if inside.is_shut_down || inside.n_workers() >= inside.max_workers {
            return None;
        }
        Some(inside.number_one_to_come())
    }

    /// The worker of this number is there, or on its way: tasks may be put into its ring.
    pub fn add(&self, number: u64, link: Arc<Link>) {
        let mut inside = self.inside.enter();
        inside.n_coming = inside.n_coming.saturating_sub(1);
        inside.workers.push(Worker {
            number,
            link,
            given: VecDeque::new(),
            n_reserved: 0,
            n_given: 0,
            next_seq: 0,
            recalled: VecDeque::new(),
            is_leaving: false,
        });
        inside.list_links();
        inside.dismiss();
    }

    /// Takes what workers have sent, at most about so much. Tasks that are done are held until the caller has seen to them ([`Pool::let_go`]).
    pub fn take(&self, most: usize) -> Vec<Event<T>> {
        let mut inside = self.inside.enter();
        let n_given: usize = inside.workers.iter().map(|worker| worker.given.len()).sum();
        let mut events = Vec::with_capacity(n_given.min(most));
        inside.take(most, &mut events);
        inside.n_held += events.iter().filter(|event| matches!(event, Event::Done { .. })).count();
        inside.dismiss();
        drop(inside);
        events
    }

    /// The worker of this number is no more, or could not be started. What it had not begun waits again; what it had is handed out.
    pub fn lose(&self, number: u64) -> Vec<Task<T>> {
        let mut inside = self.inside.enter();
        let mut begun = Vec::new();
        if let Some(at) = inside.workers.iter().position(|worker| worker.number == number) {
            let worker = inside.workers.swap_remove(at);
            for (seq, task) in worker.given.into_iter().rev() {
                if worker.link.recall(seq) {
                    let priority = task.priority;
                    inside.backlog.put_back(task, priority);
                } else {
                    begun.push(task);
                }
            }
            self.producer.forget(number + 1);
            inside.list_links();
        } else {
            inside.n_coming = inside.n_coming.saturating_sub(1);
        }
        let mut woken = inside.submitters.signal(usize::MAX, Signal::RETRY);
        woken.extend(inside.release_joiners());
        drop(inside);
        wake_all(woken);
        begun
    }

    /// Gives a worker nothing more: it is about to be ended.
    pub fn retire(&self, number: u64) {
        let mut inside = self.inside.enter();
        if let Some(worker) = inside.workers.iter_mut().find(|worker| worker.number == number) {
            worker.is_leaving = true;
        }
    }

    /// Takes no task from now on; workers are dismissed when there is none left.
    pub fn shutdown(&self) {
        let mut inside = self.inside.enter();
        inside.is_shut_down = true;
        inside.dismiss();
        let mut woken = inside.submitters.signal(usize::MAX, Signal::RETRY);
        woken.extend(inside.release_joiners());
        drop(inside);
        wake_all(woken);
    }

    /// Whether it was shut down.
    pub fn is_shut_down(&self) -> bool {
        self.inside.enter().is_shut_down
    }

    /// Takes out the tasks that wait, and those that workers were given and have not begun; but for the first of each, which it is about to begin, if `but_first`.
    pub fn drain(&self, but_first: bool) -> Vec<Task<T>> {
        let mut inside = self.inside.enter();
        let mut tasks = inside.backlog.take();
        for worker in &mut inside.workers {
            let given = mem::take(&mut worker.given);
            for (seq, task) in given {
                if (but_first && worker.given.is_empty()) || !worker.link.recall(seq) {
                    worker.given.push_back((seq, task));
                } else {
                    worker.note_recalled(seq);
                    tasks.push(task);
                }
            }
        }
        inside.dismiss();
        let mut woken = inside.submitters.signal(usize::MAX, Signal::RETRY);
        woken.extend(inside.release_joiners());
        drop(inside);
        wake_all(woken);
        tasks
    }

    /// In a forked child: takes out all tasks, which are the parent's to do, and forgets the workers.
    pub fn drain_in_child(&self) -> Vec<T> {
        let mut inside = self.inside.enter();
        let mut tokens: Vec<T> = inside.backlog.take().into_iter().map(|task| task.token).collect();
        for worker in mem::take(&mut inside.workers) {
            tokens.extend(worker.given.into_iter().map(|(_, task)| task.token));
        }
        (inside.n_coming, inside.n_held) = (0, 0);
        inside.list_links();
        tokens
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

    /// Waits once until the deadline until no worker is left and nothing is left to do.
    ///
    /// # Errors
    ///
    /// [`WaitResult::TimedOut`] or [`WaitResult::Interrupted`].
    pub fn join(&self, ticket: &mut Ticket, deadline: Deadline) -> Result<(), WaitResult> {
        let waiter = Waiter::new();
        {
            let mut inside = self.inside.enter();
            if inside.is_over() {
                return Ok(());
            }
            inside.joiners.push(&waiter, ticket);
        }
        waiter
            .park(deadline)
            .map(drop)
            .or_else(|ended| if self.inside.enter().joiners.remove(&waiter) { Err(ended) } else { Ok(()) })
    }

    /// The links of all workers, at this moment.
    pub fn links(&self) -> Arc<Vec<Arc<Link>>> {
        Arc::clone(&self.inside.enter().links)
    }

    /// The numbers of the workers, and their links.
    pub fn workers(&self) -> Vec<(u64, Arc<Link>)> {
        self.inside.enter().workers.iter().map(|worker| (worker.number, Arc::clone(&worker.link))).collect()
    }

    /// The worker that has the task that `is_it` tells.
    pub fn worker_of(&self, is_it: impl Fn(&T) -> bool) -> Option<u64> {
        let inside = self.inside.enter();
        let has = |worker: &&Worker<T>| worker.given.iter().any(|(_, task)| is_it(&task.token));
        inside.workers.iter().find(has).map(|worker| worker.number)
    }

    /// How many workers and tasks there are.
    pub fn census(&self) -> Census {
        let inside = self.inside.enter();
        let n_ahead: usize = inside.workers.iter().map(|worker| worker.given.len().saturating_sub(1)).sum();
        Census {
            n_workers: inside.n_workers(),
            n_idle: inside.workers.iter().filter(|worker| worker.given.is_empty()).count(),
            n_pending: inside.backlog.len() + n_ahead,
        }
    }
}

impl<T> Inside<T> {
    fn n_workers(&self) -> usize {
        self.n_coming + self.workers.iter().filter(|worker| !worker.is_leaving).count()
    }

    fn is_over(&self) -> bool {
        self.workers.is_empty() && self.n_coming == 0 && self.n_held == 0 && self.backlog.is_empty()
    }

    fn is_full(&self) -> bool {
        // A worker that is to come takes one of those that wait.
        let n_to_come = self.max_workers.saturating_sub(self.n_workers()) + self.n_coming;
        self.max_pending > 0 && self.backlog.len() >= self.max_pending + n_to_come
    }

    /// Whether a task that waits needs another worker.
    fn demand(&mut self) -> Option<u64> {
        // Those on their way, and those that are idle, take one each.
        let n_free = self.n_coming + self.workers.iter().filter(|worker| worker.is_free()).count();
        if self.backlog.len() <= n_free || self.n_workers() >= self.max_workers {
            return None;
        }
        Some(self.number_one_to_come())
    }

    fn number_one_to_come(&mut self) -> u64 {
        self.n_coming += 1;
        self.n_started += 1;
        self.n_started - 1
    }

    /// How many tasks a worker may have.
    fn depth(&self) -> usize {
        match self.mean_run {
            // A task that waits behind another may wait long.
            None => 1,
            Some(mean) => usize::try_from(AHEAD / mean.max(1)).unwrap_or(usize::MAX).clamp(1, MOST_GIVEN),
        }
    }

    /// The worker to give a task to: an idle one, rather one that is awake; or, if there may be no more of them, the one that has least to do, unless all have enough.
    fn worker_for(&self, is_alone: bool, may_gather: bool) -> Option<usize> {
        let idle = self.workers.iter().position(|worker| worker.is_free() && worker.link.is_awake());
        if idle.is_some() {
            return idle;
        }
        if let Some(asleep) = self.workers.iter().position(Worker::is_free) {
            let short = self.mean_run.filter(|_| may_gather && !is_alone);
            let depth = |mean: u64| (NOT_WORTH_WAKING / mean.max(1)).min(MOST_GIVEN as u64);
            let awake = short.and_then(|mean| self.least_loaded(depth(mean), Link::is_awake));
            return Some(awake.unwrap_or(asleep));
        }
        if is_alone || self.n_workers() < self.max_workers {
            return None;
        }
        self.least_loaded(self.depth() as u64, |_| true)
    }

    /// Of the workers that may be given tasks ahead, have fewer than so many, and such a link, the one that has least.
    fn least_loaded(&self, depth: u64, is_wanted: impl Fn(&Link) -> bool) -> Option<usize> {
        // One of whose tasks some were taken back has a long one; and one that has a task alone may be ended with it.
        let is_open = |worker: &Worker<T>| {
            let is_alone = worker.given.iter().any(|(_, task)| task.is_alone);
            worker.is_open(self.max_tasks)
                && worker.recalled.is_empty()
                && !is_alone
                && is_wanted(&worker.link)
        };
        let open = self.workers.iter().enumerate().filter(|(_, worker)| is_open(worker));
        let (at, worker) = open.min_by_key(|(_, worker)| worker.load())?;
        ((worker.load() as u64) < depth).then_some(at)
    }

    /// Puts a task into the worker's ring; the task, if there is no room.
    fn give(&mut self, at: usize, mut task: Task<T>, producer: &Producer) -> Option<Task<T>> {
        let worker = &mut self.workers[at];
        if !worker.is_open(self.max_tasks) {
            return Some(task);
        }
        task.frame.seq = worker.next_seq;
        for held in &task.held {
            producer.lend(held, worker.number + 1);
        }
        match worker.link.put(&task.frame) {
            Ok(true) => {
                task.was_given = true;
                worker.given.push_back((worker.next_seq, task));
                worker.next_seq += 1;
                worker.n_given += 1;
                None
            }
            Ok(false) => Some(task),
            Err(_) => {
                // `take` finds it so, too, and says so.
                worker.is_leaving = true;
                Some(task)
            }
        }
    }

    fn reserve(&mut self) -> Option<(u64, Task<T>)> {
        if self.backlog.is_empty() {
            return self.take_back();
        }
        // Without knowing yet whether the next one has to be alone.
        let at = self.worker_for(false, false)?;
        let task = self.backlog.pop()?;
        if task.is_alone && !self.workers[at].is_free() {
            let priority = task.priority;
            self.backlog.put_back(task, priority);
            return None;
        }
        self.workers[at].n_reserved += 1;
        Some((self.workers[at].number, task))
    }

    /// A task that a worker has not begun, for one that is idle.
    fn take_back(&mut self) -> Option<(u64, Task<T>)> {
        let idle = self.workers.iter().position(Worker::is_free)?;
        for worker in &mut self.workers {
            if worker.may_give_back()
                && let Some((seq, task)) = worker.given.pop_back()
            {
                if !worker.link.recall(seq) {
                    worker.given.push_back((seq, task));
                    continue;
                }
                worker.n_given -= 1;
                worker.note_recalled(seq);
                self.workers[idle].n_reserved += 1;
                return Some((self.workers[idle].number, task));
            }
        }
        None
    }

    fn take(&mut self, most: usize, events: &mut Vec<Event<T>>) {
        let (mut mean_run, mut n_answered) = (self.mean_run, self.n_answered);
        for worker in &mut self.workers {
            while events.len() < most {
                match worker.link.take() {
                    Ok(None) => break,
                    Ok(Some(frame)) if frame.seq == NO_TASK => {
                        events.push(Event::Message { worker: worker.number, frame });
                    }
                    Ok(Some(frame)) if worker.given.front().is_some_and(|(seq, _)| *seq == frame.seq) => {
                        let Some((seq, task)) = worker.given.pop_front() else { break };
                        while worker.recalled.front().is_some_and(|recalled| *recalled < seq) {
                            worker.recalled.pop_front();
                        }
                        let ran = frame.times[1].saturating_sub(frame.times[0]);
                        n_answered += 1;
                        mean_run = Some(mean_run.map_or(ran, |mean| mean - mean / 8 + ran / 8));
                        let link = Arc::clone(&worker.link);
                        events.push(Event::Done { worker: worker.number, link, frame, task });
                    }
                    Ok(Some(_)) | Err(_) => {
                        worker.is_leaving = true;
                        events.push(Event::Corrupt(worker.number));
                        break;
                    }
                }
            }
        }
        (self.mean_run, self.n_answered) = (mean_run, n_answered);
    }

    /// Tells those workers to end that will have nothing more to do.
    fn dismiss(&mut self) {
        let is_over = self.is_shut_down && self.n_held == 0 && self.backlog.is_empty();
        for worker in &mut self.workers {
            let is_spent = self.max_tasks > 0 && worker.n_given >= self.max_tasks;
            if worker.load() == 0 && !worker.is_leaving && (is_over || is_spent) {
                let dismissal = Frame { seq: worker.next_seq, ..self.dismissal.clone() };
                // There may be no room, where it has not taken out yet what was recalled.
                if !matches!(worker.link.put(&dismissal), Ok(true)) {
                    worker.link.hang_up();
                }
                worker.is_leaving = true;
            }
        }
    }

    /// Lets in those who wait for room, as many as there is.
    fn admit(&mut self) -> Vec<Woken> {
        if self.submitters.is_empty() || self.is_full() {
            return Vec::new();
        }
        self.submitters.signal(1, Signal::RETRY)
    }

    fn release_joiners(&mut self) -> Vec<Woken> {
        if self.is_over() { self.joiners.signal(usize::MAX, Signal::GRANTED) } else { Vec::new() }
    }

    fn list_links(&mut self) {
        self.links = Arc::new(self.workers.iter().map(|worker| Arc::clone(&worker.link)).collect());
    }
}

impl<T> Worker<T> {
    fn load(&self) -> usize {
        self.given.len() + self.n_reserved
    }

    /// Whether the task that it was given last may be taken back, if it is not begun.
    fn may_give_back(&self) -> bool {
        let is_short = |(_, task): &(u64, Task<T>)| task.frame.size() <= LONGEST_TAKEN_BACK;
        self.given.len() > 1
            && self.given.back().is_some_and(is_short)
            && self.recalled.len() < MOST_TAKEN_BACK
    }

    fn note_recalled(&mut self, seq: u64) {
        let at = self.recalled.partition_point(|recalled| *recalled < seq);
        self.recalled.insert(at, seq);
    }

    fn is_free(&self) -> bool {
        self.load() == 0 && !self.is_leaving
    }

    fn is_open(&self, max_tasks: usize) -> bool {
        !self.is_leaving && (max_tasks == 0 || self.n_given + self.n_reserved < max_tasks)
    }
}

impl<T> AfterFork for Inside<T> {
    fn after_fork(&mut self, is_torn: bool) {
        if is_torn {
            mem::forget(self.backlog.take());
            mem::forget(mem::take(&mut self.workers));
            mem::forget(mem::take(&mut self.links));
        }
        mem::forget(mem::take(&mut self.submitters));
        mem::forget(mem::take(&mut self.joiners));
    }
}

#[cfg(test)]
mod tests;
