//! [`Task`]: a call that was submitted.

use pyo3::exceptions::PyBaseException;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

use super::future::Future;
use super::{errors, transition};

/// A call, and the future of what comes of it.
#[derive(Debug)]
pub(crate) struct Task {
    pub(crate) future: Py<Future>,
    pub(crate) function: Py<PyAny>,
    pub(crate) args: Py<PyTuple>,
    pub(crate) kwargs: Option<Py<PyDict>>,
}

impl Task {
    /// Makes the call, unless its future was cancelled, and ends the future.
    pub(crate) fn run(self, py: Python<'_>) {
        let future = self.future.bind(py);
        match transition::begin(future) {
            Ok(true) => {}
            Ok(false) => return,
            Err(error) => return report(py, &error),
        }
        let ended = match self.call(py) {
            Err(error) if is_stop(future, &error) => transition::stop(future),
            outcome => transition::finish(future, outcome.map_err(|error| error.into_value(py).into_any())),
        };
        if let Err(error) = ended {
            report(py, &error);
        }
    }

    #[inline]
    fn call(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        let kwargs = self.kwargs.as_ref().map_or(std::ptr::null_mut(), Py::as_ptr);
        // SAFETY: three live objects, of the types that the call asks for; or no keywords.
        let result = unsafe { ffi::PyObject_Call(self.function.as_ptr(), self.args.as_ptr(), kwargs) };
        // SAFETY: a new reference, or null with an exception set.
        unsafe { Bound::from_owned_ptr_or_err(py, result) }.map(Bound::unbind)
    }

    /// Ends the future with an exception instead of a call.
    pub(crate) fn fail(&self, py: Python<'_>, error: Py<PyBaseException>) {
        // It may have been cancelled, and then it keeps that end.
        let _ = transition::finish(self.future.bind(py), Err(error.into_any()));
    }

    /// Cancels it, as its worker would find it.
    pub(crate) fn cancel(&self, py: Python<'_>) -> PyResult<()> {
        transition::cancel(self.future.bind(py)).map(drop)
    }
}

/// Whether the call has stopped because it was asked to, by the token of its future.
fn is_stop(future: &Bound<'_, Future>, error: &PyErr) -> bool {
    let py = future.py();
    future.get().stop_token.get().is_some()
        && py
            .import("ungil._thread")
            .and_then(|module| module.getattr("StopRequested"))
            .is_ok_and(|class| error.matches(py, class).unwrap_or(false))
}

/// Reports what nobody can catch: a callback's `SystemExit`, a future that somebody else has ended.
fn report(py: Python<'_>, error: &PyErr) {
    if let Err(error) = errors::log(py, "critical", "Exception in worker", None, error) {
        error.write_unraisable(py, None);
    }
}
