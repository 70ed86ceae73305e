//! `_ProcessPool`: what an executor submits to, and its workers' starter serves.

use std::collections::VecDeque;
use std::os::fd::{AsFd, AsRawFd, FromRawFd, IntoRawFd, OwnedFd, RawFd};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};
use std::{io, mem};

use pyo3::exceptions::{PyRuntimeError, PyValueError};
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList, PyTuple};
use ungil_ipc::arena::{Arena, Producer};
use ungil_ipc::frame::{Frame, MOST_INLINE};
use ungil_ipc::link::Link;
use ungil_ipc::pool::{Pool, Refusal, Task};
use ungil_sync::patience::Patience;
use ungil_sync::waiters::Ticket;
use ungil_sync::{AfterFork, Gate};

use super::{kind, message, pump, waiting};
use crate::futures::record::{Record, Row, Summary};
use crate::futures::{Future, errors, record, transition};
use crate::gil;
use crate::once::OnceBox;
use crate::plain;

/// What a pool knows a call by.
#[derive(Debug)]
pub(super) struct Token {
    pub(super) future: Py<Future>,
    /// What has its options, if it has any: told when the call begins, and asked when it raises.
    pub(super) call: Option<Py<PyAny>>,
    pub(super) submitted: u64,
    /// What a trace calls it: its name, or what is called; if there is a trace.
    pub(super) name: Option<Py<PyAny>>,
    /// What the worker opens when it reads the call, and is kept until its end.
    _kept: Option<Py<PyAny>>,
}

/// What an executor, its watching thread and those who wait for its results share.
pub(crate) struct Shared {
    pub(super) pool: Pool<Token>,
    pub(super) record: Record,
    /// Of those who wait for results.
    pub(super) patience: Patience,
    /// Python's part: how workers are started, and what raised there.
    pub(super) keeper: Py<PyAny>,
    /// `pickle.loads`.
    pub(super) loads: Py<PyAny>,
    /// Futures that have ended, and their callbacks, which the watching thread is to call.
    pub(super) deferred: Gate<Deferred>,
    /// Readable when the watching thread is to look.
    pub(super) alarm: OwnedFd,
    /// Why it is of no use any more.
    broken: OnceBox<String>,
    /// When the last call was submitted.
    pub(super) last_submit: AtomicU64,
    /// How often somebody has looked after results, and whether the watching thread looks whether somebody does.
    pub(super) n_looks: AtomicU64,
    pub(super) is_looked_after: AtomicBool,
    /// Whether the watching thread has been started.
    pub(super) is_watched: AtomicBool,
}

pub(super) struct Deferred(pub(super) VecDeque<(Py<Future>, Vec<Py<PyAny>>)>);

impl AfterFork for Deferred {
    fn after_fork(&mut self, _is_torn: bool) {
        // They are the parent's to call.
        mem::forget(mem::take(&mut self.0));
    }
}

/// All pools that there may be, by which a future finds its own.
static POOLS: Gate<Pools> = Gate::new(Pools(Vec::new()));

struct Pools(Vec<Weak<Shared>>);

impl AfterFork for Pools {
    fn after_fork(&mut self, is_torn: bool) {
        if is_torn {
            mem::forget(mem::take(&mut self.0));
        }
    }
}

/// The pool at an address, if it is one of these.
pub(super) fn find(address: usize) -> Option<Arc<Shared>> {
    if address == 0 {
        return None;
    }
    let pools = POOLS.enter();
    pools.0.iter().find(|pool| pool.as_ptr() as usize == address).and_then(Weak::upgrade)
}

/// Calls for other processes, and what came of them.
#[pyclass(frozen, weakref, name = "_ProcessPool", module = "ungil._core")]
pub(crate) struct ProcessPool {
    pub(super) shared: Arc<Shared>,
}

#[pymethods]
impl ProcessPool {
    /// A pool of at most so many workers, of which each makes at most `max_tasks` calls, and in which at most `max_pending` calls wait; 0 for any number. `keeper` starts the
    /// workers and reads their pickles.
    #[new]
    fn new(
        py: Python<'_>,
        keeper: Py<PyAny>,
        max_workers: usize,
        max_pending: usize,
        max_tasks: usize,
    ) -> PyResult<Self> {
        // SAFETY: takes numbers.
        let alarm = unsafe { libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) };
        if alarm < 0 {
            return Err(io::Error::last_os_error().into());
        }
        // SAFETY: a descriptor of our own, made just now.
        let alarm = unsafe { OwnedFd::from_raw_fd(alarm) };
        let dismissal = Frame { kind: kind::DISMISSAL, ..Frame::default() };
        let producer = Producer::new(Arena::new()?);
        let shared = Arc::new(Shared {
            pool: Pool::new(max_workers, max_pending, max_tasks, producer, dismissal),
            record: Record::new(),
            patience: Patience::new(),
            keeper,
            loads: py.import("pickle")?.getattr("loads")?.unbind(),
            deferred: Gate::new(Deferred(VecDeque::new())),
            alarm,
            broken: OnceBox::new(),
            last_submit: AtomicU64::new(0),
            n_looks: AtomicU64::new(0),
            is_looked_after: AtomicBool::new(false),
            is_watched: AtomicBool::new(false),
        });
        let weak = Arc::downgrade(&shared);
        let mut pools = POOLS.enter();
        pools.0.retain(|pool| pool.strong_count() > 0);
        pools.0.push(weak);
        drop(pools);
        Ok(Self { shared })
    }

    /// Submits a pickled call for a future, at whose end `kept` is let go of. `name` is what a trace calls it. `call` has its options; a call that is `alone` is given to an
    /// idle worker.
    #[pyo3(signature = (future, pickle, buffers=None, kept=None, name=None, call=None, priority=0, alone=false, block=true))]
    #[expect(clippy::too_many_arguments, reason = "the options of a call")]
    fn submit(
        &self,
        py: Python<'_>,
        future: &Bound<'_, Future>,
        pickle: &Bound<'_, PyBytes>,
        buffers: Option<&Bound<'_, PyList>>,
        kept: Option<Py<PyAny>>,
        name: Option<Py<PyAny>>,
        call: Option<Py<PyAny>>,
        priority: i64,
        alone: bool,
        block: bool,
    ) -> PyResult<()> {
        let (frame, held) = message::packed(py, self.shared.pool.producer(), kind::CALL, pickle, buffers)?;
        let token =
            Token { future: future.clone().unbind(), call, submitted: record::now(), name, _kept: kept };
        let task = Task { token, frame, held, priority, is_alone: alone, was_given: false };
        self.submit_task(py, future, task, block)
    }

    /// Submits a call, if all of its arguments are plain, and returns how many bytes that takes; 0 if they are not, and nothing was done. `head` is what is called: the module
    /// and the name by which it is imported, or the pickle of what goes by value in many calls.
    #[pyo3(signature = (future, head, args, called=None))]
    fn submit_plain(
        &self,
        py: Python<'_>,
        future: &Bound<'_, Future>,
        head: &Bound<'_, PyTuple>,
        args: &Bound<'_, PyTuple>,
        called: Option<Py<PyAny>>,
    ) -> PyResult<usize> {
        let mut bytes = Vec::with_capacity(64);
        if !head
            .iter_borrowed()
            .chain(args.iter_borrowed())
            .all(|value| plain::write(&value, &mut bytes, MOST_INLINE))
        {
            return Ok(0);
        }
        let n_bytes = bytes.len();
        let frame = Frame { kind: kind::PLAIN_CALL, bytes, ..Frame::default() };
        let future_of_it = future.clone().unbind();
        let token =
            Token { future: future_of_it, call: None, submitted: record::now(), name: called, _kept: None };
        let task = Task { token, frame, held: Vec::new(), priority: 0, is_alone: false, was_given: false };
        self.submit_task(py, future, task, true).map(|()| n_bytes)
    }

    /// Has as many workers started as there may be, whether or not there are calls for them.
    fn fill(&self, py: Python<'_>) -> PyResult<()> {
        let shared = &self.shared;
        while let Some(number) = shared.pool.want() {
            if let Err(error) = pump::call_keeper(py, shared, "start", number) {
                // No call was given to it.
                drop(shared.pool.lose(number));
                return Err(error);
            }
        }
        pump::dispatch(py, shared)
    }

    /// A link for the worker of this number: the descriptors of its memory, its socket, and the arenas of calls and of answers, which the caller closes.
    fn make_link(&self, number: u64) -> PyResult<(RawFd, RawFd, RawFd, RawFd)> {
        let shared = &self.shared;
        let (link, socket) = Link::new()?;
        let memory = link.memory().try_clone_to_owned()?;
        let calls = shared.pool.producer().arena().as_fd().try_clone_to_owned()?;
        let theirs = link.answers().as_fd().try_clone_to_owned()?;
        shared.pool.add(number, Arc::new(link));
        shared.ring();
        Ok((memory.into_raw_fd(), socket.into_raw_fd(), calls.into_raw_fd(), theirs.into_raw_fd()))
    }

    /// The worker of this number is no more, or could not be started: the call that it was making fails with `error`, and others are made elsewhere. Returns how many
    /// failed.
    fn lose(&self, py: Python<'_>, number: u64, error: &Bound<'_, PyAny>) -> PyResult<usize> {
        let shared = &self.shared;
        // What it has answered counts.
        pump::pump(py, shared)?;
        let begun = shared.pool.lose(number);
        let n_begun = begun.len();
        let mut result = Ok(());
        for task in begun {
            result = result.and(pump::end(py, shared, task, Err(error.clone().unbind()), number, None));
        }
        result.and(pump::dispatch(py, shared)).map(|()| n_begun)
    }

    /// Gives the worker of this number nothing more.
    fn retire(&self, number: u64) {
        self.shared.pool.retire(number);
    }

    /// The number of the worker that has the call of a future, or None.
    fn worker_of(&self, future: &Bound<'_, Future>) -> Option<u64> {
        self.shared.pool.worker_of(|token| token.future.is(future))
    }

    /// Does what is to be done with what workers have sent, and gives out calls that wait.
    fn pump(&self, py: Python<'_>) -> PyResult<()> {
        pump::pump(py, &self.shared)
    }

    /// Waits until a worker has sent something, and does what is to be done; or until a worker has ended that is not in `gone`, or one of `fds` is readable, or so
    /// many seconds have passed. Returns the numbers of such workers, and the descriptors.
    #[pyo3(signature = (fds, gone, timeout=None))]
    #[expect(clippy::needless_pass_by_value, reason = "as PyO3 has it")]
    fn watch(
        &self,
        py: Python<'_>,
        fds: Vec<RawFd>,
        gone: Vec<u64>,
        timeout: Option<f64>,
    ) -> PyResult<(Vec<u64>, Vec<RawFd>)> {
        let left = timeout.map(|seconds| Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX));
        let deadline = left.and_then(|left| Instant::now().checked_add(left));
        waiting::watch(py, &self.shared, &fds, &gone, deadline)
    }

    /// Takes no more calls; those that have not begun are cancelled, if `cancel_futures`, but for the first of each worker, which it is about to begin, if `but_first`.
    #[pyo3(signature = (cancel_futures, but_first=true))]
    fn close(&self, py: Python<'_>, cancel_futures: bool, but_first: bool) -> PyResult<()> {
        let shared = &self.shared;
        shared.pool.shutdown();
        let drained = if cancel_futures { shared.pool.drain(but_first) } else { Vec::new() };
        shared.ring();
        let mut result = Ok(());
        for task in drained {
            result = result.and(pump::cancel(py, &task.token));
        }
        result
    }

    /// Takes no more calls, and fails all that there are with `error`; `why` is what later ones are told.
    fn break_down(&self, py: Python<'_>, why: String, error: &Bound<'_, PyAny>) -> PyResult<()> {
        let shared = &self.shared;
        shared.broken.get_or_set(why);
        shared.pool.shutdown();
        let drained = shared.pool.drain(false);
        shared.ring();
        let mut result = Ok(());
        for task in drained {
            let outcome = Err(error.clone().unbind());
            result = result.and(pump::finish(py, &task.token, outcome));
        }
        result
    }

    /// Waits until nothing is left to do and no worker is left.
    fn join(&self, py: Python<'_>) -> PyResult<()> {
        let mut ticket = Ticket::default();
        // Without a deadline, so nothing but a handler's exception ends it early.
        gil::wait(py, || self.shared.pool.join(&mut ticket, None)).map(drop)
    }

    /// Whether a thread is to watch the pool from now on: true the first time.
    fn begin_watching(&self) -> bool {
        // Relaxed: of two that come, one is told so.
        !self.shared.is_watched.swap(true, Ordering::Relaxed)
    }

    /// Whether nothing is left to do, and nothing can come.
    #[getter]
    fn is_over(&self) -> bool {
        self.shared.pool.is_over()
    }

    /// Whether no more calls are taken.
    #[getter]
    fn is_shut_down(&self) -> bool {
        self.shared.pool.is_shut_down()
    }

    /// Why the pool is of no use any more, or None.
    #[getter]
    fn broken(&self) -> Option<String> {
        self.shared.broken.get().cloned()
    }

    /// How many workers there are, how many of them have no call, and how many calls have not begun.
    fn census(&self) -> (usize, usize, usize) {
        let census = self.shared.pool.census();
        (census.n_workers, census.n_idle, census.n_pending)
    }

    /// How many calls returned, raised and were cancelled, and the mean seconds for which they waited and ran.
    fn summary(&self) -> Summary {
        self.shared.record.summary()
    }

    /// Begins to keep each call that is made; the clock of the trace.
    fn begin_trace(&self) -> u64 {
        self.shared.record.begin_trace()
    }

    /// The calls that were kept: what was called, the worker's number, how it ended, and when it was submitted, begun and ended, in nanoseconds.
    fn end_trace(&self) -> Vec<Row> {
        self.shared.record.end_trace()
    }

    /// How many blocks of shared memory calls have in use.
    fn n_blocks(&self) -> usize {
        self.shared.pool.producer().n_used()
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        // What the watching thread shares is not to be collected.
        if Arc::strong_count(&self.shared) == 1 { visit.call(&self.shared.keeper) } else { Ok(()) }
    }
}

impl ProcessPool {
    /// Gives a call to the pool, or has it wait there.
    fn submit_task(
        &self,
        py: Python<'_>,
        future: &Bound<'_, Future>,
        mut task: Task<Token>,
        block: bool,
    ) -> PyResult<()> {
        let shared = &self.shared;
        future.get().set_pool(Arc::as_ptr(shared) as usize);
        let begins = task.token.call.as_ref().map(|call| call.clone_ref(py));
        let mut ticket = Ticket::default();
        let may_gather = waiting::look_around(py, shared, task.token.submitted);
        let submitted = loop {
            match shared.pool.submit(task, may_gather) {
                Ok(submitted) => break submitted,
                Err((back, Refusal::Full)) if block => {
                    task = back;
                    // Without a deadline, so nothing but a handler's exception ends it early.
                    let _ = gil::wait(py, || shared.pool.wait_for_room(&mut ticket, None))?;
                }
                Err((_, refusal)) => return Err(self.refused(py, refusal)),
            }
        };
        if submitted.was_gathered {
            waiting::have_looked_after(shared);
        }
        if submitted.was_given {
            pump::has_begun(py, future, begins.as_ref())?;
        }
        match submitted.demand {
            Some(number) => pump::start_worker(py, shared, number),
            None => Ok(()),
        }
    }

    fn refused(&self, py: Python<'_>, refusal: Refusal) -> PyErr {
        match (self.shared.broken.get(), refusal) {
            (Some(why), _) => errors::broken_process_pool(py, why),
            (None, Refusal::ShutDown) => {
                PyRuntimeError::new_err("cannot schedule new futures after shutdown")
            }
            (None, Refusal::Full) => errors::full(py),
        }
    }
}

impl Shared {
    /// So many calls that were held are done with.
    pub(super) fn let_go(&self, n: usize) {
        if self.pool.let_go(n) {
            // The watching thread has nothing more to wait for.
            self.ring();
        }
    }

    /// Has the watching thread look.
    pub(super) fn ring(&self) {
        let one = 1_u64.to_ne_bytes();
        // SAFETY: eight bytes of ours. It fails if nobody has looked for very long, and then it need not ring again.
        unsafe { libc::write(self.alarm.as_raw_fd(), one.as_ptr().cast(), one.len()) };
    }
}

/// A call that is to be made again. The pool is not over while there is one.
#[pyclass(frozen, name = "_Attempt", module = "ungil._core")]
pub(crate) struct Attempt {
    shared: Arc<Shared>,
    task: Gate<Kept>,
}

struct Kept(Option<Task<Token>>);

impl AfterFork for Kept {
    fn after_fork(&mut self, _is_torn: bool) {
        mem::forget(self.0.take());
    }
}

#[pymethods]
impl Attempt {
    /// Has the call made again.
    fn submit(&self, py: Python<'_>) -> PyResult<()> {
        let task = self.task.enter().0.take();
        let Some(task) = task else { return Err(PyValueError::new_err("this attempt has been made")) };
        self.shared.pool.put_back(task);
        pump::dispatch(py, &self.shared)
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        let kept = self.task.enter();
        let Some(task) = &kept.0 else { return Ok(()) };
        visit.call(&task.token.future)?;
        task.token.call.as_ref().map_or(Ok(()), |call| visit.call(call))
    }
}

impl Attempt {
    pub(super) fn new(shared: &Arc<Shared>, task: Task<Token>) -> Self {
        shared.pool.hold();
        Self { shared: Arc::clone(shared), task: Gate::new(Kept(Some(task))) }
    }

    /// Gives up the attempt; the task, if it has not been made.
    pub(super) fn take(&self) -> Option<Task<Token>> {
        let task = self.task.enter().0.take();
        if task.is_some() {
            self.shared.let_go(1);
        }
        task
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        let Some(task) = self.take() else { return };
        gil::attached_if_possible(|py| {
            let why = "nobody has made the further attempt of the call";
            let error = errors::broken_process_pool(py, why).into_value(py).into_any();
            if let Err(error) = pump::finish(py, &task.token, Err(error)) {
                error.write_unraisable(py, None);
            }
            drop(task);
        });
    }
}

/// In a forked child: no worker is this process's, and no call will end here.
#[pyfunction]
#[pyo3(name = "_forget_process_pools")]
pub(crate) fn forget_process_pools(py: Python<'_>) -> PyResult<()> {
    let pools: Vec<Arc<Shared>> = POOLS.enter().0.iter().filter_map(Weak::upgrade).collect();
    let mut result = Ok(());
    for shared in pools {
        let why = "the pool is the parent's: this process was forked from it";
        shared.broken.get_or_set(why.to_owned());
        for token in shared.pool.drain_in_child() {
            let error = errors::broken_process_pool(py, why).into_value(py).into_any();
            result = result.and(transition::end_in_child(token.future.bind(py), Err(error)));
        }
        shared.pool.shutdown();
    }
    result
}
