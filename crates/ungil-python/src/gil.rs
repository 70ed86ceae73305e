//! The one place where this crate attaches to the interpreter and detaches from it, and where it waits for other threads.
//!
//! Invariants: nothing waits for one of our locks while attached, and nothing attaches while it holds one; no reference
//! to a Python object is made or dropped while detached. (A gate of `ungil-sync` is no such lock: whoever is inside neither waits
//! nor needs the interpreter, so it may be entered attached.)
#![expect(clippy::disallowed_methods, reason = "this is the one place")]

use std::hint;
use std::mem;
use std::process;
use std::ptr;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};
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

/// For calls in a row of what may not be written in Python: lets another thread have the interpreter now and then.
///
/// A thread that waits for the interpreter asks for it after five milliseconds without a sign, and who lets go of it before takes it again at once, which the other takes for a
/// sign. So this is to be seldom.
pub(crate) struct Turn(Instant);

/// Twice as long as a thread waits before it asks.
const TURN: Duration = Duration::from_millis(10);

impl Turn {
    /// It begins.
    pub(crate) fn new() -> Self {
        Self(Instant::now())
    }

    /// Between two calls.
    pub(crate) fn pass_on(&mut self, py: Python<'_>) {
        if self.0.elapsed() > TURN {
            detached(py, || ());
            *self = Self::new();
        }
    }
}

/// How often threads have detached here. Relaxed: it is a hint, and orders nothing.
static N_DETACHED: AtomicU64 = AtomicU64::new(0);

/// A number that changes whenever a thread detaches.
pub(crate) fn n_detached() -> u64 {
    N_DETACHED.load(Ordering::Relaxed)
}

static PATIENCE: LazyLock<Patience> = LazyLock::new(Patience::new);

/// Fills what would be filled on first use, by a thread that is detached: a fork at that moment would leave it locked in the child.
pub(crate) fn prepare() {
    LazyLock::force(&PATIENCE);
}

/// Before attaching, detached and awake: the thread that ended this one's wait is attached, and mostly about to wait itself.
/// Looks for a moment whether any thread has detached since `n_detached()` was `before`, if that has paid lately: who finds the interpreter
/// taken is put to sleep by it.
pub(crate) fn look_for_free(before: u64) {
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

/// Calls a Python function that may take its time, with nothing of ours between it and the interpreter.
///
/// Until CPython 3.13 a daemon thread that asks for the interpreter after its end is ended there and then, by `pthread_exit`, whose unwinding would
/// come through our frames. It is parked here for ever, as CPython 3.14 does itself.
///
/// # Errors
///
/// What the function raised.
pub(crate) fn calling<'py>(
    function: &Bound<'py, PyAny>,
    args: Borrowed<'_, 'py, PyTuple>,
) -> PyResult<Bound<'py, PyAny>> {
    calling_with(function, args, None)
}

/// The same on the main thread, which the interpreter does not end: what comes through our frames there is an exception of C++, or the like. It ends the process, as it would
/// where nobody catches it.
///
/// # Errors
///
/// What the function raised.
pub(crate) fn calling_on_the_main_thread<'py>(
    function: &Bound<'py, PyAny>,
    args: Borrowed<'_, 'py, PyTuple>,
) -> PyResult<Bound<'py, PyAny>> {
    let aborting = Aborting;
    let result = call(function, args.as_ptr(), ptr::null_mut());
    mem::forget(aborting);
    result
}

/// Ends the process when it is dropped.
struct Aborting;

impl Drop for Aborting {
    fn drop(&mut self) {
        process::abort();
    }
}

/// The same with keywords.
///
/// # Errors
///
/// What the function raised.
#[inline]
pub(crate) fn calling_with<'py>(
    function: &Bound<'py, PyAny>,
    args: Borrowed<'_, 'py, PyTuple>,
    kwargs: Option<Borrowed<'_, 'py, PyDict>>,
) -> PyResult<Bound<'py, PyAny>> {
    let returning = Returning::new();
    let result = call(function, args.as_ptr(), kwargs.map_or(ptr::null_mut(), Borrowed::as_ptr));
    returning.has_come();
    result
}

/// Calls a function with a tuple, and a dictionary or null. Something foreign may unwind through it.
#[inline]
fn call<'py>(
    function: &Bound<'py, PyAny>,
    args: *mut ffi::PyObject,
    kwargs: *mut ffi::PyObject,
) -> PyResult<Bound<'py, PyAny>> {
    // Not by its name: where PyO3 calls it too, the compiler takes it for what never unwinds.
    let call: Call = hint::black_box(PyObject_Call);
    // SAFETY: three live objects, of the types that the call asks for; or no keywords.
    let result = unsafe { call(function.as_ptr(), args, kwargs) };
    // SAFETY: a new reference, or null with an exception set.
    unsafe { Bound::from_owned_ptr_or_err(function.py(), result) }
}

type Call = unsafe extern "C-unwind" fn(
    *mut ffi::PyObject,
    *mut ffi::PyObject,
    *mut ffi::PyObject,
) -> *mut ffi::PyObject;

unsafe extern "C-unwind" {
    /// PyO3's declaration says that nothing unwinds through it.
    fn PyObject_Call(
        function: *mut ffi::PyObject,
        args: *mut ffi::PyObject,
        kwargs: *mut ffi::PyObject,
    ) -> *mut ffi::PyObject;
}

/// Around what is sure to come back, but for a panic and for the end of this thread by the interpreter: then the thread is attached no more, and stays where it is.
#[must_use = "it says that a call has come back"]
pub(crate) struct Returning(());

impl Returning {
    pub(crate) fn new() -> Self {
        Self(())
    }

    /// The call has come back.
    pub(crate) fn has_come(self) {
        std::mem::forget(self);
    }
}

impl Drop for Returning {
    fn drop(&mut self) {
        while !std::thread::panicking() {
            std::thread::park();
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
