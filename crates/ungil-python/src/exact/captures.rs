//! [`Captures`]: what a compilation read of the program around it, and whether all of that is still so.
//!
//! Invariants: what was read is kept alive, so that an address stands for one object; a look-up runs no Python but a
//! key's own `__eq__`, and none for the plain names that programs have. No lock is held meanwhile.

use std::sync::{Arc, Mutex, PoisonError};

use pyo3::ffi;
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyFloat, PyFunction, PyInt, PyModule, PyString, PyTuple};

/// One thing that was read.
pub(crate) enum Capture {
    /// What a function's global or builtin name was bound to.
    Global { function: Py<PyFunction>, name: Py<PyString>, value: Option<Py<PyAny>> },
    /// What a variable of the enclosing function held.
    Cell { cell: Py<PyAny>, value: Option<Py<PyAny>> },
    /// What a module's attribute was.
    Attribute { module: Py<PyModule>, name: Py<PyString>, value: Option<Py<PyAny>> },
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
                Ok(same(module.bind(py).dict().get_item(name.bind(py))?.as_ref(), value.as_ref()))
            }
            Self::Function { function, code, defaults, keywords } => {
                let function = function.as_ptr();
                // SAFETY: a function, alive as long as `self`.
                let now = unsafe { ffi::PyFunction_GetCode(function) };
                // SAFETY: as above.
                let now_defaults = unsafe { ffi::PyFunction_GetDefaults(function) };
                // SAFETY: as above.
                let now_keywords = unsafe { ffi::PyFunction_GetKwDefaults(function) };
                let is_same = now == code.as_ptr()
                    && is_one(py, now_defaults, defaults)
                    && is_one(py, now_keywords, &keywords.whole);
                if !is_same {
                    return Ok(false);
                }
                let whole = keywords.whole.bind(py);
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
            Self::Attribute { module, value, .. } => {
                visit.call(module)?;
                value.iter().collect()
            }
            Self::Function { function, code, defaults, keywords } => {
                visit.call(function)?;
                let items = keywords.items.iter().flat_map(|(name, value)| [name, value]);
                [code, defaults, &keywords.whole].into_iter().chain(items).collect()
            }
        };
        all.into_iter().try_for_each(|object| visit.call(object))
    }
}

/// Whether a function's own field, null for `None`, is that object.
fn is_one(py: Python<'_>, field: *mut ffi::PyObject, object: &Py<PyAny>) -> bool {
    field == object.as_ptr() || (field.is_null() && object.is_none(py))
}

/// What `name`, which `function` uses and does not define, is bound to, as its own code would find it; and that this was read.
pub(crate) fn read_global<'py>(
    function: &Bound<'py, PyFunction>,
    name: &str,
) -> PyResult<(Option<Bound<'py, PyAny>>, Capture)> {
    let name = PyString::new(function.py(), name);
    if let Ok(cells) = function.getattr("__closure__")?.cast::<PyTuple>() {
        let free = function.getattr("__code__")?.getattr("co_freevars")?;
        for (free, cell) in free.cast::<PyTuple>()?.iter().zip(cells.iter()) {
            if free.eq(&name)? {
                let found = contents(&cell);
                let value = found.clone().map(Bound::unbind);
                return Ok((found, Capture::Cell { cell: cell.unbind(), value }));
            }
        }
    }
    let found = global(function, &name)?;
    let value = found.clone().map(Bound::unbind);
    Ok((found, Capture::Global { function: function.clone().unbind(), name: name.unbind(), value }))
}

/// What a module's attribute is, and that this was read.
pub(crate) fn read_attribute<'py>(
    module: &Bound<'py, PyModule>,
    name: &str,
) -> PyResult<(Option<Bound<'py, PyAny>>, Capture)> {
    let name = PyString::new(module.py(), name);
    // What a module's own `__getattr__` would make is not there.
    let found = module.dict().get_item(&name)?;
    let value = found.clone().map(Bound::unbind);
    Ok((found, Capture::Attribute { module: module.clone().unbind(), name: name.unbind(), value }))
}

/// What `name` is to `function`, as its code would find it: a global, or a builtin.
fn global<'py>(
    function: &Bound<'py, PyFunction>,
    name: &Bound<'py, PyString>,
) -> PyResult<Option<Bound<'py, PyAny>>> {
    let py = function.py();
    // SAFETY: a function, which keeps its globals as long as it lives.
    let globals = unsafe { ffi::PyFunction_GetGlobals(function.as_ptr()) };
    // SAFETY: a live object.
    let globals = unsafe { Bound::from_borrowed_ptr(py, globals) };
    if let Some(found) = globals.cast::<PyDict>()?.get_item(name)? {
        return Ok(Some(found));
    }
    function.getattr(pyo3::intern!(py, "__builtins__"))?.cast::<PyDict>()?.get_item(name)
}

/// What a cell holds; nothing may have been put into it yet.
fn contents<'py>(cell: &Bound<'py, PyAny>) -> Option<Bound<'py, PyAny>> {
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
