//! [`Captures`]: what a compilation read of the program around it, and whether all of that is still so.
//!
//! Invariants: what was read is kept alive, so that an address stands for one object; a look-up runs no Python but a
//! key's own `__eq__`, and none for the plain names that programs have. No lock is held meanwhile.

use std::sync::{Arc, Mutex, PoisonError};

use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyFloat, PyFunction, PyInt, PyString};

/// One thing that was read.
pub(crate) enum Capture {
    /// What a function's global or builtin name was bound to.
    Global { function: Py<PyFunction>, name: Py<PyString>, value: Option<Py<PyAny>> },
    /// What a variable of the enclosing function held.
    Cell { cell: Py<PyAny>, value: Option<Py<PyAny>> },
    /// What a module's attribute was.
    Attribute { module: Py<PyAny>, name: Py<PyString>, value: Option<Py<PyAny>> },
    /// The code of a function, and its defaults.
    Function { function: Py<PyFunction>, code: Py<PyAny>, defaults: Py<PyAny>, keywords: Keywords },
}

/// A function's `__kwdefaults__`, and what was in it.
pub(crate) struct Keywords {
    whole: Py<PyAny>,
    items: Vec<(Py<PyAny>, Py<PyAny>)>,
}

impl Capture {
    /// The code and the defaults of `function`.
    pub(crate) fn function(function: &Bound<'_, PyFunction>) -> PyResult<Self> {
        let py = function.py();
        let whole = function.getattr(pyo3::intern!(py, "__kwdefaults__"))?;
        let items = match whole.cast::<PyDict>() {
            Ok(items) => items.iter().map(|(name, value)| (name.unbind(), value.unbind())).collect(),
            Err(_) => Vec::new(),
        };
        Ok(Self::Function {
            function: function.clone().unbind(),
            code: function.getattr(pyo3::intern!(py, "__code__"))?.unbind(),
            defaults: function.getattr(pyo3::intern!(py, "__defaults__"))?.unbind(),
            keywords: Keywords { whole: whole.unbind(), items },
        })
    }

    /// Whether it would be read again.
    pub(crate) fn holds(&self, py: Python<'_>) -> PyResult<bool> {
        match self {
            Self::Global { function, name, value } => {
                Ok(same(global(function.bind(py), name.bind(py))?.as_ref(), value.as_ref()))
            }
            Self::Cell { cell, value } => Ok(same(contents(cell.bind(py)).as_ref(), value.as_ref())),
            Self::Attribute { module, name, value } => {
                Ok(same(module.bind(py).getattr_opt(name.bind(py))?.as_ref(), value.as_ref()))
            }
            Self::Function { function, code, defaults, keywords } => {
                let function = function.bind(py);
                let whole = function.getattr(pyo3::intern!(py, "__kwdefaults__"))?;
                let is_same = function.getattr(pyo3::intern!(py, "__code__"))?.is(code)
                    && function.getattr(pyo3::intern!(py, "__defaults__"))?.is(defaults)
                    && whole.is(&keywords.whole);
                if !is_same {
                    return Ok(false);
                }
                let Ok(whole) = whole.cast::<PyDict>() else { return Ok(true) };
                if whole.len() != keywords.items.len() {
                    return Ok(false);
                }
                for (name, value) in &keywords.items {
                    if !same(whole.get_item(name)?.as_ref(), Some(value)) {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
        }
    }

    fn traverse(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        let all: Vec<&Py<PyAny>> = match self {
            Self::Global { function, value, .. } => {
                visit.call(function)?;
                value.iter().collect()
            }
            Self::Cell { cell, value } => std::iter::once(cell).chain(value).collect(),
            Self::Attribute { module, value, .. } => std::iter::once(module).chain(value).collect(),
            Self::Function { function, code, defaults, keywords } => {
                visit.call(function)?;
                let items = keywords.items.iter().flat_map(|(name, value)| [name, value]);
                [code, defaults, &keywords.whole].into_iter().chain(items).collect()
            }
        };
        all.into_iter().try_for_each(|object| visit.call(object))
    }
}

/// What `name` is to `function`, as its code would find it: a global, or a builtin.
pub(crate) fn global<'py>(
    function: &Bound<'py, PyFunction>,
    name: &Bound<'py, PyString>,
) -> PyResult<Option<Bound<'py, PyAny>>> {
    let py = function.py();
    for place in [pyo3::intern!(py, "__globals__"), pyo3::intern!(py, "__builtins__")] {
        if let Some(found) = function.getattr(place)?.cast::<PyDict>()?.get_item(name)? {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

/// What a cell holds; nothing may have been put into it yet.
pub(crate) fn contents<'py>(cell: &Bound<'py, PyAny>) -> Option<Bound<'py, PyAny>> {
    cell.getattr(pyo3::intern!(cell.py(), "cell_contents")).ok()
}

/// Whether two objects are one to compiled code: one object, or equal numbers of one plain type.
fn same(now: Option<&Bound<'_, PyAny>>, then: Option<&Py<PyAny>>) -> bool {
    let (Some(now), Some(then)) = (now, then) else { return now.is_none() && then.is_none() };
    if now.is(then) {
        return true;
    }
    let then = then.bind(now.py());
    if !now.get_type().is(then.get_type()) || now.is_exact_instance_of::<PyBool>() {
        return false;
    }
    if now.is_exact_instance_of::<PyInt>() {
        return now.eq(then).unwrap_or(false);
    }
    let bits = |object: &Bound<'_, PyAny>| {
        object.cast_exact::<PyFloat>().ok().and_then(|float| float.extract::<f64>().ok()).map(f64::to_bits)
    };
    bits(now).is_some_and(|value| bits(then) == Some(value))
}

/// Everything that one compilation read.
#[derive(Default)]
pub(crate) struct Captures {
    /// Replaced when the collector takes the objects; never changed.
    all: Mutex<Arc<Vec<Capture>>>,
}

impl Captures {
    pub(crate) fn new(all: Vec<Capture>) -> Self {
        Self { all: Mutex::new(Arc::new(all)) }
    }

    /// Whether all of it would be read again.
    pub(crate) fn hold(&self, py: Python<'_>) -> PyResult<bool> {
        let all = Arc::clone(&self.lock());
        for capture in all.iter() {
            if !capture.holds(py)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Shows every object to the garbage collector.
    pub(crate) fn traverse(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        // The collector may not wait. While another thread holds the lock, the objects count as reachable.
        let Ok(all) = self.all.try_lock() else { return Ok(()) };
        all.iter().try_for_each(|capture| capture.traverse(visit))
    }

    /// Takes everything out, for the collector to drop.
    pub(crate) fn take(&self) -> Arc<Vec<Capture>> {
        std::mem::take(&mut *self.lock())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Arc<Vec<Capture>>> {
        // Nothing panics while it is held.
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
