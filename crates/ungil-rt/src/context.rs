//! The [`Context`]: what one thread's compiled code knows of the call that it is part of, and the error it reports.
//!
//! Invariants: a context belongs to one thread; it is made by the thread that calls compiled code from outside, or by
//! a helper of a parallel loop for the time it helps. The first three fields are read by generated code at the
//! offsets exported here; everything behind them is private to this crate. `poll.rs` is the place to read next.

use std::ffi::c_void;
use std::mem::offset_of;

use crate::job::Work;
use crate::{stack, tick};

/// The raise id that says: the host holds the exception (an interrupt, or a failure of [`crate::Host::print`]).
pub const RAISE_INTERRUPTED: u32 = u32::MAX;
/// The raise id of a stack that is used up; generated code raises it when its frame lies below the stack limit.
pub const RAISE_RECURSION: u32 = u32::MAX - 1;
/// The raise id of work whose result nobody wants any more; it ends inside the parallel loop and reaches no host.
pub const RAISE_STOPPED: u32 = u32::MAX - 2;

/// Offset in bytes of the `usize` below which the stack pointer must not go.
pub const CONTEXT_STACK_LIMIT: usize = offset_of!(Context, stack_limit);
/// Offset in bytes of the `u32` that holds the tick of this context's last poll.
pub const CONTEXT_LAST_TICK: usize = offset_of!(Context, last_tick);
/// Offset in bytes of the `u32` number of this thread among those that work for the call.
pub const CONTEXT_THREAD_ID: usize = offset_of!(Context, thread_id);

const _: () = assert!(CONTEXT_STACK_LIMIT == 0 && CONTEXT_LAST_TICK == 8 && CONTEXT_THREAD_ID == 12);

/// An exception on its way out of compiled code.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Raised {
    /// Which exception: an id that the compiler gave out, or one of the reserved `RAISE_…`.
    pub raise_id: u32,
    /// The call sites that it has passed, the innermost first.
    pub trace: Vec<u32>,
}

/// What one thread's compiled code knows of the call that it is part of.
///
/// The thread that calls compiled code makes one on its stack and passes its address; making one costs a few
/// nanoseconds and allocates nothing. It must stay on the thread that made it.
///
/// ```
/// let mut ctx = ungil_rt::Context::new(std::ptr::null());
/// let entry: extern "C" fn(*mut ungil_rt::Context) -> i32 = { extern "C" fn ok(_: *mut ungil_rt::Context) -> i32 { 0 } ok };
/// assert_eq!(entry(&mut ctx), 0);
/// assert!(ctx.error().is_none());
/// ```
///
/// ```compile_fail,E0277
/// fn send(_: impl Send) {}
/// send(ungil_rt::Context::new(std::ptr::null()));
/// ```
#[derive(Debug)]
#[repr(C)]
pub struct Context {
    stack_limit: usize,
    /// The tick at which this context polled last; written by polls, read by generated code.
    pub(crate) last_tick: u32,
    thread_id: u32,
    user: *const c_void,
    /// Whether this thread came from outside, so that the host's signals are its to check.
    from_outside: bool,
    /// The chunk of a parallel loop that this thread is working on; none outside of parallel loops.
    pub(crate) work: Option<Work>,
    error: Option<Raised>,
}

impl Context {
    /// A context for a call from outside; `user` is the host's, handed back to it untouched.
    ///
    /// Helper threads of parallel loops hand `user` to the host too, so what it points at must be sharable.
    #[inline]
    pub fn new(user: *const c_void) -> Self {
        Self {
            stack_limit: stack::limit(),
            last_tick: tick::now(),
            thread_id: 0,
            user,
            from_outside: true,
            work: None,
            error: None,
        }
    }

    /// A context for a thread that helps with a parallel loop under the number `thread_id`.
    pub(crate) fn of_helper(user: *const c_void, thread_id: u32) -> Self {
        Self { thread_id, from_outside: false, ..Self::new(user) }
    }

    /// The exception that compiled code has reported: present after an entry returned 1.
    pub fn error(&self) -> Option<&Raised> {
        self.error.as_ref()
    }

    /// Removes the exception and returns it, so that the context can be used for another call.
    pub fn take_error(&mut self) -> Option<Raised> {
        self.error.take()
    }

    /// The host's pointer, as given to [`Context::new`].
    pub fn user(&self) -> *const c_void {
        self.user
    }

    /// This thread's number among those that work for the same call from outside: 0 for the calling thread, and at any
    /// one time distinct and below the number of threads wanted.
    pub fn thread_id(&self) -> u32 {
        self.thread_id
    }

    /// The lowest address that compiled code may let the stack pointer reach on this thread.
    pub fn stack_limit(&self) -> usize {
        self.stack_limit
    }

    pub(crate) fn is_from_outside(&self) -> bool {
        self.from_outside
    }

    /// Reports the exception `raise_id`, with no call site passed yet.
    pub(crate) fn raise(&mut self, raise_id: u32) {
        self.error = Some(Raised { raise_id, trace: Vec::new() });
    }

    /// Reports `raised` as it is.
    pub(crate) fn set_error(&mut self, raised: Raised) {
        self.error = Some(raised);
    }
}

/// Reports the exception `raise_id`; the compiled function then returns 1.
///
/// # Safety
///
/// `ctx` is the context that the running compiled code was given.
#[cold]
pub(crate) unsafe extern "C" fn ungil_rt_raise(ctx: *mut Context, raise_id: u32) {
    // SAFETY: the caller passes its own context, which only this thread uses.
    let ctx = unsafe { &mut *ctx };
    ctx.raise(raise_id);
}

/// Adds the call site `site` to the exception that is passing through it.
///
/// # Safety
///
/// `ctx` is the context that the running compiled code was given.
#[cold]
pub(crate) unsafe extern "C" fn ungil_rt_trace(ctx: *mut Context, site: u32) {
    // SAFETY: the caller passes its own context, which only this thread uses.
    let ctx = unsafe { &mut *ctx };
    if let Some(raised) = &mut ctx.error {
        raised.trace.push(site);
    }
}

#[cfg(test)]
mod tests {
    use std::ptr;

    use super::*;

    #[test]
    fn an_error_collects_the_sites_that_it_passes() {
        let mut ctx = Context::new(ptr::null());
        // SAFETY: the context is ours and lives on this thread.
        unsafe { ungil_rt_trace(&raw mut ctx, 9) };
        assert_eq!(ctx.error(), None);
        // SAFETY: as above.
        unsafe { ungil_rt_raise(&raw mut ctx, 7) };
        for site in [3, 4] {
            // SAFETY: as above.
            unsafe { ungil_rt_trace(&raw mut ctx, site) };
        }
        assert_eq!(ctx.take_error(), Some(Raised { raise_id: 7, trace: vec![3, 4] }));
        assert_eq!(ctx.error(), None);
    }

    #[test]
    fn raising_again_forgets_the_sites_of_the_error_before() {
        let mut ctx = Context::new(ptr::null());
        ctx.set_error(Raised { raise_id: 1, trace: vec![1, 2] });
        ctx.raise(2);
        assert_eq!(ctx.error(), Some(&Raised { raise_id: 2, trace: vec![] }));
    }
}
