//! Loom's stand-in: the model checker chooses when the sleeper goes on.
//!
//! A wait with a deadline ends at once as timed out: since the checker runs the sleeper at every possible moment after it,
//! the deadline passes at every possible moment. Which deadline it is does not matter.

use std::ops::Deref;

use loom::sync::atomic::{AtomicU32, Ordering};
use loom::sync::{Condvar, Mutex};

use super::{Deadline, WaitResult};

/// An atomic that a thread can sleep on.
#[derive(Debug)]
pub(crate) struct Word {
    value: AtomicU32,
    mutex: Mutex<()>,
    condvar: Condvar,
}

impl Word {
    pub(crate) fn new(value: u32) -> Self {
        Self { value: AtomicU32::new(value), mutex: Mutex::new(()), condvar: Condvar::new() }
    }

    pub(crate) fn wait(&self, expected: u32, deadline: Deadline) -> WaitResult {
        let guard = self.mutex.lock().unwrap();
        if self.value.load(Ordering::Relaxed) != expected {
            return WaitResult::Ready;
        }
        if deadline.is_some() {
            return WaitResult::TimedOut;
        }
        drop(self.condvar.wait(guard).unwrap());
        WaitResult::Ready
    }

    pub(crate) fn wake_one(&self) {
        let _guard = self.mutex.lock().unwrap();
        self.condvar.notify_one();
    }
}

/// So that waits sleep at once: what a look would see, a sleeper is woken by.
pub(crate) fn must_not_miss_signals() -> bool {
    true
}

impl Deref for Word {
    type Target = AtomicU32;

    fn deref(&self) -> &AtomicU32 {
        &self.value
    }
}
