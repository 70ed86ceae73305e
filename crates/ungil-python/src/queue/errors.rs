//! The exceptions of queues, which are the standard library's own.

use pyo3::create_exception;
use pyo3::exceptions::{PyException, PyRuntimeError};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyType;

create_exception!(ungil.queue, ShutDown, PyException, "The queue has been shut down.");

/// `queue.Empty`.
#[cold]
pub(crate) fn empty(py: Python<'_>) -> PyErr {
    static CLASS: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    raise(py, CLASS.import(py, "queue", "Empty"))
}

/// `queue.Full`.
#[cold]
pub(crate) fn full(py: Python<'_>) -> PyErr {
    static CLASS: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    raise(py, CLASS.import(py, "queue", "Full"))
}

/// `queue.ShutDown`.
#[cold]
pub(crate) fn shut_down(py: Python<'_>) -> PyErr {
    raise(py, shut_down_class(py))
}

/// The class of `queue.ShutDown`: the standard library's, or ours where it has none (before 3.13).
pub(crate) fn shut_down_class(py: Python<'_>) -> PyResult<&Bound<'_, PyType>> {
    static CLASS: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    let class = CLASS.get_or_try_init(py, || {
        let standard = py.import("queue")?;
        match standard.getattr_opt("ShutDown")? {
            Some(class) => Ok(class.cast_into::<PyType>()?.unbind()),
            None => PyResult::Ok(py.get_type::<ShutDown>().unbind()),
        }
    })?;
    Ok(class.bind(py))
}

/// A comparison of items has come back to their queue.
#[cold]
pub(crate) fn reentrant() -> PyErr {
    PyRuntimeError::new_err("a queue was used by a comparison of its own items")
}

fn raise(_: Python<'_>, class: PyResult<&Bound<'_, PyType>>) -> PyErr {
    match class {
        Ok(class) => PyErr::from_type(class.clone(), ()),
        Err(error) => error,
    }
}
