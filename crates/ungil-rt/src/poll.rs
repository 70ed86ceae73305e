//! The poll: how running compiled code learns that it should stop.
//!
//! Generated code compares the tick with its context's `last_tick` at each poll point, and calls [`ungil_rt_poll`] only
//! when they differ: at most once a tick for each thread. Work stops for two reasons: the host has an exception
//! pending (a signal), or a parallel loop around the work no longer wants it (`job.rs`).

use crate::context::{Context, RAISE_INTERRUPTED, RAISE_STOPPED};
use crate::pool::Pool;
use crate::{host, tick};

/// Asks whether to go on: 0 = yes; 1 = stop, with the exception in the context.
///
/// # Safety
///
/// `ctx` is the context that the running compiled code was given.
#[cold]
pub(crate) unsafe extern "C" fn ungil_rt_poll(ctx: *mut Context) -> i32 {
    // SAFETY: the caller passes its own context, which only this thread uses.
    let ctx = unsafe { &mut *ctx };
    i32::from(must_stop(ctx))
}

/// The same at the start of a chunk: polls only when a tick has passed.
#[inline]
pub(crate) fn must_stop_at_tick(ctx: &mut Context) -> bool {
    tick::now() != ctx.last_tick && must_stop(ctx)
}

#[cold]
fn must_stop(ctx: &mut Context) -> bool {
    ctx.last_tick = tick::now();
    if ctx.is_from_outside() && host::current().check_signals() {
        ctx.raise(RAISE_INTERRUPTED);
        return true;
    }
    let Some(work) = &ctx.work else { return false };
    if work.is_unwanted() {
        ctx.raise(RAISE_STOPPED);
        return true;
    }
    // A loop begun alone turns out to take long.
    work.jobs().for_each(|job| Pool::current().post(job));
    false
}
