//! The classes of `ungil.threading`: `ungil-sync`'s primitives as Python sees them.
//!
//! Reading order: `acquire.rs` is how they wait, `deadlock.rs` what happens when threads wait for one another; then one class a
//! file. `place.rs` remembers where a lock was made, `describe.rs` is about reprs, `statistics.rs` what `statistics()` returns.
//!
//! Each class tries attached, and waits detached (`gil::wait`); what it costs when nobody has to wait is in `../method.rs`.

mod acquire;
mod barrier;
mod condition;
mod deadlock;
mod describe;
mod event;
mod lock;
mod place;
mod rlock;
mod semaphore;
mod statistics;

use pyo3::prelude::*;

pub(crate) use acquire::ready as acquire_result;
pub(crate) use barrier::Barrier;
pub(crate) use condition::Condition;
pub(crate) use deadlock::{DeadlockError, deadlock_policy};
pub(crate) use describe::repr;
pub(crate) use event::Event;
pub(crate) use lock::Lock;
pub(crate) use rlock::RLock;
pub(crate) use semaphore::{BoundedSemaphore, Semaphore};
pub(crate) use statistics::Statistics;

/// Adds to the classes what PyO3 does not.
pub(crate) fn complete_classes(py: Python<'_>) -> PyResult<()> {
    crate::method::add::<Lock>(py, lock::METHODS)?;
    crate::method::add::<RLock>(py, rlock::METHODS)?;
    crate::method::add::<Semaphore>(py, semaphore::METHODS)?;
    crate::method::add::<BoundedSemaphore>(py, semaphore::BOUNDED_METHODS)?;
    crate::method::add::<Event>(py, event::METHODS)?;
    crate::method::add::<Condition>(py, condition::METHODS)
}
