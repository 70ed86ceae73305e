//! A condition variable, where there is no futex.
//!
//! A signal does not interrupt such a wait, so a wait never lasts longer than [`SLICE`] before it ends as interrupted: the
//! caller looks after signals and waits again. For the same reason a wake that is missed costs a slice at most, which is what a
//! forked child may have to put up with: its parent's other threads may have left the mutex locked, and waits on the condition
//! variable that never end.

use std::ops::Deref;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError, TryLockError};
use std::thread;
use std::time::{Duration, Instant};

use super::{Deadline, WaitResult};

/// How late a signal may be noticed; a guess at what a user at a keyboard does not feel.
const SLICE: Duration = Duration::from_millis(50);

/// How often a thread looks whether the mutex is free, which is held for a few instructions; a guess.
const LOOKS: u32 = 1_000;

/// How long a thread sleeps when the mutex will not be free; a guess.
const NAP: Duration = Duration::from_millis(1);

/// An atomic that a thread can sleep on.
#[derive(Debug)]
pub(crate) struct Word {
    value: AtomicU32,
    /// Held while a sleeper compares and while a waker wakes, so that no wake falls between the two.
    mutex: Mutex<()>,
    condvar: Condvar,
}

impl Word {
    pub(crate) const fn new(value: u32) -> Self {
        Self { value: AtomicU32::new(value), mutex: Mutex::new(()), condvar: Condvar::new() }
    }

    /// Sleeps while the word is `expected`; [`WaitResult::Ready`] when woken, or when it was another number, or for no
    /// reason: the caller looks again.
    pub(crate) fn wait(&self, expected: u32, deadline: Deadline) -> WaitResult {
        let guard = self.lock();
        // Relaxed: the mutex orders it with the waker; the caller's own load is what it acquires by.
        if self.value.load(Ordering::Relaxed) != expected {
            return WaitResult::Ready;
        }
        let left = deadline.map(|at| at.saturating_duration_since(Instant::now()));
        if left.is_some_and(|left| left.is_zero()) {
            return WaitResult::TimedOut;
        }
        let Some(guard) = guard else {
            thread::sleep(left.map_or(NAP, |left| left.min(NAP)));
            return WaitResult::Ready;
        };
        let slice = left.map_or(SLICE, |left| left.min(SLICE));
        let (guard, slept) = self.condvar.wait_timeout(guard, slice).unwrap_or_else(PoisonError::into_inner);
        drop(guard);
        if !slept.timed_out() {
            WaitResult::Ready
        } else if left == Some(slice) {
            WaitResult::TimedOut
        } else {
            WaitResult::Interrupted
        }
    }

    /// Wakes one thread that sleeps on the word.
    pub(crate) fn wake_one(&self) {
        let _guard = self.lock();
        self.condvar.notify_one();
    }

    /// The mutex; none if nobody seems to be there who would unlock it.
    fn lock(&self) -> Option<MutexGuard<'_, ()>> {
        for _ in 0..LOOKS {
            match self.mutex.try_lock() {
                Ok(guard) => return Some(guard),
                Err(TryLockError::Poisoned(poisoned)) => return Some(poisoned.into_inner()),
                Err(TryLockError::WouldBlock) => thread::yield_now(),
            }
        }
        None
    }
}

/// Whether a signal that comes while this thread is awake must not be missed. It is not: no wait lasts longer than a slice.
pub(crate) fn must_not_miss_signals() -> bool {
    false
}

impl Deref for Word {
    type Target = AtomicU32;

    fn deref(&self) -> &AtomicU32 {
        &self.value
    }
}
