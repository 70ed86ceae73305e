//! What a primitive can tell about itself: [`Statistics`], and the counters behind it.

use std::time::{Duration, Instant};

use crate::prim::{AtomicU64, Ordering};
use crate::thread::ThreadId;

/// A primitive at one moment. The figures are read one after the other, so they may belong to moments that lie a little apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Statistics {
    /// The thread that holds it; none if nobody does, or if it is of a kind that is not held.
    pub holder: Option<ThreadId>,
    /// How many threads wait at this moment.
    pub waiters: usize,
    /// How often a thread has had to wait.
    pub contentions: u64,
    /// The longest time that a thread has waited, whatever the outcome.
    pub longest_wait: Duration,
}

/// Counts waits; an operation that need not wait does not come here.
#[derive(Debug)]
pub(crate) struct Waits {
    /// Relaxed, as `longest_nanos`: they are figures, and order nothing.
    n: AtomicU64,
    longest_nanos: AtomicU64,
}

impl Waits {
    #[cfg(not(ungil_loom))]
    pub(crate) const fn new() -> Self {
        Self { n: AtomicU64::new(0), longest_nanos: AtomicU64::new(0) }
    }

    #[cfg(ungil_loom)]
    pub(crate) fn new() -> Self {
        Self { n: AtomicU64::new(0), longest_nanos: AtomicU64::new(0) }
    }

    /// A thread begins to wait.
    #[cfg(not(ungil_loom))]
    pub(crate) fn begin(&self) -> Instant {
        self.n.fetch_add(1, Ordering::Relaxed);
        Instant::now()
    }

    /// Its wait is over.
    #[cfg(not(ungil_loom))]
    pub(crate) fn end(&self, begun: Instant) {
        let nanos = begun.elapsed().as_nanos().try_into().unwrap_or(u64::MAX);
        self.longest_nanos.fetch_max(nanos, Ordering::Relaxed);
    }

    /// Figures would only be more for the model checker to interleave.
    #[cfg(ungil_loom)]
    #[expect(clippy::unused_self, reason = "as outside of models")]
    pub(crate) fn begin(&self) -> Instant {
        Instant::now()
    }

    #[cfg(ungil_loom)]
    #[expect(clippy::unused_self, reason = "as outside of models")]
    pub(crate) fn end(&self, _begun: Instant) {}

    /// The statistics, with what the primitive knows.
    pub(crate) fn with(&self, holder: Option<ThreadId>, waiters: usize) -> Statistics {
        Statistics {
            holder,
            waiters,
            contentions: self.n.load(Ordering::Relaxed),
            longest_wait: Duration::from_nanos(self.longest_nanos.load(Ordering::Relaxed)),
        }
    }
}
