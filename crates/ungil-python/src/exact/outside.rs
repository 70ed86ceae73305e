//! What names outside of an exact function may stand for, and where its source is: as Python itself has it, or not at all.

use pyo3::prelude::*;
use pyo3::types::{
    PyBool, PyCFunction, PyCode, PyComplex, PyFloat, PyFunction, PyInt, PyModule, PyString, PyTuple, PyType,
};

/// Whether an object that a name stands for is of a plain class: a subclass of `int` or a function that `jit` compiles has
/// a meaning of its own.
pub(crate) fn is_plain(object: &Bound<'_, PyAny>) -> bool {
    let is_number = object.is_instance_of::<PyInt>()
        || object.is_instance_of::<PyFloat>()
        || object.is_instance_of::<PyComplex>();
    if is_number {
        return object.is_exact_instance_of::<PyInt>()
            || object.is_exact_instance_of::<PyFloat>()
            || object.is_exact_instance_of::<PyBool>()
            || object.is_exact_instance_of::<PyComplex>();
    }
    if object.is_instance_of::<PyModule>() {
        return object.is_exact_instance_of::<PyModule>();
    }
    object.is_none()
        || object.is_exact_instance_of::<PyFunction>()
        || object.is_instance_of::<PyCFunction>()
        || object.is_instance_of::<PyType>()
        || object.is_exact_instance_of::<PyString>()
        || object.is_exact_instance_of::<PyTuple>()
}

/// Whether a function that the compiler knows by `name` is for the interpreter what it is for compiled code.
pub(crate) fn agrees(object: &Bound<'_, PyAny>, name: &str) -> PyResult<bool> {
    name.strip_prefix("math.").map_or(Ok(true), |name| super::library::agrees(object, name))
}

/// Whether `code` is what the interpreter makes of some function in `text`.
pub(crate) fn is_source_of(text: &str, code: &Bound<'_, PyCode>) -> PyResult<bool> {
    let holds = code.py().import("ungil._exact")?.getattr("_is_source_of")?;
    holds.call1((text, code))?.extract()
}
