//! A parallel loop over a closure, as generated code would call one.

use std::ops::Range;

use ungil_rt::{Context, parallel, symbols};

/// What a chunk's closure says: go on, or fail. `Some(id)` raises `id`, and the error passes the call site of the same
/// number; `None` passes on the error that something it has called has left in the context.
pub(crate) type Outcome = Result<(), Option<u32>>;

/// Runs `body` over `partials`, one a chunk, with the number of iterations `len`; the status of the runtime.
pub(crate) fn parallel_for<P: Send, F>(ctx: &mut Context, len: i64, partials: &mut [P], body: &F) -> i32
where
    F: Fn(&mut Context, Range<i64>, &mut P) -> Outcome + Sync,
{
    assert!(partials.len() as i64 >= symbol_chunk_count(len));
    // SAFETY: the context is this thread's; `run_chunk` takes the closure and partials of these types, which outlive
    // the call; the closure may be called on several threads.
    unsafe {
        parallel::ungil_rt_parallel_for(
            ctx,
            run_chunk::<P, F>,
            (&raw const *body).cast(),
            len,
            partials.as_mut_ptr().cast(),
            size_of::<P>() as i64,
        )
    }
}

/// The same without partial results.
pub(crate) fn parallel_each<F>(ctx: &mut Context, len: i64, body: &F) -> i32
where
    F: Fn(&mut Context, Range<i64>) -> Outcome + Sync,
{
    parallel_for(ctx, len, &mut [(); 256], &|ctx, range, (): &mut ()| body(ctx, range))
}

/// The address of a symbol of the runtime.
pub(crate) fn symbol(name: &str) -> usize {
    symbols().into_iter().find(|(known, _)| *known == name).expect("a symbol of this name").1
}

fn symbol_chunk_count(len: i64) -> i64 {
    // SAFETY: the address is that of a function of this type.
    let chunk_count: extern "C" fn(i64) -> i64 =
        unsafe { std::mem::transmute(symbol("ungil_rt_chunk_count")) };
    chunk_count(len)
}

unsafe extern "C" fn run_chunk<P, F>(
    ctx: *mut Context,
    captures: *const u8,
    lo: i64,
    hi: i64,
    partial: *mut u8,
) -> i32
where
    F: Fn(&mut Context, Range<i64>, &mut P) -> Outcome + Sync,
{
    // SAFETY: `parallel_for` passes the closure, which outlives the loop.
    let body = unsafe { &*captures.cast::<F>() };
    // SAFETY: the runtime passes this chunk's own element of the partial results.
    let partial = unsafe { &mut *partial.cast::<P>() };
    // SAFETY: the runtime passes this thread's context.
    match body(unsafe { &mut *ctx }, lo..hi, partial) {
        Ok(()) => 0,
        Err(None) => 1,
        Err(Some(id)) => {
            for name in ["ungil_rt_raise", "ungil_rt_trace"] {
                // SAFETY: the addresses are those of functions of this type.
                let report: unsafe extern "C" fn(*mut Context, u32) =
                    unsafe { std::mem::transmute(symbol(name)) };
                // SAFETY: the context is this thread's.
                unsafe { report(ctx, id) };
            }
            1
        }
    }
}
