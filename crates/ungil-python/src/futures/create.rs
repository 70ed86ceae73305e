//! How futures are made: as their class makes them, on the shortest way.

use std::ptr;

use pyo3::exceptions::PyTypeError;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyTuple, PyType};

use super::future::Future;
use crate::method::slow;

/// Has calls of `class` without arguments make a future at once: `__init__`, which has nothing to do, is left out. Subclasses are made as ever.
#[pyfunction]
#[pyo3(name = "_make_quickly")]
pub(crate) fn make_quickly(class: &Bound<'_, PyType>) -> PyResult<()> {
    if !class.is_subclass_of::<Future>()? {
        return Err(PyTypeError::new_err(format!("{class} is no subclass of ungil's Future")));
    }
    // SAFETY: a live class that nobody else uses yet; the field is for this, and is never inherited.
    unsafe { (*class.as_type_ptr()).tp_vectorcall = Some(call) };
    Ok(())
}

/// A future of the class, as the class makes it, but for `__init__`, which does nothing.
#[inline]
pub(crate) fn future<'py>(class: &Bound<'py, PyType>) -> PyResult<Bound<'py, Future>> {
    let py = class.py();
    // SAFETY: a live class.
    let make = unsafe { (*class.as_type_ptr()).tp_new };
    let Some(make) = make else { return Err(PyTypeError::new_err(format!("{class} cannot be made"))) };
    let none = PyTuple::empty(py);
    // SAFETY: called as `type` calls it, with a tuple and no keywords.
    let made = unsafe { make(class.as_type_ptr(), none.as_ptr(), ptr::null_mut()) };
    // SAFETY: a new reference, or null with an exception set.
    let made = unsafe { Bound::from_owned_ptr_or_err(py, made)? };
    made.cast_into().map_err(Into::into)
}

/// `class(...)` in CPython's vectorcall protocol.
unsafe extern "C" fn call(
    class: *mut ffi::PyObject,
    args: *const *mut ffi::PyObject,
    n_args: usize,
    names: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    // SAFETY: called attached.
    let py = unsafe { crate::gil::already_attached() };
    // SAFETY: a live object.
    let class = unsafe { Borrowed::from_ptr(py, class) };
    // SAFETY: it is the class that `make_quickly` was given.
    let class = unsafe { class.cast_unchecked::<PyType>() };
    // SAFETY: takes the flag off a number.
    let n_args = unsafe { ffi::PyVectorcall_NARGS(n_args) };
    if n_args == 0 && names.is_null() {
        return match future(&class) {
            Ok(made) => made.into_ptr(),
            Err(error) => slow(|_| Err(error)),
        };
    }
    // SAFETY: the protocol's own arguments.
    let arguments = unsafe { crate::method::Arguments::new(args, n_args, names) };
    // `__init__` refuses them, in its words.
    slow(|_| {
        let made = future(&class)?;
        arguments.call(&made.getattr(pyo3::intern!(class.py(), "__init__"))?)?;
        Ok(made.into_any())
    })
}
