//! `ThreadPool`: the half of `ThreadPoolExecutor` that takes calls, and [`Shared`], which it shares with its workers.

use std::ffi::CStr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};

use pyo3::exceptions::{PyMemoryError, PyRuntimeError, PyTypeError};

use pyo3::ffi;
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple, PyType};
use ungil_exec::pool::{Demand, Pool, Refusal};
use ungil_sync::waiters::Ticket;
use ungil_sync::{AfterFork, Gate};

use super::future::Future;
use super::record::{self, Record, Row, Summary};
use super::task::{self, Task};
use super::worker::{Slots, Worker, is_worker_of};
use super::{create, errors, transition};
use crate::gil;
use crate::method::{Call, Method, slow, this};
use crate::once::OnceBox;

/// What an executor and its workers share.
pub(crate) struct Shared {
    pub(crate) pool: Pool<Task>,
    pub(crate) record: Record,
    pub(crate) slots: Slots,
    /// Why it is of no use any more.
    broken: OnceBox<String>,
    /// Starts a thread, given its target, its number, and whether it is one beyond the number that was asked for.
    start: Py<PyAny>,
}

/// All pools that have ever had a worker and may have one now, for the end of the interpreter and for forked children.
static POOLS: Gate<Pools> = Gate::new(Pools(Vec::new()));

struct Pools(Vec<Weak<Shared>>);

impl AfterFork for Pools {
    fn after_fork(&mut self, is_torn: bool) {
        if is_torn {
            std::mem::forget(std::mem::take(&mut self.0));
        }
    }
}

/// Whether the interpreter has begun to end: no pool takes a call any more.
static IS_CLOSING: AtomicBool = AtomicBool::new(false);

impl Shared {
    /// Notes why the pool is of no use, takes no more calls, and fails those that nobody has begun.
    pub(crate) fn break_down(&self, py: Python<'_>, why: &str) {
        self.broken.get_or_set(why.to_owned());
        self.pool.shutdown();
        let left = self.pool.drain();
        self.fail(py, &left);
    }

    /// Fails calls that nobody will make.
    pub(crate) fn fail(&self, py: Python<'_>, tasks: &[Task]) {
        for task in tasks {
            let why = self.broken.get().map_or("the pool has no worker", String::as_str);
            task.fail(py, errors::broken_thread_pool(py, why).into_value(py));
        }
    }

    /// Starts a worker that the pool has counted already; `is_further` beyond the number that was asked for, since all others wait for calls of their own pool.
    ///
    /// # Errors
    ///
    /// Why there is none; not if the system has no thread and the pool has others, which make the calls.
    pub(crate) fn start_worker(
        self: &Arc<Self>,
        py: Python<'_>,
        number: usize,
        is_further: bool,
    ) -> PyResult<()> {
        let worker = Bound::new(py, Worker::new(Arc::clone(self)));
        // After `worker`, and so dropped before it, wherever below the interpreter ends this thread: also in the drop of an exception.
        let returning = gil::Returning::new();
        let started = self.start_by(py, worker.as_ref(), number, is_further);
        returning.has_come();
        started
    }

    fn start_by(
        self: &Arc<Self>,
        py: Python<'_>,
        worker: Result<&Bound<'_, Worker>, &PyErr>,
        number: usize,
        is_further: bool,
    ) -> PyResult<()> {
        let started = worker.map_err(|error| error.clone_ref(py)).and_then(|worker| {
            let args = (worker, number, is_further).into_pyobject(py)?;
            gil::calling(self.start.bind(py), args.as_borrowed()).map(drop)
        });
        let Err(error) = started else { return Ok(()) };
        if worker.is_ok_and(|worker| !worker.get().lose()) {
            // Its thread has begun, and something else was raised meanwhile.
            return Err(error);
        }
        let left = self.pool.lose(false);
        let is_lack = error.is_instance_of::<PyRuntimeError>(py) || error.is_instance_of::<PyMemoryError>(py);
        if is_lack && !is_further && self.pool.census().n_workers > 0 {
            return Ok(());
        }
        task::cancel_all(py, &left)?;
        Err(error)
    }
}

/// The half of `ThreadPoolExecutor` that takes calls.
#[pyclass(frozen, weakref, dict, subclass, name = "_ThreadPool", module = "ungil._core")]
pub(crate) struct ThreadPool {
    opened: OnceBox<Opened>,
}

struct Opened {
    shared: Arc<Shared>,
    /// The class of the futures.
    future: Py<PyType>,
    /// Makes what is called in the place of what was submitted.
    prepared: Option<Py<PyAny>>,
}

#[pymethods]
impl ThreadPool {
    // Subclasses have arguments of their own.
    #[new]
    #[pyo3(signature = (*_args, **_kwargs))]
    fn new(_args: &Bound<'_, PyTuple>, _kwargs: Option<&Bound<'_, PyDict>>) -> Self {
        Self { opened: OnceBox::new() }
    }

    /// Begins to take calls, whose threads `start` starts, for at most so many workers, of which `max_pending` may wait; 0 for any number. `future` is the class of the futures, and what
    /// `prepared` makes of a function is called in its place.
    #[pyo3(signature = (start, max_workers, max_pending, future, prepared=None))]
    fn _open(
        &self,
        start: Py<PyAny>,
        max_workers: usize,
        max_pending: usize,
        future: &Bound<'_, PyType>,
        prepared: Option<Py<PyAny>>,
    ) -> PyResult<()> {
        if !future.is_subclass_of::<Future>()? {
            return Err(PyTypeError::new_err(
                "the class of the futures must be a subclass of ungil's Future",
            ));
        }
        let shared = Arc::new(Shared {
            pool: Pool::new(max_workers, max_pending),
            record: Record::new(),
            slots: Slots::new(),
            broken: OnceBox::new(),
            start,
        });
        let weak = Arc::downgrade(&shared);
        if self.opened.set(Opened { shared, future: future.clone().unbind(), prepared }).is_ok() {
            let mut pools = POOLS.enter();
            pools.0.retain(|pool| pool.strong_count() > 0);
            pools.0.push(weak);
        }
        Ok(())
    }

    /// Sets how many workers there may be, from the next call on.
    fn _set_max_workers(&self, max_workers: usize) -> PyResult<()> {
        self.opened()?.shared.pool.set_max_workers(max_workers);
        Ok(())
    }

    /// Submits `call()`, for a future that was made before, to be made before calls of lower priority. With `block`, waits for room in the backlog.
    fn _submit_call(
        slf: &Bound<'_, Self>,
        future: Py<Future>,
        call: Py<PyAny>,
        priority: i64,
        block: bool,
    ) -> PyResult<()> {
        let py = slf.py();
        let shared = &slf.get().opened()?.shared;
        if is_closing(shared) {
            return Err(refused(py, shared, Refusal::ShutDown));
        }
        future.get().set_pool(Arc::as_ptr(shared) as usize);
        let args = PyTuple::empty(py).unbind();
        let task = Task { future, function: call, args, kwargs: None, submitted: record::now() };
        let tried = shared.pool.submit(task, priority);
        settle(py, shared, tried, priority, block)
    }

    /// How many calls returned, raised and were cancelled, and the mean seconds for which they waited and ran.
    fn _summary(&self) -> PyResult<Summary> {
        Ok(self.opened()?.shared.record.summary())
    }

    /// Begins to keep each call that is made; the clock of the trace.
    fn _begin_trace(&self) -> PyResult<u64> {
        Ok(self.opened()?.shared.record.begin_trace())
    }

    /// The calls that were kept: what was called, the thread's number, how it ended, and when it was submitted, begun and ended, in nanoseconds.
    fn _end_trace(&self) -> PyResult<Vec<Row>> {
        Ok(self.opened()?.shared.record.end_trace())
    }

    /// Takes no more calls; those that wait are cancelled, if `cancel_futures`.
    fn _close(&self, py: Python<'_>, cancel_futures: bool) -> PyResult<()> {
        let pool = &self.opened()?.shared.pool;
        pool.shutdown();
        if cancel_futures { task::cancel_all(py, &pool.drain()) } else { Ok(()) }
    }

    /// Waits until no worker is left.
    fn _join(&self, py: Python<'_>) -> PyResult<()> {
        join(py, &self.opened()?.shared)
    }

    /// Whether this thread is one of the executor's.
    fn _is_own_thread(&self) -> bool {
        self.opened.get().is_some_and(|opened| is_worker_of(&opened.shared))
    }

    /// Whether the executor takes no more calls.
    #[getter]
    fn _shutdown(&self) -> bool {
        self.opened.get().is_some_and(|opened| opened.shared.pool.is_shut_down())
    }

    /// Why the executor is of no use any more, or False.
    #[getter]
    fn _broken<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let broken = self.opened.get().and_then(|opened| opened.shared.broken.get());
        match broken {
            Some(why) => Ok(why.into_pyobject(py)?.into_any()),
            None => Ok(false.into_pyobject(py)?.to_owned().into_any()),
        }
    }

    /// How many workers there are, how many of them are idle, and how many calls wait.
    fn _census(&self) -> PyResult<(usize, usize, usize)> {
        let census = self.opened()?.shared.pool.census();
        Ok((census.n_workers, census.n_idle, census.n_pending))
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        let Some(opened) = self.opened.get() else { return Ok(()) };
        visit.call(&opened.future)?;
        if let Some(prepared) = &opened.prepared {
            visit.call(prepared)?;
        }
        // What workers share belongs to their threads, which are not to be collected.
        if Arc::strong_count(&opened.shared) == 1 { visit.call(&opened.shared.start) } else { Ok(()) }
    }
}

impl ThreadPool {
    fn opened(&self) -> PyResult<&Opened> {
        self.opened.get().ok_or_else(|| {
            PyRuntimeError::new_err("the executor is not initialised: its class's __init__ was not called")
        })
    }
}

impl Drop for ThreadPool {
    fn drop(&mut self) {
        if let Some(opened) = self.opened.get() {
            opened.shared.pool.shutdown();
        }
    }
}

/// At the end of the interpreter: takes no more calls, and waits for those that were taken.
#[pyfunction]
#[pyo3(name = "_close_thread_pools")]
pub(crate) fn close_thread_pools(py: Python<'_>) -> PyResult<()> {
    IS_CLOSING.store(true, Ordering::Relaxed);
    let pools = all_pools();
    for shared in &pools {
        shared.pool.shutdown();
    }
    pools.iter().try_for_each(|shared| join(py, shared))
}

/// In a forked child: no worker of any pool is here. Calls that nobody had begun are the parent's to make, and their futures are cancelled here; those that were
/// being made will not end here, and their futures fail.
#[pyfunction]
#[pyo3(name = "_forget_thread_pools")]
pub(crate) fn forget_thread_pools(py: Python<'_>) -> PyResult<()> {
    let mut result = Ok(());
    for shared in all_pools() {
        let lost = shared.slots.take_lost(py);
        let waiting = shared.pool.drain();
        for future in lost.iter().chain(waiting.iter().map(|task| task.future.bind(py))) {
            let why = "the process was forked while another thread of the parent made the call, which does not go on here";
            let error = errors::broken_thread_pool(py, why).into_value(py);
            result = result.and(transition::end_in_child(future, Err(error.into_any())));
        }
    }
    result
}

fn all_pools() -> Vec<Arc<Shared>> {
    // Dropped by the caller, outside.
    POOLS.enter().0.iter().filter_map(Weak::upgrade).collect()
}

fn join(py: Python<'_>, shared: &Shared) -> PyResult<()> {
    let mut ticket = Ticket::default();
    // Without a deadline, so nothing but a handler's exception ends it early.
    gil::wait(py, || shared.pool.join(&mut ticket, None)).map(drop)
}

pub(crate) const METHODS: &[Method] = &[Method { name: c"submit", doc: SUBMIT, call: Call::Full(submit) }];

const SUBMIT: &CStr = c"submit($self, fn, /, *args, **kwargs)\n--\n\n\
    Have `fn(*args, **kwargs)` called by a thread of the pool, and return the future of what comes of it.\n\n\
    Raises `RuntimeError` after a shutdown.";

// SAFETY of the functions below: CPython calls them as methods of the class, as `method.rs` says.

unsafe extern "C" fn submit(
    slf: *mut ffi::PyObject,
    args: *const *mut ffi::PyObject,
    n_args: ffi::Py_ssize_t,
    names: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    // SAFETY: `slf` is such a pool.
    let pool: &ThreadPool = unsafe { this(slf) };
    // SAFETY: methods are called attached.
    let py = unsafe { gil::already_attached() };
    let submitted = pool.opened().and_then(|opened| {
        // SAFETY: the protocol's own arguments.
        let task = unsafe { call(py, opened, args, n_args as usize, names)? };
        Ok((opened, task))
    });
    let (opened, task) = match submitted {
        Ok(submitted) => submitted,
        Err(error) => return slow(|_| Err(error)),
    };
    let future = task.future.clone_ref(py);
    match opened.shared.pool.submit(task, 0) {
        Ok(Demand::None) => future.into_ptr(),
        tried => slow(|py| {
            // Dropped before the future, should the interpreter end this thread meanwhile.
            let returning = gil::Returning::new();
            let settled = settle(py, &opened.shared, tried, 0, true);
            returning.has_come();
            settled?;
            Ok(future.into_bound(py).into_any())
        }),
    }
}

/// Does what is left when a task was submitted, at first in vain maybe: starts a worker, or waits for room if it may.
fn settle(
    py: Python<'_>,
    shared: &Arc<Shared>,
    tried: Result<Demand, (Task, Refusal)>,
    priority: i64,
    waits: bool,
) -> PyResult<()> {
    let mut ticket = Ticket::default();
    let mut tried = tried;
    loop {
        match tried {
            Ok(Demand::None) => return Ok(()),
            Ok(Demand::Worker(number)) => return shared.start_worker(py, number, false),
            Err((task, Refusal::Full)) if is_worker_of(shared) => {
                tried = shared.pool.submit_from_worker(task, priority);
            }
            Err((task, Refusal::Full)) if waits => {
                // Without a deadline, so nothing but a handler's exception ends it early.
                let _ = gil::wait(py, || shared.pool.wait_for_room(&mut ticket, None))?;
                tried = shared.pool.submit(task, priority);
            }
            Err((_, refusal)) => return Err(refused(py, shared, refusal)),
        }
    }
}

/// The call that `submit` was given.
///
/// # Safety
///
/// The arguments are those of the vectorcall protocol.
unsafe fn call(
    py: Python<'_>,
    opened: &Opened,
    args: *const *mut ffi::PyObject,
    n_args: usize,
    names: *mut ffi::PyObject,
) -> PyResult<Task> {
    let Some(n_own) = n_args.checked_sub(1) else {
        return Err(PyTypeError::new_err(
            "ThreadPoolExecutor.submit() missing 1 required positional argument: 'fn'",
        ));
    };
    if is_closing(&opened.shared) {
        return Err(refused(py, &opened.shared, Refusal::ShutDown));
    }
    let argument = |index: usize| {
        // SAFETY: the protocol says that so many lie there.
        let place = unsafe { args.add(index) };
        // SAFETY: as above.
        let argument = unsafe { *place };
        // SAFETY: a live object.
        unsafe { Borrowed::from_ptr(py, argument) }.to_owned()
    };
    let kwargs = if names.is_null() {
        None
    } else {
        // SAFETY: a tuple, which the protocol keeps alive.
        let names = unsafe { Borrowed::from_ptr(py, names) };
        let kwargs = PyDict::new(py);
        for (index, name) in names.cast::<PyTuple>()?.iter_borrowed().enumerate() {
            kwargs.set_item(name, argument(n_args + index))?;
        }
        Some(kwargs.unbind())
    };
    let future = create::future(opened.future.bind(py))?;
    future.get().set_pool(Arc::as_ptr(&opened.shared) as usize);
    let function = match &opened.prepared {
        None => argument(0).unbind(),
        Some(prepared) => prepared.call1(py, (argument(0),))?,
    };
    Ok(Task {
        future: future.unbind(),
        function,
        args: PyTuple::new(py, (0..n_own).map(|index| argument(1 + index)))?.unbind(),
        kwargs,
        submitted: record::now(),
    })
}

/// Whether the interpreter has begun to end, and the pool was made since.
fn is_closing(shared: &Shared) -> bool {
    IS_CLOSING.load(Ordering::Relaxed) && !shared.pool.is_shut_down()
}

fn refused(py: Python<'_>, shared: &Shared, refusal: Refusal) -> PyErr {
    match (shared.broken.get(), refusal) {
        (Some(why), _) => errors::broken_thread_pool(py, why),
        (None, Refusal::ShutDown) if IS_CLOSING.load(Ordering::Relaxed) => {
            PyRuntimeError::new_err("cannot schedule new futures after interpreter shutdown")
        }
        (None, Refusal::ShutDown) => PyRuntimeError::new_err("cannot schedule new futures after shutdown"),
        (None, Refusal::Full) => errors::full(py),
    }
}
