//! The classes of `ungil.queue`: `ungil-queue`'s queues as Python sees them.
//!
//! Reading order: `item.rs` is what they hold; `transfer.rs` how items go in and out, and how threads wait for that; `class.rs`
//! `Queue`, `LifoQueue` and `PriorityQueue`; `opened.rs` what becomes of a queue whose insides a program wants to see (`heap_list.rs` of a heap);
//! `simple.rs` `SimpleQueue`; `pending.rs` waits of asyncio's tasks; `errors.rs` the exceptions.

mod class;
mod errors;
mod heap_list;
mod item;
mod opened;
mod pending;
mod simple;
mod transfer;

use pyo3::prelude::*;

pub(crate) use class::{LifoQueue, PriorityQueue, Queue};
pub(crate) use errors::{ShutDown, empty, full};
pub(crate) use pending::{PendingGet, PendingPut};
pub(crate) use simple::SimpleQueue;

/// Adds to the classes what PyO3 does not.
pub(crate) fn complete_classes(py: Python<'_>) -> PyResult<()> {
    crate::method::add::<Queue>(py, class::METHODS)?;
    crate::method::add::<SimpleQueue>(py, simple::METHODS)
}
