//! [`Task`]: a call that was submitted.

use pyo3::exceptions::PyBaseException;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};
use ungil_exec::State;

use super::future::Future;
use super::record::{self, Ending, Made, Record};
use super::{errors, stop, transition};
use crate::gil;

/// A call, and the future of what comes of it.
#[derive(Debug)]
pub(crate) struct Task {
    pub(crate) future: Py<Future>,
    pub(crate) function: Py<PyAny>,
    pub(crate) args: Py<PyTuple>,
    pub(crate) kwargs: Option<Py<PyDict>>,
    /// When it was submitted, in nanoseconds of `record::now`.
    pub(crate) submitted: u64,
}

impl Task {
    /// Makes the call, unless its future was cancelled, and ends the future.
    pub(crate) fn run(&self, py: Python<'_>, record: &Record) {
        let future = self.future.bind(py);
        let begun = record::now();
        match transition::begin(future) {
            Ok(true) => {}
            Ok(false) => return record.add(self.submitted, 0, 0, Ending::Cancelled),
            Err(error) => return report(py, &error),
        }
        let result = match future.get().stop.get() {
            None => self.call(py),
            Some(event) => stop::with(event.get(), || self.call(py)),
        };
        let ended = record::now();
        let ending = if result.is_ok() { Ending::Returned } else { Ending::Raised };
        record.add(self.submitted, begun, ended, ending);
        if record.is_traced() {
            let worker = stop::native_thread_id();
            let name = self.name(py);
            record.keep(Made { name, worker, submitted: self.submitted, begun, ended, ending });
        }
        let finished = match result {
            Err(error) if stop::is_reason(future, &error) => transition::stop(future),
            result => {
                let outcome = result.map_err(|error| error.into_value(py).into_any());
                transition::finish(future, outcome)
            }
        };
        match finished {
            Ok(()) => {}
            // Its deadline has ended the future before.
            Err(_) if future.get().stop.get().is_some() && future.get().completion.state().is_done() => {}
            Err(error) => report(py, &error),
        }
    }

    /// What a trace calls it: what was called, or the name that its options give it.
    fn name(&self, py: Python<'_>) -> Py<PyAny> {
        let function = self.function.bind(py);
        let name = function.getattr_opt(pyo3::intern!(py, "_trace_name")).ok().flatten();
        name.unwrap_or_else(|| function.clone()).unbind()
    }

    #[inline]
    fn call(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        let kwargs = self.kwargs.as_ref().map(|kwargs| kwargs.bind_borrowed(py));
        gil::calling_with(self.function.bind(py), self.args.bind_borrowed(py), kwargs).map(Bound::unbind)
    }

    /// Ends the future with an exception instead of a call.
    pub(crate) fn fail(&self, py: Python<'_>, error: Py<PyBaseException>) {
        let future = self.future.bind(py);
        // It may have been cancelled, and then it keeps that end, of which all are told.
        if transition::finish(future, Err(error.into_any())).is_err() {
            let _ = transition::begin(future);
        }
    }

    /// Cancels it, and tells all of it, as its worker would.
    ///
    /// # Errors
    ///
    /// What a callback raised that is no `Exception`; it is cancelled all the same.
    pub(crate) fn cancel(&self, py: Python<'_>) -> PyResult<()> {
        let future = self.future.bind(py);
        let cancelled = transition::cancel(future);
        if future.get().completion.state() == State::Cancelled {
            transition::begin(future)?;
        }
        cancelled.map(drop)
    }
}

/// Cancels all of `tasks`.
///
/// # Errors
///
/// What the first callback raised that raised what is no `Exception`.
pub(crate) fn cancel_all(py: Python<'_>, tasks: &[Task]) -> PyResult<()> {
    let mut result = Ok(());
    for task in tasks {
        let cancelled = task.cancel(py);
        if result.is_ok() {
            result = cancelled;
        }
    }
    result
}

/// Reports what nobody can catch: a callback's `SystemExit`, a future that somebody else has ended.
fn report(py: Python<'_>, error: &PyErr) {
    if let Err(error) = errors::log(py, "critical", "Exception in worker", None, error) {
        error.write_unraisable(py, None);
    }
}
