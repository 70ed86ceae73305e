//! The tasks of parallel loops: `delayed` makes them, [`make_tasks`] calls what they are.
//!
//! A task is a tuple of a function, its positional arguments, and a dictionary of the others. Both are done once for each task, which is why they are
//! here and not in Python.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyMapping, PyString, PyTuple};

use crate::gil;

/// Return a function whose calls are not made, but kept as tasks for `Parallel`.
///
/// Args:
///     function: what is to be called.
///
/// Returns:
///     What has the name, the documentation and the attributes of this one. Called, it returns the tuple of the
///     function, the positional arguments and the dictionary of the others.
///
/// Example:
///     >>> from ungil.parallel import delayed
///     >>> delayed(pow)(2, 3)
///     (<built-in function pow>, (2, 3), {})
#[pyfunction]
pub(crate) fn delayed(function: Py<PyAny>) -> Delayed {
    Delayed { function }
}

/// Makes tasks, one after the other, up to the first that takes `until` seconds, and returns their results.
#[pyfunction(name = "_make_tasks")]
#[pyo3(signature = (tasks, until=None))]
pub(crate) fn make_tasks<'py>(tasks: &Bound<'py, PyAny>, until: Option<f64>) -> PyResult<Bound<'py, PyList>> {
    let py = tasks.py();
    let results = PyList::empty(py);
    let until = until.map(|seconds| Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX));
    let mut begun = until.map(|_| Instant::now());
    let mut turn = gil::Turn::new();
    for task in tasks.try_iter()? {
        results.append(made(&task?)?)?;
        // What is not written in Python looks neither for signals nor for threads that wait for the interpreter.
        py.check_signals()?;
        turn.pass_on(py);
        if let (Some(before), Some(until)) = (begun, until) {
            let now = Instant::now();
            if now - before >= until {
                break;
            }
            begun = Some(now);
        }
    }
    Ok(results)
}

fn made<'py>(task: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    let (function, args, kwargs): (Bound<'py, PyAny>, Bound<'py, PyAny>, Bound<'py, PyAny>) =
        task.extract()?;
    let args = match args.cast_into_exact::<PyTuple>() {
        Ok(tuple) => tuple,
        // Whoever makes tasks by hand may have a list.
        Err(other) => other
            .into_inner()
            .try_iter()?
            .collect::<PyResult<Vec<_>>>()
            .and_then(|all| PyTuple::new(task.py(), all))?,
    };
    let kwargs = match kwargs.cast_into_exact::<PyDict>() {
        Ok(dictionary) => dictionary,
        Err(other) => {
            let dictionary = PyDict::new(task.py());
            dictionary.update(other.into_inner().cast::<PyMapping>()?)?;
            dictionary
        }
    };
    let kwargs = if kwargs.is_empty() { None } else { Some(kwargs.as_borrowed()) };
    gil::calling_with(&function, args.as_borrowed(), kwargs)
}

/// Keeps threads off the core of the calling thread, in a `with` block; see [`ungil_sync::Elsewhere`].
#[pyclass(frozen, name = "_Elsewhere", module = "ungil._core")]
pub(crate) struct Elsewhere {
    native_ids: Vec<i32>,
    /// In the block.
    kept: Mutex<Option<ungil_sync::Elsewhere>>,
}

#[pymethods]
impl Elsewhere {
    #[new]
    fn new(native_ids: Vec<i32>) -> Self {
        Self { native_ids, kept: Mutex::new(None) }
    }

    fn __enter__(&self) {
        *self.kept() = Some(ungil_sync::Elsewhere::new(self.native_ids.iter().copied()));
    }

    #[pyo3(signature = (*_failure))]
    fn __exit__(&self, _failure: &Bound<'_, PyTuple>) {
        *self.kept() = None;
    }
}

impl Elsewhere {
    /// Locked for a few system calls, attached, so that nobody forks meanwhile.
    fn kept(&self) -> MutexGuard<'_, Option<ungil_sync::Elsewhere>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// What `delayed` returns. Not documented for Python, where it has the function's documentation. Without `__clear__`: a cycle through it goes through what it calls, which has one.
#[pyclass(frozen, name = "_Delayed", module = "ungil._core")]
pub(crate) struct Delayed {
    function: Py<PyAny>,
}

#[pymethods]
impl Delayed {
    #[pyo3(signature = (*args, **kwargs))]
    fn __call__<'py>(
        &self,
        py: Python<'py>,
        args: Bound<'py, PyTuple>,
        kwargs: Option<Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, PyTuple>> {
        let kwargs = kwargs.unwrap_or_else(|| PyDict::new(py));
        (self.function.bind(py), args, kwargs).into_pyobject(py)
    }

    /// Nothing is copied from the function: it is asked.
    fn __getattr__<'py>(&self, name: &Bound<'py, PyString>) -> PyResult<Bound<'py, PyAny>> {
        self.function.bind(name.py()).getattr(name)
    }

    #[getter]
    fn __wrapped__(&self, py: Python<'_>) -> Py<PyAny> {
        self.function.clone_ref(py)
    }

    #[getter]
    fn __doc__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.function.bind(py).getattr(intern!(py, "__doc__"))
    }

    /// It becomes a method where the function would.
    fn __get__<'py>(
        slf: Bound<'py, Self>,
        instance: &Bound<'py, PyAny>,
        _owner: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        if instance.is_none() {
            return Ok(slf.into_any());
        }
        slf.py().import("types")?.call_method1("MethodType", (slf, instance))
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        Ok(format!("delayed({})", self.function.bind(py).repr()?))
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<(Bound<'py, PyAny>, (Py<PyAny>,))> {
        let delayed = py.import("ungil.parallel")?.getattr("delayed")?;
        Ok((delayed, (self.function.clone_ref(py),)))
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.function)
    }
}
