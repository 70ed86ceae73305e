//! `Dispatcher.explain`: what became of the versions of a function, handed to `ungil._explain`, which words it.

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::types::PyTuple;
use ungil_jit::{Cached, Fate, Loop};

use crate::dispatcher::Dispatcher;
use crate::gil;
use crate::overload::Overload;
use crate::types::Signature;

/// Explains `versions`, the oldest first.
pub(crate) fn explain<'py>(
    this: &Dispatcher,
    py: Python<'py>,
    versions: &[&Overload],
) -> PyResult<Bound<'py, PyAny>> {
    let words = py.import("ungil._explain")?;
    let versions = versions.iter().map(|one| version(this, one, &words)).collect::<PyResult<Vec<_>>>()?;
    let name = this.function(py).getattr("__qualname__")?;
    words.getattr("Explanation")?.call1((name, PyTuple::new(py, versions)?))
}

fn version<'py>(
    this: &Dispatcher,
    overload: &Overload,
    words: &Bound<'py, PyModule>,
) -> PyResult<Bound<'py, PyAny>> {
    let py = words.py();
    let found = gil::detached(py, || overload.compiled.explain())
        .map_err(|error| PyRuntimeError::new_err(error.to_string()))?;
    let class = words.getattr("Loop")?;
    let loops = found.loops.iter().map(|one| self::looped(one, &class)).collect::<PyResult<Vec<_>>>()?;
    let signature = Signature { parsed: overload.signature.clone() }.text();
    let gil = if this.is_nogil {
        "released by every call, as `nogil=True` asks"
    } else if overload.is_detached {
        "released by every call, for it may run long"
    } else {
        "held: a call is over before releasing it would pay; `nogil=True` releases it all the same"
    };
    let cache = match found.cache {
        Cached::Off => "off; `cache=True` keeps the code for later processes".to_owned(),
        Cached::Found(path) => format!("the code was found in {}", path.display()),
        Cached::Stored(path) => format!("the code was written to {}", path.display()),
        Cached::NotStored(path, why) => format!("{} could not be written: {why}", path.display()),
    };
    let stages: Vec<_> = found.stages.iter().map(|(name, time)| (*name, time.as_secs_f64())).collect();
    words.getattr("Version")?.call1((
        signature,
        PyTuple::new(py, loops)?,
        PyTuple::new(py, found.inlined)?,
        PyTuple::new(py, found.called)?,
        gil,
        cache,
        PyTuple::new(py, stages)?,
    ))
}

fn looped<'py>(one: &Loop, class: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    let lanes = match one.fate {
        Fate::Gone => 0,
        Fate::Scalar => 1,
        Fate::Vectorised(lanes) => lanes,
    };
    class.call1((
        &one.function,
        &one.file,
        one.line,
        &one.text,
        one.is_parallel,
        PyTuple::new(class.py(), &one.reductions)?,
        lanes,
        one.why_scalar.as_deref().unwrap_or_default(),
    ))
}
