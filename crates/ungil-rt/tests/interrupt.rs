//! Stopping: a host with an exception pending ends serial code, parallel loops and loops inside of loops, and is asked
//! no second time; work that a failure has made unwanted ends too.

mod loops;

use std::ffi::c_void;
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Barrier, Mutex, MutexGuard, PoisonError};

use loops::{Outcome, parallel_each};
use ungil_rt::threads::with_num_threads;
use ungil_rt::{Context, Host, LongCall, RAISE_INTERRUPTED, set_host};

/// A host whose signal is a flag.
struct Flag;

/// Whether a signal has come; taken by the check, as a host runs its handler once.
static HAS_SIGNAL: AtomicBool = AtomicBool::new(false);
static N_STOPS: AtomicU32 = AtomicU32::new(0);
/// The print statement that fails.
const FAILING_PRINT: u32 = 13;

impl Host for Flag {
    fn check_signals(&self) -> bool {
        let has_signal = HAS_SIGNAL.swap(false, Ordering::AcqRel);
        N_STOPS.fetch_add(u32::from(has_signal), Ordering::Relaxed);
        has_signal
    }

    fn print(&self, _user: *const c_void, print_id: u32, _args: *const u8) -> bool {
        print_id == FAILING_PRINT
    }
}

/// The signal is the process's, so one test at a time may have one.
fn with_host() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let _ = set_host(Box::new(Flag));
    HAS_SIGNAL.store(false, Ordering::Relaxed);
    N_STOPS.store(0, Ordering::Relaxed);
    turn
}

fn raise_id(ctx: &mut Context) -> Option<u32> {
    ctx.take_error().map(|raised| raised.raise_id)
}

/// A poll point as generated code has it: fails when the call shall stop.
fn poll_point(ctx: &mut Context) -> Outcome {
    let tick = loops::symbol("ungil_rt_tick") as *const AtomicU32;
    let last_tick = (&raw const *ctx).wrapping_byte_add(ungil_rt::CONTEXT_LAST_TICK).cast::<u32>();
    // SAFETY: the address is that of a static atomic.
    let now = unsafe { &*tick }.load(Ordering::Relaxed);
    // SAFETY: the offset is that of a `u32` of the context.
    if now == unsafe { *last_tick } {
        return Ok(());
    }
    // SAFETY: the address is that of a function of this type.
    let poll: unsafe extern "C" fn(*mut Context) -> i32 =
        unsafe { std::mem::transmute(loops::symbol("ungil_rt_poll")) };
    // SAFETY: the context is this thread's.
    match unsafe { poll(ctx) } {
        0 => Ok(()),
        _ => Err(None),
    }
}

/// Prints through the host, as generated code does.
fn print(ctx: &mut Context, print_id: u32) -> Outcome {
    // SAFETY: the address is that of a function of this type.
    let print: unsafe extern "C" fn(*mut Context, u32, *const u8) -> i32 =
        unsafe { std::mem::transmute(loops::symbol("ungil_rt_print")) };
    // SAFETY: the context is this thread's; the hosts of the tests read no arguments.
    match unsafe { print(ctx, print_id, std::ptr::null()) } {
        0 => Ok(()),
        _ => Err(None),
    }
}

/// What `while True: pass` does.
fn run_for_ever(ctx: &mut Context) -> Outcome {
    loop {
        poll_point(ctx)?;
    }
}

#[test]
fn a_signal_stops_a_serial_loop() {
    let _turn = with_host();
    let _long_call = LongCall::enter();
    let mut ctx = Context::new(ptr::null());
    HAS_SIGNAL.store(true, Ordering::Release);
    assert!(run_for_ever(&mut ctx).is_err());
    assert_eq!(raise_id(&mut ctx), Some(RAISE_INTERRUPTED));
}

#[test]
fn a_signal_stops_every_thread_of_a_parallel_loop() {
    let _turn = with_host();
    let _long_call = LongCall::enter();
    for n_threads in [1, 2, 5] {
        let n_inside = AtomicU32::new(0);
        let mut ctx = Context::new(ptr::null());
        let status = with_num_threads(n_threads, || {
            parallel_each(&mut ctx, 1_000_000_000_000, &|ctx, _| {
                if n_inside.fetch_add(1, Ordering::Relaxed) + 1 == n_threads {
                    HAS_SIGNAL.store(true, Ordering::Release);
                }
                run_for_ever(ctx)
            })
        });
        assert_eq!((status, raise_id(&mut ctx)), (1, Some(RAISE_INTERRUPTED)));
        assert_eq!(n_inside.load(Ordering::Relaxed), n_threads);
    }
    assert_eq!(N_STOPS.load(Ordering::Relaxed), 3);
}

#[test]
fn a_signal_stops_a_caller_that_waits_for_its_helpers() {
    let _turn = with_host();
    let _long_call = LongCall::enter();
    let barrier = Barrier::new(2);
    let mut ctx = Context::new(ptr::null());
    let status = with_num_threads(2, || {
        parallel_each(&mut ctx, 2, &|ctx, _| {
            barrier.wait();
            if ctx.thread_id() == 0 {
                return Ok(());
            }
            HAS_SIGNAL.store(true, Ordering::Release);
            run_for_ever(ctx)
        })
    });
    assert_eq!((status, raise_id(&mut ctx)), (1, Some(RAISE_INTERRUPTED)));
    assert_eq!(N_STOPS.load(Ordering::Relaxed), 1);
}

#[test]
fn a_signal_stops_loops_inside_of_loops() {
    let _turn = with_host();
    let _long_call = LongCall::enter();
    for n_threads in [1, 2, 5] {
        let n_inside = AtomicU32::new(0);
        let mut ctx = Context::new(ptr::null());
        let status = with_num_threads(n_threads, || {
            parallel_each(&mut ctx, 20, &|ctx, _| {
                let status = parallel_each(ctx, 1000, &|ctx, _| {
                    if n_inside.fetch_add(1, Ordering::Relaxed) + 1 == n_threads {
                        HAS_SIGNAL.store(true, Ordering::Release);
                    }
                    run_for_ever(ctx)
                });
                assert_eq!(status, 1);
                Err(None)
            })
        });
        assert_eq!((status, raise_id(&mut ctx)), (1, Some(RAISE_INTERRUPTED)));
    }
    assert_eq!(N_STOPS.load(Ordering::Relaxed), 3);
}

#[test]
fn a_failure_stops_the_longer_work_of_higher_chunks_and_of_their_loops() {
    let _turn = with_host();
    let _long_call = LongCall::enter();
    let barrier = Barrier::new(2);
    let mut ctx = Context::new(ptr::null());
    let status = with_num_threads(2, || {
        parallel_each(&mut ctx, 2, &|ctx, range| {
            barrier.wait();
            if range.start == 0 {
                return Err(Some(42));
            }
            let status = parallel_each(ctx, 10, &|ctx, _| run_for_ever(ctx));
            assert_eq!(status, 1);
            Err(None)
        })
    });
    assert_eq!((status, raise_id(&mut ctx)), (1, Some(42)));
}

#[test]
fn a_print_that_fails_ends_the_call_with_the_hosts_exception() {
    let _turn = with_host();
    for n_threads in [1, 2, 5] {
        let mut ctx = Context::new(ptr::null());
        let status = with_num_threads(n_threads, || {
            parallel_each(&mut ctx, 100, &|ctx, range| {
                let print_id = if range.contains(&50) { FAILING_PRINT } else { 1 };
                print(ctx, print_id)
            })
        });
        assert_eq!((status, raise_id(&mut ctx)), (1, Some(RAISE_INTERRUPTED)));
    }
}

/// Loops of many chunks are begun by their caller alone; the polls of a chunk that takes long call the helpers.
#[test]
fn helpers_come_to_loops_whose_first_chunk_takes_long() {
    let _turn = with_host();
    let _long_call = LongCall::enter();
    let has_company = AtomicBool::new(false);
    let meet = |ctx: &mut Context, is_first: bool| {
        if !is_first {
            has_company.store(true, Ordering::Release);
        }
        while !has_company.load(Ordering::Acquire) {
            poll_point(ctx)?;
        }
        Ok(())
    };
    let mut ctx = Context::new(ptr::null());
    let status = with_num_threads(2, || {
        parallel_each(&mut ctx, 1000, &|ctx, outer| {
            if outer.start != 0 {
                return meet(ctx, false);
            }
            match parallel_each(ctx, 1000, &|ctx, inner| meet(ctx, inner.start == 0)) {
                0 => Ok(()),
                _ => Err(None),
            }
        })
    });
    assert_eq!((status, raise_id(&mut ctx)), (0, None));
}
