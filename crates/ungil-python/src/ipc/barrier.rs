//! `_Barrier`: what `Barrier` is.

use std::sync::Arc;

use pyo3::exceptions::PyMemoryError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};
use ungil_ipc::primitives::Barrier;
use ungil_ipc::primitives::barrier::Arrival;
use ungil_sync::WaitResult;

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

    /// Arrives, and waits for the others; how many came before. `None` if the barrier is broken, which it is after the timeout.
    ///
    /// The last to arrive calls the action and lets all pass, with no handler of a signal between these steps but in the action: an exception of one would
    /// leave the others waiting.
    fn _pass(
        &self,
        py: Python<'_>,
        timeout: Option<&Bound<'_, PyAny>>,
        action: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Option<usize>> {
        let (barrier, deadline) = (self.inner.get()?, deadline(timeout)?);
        let (index, entry) = match gil::wait(py, || barrier.arrive(deadline))? {
            Ok(Arrival::Waits { index, entry }) => (index, entry),
            Ok(Arrival::Last { index }) => {
                let acted = action.map_or(Ok(()), |action| action.call0().map(drop));
                if acted.is_err() {
                    surely(py, || barrier.abort());
                }
                acted?;
                return Ok(surely(py, || barrier.pass(None)).unwrap_or(false).then_some(index));
            }
            Ok(Arrival::Broken) => return Ok(None),
            Err(_) => {
                surely(py, || barrier.abort());
                return Ok(None);
            }
        };
        let ended = gil::wait(py, || barrier.wait(entry, deadline));
        if let Ok(Ok(has_passed)) = ended {
            return Ok(has_passed.then_some(index));
        }
        let has_passed = surely(py, || barrier.leave(entry)).unwrap_or(false);
        let _ = ended?;
        if !has_passed {
            surely(py, || barrier.abort());
        }
        Ok(has_passed.then_some(index))
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

/// Does what another process may be in the way of for a moment, whatever signals come; none if that one does not go on.
fn surely<R: Send>(py: Python<'_>, work: impl Send + Sync + Fn() -> Result<R, WaitResult>) -> Option<R> {
    gil::detached(py, || (0..MOST_TRIES).find_map(|_| work().ok()))
}

/// How often; each try takes up to a nap, and only a process that is stopped makes more than one.
const MOST_TRIES: u32 = 20;
