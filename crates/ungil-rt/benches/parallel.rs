//! What the runtime itself costs: a call's context, a long call, a parallel loop with nothing in it, and how near to
//! the ideal loops of some hundred microseconds come on several threads, even and uneven, with helpers awake and asleep.
//!
//! `cargo bench -p ungil-rt`; figures are the lower deciles of many runs, since whatever else runs only adds.

use std::hint::black_box;
use std::ptr;
use std::thread;
use std::time::{Duration, Instant};

use ungil_rt::threads::{get_num_threads, with_num_threads};
use ungil_rt::{Body, Context, LongCall, parallel};

fn main() {
    let n_threads = get_num_threads();
    println!("{n_threads} threads");
    let _long_call = LongCall::enter();
    let per_call = |f: &dyn Fn()| lower_decile(|| (0..1000).for_each(|_| f()), Duration::ZERO) / 1000.0;
    println!(
        "Context::new                {:9.1} ns",
        per_call(&|| drop(black_box(Context::new(ptr::null()))))
    );
    println!("LongCall::enter and drop    {:9.1} ns", per_call(&|| drop(black_box(LongCall::enter()))));
    println!(
        "empty loop, one thread      {:9.1} ns",
        per_call(&|| with_num_threads(1, || run(nothing, 1_000_000)))
    );
    println!("empty loop                  {:9.1} ns", per_call(&|| run(nothing, 1_000_000)));
    for (name, body, len) in [
        ("even, 30 us", even as Body, 10_000),
        ("even, 300 us", even, 100_000),
        ("even, 3 ms", even, 1_000_000),
        ("growing, 300 us", growing, 800),
        ("falling, 300 us", falling, 800),
    ] {
        for (state, pause) in [("awake", Duration::ZERO), ("asleep", Duration::from_millis(2))] {
            let alone = with_num_threads(1, || lower_decile(|| run(body, len), pause));
            let together = lower_decile(|| run(body, len), pause);
            let (alone_us, together_us) = (alone / 1e3, together / 1e3);
            println!(
                "{name:16} {state:6} {alone_us:8.1} us alone {together_us:8.1} us together: {:.2} times as fast",
                alone / together
            );
        }
    }
}

/// The lower decile of the time of `f` in nanoseconds over 201 runs, each after a pause.
fn lower_decile(f: impl Fn(), pause: Duration) -> f64 {
    let mut times: Vec<_> = (0..201)
        .map(|_| {
            if !pause.is_zero() {
                thread::sleep(pause);
            }
            let start = Instant::now();
            f();
            start.elapsed().as_nanos() as f64
        })
        .collect();
    times.sort_by(f64::total_cmp);
    times[times.len() / 10]
}

fn run(body: Body, len: i64) {
    let mut ctx = Context::new(ptr::null());
    // SAFETY: the bodies below use neither captures nor partial results, and may run on any thread.
    let status =
        unsafe { parallel::ungil_rt_parallel_for(&raw mut ctx, body, ptr::null(), len, ptr::null_mut(), 0) };
    assert_eq!(status, 0);
}

unsafe extern "C" fn nothing(_: *mut Context, _: *const u8, lo: i64, hi: i64, _: *mut u8) -> i32 {
    black_box(hi - lo);
    0
}

unsafe extern "C" fn even(_: *mut Context, _: *const u8, lo: i64, hi: i64, _: *mut u8) -> i32 {
    work(hi - lo);
    0
}

/// The i-th iteration does work in proportion to i.
unsafe extern "C" fn growing(_: *mut Context, _: *const u8, lo: i64, hi: i64, _: *mut u8) -> i32 {
    (lo..hi).for_each(|i| work(i / 4));
    0
}

unsafe extern "C" fn falling(_: *mut Context, _: *const u8, lo: i64, hi: i64, _: *mut u8) -> i32 {
    (lo..hi).for_each(|i| work((800 - i) / 4));
    0
}

/// About three nanoseconds a step, which no optimiser shortens.
fn work(n_steps: i64) {
    let mut x = 1.0_f64;
    for _ in 0..n_steps {
        x = black_box(x * 1.000_001);
    }
}
