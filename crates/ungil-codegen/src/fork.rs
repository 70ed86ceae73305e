//! Keeps LLVM usable in a forked child.
//!
//! A child inherits memory but only the thread that forked, so a lock that another thread held would stay locked for
//! ever, and what it guards could be half changed: LLVM's own locks and the loader's. So whatever enters LLVM says so,
//! and a fork waits until nobody is inside. Compiling takes some ten milliseconds, and nothing inside waits for a lock
//! of the host's, so neither does a fork wait long nor can it wait for ever.

use std::cell::UnsafeCell;
use std::sync::Once;

/// The lock: held shared inside LLVM, exclusively around a fork.
///
/// A static because the handlers of a fork take no argument.
struct Gate(UnsafeCell<libc::pthread_rwlock_t>);

// SAFETY: the lock is made to be used by many threads; nothing else reaches the cell.
unsafe impl Sync for Gate {}

static GATE: Gate = Gate(UnsafeCell::new(libc::PTHREAD_RWLOCK_INITIALIZER));

/// Runs `work`, which may enter LLVM; a fork waits until it is done.
///
/// `work` must neither fork nor wait for a thread that might.
pub(crate) fn inside<R>(work: impl FnOnce() -> R) -> R {
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
    // SAFETY: the lock is initialised and never moved or destroyed.
    let status = unsafe { libc::pthread_rwlock_rdlock(GATE.0.get()) };
    assert_eq!(status, 0, "more threads inside LLVM than a lock can count");
    let _leave = Leave;
    work()
}

extern "C" fn before_fork() {
    // SAFETY: as in `inside`; this thread is not inside, by the contract of `inside`.
    let status = unsafe { libc::pthread_rwlock_wrlock(GATE.0.get()) };
    debug_assert_eq!(status, 0);
}

extern "C" fn after_in_parent() {
    unlock();
}

extern "C" fn after_in_child() {
    // The lock knows its owner by the thread's number, which the child's is not: so it is made anew.
    // SAFETY: the child has one thread, this one, so nobody uses the lock or waits for it.
    unsafe { *GATE.0.get() = libc::PTHREAD_RWLOCK_INITIALIZER };
}

fn unlock() {
    // SAFETY: this thread holds it.
    let status = unsafe { libc::pthread_rwlock_unlock(GATE.0.get()) };
    debug_assert_eq!(status, 0);
}
