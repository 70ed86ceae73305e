//! The one place where this crate attaches to the interpreter and detaches from it, and where it waits for other threads.
//!
//! Invariants: nothing waits for one of our locks while attached, and nothing attaches while it holds one; no reference
//! to a Python object is made or dropped while detached. (A gate of `ungil-sync` is no such lock: whoever is inside neither waits
//! nor needs the interpreter, so it may be entered attached.)
#![expect(clippy::disallowed_methods, reason = "this is the one place")]

use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use pyo3::prelude::*;
use ungil_sync::WaitResult;
use ungil_sync::patience::{Patience, stayed_awake};

/// Runs `work` attached, waiting for the interpreter if need be.
///
/// # Panics
///
/// If the interpreter has come so far in its end that no thread can attach.
pub(crate) fn attached<R>(work: impl FnOnce(Python<'_>) -> R) -> R {
    Python::attach(work)
}

/// Runs `work` attached, unless the interpreter has come so far in its end that no thread can attach.
pub(crate) fn attached_if_possible(work: impl FnOnce(Python<'_>)) {
    let _ = Python::try_attach(work);
}

/// Runs `work` on a thread that is attached, and counts as such to PyO3: references that `work` drops are gone at once.
///
/// A finaliser at the very end of the interpreter is attached, but PyO3 counts nothing any more.
///
/// # Safety
///
/// The thread is attached.
pub(crate) unsafe fn still_attached<R>(work: impl FnOnce(Python<'_>) -> R) -> R {
    let mut work = Some(work);
    let done = Python::try_attach(|py| work.take().map(|work| work(py)));
    match (done.flatten(), work) {
        (Some(result), _) => result,
        // SAFETY: as the caller promises.
        (None, Some(work)) => work(unsafe { Python::assume_attached() }),
        (None, None) => unreachable!("work that was taken has been done"),
    }
}

/// Runs `work` detached: other threads may run Python meanwhile.
pub(crate) fn detached<R: Send>(py: Python<'_>, work: impl Send + FnOnce() -> R) -> R {
    py.detach(|| {
        N_DETACHED.fetch_add(1, Ordering::Relaxed);
        work()
    })
}

/// How often threads have detached here. Relaxed: it is a hint, and orders nothing.
static N_DETACHED: AtomicU64 = AtomicU64::new(0);

/// A number that changes whenever a thread detaches.
pub(crate) fn n_detached() -> u64 {
    N_DETACHED.load(Ordering::Relaxed)
}

/// Before attaching, detached and awake: the thread that ended this one's wait is attached, and mostly about to wait itself.
/// Looks for a moment whether any thread has detached since `n_detached()` was `before`, if that has paid lately: who finds the interpreter
/// taken is put to sleep by it.
pub(crate) fn look_for_free(before: u64) {
    static PATIENCE: LazyLock<Patience> = LazyLock::new(Patience::new);
    if !cfg!(Py_GIL_DISABLED) {
        PATIENCE.look_for(LOOK_FOR, || (n_detached() != before).then_some(()), None);
    }
}

/// How long: a thread that fills a queue of some hundred places, or empties it, is through by then.
const LOOK_FOR: Duration = Duration::from_micros(50);

/// Waits detached for what `wait` waits for; whenever a signal arrives, Python's handlers run, and the wait goes on.
///
/// # Errors
///
/// What a handler raised; then the wait is over.
pub(crate) fn wait<R: Send>(
    py: Python<'_>,
    mut wait: impl Send + FnMut() -> Result<R, WaitResult>,
) -> PyResult<Result<R, WaitResult>> {
    let mut wait = || {
        let ended = wait();
        if stayed_awake() {
            look_for_free(n_detached());
        }
        ended
    };
    loop {
        match detached(py, &mut wait) {
            Err(WaitResult::Interrupted) => py.check_signals()?,
            ended => return Ok(ended),
        }
    }
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
