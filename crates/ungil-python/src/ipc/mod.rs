//! The classes of `ungil.multiprocessing`: `ungil-ipc` as Python sees it.
//!
//! `channel.rs` is an end of a pipe, `queue.rs` a queue, of objects, of which those that are plain (`crate::plain`) need no pickle. `semlock.rs` is what locks and semaphores are, under the name
//! and with the methods of the standard library's own (`counted.rs` is about what these count); `condition.rs`, `event.rs` and `barrier.rs` are what is peculiar
//! to these. `shared.rs` is how all of them come to another process, and `told.rs` the warning that the one who had something has died. The classes
//! that a program sees are made of these by `python/ungil/_mp_synchronize.py` and `_mp_queues.py`.
//!
//! Each tries attached, and waits detached (`gil::wait`).

mod barrier;
mod channel;
mod condition;
mod counted;
mod event;
mod queue;
mod semlock;
mod shared;
mod told;

use pyo3::prelude::*;

pub(crate) use barrier::PyBarrier;
pub(crate) use channel::PyChannel;
pub(crate) use condition::PyWaiters;
pub(crate) use event::PyEvent;
pub(crate) use queue::PyProcessQueue;
pub(crate) use semlock::SemLock;
pub(crate) use shared::PySegment;

/// Adds to the classes what PyO3 does not.
pub(crate) fn complete_classes(py: Python<'_>) -> PyResult<()> {
    crate::method::add::<SemLock>(py, semlock::METHODS)
}
