//! How a call that runs learns that its future was cancelled: by its stop token, and compiled code by itself.

use std::cell::Cell;
use std::ptr;

use pyo3::intern;
use pyo3::prelude::*;

use super::future::Future;
use crate::sync::Event;

thread_local! {
    /// The event of the call that this thread makes for a pool: null, or kept alive by `with`, which is on the stack.
    static EVENT: Cell<*const Event> = const { Cell::new(ptr::null()) };
}

/// Makes a call that is to stop when `event` is set.
pub(crate) fn with<R>(event: &Event, call: impl FnOnce() -> R) -> R {
    let outer = EVENT.replace(event);
    let result = call();
    EVENT.set(outer);
    result
}

/// Whether the call that this thread makes is to stop.
pub(crate) fn is_requested() -> bool {
    let event = EVENT.get();
    // SAFETY: not null, so `with` is on this thread's stack, and borrows it.
    !event.is_null() && unsafe { &*event }.inner.is_set()
}

/// What compiled code raises when it is to stop.
pub(crate) fn requested(py: Python<'_>) -> PyErr {
    let made = reason(py).and_then(|class| class.call1(("a stop was requested",)));
    made.map_or_else(|error| error, PyErr::from_value)
}

/// Whether `error` ended a call because that was to stop.
pub(crate) fn is_reason(future: &Bound<'_, Future>, error: &PyErr) -> bool {
    let py = future.py();
    future.get().stop.get().is_some_and(|event| event.get().inner.is_set())
        && reason(py).is_ok_and(|class| error.matches(py, class).unwrap_or(false))
}

fn reason(py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
    py.import(intern!(py, "ungil._thread"))?.getattr(intern!(py, "StopRequested"))
}

/// The system's number of this thread, as `threading.get_native_id` has it.
pub(crate) fn native_thread_id() -> u64 {
    #[cfg(target_os = "linux")]
    {
        // SAFETY: the call has no preconditions.
        (unsafe { libc::gettid() }) as u64
    }
    #[cfg(not(target_os = "linux"))]
    {
        ungil_sync::current_thread().into()
    }
}
