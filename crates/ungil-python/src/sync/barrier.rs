//! `Barrier`.

use std::sync::{Mutex, PoisonError};

use pyo3::exceptions::{PyRuntimeError, PyValueError};
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};
use ungil_sync as sync;
use ungil_sync::Arrival;

use crate::drops::drop_one_by_one;
use crate::once::OnceBox;
use crate::sync::describe::with_state;
use crate::sync::statistics::Statistics;
use crate::{gil, timeout};

/// So many threads wait until all of them have arrived, again and again; `threading.Barrier`.
///
/// `action` is called by one of them when all have arrived, before they go on. `timeout`, in seconds, is how long a wait lasts
/// that does not say so itself; one that lasts longer breaks the barrier for all.
///
/// >>> from ungil.threading import Barrier, Thread
/// >>> barrier = Barrier(2, action=lambda: print("all here"))
/// >>> Thread(target=barrier.wait).start()
/// >>> _ = barrier.wait()
/// all here
#[pyclass(frozen, weakref, dict, subclass, module = "ungil.threading")]
pub(crate) struct Barrier {
    made: OnceBox<Made>,
}

struct Made {
    inner: sync::Barrier,
    /// None when the collector has cleared it.
    action: Mutex<Option<Py<PyAny>>>,
    timeout: Option<Py<PyAny>>,
}

#[pymethods]
impl Barrier {
    // Subclasses have arguments of their own.
    #[new]
    #[pyo3(signature = (*_args, **_kwargs), text_signature = "(parties, action=None, timeout=None)")]
    fn new(_args: &Bound<'_, PyTuple>, _kwargs: Option<&Bound<'_, PyDict>>) -> Self {
        Self { made: OnceBox::new() }
    }

    #[pyo3(signature = (parties, action=None, timeout=None))]
    fn __init__(&self, parties: i64, action: Option<Py<PyAny>>, timeout: Option<Py<PyAny>>) -> PyResult<()> {
        let parties = usize::try_from(parties).ok().filter(|parties| *parties > 0);
        let parties = parties.ok_or_else(|| PyValueError::new_err("parties must be > 0"))?;
        let made = Made { inner: sync::Barrier::new(parties), action: Mutex::new(action), timeout };
        let set = self.made.set(made).map(drop);
        set.map_err(|_| PyRuntimeError::new_err("a barrier cannot be made a second time"))
    }

    /// Waits for the other threads; this thread's number among them, from 0.
    ///
    /// `timeout` is in seconds. Raises `BrokenBarrierError` if the barrier is broken or reset, or if the others do not come in
    /// time, which breaks it; and what the action raises, if this thread runs it.
    #[pyo3(signature = (timeout=None))]
    fn wait(&self, py: Python<'_>, timeout: Option<&Bound<'_, PyAny>>) -> PyResult<usize> {
        let made = self.made()?;
        let timeout = timeout.or_else(|| made.timeout.as_ref().map(|timeout| timeout.bind(py)));
        let deadline = timeout::optional(timeout)?;
        let Ok(arrival) = gil::wait(py, || made.inner.arrive())? else { return Err(broken(py)) };
        let result = match arrival.map_err(|_| broken(py))? {
            Arrival::Waiting(waiting) => match gil::wait(py, || waiting.wait(deadline))? {
                Ok(result) => result,
                Err(_) => Err(sync::BrokenBarrier),
            },
            Arrival::Last(last) => {
                if let Some(action) = made.action(py) {
                    action.call0(py)?;
                }
                last.let_go()
            }
        };
        result.map_err(|_| broken(py))
    }

    /// Sends away the threads that wait, with a `BrokenBarrierError`, and begins anew.
    fn reset(&self) -> PyResult<()> {
        self.made()?.inner.reset();
        Ok(())
    }

    /// Breaks the barrier: the threads that wait, and those that come, get a `BrokenBarrierError` until it is reset.
    fn abort(&self) -> PyResult<()> {
        self.made()?.inner.abort();
        Ok(())
    }

    /// How many threads it is for.
    #[getter]
    fn parties(&self) -> PyResult<usize> {
        Ok(self.made()?.inner.parties())
    }

    /// How many threads have arrived and wait.
    #[getter]
    fn n_waiting(&self) -> PyResult<usize> {
        Ok(self.made()?.inner.n_waiting())
    }

    /// Whether it is broken.
    #[getter]
    fn broken(&self) -> PyResult<bool> {
        Ok(self.made()?.inner.is_broken())
    }

    /// How many threads wait, how often and how long threads have had to.
    fn statistics(&self) -> PyResult<Statistics> {
        Ok(self.made()?.inner.statistics().into())
    }

    /// Forgets who waits: for a forked child.
    fn _at_fork_reinit(&self) -> PyResult<()> {
        self.made()?.inner.reset_after_fork();
        Ok(())
    }

    fn __repr__(slf: &Bound<'_, Self>) -> PyResult<String> {
        let inner = &slf.get().made()?.inner;
        let state = if inner.is_broken() {
            "broken".to_owned()
        } else {
            format!("waiters={}/{}", inner.n_waiting(), inner.parties())
        };
        with_state(slf.as_any(), &state)
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        let Some(made) = self.made.get() else { return Ok(()) };
        visit.call(&*made.action.lock().unwrap_or_else(PoisonError::into_inner))?;
        visit.call(&made.timeout)
    }

    fn __clear__(&self) {
        let action =
            self.made.get().map(|made| made.action.lock().unwrap_or_else(PoisonError::into_inner).take());
        // Outside of the mutex, for it may run anything.
        drop(action);
    }
}

impl Drop for Barrier {
    fn drop(&mut self) {
        let Some(made) = self.made.take() else { return };
        let action = made.action.into_inner().unwrap_or_else(PoisonError::into_inner);
        // They may refer to barriers.
        drop_one_by_one(action.into_iter().chain(made.timeout).collect::<Vec<_>>().into_iter());
    }
}

impl Made {
    fn action(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        let action = self.action.lock().unwrap_or_else(PoisonError::into_inner);
        action.as_ref().map(|action| action.clone_ref(py))
    }
}

impl Barrier {
    fn made(&self) -> PyResult<&Made> {
        self.made.get().ok_or_else(|| PyRuntimeError::new_err("Barrier.__init__() not called"))
    }
}

/// `threading.BrokenBarrierError`.
fn broken(py: Python<'_>) -> PyErr {
    match py.import("threading").and_then(|threading| threading.getattr("BrokenBarrierError")?.call0()) {
        Ok(error) => PyErr::from_value(error),
        Err(error) => error,
    }
}
