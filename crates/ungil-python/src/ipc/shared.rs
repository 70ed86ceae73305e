//! `_Segment`: the shared memory that a primitive lies in, to be passed to another process; and the objects that are filled after they are made.

use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::sync::{Arc, OnceLock};

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::types::PyAny;
use ungil_ipc::primitives::Segment;
use ungil_sync::Deadline;

use crate::timeout;

/// Shared memory that primitives lie in.
#[pyclass(frozen, weakref, name = "_Segment", module = "ungil._core")]
pub(crate) struct PySegment(pub(crate) Arc<Segment>);

#[pymethods]
impl PySegment {
    /// The segment of a descriptor, which becomes its own.
    #[new]
    fn new(fd: RawFd) -> PyResult<Self> {
        // SAFETY: the caller gives it away, as the documentation says.
        let fd = unsafe { OwnedFd::from_raw_fd(fd) };
        Ok(Self(Arc::new(Segment::from_fd(fd)?)))
    }

    /// Its descriptor, which stays its own.
    fn fileno(&self) -> RawFd {
        self.0.as_fd().as_raw_fd()
    }

    /// A number that tells it from the others of this process.
    #[getter]
    fn key(&self) -> usize {
        Arc::as_ptr(&self.0) as usize
    }
}

/// A place that was told of, as a segment and an offset.
pub(crate) type Told = (PySegment, usize);

/// What an object is, once its `__init__` or `__setstate__` has run.
pub(crate) struct Filled<T>(OnceLock<T>);

impl<T> Filled<T> {
    pub(crate) fn not_yet() -> Self {
        Self(OnceLock::new())
    }

    /// What it is; an exception if it is nothing yet.
    #[inline]
    pub(crate) fn get(&self) -> PyResult<&T> {
        self.0
            .get()
            .ok_or_else(|| PyRuntimeError::new_err("the object is not complete: call super().__init__()"))
    }

    /// As `get`, for those who can do without.
    #[inline]
    pub(crate) fn peek(&self) -> Option<&T> {
        self.0.get()
    }

    /// Fills it, once.
    pub(crate) fn fill(&self, made: T) -> PyResult<()> {
        self.0.set(made).map_err(|_| PyRuntimeError::new_err("the object is complete already"))
    }
}

/// The deadline of a timeout as the standard library's primitives of processes take it: `None` is never, a negative one at once.
pub(crate) fn deadline(timeout: Option<&Bound<'_, PyAny>>) -> PyResult<Deadline> {
    match timeout {
        Some(timeout) if !timeout.is_none() => {
            let seconds: f64 = timeout.extract()?;
            Ok(if seconds == f64::INFINITY { None } else { timeout::deadline(seconds) })
        }
        _ => Ok(None),
    }
}
