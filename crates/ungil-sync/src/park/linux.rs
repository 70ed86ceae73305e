//! The futex: the kernel compares a word and puts the thread to sleep in one step.

use std::cell::Cell;
use std::ops::Deref;
use std::process;
use std::ptr;
use std::sync::atomic::AtomicU32;
use std::time::Instant;

use super::{Deadline, WaitResult};
use crate::fork::generation;

/// An atomic that a thread can sleep on.
#[derive(Debug)]
#[repr(transparent)]
pub(crate) struct Word(AtomicU32);

impl Word {
    pub(crate) const fn new(value: u32) -> Self {
        Self(AtomicU32::new(value))
    }

    /// Sleeps while the word is `expected`; [`WaitResult::Ready`] when woken, or when it was another number, or for no
    /// reason: the caller looks again.
    pub(crate) fn wait(&self, expected: u32, deadline: Deadline) -> WaitResult {
        // Relative, since the clock of `Instant` has no public origin; a caller that is woken computes it anew.
        let left = match deadline {
            None => None,
            Some(at) => match at.checked_duration_since(Instant::now()) {
                Some(left) if !left.is_zero() => Some(libc::timespec {
                    tv_sec: left.as_secs().try_into().unwrap_or(libc::time_t::MAX),
                    tv_nsec: left.subsec_nanos().into(),
                }),
                _ => return WaitResult::TimedOut,
            },
        };
        let timeout = left.as_ref().map_or(ptr::null(), ptr::from_ref);
        // SAFETY: the word is a live, aligned `u32`; the timeout is null or a timespec that outlives the call.
        let status = unsafe {
            libc::syscall(
                libc::SYS_futex,
                self.0.as_ptr(),
                libc::FUTEX_WAIT | libc::FUTEX_PRIVATE_FLAG,
                expected,
                timeout,
            )
        };
        if status == 0 {
            return WaitResult::Ready;
        }
        match std::io::Error::last_os_error().raw_os_error() {
            Some(libc::ETIMEDOUT) => WaitResult::TimedOut,
            Some(libc::EINTR) => WaitResult::Interrupted,
            // EAGAIN: the word was another number already.
            _ => WaitResult::Ready,
        }
    }

    /// Wakes one thread that sleeps on the word.
    pub(crate) fn wake_one(&self) {
        // SAFETY: the kernel uses the address of a live word only to find who sleeps on it.
        unsafe {
            libc::syscall(libc::SYS_futex, self.0.as_ptr(), libc::FUTEX_WAKE | libc::FUTEX_PRIVATE_FLAG, 1);
        }
    }
}

/// Whether a signal that comes while this thread is awake must not be missed, since the next wait would not end by it: in the
/// main thread, which signals to the process come to.
pub(crate) fn must_not_miss_signals() -> bool {
    thread_local! {
        /// The answer, and the generation of processes that it holds for: the thread that forks is the main one of the child.
        static IS_MAIN: Cell<Option<(u32, bool)>> = const { Cell::new(None) };
    }
    let generation = generation();
    match IS_MAIN.get() {
        Some((then, is_main)) if then == generation => is_main,
        _ => {
            // SAFETY: has no conditions.
            let thread = unsafe { libc::gettid() };
            let is_main = u32::try_from(thread) == Ok(process::id());
            IS_MAIN.set(Some((generation, is_main)));
            is_main
        }
    }
}

impl Deref for Word {
    type Target = AtomicU32;

    fn deref(&self) -> &AtomicU32 {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    #[test]
    fn the_thread_that_forks_is_the_main_one_of_the_child() {
        let in_thread = || {
            assert!(!must_not_miss_signals());
            // SAFETY: the child does no more than what is under test, which takes no lock, and ends by `_exit`.
            let pid = unsafe { libc::fork() };
            if pid == 0 {
                let status = i32::from(!must_not_miss_signals());
                // SAFETY: the call has no requirement.
                unsafe { libc::_exit(status) };
            }
            let mut status = 0;
            // SAFETY: the process is our child and not waited for yet; the status is ours to write.
            let waited = unsafe { libc::waitpid(pid, &raw mut status, 0) };
            assert_eq!((waited, status), (pid, 0));
            assert!(!must_not_miss_signals());
        };
        thread::spawn(in_thread).join().unwrap();
    }
}
