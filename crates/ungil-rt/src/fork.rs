//! What a forked child does with this runtime: it forgets the threads that only its parent has.
//!
//! A fork copies the memory but only the forking thread. In the child the pool, its locks and the monitor are in
//! whatever state the other threads left them in, so the child touches none of it: it drops the references (leaking
//! what they led to) and builds anew what it needs. For that, nothing here waits on process-wide locks: process-wide
//! state is atomics, and everything with a lock hangs on a pointer that the child forgets.
//!
//! Limitation: a host callback that forks inside a parallel loop must not return into the loop in the child, since the
//! helpers that hold a part of its iterations do not exist there.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use crate::{pool, tick};

/// How many forks lie between the first process and this one.
///
/// Relaxed: written only in the child's handler, before the child has a second thread.
static GENERATION: AtomicU32 = AtomicU32::new(0);

/// Whether the handler is registered. Not a `Once`: a fork in the middle of one would leave it locked in the child.
static IS_REGISTERED: AtomicBool = AtomicBool::new(false);

/// Makes sure that children forget; called before the first thread of ours is started.
///
/// Two threads may both register; the handler does no harm twice.
pub(crate) fn prepare() {
    // Relaxed: whoever reads true needs nothing else that the registering thread wrote.
    if !IS_REGISTERED.load(Ordering::Relaxed) {
        // SAFETY: the handler only stores to atomics, which a child may do between fork and exec.
        let status = unsafe { libc::pthread_atfork(None, None, Some(forget)) };
        // The one documented failure is lack of memory; then the next parallel loop tries again.
        IS_REGISTERED.store(status == 0, Ordering::Relaxed);
    }
}

/// Tells a process from the ones that forked it.
pub(crate) fn generation() -> u32 {
    GENERATION.load(Ordering::Relaxed)
}

extern "C" fn forget() {
    GENERATION.fetch_add(1, Ordering::Relaxed);
    pool::forget();
    tick::forget();
}
