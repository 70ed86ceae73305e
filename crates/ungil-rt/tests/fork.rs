//! A forked child goes on: it has its own helpers and its own monitor, whatever its parent's threads were doing.

mod loops;

use std::ptr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use ungil_rt::threads::with_num_threads;
use ungil_rt::{Context, LongCall};

#[test]
fn a_child_forked_amid_parallel_loops_runs_its_own() {
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                while !is_over.load(Ordering::Relaxed) {
                    assert_eq!(sum_on_two_threads(), EXPECTED);
                }
            });
        }
        let statuses: Vec<_> = (0..40).map(|_| status_of_child()).collect();
        is_over.store(true, Ordering::Relaxed);
        assert_eq!(statuses, [0; 40]);
    });
}

const LEN: i64 = 10_000;
const EXPECTED: i64 = LEN * (LEN - 1) / 2;

fn sum_on_two_threads() -> i64 {
    let mut partials = vec![0; 256];
    let mut ctx = Context::new(ptr::null());
    let status = with_num_threads(2, || {
        loops::parallel_for(&mut ctx, LEN, &mut partials, &|_, range, partial: &mut i64| {
            *partial = range.sum();
            Ok(())
        })
    });
    assert_eq!(status, 0);
    partials.iter().sum()
}

/// Forks; in the child sums, meets a helper, and sees the tick move.
fn status_of_child() -> libc::c_int {
    let _long_call = LongCall::enter();
    // SAFETY: the child calls what a forked child may call of this runtime, which is the subject of this test, and the C
    // library's allocator, which is made for it; it ends by `_exit`.
    let pid = unsafe { libc::fork() };
    if pid == 0 {
        // SAFETY: the call has no requirement; a child that hangs is killed.
        unsafe { libc::alarm(30) };
        let is_right = sum_on_two_threads() == EXPECTED && has_a_helper() && has_ticks();
        // SAFETY: the call has no requirement.
        unsafe { libc::_exit(i32::from(!is_right)) };
    }
    assert!(pid > 0, "fork failed");
    let mut status = 0;
    // SAFETY: the process is our child and not waited for yet; the status is ours to write.
    assert_eq!(unsafe { libc::waitpid(pid, &raw mut status, 0) }, pid);
    status
}

/// Two iterations that wait for each other, on two threads.
fn has_a_helper() -> bool {
    let barrier = std::sync::Barrier::new(2);
    let mut ctx = Context::new(ptr::null());
    let status = with_num_threads(2, || {
        loops::parallel_each(&mut ctx, 2, &|_, _| {
            barrier.wait();
            Ok(())
        })
    });
    status == 0
}

/// A new context's last tick is the current one.
fn has_ticks() -> bool {
    let _long_call = LongCall::enter();
    let tick = loops::symbol("ungil_rt_tick") as *const std::sync::atomic::AtomicU32;
    // SAFETY: the address is that of a static atomic.
    let tick = unsafe { &*tick };
    let start = tick.load(Ordering::Relaxed);
    while tick.load(Ordering::Relaxed) == start {
        thread::yield_now();
    }
    true
}
