//! `Event`.

use std::ffi::CStr;

use pyo3::exceptions::PyDeprecationWarning;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};
use ungil_sync as sync;

use crate::method::{Arguments, Call, Method, bool_object, none_object, slow, this};
use crate::sync::acquire::ready;
use crate::sync::describe::with_state;
use crate::sync::statistics::Statistics;
use crate::{gil, timeout};

/// A flag that starts false, and that threads wait for; `threading.Event`.
///
/// >>> from ungil.threading import Event
/// >>> event = Event()
/// >>> event.wait(timeout=0.001)
/// False
/// >>> event.set()
/// >>> event.wait()
/// True
#[pyclass(frozen, weakref, dict, subclass, module = "ungil.threading")]
pub(crate) struct Event {
    pub(crate) inner: sync::Event,
}

#[pymethods]
impl Event {
    // Subclasses have arguments of their own.
    #[new]
    #[pyo3(signature = (*_args, **_kwargs), text_signature = "()")]
    fn new(_args: &Bound<'_, PyTuple>, _kwargs: Option<&Bound<'_, PyDict>>) -> Self {
        Self { inner: sync::Event::new() }
    }

    #[expect(clippy::unused_self, reason = "refuses arguments, as the standard class does")]
    fn __init__(&self) {}

    /// How many threads wait, how often and how long threads have had to.
    fn statistics(&self) -> Statistics {
        self.inner.statistics().into()
    }

    /// The old name of `is_set`.
    #[pyo3(name = "isSet")]
    fn old_is_set(&self, py: Python<'_>) -> PyResult<bool> {
        let text = c"isSet() is deprecated, use is_set() instead";
        PyErr::warn(py, &py.get_type::<PyDeprecationWarning>(), text, 1)?;
        Ok(self.inner.is_set())
    }

    /// Whether the flag is true.
    #[getter]
    fn _flag(&self) -> bool {
        self.inner.is_set()
    }

    /// Forgets who waits: for a forked child.
    fn _at_fork_reinit(&self) {
        self.inner.reset_after_fork();
    }

    fn __repr__(slf: &Bound<'_, Self>) -> PyResult<String> {
        with_state(slf.as_any(), if slf.get().inner.is_set() { "set" } else { "unset" })
    }
}

pub(crate) const METHODS: &[Method] = &[
    Method { name: c"is_set", doc: IS_SET, call: Call::Plain(is_set) },
    Method { name: c"set", doc: SET, call: Call::Plain(set) },
    Method { name: c"clear", doc: CLEAR, call: Call::Plain(clear) },
    Method { name: c"wait", doc: WAIT, call: Call::Full(wait) },
];

const IS_SET: &CStr = c"is_set($self, /)\n--\n\nWhether the flag is true.";
const SET: &CStr = c"set($self, /)\n--\n\nMake the flag true, and let all threads go on that wait for it.";
const CLEAR: &CStr = c"clear($self, /)\n--\n\n\
    Make the flag false. Threads that wait from now on do so until it is `set` again.";
const WAIT: &CStr = c"wait($self, /, timeout=None)\n--\n\n\
    Wait until the flag is true; whether it was in time.\n\n`timeout` is in seconds, and `None` is for ever.";

// SAFETY of the functions below: CPython calls them as methods of the class, as `method.rs` says.

unsafe extern "C" fn is_set(slf: *mut ffi::PyObject, _: *mut ffi::PyObject) -> *mut ffi::PyObject {
    // SAFETY: `slf` is an event.
    let event: &Event = unsafe { this(slf) };
    bool_object(event.inner.is_set())
}

unsafe extern "C" fn set(slf: *mut ffi::PyObject, _: *mut ffi::PyObject) -> *mut ffi::PyObject {
    // SAFETY: `slf` is an event.
    let event: &Event = unsafe { this(slf) };
    event.inner.set();
    none_object()
}

unsafe extern "C" fn clear(slf: *mut ffi::PyObject, _: *mut ffi::PyObject) -> *mut ffi::PyObject {
    // SAFETY: `slf` is an event.
    let event: &Event = unsafe { this(slf) };
    event.inner.clear();
    none_object()
}

unsafe extern "C" fn wait(
    slf: *mut ffi::PyObject,
    args: *const *mut ffi::PyObject,
    n_args: ffi::Py_ssize_t,
    names: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    // SAFETY: `slf` is an event.
    let event: &Event = unsafe { this(slf) };
    // SAFETY: the protocol's own arguments.
    let arguments = unsafe { Arguments::new(args, n_args, names) };
    if arguments.is_empty() && event.inner.is_set() {
        return bool_object(true);
    }
    slow(|py| {
        let Some([timeout]) = arguments.bind(py, ["timeout"])? else {
            let standard = py.import("threading")?.call_method0("Event")?;
            return Err(arguments.refused_by(&standard.getattr("wait")?));
        };
        let is_set = event.inner.is_set() || {
            let deadline = timeout::optional(timeout.as_ref())?;
            gil::wait(py, || ready(event.inner.wait(deadline)))?.is_ok()
        };
        Ok(is_set.into_pyobject(py)?.to_owned().into_any())
    })
}
