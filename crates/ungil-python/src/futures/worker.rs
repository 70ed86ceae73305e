//! [`Worker`]: what a thread of a pool runs.

use std::cell::Cell;
use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::types::PyTuple;
use ungil_exec::pool::{Demand, Next};

use super::errors;
use super::task::Task;
use super::thread_pool::Shared;
use crate::gil;

thread_local! {
    /// The pool that this thread works for: null, or kept alive by `Worker::work`, which is on the stack.
    static CURRENT: Cell<*const Shared> = const { Cell::new(std::ptr::null()) };
}

/// The target of a thread of a pool. It holds nothing of the executor, which may be dropped while it works.
#[pyclass(frozen, name = "_Worker", module = "ungil._core")]
pub(crate) struct Worker {
    pub(crate) shared: Arc<Shared>,
    pub(crate) initializer: Option<Py<PyAny>>,
    pub(crate) initargs: Py<PyTuple>,
}

#[pymethods]
impl Worker {
    /// Makes calls until there is none left and the pool is shut down.
    fn __call__(&self, py: Python<'_>) {
        let shared = Arc::clone(&self.shared);
        if let Some(initializer) = &self.initializer
            && let Err(error) = initializer.call1(py, &self.initargs)
        {
            return self.give_up(py, &error);
        }
        CURRENT.set(Arc::as_ptr(&shared));
        work(py, &shared);
        CURRENT.set(std::ptr::null());
    }

    fn __traverse__(&self, visit: pyo3::gc::PyVisit<'_>) -> Result<(), pyo3::gc::PyTraverseError> {
        if let Some(initializer) = &self.initializer {
            visit.call(initializer)?;
        }
        visit.call(&self.initargs)
    }
}

impl Worker {
    /// The initializer has failed: the pool is of no use any more, and those who wait for it learn so.
    fn give_up(&self, py: Python<'_>, error: &PyErr) {
        if let Err(error) = errors::log(py, "critical", "Exception in initializer:", None, error) {
            error.write_unraisable(py, None);
        }
        self.shared.break_down(py, "A thread initializer failed, the thread pool is not usable anymore");
        let left = self.shared.pool.lose(false);
        self.shared.fail(py, left);
    }
}

fn work(py: Python<'_>, shared: &Shared) {
    let mut is_first = true;
    loop {
        let task = match shared.pool.next(is_first) {
            Next::Task(task) => Some(task),
            // Only the main thread is interrupted, and it is no worker.
            Next::Wait(place) => {
                gil::wait(py, || Ok(shared.pool.wait(&place))).ok().and_then(Result::ok).flatten()
            }
            Next::Leave => return,
        };
        is_first = false;
        if let Some(task) = task {
            Task::run(task, py);
        }
    }
}

/// Runs `wait`, a wait without end for a future of the pool at that address. If this thread is a worker of the same pool, it does no work meanwhile; when all workers
/// are in such waits, another is started, or nothing would ever end.
pub(crate) fn blocked<R>(py: Python<'_>, pool: usize, wait: impl FnOnce() -> PyResult<R>) -> PyResult<R> {
    let current = CURRENT.get();
    if current.is_null() || current as usize != pool {
        return wait();
    }
    // SAFETY: not null, so `Worker::__call__` is on this thread's stack and keeps it alive.
    let shared = unsafe { &*current };
    let started = match shared.pool.block() {
        Demand::None => Ok(()),
        Demand::Worker(number) => shared.start_further(py, number),
    };
    let ended = started.and_then(|()| wait());
    shared.pool.unblock();
    ended
}
