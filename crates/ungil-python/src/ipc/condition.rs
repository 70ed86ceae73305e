//! `_Waiters`: who waits for a `Condition`.

use std::sync::Arc;

use pyo3::prelude::*;
use ungil_ipc::primitives::Waiters;

use crate::gil;
use crate::ipc::shared::{PySegment, Told, deadline};

/// Those who wait for a condition, in shared memory.
#[pyclass(frozen, name = "_Waiters", module = "ungil._core")]
pub(crate) struct PyWaiters(Waiters);

#[pymethods]
impl PyWaiters {
    /// Nobody; or those that another process has told of, with `_parts`.
    #[new]
    #[pyo3(signature = (segment=None, offset=0))]
    fn new(segment: Option<&PySegment>, offset: usize) -> PyResult<Self> {
        Ok(Self(match segment {
            Some(segment) => Waiters::at(Arc::clone(&segment.0), offset)?,
            None => Waiters::new()?,
        }))
    }

    /// What the constructor wants in another process.
    fn _parts(&self) -> Told {
        let (segment, offset) = self.0.place();
        (PySegment(Arc::clone(segment)), offset)
    }

    /// Begins a wait, calls `release` so many times, and waits to be notified; whether that was in time.
    ///
    /// Between these steps no handler of a signal runs: an exception of one would leave a waiter behind that takes a notification.
    fn wait(
        &self,
        py: Python<'_>,
        release: &Bound<'_, PyAny>,
        times: u64,
        timeout: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<bool> {
        let deadline = deadline(timeout)?;
        let waiting = self.0.begin();
        let released = (0..times).try_for_each(|_| release.call0().map(drop));
        let ended = released.and_then(|()| gil::wait(py, || self.0.wait(waiting, deadline)));
        match ended {
            Ok(Ok(())) => Ok(true),
            Ok(Err(_)) => Ok(self.0.leave(waiting)),
            Err(raised) => {
                // A notification that has come all the same is another's.
                if self.0.leave(waiting) {
                    self.0.notify(1);
                }
                Err(raised)
            }
        }
    }

    /// Notifies up to `n`, the longest waiting first.
    fn notify(&self, n: usize) {
        self.0.notify(n);
    }

    fn __len__(&self) -> usize {
        self.0.len()
    }
}
