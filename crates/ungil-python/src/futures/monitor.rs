//! The monitor of a future: the condition and the list of waiters that the standard library's own `wait`, `as_completed` and other people's code
//! find at `_condition` and `_waiters`.
//!
//! It is made when it is first asked for; most futures never have one. From then on the state changes under the condition alone, as in the standard class, and
//! the waiters are called there.

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyList, PyTuple};
use ungil_exec::State;
use ungil_exec::completion::Monitor as Held;

use super::future::Future;
use super::transition::Attempt;
use crate::gil;

pub(crate) struct Monitor {
    pub(crate) condition: Py<PyAny>,
    pub(crate) waiters: Py<PyList>,
}

impl Future {
    /// The monitor, made if need be.
    pub(crate) fn monitor(&self, py: Python<'_>) -> PyResult<&Monitor> {
        if let Some(monitor) = self.monitor.get() {
            // Another thread may have made it just now, and not come to say so.
            self.completion.monitor();
            return Ok(monitor);
        }
        let condition = py.get_type::<crate::sync::Condition>().call0()?.unbind();
        let made = Monitor { condition, waiters: PyList::empty(py).unbind() };
        // The two that may both be made here: one stays, the other is dropped, attached.
        let monitor = self.monitor.get_or_set(made);
        // After it is there: who finds that the monitor has to be held, finds it.
        self.completion.monitor();
        Ok(monitor)
    }

    /// In a forked child: whoever holds the monitor is not here.
    pub(crate) fn forget_holder(&self, py: Python<'_>) {
        if let Some(monitor) = self.monitor.get()
            && let Err(error) = monitor.condition.call_method0(py, intern!(py, "_at_fork_reinit"))
        {
            error.write_unraisable(py, None);
        }
    }
}

/// Makes a transition, under the monitor if there is one; then also those are told who wait there.
pub(crate) fn under_monitor<R>(slf: &Bound<'_, Future>, mut attempt: impl Attempt<R>) -> PyResult<R> {
    let (py, future) = (slf.py(), slf.get());
    if future.monitor.get().is_none()
        && let Ok(made) = attempt(Held::NotHeld)
    {
        return Ok(made);
    }
    let monitor = future.monitor(py)?;
    let condition = monitor.condition.bind(py);
    condition.call_method0(intern!(py, "acquire"))?;
    let before = future.completion.state();
    let made = attempt(Held::Held);
    let after = future.completion.state();
    if before != after {
        // The change is made; what a waiter raises must not keep the others from being told.
        if let Err(error) = tell_waiters(slf, monitor, after) {
            error.write_unraisable(py, Some(slf));
        }
    }
    condition.call_method0(intern!(py, "release"))?;
    Ok(made.unwrap_or_else(|()| unreachable!("the monitor is held")))
}

/// Tells those who wait under the monitor of a state that has just been reached.
fn tell_waiters(slf: &Bound<'_, Future>, monitor: &Monitor, state: State) -> PyResult<()> {
    let py = slf.py();
    let name = match state {
        State::CancelledAndNotified => Some(intern!(py, "add_cancelled")),
        State::Finished if slf.get().completion.outcome(Result::is_err) == Some(true) => {
            Some(intern!(py, "add_exception"))
        }
        State::Finished => Some(intern!(py, "add_result")),
        State::Pending | State::Running | State::Cancelled => None,
    };
    let mut told = Ok(());
    if let Some(name) = name {
        for waiter in monitor.waiters.bind(py) {
            let called = waiter
                .getattr(name)
                .and_then(|tell| gil::calling(&tell, PyTuple::new(py, [slf])?.as_borrowed()));
            told = told.and(called.map(drop));
        }
    }
    if state.is_done() {
        monitor.condition.bind(py).call_method0(intern!(py, "notify_all"))?;
    }
    told
}
