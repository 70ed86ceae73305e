//! The seam to the model checker: under `cfg(ungil_loom)` atomics and references are loom's, otherwise the standard library's.

#[cfg(not(ungil_loom))]
pub(crate) use std::sync::{
    Arc,
    atomic::{AtomicU8, Ordering},
};

#[cfg(ungil_loom)]
pub(crate) use loom::sync::{
    Arc,
    atomic::{AtomicU8, Ordering},
};
