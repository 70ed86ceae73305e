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

pub(crate) use platform::Word;

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
pub fn deadline_in(timeout: Duration) -> Deadline {
    Instant::now().checked_add(timeout)
}

/// No signal has been stored.
const NONE: u32 = 0;

/// One wait of one thread.
#[derive(Debug)]
pub(crate) struct Parker {
    /// [`NONE`], or the signal. Stored by whoever ends the wait (Release), read by the sleeper (Acquire).
    word: Word,
}

impl Parker {
    pub(crate) fn new() -> Self {
        Self { word: Word::new(NONE) }
    }

    /// The signal, if it has been stored.
    pub(crate) fn signal(&self) -> Option<u32> {
        // Acquire: pairs with `store`, so that the sleeper sees what was done before it was woken.
        Some(self.word.load(Ordering::Acquire)).filter(|signal| *signal != NONE)
    }

    /// Sleeps until a signal has been stored.
    ///
    /// # Errors
    ///
    /// [`WaitResult::TimedOut`] or [`WaitResult::Interrupted`] if that comes first.
    pub(crate) fn park(&self, deadline: Deadline) -> Result<u32, WaitResult> {
        loop {
            if let Some(signal) = self.signal() {
                return Ok(signal);
            }
            match self.word.wait(NONE, deadline) {
                WaitResult::Ready => {}
                ended => return self.signal().ok_or(ended),
            }
        }
    }

    /// Ends the wait, for the reason `signal`, which is not 0; [`Parker::wake`] must follow.
    pub(crate) fn store(&self, signal: u32) {
        debug_assert_ne!(signal, NONE);
        // Release: pairs with `signal`.
        self.word.store(signal, Ordering::Release);
    }

    /// Wakes the sleeper, if it sleeps.
    pub(crate) fn wake(&self) {
        self.word.wake_one();
    }

    /// Makes ready for another wait; only the thread whose wait it is may call it, when nobody else can store a signal.
    pub(crate) fn reset(&self) {
        // Relaxed: the queue through which others come to know of the new wait has its gate between.
        self.word.store(NONE, Ordering::Relaxed);
    }
}
