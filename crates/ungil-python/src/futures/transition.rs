//! How the state of a future changes: in its gate, and under its monitor if it has one; and who is told.

use pyo3::exceptions::{PyException, PyRuntimeError};
use pyo3::prelude::*;
use pyo3::types::PyTuple;
use ungil_exec::State;
use ungil_exec::completion::{Cancellation, Monitor, Refused, Told};

use super::errors;
use super::future::Future;
use super::monitor::under_monitor;
use crate::gil;

/// A result or an exception.
pub(crate) type Outcome = Result<Py<PyAny>, Py<PyAny>>;

/// Begins: true if the work is to be done.
pub(crate) fn begin(slf: &Bound<'_, Future>) -> PyResult<bool> {
    let made = under_monitor(slf, |monitor| match slf.get().completion.begin(monitor) {
        Ok((is_wanted, told)) => Ok((Ok(is_wanted), Some(told))),
        Err(Refused::State(state)) => Ok((Err(state), None)),
        Err(Refused::Monitored) => Err(()),
    })?;
    let (is_wanted, told) = made;
    if let Some(told) = told {
        tell(slf, told)?;
    }
    is_wanted.map_err(|state| unexpected(slf, state))
}

/// Finishes with `outcome`.
pub(crate) fn finish(slf: &Bound<'_, Future>, outcome: Outcome) -> PyResult<()> {
    let callbacks = finish_and_wake(slf, outcome)?;
    call_all(slf, callbacks)
}

/// Finishes with `outcome`, wakes those who wait, and returns the callbacks, which are to be called.
pub(crate) fn finish_and_wake(slf: &Bound<'_, Future>, outcome: Outcome) -> PyResult<Vec<Py<PyAny>>> {
    let mut outcome = Some(outcome);
    let made = under_monitor(slf, |monitor| {
        let Some(there) = outcome.take() else { return Ok(Err(State::Finished)) };
        match slf.get().completion.finish(there, monitor) {
            Ok(told) => Ok(Ok(told)),
            Err((back, refused)) => {
                outcome = Some(back);
                if let Refused::State(state) = refused { Ok(Err(state)) } else { Err(()) }
            }
        }
    })?;
    match made {
        Ok(told) => Ok(told.wake()),
        Err(state) => {
            let text = format!("{}: {}", state.name(), slf.repr()?);
            Err(errors::invalid_state(slf.py(), text))
        }
    }
}

/// Cancels; whether the future is cancelled now.
pub(crate) fn cancel(slf: &Bound<'_, Future>) -> PyResult<bool> {
    let made = under_monitor(slf, |monitor| slf.get().completion.cancel(monitor).map_err(drop))?;
    match made {
        Cancellation::Made(told) => tell(slf, told).map(|()| true),
        Cancellation::AlreadyMade => Ok(true),
        Cancellation::TooLate => Ok(false),
    }
}

/// In a forked child: the call that a thread of the parent was to make or to end does not come to an end here. Callbacks are the parent's to call.
pub(crate) fn end_in_child(slf: &Bound<'_, Future>, why: Outcome) -> PyResult<()> {
    let completion = &slf.get().completion;
    slf.get().forget_holder(slf.py());
    if completion.state() == State::Pending {
        let made = under_monitor(slf, |monitor| completion.cancel(monitor).map_err(drop))?;
        if let Cancellation::Made(told) = made {
            drop(told.wake());
        }
    }
    if completion.state() == State::Cancelled {
        return begin(slf).map(drop);
    }
    let mut why = Some(why);
    let made = under_monitor(slf, |monitor| {
        let Some(there) = why.take() else { return Ok(None) };
        // It may have ended just before the fork.
        match completion.finish(there, monitor) {
            Ok(told) => Ok(Some(told)),
            Err((back, Refused::Monitored)) => {
                why = Some(back);
                Err(())
            }
            Err((_, Refused::State(_))) => Ok(None),
        }
    })?;
    drop(made.map(Told::wake));
    Ok(())
}

/// What runs has stopped, since it was asked to; nothing, if it has come to another end.
pub(crate) fn stop(slf: &Bound<'_, Future>) -> PyResult<()> {
    let made = under_monitor(slf, |monitor| match slf.get().completion.stop(monitor) {
        Ok(told) => Ok(Some(told)),
        Err(Refused::State(_)) => Ok(None),
        Err(Refused::Monitored) => Err(()),
    })?;
    made.map_or(Ok(()), |told| tell(slf, told))
}

/// Wakes those who wait, and calls the callbacks.
fn tell(slf: &Bound<'_, Future>, told: Told<Py<PyAny>>) -> PyResult<()> {
    call_all(slf, told.wake())
}

/// Calls callbacks, all of them: what is an `Exception` is logged, and what else the first of them raised is raised when all are called.
pub(crate) fn call_all(slf: &Bound<'_, Future>, callbacks: Vec<Py<PyAny>>) -> PyResult<()> {
    let mut result = Ok(());
    for callback in callbacks {
        if let Err(error) = call(slf, callback.bind(slf.py()))
            && result.is_ok()
        {
            result = Err(error);
        }
    }
    result
}

/// Calls a callback, and logs what it raises; not what is no `Exception`.
pub(crate) fn call(slf: &Bound<'_, Future>, callback: &Bound<'_, PyAny>) -> PyResult<()> {
    let py = slf.py();
    match gil::calling(callback, PyTuple::new(py, [slf])?.as_borrowed()) {
        Ok(_) => Ok(()),
        Err(error) if error.is_instance_of::<PyException>(py) => errors::log(
            py,
            "error",
            "exception calling callback for %r",
            Some(slf.clone().into_any()),
            &error,
        ),
        Err(error) => Err(error),
    }
}

fn unexpected(slf: &Bound<'_, Future>, state: State) -> PyErr {
    let py = slf.py();
    let report = || {
        let logger = py.import("concurrent.futures._base")?.getattr("LOGGER")?;
        let message = "Future %s in unexpected state: %s";
        logger.call_method1("critical", (message, slf.as_ptr() as usize, state.name()))
    };
    report().err().unwrap_or_else(|| PyRuntimeError::new_err("Future in unexpected state"))
}

/// What a transition under a monitor is asked to do; an error if it has to hold the monitor.
pub(crate) trait Attempt<R>: FnMut(Monitor) -> Result<R, ()> {}

impl<R, A: FnMut(Monitor) -> Result<R, ()>> Attempt<R> for A {}
