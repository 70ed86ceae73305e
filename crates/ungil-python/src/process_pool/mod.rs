//! The pool of worker processes of `ungil.futures`, and a worker's side of it.
//!
//! Reading order: `message.rs` makes frames of pickles and their buffers, and the reverse; `worker.rs` is what a worker receives and answers by; `pool.rs` is the class that an
//! executor submits to, `pump.rs` what is done with what workers send, `waiting.rs` who does it: whoever waits for a result, and otherwise the thread that watches the pool. `shared.rs` is the
//! memory of arrays that processes share, `pickle.rs` finds what a pickle names. Values that need no pickle are `crate::plain`'s.

mod message;
mod pickle;
mod pool;
mod pump;
mod shared;
mod waiting;
mod worker;

use pyo3::prelude::*;
use pyo3::types::PyModule;

pub(crate) use message::Buffer;
pub(crate) use pickle::pickle_names;
pub(crate) use pool::{Attempt, ProcessPool, forget_process_pools};
pub(crate) use shared::SharedMemory;
pub(crate) use waiting::serve;
pub(crate) use worker::{WorkerLink, die_with_parent};

/// What a frame is.
mod kind {
    /// The worker is to end.
    pub(super) const DISMISSAL: u16 = 0;
    /// A call.
    pub(super) const CALL: u16 = 1;
    /// What a call returned.
    pub(super) const RETURNED: u16 = 2;
    /// What a call raised.
    pub(super) const RAISED: u16 = 3;
    /// A call of plain values: the module and the name of what is called, or its pickle, and the arguments.
    pub(super) const PLAIN_CALL: u16 = 4;
    /// What a call returned, which is plain.
    pub(super) const PLAIN: u16 = 5;
    /// In no frame: the call of the frame was made, and what it returned is not plain.
    pub(super) const MADE: u16 = 6;
    /// In no frame: the call has raised, or cannot be read.
    pub(super) const FAILED: u16 = 7;
    /// Added to one of these: the pickle lies in the first block.
    pub(super) const IS_IN_BLOCK: u16 = 1 << 15;
}

/// Adds what Python's side names the frames by.
pub(crate) fn complete_module(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("_CALL", kind::CALL)?;
    module.add("_RETURNED", kind::RETURNED)?;
    module.add("_RAISED", kind::RAISED)?;
    module.add("_PLAIN_CALL", kind::PLAIN_CALL)?;
    module.add("_PLAIN", kind::PLAIN)?;
    module.add("_MADE", kind::MADE)?;
    module.add("_FAILED", kind::FAILED)
}
