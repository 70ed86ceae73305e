//! Who a thread is.

use std::num::NonZeroU64;

/// A thread of this process, by the number that `threading.get_ident` gives it. A number is used again after its thread's end.
pub type ThreadId = NonZeroU64;

/// The calling thread.
#[cfg(not(ungil_loom))]
#[inline]
pub fn current_thread() -> ThreadId {
    // SAFETY: has no conditions.
    let id = unsafe { libc::pthread_self() };
    // The address of the thread's own data, where a thread is known by one; never 0 in any case.
    NonZeroU64::new(id as u64).unwrap_or(NonZeroU64::MAX)
}

/// The calling thread, in a model.
#[cfg(ungil_loom)]
pub fn current_thread() -> ThreadId {
    use std::sync::atomic::{AtomicU64, Ordering};

    static NEXT: AtomicU64 = AtomicU64::new(1);
    loom::thread_local! {
        static ID: u64 = NEXT.fetch_add(1, Ordering::Relaxed);
    }
    ID.with(|id| NonZeroU64::new(*id)).unwrap_or(NonZeroU64::MAX)
}
