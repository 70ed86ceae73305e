//! `_Barrier`: what `Barrier` is, but for its action.

use std::sync::Arc;

use pyo3::exceptions::PyMemoryError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};
use ungil_ipc::primitives::Barrier;
use ungil_ipc::primitives::barrier::Arrival;

use crate::gil;
use crate::ipc::shared::{Filled, PySegment, Told, deadline};

/// So many parties that wait for each other, in shared memory.
#[pyclass(frozen, subclass, name = "_Barrier", module = "ungil._core")]
pub(crate) struct PyBarrier {
    inner: Filled<Barrier>,
}

#[pymethods]
impl PyBarrier {
    #[new]
    #[pyo3(signature = (*_args, **_kwargs))]
    fn new(_args: &Bound<'_, PyTuple>, _kwargs: Option<&Bound<'_, PyDict>>) -> Self {
        Self { inner: Filled::not_yet() }
    }

    /// Makes it a new one.
    fn _open(&self, parties: usize) -> PyResult<()> {
        let made = Barrier::new(parties).map_err(|error| match error.kind() {
            std::io::ErrorKind::OutOfMemory => PyMemoryError::new_err(()),
            _ => error.into(),
        });
        self.inner.fill(made?)
    }

    /// Makes it the one that another process has told of, with `_parts`.
    fn _attach(&self, segment: &PySegment, offset: usize, parties: usize) -> PyResult<()> {
        self.inner.fill(Barrier::at(Arc::clone(&segment.0), offset, parties)?)
    }

    /// What `_attach` wants in another process, but for the number of parties.
    fn _parts(&self) -> PyResult<Told> {
        let (segment, offset) = self.inner.get()?.place();
        Ok((PySegment(Arc::clone(segment)), offset))
    }

    /// Arrives, and waits for the others; which one it is, and whether it is the last, which is to let them pass. `None` if the barrier is broken,
    /// which it is after the timeout.
    fn _arrive(&self, py: Python<'_>, timeout: Option<&Bound<'_, PyAny>>) -> PyResult<Option<(usize, bool)>> {
        let (barrier, deadline) = (self.inner.get()?, deadline(timeout)?);
        match gil::wait(py, || barrier.arrive(deadline))? {
            Ok(Arrival::Last { index }) => Ok(Some((index, true))),
            Ok(Arrival::Waits { index, entry }) => match gil::wait(py, || barrier.wait(entry, deadline)) {
                Ok(Ok(has_passed)) => Ok(has_passed.then_some((index, false))),
                Ok(Err(_)) => {
                    let has_passed = matches!(gil::wait(py, || barrier.leave(entry))?, Ok(true));
                    if !has_passed {
                        self.abort(py)?;
                    }
                    Ok(has_passed.then_some((index, false)))
                }
                Err(raised) => {
                    let _ = gil::detached(py, || (0..MOST_TRIES).find_map(|_| barrier.leave(entry).ok()));
                    Err(raised)
                }
            },
            Ok(Arrival::Broken) => Ok(None),
            Err(_) => {
                self.abort(py)?;
                Ok(None)
            }
        }
    }

    /// Lets all pass; false if the barrier has been broken or reset meanwhile.
    fn _pass(&self, py: Python<'_>) -> PyResult<bool> {
        let barrier = self.inner.get()?;
        Ok(matches!(gil::wait(py, || barrier.pass(None))?, Ok(true)))
    }

    /// Break the barrier: all who wait, and all who come, raise `BrokenBarrierError`.
    fn abort(&self, py: Python<'_>) -> PyResult<()> {
        let barrier = self.inner.get()?;
        let _ = gil::wait(py, || barrier.abort())?;
        Ok(())
    }

    /// Make the barrier as new. Who waits raises `BrokenBarrierError`.
    fn reset(&self, py: Python<'_>) -> PyResult<()> {
        let barrier = self.inner.get()?;
        let _ = gil::wait(py, || barrier.reset())?;
        Ok(())
    }

    /// How many wait.
    #[getter]
    fn n_waiting(&self) -> PyResult<usize> {
        Ok(self.inner.get()?.n_waiting())
    }

    /// Whether the barrier is broken.
    #[getter]
    fn broken(&self) -> PyResult<bool> {
        Ok(self.inner.get()?.is_broken())
    }
}

/// How often a wait that an exception ends tries to leave; each try takes up to a nap, and only a stopped process makes more than one.
const MOST_TRIES: u32 = 20;
