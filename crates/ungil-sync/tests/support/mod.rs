//! What several test binaries need: waiting until something has come true, deadlines, and threads that are small.

#![allow(dead_code, reason = "each test binary uses a part of it")]

use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use ungil_sync::{Deadline, Event, deadline_in};

/// Looks again until `is_so` holds.
pub(crate) fn until(is_so: impl Fn() -> bool) {
    while !is_so() {
        thread::yield_now();
    }
}

/// A deadline that has passed.
pub(crate) fn passed() -> Deadline {
    deadline_in(Duration::ZERO)
}

/// A thread with a stack that is small enough to have a thousand of them.
pub(crate) fn spawn_small<T: Send + 'static>(run: impl FnOnce() -> T + Send + 'static) -> JoinHandle<T> {
    thread::Builder::new().stack_size(128 << 10).spawn(run).unwrap()
}

/// Calls `wait` with a deadline 20 ms ahead, and checks that it does not end before; how long it lasts is nobody's promise.
pub(crate) fn lasts_until_its_deadline<R>(wait: impl FnOnce(Deadline) -> R) -> R {
    const TIMEOUT: Duration = Duration::from_millis(20);
    let begun = Instant::now();
    let result = wait(deadline_in(TIMEOUT));
    assert!(begun.elapsed() >= TIMEOUT, "ended before its deadline");
    result
}

/// Ends the waits of other threads even if this one panics, so that the test fails and does not hang.
pub(crate) struct SetWhenDropped<'a>(pub(crate) &'a Event);

impl Drop for SetWhenDropped<'_> {
    fn drop(&mut self) {
        self.0.set();
    }
}
