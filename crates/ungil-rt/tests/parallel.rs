//! Parallel loops: every iteration once, the same bits for any number of threads, the error of the lowest chunk, loops
//! inside of loops, and calls from many threads at once.

mod loops;

use std::hint::black_box;
use std::ptr;
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;

use loops::{parallel_each, parallel_for};
use proptest::prelude::*;
use ungil_rt::threads::with_num_threads;
use ungil_rt::{Context, Raised};

fn context() -> Context {
    Context::new(ptr::null())
}

/// The sum of terms whose order of addition shows in the last bits.
fn sum(len: i64) -> f64 {
    let mut partials = vec![0.0; 256];
    let status = parallel_for(&mut context(), len, &mut partials, &|_, range, partial: &mut f64| {
        *partial = range.map(|i| 1.0 / (i as f64 + 0.1)).sum();
        Ok(())
    });
    assert_eq!(status, 0);
    partials.iter().sum()
}

#[test]
fn every_iteration_runs_once() {
    for n_threads in [1, 2, 5] {
        for len in [0, 1, 2, 255, 256, 257, 1000, 20_000] {
            let n_runs: Vec<_> = (0..len).map(|_| AtomicU32::new(0)).collect();
            let status = with_num_threads(n_threads, || {
                parallel_each(&mut context(), len, &|_, range| {
                    for i in range {
                        n_runs[i as usize].fetch_add(1, Ordering::Relaxed);
                    }
                    Ok(())
                })
            });
            assert_eq!(status, 0);
            assert!(
                n_runs.iter().all(|n| n.load(Ordering::Relaxed) == 1),
                "{len} iterations, {n_threads} threads"
            );
        }
    }
    assert_eq!(parallel_each(&mut context(), -5, &|_, _| panic!("a negative length has no iterations")), 0);
}

#[test]
fn sums_have_the_same_bits_for_any_number_of_threads() {
    for len in [1, 7, 256, 10_007, 1_000_003] {
        let alone = with_num_threads(1, || sum(len));
        for n_threads in [2, 3, 5, 16] {
            for _ in 0..10 {
                let together = with_num_threads(n_threads, || sum(len));
                assert_eq!(together.to_bits(), alone.to_bits(), "{len} terms, {n_threads} threads");
            }
        }
    }
}

/// Each chunk waits until all threads have one: it ends only when as many helpers as wanted come.
#[test]
fn all_the_threads_wanted_take_part_under_numbers_of_their_own() {
    for n_threads in [2, 5, 3, 9] {
        let barrier = Barrier::new(n_threads as usize);
        let mut ids = [u32::MAX; 256];
        let status = with_num_threads(n_threads, || {
            parallel_for(&mut context(), i64::from(n_threads), &mut ids, &|ctx, _, id: &mut u32| {
                barrier.wait();
                *id = ctx.thread_id();
                Ok(())
            })
        });
        assert_eq!(status, 0);
        let ids = &mut ids[..n_threads as usize];
        ids.sort_unstable();
        assert_eq!(ids, (0..n_threads).collect::<Vec<_>>());
    }
}

#[test]
fn helpers_know_their_callers_number_of_threads_and_their_own_stack() {
    let barrier = Barrier::new(3);
    let status = with_num_threads(3, || {
        parallel_each(&mut context(), 3, &|ctx, _| {
            barrier.wait();
            assert_eq!(ungil_rt::threads::get_num_threads(), 3);
            let local = 0_u8;
            let remaining = (&raw const local).addr().checked_sub(ctx.stack_limit());
            assert!(remaining.is_some_and(|remaining| remaining < 64 << 20));
            Ok(())
        })
    });
    assert_eq!(status, 0);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    #[test]
    fn the_lowest_failing_iteration_wins(
        len in 1..2000_i64,
        failing in proptest::collection::btree_set(0..2000_i64, 1..8),
        n_threads in 1..6_u32,
    ) {
        let n_runs: Vec<_> = (0..len).map(|_| AtomicU32::new(0)).collect();
        let mut ctx = context();
        let status = with_num_threads(n_threads, || parallel_each(&mut ctx, len, &|_, range| {
            for i in range {
                n_runs[i as usize].fetch_add(1, Ordering::Relaxed);
                if failing.contains(&i) {
                    return Err(Some(i as u32));
                }
            }
            Ok(())
        }));
        let lowest = failing.iter().copied().find(|i| *i < len);
        prop_assert_eq!(status, i32::from(lowest.is_some()));
        let expected = lowest.map(|i| Raised { raise_id: i as u32, trace: vec![i as u32] });
        prop_assert_eq!(ctx.take_error(), expected);
        for i in 0..lowest.unwrap_or(len) {
            prop_assert_eq!(n_runs[i as usize].load(Ordering::Relaxed), 1);
        }
    }
}

#[test]
fn a_late_failure_of_a_low_chunk_beats_an_early_one_of_a_high_chunk() {
    for _ in 0..200 {
        let has_high_failed = AtomicBool::new(false);
        let mut ctx = context();
        let status = with_num_threads(2, || {
            parallel_each(&mut ctx, 2, &|_, range| {
                if range.start == 1 {
                    has_high_failed.store(true, Ordering::Release);
                    return Err(Some(1));
                }
                while !has_high_failed.load(Ordering::Acquire) {
                    thread::yield_now();
                }
                Err(Some(0))
            })
        });
        assert_eq!((status, ctx.take_error().map(|raised| raised.raise_id)), (1, Some(0)));
    }
}

#[test]
fn loops_nest_and_no_two_threads_of_a_call_share_a_number() {
    for n_threads in [1, 2, 5] {
        let is_busy: Vec<_> = (0..n_threads).map(|_| AtomicBool::new(false)).collect();
        let mut sums = vec![0_i64; 40];
        let status = with_num_threads(n_threads, || {
            parallel_for(&mut context(), 40, &mut sums, &|ctx, outer, sum: &mut i64| {
                let outer_id = ctx.thread_id();
                let mut partials = vec![0; 256];
                let status = parallel_for(ctx, 300, &mut partials, &|ctx, inner, partial: &mut i64| {
                    let is_mine = &is_busy[ctx.thread_id() as usize];
                    assert!(!is_mine.swap(true, Ordering::Acquire));
                    *partial = inner.map(|j| outer.start * j).sum();
                    black_box(&partial);
                    assert!(is_mine.swap(false, Ordering::Release));
                    Ok(())
                });
                assert_eq!((status, ctx.thread_id()), (0, outer_id));
                *sum = partials.iter().sum();
                Ok(())
            })
        });
        assert_eq!(status, 0);
        assert_eq!(sums, (0..40).map(|i| i * 300 * 299 / 2).collect::<Vec<_>>());
    }
}

#[test]
fn the_error_of_an_inner_loop_is_that_of_a_serial_run() {
    for n_threads in [1, 2, 5] {
        for _ in 0..100 {
            let mut ctx = context();
            let status = with_num_threads(n_threads, || {
                parallel_each(&mut ctx, 30, &|ctx, outer| {
                    let status = parallel_each(ctx, 300, &|_, inner| match (
                        outer.start,
                        inner.contains(&150),
                        inner.contains(&250),
                    ) {
                        (7.., true, _) => Err(Some(1000 * outer.start as u32 + 150)),
                        (7.., _, true) => Err(Some(1000 * outer.start as u32 + 250)),
                        _ => Ok(()),
                    });
                    if status == 0 { Ok(()) } else { Err(None) }
                })
            });
            assert_eq!((status, ctx.take_error().map(|raised| raised.raise_id)), (1, Some(7150)));
        }
    }
}

#[test]
fn many_threads_call_at_once() {
    let expected = with_num_threads(1, || sum(5000));
    let start = Barrier::new(16);
    thread::scope(|scope| {
        for n_threads in 1..=16 {
            let start = &start;
            scope.spawn(move || {
                start.wait();
                for _ in 0..50 {
                    assert_eq!(with_num_threads(n_threads, || sum(5000)).to_bits(), expected.to_bits());
                }
            });
        }
    });
}
