//! Signatures that are compiled when a function is decorated.

use pyo3::prelude::*;

/// Decorates `function` by `make` and compiles it for `signatures`, which are then the only ones.
///
/// Here, and not in Python, so that the traceback of what cannot be compiled ends at the user's decorator.
#[pyfunction]
pub(crate) fn _specialise<'py>(
    make: &Bound<'py, PyAny>,
    signatures: &Bound<'py, PyAny>,
    function: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyAny>> {
    let dispatcher = make.call1((function,))?;
    for signature in signatures.try_iter()? {
        dispatcher.call_method1("compile", (signature?,))?;
    }
    dispatcher.call_method0("disable_compile")?;
    Ok(dispatcher)
}
