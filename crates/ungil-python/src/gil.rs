//! The one place where this crate attaches to the interpreter and detaches from it.
//!
//! Invariants: nothing waits for one of our locks while attached, and nothing attaches while it holds one; no reference
//! to a Python object is made or dropped while detached.
#![expect(clippy::disallowed_methods, reason = "this is the one place")]

use pyo3::marker::Ungil;
use pyo3::prelude::*;

/// Runs `work` attached, waiting for the interpreter if need be.
pub(crate) fn attached<R>(work: impl FnOnce(Python<'_>) -> R) -> R {
    Python::attach(work)
}

/// Runs `work` detached: other threads may run Python meanwhile.
pub(crate) fn detached<R: Ungil>(py: Python<'_>, work: impl Ungil + FnOnce() -> R) -> R {
    py.detach(work)
}

/// The proof that this thread is attached, where CPython calls us directly.
///
/// # Safety
///
/// The thread is attached for as long as the result is in use.
#[inline]
pub(crate) unsafe fn already_attached<'py>() -> Python<'py> {
    // SAFETY: as the caller promises.
    unsafe { Python::assume_attached() }
}
