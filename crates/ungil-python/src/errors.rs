//! Our exceptions, and the one mapping from Rust's errors to Python's.

use pyo3::exceptions::{PyException, PyRuntimeError, PyRuntimeWarning, PySyntaxError};
use pyo3::{PyErr, create_exception};
use ungil_ir::diagnostic::{self, Diagnostic, Kind, Style};

create_exception!(ungil.errors, UngilError, PyException, "The base of what ungil itself raises.");
create_exception!(ungil.errors, TypingError, UngilError, "The types in a function do not fit together.");
create_exception!(
    ungil.errors,
    UnsupportedError,
    UngilError,
    "The language of compiled functions, or an option, has no such thing (yet)."
);

create_exception!(
    ungil.errors,
    CacheWarning,
    PyRuntimeWarning,
    "Compiled code could not be kept on disk: `cache=True` had no effect."
);

create_exception!(
    ungil.multiprocessing,
    HolderDied,
    PyRuntimeWarning,
    "The process that held a lock, or permits of a semaphore, died without giving them back; the next one has them now."
);

/// The exception for `error`.
pub(crate) fn from_jit(error: &ungil_jit::Error) -> PyErr {
    match error {
        ungil_jit::Error::Diagnostics(diagnostics) => from_diagnostics(diagnostics),
        ungil_jit::Error::Codegen(error) => {
            PyRuntimeError::new_err(format!("the compiler failed, which is a fault of ungil: {error}"))
        }
    }
}

/// One exception that tells all of `diagnostics`; the first one chooses its class.
fn from_diagnostics(diagnostics: &[Diagnostic]) -> PyErr {
    let text = diagnostic::render(diagnostics, Style::Plain);
    match diagnostics.first().map(|first| first.kind) {
        Some(Kind::Unsupported) => UnsupportedError::new_err(text),
        Some(Kind::Syntax) => PySyntaxError::new_err(text),
        Some(Kind::Typing) | None => TypingError::new_err(text),
    }
}
