//! Where a stack ends on macOS: the address and the size of the running thread's stack.

/// The lowest address of this thread's stack; none when the system does not say.
pub(super) fn lowest_address() -> Option<usize> {
    // SAFETY: the call has no requirement.
    let this_thread = unsafe { libc::pthread_self() };
    // SAFETY: the thread is the running one, so it exists.
    let highest = unsafe { libc::pthread_get_stackaddr_np(this_thread) };
    // SAFETY: as above.
    let size = unsafe { libc::pthread_get_stacksize_np(this_thread) };
    highest.addr().checked_sub(size)
}
