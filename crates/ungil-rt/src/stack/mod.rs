//! How deep this thread's stack may grow: asked of the system once a thread, then remembered.
//!
//! Generated code of recursive functions compares its frame's address with the limit and raises an exception in time,
//! so that no compiled program can overflow a stack. One file a platform finds where a stack ends.

use std::cell::Cell;

#[cfg(target_os = "linux")]
#[path = "linux.rs"]
mod platform;
#[cfg(target_os = "macos")]
#[path = "macos.rs"]
mod platform;

/// Bytes kept free below the limit: for the frames of compiled functions that do not check, for this runtime, and for
/// the host's callbacks. A guess: ten times what the deepest of these has been seen to take.
const MARGIN: usize = 128 * 1024;

thread_local! {
    /// 0 = not asked yet.
    static LIMIT: Cell<usize> = const { Cell::new(0) };
}

/// The lowest address that the stack pointer of compiled code may reach on this thread.
#[inline]
pub(crate) fn limit() -> usize {
    match LIMIT.get() {
        0 => ask(),
        limit => limit,
    }
}

#[cold]
fn ask() -> usize {
    // Where the system does not say, 1: compiled code then goes on to the guard page, as C does.
    let limit = platform::lowest_address().map_or(1, |lowest| lowest + MARGIN);
    LIMIT.set(limit);
    limit
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    #[test]
    fn the_limit_lies_below_this_frame_and_within_the_stack() {
        // More than any other thread has here: glibc gives a new thread the stack of one that has ended, if it is large enough.
        const SIZE: usize = 64 << 20;
        let remaining = thread::Builder::new()
            .stack_size(SIZE)
            .spawn(|| {
                let local = 0_u8;
                (&raw const local).addr().checked_sub(limit())
            })
            .expect("a thread")
            .join()
            .expect("no panic")
            .expect("the frame lies above the limit");
        assert!(remaining < SIZE, "{remaining}");
        assert!(remaining > SIZE - 2 * MARGIN, "{remaining}");
    }
}
