//! `Future`.
//!
//! The class of Python's side inherits from this one and from the standard one, in this order: so a future is a standard one to who asks, all of what it does
//! is done here, and the attributes that other people's code looks at are read from here.

use std::ffi::CStr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::ffi;
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyTuple};
use ungil_exec::State;
use ungil_exec::completion::Completion;

use super::answer;
use super::monitor::Monitor;
use super::transition::{self, Outcome};
use crate::drops::drop_one_by_one;
use crate::method::{Arguments, Call, Method, bool_object, slow, this};
use crate::once::OnceBox;
use crate::sync::Event;

/// What will have come of a call that is made elsewhere.
#[pyclass(frozen, weakref, dict, subclass, name = "_Future", module = "ungil._core")]
pub(crate) struct Future {
    pub(crate) completion: Completion<Py<PyAny>, Py<PyAny>, Py<PyAny>>,
    pub(crate) monitor: OnceBox<Monitor>,
    /// The event of its call's stop token, if it has one: set when the future is cancelled while the call runs.
    pub(crate) stop: OnceBox<Py<Event>>,
    /// Whether what the call raised is logged if nobody has asked for it when the future is dropped.
    pub(crate) logs_unfetched: AtomicBool,
    /// The address of the pool that it was submitted to, by which a worker of the pool knows it; 0 for none. Relaxed: set before others see the future.
    pool: AtomicUsize,
    /// False in an object that has been allocated and not yet filled, at which the collector may look.
    is_made: bool,
}

impl Future {
    pub(crate) fn pool(&self) -> usize {
        self.pool.load(Ordering::Relaxed)
    }

    pub(crate) fn set_pool(&self, address: usize) {
        self.pool.store(address, Ordering::Relaxed);
    }
}

#[pymethods]
impl Future {
    // Subclasses have arguments of their own.
    #[new]
    #[pyo3(signature = (*_args, **_kwargs), text_signature = "()")]
    fn new(_args: &Bound<'_, PyTuple>, _kwargs: Option<&Bound<'_, PyDict>>) -> Self {
        Self {
            completion: Completion::new(),
            monitor: OnceBox::new(),
            stop: OnceBox::new(),
            logs_unfetched: AtomicBool::new(false),
            pool: AtomicUsize::new(0),
            is_made: true,
        }
    }

    #[expect(clippy::unused_self, reason = "refuses arguments, as the standard class does")]
    fn __init__(&self) {}

    /// The condition under which the state changes, from when this is first asked.
    #[getter]
    fn _condition(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        Ok(self.monitor(py)?.condition.clone_ref(py))
    }

    /// Objects that are told of the end, under the condition.
    #[getter]
    fn _waiters(&self, py: Python<'_>) -> PyResult<Py<PyList>> {
        Ok(self.monitor(py)?.waiters.clone_ref(py))
    }

    /// The state's name.
    #[getter]
    fn _state(&self) -> &'static str {
        self.completion.state().name()
    }

    /// Changes the state and tells nobody.
    #[setter(_state)]
    fn set_state(&self, name: &str) -> PyResult<()> {
        let Some(state) = State::named(name) else {
            return Err(PyValueError::new_err(format!("a future has no state {name:?}")));
        };
        drop(self.completion.overwrite(|_| state, |there| (there, None)));
        Ok(())
    }

    /// The result, or None.
    #[getter]
    fn _result(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        self.completion.outcome(|outcome| outcome.as_ref().ok().map(|result| result.clone_ref(py))).flatten()
    }

    #[setter(_result)]
    fn set_result_alone(&self, py: Python<'_>, result: Py<PyAny>) {
        let is_none = result.is_none(py);
        drop(self.completion.overwrite(
            |state| state,
            |there| match there {
                Some(Err(_)) if is_none => (there, Some(Ok(result))),
                there => (Some(Ok(result)), there),
            },
        ));
    }

    /// The exception, or None.
    #[getter]
    fn _exception(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        self.completion
            .outcome(|outcome| outcome.as_ref().err().map(|exception| exception.clone_ref(py)))
            .flatten()
    }

    #[setter(_exception)]
    fn set_exception_alone(&self, py: Python<'_>, exception: Py<PyAny>) {
        let is_none = exception.is_none(py);
        drop(self.completion.overwrite(
            |state| state,
            |there| match there {
                there if !is_none => (Some(Err(exception)), there),
                Some(Err(_)) => (None, there),
                there => (there, Some(Err(exception))),
            },
        ));
    }

    /// Gives it the event of a stop token, which is set when the future is cancelled while its call runs.
    fn _set_stop(&self, event: Py<Event>) {
        self.stop.get_or_set(event);
    }

    /// Has what the call raises logged, if nobody has asked for it when the future is dropped.
    fn _log_unfetched(&self) {
        self.logs_unfetched.store(true, Ordering::Relaxed);
    }

    /// A copy of the callbacks that have not been called.
    #[getter]
    fn _done_callbacks(&self, py: Python<'_>) -> PyResult<Py<PyList>> {
        let mut callbacks = Vec::new();
        self.completion.each(|_| {}, |callback| callbacks.push(callback.clone_ref(py)));
        Ok(PyList::new(py, callbacks)?.unbind())
    }

    fn __repr__(slf: &Bound<'_, Self>) -> PyResult<String> {
        let completion = &slf.get().completion;
        let state = completion.state();
        let description = match state {
            State::CancelledAndNotified => "cancelled".to_owned(),
            state => state.name().to_lowercase(),
        };
        let outcome = || {
            completion.outcome(|outcome| match outcome {
                Ok(result) => (" returned ", result.clone_ref(slf.py())),
                Err(exception) => (" raised ", exception.clone_ref(slf.py())),
            })
        };
        let outcome = if state == State::Finished { outcome() } else { None };
        let ending = match outcome {
            Some((word, object)) => format!("{word}{}", object.bind(slf.py()).get_type().name()?),
            None => String::new(),
        };
        let class = slf.get_type().name()?;
        Ok(format!("<{class} at {:#x} state={description}{ending}>", slf.as_ptr() as usize))
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        if !self.is_made {
            return Ok(());
        }
        let mut result = Ok(());
        let mut callbacks = Ok(());
        self.completion.each(
            |outcome| {
                let (Ok(object) | Err(object)) = outcome;
                result = visit.call(object);
            },
            |callback| {
                if callbacks.is_ok() {
                    callbacks = visit.call(callback);
                }
            },
        );
        result?;
        callbacks?;
        if let Some(monitor) = self.monitor.get() {
            visit.call(&monitor.condition)?;
            visit.call(&monitor.waiters)?;
        }
        self.stop.get().map_or(Ok(()), |event| visit.call(event))
    }

    fn __clear__(&self) {
        drop(self.let_go());
    }
}

impl Future {
    /// Takes out what it holds, to be dropped.
    fn let_go(&self) -> (Option<Outcome>, Vec<Py<PyAny>>) {
        let (outcome, callbacks) = self.completion.take();
        if let Some(Err(exception)) = &outcome
            && self.logs_unfetched.swap(false, Ordering::Relaxed)
        {
            answer::log_unfetched(exception);
        }
        (outcome, callbacks)
    }
}

impl Drop for Future {
    fn drop(&mut self) {
        let (outcome, callbacks) = self.let_go();
        let outcome = outcome.map(|outcome| match outcome {
            Ok(object) | Err(object) => object,
        });
        drop_one_by_one(outcome.into_iter());
        drop_one_by_one(callbacks.into_iter());
    }
}

pub(crate) const METHODS: &[Method] = &[
    Method { name: c"cancel", doc: CANCEL, call: Call::Plain(cancel) },
    Method { name: c"cancelled", doc: CANCELLED, call: Call::Plain(cancelled) },
    Method { name: c"running", doc: RUNNING, call: Call::Plain(running) },
    Method { name: c"done", doc: DONE, call: Call::Plain(done) },
    Method { name: c"add_done_callback", doc: ADD_DONE_CALLBACK, call: Call::Full(add_done_callback) },
    Method { name: c"result", doc: RESULT, call: Call::Full(result) },
    Method { name: c"exception", doc: EXCEPTION, call: Call::Full(exception) },
    Method {
        name: c"set_running_or_notify_cancel",
        doc: SET_RUNNING,
        call: Call::Plain(set_running_or_notify_cancel),
    },
    Method { name: c"set_result", doc: SET_RESULT, call: Call::Full(set_result) },
    Method { name: c"set_exception", doc: SET_EXCEPTION, call: Call::Full(set_exception) },
];

const CANCEL: &CStr = c"cancel($self, /)\n--\n\n\
    Cancel the call if it has not begun; whether it is cancelled now.\n\n\
    A call that runs and was given a stop token is asked to stop.";
const CANCELLED: &CStr = c"cancelled($self, /)\n--\n\nWhether the call was cancelled.";
const RUNNING: &CStr = c"running($self, /)\n--\n\nWhether the call is being made.";
const DONE: &CStr = c"done($self, /)\n--\n\nWhether the call was cancelled or is over.";
const ADD_DONE_CALLBACK: &CStr = c"add_done_callback($self, /, fn)\n--\n\n\
    Have `fn(future)` called when the call is over or cancelled, by the thread that makes the end; at once, if it is.\n\n\
    Callbacks are called in the order in which they were added. What they raise is logged.";
const RESULT: &CStr = c"result($self, /, timeout=None)\n--\n\n\
    Wait until the call is over, and return what it returned or raise what it raised.\n\n\
    `timeout` is in seconds, and `None` is for ever. Raises `TimeoutError` if it is not over in time, and `CancelledError` if it \
    was cancelled.";
const EXCEPTION: &CStr = c"exception($self, /, timeout=None)\n--\n\n\
    Wait until the call is over, and return what it raised, or `None`.\n\n\
    `timeout` is in seconds, and `None` is for ever. Raises `TimeoutError` if it is not over in time, and `CancelledError` if it \
    was cancelled.";
const SET_RUNNING: &CStr = c"set_running_or_notify_cancel($self, /)\n--\n\n\
    Begin the call, or find that it was cancelled; whether it is to be made. For executors.\n\n\
    Raises `RuntimeError` if it was begun before.";
const SET_RESULT: &CStr = c"set_result($self, /, result)\n--\n\n\
    End the call with what it returned. For executors.\n\nRaises `InvalidStateError` if it was ended or cancelled before.";
const SET_EXCEPTION: &CStr = c"set_exception($self, /, exception)\n--\n\n\
    End the call with what it raised. For executors.\n\nRaises `InvalidStateError` if it was ended or cancelled before.";

// SAFETY of the functions below: CPython calls them as methods of the class, as `method.rs` says.

/// The future itself, as an object.
///
/// # Safety
///
/// As for `method::this`.
unsafe fn object(py: Python<'_>, slf: *mut ffi::PyObject) -> Bound<'_, Future> {
    // SAFETY: a live object, as the caller says.
    let object = unsafe { Bound::from_borrowed_ptr(py, slf) };
    // SAFETY: of this class, as the caller says.
    unsafe { object.cast_into_unchecked() }
}

unsafe extern "C" fn cancel(slf: *mut ffi::PyObject, _: *mut ffi::PyObject) -> *mut ffi::PyObject {
    slow(|py| {
        // SAFETY: `slf` is a future.
        let future = unsafe { object(py, slf) };
        let is_cancelled = transition::cancel(&future)?;
        if !is_cancelled
            && future.get().completion.state() == State::Running
            && let Some(event) = future.get().stop.get()
        {
            event.get().inner.set();
        }
        Ok(is_cancelled.into_pyobject(py)?.to_owned().into_any())
    })
}

unsafe extern "C" fn cancelled(slf: *mut ffi::PyObject, _: *mut ffi::PyObject) -> *mut ffi::PyObject {
    // SAFETY: `slf` is a future.
    let future: &Future = unsafe { this(slf) };
    bool_object(future.completion.state().is_cancelled())
}

unsafe extern "C" fn running(slf: *mut ffi::PyObject, _: *mut ffi::PyObject) -> *mut ffi::PyObject {
    // SAFETY: `slf` is a future.
    let future: &Future = unsafe { this(slf) };
    bool_object(future.completion.state() == State::Running)
}

unsafe extern "C" fn done(slf: *mut ffi::PyObject, _: *mut ffi::PyObject) -> *mut ffi::PyObject {
    // SAFETY: `slf` is a future.
    let future: &Future = unsafe { this(slf) };
    bool_object(future.completion.state().is_done())
}

unsafe extern "C" fn add_done_callback(
    slf: *mut ffi::PyObject,
    args: *const *mut ffi::PyObject,
    n_args: ffi::Py_ssize_t,
    names: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    // SAFETY: `slf` is a future.
    let future: &Future = unsafe { this(slf) };
    // SAFETY: the protocol's own arguments.
    let arguments = unsafe { Arguments::new(args, n_args, names) };
    slow(|py| {
        let callback = only(py, arguments, "add_done_callback", "fn")?;
        if let Err(callback) = future.completion.add_callback(callback.unbind()) {
            // SAFETY: `slf` is a future.
            transition::call(&unsafe { object(py, slf) }, callback.bind(py))?;
        }
        Ok(py.None().into_bound(py))
    })
}

unsafe extern "C" fn result(
    slf: *mut ffi::PyObject,
    args: *const *mut ffi::PyObject,
    n_args: ffi::Py_ssize_t,
    names: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    // SAFETY: `slf` is a future.
    let future: &Future = unsafe { this(slf) };
    // SAFETY: the protocol's own arguments.
    let arguments = unsafe { Arguments::new(args, n_args, names) };
    if future.completion.state() == State::Finished
        && arguments.is_empty()
        && let Some(result) = answer::result_at_once(future)
    {
        return result;
    }
    slow(|py| {
        answer::wait(py, future, arguments, "result")?;
        match answer::outcome(py, future)? {
            Ok(result) => Ok(result.into_bound(py)),
            Err(exception) => Err(answer::raised(exception.into_bound(py))),
        }
    })
}

unsafe extern "C" fn exception(
    slf: *mut ffi::PyObject,
    args: *const *mut ffi::PyObject,
    n_args: ffi::Py_ssize_t,
    names: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    // SAFETY: `slf` is a future.
    let future: &Future = unsafe { this(slf) };
    // SAFETY: the protocol's own arguments.
    let arguments = unsafe { Arguments::new(args, n_args, names) };
    slow(|py| {
        answer::wait(py, future, arguments, "exception")?;
        Ok(answer::outcome(py, future)?.err().unwrap_or_else(|| py.None()).into_bound(py))
    })
}

unsafe extern "C" fn set_running_or_notify_cancel(
    slf: *mut ffi::PyObject,
    _: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    slow(|py| {
        // SAFETY: `slf` is a future.
        let is_wanted = transition::begin(&unsafe { object(py, slf) })?;
        Ok(is_wanted.into_pyobject(py)?.to_owned().into_any())
    })
}

unsafe extern "C" fn set_result(
    slf: *mut ffi::PyObject,
    args: *const *mut ffi::PyObject,
    n_args: ffi::Py_ssize_t,
    names: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    // SAFETY: the protocol's own arguments.
    let arguments = unsafe { Arguments::new(args, n_args, names) };
    slow(|py| {
        let result = only(py, arguments, "set_result", "result")?;
        // SAFETY: `slf` is a future.
        transition::finish(&unsafe { object(py, slf) }, Ok(result.unbind()))?;
        Ok(py.None().into_bound(py))
    })
}

unsafe extern "C" fn set_exception(
    slf: *mut ffi::PyObject,
    args: *const *mut ffi::PyObject,
    n_args: ffi::Py_ssize_t,
    names: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    // SAFETY: the protocol's own arguments.
    let arguments = unsafe { Arguments::new(args, n_args, names) };
    slow(|py| {
        let exception = only(py, arguments, "set_exception", "exception")?;
        let outcome: Outcome = if exception.is_none() { Ok(py.None()) } else { Err(exception.unbind()) };
        // SAFETY: `slf` is a future.
        transition::finish(&unsafe { object(py, slf) }, outcome)?;
        Ok(py.None().into_bound(py))
    })
}

/// The one argument of a method.
fn only<'py>(
    py: Python<'py>,
    arguments: Arguments,
    method: &str,
    parameter: &str,
) -> PyResult<Bound<'py, PyAny>> {
    if let Some(argument) = arguments.only() {
        return Ok(argument.into_bound(py));
    }
    match arguments.bind(py, [parameter])? {
        Some([Some(argument)]) => Ok(argument),
        _ => Err(PyTypeError::new_err(format!("Future.{method}() takes one argument, {parameter:?}"))),
    }
}
