//! `HolderDied`: the warning of whoever gets what a dead process had.

use std::ffi::CString;

use pyo3::prelude::*;
use ungil_ipc::primitives::Who;

use crate::errors::HolderDied;

/// Warns that `dead` had what `object` is, which was made at `made_at`.
pub(crate) fn warn(object: &Bound<'_, PyAny>, made_at: Option<&str>, dead: Who, had: &str) -> PyResult<()> {
    let py = object.py();
    let name = object.get_type().name()?;
    let place = made_at.map(|place| format!(" made at {place}")).unwrap_or_default();
    let text = format!(
        "process {} died while it had {had} {name}{place}: this process has got it, and what it guards may be half changed",
        dead.pid()
    );
    let text = CString::new(text.replace('\0', "?"))?;
    PyErr::warn(py, &py.get_type::<HolderDied>(), &text, 1)
}
