//! Threads that wait for one another: found when the last of them begins to wait, and told or raised.
//!
//! Who waits for whom is known by `ungil_sync::wait_graph`. A cycle that a thread finds itself in is only suspected at first; the
//! thread waits for [`CONFIRM`] and looks again. What is written to standard error is made by `ungil._deadlock`.

use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use pyo3::create_exception;
use pyo3::exceptions::{PyException, PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyList;
use ungil_sync::wait_graph::{Cycle, Held, Recorded, Wait, recorded};
use ungil_sync::waiters::Ticket;
use ungil_sync::{Deadline, WaitResult, deadline_in};

use crate::gil;
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
        match (told(py, recorded, &suspected)?, POLICY.load(Ordering::Relaxed)) {
            (Some(text), RAISE) => return Err(DeadlockError::new_err(text)),
            (Some(text), REPORT) => report(py, text)?,
            _ => {}
        }
        wait_until(py, lock, ticket, None)
    })
}

/// Waits, detached, for a lock that the thread had and must have again, and says so to whoever looks for a cycle. `name` is the address
/// of the lock's object, which lives until then. A cycle that this wait closes is reported also where the policy is to raise: what
/// the thread would go on to do, it may do only with the lock.
///
/// # Errors
///
/// What a signal's handler raised while that was reported; the lock is held all the same.
pub(crate) fn wait_detached(
    lock: &dyn Held,
    name: usize,
    acquire: impl Fn(&mut Ticket, Deadline) -> WaitResult,
) -> PyResult<()> {
    let ticket = &mut Ticket::default();
    // Interrupted or not: what a signal has to say is said when the lock is there.
    let mut until = |deadline| loop {
        match acquire(ticket, deadline) {
            WaitResult::Interrupted => {}
            ended => return ended == WaitResult::Ready,
        }
    };
    if POLICY.load(Ordering::Relaxed) == IGNORE {
        until(None);
        return Ok(());
    }
    recorded(lock, name, |recorded| {
        let mut handled = Ok(());
        if let Some(suspected) = recorded.cycle(|_| ()) {
            if until(deadline_in(CONFIRM)) {
                return Ok(());
            }
            gil::attached_if_possible(|py| {
                let reported = match told(py, recorded, &suspected) {
                    Ok(Some(text)) => report(py, text),
                    other => other.map(drop),
                };
                match reported {
                    // No report is worth an exception of its own; an interruption is nobody's to swallow.
                    Err(error) if error.is_instance_of::<PyException>(py) => error.write_unraisable(py, None),
                    other => handled = other,
                }
            });
        }
        until(None);
        handled
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

/// What is to be said about a cycle that was suspected, if it is still there and worth it.
fn told(py: Python<'_>, recorded: &Recorded, suspected: &Cycle) -> PyResult<Option<String>> {
    let (waits, locks) = cycle(py, recorded)?;
    if waits != suspected.waits() {
        return Ok(None);
    }
    let threads = PyList::new(py, waits.iter().map(|wait| wait.thread.get()))?;
    let module = py.import("ungil._deadlock")?;
    if !module.call_method1("is_told", (&threads,))?.is_truthy()? {
        return Ok(None);
    }
    module.call_method1("describe", (&threads, locks))?.extract().map(Some)
}

/// Writes `text` to standard error.
fn report(py: Python<'_>, text: String) -> PyResult<()> {
    py.import("ungil._deadlock")?.call_method1("report", (text,)).map(drop)
}
