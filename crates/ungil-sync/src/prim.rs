//! The seam to the model checker: atomics and what else of the standard library a schedule may interleave.
//!
//! Under `cfg(ungil_loom)` they are loom's, which tries every interleaving; otherwise the standard library's.

#[cfg(not(ungil_loom))]
pub(crate) use std::{
    hint::spin_loop,
    sync::Arc,
    sync::atomic::{AtomicU32, AtomicU64, Ordering},
};

#[cfg(ungil_loom)]
pub(crate) use loom::{
    hint::spin_loop,
    sync::Arc,
    sync::atomic::{AtomicU32, AtomicU64, Ordering},
};

/// Whether, in the model that runs, permits are handed to waiters (true) or left for all to take.
///
/// Not loom's: it is set before a model begins, and does not change within.
#[cfg(ungil_loom)]
pub static MODEL_IS_FAIR: std::sync::atomic::AtomicBool = std::sync::atomic::AtomicBool::new(false);

#[cfg(ungil_loom)]
pub(crate) fn is_model_fair() -> bool {
    MODEL_IS_FAIR.load(std::sync::atomic::Ordering::Relaxed)
}
