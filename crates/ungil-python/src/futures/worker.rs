//! [`Worker`]: what a thread of a pool runs.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicPtr, Ordering};
use std::{mem, ptr};

use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::PyTuple;
use ungil_exec::pool::{Demand, Next};
use ungil_sync::{AfterFork, Gate};

use super::errors;
use super::future::Future;
use super::task::Task;
use super::thread_pool::Shared;
use crate::gil;

thread_local! {
    /// The pool that this thread works for: null, or kept alive by `Worker::work`, which is on the stack.
    static CURRENT: Cell<*const Shared> = const { Cell::new(ptr::null()) };
    /// Its slot, likewise.
    static OWN_SLOT: Cell<*const Slot> = const { Cell::new(ptr::null()) };
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
        let slot = Arc::new(Slot(AtomicPtr::new(ptr::null_mut())));
        shared.slots.add(&slot);
        CURRENT.set(Arc::as_ptr(&shared));
        OWN_SLOT.set(Arc::as_ptr(&slot));
        work(py, &shared, &slot);
        CURRENT.set(ptr::null());
        OWN_SLOT.set(ptr::null());
        shared.slots.remove(&slot);
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

/// The future of the call that a worker makes; null while it makes none. A forked child finds there what the parent's threads were doing.
pub(crate) struct Slot(AtomicPtr<ffi::PyObject>);

/// Those of all workers of a pool.
pub(crate) struct Slots(Gate<AllSlots>);

struct AllSlots(Vec<Arc<Slot>>);

impl AfterFork for AllSlots {
    fn after_fork(&mut self, is_torn: bool) {
        if is_torn {
            mem::forget(mem::take(&mut self.0));
        }
    }
}

impl Slots {
    pub(crate) fn new() -> Self {
        Self(Gate::new(AllSlots(Vec::new())))
    }

    fn add(&self, slot: &Arc<Slot>) {
        self.0.enter().0.push(Arc::clone(slot));
    }

    fn remove(&self, slot: &Arc<Slot>) {
        self.0.enter().0.retain(|each| !Arc::ptr_eq(each, slot));
    }

    /// In a forked child: the futures of the calls that the parent's other threads were making, and will not end here.
    pub(crate) fn take_lost<'py>(&self, py: Python<'py>) -> Vec<Bound<'py, Future>> {
        let slots = mem::take(&mut self.0.enter().0);
        // The call that forked goes on here.
        let others = slots.into_iter().filter(|slot| Arc::as_ptr(slot) != OWN_SLOT.get());
        let future = |slot: Arc<Slot>| {
            let future = slot.0.load(Ordering::Relaxed);
            // SAFETY: null, or held by a task on the stack of a thread that is not in this process, and so never let go.
            unsafe { Bound::from_borrowed_ptr_or_opt(py, future) }?.cast_into::<Future>().ok()
        };
        others.filter_map(future).collect()
    }
}

/// Whether this thread works for the pool.
pub(crate) fn is_worker_of(shared: &Shared) -> bool {
    ptr::eq(CURRENT.get(), shared)
}

fn work(py: Python<'_>, shared: &Shared, slot: &Slot) {
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
            // Relaxed, as below: read in a forked child alone, by its one thread.
            slot.0.store(task.future.as_ptr(), Ordering::Relaxed);
            Task::run(task, py, &shared.record);
            slot.0.store(ptr::null_mut(), Ordering::Relaxed);
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
