//! A lock that a forked child finds unlocked.
//!
//! A child inherits memory but only the thread that forked, so a lock that another thread held would stay locked for
//! ever and what it guards could be half changed. Around every fork the forking thread takes this lock itself, and
//! both sides release it. There is one such lock, the loader's.

use std::cell::UnsafeCell;
use std::sync::Once;

/// The state of the lock; `pthread_atfork` handlers take no argument, so it is a static.
struct RawLock(UnsafeCell<libc::pthread_mutex_t>);

// SAFETY: the mutex is made to be used by many threads; nothing else reaches the cell.
unsafe impl Sync for RawLock {}

static LOCK: RawLock = RawLock(UnsafeCell::new(libc::PTHREAD_MUTEX_INITIALIZER));

/// Runs `work` with the lock held; a fork waits until it is done.
pub(crate) fn guarded<R>(work: impl FnOnce() -> R) -> R {
    struct Unlock;
    impl Drop for Unlock {
        fn drop(&mut self) {
            unlock();
        }
    }

    static HANDLERS: Once = Once::new();
    HANDLERS.call_once(|| {
        // SAFETY: the handlers are functions that live for ever and touch the static lock alone.
        let status =
            unsafe { libc::pthread_atfork(Some(lock_handler), Some(unlock_handler), Some(unlock_handler)) };
        assert_eq!(status, 0, "pthread_atfork has no memory left");
    });
    lock();
    let _unlock = Unlock;
    work()
}

extern "C" fn lock_handler() {
    lock();
}

extern "C" fn unlock_handler() {
    unlock();
}

fn lock() {
    // SAFETY: the mutex is initialised, is never moved or destroyed, and no caller holds it already.
    let status = unsafe { libc::pthread_mutex_lock(LOCK.0.get()) };
    debug_assert_eq!(status, 0);
}

fn unlock() {
    // SAFETY: this thread holds it, or is the child's copy of the thread that does.
    let status = unsafe { libc::pthread_mutex_unlock(LOCK.0.get()) };
    debug_assert_eq!(status, 0);
}
