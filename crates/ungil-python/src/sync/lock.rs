//! `Lock`.

use pyo3::exceptions::PyRuntimeError;
use pyo3::ffi;
use pyo3::prelude::*;
use ungil_sync as sync;

use crate::method::{Arguments, Call, Method, bool_object, none_object, slow, this};
use crate::sync::acquire::{self, Patience};
use crate::sync::place::Place;
use crate::sync::statistics::Statistics;

/// A lock that one thread holds at a time, and that any thread may release; `threading.Lock`.
///
/// It is a context manager: `with lock:` acquires it and releases it in any case. Acquiring a lock that is free takes no
/// system call; waiting for one lets other threads run Python, and ends with a `KeyboardInterrupt` on Ctrl-C.
///
/// >>> from ungil.threading import Lock
/// >>> lock = Lock()
/// >>> with lock:
/// ...     lock.locked()
/// True
#[pyclass(frozen, weakref, module = "ungil.threading")]
pub(crate) struct Lock {
    pub(crate) inner: sync::Lock,
    place: Option<Place>,
}

#[pymethods]
impl Lock {
    #[new]
    pub(crate) fn make(py: Python<'_>) -> Self {
        Self { inner: sync::Lock::new(), place: Place::here(py) }
    }

    /// Who holds the lock, how many threads wait for it, how often and how long threads have had to.
    fn statistics(&self) -> Statistics {
        self.inner.statistics().into()
    }

    /// Where in the program it was made, `"file.py:12"`; `None` if no Python code made it.
    #[getter]
    fn _made_at(&self, py: Python<'_>) -> PyResult<Option<String>> {
        self.place.as_ref().map(|place| place.text(py)).transpose()
    }

    /// Makes it a lock that nobody holds: for a forked child.
    fn _at_fork_reinit(&self) {
        self.inner.reset_after_fork();
    }

    fn __repr__(slf: &Bound<'_, Self>) -> String {
        let state = if slf.get().inner.is_locked() { "locked" } else { "unlocked" };
        format!("<{state} ungil.Lock object at {:#x}>", slf.as_ptr() as usize)
    }
}

pub(crate) const METHODS: &[Method] = &[
    Method { name: c"acquire", doc: ACQUIRE, call: Call::Full(acquire) },
    Method { name: c"acquire_lock", doc: ACQUIRE, call: Call::Full(acquire) },
    Method { name: c"release", doc: RELEASE, call: Call::Plain(release) },
    Method { name: c"release_lock", doc: RELEASE, call: Call::Plain(release) },
    Method { name: c"locked", doc: LOCKED, call: Call::Plain(locked) },
    Method { name: c"locked_lock", doc: LOCKED, call: Call::Plain(locked) },
    Method { name: c"__enter__", doc: ENTER, call: Call::Plain(enter) },
    Method { name: c"__exit__", doc: EXIT, call: Call::Positional(exit) },
];

const ACQUIRE: &std::ffi::CStr = c"acquire($self, /, blocking=True, timeout=-1)\n--\n\n\
    Acquire the lock, waiting for it if another thread holds it; whether it was acquired.\n\n\
    `timeout` is in seconds, and -1 is for ever. Not `blocking`, the call returns at once.";
const RELEASE: &std::ffi::CStr = c"release($self, /)\n--\n\n\
    Release the lock, whoever holds it.\n\nRaises `RuntimeError` if nobody does.";
const LOCKED: &std::ffi::CStr = c"locked($self, /)\n--\n\nWhether a thread holds the lock.";
const ENTER: &std::ffi::CStr = c"__enter__($self, /)\n--\n\nAcquire the lock.";
const EXIT: &std::ffi::CStr = c"__exit__($self, /, *exc_info)\n--\n\nRelease the lock.";

// SAFETY of the functions below: CPython calls them as methods of the class, as `method.rs` says.

unsafe extern "C" fn acquire(
    slf: *mut ffi::PyObject,
    args: *const *mut ffi::PyObject,
    n_args: ffi::Py_ssize_t,
    names: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    // SAFETY: `slf` is a lock.
    let lock: &Lock = unsafe { this(slf) };
    // SAFETY: the protocol's own arguments.
    let arguments = unsafe { Arguments::new(args, n_args, names) };
    if arguments.is_empty() && lock.inner.try_acquire() {
        return bool_object(true);
    }
    slow(|py| {
        let patience = acquire::lock_patience(py, arguments, "Lock")?;
        acquire_patiently(py, slf, lock, &patience)
    })
}

unsafe extern "C" fn enter(slf: *mut ffi::PyObject, _: *mut ffi::PyObject) -> *mut ffi::PyObject {
    // SAFETY: `slf` is a lock.
    let lock: &Lock = unsafe { this(slf) };
    if lock.inner.try_acquire() {
        return bool_object(true);
    }
    slow(|py| acquire_patiently(py, slf, lock, &Patience::Until(None)))
}

fn acquire_patiently<'py>(
    py: Python<'py>,
    slf: *mut ffi::PyObject,
    lock: &Lock,
    patience: &Patience,
) -> PyResult<Bound<'py, PyAny>> {
    // SAFETY: the caller keeps `slf` alive through the call.
    let object = unsafe { Bound::from_borrowed_ptr(py, slf) };
    let is_acquired = acquire::lock(py, &lock.inner, &object, patience)?;
    Ok(is_acquired.into_pyobject(py)?.to_owned().into_any())
}

unsafe extern "C" fn release(slf: *mut ffi::PyObject, _: *mut ffi::PyObject) -> *mut ffi::PyObject {
    // SAFETY: `slf` is a lock.
    let lock: &Lock = unsafe { this(slf) };
    match lock.inner.release() {
        Ok(()) => none_object(),
        Err(error) => slow(|_| Err(PyRuntimeError::new_err(error.to_string()))),
    }
}

unsafe extern "C" fn exit(
    slf: *mut ffi::PyObject,
    _: *mut *mut ffi::PyObject,
    _: ffi::Py_ssize_t,
) -> *mut ffi::PyObject {
    // SAFETY: as our caller promises.
    unsafe { release(slf, std::ptr::null_mut()) }
}

unsafe extern "C" fn locked(slf: *mut ffi::PyObject, _: *mut ffi::PyObject) -> *mut ffi::PyObject {
    // SAFETY: `slf` is a lock.
    let lock: &Lock = unsafe { this(slf) };
    bool_object(lock.inner.is_locked())
}
