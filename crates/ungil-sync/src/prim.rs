//! The seam to the model checker: atomics and what else of the standard library a schedule may interleave.
//!
//! Under `cfg(ungil_loom)` they are loom's, which tries every interleaving; otherwise the standard library's.

#[cfg(not(ungil_loom))]
pub(crate) use std::{
    hint::spin_loop,
    sync::atomic::{AtomicU32, AtomicU64, Ordering},
    sync::{Arc, Mutex},
    thread::yield_now,
};

#[cfg(ungil_loom)]
pub(crate) use loom::{
    hint::spin_loop,
    sync::atomic::{AtomicU32, AtomicU64, Ordering},
    sync::{Arc, Mutex},
    thread::yield_now,
};

#[cfg(not(ungil_loom))]
pub(crate) use spin_loop as pause;

/// Loom's `spin_loop` has another thread run; this one does not, so that every order is tried.
#[cfg(ungil_loom)]
pub(crate) fn pause() {}

/// What a model chooses before it starts its second thread, and what chance or a fork decides outside of models.
///
/// Not loom's, since nothing changes it while threads run. Loom runs all threads of a model in one thread, so that models
/// beside one another do not share it.
#[cfg(ungil_loom)]
pub(crate) mod chosen {
    use std::cell::Cell;

    std::thread_local! {
        /// Whether permits are handed to waiters (true) or left for all to take.
        pub(crate) static IS_FAIR: Cell<bool> = const { Cell::new(false) };
        /// The number of the process among its ancestors.
        pub(crate) static GENERATION: Cell<u32> = const { Cell::new(0) };
    }
}
