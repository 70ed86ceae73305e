//! `_Event`: what `Event` is.

use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};
use ungil_ipc::primitives::Event;

use crate::gil;
use crate::ipc::shared::{Filled, PySegment, Told, deadline};

/// A flag in shared memory, that processes wait for.
#[pyclass(frozen, subclass, name = "_Event", module = "ungil._core")]
pub(crate) struct PyEvent {
    inner: Filled<Event>,
}

#[pymethods]
impl PyEvent {
    #[new]
    #[pyo3(signature = (*_args, **_kwargs))]
    fn new(_args: &Bound<'_, PyTuple>, _kwargs: Option<&Bound<'_, PyDict>>) -> Self {
        Self { inner: Filled::not_yet() }
    }

    /// Makes it a new one.
    fn _open(&self) -> PyResult<()> {
        self.inner.fill(Event::new()?)
    }

    /// Makes it the one that another process has told of, with `_parts`.
    fn _attach(&self, segment: &PySegment, offset: usize) -> PyResult<()> {
        self.inner.fill(Event::at(Arc::clone(&segment.0), offset)?)
    }

    /// What `_attach` wants in another process.
    fn _parts(&self) -> PyResult<Told> {
        let (segment, offset) = self.inner.get()?.place();
        Ok((PySegment(Arc::clone(segment)), offset))
    }

    /// Whether the flag is true.
    fn is_set(&self) -> PyResult<bool> {
        Ok(self.inner.get()?.is_set())
    }

    /// Make the flag true, and let all go on that wait for it.
    fn set(&self) -> PyResult<()> {
        self.inner.get()?.set();
        Ok(())
    }

    /// Make the flag false. Who waits from now on does so until it is `set` again.
    fn clear(&self) -> PyResult<()> {
        self.inner.get()?.clear();
        Ok(())
    }

    /// Wait until the flag is true; whether it was in time. `timeout` is in seconds, and `None` is for ever.
    #[pyo3(signature = (timeout=None))]
    fn wait(&self, py: Python<'_>, timeout: Option<&Bound<'_, PyAny>>) -> PyResult<bool> {
        let event = self.inner.get()?;
        if event.is_set() {
            return Ok(true);
        }
        let (waiting, deadline) = (event.begin(), deadline(timeout)?);
        Ok(gil::wait(py, || event.wait(waiting, deadline))?.is_ok())
    }
}
