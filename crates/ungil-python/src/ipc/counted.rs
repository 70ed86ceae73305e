//! [`Counted`]: a semaphore with what `_SemLock._count` and `_is_mine` say of it.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use ungil_ipc::primitives::{Semaphore, Who};
use ungil_sync::current_thread;

/// A semaphore, and what the standard library counts beside it in each process. Relaxed, and no more than loads and stores: it is for reprs, and may miscount where
/// threads meet.
pub(super) struct Counted {
    pub(super) semaphore: Semaphore,
    process: AtomicU64,
    thread: AtomicU64,
    count: AtomicI64,
}

impl Counted {
    pub(super) fn of(semaphore: Semaphore) -> Self {
        let zero = || AtomicU64::new(0);
        Self { semaphore, process: zero(), thread: zero(), count: AtomicI64::new(0) }
    }

    #[inline]
    /// Takes note of an acquisition, 1, or a release, -1.
    pub(super) fn note(&self, change: i64) {
        let me = u64::from(Who::me().pid());
        // A forked child begins anew.
        let is_ours = self.process.load(Ordering::Relaxed) == me;
        let count = if is_ours { self.count.load(Ordering::Relaxed) } else { 0 };
        self.process.store(me, Ordering::Relaxed);
        self.count.store(count + change, Ordering::Relaxed);
        if change > 0 {
            self.thread.store(current_thread().get(), Ordering::Relaxed);
        }
    }

    /// How much more often this process has acquired it than released it.
    pub(super) fn count(&self) -> i64 {
        let is_ours = self.process.load(Ordering::Relaxed) == u64::from(Who::me().pid());
        if is_ours { self.count.load(Ordering::Relaxed) } else { 0 }
    }

    /// Whether this thread acquired it last.
    pub(super) fn is_mine(&self) -> bool {
        self.count() > 0 && self.thread.load(Ordering::Relaxed) == current_thread().get()
    }
}
