//! [`Place`]: where in a program an object was made, for reports.

use pyo3::ffi;
use pyo3::prelude::*;

/// A line of a program, kept as code and instruction: the line is looked up when it is asked for.
///
/// A code object refers to no object that could refer to ours, and the collector does not follow it.
#[derive(Debug)]
pub(crate) struct Place {
    code: Py<PyAny>,
    instruction: i32,
}

impl Place {
    /// The place that the running Python code is at; none if there is none, as in a thread of another language.
    pub(crate) fn here(py: Python<'_>) -> Option<Self> {
        // SAFETY: the thread is attached; the frame is borrowed from it.
        let frame = unsafe { ffi::PyEval_GetFrame() };
        if frame.is_null() {
            return None;
        }
        // SAFETY: a live frame; the code is a new reference and never null.
        let code = unsafe { ffi::PyFrame_GetCode(frame) };
        // SAFETY: as above.
        let code = unsafe { Bound::from_owned_ptr(py, code.cast()) };
        // SAFETY: a live frame.
        let instruction = unsafe { ffi::PyFrame_GetLasti(frame) };
        Some(Self { code: code.unbind(), instruction })
    }

    /// `file.py:12`.
    pub(crate) fn text(&self, py: Python<'_>) -> PyResult<String> {
        let file = self.code.bind(py).getattr("co_filename")?;
        // SAFETY: the object is a code object; any number may be asked for.
        let line = unsafe { ffi::PyCode_Addr2Line(self.code.as_ptr().cast(), self.instruction) };
        Ok(format!("{file}:{line}"))
    }
}
