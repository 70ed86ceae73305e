//! `Condition`.

use std::ffi::CStr;
use std::time::Instant;

use pyo3::exceptions::{PyDeprecationWarning, PyRuntimeError};
use pyo3::ffi;
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};
use ungil_sync as sync;
use ungil_sync::patience::stayed_awake;
use ungil_sync::waiters::Ticket;
use ungil_sync::{Deadline, WaitResult};

use crate::drops::drop_one_by_one;
use crate::method::{Arguments, Call, Method, bool_object, none_object, slow, this};
use crate::once::OnceBox;
use crate::sync::deadlock;
use crate::sync::lock::Lock;
use crate::sync::rlock::RLock;
use crate::sync::statistics::Statistics;
use crate::{gil, timeout};

/// Threads that wait to be notified, under a lock; `threading.Condition`.
///
/// The lock is a new `RLock`, or one that is given: ours, the standard library's, or any object with `acquire` and `release`.
///
/// >>> from ungil.threading import Condition, Thread
/// >>> condition, items = Condition(), []
/// >>> def produce():
/// ...     with condition:
/// ...         items.append("item")
/// ...         condition.notify()
/// >>> with condition:
/// ...     Thread(target=produce).start()
/// ...     condition.wait_for(lambda: len(items))
/// 1
#[pyclass(frozen, weakref, dict, subclass, module = "ungil.threading")]
pub(crate) struct Condition {
    inner: sync::Condition,
    lock: OnceBox<Guard>,
}

/// The lock of a condition.
enum Guard {
    Lock(Py<Lock>),
    RLock(Py<RLock>),
    /// Anything else, subclasses of ours among it: it is asked in Python.
    Foreign(Py<PyAny>),
}

#[pymethods]
impl Condition {
    // Subclasses have arguments of their own.
    #[new]
    #[pyo3(signature = (*_args, **_kwargs), text_signature = "(lock=None)")]
    fn new(_args: &Bound<'_, PyTuple>, _kwargs: Option<&Bound<'_, PyDict>>) -> Self {
        Self { inner: sync::Condition::new(), lock: OnceBox::new() }
    }

    #[pyo3(signature = (lock=None))]
    fn __init__(&self, lock: Option<&Bound<'_, PyAny>>) -> PyResult<()> {
        if let Some(lock) = lock {
            // A second `__init__` leaves the lock as it is: threads may hold it.
            self.lock.get_or_set(Guard::of(lock)?);
        }
        Ok(())
    }

    /// Waits until notified, or until `timeout` seconds have passed; whether it was notified.
    ///
    /// The lock, which this thread must hold, is released meanwhile.
    #[pyo3(signature = (timeout=None))]
    fn wait(&self, py: Python<'_>, timeout: Option<&Bound<'_, PyAny>>) -> PyResult<bool> {
        let guard = self.guard(py)?;
        if !guard.is_owned(py)? {
            return Err(PyRuntimeError::new_err("cannot wait on un-acquired lock"));
        }
        let deadline = timeout::optional(timeout)?;
        let name = guard.address();
        match guard {
            Guard::Lock(lock) => {
                let lock = &lock.get().inner;
                let again = |()| {
                    if lock.try_acquire() {
                        return Ok(());
                    }
                    deadlock::wait_detached(lock, name, |ticket, until| lock.acquire_with(ticket, until))
                };
                self.wait_natively(py, deadline, || lock.release().ok(), || !lock.is_locked(), again)
            }
            Guard::RLock(lock) => {
                let lock = &lock.get().inner;
                let again = |saved| {
                    if lock.try_restore(saved) {
                        return Ok(());
                    }
                    let restore = |ticket: &mut Ticket, until| lock.restore_with(saved, ticket, until);
                    deadlock::wait_detached(lock, name, restore)
                };
                self.wait_natively(py, deadline, || lock.save().ok(), || !lock.is_locked(), again)
            }
            Guard::Foreign(_) => self.wait_with(py, deadline),
        }
    }

    /// Waits until `predicate()` is true, or until `timeout` seconds have passed; what it returned last.
    #[pyo3(signature = (predicate, timeout=None))]
    fn wait_for<'py>(
        slf: &Bound<'py, Self>,
        predicate: &Bound<'py, PyAny>,
        timeout: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let deadline = timeout::optional(timeout)?;
        loop {
            let result = predicate.call0()?;
            if result.is_truthy()? {
                return Ok(result);
            }
            let left = deadline.map(|at| at.saturating_duration_since(Instant::now()));
            if left.is_some_and(|left| left.is_zero()) {
                return Ok(result);
            }
            slf.call_method1("wait", (left.map(|left| left.as_secs_f64()),))?;
        }
    }

    /// The old name of `notify_all`.
    #[pyo3(name = "notifyAll")]
    fn old_notify_all(slf: &Bound<'_, Self>) -> PyResult<()> {
        let text = c"notifyAll() is deprecated, use notify_all() instead";
        PyErr::warn(slf.py(), &slf.py().get_type::<PyDeprecationWarning>(), text, 1)?;
        slf.call_method0("notify_all").map(drop)
    }

    /// How many threads wait to be notified, how often and how long threads have; the lock has statistics of its own.
    fn statistics(&self) -> Statistics {
        self.inner.statistics().into()
    }

    /// The lock.
    #[getter]
    fn _lock(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        Ok(self.guard(py)?.object(py).unbind())
    }

    fn _is_owned(&self, py: Python<'_>) -> PyResult<bool> {
        self.guard(py)?.is_owned(py)
    }

    /// Releases the lock altogether; what `_acquire_restore` wants to undo that.
    #[pyo3(name = "_release_save")]
    fn release_save<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let lock = self.guard(py)?.object(py);
        if lock.hasattr("_release_save")? {
            return lock.call_method0("_release_save");
        }
        lock.call_method0("release")?;
        Ok(py.None().into_bound(py))
    }

    /// Acquires the lock as it was.
    #[pyo3(name = "_acquire_restore")]
    fn acquire_restore(&self, py: Python<'_>, state: &Bound<'_, PyAny>) -> PyResult<()> {
        let lock = self.guard(py)?.object(py);
        if lock.hasattr("_acquire_restore")? {
            return lock.call_method1("_acquire_restore", (state,)).map(drop);
        }
        lock.call_method0("acquire").map(drop)
    }

    /// Forgets who waits and who holds the lock: for a forked child.
    fn _at_fork_reinit(&self, py: Python<'_>) -> PyResult<()> {
        self.inner.reset_after_fork();
        self.guard(py)?.object(py).call_method0("_at_fork_reinit").map(drop)
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let lock = self.guard(py)?.object(py).repr()?;
        Ok(format!("<Condition({lock}, {})>", self.inner.n_waiters()))
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        // `Lock` and `RLock` refer to nothing.
        match self.lock.get() {
            Some(Guard::Foreign(lock)) => visit.call(lock),
            _ => Ok(()),
        }
    }
}

impl Drop for Condition {
    fn drop(&mut self) {
        // It may be a condition, whose lock may be one.
        if let Some(Guard::Foreign(lock)) = self.lock.take() {
            drop_one_by_one([lock].into_iter());
        }
    }
}

impl Condition {
    /// A condition under `lock`.
    pub(crate) fn of(lock: Py<Lock>) -> Self {
        let condition = Self { inner: sync::Condition::new(), lock: OnceBox::new() };
        condition.lock.get_or_set(Guard::Lock(lock));
        condition
    }

    pub(crate) fn n_waiters(&self) -> usize {
        self.inner.n_waiters()
    }

    fn guard(&self, py: Python<'_>) -> PyResult<&Guard> {
        if let Some(guard) = self.lock.get() {
            return Ok(guard);
        }
        let lock = Py::new(py, RLock::make(py))?;
        Ok(self.lock.get_or_set(Guard::RLock(lock)))
    }

    /// Waits with a lock of ours. It is released and acquired detached: whoever gets it finds the interpreter free.
    fn wait_natively<S: Copy + Send + Sync>(
        &self,
        py: Python<'_>,
        deadline: Deadline,
        release: impl FnOnce() -> Option<S> + Send,
        is_free: impl Fn() -> bool + Sync,
        acquire: impl Fn(S) -> PyResult<()> + Sync,
    ) -> PyResult<bool> {
        let mut waiting = self.inner.enroll();
        let mut wait = |saved| -> PyResult<WaitResult> {
            let ended = waiting.wait_on(deadline);
            if ended == WaitResult::Interrupted {
                return Ok(ended);
            }
            if stayed_awake() {
                let n_detached = gil::n_detached();
                waiting.look_for(&is_free);
                acquire(saved)?;
                gil::look_for_free(n_detached);
            } else {
                acquire(saved)?;
            }
            Ok(ended)
        };
        let begun = gil::detached(py, || release().map(|saved| (saved, wait(saved))));
        // Another thread has released the lock since it was looked at.
        let (saved, ended) =
            begun.ok_or_else(|| PyRuntimeError::new_err("cannot wait on un-acquired lock"))?;
        let mut ended = ended?;
        while ended == WaitResult::Interrupted {
            if let Err(raised) = py.check_signals() {
                gil::detached(py, || acquire(saved))?;
                return Err(raised);
            }
            ended = gil::detached(py, || wait(saved))?;
        }
        Ok(ended == WaitResult::Ready)
    }

    /// Waits with a lock that is asked in Python.
    fn wait_with(&self, py: Python<'_>, deadline: Deadline) -> PyResult<bool> {
        let mut waiting = self.inner.enroll();
        let saved = self.release_save(py)?;
        let ended = gil::wait(py, || match waiting.wait_on(deadline) {
            WaitResult::Interrupted => Err(WaitResult::Interrupted),
            ended => Ok(ended),
        });
        self.acquire_restore(py, &saved)?;
        Ok(ended? == Ok(WaitResult::Ready))
    }

    fn notify(&self, py: Python<'_>, n: usize) -> PyResult<()> {
        if !self.guard(py)?.is_owned(py)? {
            return Err(PyRuntimeError::new_err("cannot notify on un-acquired lock"));
        }
        self.inner.notify(n);
        Ok(())
    }
}

impl Guard {
    fn of(lock: &Bound<'_, PyAny>) -> PyResult<Self> {
        if let Ok(lock) = lock.cast_exact::<Lock>() {
            return Ok(Self::Lock(lock.clone().unbind()));
        }
        if let Ok(lock) = lock.cast_exact::<RLock>() {
            return Ok(Self::RLock(lock.clone().unbind()));
        }
        // What is no lock is told now, and not by the first to wait.
        lock.getattr("acquire")?;
        lock.getattr("release")?;
        Ok(Self::Foreign(lock.clone().unbind()))
    }

    /// Where the lock's object is.
    fn address(&self) -> usize {
        let object = match self {
            Self::Lock(lock) => lock.as_ptr(),
            Self::RLock(lock) => lock.as_ptr(),
            Self::Foreign(lock) => lock.as_ptr(),
        };
        object as usize
    }

    fn object<'py>(&self, py: Python<'py>) -> Bound<'py, PyAny> {
        match self {
            Self::Lock(lock) => lock.bind(py).clone().into_any(),
            Self::RLock(lock) => lock.bind(py).clone().into_any(),
            Self::Foreign(lock) => lock.bind(py).clone(),
        }
    }

    /// Whether this thread holds the lock, as far as the lock knows.
    fn is_owned(&self, py: Python<'_>) -> PyResult<bool> {
        match self {
            Self::Lock(lock) => Ok(lock.get().inner.is_locked()),
            Self::RLock(lock) => Ok(lock.get().inner.is_owned()),
            Self::Foreign(lock) => {
                let lock = lock.bind(py);
                if lock.hasattr("_is_owned")? {
                    return lock.call_method0("_is_owned")?.is_truthy();
                }
                let is_free = lock.call_method1("acquire", (false,))?.is_truthy()?;
                if is_free {
                    lock.call_method0("release")?;
                }
                Ok(!is_free)
            }
        }
    }
}

pub(crate) const METHODS: &[Method] = &[
    Method { name: c"acquire", doc: ACQUIRE, call: Call::Full(acquire) },
    Method { name: c"release", doc: RELEASE, call: Call::Plain(release) },
    Method { name: c"__enter__", doc: ENTER, call: Call::Plain(enter) },
    Method { name: c"__exit__", doc: EXIT, call: Call::Positional(exit) },
    Method { name: c"notify", doc: NOTIFY, call: Call::Full(notify) },
    Method { name: c"notify_all", doc: NOTIFY_ALL, call: Call::Plain(notify_all) },
];

const ACQUIRE: &CStr = c"acquire($self, /, *args, **kwargs)\n--\n\nAcquire the lock, as its own method does.";
const RELEASE: &CStr = c"release($self, /)\n--\n\nRelease the lock.";
const ENTER: &CStr = c"__enter__($self, /)\n--\n\nAcquire the lock.";
const EXIT: &CStr = c"__exit__($self, /, *exc_info)\n--\n\nRelease the lock.";
const NOTIFY: &CStr = c"notify($self, /, n=1)\n--\n\n\
    Let `n` of the threads that wait go on, those that came first.\n\n\
    Raises `RuntimeError` if this thread does not hold the lock.";
const NOTIFY_ALL: &CStr = c"notify_all($self, /)\n--\n\n\
    Let all threads go on that wait.\n\nRaises `RuntimeError` if this thread does not hold the lock.";

// SAFETY of the functions below: CPython calls them as methods of the class, as `method.rs` says.

unsafe extern "C" fn acquire(
    slf: *mut ffi::PyObject,
    args: *const *mut ffi::PyObject,
    n_args: ffi::Py_ssize_t,
    names: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    // SAFETY: `slf` is a condition.
    let condition: &Condition = unsafe { this(slf) };
    // SAFETY: the protocol's own arguments.
    let arguments = unsafe { Arguments::new(args, n_args, names) };
    if arguments.is_empty() && condition.try_acquire_ours() {
        return bool_object(true);
    }
    slow(|py| arguments.call(&condition.guard(py)?.object(py).getattr("acquire")?))
}

unsafe extern "C" fn release(slf: *mut ffi::PyObject, _: *mut ffi::PyObject) -> *mut ffi::PyObject {
    // SAFETY: `slf` is a condition.
    let condition: &Condition = unsafe { this(slf) };
    let is_released = match condition.lock.get() {
        Some(Guard::Lock(lock)) => lock.get().inner.release().is_ok(),
        Some(Guard::RLock(lock)) => lock.get().inner.release().is_ok(),
        _ => false,
    };
    if is_released {
        return none_object();
    }
    slow(|py| condition.guard(py)?.object(py).call_method0("release"))
}

unsafe extern "C" fn enter(slf: *mut ffi::PyObject, _: *mut ffi::PyObject) -> *mut ffi::PyObject {
    // SAFETY: `slf` is a condition.
    let condition: &Condition = unsafe { this(slf) };
    if condition.try_acquire_ours() {
        return bool_object(true);
    }
    slow(|py| condition.guard(py)?.object(py).call_method0("__enter__"))
}

unsafe extern "C" fn exit(
    slf: *mut ffi::PyObject,
    args: *mut *mut ffi::PyObject,
    n_args: ffi::Py_ssize_t,
) -> *mut ffi::PyObject {
    // SAFETY: `slf` is a condition.
    let condition: &Condition = unsafe { this(slf) };
    if let Some(Guard::Foreign(_)) = condition.lock.get() {
        // SAFETY: the protocol's own arguments.
        let arguments = unsafe { Arguments::new(args, n_args, std::ptr::null_mut()) };
        return slow(|py| arguments.call(&condition.guard(py)?.object(py).getattr("__exit__")?));
    }
    // SAFETY: as our caller promises.
    unsafe { release(slf, std::ptr::null_mut()) }
}

unsafe extern "C" fn notify(
    slf: *mut ffi::PyObject,
    args: *const *mut ffi::PyObject,
    n_args: ffi::Py_ssize_t,
    names: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    // SAFETY: `slf` is a condition.
    let condition: &Condition = unsafe { this(slf) };
    // SAFETY: the protocol's own arguments.
    let arguments = unsafe { Arguments::new(args, n_args, names) };
    if arguments.is_empty() && condition.notify_held(1) {
        return none_object();
    }
    slow(|py| {
        let Some([n]) = arguments.bind(py, ["n"])? else {
            let standard = py.import("threading")?.call_method0("Condition")?;
            return Err(arguments.refused_by(&standard.getattr("notify")?));
        };
        let n: i64 = n.map_or(Ok(1), |n| n.extract())?;
        condition.notify(py, usize::try_from(n).unwrap_or(0))?;
        Ok(py.None().into_bound(py))
    })
}

unsafe extern "C" fn notify_all(slf: *mut ffi::PyObject, _: *mut ffi::PyObject) -> *mut ffi::PyObject {
    // SAFETY: `slf` is a condition.
    let condition: &Condition = unsafe { this(slf) };
    if condition.notify_held(usize::MAX) {
        return none_object();
    }
    slow(|py| {
        condition.notify(py, usize::MAX)?;
        Ok(py.None().into_bound(py))
    })
}

impl Condition {
    /// Acquires the lock if it is one of ours and free.
    fn try_acquire_ours(&self) -> bool {
        match self.lock.get() {
            Some(Guard::Lock(lock)) => lock.get().inner.try_acquire(),
            Some(Guard::RLock(lock)) => lock.get().inner.try_acquire(),
            _ => false,
        }
    }

    /// Notifies, if the lock is one of ours and held.
    fn notify_held(&self, n: usize) -> bool {
        let is_held = match self.lock.get() {
            Some(Guard::Lock(lock)) => lock.get().inner.is_locked(),
            Some(Guard::RLock(lock)) => lock.get().inner.is_owned(),
            _ => false,
        };
        if is_held {
            self.inner.notify(n);
        }
        is_held
    }
}
