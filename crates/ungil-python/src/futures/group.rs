//! `Group`: futures that are waited for together, ours and others; `wait` and `as_completed` are made of it.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use pyo3::exceptions::PyTimeoutError;
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyList, PySet};
use ungil_exec::Ending;
use ungil_sync::Deadline;
use ungil_sync::waiters::Ticket;

use super::future::Future;
use super::worker;
use crate::{gil, timeout};

/// Several futures that are waited for together.
///
/// Ours report to it by themselves. Of others it finds out as the standard library does: an object among their `_waiters` is told.
#[pyclass(frozen, name = "_Group", module = "ungil._core")]
pub(crate) struct Group {
    inner: Arc<ungil_exec::Group>,
    n_futures: usize,
    deadline: Deadline,
    /// The addresses of the pools of those that had not ended when they were first looked at.
    pools: Vec<usize>,
    /// Held for a few instructions; nothing is dropped inside, and Python not called.
    members: Mutex<Members>,
}

#[derive(Default)]
struct Members {
    /// By their numbers; one that has been given out is gone.
    futures: Vec<Option<Py<PyAny>>>,
    /// Those that had ended when they were first looked at, or have been taken from the group since.
    ready: VecDeque<usize>,
    n_left: usize,
    has_failed: bool,
}

#[pymethods]
impl Group {
    /// Begins to watch `futures`, which are all different; it will be waited for them for `timeout` seconds from now, `None` being for ever.
    #[new]
    #[pyo3(signature = (futures, timeout=None))]
    fn new(py: Python<'_>, futures: &Bound<'_, PyAny>, timeout: Option<&Bound<'_, PyAny>>) -> PyResult<Self> {
        let deadline = timeout::optional(timeout)?;
        let inner = Arc::new(ungil_exec::Group::new());
        let futures: Vec<Bound<'_, PyAny>> = futures.try_iter()?.collect::<PyResult<_>>()?;
        let mut members = Members { n_left: futures.len(), ..Members::default() };
        let mut pools = Vec::new();
        for (index, future) in futures.iter().enumerate() {
            let ended = match future.cast::<Future>() {
                Ok(own) => {
                    let ended = own.get().completion.watch(&inner, index);
                    // They mostly come one pool after the other.
                    if ended.is_none() && pools.last() != Some(&own.get().pool()) {
                        pools.push(own.get().pool());
                    }
                    ended
                }
                Err(_) => Watcher::install(py, &inner, index, future)?,
            };
            if let Some(ending) = ended {
                members.ready.push_back(index);
                members.has_failed |= ending == Ending::Raised;
            }
        }
        let n_futures = futures.len();
        members.futures = futures.into_iter().map(|future| Some(future.unbind())).collect();
        Ok(Self { inner, n_futures, deadline, pools, members: Mutex::new(members) })
    }

    fn __iter__(slf: Bound<'_, Self>) -> Bound<'_, Self> {
        slf
    }

    /// Waits for an end that has not been given out, and gives the future out.
    fn __next__(&self, py: Python<'_>) -> PyResult<Option<Py<PyAny>>> {
        loop {
            let future = self.give(py)?;
            if future.is_some() {
                return Ok(future);
            }
            let n_left = self.members().n_left;
            if n_left == 0 {
                return Ok(None);
            }
            self.inner.need(1, false);
            if !self.wait_for_it(py)? {
                let text = format!("{n_left} (of {}) futures unfinished", self.n_futures);
                return Err(PyTimeoutError::new_err(text));
            }
            self.refill();
        }
    }

    /// Waits until one has ended (`first`), or one has failed or all have ended (`failure`), or all have. Returns those that have and those that have not.
    fn wait<'py>(
        &self,
        py: Python<'py>,
        first: bool,
        failure: bool,
    ) -> PyResult<(Bound<'py, PySet>, Bound<'py, PySet>)> {
        let (n_open, n_ready, has_failed) = {
            let members = self.members();
            (members.n_left - members.ready.len(), members.ready.len(), members.has_failed)
        };
        if n_open > 0 && !(first && n_ready > 0) && !(failure && has_failed) {
            self.inner.need(if first { 1 } else { n_open }, failure);
            self.wait_for_it(py)?;
        }
        self.refill();
        let (done, not_done) = (PySet::empty(py)?, PySet::empty(py)?);
        while let Some(future) = self.give(py)? {
            done.add(future)?;
        }
        let rest: Vec<_> =
            self.members().futures.iter().flatten().map(|future| future.clone_ref(py)).collect();
        for future in rest {
            not_done.add(future)?;
        }
        Ok((done, not_done))
    }

    /// No longer watches those that have not been given out.
    fn close(&self, py: Python<'_>) -> PyResult<()> {
        let futures = std::mem::take(&mut self.members().futures);
        self.leave(py, &futures)
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        // The collector may not wait. While another thread holds the lock, the futures count as reachable.
        let Ok(members) = self.members.try_lock() else { return Ok(()) };
        members.futures.iter().flatten().try_for_each(|future| visit.call(future))
    }

    fn __clear__(&self) {
        let futures = std::mem::take(&mut self.members().futures);
        drop(futures);
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        let futures = std::mem::take(&mut self.members().futures);
        if futures.iter().any(Option::is_some) {
            gil::attached_if_possible(|py| {
                // It is dropped while Ctrl-C may be on its way.
                let pending = PyErr::take(py);
                if let Err(error) = self.leave(py, &futures) {
                    error.write_unraisable(py, None);
                }
                drop(futures);
                if let Some(pending) = pending {
                    pending.restore(py);
                }
            });
        }
    }
}

impl Group {
    fn members(&self) -> std::sync::MutexGuard<'_, Members> {
        self.members.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// No longer watches these.
    fn leave(&self, py: Python<'_>, futures: &[Option<Py<PyAny>>]) -> PyResult<()> {
        let mut result = Ok(());
        for future in futures.iter().flatten() {
            match future.bind(py).cast::<Future>() {
                Ok(own) => own.get().completion.unwatch(&self.inner),
                Err(_) => result = result.and(Watcher::remove(py, &self.inner, future.bind(py))),
            }
        }
        result
    }

    /// One that has ended and has not been given out.
    fn give(&self, py: Python<'_>) -> PyResult<Option<Py<PyAny>>> {
        let given = {
            let mut members = self.members();
            let Some(index) = members.ready.pop_front() else { return Ok(None) };
            members.n_left = members.n_left.saturating_sub(1);
            members.futures.get_mut(index).and_then(Option::take)
        };
        if let Some(future) = &given
            && !future.bind(py).is_instance_of::<Future>()
        {
            Watcher::remove(py, &self.inner, future.bind(py))?;
        }
        Ok(given)
    }

    /// Takes over the ends that were reported.
    fn refill(&self) {
        let mut ended = self.inner.take();
        self.members().ready.append(&mut ended);
    }

    /// Waits for what the group needs; whether it is there in time.
    fn wait_for_it(&self, py: Python<'_>) -> PyResult<bool> {
        let deadline = self.deadline;
        let mut ticket = Ticket::default();
        let mut wait = || gil::wait(py, || self.inner.wait_and_check(&mut ticket, deadline));
        let ended = if deadline.is_none() { worker::blocked(py, &self.pools, wait)? } else { wait()? };
        Ok(ended.is_ok())
    }
}

/// What stands among the `_waiters` of a future that is not ours, and reports its end.
#[pyclass(frozen, name = "_Watcher", module = "ungil._core")]
pub(crate) struct Watcher {
    group: Arc<ungil_exec::Group>,
    index: usize,
}

#[pymethods]
impl Watcher {
    fn add_result(&self, _future: &Bound<'_, PyAny>) {
        self.group.report(self.index, Ending::Returned);
    }

    fn add_exception(&self, _future: &Bound<'_, PyAny>) {
        self.group.report(self.index, Ending::Raised);
    }

    fn add_cancelled(&self, _future: &Bound<'_, PyAny>) {
        self.group.report(self.index, Ending::Cancelled);
    }
}

impl Watcher {
    /// Watches a standard future; or how it ended, if it has.
    fn install(
        py: Python<'_>,
        group: &Arc<ungil_exec::Group>,
        index: usize,
        future: &Bound<'_, PyAny>,
    ) -> PyResult<Option<Ending>> {
        let condition = future.getattr(intern!(py, "_condition"))?;
        condition.call_method0(intern!(py, "acquire"))?;
        let installed = (|| {
            let state: String = future.getattr(intern!(py, "_state"))?.extract()?;
            match state.as_str() {
                "CANCELLED_AND_NOTIFIED" => return Ok(Some(Ending::Cancelled)),
                "FINISHED" => {
                    let is_raised = future.getattr(intern!(py, "_exception"))?.is_truthy()?;
                    return Ok(Some(if is_raised { Ending::Raised } else { Ending::Returned }));
                }
                _ => {}
            }
            let watcher = Self { group: Arc::clone(group), index };
            future.getattr(intern!(py, "_waiters"))?.call_method1(intern!(py, "append"), (watcher,))?;
            Ok(None)
        })();
        condition.call_method0(intern!(py, "release"))?;
        installed
    }

    /// Watches it no longer.
    fn remove(py: Python<'_>, group: &Arc<ungil_exec::Group>, future: &Bound<'_, PyAny>) -> PyResult<()> {
        let condition = future.getattr(intern!(py, "_condition"))?;
        condition.call_method0(intern!(py, "acquire"))?;
        let removed = (|| {
            let waiters = future.getattr(intern!(py, "_waiters"))?.cast_into::<PyList>()?;
            for waiter in waiters.iter() {
                if waiter.cast::<Self>().is_ok_and(|own| Arc::ptr_eq(&own.get().group, group)) {
                    waiters.call_method1(intern!(py, "remove"), (waiter,))?;
                }
            }
            Ok(())
        })();
        condition.call_method0(intern!(py, "release"))?;
        removed
    }
}
