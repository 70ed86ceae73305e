//! `_SemLock`: a lock, a recursive lock or a semaphore, with the methods of the standard library's `_multiprocessing.SemLock`.

use std::ffi::CStr;
use std::sync::Arc;

use pyo3::exceptions::{PyAssertionError, PyOSError, PyOverflowError, PyValueError};
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};
use ungil_ipc::primitives::{Dead, Lock, RLock, Semaphore, Who};
use ungil_sync::{Deadline, WaitResult};

use crate::gil;
use crate::ipc::counted::Counted;
use crate::ipc::shared::{Filled, PySegment, deadline};
use crate::ipc::told;
use crate::method::{Arguments, Call, Method, bool_object, none_object, slow, this};

/// The numbers of the kinds; the first two are the standard library's.
const RECURSIVE: i32 = 0;
const SEMAPHORE: i32 = 1;
const LOCK: i32 = 2;

/// `SEM_VALUE_MAX` of the standard library.
const MOST: i32 = i32::MAX;

/// What can be acquired and released, in shared memory.
#[pyclass(frozen, subclass, name = "_SemLock", module = "ungil._core")]
pub(crate) struct SemLock {
    inner: Filled<Inner>,
}

struct Inner {
    what: What,
    /// `file.py:12`, where the program made it, if that is known.
    made_at: Option<String>,
}

enum What {
    Lock(Lock),
    RLock(RLock),
    Semaphore(Counted),
}

#[pymethods]
impl SemLock {
    #[new]
    #[pyo3(signature = (*_args, **_kwargs))]
    fn new(_args: &Bound<'_, PyTuple>, _kwargs: Option<&Bound<'_, PyDict>>) -> Self {
        Self { inner: Filled::not_yet() }
    }

    /// Makes it a new one of that kind.
    fn _open(
        &self,
        kind: i32,
        value: &Bound<'_, PyAny>,
        maxvalue: &Bound<'_, PyAny>,
        made_at: Option<String>,
    ) -> PyResult<()> {
        let (value, most) = (number(value)?, number(maxvalue)?);
        let what = match kind {
            RECURSIVE => What::RLock(RLock::new()?),
            LOCK => What::Lock(Lock::new()?),
            SEMAPHORE => What::Semaphore(Counted::of(Semaphore::new(value, most)?)),
            _ => return Err(PyValueError::new_err("unrecognized kind")),
        };
        self.inner.fill(Inner { what, made_at })
    }

    /// Makes it the one that another process has told of, with `_parts`.
    fn _attach(
        &self,
        segment: &PySegment,
        offset: usize,
        kind: i32,
        maxvalue: u32,
        made_at: Option<String>,
    ) -> PyResult<()> {
        let segment = Arc::clone(&segment.0);
        let what = match kind {
            RECURSIVE => What::RLock(RLock::at(segment, offset)?),
            LOCK => What::Lock(Lock::at(segment, offset)?),
            SEMAPHORE => What::Semaphore(Counted::of(Semaphore::at(segment, offset, maxvalue)?)),
            _ => return Err(PyValueError::new_err("unrecognized kind")),
        };
        self.inner.fill(Inner { what, made_at })
    }

    /// What `_attach` wants in another process.
    fn _parts(&self) -> PyResult<(PySegment, usize, i32, u32, Option<String>)> {
        let inner = self.inner.get()?;
        let (kind, most, (segment, offset)) = match &inner.what {
            What::Lock(lock) => (LOCK, 1, lock.place()),
            What::RLock(lock) => (RECURSIVE, 1, lock.place()),
            What::Semaphore(counted) => (SEMAPHORE, counted.semaphore.most(), counted.semaphore.place()),
        };
        Ok((PySegment(Arc::clone(segment)), offset, kind, most, inner.made_at.clone()))
    }

    /// How often this process has acquired it and not released it; this thread, if it is recursive.
    fn _count(&self) -> PyResult<i64> {
        Ok(match &self.inner.get()?.what {
            What::Lock(lock) => i64::from(lock.holder() == Some(Who::me())),
            What::RLock(lock) => lock.count_of_process().into(),
            What::Semaphore(counted) => counted.count(),
        })
    }

    /// Whether this thread acquired it last.
    fn _is_mine(&self) -> PyResult<bool> {
        Ok(match &self.inner.get()?.what {
            What::Lock(lock) => lock.is_mine(),
            What::RLock(lock) => lock.count() > 0,
            What::Semaphore(counted) => counted.is_mine(),
        })
    }

    /// How often it may be acquired at this moment.
    fn _get_value(&self) -> PyResult<u32> {
        Ok(self.inner.get()?.what.value())
    }

    fn _is_zero(&self) -> PyResult<bool> {
        Ok(self.inner.get()?.what.value() == 0)
    }

    /// Forgets what the parent's threads had: for a forked child, which does so by itself.
    #[expect(clippy::unused_self, reason = "the standard class's method")]
    fn _after_fork(&self) {}

    /// Whether somebody holds it, or all permits are taken.
    fn locked(&self) -> PyResult<bool> {
        Ok(self.inner.get()?.what.value() == 0)
    }

    #[getter]
    fn kind(&self) -> PyResult<i32> {
        Ok(match &self.inner.get()?.what {
            What::RLock(_) => RECURSIVE,
            _ => SEMAPHORE,
        })
    }

    #[getter]
    fn maxvalue(&self) -> PyResult<u32> {
        Ok(match &self.inner.get()?.what {
            What::Semaphore(counted) => counted.semaphore.most(),
            _ => 1,
        })
    }

    /// None: it has no name.
    #[getter]
    #[expect(clippy::unused_self, reason = "the standard class's attribute")]
    fn name(&self) -> Option<&str> {
        None
    }

    #[classattr]
    #[expect(non_snake_case, reason = "the standard class's attribute")]
    fn SEM_VALUE_MAX() -> i32 {
        MOST
    }
}

/// A number of permits.
fn number(object: &Bound<'_, PyAny>) -> PyResult<u32> {
    let number: i32 = object.extract().map_err(|error: PyErr| {
        let is_too_large = error.is_instance_of::<PyOverflowError>(object.py());
        let refused = || PyOverflowError::new_err("Python int too large to convert to C int");
        if is_too_large { refused() } else { error }
    })?;
    u32::try_from(number).map_err(|_| PyOSError::new_err((libc::EINVAL, "Invalid argument")))
}

impl What {
    #[inline]
    fn try_acquire(&self) -> bool {
        match self {
            Self::Lock(lock) => lock.try_acquire(),
            Self::RLock(lock) => lock.try_acquire(),
            Self::Semaphore(counted) => {
                let is_acquired = counted.semaphore.try_acquire();
                if is_acquired {
                    counted.note(1);
                }
                is_acquired
            }
        }
    }

    /// Acquires it if it is free, or a dead process's.
    fn acquire_now(&self) -> Result<Option<Dead>, WaitResult> {
        match self {
            Self::Lock(lock) => lock.try_acquire_from_the_dead().map(Some).ok_or(WaitResult::TimedOut),
            Self::RLock(lock) => lock.try_acquire_from_the_dead().map(Some).ok_or(WaitResult::TimedOut),
            Self::Semaphore(counted) => {
                let dead = counted.semaphore.acquire_now()?;
                counted.note(1);
                Ok(dead)
            }
        }
    }

    fn acquire(&self, deadline: Deadline) -> Result<Option<Dead>, WaitResult> {
        match self {
            Self::Lock(lock) => lock.acquire(deadline),
            Self::RLock(lock) => lock.acquire(deadline),
            Self::Semaphore(counted) => {
                let dead = counted.semaphore.acquire(deadline)?;
                counted.note(1);
                Ok(dead)
            }
        }
    }

    fn value(&self) -> u32 {
        match self {
            Self::Lock(lock) => lock.holder().is_none().into(),
            Self::RLock(lock) => lock.holder().is_none().into(),
            Self::Semaphore(counted) => counted.semaphore.value(),
        }
    }

    /// What its holder has.
    fn had(&self) -> &'static str {
        match self {
            Self::Semaphore(_) => "a permit of the",
            _ => "the",
        }
    }
}

pub(crate) const METHODS: &[Method] = &[
    Method { name: c"acquire", doc: ACQUIRE, call: Call::Full(acquire) },
    Method { name: c"release", doc: RELEASE, call: Call::Plain(release) },
    Method { name: c"__enter__", doc: ENTER, call: Call::Plain(enter) },
    Method { name: c"__exit__", doc: EXIT, call: Call::Positional(exit) },
];

const ACQUIRE: &CStr = c"acquire($self, /, block=True, timeout=None)\n--\n\n\
    Acquire it, waiting if need be; whether it was acquired.\n\n\
    `timeout` is in seconds, and `None` is for ever. If the process that had it died, this one gets it, and a `HolderDied` warns of that.";
const RELEASE: &CStr = c"release($self, /)\n--\n\n\
    Release it. Raises `ValueError` if it was released too often, and `AssertionError` if it is recursive and another thread's.";
const ENTER: &CStr = c"__enter__($self, /)\n--\n\nAcquire it.";
const EXIT: &CStr = c"__exit__($self, /, *exc_info)\n--\n\nRelease it.";

// SAFETY of the functions below: CPython calls them as methods of the class, as `method.rs` says.

unsafe extern "C" fn acquire(
    slf: *mut ffi::PyObject,
    args: *const *mut ffi::PyObject,
    n_args: ffi::Py_ssize_t,
    names: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    // SAFETY: `slf` is one of the class.
    let lock: &SemLock = unsafe { this(slf) };
    // SAFETY: the protocol's own arguments.
    let arguments = unsafe { Arguments::new(args, n_args, names) };
    if arguments.is_empty() && lock.inner.peek().is_some_and(|inner| inner.what.try_acquire()) {
        return bool_object(true);
    }
    slow(|py| {
        let Some([block, timeout]) = arguments.bind(py, ["block", "timeout"])? else {
            let context = py.import("multiprocessing")?.call_method1("get_context", ("fork",))?;
            return Err(arguments.refused_by(&context.call_method0("Lock")?.getattr("acquire")?));
        };
        let deadline = deadline(timeout.as_ref())?;
        let may_wait = block.map_or(Ok(true), |block| block.is_truthy())?;
        // SAFETY: the caller keeps `slf` alive through the call.
        let object = unsafe { Bound::from_borrowed_ptr(py, slf) };
        acquire_patiently(&object, lock, may_wait.then_some(deadline))
    })
}

unsafe extern "C" fn enter(slf: *mut ffi::PyObject, _: *mut ffi::PyObject) -> *mut ffi::PyObject {
    // SAFETY: `slf` is one of the class.
    let lock: &SemLock = unsafe { this(slf) };
    if lock.inner.peek().is_some_and(|inner| inner.what.try_acquire()) {
        return bool_object(true);
    }
    slow(|py| {
        // SAFETY: the caller keeps `slf` alive through the call.
        let object = unsafe { Bound::from_borrowed_ptr(py, slf) };
        acquire_patiently(&object, lock, Some(None))
    })
}

/// Acquires it, waiting until the deadline if there is one of these, which may be never.
fn acquire_patiently<'py>(
    object: &Bound<'py, PyAny>,
    lock: &SemLock,
    until: Option<Deadline>,
) -> PyResult<Bound<'py, PyAny>> {
    let (py, inner) = (object.py(), lock.inner.get()?);
    let what = &inner.what;
    let acquired = if what.try_acquire() {
        Some(None)
    } else {
        match until {
            Some(deadline) => gil::wait(py, || what.acquire(deadline))?.ok(),
            None => gil::wait(py, || what.acquire_now())?.ok(),
        }
    };
    if let Some(Some(dead)) = acquired
        && let Err(raised) = told::warn(object, inner.made_at.as_deref(), dead, what.had())
    {
        // Warnings are errors: then it is not acquired.
        release_patiently(py, what)?;
        return Err(raised);
    }
    Ok(acquired.is_some().into_pyobject(py)?.to_owned().into_any())
}

unsafe extern "C" fn release(slf: *mut ffi::PyObject, _: *mut ffi::PyObject) -> *mut ffi::PyObject {
    // SAFETY: `slf` is one of the class.
    let lock: &SemLock = unsafe { this(slf) };
    let is_released = match lock.inner.peek().map(|inner| &inner.what) {
        Some(What::Lock(lock)) => lock.release(),
        Some(What::RLock(lock)) => lock.release(),
        Some(What::Semaphore(counted)) => match counted.semaphore.try_release() {
            Some(Ok(())) => {
                counted.note(-1);
                true
            }
            _ => false,
        },
        None => false,
    };
    if is_released {
        return none_object();
    }
    slow(|py| {
        release_patiently(py, &lock.inner.get()?.what)?;
        Ok(py.None().into_bound(py))
    })
}

/// Releases it, or says why not.
fn release_patiently(py: Python<'_>, what: &What) -> PyResult<()> {
    let is_released = match what {
        What::Lock(lock) => lock.release(),
        What::RLock(lock) => {
            return lock.release().then_some(()).ok_or_else(|| {
                PyAssertionError::new_err("attempt to release recursive lock not owned by thread")
            });
        }
        What::Semaphore(counted) => {
            let is_released = matches!(gil::wait(py, || counted.semaphore.release())?, Ok(Ok(())));
            if is_released {
                counted.note(-1);
            }
            is_released
        }
    };
    is_released
        .then_some(())
        .ok_or_else(|| PyValueError::new_err("semaphore or lock released too many times"))
}

unsafe extern "C" fn exit(
    slf: *mut ffi::PyObject,
    _: *mut *mut ffi::PyObject,
    _: ffi::Py_ssize_t,
) -> *mut ffi::PyObject {
    // SAFETY: as our caller promises.
    unsafe { release(slf, std::ptr::null_mut()) }
}
