//! `acquire(blocking=True, timeout=-1)`: how a lock is waited for.

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use ungil_sync::wait_graph::Held;
use ungil_sync::waiters::Ticket;
use ungil_sync::{Deadline, WaitResult};

use crate::method::Arguments;
use crate::sync::deadlock;
use crate::{gil, timeout};

/// What can be acquired, and waited for.
pub(crate) trait Acquire: Sync {
    fn try_acquire(&self) -> bool;
    fn acquire_with(&self, ticket: &mut Ticket, deadline: Deadline) -> WaitResult;
}

impl Acquire for ungil_sync::Lock {
    fn try_acquire(&self) -> bool {
        self.try_acquire()
    }

    fn acquire_with(&self, ticket: &mut Ticket, deadline: Deadline) -> WaitResult {
        self.acquire_with(ticket, deadline)
    }
}

impl Acquire for ungil_sync::RLock {
    fn try_acquire(&self) -> bool {
        self.try_acquire()
    }

    fn acquire_with(&self, ticket: &mut Ticket, deadline: Deadline) -> WaitResult {
        self.acquire_with(ticket, deadline)
    }
}

impl Acquire for ungil_sync::Semaphore {
    fn try_acquire(&self) -> bool {
        self.try_acquire()
    }

    fn acquire_with(&self, ticket: &mut Ticket, deadline: Deadline) -> WaitResult {
        self.acquire_with(ticket, deadline)
    }
}

impl Acquire for ungil_sync::BoundedSemaphore {
    fn try_acquire(&self) -> bool {
        self.try_acquire()
    }

    fn acquire_with(&self, ticket: &mut Ticket, deadline: Deadline) -> WaitResult {
        self.acquire_with(ticket, deadline)
    }
}

/// How long a call may wait.
pub(crate) enum Patience {
    /// Not at all.
    None,
    /// Until then; none is for ever.
    Until(Deadline),
}

/// Reads the arguments of a lock's `acquire`; `standard` names the class whose words refuse what is wrong.
pub(crate) fn lock_patience(py: Python<'_>, arguments: Arguments, standard: &str) -> PyResult<Patience> {
    let refused = || match py.import("threading").and_then(|threading| threading.call_method0(standard)) {
        Ok(lock) => {
            lock.getattr("acquire").map_or_else(|error| error, |acquire| arguments.refused_by(&acquire))
        }
        Err(error) => error,
    };
    let Some([blocking, timeout]) = arguments.bind(py, ["blocking", "timeout"])? else {
        return Err(refused());
    };
    let is_blocking = blocking.map_or(Ok(true), |blocking| blocking.is_truthy())?;
    let seconds = timeout.map_or(Ok(-1.0), |timeout| timeout::seconds(&timeout))?;
    let is_timed = seconds != -1.0;
    if seconds.is_nan() || is_timed && (!is_blocking || seconds < 0.0) {
        return Err(refused());
    }
    Ok(match (is_blocking, is_timed) {
        (false, _) => Patience::None,
        (true, false) => Patience::Until(None),
        (true, true) => Patience::Until(timeout::deadline(seconds)),
    })
}

/// Reads the arguments of a semaphore's `acquire`.
pub(crate) fn semaphore_patience(py: Python<'_>, arguments: Arguments) -> PyResult<Patience> {
    let Some([blocking, timeout]) = arguments.bind(py, ["blocking", "timeout"])? else {
        let standard = py.import("threading")?.call_method0("Semaphore")?;
        return Err(arguments.refused_by(&standard.getattr("acquire")?));
    };
    let is_blocking = blocking.map_or(Ok(true), |blocking| blocking.is_truthy())?;
    let timeout = timeout.filter(|timeout| !timeout.is_none());
    if !is_blocking && timeout.is_some() {
        return Err(PyValueError::new_err("can't specify timeout for non-blocking acquire"));
    }
    Ok(if is_blocking { Patience::Until(timeout::optional(timeout.as_ref())?) } else { Patience::None })
}

/// Acquires `lock`, which `object` is to Python; false if that could not be in time.
pub(crate) fn lock<L: Acquire + Held>(
    py: Python<'_>,
    lock: &L,
    object: &Bound<'_, PyAny>,
    patience: &Patience,
) -> PyResult<bool> {
    match patience {
        _ if lock.try_acquire() => Ok(true),
        Patience::None => Ok(false),
        Patience::Until(None) => deadlock::wait(py, lock, object),
        Patience::Until(deadline) => wait(py, lock, &mut Ticket::default(), *deadline),
    }
}

/// Acquires `semaphore`; false if that could not be in time.
pub(crate) fn semaphore(py: Python<'_>, semaphore: &impl Acquire, patience: &Patience) -> PyResult<bool> {
    match patience {
        _ if semaphore.try_acquire() => Ok(true),
        Patience::None => Ok(false),
        Patience::Until(deadline) => wait(py, semaphore, &mut Ticket::default(), *deadline),
    }
}

/// Waits until the deadline; a signal does not cost the place among those that wait.
pub(crate) fn wait(
    py: Python<'_>,
    what: &impl Acquire,
    ticket: &mut Ticket,
    deadline: Deadline,
) -> PyResult<bool> {
    let ended = gil::wait(py, || ready(what.acquire_with(ticket, deadline)))?;
    Ok(ended.is_ok())
}

/// A [`WaitResult`] as [`gil::wait`] wants it.
pub(crate) fn ready(result: WaitResult) -> Result<(), WaitResult> {
    if result == WaitResult::Ready { Ok(()) } else { Err(result) }
}
