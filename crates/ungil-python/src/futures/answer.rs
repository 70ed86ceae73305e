//! How the result of a future is waited for.

use std::sync::LazyLock;
use std::sync::atomic::Ordering;

use pyo3::exceptions::{PyTimeoutError, PyTypeError};
use pyo3::ffi;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::PyType;
use ungil_exec::State;
use ungil_sync::patience::Patience;
use ungil_sync::waiters::Ticket;

use super::future::Future;
use super::transition::Outcome;
use super::{errors, worker};
use crate::method::Arguments;
#[cfg(target_os = "linux")]
use crate::process_pool;
use crate::{gil, timeout};

/// A future is waited for once; what such waits have in common is learnt from all of them.
static PATIENCE: LazyLock<Patience> = LazyLock::new(Patience::new);

/// The result of a finished future, as a new reference; none if it is an exception.
#[inline]
pub(crate) fn result_at_once(future: &Future) -> Option<*mut ffi::PyObject> {
    let look = |outcome: &Outcome| {
        let result = outcome.as_ref().ok()?;
        // SAFETY: a live object; methods are called attached.
        Some(unsafe { ffi::Py_NewRef(result.as_ptr()) })
    };
    future.completion.outcome(look).flatten()
}

/// Waits for the end, as long as the arguments of `method` say.
pub(crate) fn wait(py: Python<'_>, future: &Future, arguments: Arguments, method: &str) -> PyResult<()> {
    let Some([timeout]) = arguments.bind(py, ["timeout"])? else {
        return Err(PyTypeError::new_err(format!("Future.{method}() takes one argument, 'timeout'")));
    };
    if future.completion.state().is_done() {
        return Ok(());
    }
    let deadline = timeout::optional(timeout.as_ref())?;
    let mut ticket = Ticket::default();
    // Filled, if it is not yet, while this thread is attached: nobody forks then.
    let patience: &Patience = &PATIENCE;
    #[cfg(target_os = "linux")]
    process_pool::serve(py, future.pool(), future, deadline)?;
    let mut wait = || gil::wait(py, || future.completion.wait_and_check(&mut ticket, patience, deadline));
    let ended = if deadline.is_none() { worker::blocked(py, &[future.pool()], wait)? } else { wait()? };
    ended.map_err(|_| PyTimeoutError::new_err(()))
}

/// The outcome of a future at its end.
pub(crate) fn outcome(py: Python<'_>, future: &Future) -> PyResult<Outcome> {
    if future.completion.state() != State::Finished {
        return Err(errors::cancelled(py));
    }
    future.logs_unfetched.store(false, Ordering::Relaxed);
    if let Some(monitor) = future.monitor.get() {
        // A program may be about to set the outcome by hand, after the state.
        let condition = monitor.condition.bind(py);
        condition.call_method0(intern!(py, "acquire"))?;
        condition.call_method0(intern!(py, "release"))?;
    }
    let outcome = future.completion.outcome(|outcome| match outcome {
        Ok(result) => Ok(result.clone_ref(py)),
        Err(exception) => Err(exception.clone_ref(py)),
    });
    // A program may have set the state by hand and no result.
    Ok(outcome.unwrap_or_else(|| Ok(py.None())))
}

/// Logs what a call raised, since its future is dropped and nobody has asked for it.
pub(crate) fn log_unfetched(exception: &Py<PyAny>) {
    gil::attached_if_possible(|py| {
        let error = PyErr::from_value(exception.bind(py).clone());
        // A future is dropped while an exception may be on its way.
        let pending = PyErr::take(py);
        if let Err(error) = errors::log(py, "error", "what a call raised was never fetched", None, &error) {
            error.write_unraisable(py, None);
        }
        if let Some(pending) = pending {
            pending.restore(py);
        }
    });
}

/// As `raise` has it: a class is called, and what is no exception refused.
pub(crate) fn raised(exception: Bound<'_, PyAny>) -> PyErr {
    if exception.is_instance_of::<PyType>() {
        return exception.call0().map_or_else(|error| error, PyErr::from_value);
    }
    PyErr::from_value(exception)
}
