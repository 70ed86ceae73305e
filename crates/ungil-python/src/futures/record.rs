//! [`Record`]: what a pool knows of the calls that it has made.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

use pyo3::prelude::*;
use ungil_sync::{AfterFork, Gate};

/// Counts and sums; relaxed throughout, since they order nothing.
pub(crate) struct Record {
    n_returned: AtomicU64,
    n_raised: AtomicU64,
    n_cancelled: AtomicU64,
    /// Nanoseconds from submission to beginning, and from beginning to end, of the calls that were made.
    waited: AtomicU64,
    ran: AtomicU64,
    is_traced: AtomicBool,
    trace: Gate<Trace>,
}

struct Trace(Vec<Made>);

/// A call that was made, in nanoseconds of [`now`].
pub(crate) struct Made {
    /// Its name, or what was called.
    pub(crate) name: Py<PyAny>,
    /// The number of the thread or of the worker process.
    pub(crate) worker: u64,
    pub(crate) submitted: u64,
    pub(crate) begun: u64,
    pub(crate) ended: u64,
    pub(crate) ending: Ending,
}

/// The same for Python, with how the call ended before the times.
pub(crate) type Row = (Py<PyAny>, u64, &'static str, u64, u64, u64);

/// How a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    Returned,
    Raised,
    Cancelled,
}

impl Ending {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Returned => "returned",
            Self::Raised => "raised",
            Self::Cancelled => "cancelled",
        }
    }
}

/// Counts of calls that returned, raised and were cancelled; mean seconds of waiting and running.
pub(crate) type Summary = (u64, u64, u64, Option<f64>, Option<f64>);

/// Nanoseconds since some moment of this process.
#[inline]
pub(crate) fn now() -> u64 {
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    START.elapsed().as_nanos() as u64
}

impl Record {
    pub(crate) fn new() -> Self {
        Self {
            n_returned: AtomicU64::new(0),
            n_raised: AtomicU64::new(0),
            n_cancelled: AtomicU64::new(0),
            waited: AtomicU64::new(0),
            ran: AtomicU64::new(0),
            is_traced: AtomicBool::new(false),
            trace: Gate::new(Trace(Vec::new())),
        }
    }

    /// Counts a call; `begun` and `ended` mean nothing of one that was cancelled before it began.
    #[inline]
    pub(crate) fn add(&self, submitted: u64, begun: u64, ended: u64, ending: Ending) {
        let count = match ending {
            Ending::Returned => &self.n_returned,
            Ending::Raised => &self.n_raised,
            Ending::Cancelled => {
                self.n_cancelled.fetch_add(1, Ordering::Relaxed);
                return;
            }
        };
        count.fetch_add(1, Ordering::Relaxed);
        self.waited.fetch_add(begun.saturating_sub(submitted), Ordering::Relaxed);
        self.ran.fetch_add(ended.saturating_sub(begun), Ordering::Relaxed);
    }

    /// How many calls returned, raised and were cancelled, and the mean seconds for which those that were made waited and ran.
    pub(crate) fn summary(&self) -> Summary {
        let load = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let (n_returned, n_raised) = (load(&self.n_returned), load(&self.n_raised));
        let n_made = n_returned + n_raised;
        let mean = |sum: &AtomicU64| (n_made > 0).then(|| load(sum) as f64 / n_made as f64 / 1e9);
        (n_returned, n_raised, load(&self.n_cancelled), mean(&self.waited), mean(&self.ran))
    }

    /// Begins to keep each call; the time of that.
    pub(crate) fn begin_trace(&self) -> u64 {
        // What came too late for the trace before.
        drop(self.end_trace());
        self.is_traced.store(true, Ordering::Relaxed);
        now()
    }

    /// Whether each call is kept.
    #[inline]
    pub(crate) fn is_traced(&self) -> bool {
        self.is_traced.load(Ordering::Relaxed)
    }

    /// Keeps a call.
    pub(crate) fn keep(&self, made: Made) {
        self.trace.enter().0.push(made);
    }

    /// Takes out the calls that were kept, and keeps no more.
    pub(crate) fn end_trace(&self) -> Vec<Row> {
        self.is_traced.store(false, Ordering::Relaxed);
        let made = std::mem::take(&mut self.trace.enter().0);
        let row =
            |made: Made| (made.name, made.worker, made.ending.name(), made.submitted, made.begun, made.ended);
        made.into_iter().map(row).collect()
    }
}

impl AfterFork for Trace {
    fn after_fork(&mut self, is_torn: bool) {
        if is_torn {
            std::mem::forget(std::mem::take(&mut self.0));
        }
    }
}
