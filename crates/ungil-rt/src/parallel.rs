//! The parallel loop: `ungil_rt_parallel_for`, called by generated code for each `prange`.
//!
//! The calling thread takes part itself; helpers come from a pool of rayon's (`pool.rs`), and `job.rs` says who does
//! what. The chunks, and so the partial results and what generated code makes of them, are the same for any number of
//! threads, one included.
//!
//! # Why nothing deadlocks
//!
//! A caller waits only for helpers that are inside its own loop. A helper inside runs chunks; it waits only when a
//! chunk calls a loop of its own, and then only for the helpers inside of that. Each wait so lies strictly inside
//! the one before, and the innermost waits for threads that run. A loop that no helper comes to is finished by its
//! caller alone.
//!
//! # Why the caller's memory outlives its use
//!
//! Captures and partial results live in the caller's frame. They are reachable only through the job; who finds the job
//! after the caller has taken it off the board finds nothing to claim, and the caller returns only when every helper
//! that was let in before has left.

use std::{hint, thread};

use crate::chunk::Chunks;
use crate::context::Context;
use crate::job::Job;
use crate::pool::Pool;
use crate::{poll, threads, tick};

/// The body of a parallel loop: runs the iterations `lo..hi`, which are one chunk, and writes their partial result.
///
/// It is called on several threads at once, with the context of each, the same captures and each chunk's own `partial`.
/// It returns 0, or 1 with an error in `ctx`.
pub type Body =
    unsafe extern "C" fn(ctx: *mut Context, captures: *const u8, lo: i64, hi: i64, partial: *mut u8) -> i32;

/// How often the caller looks whether the last helpers have left before it sleeps: about ten microseconds, in which
/// they finish a chunk of a short loop.
const N_SPINS: u32 = 400;

/// What generated code asks to be run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Loop {
    pub(crate) chunks: Chunks,
    body: Body,
    captures: *const u8,
    partials: *mut u8,
    partial_size: usize,
}

impl Loop {
    /// Runs one chunk: 0, or 1 with an error in the context.
    ///
    /// # Safety
    ///
    /// `ctx` is this thread's; captures and partial results are those that `ungil_rt_parallel_for` was promised; no
    /// other thread runs the same chunk.
    pub(crate) unsafe fn run(&self, ctx: *mut Context, chunk: i64) -> i32 {
        let (lo, hi) = self.chunks.bounds(chunk);
        let partial = self.partials.wrapping_add(chunk as usize * self.partial_size);
        // SAFETY: the body asks for what this function's caller promises; `partial` is the chunk's own.
        unsafe { (self.body)(ctx, self.captures, lo, hi, partial) }
    }
}

/// Runs `body` over the chunks of `len` iterations: 0, or 1 with the error of the lowest chunk that failed.
///
/// The body of chunk `i` is given `partials + i * partial_size`; there are [`Chunks::count`] chunks. After a failure
/// chunks above it may not have run, and their partial results may not have been written.
///
/// # Safety
///
/// - `ctx` is the context that the running compiled code was given.
/// - `body` may be called on any thread, on several at once, with `captures` and with disjoint partial results.
/// - `captures` is what `body` expects, and stays so until this returns.
/// - `partials` has room for `partial_size` bytes a chunk, and only this call uses it until it returns.
pub unsafe extern "C" fn ungil_rt_parallel_for(
    ctx: *mut Context,
    body: Body,
    captures: *const u8,
    len: i64,
    partials: *mut u8,
    partial_size: i64,
) -> i32 {
    // SAFETY: the caller passes its own context, which only this thread uses.
    let ctx = unsafe { &mut *ctx };
    let task =
        Loop { chunks: Chunks::of(len), body, captures, partials, partial_size: partial_size as usize };
    let n_threads = task.chunks.count().min(threads::get_num_threads().into());
    let is_done = if n_threads <= 1 { run_alone(ctx, task) } else { run_together(ctx, task) };
    i32::from(!is_done)
}

/// Runs the chunks in their order on this thread, up to the first that fails.
fn run_alone(ctx: &mut Context, task: Loop) -> bool {
    (0..task.chunks.count()).all(|chunk| {
        if poll::must_stop_at_tick(ctx) {
            return false;
        }
        // SAFETY: the caller of `ungil_rt_parallel_for` has promised it, and waits; there is no other thread.
        let status = unsafe { task.run(ctx, chunk) };
        status == 0
    })
}

/// Runs the chunks on this thread and on the helpers that come.
fn run_together(ctx: &mut Context, task: Loop) -> bool {
    let job = Job::new(ctx, task, threads::get_num_threads());
    let pool = Pool::current();
    let is_short = job.may_begin_alone() && !pool.has_helper_awake() && job.begin_alone(ctx);
    if !is_short {
        pool.post(&job);
        job.take_part(ctx);
        pool.withdraw(&job);
        wait_for_helpers(ctx, &job);
    }
    match job.take_error() {
        Some(raised) => {
            ctx.set_error(raised);
            false
        }
        None => true,
    }
}

/// Waits until no helper is inside; tells them to stop when this thread is to stop.
fn wait_for_helpers(ctx: &mut Context, job: &Job) {
    for _ in 0..N_SPINS {
        if job.n_inside() == 0 {
            return;
        }
        hint::spin_loop();
    }
    let mut is_stopping = false;
    while job.n_inside() != 0 {
        // The last helper unparks this thread; the timeout is for the polls.
        thread::park_timeout(tick::PERIOD);
        // After one stop no second is asked for: the host would be given two exceptions.
        if !is_stopping && poll::must_stop_at_tick(ctx) {
            is_stopping = true;
            if let Some(raised) = ctx.take_error() {
                job.fail(0, raised);
            }
        }
    }
}
