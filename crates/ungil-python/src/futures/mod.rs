//! The classes of `ungil.futures`: `ungil-exec`'s futures and pools as Python sees them.
//!
//! Reading order: `future.rs` is the class `Future`, `create.rs` how one is made, `transition.rs` how its state changes, `monitor.rs` what becomes of a future whose lock a program asks
//! for, `answer.rs` how its result is waited for; `task.rs` is what a worker does with a call, `stop.rs` how that stops, `record.rs` what is known of it afterwards, `worker.rs` the worker, `thread_pool.rs` the executor that
//! submits to it; `group.rs` waits for several futures; `errors.rs` has the exceptions.

mod answer;
mod create;
pub(crate) mod errors;
mod future;
mod group;
mod monitor;
pub(crate) mod record;
mod stop;
mod task;
mod thread_pool;
pub(crate) mod transition;
mod worker;

use pyo3::prelude::*;

pub(crate) use create::make_quickly;
pub(crate) use future::Future;
pub(crate) use group::{Group, Watcher};
pub(crate) use stop::{is_requested as is_stop_requested, requested as stop_requested};
pub(crate) use thread_pool::{ThreadPool, close_thread_pools, forget_thread_pools};
pub(crate) use worker::Worker;

/// Adds to the classes what PyO3 does not.
pub(crate) fn complete_classes(py: Python<'_>) -> PyResult<()> {
    crate::method::add::<Future>(py, future::METHODS)?;
    crate::method::add::<ThreadPool>(py, thread_pool::METHODS)
}
