//! Keeps LLVM usable in a forked child, and lets the process end while a thread compiles.
//!
//! A child inherits memory but only the thread that forked, so a lock that another thread held would stay locked for
//! ever, and what it guards could be half changed: LLVM's own locks and the loader's. So whatever enters LLVM says so,
//! and a fork waits until nobody is inside. Compiling takes some ten milliseconds, and nothing inside waits for a lock
//! of the host's, so neither does a fork wait long nor can it wait for ever.
//!
//! At the end of the process LLVM's global data is destroyed, under the feet of any thread that is inside; handlers of
//! `atexit` come too late, since LLVM registers more of its own while it works. So a program that has such threads calls
//! [`close`] before it ends.

use std::cell::UnsafeCell;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Once, OnceLock};
use std::thread;
use std::time::Duration;

/// The lock: held shared inside LLVM, exclusively around a fork.
///
/// A static because the handlers of a fork take no argument.
struct Gate(UnsafeCell<libc::pthread_rwlock_t>);

// SAFETY: the lock is made to be used by many threads; nothing else reaches the cell.
unsafe impl Sync for Gate {}

static GATE: Gate = Gate(UnsafeCell::new(libc::PTHREAD_RWLOCK_INITIALIZER));

/// Whether somebody waits for the lock exclusively: those who would enter let him go first, since the lock itself would
/// let them pass him for ever.
///
/// Relaxed everywhere: it hurries a waiter and guards nothing.
static WANTED: AtomicBool = AtomicBool::new(false);

/// The thread that has called [`close`], by the number that the C library gives it.
static ENDING: OnceLock<libc::pthread_t> = OnceLock::new();

/// Runs `work`, which may enter LLVM; a fork waits until it is done. Never returns once another thread ends the process.
///
/// `work` must neither fork nor wait for a thread that might. The caller must hold nothing that the ending thread waits
/// for, the interpreter above all.
pub(crate) fn inside<R>(work: impl FnOnce() -> R) -> R {
    match inside_unless_closed(work) {
        Some(result) => result,
        None => loop {
            thread::park();
        },
    }
}

/// As [`inside`], but returns without having run `work` once another thread ends the process.
pub(crate) fn inside_unless_closed<R>(work: impl FnOnce() -> R) -> Option<R> {
    struct Leave;
    impl Drop for Leave {
        fn drop(&mut self) {
            unlock();
        }
    }

    static HANDLERS: Once = Once::new();
    HANDLERS.call_once(|| {
        // SAFETY: the handlers are functions that live for ever and touch the static lock alone.
        let status =
            unsafe { libc::pthread_atfork(Some(before_fork), Some(after_in_parent), Some(after_in_child)) };
        assert_eq!(status, 0, "pthread_atfork has no memory left");
    });
    while WANTED.load(Ordering::Relaxed) {
        thread::sleep(Duration::from_micros(100));
    }
    // SAFETY: the lock is initialised and never moved or destroyed.
    let status = unsafe { libc::pthread_rwlock_rdlock(GATE.0.get()) };
    assert_eq!(status, 0, "more threads inside LLVM than a lock can count");
    let leave = Leave;
    if ENDING.get().is_some_and(|ending| *ending != this_thread()) {
        return None;
    }
    let result = work();
    drop(leave);
    Some(result)
}

/// Waits until no other thread compiles, and keeps all but the calling one from doing so again: they sleep until the
/// process is gone.
///
/// For the thread that ends the process, before it does: code that still runs is not touched, but LLVM is.
pub fn close() {
    before_fork();
    // Only the first caller ends the process.
    let _ = ENDING.set(this_thread());
    unlock();
}

extern "C" fn before_fork() {
    WANTED.store(true, Ordering::Relaxed);
    // SAFETY: as in `inside`; this thread is not inside, by the contract of `inside`.
    let status = unsafe { libc::pthread_rwlock_wrlock(GATE.0.get()) };
    debug_assert_eq!(status, 0);
    WANTED.store(false, Ordering::Relaxed);
}

extern "C" fn after_in_parent() {
    unlock();
}

extern "C" fn after_in_child() {
    // The lock knows its owner by the thread's number, which the child's is not: so it is made anew.
    // SAFETY: the child has one thread, this one, so nobody uses the lock or waits for it.
    unsafe { *GATE.0.get() = libc::PTHREAD_RWLOCK_INITIALIZER };
}

fn this_thread() -> libc::pthread_t {
    // SAFETY: has no conditions.
    unsafe { libc::pthread_self() }
}

fn unlock() {
    // SAFETY: this thread holds it.
    let status = unsafe { libc::pthread_rwlock_unlock(GATE.0.get()) };
    debug_assert_eq!(status, 0);
}
