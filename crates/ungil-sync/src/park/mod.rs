//! Putting a thread to sleep until another wakes it, its deadline passes, or a signal arrives.
//!
//! A [`Parker`] belongs to one wait of one thread. Whoever ends the wait stores a *signal* (a number that says why) and
//! wakes; the sleeper reads the number. The signal is stored once, before or after the sleeper goes to sleep, and is
//! never lost: the platform's wait compares the word before it sleeps.
//!
//! One file a platform: `linux` is the futex, `generic` a condition variable, `model` loom's.

#[cfg(all(target_os = "linux", not(ungil_loom)))]
mod linux;
#[cfg(all(target_os = "linux", not(ungil_loom)))]
use linux as platform;

#[cfg(all(not(target_os = "linux"), not(ungil_loom)))]
mod generic;
#[cfg(all(not(target_os = "linux"), not(ungil_loom)))]
use generic as platform;

#[cfg(ungil_loom)]
mod model;
#[cfg(ungil_loom)]
use model as platform;

use std::time::{Duration, Instant};

pub(crate) use platform::{Word, must_not_miss_signals};

use crate::prim::Ordering;

/// How a wait ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[must_use]
pub enum WaitResult {
    /// What was waited for is there, and belongs to the caller.
    Ready,
    /// The deadline passed first.
    TimedOut,
    /// A signal arrived first and this thread ran its handler; the caller may look after it and wait again.
    ///
    /// A handler that was installed with `SA_RESTART` does not end a wait without a deadline. Those of Python are not.
    Interrupted,
}

/// When a wait gives up; none for never.
pub type Deadline = Option<Instant>;

/// The deadline that lies `timeout` ahead; never, if that is further than the clock reaches.
///
/// A wait does not end before its deadline, and as soon after it as the system lets the thread run.
pub fn deadline_in(timeout: Duration) -> Deadline {
    Instant::now().checked_add(timeout)
}

/// No signal has been stored, and the waiter does not sleep.
const NONE: u32 = 0;
/// No signal has been stored, and the waiter sleeps, or is about to.
const ASLEEP: u32 = u32::MAX;

/// One wait of one thread.
#[derive(Debug)]
pub(crate) struct Parker {
    /// [`NONE`], [`ASLEEP`], or the signal. Changed from the first to the second by the waiter, and once to the signal by
    /// whoever ends the wait, who so learns whether there is a thread to be woken.
    word: Word,
}

impl Parker {
    pub(crate) fn new() -> Self {
        Self { word: Word::new(NONE) }
    }

    /// The signal, if it has been stored.
    pub(crate) fn signal(&self) -> Option<u32> {
        // Acquire: pairs with `store`, so that the waiter sees what was done before its wait was ended.
        Some(self.word.load(Ordering::Acquire)).filter(|word| *word != NONE && *word != ASLEEP)
    }

    /// Sleeps until a signal has been stored.
    ///
    /// # Errors
    ///
    /// [`WaitResult::TimedOut`] or [`WaitResult::Interrupted`] if that comes first.
    pub(crate) fn park(&self, deadline: Deadline) -> Result<u32, WaitResult> {
        loop {
            // Relaxed: this and the swap of `store` are changes of one word, of which one comes first; if that is the swap,
            // the signal is found by the load.
            let _ = self.word.compare_exchange(NONE, ASLEEP, Ordering::Relaxed, Ordering::Relaxed);
            if let Some(signal) = self.signal() {
                return Ok(signal);
            }
            match self.word.wait(ASLEEP, deadline) {
                WaitResult::Ready => {}
                ended => return self.signal().ok_or(ended),
            }
        }
    }

    /// Ends the wait, for the reason `signal`; if this returns true, [`Parker::wake`] must follow.
    pub(crate) fn store(&self, signal: u32) -> bool {
        debug_assert!(signal != NONE && signal != ASLEEP);
        // Release: pairs with `signal`.
        self.word.swap(signal, Ordering::Release) == ASLEEP
    }

    /// Wakes the sleeper.
    pub(crate) fn wake(&self) {
        self.word.wake_one();
    }

    /// Makes ready for another wait; only the thread whose wait it is may call it, when nobody else can store a signal.
    pub(crate) fn reset(&self) {
        // Relaxed: the queue through which others come to know of the new wait has its gate between.
        self.word.store(NONE, Ordering::Relaxed);
    }
}
