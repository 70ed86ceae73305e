//! Waits of asyncio's tasks: a callback in place of a thread that sleeps.
//!
//! A wait ends when the queue hands it an item, or promises it room, and calls `callback`, outside of the queue's gate and from
//! whatever thread did that. `finish()` takes what came of it, and may be called once at any time: before the end of the wait it
//! gives the place up. One that is dropped unfinished gives back what it was given.
//!
//! The collector does not see that a wait refers to its callback, and a callback refers to its wait. So the reference ends with
//! the call; before that, the queue refers to the callback in any case.

use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Wake, Waker};

use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;
use ungil_queue::{PutError, Refused};

use crate::gil;
use crate::queue::class::Queue;
use crate::queue::errors;
use crate::queue::item::{AnyStore, Item};
use crate::queue::opened::standard_algorithm;
use crate::queue::transfer::{self, Outcome, Patience};

/// A queue of our classes, in Rust.
type Inner = ungil_queue::Queue<Item, AnyStore>;

/// Calls a Python function.
struct Callback(Py<PyAny>);

impl Wake for Callback {
    fn wake(self: Arc<Self>) {
        gil::attached(|py| {
            if let Err(error) = self.0.call0(py) {
                error.write_unraisable(py, Some(self.0.bind(py)));
            }
            // While attached, for it may be the last reference.
            drop(self);
        });
    }
}

/// A wait for an item.
#[pyclass(frozen, module = "ungil.queue", name = "_PendingGet")]
pub(crate) struct PendingGet {
    queue: Py<Queue>,
    pending: Mutex<Option<ungil_queue::PendingGet<Item>>>,
}

impl PendingGet {
    /// Begins; none if there is reason to look at once.
    pub(crate) fn begin(slf: &Bound<'_, Queue>, inner: &Inner, callback: Py<PyAny>) -> Option<Self> {
        let pending = inner.begin_get(Waker::from(Arc::new(Callback(callback))))?;
        Some(Self { queue: slf.clone().unbind(), pending: Mutex::new(Some(pending)) })
    }

    fn take(&self) -> Option<Item> {
        let pending = self.pending.lock().unwrap_or_else(PoisonError::into_inner).take()?;
        self.queue.get().inner.end_get(&pending)
    }
}

#[pymethods]
impl PendingGet {
    /// Ends the wait: a tuple of the item that it brought, or `None` if it brought none.
    fn finish(&self) -> Option<(Py<PyAny>,)> {
        self.take().map(|item| (item.0,))
    }

    /// Ends the wait; an item that it brought goes back to where it came from.
    fn abandon(&self, py: Python<'_>) -> PyResult<()> {
        let Some(item) = self.take() else { return Ok(()) };
        give_back(self.queue.bind(py), item)
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.queue)
    }
}

/// Puts an item back that had been handed out.
fn give_back(slf: &Bound<'_, Queue>, item: Item) -> PyResult<()> {
    let py = slf.py();
    let mut item = item;
    loop {
        let Some(inner) = slf.get().closed(slf)? else {
            return standard_algorithm(slf, "give_back", &[item.0.into_bound(py)]).map(drop);
        };
        match transfer::give_back(py, inner, item) {
            Ok(()) => return Ok(()),
            // The queue has been opened meanwhile.
            Err((back, Refused::Retired)) => item = back,
            Err((_, Refused::Compare(error))) => return Err(error),
            Err(_) => return Err(errors::reentrant()),
        }
    }
}

impl Drop for PendingGet {
    fn drop(&mut self) {
        let give_back = |py: Python<'_>| {
            if let Err(error) = self.abandon(py) {
                error.write_unraisable(py, None);
            }
        };
        // SAFETY: Python drops its objects attached.
        unsafe { gil::still_attached(give_back) };
    }
}

/// A wait for room.
#[pyclass(frozen, module = "ungil.queue", name = "_PendingPut")]
pub(crate) struct PendingPut {
    queue: Py<Queue>,
    pending: Mutex<Option<ungil_queue::PendingPut>>,
}

impl PendingPut {
    /// Begins; none if there is reason to look at once.
    pub(crate) fn begin(slf: &Bound<'_, Queue>, inner: &Inner, callback: Py<PyAny>) -> Option<Self> {
        let pending = inner.begin_put(Waker::from(Arc::new(Callback(callback))))?;
        Some(Self { queue: slf.clone().unbind(), pending: Mutex::new(Some(pending)) })
    }

    fn take(&self) -> Option<ungil_queue::PendingPut> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

#[pymethods]
impl PendingPut {
    /// Ends the wait, and puts `item` if room was promised; whether it was put.
    fn finish(&self, py: Python<'_>, item: Py<PyAny>) -> PyResult<bool> {
        let inner = &self.queue.get().inner;
        let Some(room) = self.take().and_then(|pending| inner.end_put(&pending)) else { return Ok(false) };
        match inner.put_into(room, Item(item)) {
            Ok(()) => Ok(true),
            Err(PutError { item, .. }) => {
                let outcome = transfer::put(py, inner, item, Patience::None)?;
                Ok(matches!(outcome, Outcome::Done(())))
            }
        }
    }

    /// Ends the wait; room that it was promised goes to the next.
    fn abandon(&self) {
        if let Some(pending) = self.take() {
            drop(self.queue.get().inner.end_put(&pending));
        }
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.queue)
    }
}

impl Drop for PendingPut {
    fn drop(&mut self) {
        self.abandon();
    }
}
