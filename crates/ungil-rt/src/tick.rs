//! The tick: a counter that a background thread, the *monitor*, moves every 20 ms while long calls run.
//!
//! Generated code compares the tick with its context's at each poll point, one load and one compare, and calls the poll
//! only when they differ.
//!
//! # The monitor's life
//!
//! | `IS_WATCHED` | `N_LONG` | the monitor |
//! |---|---|---|
//! | false | 0 | does not exist |
//! | true | any | ticks; after `IDLE_PERIODS` periods without a long call it sets false and ends |
//! | false | > 0 | is being started by the thread that has just entered, or goes on, see below |
//!
//! Entering adds to `N_LONG`, then reads `IS_WATCHED`; ending sets `IS_WATCHED` to false, then reads `N_LONG`. Both do
//! so with `SeqCst`, so that at least one of the two sees the other: a call that has entered is watched. Whoever turns
//! `IS_WATCHED` from false to true, the entering thread or the ending monitor that has seen it, owns the monitor's role.
//!
//! The monitor is a detached thread that touches only these atomics, so it does not keep the process from ending.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;
use std::time::Duration;

use crate::{fork, signals};

/// The time between two ticks.
pub const PERIOD: Duration = Duration::from_millis(20);

/// After how many periods without a long call the monitor ends: a second, so that a program which calls often starts it
/// once. A guess.
const IDLE_PERIODS: u32 = 50;

/// A few kibibytes would do; this is the least that every system grants.
const MONITOR_STACK: usize = 64 * 1024;

/// Relaxed everywhere: the tick says that time has passed and publishes nothing.
pub(crate) static TICK: AtomicU32 = AtomicU32::new(0);
static N_LONG: AtomicU32 = AtomicU32::new(0);
static IS_WATCHED: AtomicBool = AtomicBool::new(false);

/// The current tick.
#[inline]
pub(crate) fn now() -> u32 {
    TICK.load(Ordering::Relaxed)
}

/// Whether the monitor exists: true while long calls run, and for about a second after.
pub fn is_watched() -> bool {
    IS_WATCHED.load(Ordering::SeqCst)
}

/// While one exists the tick moves, so that calls which may run long can be stopped.
///
/// Entering and leaving cost an atomic addition each; the first to enter after a pause also starts the monitor.
///
/// ```
/// let long_call = ungil_rt::LongCall::enter();
/// assert!(ungil_rt::tick::is_watched());
/// drop(long_call);
/// ```
#[derive(Debug)]
#[must_use = "the call is watched only while this exists"]
pub struct LongCall {
    /// The process that entered: a forked child has forgotten its parent's calls.
    generation: u32,
}

impl LongCall {
    /// Begins a call that may run long.
    #[inline]
    pub fn enter() -> Self {
        let generation = fork::generation();
        // SeqCst with the load below: pairs with `may_end`, see the module's docs.
        N_LONG.fetch_add(1, Ordering::SeqCst);
        if !IS_WATCHED.load(Ordering::SeqCst) {
            start_monitor();
        }
        Self { generation }
    }
}

impl Drop for LongCall {
    #[inline]
    fn drop(&mut self) {
        if self.generation == fork::generation() {
            // Relaxed: the monitor only counts; it may see this late and tick once more.
            N_LONG.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

/// In a forked child: there is no monitor, and the parent's calls are not ours.
pub(crate) fn forget() {
    N_LONG.store(0, Ordering::SeqCst);
    IS_WATCHED.store(false, Ordering::SeqCst);
}

#[cold]
fn start_monitor() {
    fork::prepare();
    if IS_WATCHED.swap(true, Ordering::SeqCst) {
        return;
    }
    let started = thread::Builder::new().name("ungil-monitor".into()).stack_size(MONITOR_STACK).spawn(watch);
    if started.is_err() {
        // No thread to be had: this call runs unwatched, and the next one tries again.
        IS_WATCHED.store(false, Ordering::SeqCst);
    }
}

fn watch() {
    signals::block();
    let mut n_idle = 0;
    loop {
        thread::sleep(PERIOD);
        TICK.fetch_add(1, Ordering::Relaxed);
        n_idle = if N_LONG.load(Ordering::Relaxed) == 0 { n_idle + 1 } else { 0 };
        if n_idle >= IDLE_PERIODS {
            if may_end() {
                return;
            }
            n_idle = 0;
        }
    }
}

/// Gives up the monitor's role, unless a call has entered meanwhile that nobody else watches.
fn may_end() -> bool {
    IS_WATCHED.store(false, Ordering::SeqCst);
    // SeqCst on both: pairs with `LongCall::enter`, see the module's docs.
    N_LONG.load(Ordering::SeqCst) == 0 || IS_WATCHED.swap(true, Ordering::SeqCst)
}
