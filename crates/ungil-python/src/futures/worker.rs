//! [`Worker`]: what a thread of a pool runs.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicPtr, AtomicU8, Ordering};
use std::{mem, ptr};

use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::PyTuple;
use ungil_exec::pool::{Demand, Next};
use ungil_sync::{AfterFork, Gate};

use super::errors;
use super::future::Future;
use super::thread_pool::Shared;
use crate::gil;

thread_local! {
    /// What this thread shares with the pool that it works for: null, or on the stack, in `Worker::__call__`.
    static CURRENT: Cell<*const Arc<Shared>> = const { Cell::new(ptr::null()) };
    /// Its slot, likewise.
    static OWN_SLOT: Cell<*const Slot> = const { Cell::new(ptr::null()) };
}

/// The target of a thread of a pool. It holds nothing of the executor, which may be dropped while it works.
#[pyclass(frozen, name = "_Worker", module = "ungil._core")]
pub(crate) struct Worker {
    shared: Arc<Shared>,
    /// [`NEW`], and then one of the others, for good.
    state: AtomicU8,
}

/// It is counted as a worker that is to start.
const NEW: u8 = 0;
/// Its thread has begun.
const BEGUN: u8 = 1;
/// It is not counted any more: its thread could not be started, as far as is known.
const LOST: u8 = 2;

#[pymethods]
impl Worker {
    /// Makes calls until there is none left and the pool is shut down. `initializer` is called first, with `initargs`, if it is not `None`.
    fn __call__(&self, py: Python<'_>, initializer: &Bound<'_, PyAny>, initargs: &Bound<'_, PyAny>) {
        if !self.becomes(BEGUN) {
            return;
        }
        let shared = Arc::clone(&self.shared);
        if !initializer.is_none()
            && let Err(error) = initialize(initializer, initargs)
        {
            return give_up(py, &shared, &error);
        }
        let slot = Arc::new(Slot(AtomicPtr::new(ptr::null_mut())));
        shared.slots.add(&slot);
        CURRENT.set(&raw const shared);
        OWN_SLOT.set(Arc::as_ptr(&slot));
        work(py, &shared, &slot);
        CURRENT.set(ptr::null());
        OWN_SLOT.set(ptr::null());
        shared.slots.remove(&slot);
    }
}

impl Worker {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self { shared, state: AtomicU8::new(NEW) }
    }

    /// Gives it up before its thread has begun; false if it has.
    pub(crate) fn lose(&self) -> bool {
        self.becomes(LOST)
    }

    fn becomes(&self, state: u8) -> bool {
        // Relaxed: it orders nothing; of two that come, one wins.
        self.state.compare_exchange(NEW, state, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }
}

fn initialize(initializer: &Bound<'_, PyAny>, initargs: &Bound<'_, PyAny>) -> PyResult<()> {
    let initargs: Vec<Bound<'_, PyAny>> = initargs.try_iter()?.collect::<PyResult<_>>()?;
    let initargs = PyTuple::new(initializer.py(), initargs)?;
    gil::calling(initializer, initargs.as_borrowed()).map(drop)
}

/// The initializer has failed: the pool is of no use any more, and those who wait for it learn so.
fn give_up(py: Python<'_>, shared: &Shared, error: &PyErr) {
    if let Err(error) = errors::log(py, "critical", "Exception in initializer:", None, error) {
        error.write_unraisable(py, None);
    }
    shared.break_down(py, "A thread initializer failed, the thread pool is not usable anymore");
    let left = shared.pool.lose(false);
    shared.fail(py, &left);
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

/// What this thread shares with the pool that it works for, if it works for one.
fn current<R>(look: impl FnOnce(Option<&Arc<Shared>>) -> R) -> R {
    // SAFETY: null, or on this thread's stack until `Worker::__call__` is over, which this is within.
    look(unsafe { CURRENT.get().as_ref() })
}

/// Whether this thread works for the pool.
pub(crate) fn is_worker_of(shared: &Shared) -> bool {
    current(|current| current.is_some_and(|current| ptr::eq(Arc::as_ptr(current), shared)))
}

fn work(py: Python<'_>, shared: &Shared, slot: &Slot) {
    let mut was_called = true;
    loop {
        match shared.pool.next(was_called) {
            Next::Task(task) => {
                was_called = false;
                // Relaxed, as below: read in a forked child alone, by its one thread.
                slot.0.store(task.future.as_ptr(), Ordering::Relaxed);
                task.run(py, &shared.record);
                // Before the task is dropped, and with it the future.
                slot.0.store(ptr::null_mut(), Ordering::Relaxed);
                drop(task);
            }
            // Only the main thread is interrupted, and it is no worker.
            Next::Wait(place) => {
                let waited = gil::wait(py, || Ok(shared.pool.wait(&place)));
                was_called = matches!(waited, Ok(Ok(true)));
            }
            Next::Leave => return,
        }
    }
}

/// Runs `wait`, a wait without end for futures of the pools at these addresses. If this thread is a worker of one of them, it does no work meanwhile; when all workers
/// are in such waits, another is started, or nothing would ever end.
pub(crate) fn blocked<R>(py: Python<'_>, pools: &[usize], wait: impl FnOnce() -> PyResult<R>) -> PyResult<R> {
    let shared =
        current(|current| current.filter(|shared| pools.contains(&(Arc::as_ptr(shared) as usize))).cloned());
    let Some(shared) = shared else { return wait() };
    let started = match shared.pool.block() {
        Demand::None => Ok(()),
        Demand::Worker(number) => shared.start_worker(py, number, true),
    };
    let ended = started.and_then(|()| wait());
    shared.pool.unblock();
    ended
}
