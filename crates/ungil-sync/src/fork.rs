//! Tells a forked child from its parent.
//!
//! A fork copies the memory but only the forking thread. A gate that another thread held then has nobody who opens it,
//! and a queue has waiters that do not exist. So both carry the [`generation`] they were last used in, and one from an earlier
//! generation is taken over without a look at what is in it.

#[cfg(not(ungil_loom))]
pub(crate) use counted::generation;

#[cfg(not(ungil_loom))]
mod counted {
    use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

    /// How many forks lie between the first process and this one, from when [`generation`] was first asked.
    ///
    /// Relaxed everywhere: written only in the child's handler, before the child has a second thread.
    static GENERATION: AtomicU32 = AtomicU32::new(0);

    /// Whether the handler is registered. Not a `Once`: a fork in the middle of one would leave it locked in the child.
    static IS_REGISTERED: AtomicBool = AtomicBool::new(false);

    /// The number of this process among its ancestors.
    #[inline]
    pub(crate) fn generation() -> u32 {
        if !IS_REGISTERED.load(Ordering::Relaxed) {
            register();
        }
        GENERATION.load(Ordering::Relaxed)
    }

    /// Two threads may both register; the handler does no harm twice.
    #[cold]
    fn register() {
        // SAFETY: the handler only stores to an atomic, which a child may do between fork and exec.
        let status = unsafe { libc::pthread_atfork(None, None, Some(count)) };
        // The one documented failure is lack of memory; then the next question tries again.
        IS_REGISTERED.store(status == 0, Ordering::Relaxed);
    }

    extern "C" fn count() {
        GENERATION.fetch_add(1, Ordering::Relaxed);
    }
}

/// The number that the model has chosen.
#[cfg(ungil_loom)]
pub(crate) fn generation() -> u32 {
    crate::prim::chosen::GENERATION.get()
}
