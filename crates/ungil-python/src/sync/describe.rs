//! Reprs: the standard library's, with `ungil` in place of the module.

use pyo3::prelude::*;
use pyo3::types::PyType;

/// `ungil.Event`, or a subclass's module and name.
pub(crate) fn class_name(class: &Bound<'_, PyType>) -> PyResult<String> {
    let name = class.qualname()?;
    let module = class.module()?;
    let module = module.to_string_lossy();
    let module = if module.starts_with("ungil.") { "ungil" } else { &module };
    Ok(format!("{module}.{name}"))
}

/// `<ungil.Event at 0x7f…: unset>`.
pub(crate) fn with_state(object: &Bound<'_, PyAny>, state: &str) -> PyResult<String> {
    Ok(format!("<{} at {:#x}: {state}>", class_name(&object.get_type())?, object.as_ptr() as usize))
}

/// `<ungil.Queue object at 0x7f…>`.
pub(crate) fn repr(object: &Bound<'_, PyAny>) -> PyResult<String> {
    Ok(format!("<{} object at {:#x}>", class_name(&object.get_type())?, object.as_ptr() as usize))
}
