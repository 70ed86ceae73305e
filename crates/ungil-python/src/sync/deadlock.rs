//! Threads that wait for one another: found when the last of them begins to wait, and told or raised.
//!
//! Who waits for whom is known by `ungil_sync::wait_graph`. A cycle that a thread finds itself in is only suspected at first; the
//! thread waits for [`CONFIRM`] and looks again. What is written to standard error is made by `ungil._deadlock`.

use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use pyo3::create_exception;
use pyo3::exceptions::{PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyList;
use ungil_sync::deadline_in;
use ungil_sync::wait_graph::{Held, Recorded, Wait, recorded};
use ungil_sync::waiters::Ticket;

use crate::sync::acquire::{Acquire, wait as wait_until};

create_exception!(
    ungil.threading,
    DeadlockError,
    PyRuntimeError,
    "Threads wait for one another's locks, so that none of them would go on by itself."
);

/// How long a cycle must last before it counts. A guess: a holder is written some nanoseconds after its lock was acquired, but
/// a plain lock may be released by a third thread, which is given this time to do so.
const CONFIRM: Duration = Duration::from_millis(300);

/// What is done about a cycle; the number of a name in [`NAMES`].
///
/// Relaxed: a setting, which orders nothing.
static POLICY: AtomicU8 = AtomicU8::new(REPORT);
const REPORT: u8 = 0;
const RAISE: u8 = 1;
const IGNORE: u8 = 2;
const NAMES: [&str; 3] = ["report", "raise", "ignore"];

/// Says what is done when threads wait for one another's locks for ever, and returns what was done before.
///
/// `"report"` (the default) tells once on standard error which threads they are, where each of them is, and which lock it waits
/// for; `"raise"` raises `DeadlockError` in the thread that closed the circle; `"ignore"` is silent. Without an argument nothing
/// changes.
#[pyfunction]
#[pyo3(signature = (policy=None, /))]
pub(crate) fn deadlock_policy(policy: Option<&str>) -> PyResult<&'static str> {
    let before = NAMES[POLICY.load(Ordering::Relaxed) as usize];
    if let Some(policy) = policy {
        let number = NAMES.iter().position(|name| *name == policy).ok_or_else(|| {
            PyValueError::new_err(format!("a deadlock policy is one of {NAMES:?}, not {policy:?}"))
        })?;
        POLICY.store(number as u8, Ordering::Relaxed);
    }
    Ok(before)
}

/// Waits for `lock` without a deadline, and says so to whoever looks for a cycle.
pub(crate) fn wait<L: Acquire + Held>(py: Python<'_>, lock: &L, object: &Bound<'_, PyAny>) -> PyResult<bool> {
    let ticket = &mut Ticket::default();
    if POLICY.load(Ordering::Relaxed) == IGNORE {
        return wait_until(py, lock, ticket, None);
    }
    recorded(lock, object.as_ptr() as usize, |recorded| {
        let Some(suspected) = recorded.cycle(|_| ()) else { return wait_until(py, lock, ticket, None) };
        if wait_until(py, lock, ticket, deadline_in(CONFIRM))? {
            return Ok(true);
        }
        let (waits, locks) = cycle(py, recorded)?;
        if waits == suspected.waits() {
            act(py, &waits, &locks)?;
        }
        wait_until(py, lock, ticket, None)
    })
}

/// The cycle that this thread waits in, and its locks; empty if there is none.
fn cycle<'py>(py: Python<'py>, recorded: &Recorded) -> PyResult<(Vec<Wait>, Bound<'py, PyList>)> {
    let mut locks: Vec<Bound<'py, PyAny>> = Vec::new();
    let found = recorded.cycle(|wait| {
        // SAFETY: the number is the address of a lock's object, which its waiting thread keeps alive while the wait is on
        // record; making a reference calls nothing.
        locks.push(unsafe { Bound::from_borrowed_ptr(py, wait.lock as *mut pyo3::ffi::PyObject) });
    });
    let waits = found.map(|cycle| cycle.waits().to_vec()).unwrap_or_default();
    Ok((waits, PyList::new(py, locks)?))
}

/// Does what the policy says about a cycle of threads.
fn act(py: Python<'_>, waits: &[Wait], locks: &Bound<'_, PyList>) -> PyResult<()> {
    let threads = PyList::new(py, waits.iter().map(|wait| wait.thread.get()))?;
    let module = py.import("ungil._deadlock")?;
    if !module.call_method1("is_told", (&threads,))?.is_truthy()? {
        return Ok(());
    }
    let text: String = module.call_method1("describe", (&threads, locks))?.extract()?;
    match POLICY.load(Ordering::Relaxed) {
        RAISE => Err(DeadlockError::new_err(text)),
        REPORT => module.call_method1("report", (text,)).map(drop),
        _ => Ok(()),
    }
}
