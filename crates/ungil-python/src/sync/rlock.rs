//! `RLock`.

use std::ffi::CStr;

use pyo3::exceptions::{PyDeprecationWarning, PyRuntimeError};
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple, PyType};
use ungil_sync as sync;
use ungil_sync::wait_graph::Held;
use ungil_sync::waiters::Ticket;

use crate::gil;
use crate::method::{Arguments, Call, Method, bool_object, none_object, slow, this};
use crate::sync::acquire::{self, Patience, ready};
use crate::sync::describe::class_name;
use crate::sync::place::Place;
use crate::sync::statistics::Statistics;

/// A lock that its holder may acquire again, and must release as often; `threading.RLock`.
///
/// >>> from ungil.threading import RLock
/// >>> lock = RLock()
/// >>> with lock, lock:
/// ...     lock.locked()
/// True
#[pyclass(frozen, weakref, subclass, module = "ungil.threading")]
pub(crate) struct RLock {
    pub(crate) inner: sync::RLock,
    place: Option<Place>,
}

#[pymethods]
impl RLock {
    // Subclasses have arguments of their own.
    #[new]
    #[classmethod]
    #[pyo3(signature = (*args, **kwargs), text_signature = "()")]
    fn new(
        class: &Bound<'_, PyType>,
        args: &Bound<'_, PyTuple>,
        kwargs: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Self> {
        let py = class.py();
        let has_any = !args.is_empty() || kwargs.is_some_and(|kwargs| !kwargs.is_empty());
        if has_any && class.is(py.get_type::<Self>()) && py.version_info() >= (3, 13) {
            let text = c"Passing arguments to RLock is deprecated and will be removed in 3.15";
            PyErr::warn(py, &py.get_type::<PyDeprecationWarning>(), text, 1)?;
        }
        Ok(Self::make(py))
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

    /// Whether this thread holds it.
    fn _is_owned(&self) -> bool {
        self.inner.is_owned()
    }

    /// How often this thread holds it.
    fn _recursion_count(&self) -> u64 {
        if self.inner.is_owned() { self.inner.depth() } else { 0 }
    }

    /// Releases it as often as it was acquired; what `_acquire_restore` wants to undo that.
    fn _release_save(&self) -> PyResult<(u64, u64)> {
        let saved = self.inner.save().map_err(not_owned)?;
        Ok((saved.depth, saved.owner.map_or(0, sync::ThreadId::get)))
    }

    /// Acquires it as often as `state` says.
    fn _acquire_restore(&self, py: Python<'_>, state: (u64, u64)) -> PyResult<()> {
        let saved = sync::Saved { depth: state.0, owner: sync::ThreadId::new(state.1) };
        let mut ticket = Ticket::default();
        gil::wait(py, || ready(self.inner.restore_with(saved, &mut ticket, None)))?.ok();
        Ok(())
    }

    fn __repr__(slf: &Bound<'_, Self>) -> PyResult<String> {
        let inner = &slf.get().inner;
        let state = if inner.is_locked() { "locked" } else { "unlocked" };
        let owner = inner.holder().map_or(0, sync::ThreadId::get);
        let (class, depth) = (class_name(&slf.get_type())?, inner.depth());
        Ok(format!("<{state} {class} object owner={owner} count={depth} at {:#x}>", slf.as_ptr() as usize))
    }
}

impl RLock {
    pub(crate) fn make(py: Python<'_>) -> Self {
        Self { inner: sync::RLock::new(), place: Place::here(py) }
    }
}

fn not_owned(error: sync::NotOwned) -> PyErr {
    PyRuntimeError::new_err(error.to_string())
}

pub(crate) const METHODS: &[Method] = &[
    Method { name: c"acquire", doc: ACQUIRE, call: Call::Full(acquire) },
    Method { name: c"release", doc: RELEASE, call: Call::Plain(release) },
    Method { name: c"locked", doc: LOCKED, call: Call::Plain(locked) },
    Method { name: c"__enter__", doc: ENTER, call: Call::Full(acquire) },
    Method { name: c"__exit__", doc: EXIT, call: Call::Positional(exit) },
];

const ACQUIRE: &CStr = c"acquire($self, /, blocking=True, timeout=-1)\n--\n\n\
    Acquire the lock once more, waiting for it if another thread holds it; whether it was acquired.\n\n\
    `timeout` is in seconds, and -1 is for ever. Not `blocking`, the call returns at once.";
const RELEASE: &CStr = c"release($self, /)\n--\n\n\
    Release the lock once.\n\nRaises `RuntimeError` if this thread does not hold it.";
const LOCKED: &CStr = c"locked($self, /)\n--\n\nWhether a thread holds the lock.";
const ENTER: &CStr = c"__enter__($self, /, blocking=True, timeout=-1)\n--\n\nAcquire the lock.";
const EXIT: &CStr = c"__exit__($self, /, *exc_info)\n--\n\nRelease the lock.";

// SAFETY of the functions below: CPython calls them as methods of the class, as `method.rs` says.

unsafe extern "C" fn acquire(
    slf: *mut ffi::PyObject,
    args: *const *mut ffi::PyObject,
    n_args: ffi::Py_ssize_t,
    names: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    // SAFETY: `slf` is a lock.
    let lock: &RLock = unsafe { this(slf) };
    // SAFETY: the protocol's own arguments.
    let arguments = unsafe { Arguments::new(args, n_args, names) };
    if arguments.is_empty() && lock.inner.try_acquire() {
        return bool_object(true);
    }
    slow(|py| {
        let patience = if arguments.is_empty() {
            Patience::Until(None)
        } else {
            acquire::lock_patience(py, arguments, "RLock")?
        };
        // SAFETY: the caller keeps `slf` alive through the call.
        let object = unsafe { Bound::from_borrowed_ptr(py, slf) };
        let is_acquired = acquire::lock(py, &lock.inner, &object, &patience)?;
        Ok(is_acquired.into_pyobject(py)?.to_owned().into_any())
    })
}

unsafe extern "C" fn release(slf: *mut ffi::PyObject, _: *mut ffi::PyObject) -> *mut ffi::PyObject {
    // SAFETY: `slf` is a lock.
    let lock: &RLock = unsafe { this(slf) };
    match lock.inner.release() {
        Ok(()) => none_object(),
        Err(error) => slow(|_| Err(not_owned(error))),
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
    let lock: &RLock = unsafe { this(slf) };
    bool_object(lock.inner.is_locked())
}
