//! Where a stack ends on Linux: the pthread attributes of the running thread.

use std::mem::MaybeUninit;
use std::ptr;

/// The lowest usable address of this thread's stack, above its guard; none when the system does not say.
pub(super) fn lowest_address() -> Option<usize> {
    let mut attributes = MaybeUninit::<libc::pthread_attr_t>::uninit();
    // SAFETY: the call has no requirement.
    let this_thread = unsafe { libc::pthread_self() };
    // SAFETY: the thread is the running one, so it exists; the attributes are ours to write.
    if unsafe { libc::pthread_getattr_np(this_thread, attributes.as_mut_ptr()) } != 0 {
        return None;
    }
    let (mut address, mut size, mut guard) = (ptr::null_mut(), 0, 0);
    // SAFETY: `pthread_getattr_np` has returned success and so has initialised the attributes; the outputs are ours.
    let stack_status =
        unsafe { libc::pthread_attr_getstack(attributes.as_ptr(), &raw mut address, &raw mut size) };
    // SAFETY: as above.
    let guard_status = unsafe { libc::pthread_attr_getguardsize(attributes.as_ptr(), &raw mut guard) };
    // SAFETY: the attributes are initialised and not used after this.
    unsafe { libc::pthread_attr_destroy(attributes.as_mut_ptr()) };
    // Some versions of the C library count the guard to the stack and some do not; the careful answer leaves it out.
    (stack_status == 0 && guard_status == 0).then(|| address.addr() + guard)
}
