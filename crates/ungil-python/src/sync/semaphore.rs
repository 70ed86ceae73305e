//! `Semaphore` and `BoundedSemaphore`.

use std::ffi::CStr;
use std::sync::atomic::{AtomicU64, Ordering};

use pyo3::exceptions::PyValueError;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};
use ungil_sync as sync;

use crate::method::{Arguments, Call, Method, bool_object, none_object, slow, this};
use crate::sync::acquire::{self, Patience};
use crate::sync::describe::with_state;
use crate::sync::statistics::Statistics;

/// So many threads may hold it at once; `threading.Semaphore`.
///
/// >>> from ungil.threading import Semaphore
/// >>> semaphore = Semaphore(2)
/// >>> semaphore.acquire(), semaphore.acquire(), semaphore.acquire(blocking=False)
/// (True, True, False)
#[pyclass(frozen, weakref, dict, subclass, module = "ungil.threading")]
pub(crate) struct Semaphore {
    inner: sync::Semaphore,
}

#[pymethods]
impl Semaphore {
    // Subclasses have arguments of their own.
    #[new]
    #[pyo3(signature = (*_args, **_kwargs), text_signature = "(value=1)")]
    fn new(_args: &Bound<'_, PyTuple>, _kwargs: Option<&Bound<'_, PyDict>>) -> Self {
        Self { inner: sync::Semaphore::new(1) }
    }

    #[pyo3(signature = (value=1))]
    fn __init__(&self, value: i64) -> PyResult<()> {
        self.inner.reset_after_fork(permits(value)?);
        Ok(())
    }

    /// How many threads wait, how often and how long threads have had to.
    fn statistics(&self) -> Statistics {
        self.inner.statistics().into()
    }

    /// How many permits are free.
    #[getter]
    fn _value(&self) -> u64 {
        self.inner.value()
    }

    /// Makes it a semaphore that nobody waits for, with `n` permits: for a forked child.
    #[pyo3(signature = (n=1))]
    fn _at_fork_reinit(&self, n: i64) -> PyResult<()> {
        self.inner.reset_after_fork(permits(n)?);
        Ok(())
    }

    fn __repr__(slf: &Bound<'_, Self>) -> PyResult<String> {
        with_state(slf.as_any(), &format!("value={}", slf.get().inner.value()))
    }
}

fn permits(value: i64) -> PyResult<u64> {
    u64::try_from(value).map_err(|_| PyValueError::new_err("semaphore initial value must be >= 0"))
}

/// A semaphore that cannot be released more often than it was acquired; `threading.BoundedSemaphore`.
///
/// >>> from ungil.threading import BoundedSemaphore
/// >>> BoundedSemaphore(2).release()
/// Traceback (most recent call last):
///     ...
/// ValueError: Semaphore released too many times
#[pyclass(frozen, weakref, dict, subclass, extends = Semaphore, module = "ungil.threading")]
pub(crate) struct BoundedSemaphore {
    /// Relaxed: written by `__init__` alone.
    initial: AtomicU64,
}

#[pymethods]
impl BoundedSemaphore {
    // Subclasses have arguments of their own.
    #[new]
    #[pyo3(signature = (*_args, **_kwargs), text_signature = "(value=1)")]
    fn new(_args: &Bound<'_, PyTuple>, _kwargs: Option<&Bound<'_, PyDict>>) -> PyClassInitializer<Self> {
        let base = Semaphore { inner: sync::Semaphore::new(1) };
        PyClassInitializer::from(base).add_subclass(Self { initial: AtomicU64::new(1) })
    }

    #[pyo3(signature = (value=1))]
    fn __init__(slf: &Bound<'_, Self>, value: i64) -> PyResult<()> {
        slf.as_super().get().__init__(value)?;
        slf.get().initial.store(permits(value)?, Ordering::Relaxed);
        Ok(())
    }

    /// How many permits there were at first.
    #[getter(_initial_value)]
    fn initial_value(&self) -> u64 {
        self.initial.load(Ordering::Relaxed)
    }

    fn __repr__(slf: &Bound<'_, Self>) -> PyResult<String> {
        let (value, initial) = (slf.as_super().get().inner.value(), slf.get().initial_value());
        with_state(slf.as_any(), &format!("value={value}/{initial}"))
    }
}

pub(crate) const METHODS: &[Method] = &[
    Method { name: c"acquire", doc: ACQUIRE, call: Call::Full(acquire) },
    Method { name: c"release", doc: RELEASE, call: Call::Full(release) },
    Method { name: c"__enter__", doc: ENTER, call: Call::Full(acquire) },
    Method { name: c"__exit__", doc: EXIT, call: Call::Positional(exit) },
];

pub(crate) const BOUNDED_METHODS: &[Method] = &[
    Method { name: c"release", doc: RELEASE_BOUNDED, call: Call::Full(release_bounded) },
    Method { name: c"__exit__", doc: EXIT, call: Call::Positional(exit_bounded) },
];

const ACQUIRE: &CStr = c"acquire($self, /, blocking=True, timeout=None)\n--\n\n\
    Take a permit, waiting for one if none is free; whether one was taken.\n\n\
    `timeout` is in seconds, and `None` is for ever. Not `blocking`, the call returns at once.";
const RELEASE: &CStr = c"release($self, /, n=1)\n--\n\n\
    Give `n` permits back.\n\nRaises `ValueError` if `n` is less than 1.";
const RELEASE_BOUNDED: &CStr = c"release($self, /, n=1)\n--\n\n\
    Give `n` permits back.\n\n\
    Raises `ValueError` if `n` is less than 1, or if more permits would be free than there were at first.";
const ENTER: &CStr = c"__enter__($self, /, blocking=True, timeout=None)\n--\n\nTake a permit.";
const EXIT: &CStr = c"__exit__($self, /, *exc_info)\n--\n\nGive a permit back.";

// SAFETY of the functions below: CPython calls them as methods of the class, as `method.rs` says.

unsafe extern "C" fn acquire(
    slf: *mut ffi::PyObject,
    args: *const *mut ffi::PyObject,
    n_args: ffi::Py_ssize_t,
    names: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    // SAFETY: `slf` is a semaphore.
    let semaphore: &Semaphore = unsafe { this(slf) };
    // SAFETY: the protocol's own arguments.
    let arguments = unsafe { Arguments::new(args, n_args, names) };
    if arguments.is_empty() && semaphore.inner.try_acquire() {
        return bool_object(true);
    }
    slow(|py| {
        let patience = if arguments.is_empty() {
            Patience::Until(None)
        } else {
            acquire::semaphore_patience(py, arguments)?
        };
        let is_acquired = acquire::semaphore(py, &semaphore.inner, &patience)?;
        Ok(is_acquired.into_pyobject(py)?.to_owned().into_any())
    })
}

unsafe extern "C" fn release(
    slf: *mut ffi::PyObject,
    args: *const *mut ffi::PyObject,
    n_args: ffi::Py_ssize_t,
    names: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    // SAFETY: `slf` is a semaphore.
    let semaphore: &Semaphore = unsafe { this(slf) };
    // SAFETY: the protocol's own arguments.
    let arguments = unsafe { Arguments::new(args, n_args, names) };
    give_back(&semaphore.inner, arguments, u64::MAX)
}

unsafe extern "C" fn exit(
    slf: *mut ffi::PyObject,
    _: *mut *mut ffi::PyObject,
    _: ffi::Py_ssize_t,
) -> *mut ffi::PyObject {
    // SAFETY: as our caller promises, without arguments.
    unsafe { release(slf, std::ptr::null(), 0, std::ptr::null_mut()) }
}

unsafe extern "C" fn release_bounded(
    slf: *mut ffi::PyObject,
    args: *const *mut ffi::PyObject,
    n_args: ffi::Py_ssize_t,
    names: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    // SAFETY: `slf` is a bounded semaphore.
    let bounded: &BoundedSemaphore = unsafe { this(slf) };
    // SAFETY: and so it is a semaphore.
    let semaphore: &Semaphore = unsafe { this(slf) };
    // SAFETY: the protocol's own arguments.
    let arguments = unsafe { Arguments::new(args, n_args, names) };
    give_back(&semaphore.inner, arguments, bounded.initial_value())
}

unsafe extern "C" fn exit_bounded(
    slf: *mut ffi::PyObject,
    _: *mut *mut ffi::PyObject,
    _: ffi::Py_ssize_t,
) -> *mut ffi::PyObject {
    // SAFETY: as our caller promises, without arguments.
    unsafe { release_bounded(slf, std::ptr::null(), 0, std::ptr::null_mut()) }
}

/// Gives permits back, if no more than `most` are free then.
fn give_back(semaphore: &sync::Semaphore, arguments: Arguments, most: u64) -> *mut ffi::PyObject {
    if arguments.is_empty() && semaphore.release_within(1, most).is_ok() {
        return none_object();
    }
    slow(|py| {
        let Some([n]) = arguments.bind(py, ["n"])? else {
            let standard = py.import("threading")?.call_method0("Semaphore")?;
            return Err(arguments.refused_by(&standard.getattr("release")?));
        };
        let n: i64 = n.map_or(Ok(1), |n| n.extract())?;
        let n = u64::try_from(n).ok().filter(|n| *n > 0);
        let n = n.ok_or_else(|| PyValueError::new_err("n must be one or more"))?;
        semaphore.release_within(n, most).map_err(|error| PyValueError::new_err(error.to_string()))?;
        Ok(py.None().into_bound(py))
    })
}
