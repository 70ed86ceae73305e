//! `Statistics`: what a primitive tells about itself.

use pyo3::prelude::*;

/// A primitive at one moment: who holds it, how many threads wait, how often and how long threads had to.
///
/// `holder` is the identity of a thread (`Thread.ident`), or `None`; `longest_wait` is in seconds.
#[pyclass(frozen, get_all, eq, module = "ungil.threading")]
#[derive(PartialEq)]
pub(crate) struct Statistics {
    holder: Option<u64>,
    waiters: usize,
    contentions: u64,
    longest_wait: f64,
}

#[pymethods]
impl Statistics {
    fn __repr__(&self) -> String {
        let holder = self.holder.map_or_else(|| "None".to_owned(), |holder| holder.to_string());
        format!(
            "Statistics(holder={holder}, waiters={}, contentions={}, longest_wait={:?})",
            self.waiters, self.contentions, self.longest_wait
        )
    }
}

impl From<ungil_sync::Statistics> for Statistics {
    fn from(statistics: ungil_sync::Statistics) -> Self {
        Self {
            holder: statistics.holder.map(ungil_sync::ThreadId::get),
            waiters: statistics.waiters,
            contentions: statistics.contentions,
            longest_wait: statistics.longest_wait.as_secs_f64(),
        }
    }
}
