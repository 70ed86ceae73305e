//! Exceptions of compiled code, made Python's, with the compiled frames in their traceback.

use std::ffi::CString;

use pyo3::exceptions::PySystemError;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};
use ungil_ir::ir::{ExceptionClass, RaiseArg, Site};
use ungil_jit::{Raised, RaisedKind};

use crate::objects::Objects;

/// The exception that stands for `raised`; `held` is what the host kept of it, if it did.
///
/// Its traceback holds the frames of compiled code already.
pub(crate) fn to_exception(py: Python<'_>, raised: Raised, objects: &Objects, held: Option<PyErr>) -> PyErr {
    let error = match raised.kind {
        RaisedKind::Host => held.or_else(|| PyErr::take(py)).unwrap_or_else(|| {
            PySystemError::new_err("compiled code was stopped, and nothing says why: a fault of ungil")
        }),
        RaisedKind::Exception { class, args } => {
            instance(py, &class, &args, objects).unwrap_or_else(|error| error)
        }
    };
    error.restore(py);
    add_frames(py, &raised.sites);
    PyErr::take(py).unwrap_or_else(|| PySystemError::new_err("an exception was lost: a fault of ungil"))
}

fn instance(py: Python<'_>, class: &ExceptionClass, args: &[RaiseArg], objects: &Objects) -> PyResult<PyErr> {
    let class = match class {
        ExceptionClass::Builtin(name) => py.import("builtins")?.getattr(&**name)?,
        ExceptionClass::Object { id, name } => objects.get(py, *id).ok_or_else(|| {
            PySystemError::new_err(format!("the exception class `{name}` is gone: a fault of ungil"))
        })?,
    };
    let args = args.iter().map(|arg| to_object(py, arg)).collect::<PyResult<Vec<_>>>()?;
    Ok(PyErr::from_value(class.call1(PyTuple::new(py, args)?)?))
}

/// A constant argument as Python's object.
fn to_object<'py>(py: Python<'py>, arg: &RaiseArg) -> PyResult<Bound<'py, PyAny>> {
    Ok(match arg {
        RaiseArg::Str(text) => (&**text).into_pyobject(py)?.into_any(),
        RaiseArg::None => py.None().into_bound(py),
        RaiseArg::Bool(value) => value.into_pyobject(py)?.to_owned().into_any(),
        RaiseArg::Int(value) => value.into_pyobject(py)?.into_any(),
        RaiseArg::Float(value) => value.into_pyobject(py)?.into_any(),
        RaiseArg::Complex(real, imag) => pyo3::types::PyComplex::from_doubles(py, *real, *imag).into_any(),
        RaiseArg::Tuple(parts) => {
            let parts = parts.iter().map(|part| to_object(py, part)).collect::<PyResult<Vec<_>>>()?;
            PyTuple::new(py, parts)?.into_any()
        }
    })
}

/// The most frames of compiled code that a traceback gets, from each of its two ends: as many as Python's own limit on
/// recursion leaves there.
const MOST_FRAMES: usize = 500;

/// Adds a traceback entry for each site, the innermost first, to the exception that is set.
fn add_frames(py: Python<'_>, sites: &[Site]) {
    let globals = PyDict::new(py);
    for (index, site) in sites.iter().enumerate() {
        if index >= MOST_FRAMES && index + MOST_FRAMES < sites.len() {
            continue;
        }
        // An entry that cannot be made is left out: the exception matters more than its story.
        if let Some(frame) = frame(py, site, &globals) {
            // SAFETY: an exception is set, the thread is attached, and the frame is one.
            unsafe { ffi::PyTraceBack_Here(frame.as_ptr().cast()) };
        }
    }
}

/// A frame that stands at a site.
fn frame<'py>(py: Python<'py>, site: &Site, globals: &Bound<'py, PyDict>) -> Option<Bound<'py, PyAny>> {
    let file = CString::new(&*site.file).ok()?;
    let function = CString::new(&*site.function).ok()?;
    // No exception may be set while the two objects are made.
    let raised = PyErr::take(py)?;
    // SAFETY: two C strings, and the thread is attached. A code object made so is at its first line everywhere.
    let code = unsafe { ffi::PyCode_NewEmpty(file.as_ptr(), function.as_ptr(), site.line as i32) };
    // SAFETY: a new reference, or null with an exception set.
    let code = unsafe { Bound::from_owned_ptr_or_opt(py, code.cast()) };
    let frame = code.and_then(|code: Bound<'py, PyAny>| {
        // SAFETY: the thread is attached, so it has a state.
        let state = unsafe { ffi::PyThreadState_Get() };
        // SAFETY: a code object, a dict of globals, and no locals.
        let frame =
            unsafe { ffi::PyFrame_New(state, code.as_ptr().cast(), globals.as_ptr(), std::ptr::null_mut()) };
        // SAFETY: a new reference, or null with an exception set.
        unsafe { Bound::from_owned_ptr_or_opt(py, frame.cast()) }
    });
    raised.restore(py);
    frame
}
