//! [`Objects`]: which compile-time id stands for which Python object, for one dispatcher.
//!
//! Invariants: an id, once given, stands for its object for as long as the dispatcher lives, and the object lives as
//! long. The lock is held for a look-up or an insertion alone, never while Python runs or references are dropped.

use std::sync::{Mutex, MutexGuard, PoisonError};

use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;
use pyo3::types::PyFunction;
use ungil_front::host::fresh_object_id;
use ungil_ir::ObjectId;

/// The objects that a dispatcher's compilations have met: functions, modules, classes.
#[derive(Default)]
pub(crate) struct Objects {
    entries: Mutex<Vec<Entry>>,
}

struct Entry {
    key: Key,
    id: ObjectId,
    object: Py<PyAny>,
}

/// What makes two objects the same to compiled code.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Key {
    /// The object's address.
    Address(usize),
    /// The addresses of a function's code and globals, where it has neither closure nor defaults: each evaluation of
    /// a `lambda` or a `def` makes a new object of the same code.
    Code(usize, usize),
}

impl Objects {
    /// The id of `object`; a new one for an object that is new.
    pub(crate) fn id(&self, object: &Bound<'_, PyAny>) -> PyResult<ObjectId> {
        let key = key(object)?;
        let owned = object.clone().unbind();
        let mut entries = self.lock();
        if let Some(entry) = entries.iter().find(|entry| entry.key == key) {
            let id = entry.id;
            drop(entries);
            return Ok(id);
        }
        let id = fresh_object_id();
        entries.push(Entry { key, id, object: owned });
        Ok(id)
    }

    /// The object of an id that [`Objects::id`] gave.
    pub(crate) fn get<'py>(&self, py: Python<'py>, id: ObjectId) -> Option<Bound<'py, PyAny>> {
        self.lock().iter().find(|entry| entry.id == id).map(|entry| entry.object.bind(py).clone())
    }

    /// Shows every object to the garbage collector.
    pub(crate) fn traverse(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        // The collector may not wait. While another thread holds the lock, the objects count as reachable.
        let Ok(entries) = self.entries.try_lock() else { return Ok(()) };
        entries.iter().try_for_each(|entry| visit.call(&entry.object))
    }

    /// Takes every object out, for the collector to drop.
    pub(crate) fn take(&self) -> Vec<Py<PyAny>> {
        self.lock().drain(..).map(|entry| entry.object).collect()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Entry>> {
        // Nothing panics between two related writes, so what a panicking thread left is whole.
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn key(object: &Bound<'_, PyAny>) -> PyResult<Key> {
    let py = object.py();
    if object.is_exact_instance_of::<PyFunction>() {
        let has_own = |name| Ok::<_, PyErr>(!object.getattr(name)?.is_none());
        if !has_own(pyo3::intern!(py, "__closure__"))?
            && !has_own(pyo3::intern!(py, "__defaults__"))?
            && !has_own(pyo3::intern!(py, "__kwdefaults__"))?
        {
            let code = object.getattr(pyo3::intern!(py, "__code__"))?;
            let globals = object.getattr(pyo3::intern!(py, "__globals__"))?;
            return Ok(Key::Code(code.as_ptr() as usize, globals.as_ptr() as usize));
        }
    }
    Ok(Key::Address(object.as_ptr() as usize))
}
