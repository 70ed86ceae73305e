//! The options of `jit` that reach the compiler, read from Python's values; and the one that the environment gives.

use std::env;

use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyString};
use ungil_front::host::ErrorModel;
use ungil_ir::ir::FastMath;
use ungil_jit::OptLevel;

/// `fastmath`: a bool, a set (or other iterable) of flag names, or a dict from names to bools.
pub(crate) fn fastmath(value: &Bound<'_, PyAny>) -> PyResult<FastMath> {
    if value.is_none() {
        return Ok(FastMath::default());
    }
    if let Ok(value) = value.cast::<PyBool>() {
        return Ok(if value.extract()? { FastMath::FAST } else { FastMath::default() });
    }
    let mut flags = FastMath::default();
    if let Ok(choices) = value.cast::<PyDict>() {
        for (name, choice) in choices.iter() {
            if choice.is_truthy()? {
                set_flag(&mut flags, &name)?;
            } else {
                // The name must be one all the same.
                set_flag(&mut FastMath::default(), &name)?;
            }
        }
        return Ok(flags);
    }
    if value.is_instance_of::<PyString>() {
        return Err(wrong(value));
    }
    for name in value.try_iter().map_err(|_| wrong(value))? {
        set_flag(&mut flags, &name?)?;
    }
    Ok(flags)
}

fn set_flag(flags: &mut FastMath, name: &Bound<'_, PyAny>) -> PyResult<()> {
    let name: String = name.extract()?;
    match &*name {
        "fast" => *flags = FastMath::FAST,
        "nnan" => flags.nnan = true,
        "ninf" => flags.ninf = true,
        "nsz" => flags.nsz = true,
        "arcp" => flags.arcp = true,
        "contract" => flags.contract = true,
        "afn" => flags.afn = true,
        "reassoc" => flags.reassoc = true,
        _ => {
            return Err(PyValueError::new_err(format!(
                "`{name}` is no flag of fastmath; the flags are nnan, ninf, nsz, arcp, contract, afn, reassoc and fast"
            )));
        }
    }
    Ok(())
}

fn wrong(value: &Bound<'_, PyAny>) -> PyErr {
    let text = value.repr().map_or_else(|_| "this value".into(), |text| text.to_string());
    PyTypeError::new_err(format!(
        "fastmath is a bool, a set of flags or a dict from flags to bools, not {text}"
    ))
}

/// `error_model`: `"python"` or `"numpy"`.
pub(crate) fn error_model(value: &str) -> PyResult<ErrorModel> {
    match value {
        "python" => Ok(ErrorModel::Python),
        "numpy" => Ok(ErrorModel::Numpy),
        _ => Err(PyValueError::new_err(format!("error_model is \"python\" or \"numpy\", not {value:?}"))),
    }
}

/// `inline`: `"never"` or `"always"`.
pub(crate) fn inline(value: &str) -> PyResult<bool> {
    match value {
        "never" => Ok(false),
        "always" => Ok(true),
        _ => Err(PyValueError::new_err(format!("inline is \"never\" or \"always\", not {value:?}"))),
    }
}

/// How hard LLVM tries: what the environment's `UNGIL_OPT` says, `0` to `3`, when a function is compiled.
///
/// For whoever looks for a fault in generated code: one that goes away at a lower level has to do with a pass of LLVM.
pub(crate) fn opt_level() -> PyResult<OptLevel> {
    let Some(level) = env::var_os("UNGIL_OPT") else { return Ok(OptLevel::default()) };
    match level.to_str() {
        Some("0") => Ok(OptLevel::O0),
        Some("1") => Ok(OptLevel::O1),
        Some("2") => Ok(OptLevel::O2),
        Some("3") => Ok(OptLevel::O3),
        _ => Err(PyValueError::new_err(format!("`UNGIL_OPT` must be 0, 1, 2 or 3, not {}", level.display()))),
    }
}
