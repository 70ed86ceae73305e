//! Objects as bytes, for queues: plain ones by the interpreter's own `marshal`, which takes half of `pickle`'s time (measured); all others are pickled by Python.
//!
//! Plain is what has nothing to say but its value: `None`, booleans, numbers, texts, bytes, and tuples of these. A subclass is not, nor is anything that could be
//! in two places at once.

use std::ffi::c_char;

use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBool, PyBytes, PyFloat, PyInt, PyString, PyTuple};

/// What a pickle begins with, and nothing that is marshalled.
const PICKLED: u8 = 0x80;

/// Of the format: what knows no references between objects, and so need not look for them.
const VERSION: i32 = 2;

/// The bytes of a plain object; none if it is another.
#[inline]
pub(super) fn packed<'py>(object: &Bound<'py, PyAny>) -> PyResult<Option<Bound<'py, PyBytes>>> {
    let is_plain = is_plain(object)
        || object
            .cast_exact::<PyTuple>()
            .is_ok_and(|tuple| tuple.iter_borrowed().all(|item| is_plain(&item)));
    if !is_plain {
        return Ok(None);
    }
    // SAFETY: a live object; the thread is attached.
    let bytes = unsafe { ffi::PyMarshal_WriteObjectToString(object.as_ptr(), VERSION) };
    // SAFETY: a new reference, or null with an exception.
    let bytes = unsafe { Bound::from_owned_ptr_or_err(object.py(), bytes) }?;
    Ok(Some(bytes.cast_into::<PyBytes>()?))
}

fn is_plain(object: &Bound<'_, PyAny>) -> bool {
    object.is_exact_instance_of::<PyInt>()
        || object.is_exact_instance_of::<PyString>()
        || object.is_exact_instance_of::<PyFloat>()
        || object.is_exact_instance_of::<PyBytes>()
        || object.is_none()
        || object.is_exact_instance_of::<PyBool>()
}

/// The object of these bytes, marshalled or pickled: from processes that are trusted, as documented.
#[inline]
pub(super) fn unpacked<'py>(py: Python<'py>, bytes: &[u8]) -> PyResult<Bound<'py, PyAny>> {
    static LOADS: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    if bytes.first() == Some(&PICKLED) {
        return LOADS.import(py, "pickle", "loads")?.call1((PyBytes::new(py, bytes),));
    }
    let at = bytes.as_ptr().cast::<c_char>();
    // SAFETY: so many bytes lie there.
    let object = unsafe { ffi::PyMarshal_ReadObjectFromString(at, bytes.len() as ffi::Py_ssize_t) };
    // SAFETY: a new reference, or null with an exception.
    unsafe { Bound::from_owned_ptr_or_err(py, object) }
}
