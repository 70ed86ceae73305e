//! Methods in CPython's own calling convention, for operations that take less time than PyO3's way to a method.
//!
//! A class lists them as [`Method`]s and adds them once with [`add`]. The function of one is called with the thread attached
//! and `self` of the class; it tries what is quick ([`this`]) and leaves the rest to [`slow`].

use std::ffi::CStr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::{ptr, slice};

use pyo3::PyClass;
use pyo3::exceptions::PySystemError;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

use crate::gil;

/// A method.
pub(crate) struct Method {
    pub(crate) name: &'static CStr,
    /// `name(signature)\n--\n\n` and the docstring, as CPython's own classes have it.
    pub(crate) doc: &'static CStr,
    pub(crate) call: Call,
}

/// How a method is called.
pub(crate) enum Call {
    /// Without arguments.
    Plain(ffi::PyCFunction),
    /// With arguments by position.
    Positional(ffi::PyCFunctionFast),
    /// With arguments by position and by name.
    Full(ffi::PyCFunctionFastWithKeywords),
}

/// Adds `methods` to the class `T`, which nobody uses yet.
pub(crate) fn add<T: PyClass>(py: Python<'_>, methods: &'static [Method]) -> PyResult<()> {
    let class = py.get_type::<T>();
    for method in methods {
        let (function, flags) = match method.call {
            Call::Plain(function) => (ffi::PyMethodDefPointer { PyCFunction: function }, ffi::METH_NOARGS),
            Call::Positional(function) => {
                (ffi::PyMethodDefPointer { PyCFunctionFast: function }, ffi::METH_FASTCALL)
            }
            Call::Full(function) => (
                ffi::PyMethodDefPointer { PyCFunctionFastWithKeywords: function },
                ffi::METH_FASTCALL | ffi::METH_KEYWORDS,
            ),
        };
        // The class refers to it for as long as the process lives.
        let definition = Box::leak(Box::new(ffi::PyMethodDef {
            ml_name: method.name.as_ptr(),
            ml_meth: function,
            ml_flags: flags,
            ml_doc: method.doc.as_ptr(),
        }));
        // SAFETY: the class is one, and the definition is complete and is never freed.
        let descriptor = unsafe { ffi::PyDescr_NewMethod(class.as_type_ptr(), definition) };
        // SAFETY: a new reference, or null with an exception set.
        let descriptor = unsafe { Bound::from_owned_ptr_or_err(py, descriptor)? };
        class.setattr(method.name, descriptor)?;
    }
    Ok(())
}

/// The Rust value of `slf`.
///
/// # Safety
///
/// `slf` is a live instance of the class `T` (or of a subclass), and stays so while the result is used; the thread is attached.
#[inline]
pub(crate) unsafe fn this<'a, T: PyClass<Frozen = pyo3::pyclass::boolean_struct::True> + Sync>(
    slf: *mut ffi::PyObject,
) -> &'a T {
    // SAFETY: the caller says that the thread is attached.
    let py = unsafe { gil::already_attached() };
    // SAFETY: the caller keeps the object alive.
    let object = unsafe { Borrowed::from_ptr(py, slf) };
    // SAFETY: the caller says that it is of the class.
    let object = unsafe { object.cast_unchecked::<T>() };
    let this: *const T = object.get();
    // SAFETY: the value lies in the object, which the caller keeps alive for longer than this borrow of it.
    unsafe { &*this }
}

/// Runs what may call Python, wait or fail; no panic comes out of it.
#[cold]
pub(crate) fn slow<'a>(
    work: impl for<'py> FnOnce(Python<'py>) -> PyResult<Bound<'py, PyAny>> + 'a,
) -> *mut ffi::PyObject {
    // SAFETY: methods are called attached.
    unsafe { gil::still_attached(|py| slow_attached(py, work)) }
}

fn slow_attached<'py>(
    py: Python<'py>,
    work: impl FnOnce(Python<'py>) -> PyResult<Bound<'py, PyAny>>,
) -> *mut ffi::PyObject {
    let guarded = || {
        let returning = gil::Returning::new();
        let result = work(py);
        returning.has_come();
        result
    };
    let raised = match catch_unwind(AssertUnwindSafe(guarded)) {
        Ok(Ok(object)) => return object.into_ptr(),
        Ok(Err(error)) => error,
        Err(_) => PySystemError::new_err("ungil panicked, which is a fault of ungil"),
    };
    raised.restore(py);
    ptr::null_mut()
}

/// A new reference to `True` or `False`.
#[inline]
pub(crate) fn bool_object(value: bool) -> *mut ffi::PyObject {
    let object = if value {
        // SAFETY: it is always there.
        unsafe { ffi::Py_True() }
    } else {
        // SAFETY: as above.
        unsafe { ffi::Py_False() }
    };
    // SAFETY: a live object; methods are called attached.
    unsafe { ffi::Py_NewRef(object) }
}

/// A new reference to `None`.
#[inline]
pub(crate) fn none_object() -> *mut ffi::PyObject {
    // SAFETY: it is always there.
    let object = unsafe { ffi::Py_None() };
    // SAFETY: a live object; methods are called attached.
    unsafe { ffi::Py_NewRef(object) }
}

/// Arguments by position, and by name.
type Parts<'py> = (Vec<Bound<'py, PyAny>>, Vec<(String, Bound<'py, PyAny>)>);

/// The arguments of a call, as CPython passes them.
#[derive(Clone, Copy)]
pub(crate) struct Arguments {
    args: *const *mut ffi::PyObject,
    n_positional: usize,
    /// A tuple, or null.
    names: *mut ffi::PyObject,
}

impl Arguments {
    /// # Safety
    ///
    /// As the vectorcall protocol says: `args` holds `n_positional` arguments and then the values of `names`; all of them
    /// stay while the result is used.
    #[inline]
    pub(crate) unsafe fn new(
        args: *const *mut ffi::PyObject,
        n_positional: ffi::Py_ssize_t,
        names: *mut ffi::PyObject,
    ) -> Self {
        Self { args, n_positional: n_positional as usize, names }
    }

    /// Whether there is none.
    #[inline]
    pub(crate) fn is_empty(self) -> bool {
        self.n_positional == 0 && self.names.is_null()
    }

    /// A new reference to the one argument, if it is given by position and alone.
    #[inline]
    pub(crate) fn only(self) -> Option<Py<PyAny>> {
        if self.n_positional != 1 || !self.names.is_null() {
            return None;
        }
        // SAFETY: methods are called attached.
        let py = unsafe { gil::already_attached() };
        // SAFETY: the protocol says that one lies there.
        let argument = unsafe { *self.args };
        // SAFETY: it is a live object.
        Some(unsafe { Borrowed::from_ptr(py, argument) }.to_owned().unbind())
    }

    /// The arguments of the parameters `names`, those that are given; none at all if there are others or too many.
    pub(crate) fn bind<'py, const N: usize>(
        self,
        py: Python<'py>,
        names: [&str; N],
    ) -> PyResult<Option<[Option<Bound<'py, PyAny>>; N]>> {
        let (positional, keywords) = self.parts(py)?;
        if positional.len() > N {
            return Ok(None);
        }
        let mut bound = [const { None }; N];
        for (place, value) in bound.iter_mut().zip(&positional) {
            *place = Some(value.clone());
        }
        for (name, value) in keywords {
            let Some(index) = names.iter().position(|each| *each == name) else { return Ok(None) };
            if bound[index].replace(value).is_some() {
                return Ok(None);
            }
        }
        Ok(Some(bound))
    }

    /// The exception that `standard`, a function of the standard library, raises for these arguments: its wording is what
    /// people know.
    pub(crate) fn refused_by(self, standard: &Bound<'_, PyAny>) -> PyErr {
        match self.call(standard) {
            Err(error) => error,
            Ok(_) => PySystemError::new_err("the standard library takes arguments that ungil does not"),
        }
    }

    /// Calls `callable` with these arguments.
    pub(crate) fn call<'py>(self, callable: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let py = callable.py();
        let (positional, keywords) = self.parts(py)?;
        let names = PyDict::new(py);
        for (name, value) in keywords {
            names.set_item(name, value)?;
        }
        callable.call(PyTuple::new(py, positional)?, Some(&names))
    }

    fn parts(self, py: Python<'_>) -> PyResult<Parts<'_>> {
        // SAFETY: a tuple that the caller keeps alive, or null.
        let names = unsafe { Bound::from_borrowed_ptr_or_opt(py, self.names) };
        let names: Vec<String> = names.map_or_else(|| Ok(Vec::new()), |names| names.extract())?;
        let count = self.n_positional + names.len();
        let all = if count == 0 {
            &[]
        } else {
            // SAFETY: the protocol says that so many lie there.
            unsafe { slice::from_raw_parts(self.args, count) }
        };
        let object = |arg: &*mut ffi::PyObject| {
            // SAFETY: the arguments are live objects.
            unsafe { Bound::from_borrowed_ptr(py, *arg) }
        };
        let (positional, named) = all.split_at(self.n_positional);
        Ok((
            positional.iter().map(object).collect(),
            names.into_iter().zip(named.iter().map(object)).collect(),
        ))
    }
}
