//! The exceptions of `concurrent.futures`, and its logger.

use pyo3::prelude::*;
use pyo3::types::PyDict;

const MODULE: &str = "concurrent.futures";

pub(crate) fn cancelled(py: Python<'_>) -> PyErr {
    made(py, MODULE, "CancelledError", ())
}

pub(crate) fn invalid_state(py: Python<'_>, what: String) -> PyErr {
    made(py, MODULE, "InvalidStateError", (what,))
}

pub(crate) fn broken_thread_pool(py: Python<'_>, why: &str) -> PyErr {
    made(py, "concurrent.futures.thread", "BrokenThreadPool", (why,))
}

#[cfg(target_os = "linux")]
pub(crate) fn broken_process_pool(py: Python<'_>, why: &str) -> PyErr {
    made(py, "concurrent.futures.process", "BrokenProcessPool", (why,))
}

pub(crate) fn full(py: Python<'_>) -> PyErr {
    made(py, "queue", "Full", ("as many calls wait for a thread as max_pending says",))
}

/// Logs that `error` was raised where nobody can catch it; `message` and `args` are the logger's, `level` the name of its method.
pub(crate) fn log(
    py: Python<'_>,
    level: &str,
    message: &str,
    arg: Option<Bound<'_, PyAny>>,
    error: &PyErr,
) -> PyResult<()> {
    let logger = py.import("concurrent.futures._base")?.getattr("LOGGER")?;
    let options = PyDict::new(py);
    options.set_item("exc_info", error.value(py))?;
    match arg {
        Some(arg) => logger.call_method(level, (message, arg), Some(&options)),
        None => logger.call_method(level, (message,), Some(&options)),
    }
    .map(drop)
}

fn made<'py>(py: Python<'py>, module: &str, name: &str, args: impl pyo3::call::PyCallArgs<'py>) -> PyErr {
    let made = py.import(module).and_then(|module| module.getattr(name)).and_then(|class| class.call1(args));
    made.map_or_else(|error| error, PyErr::from_value)
}
