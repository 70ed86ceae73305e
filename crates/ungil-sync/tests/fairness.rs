//! No thread starves: who waits is handed a permit at last, however fast others take and give back.

mod support;

use std::hint::spin_loop;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use support::until;
use ungil_sync::wait_graph::Held;
use ungil_sync::waiters::Ticket;
use ungil_sync::{Lock, Semaphore, WaitResult, current_thread};

/// Twice as long as running threads go first.
const LONG_ENOUGH: Duration = Duration::from_millis(1);

/// Keeps this thread, and those that it starts, on one core.
#[cfg(target_os = "linux")]
fn stay_on_one_core() {
    // SAFETY: the call has no requirement.
    let core = unsafe { libc::sched_getcpu() };
    // SAFETY: all zeros is the empty set.
    let mut cores: libc::cpu_set_t = unsafe { std::mem::zeroed() };
    // SAFETY: the number is that of a core.
    unsafe { libc::CPU_SET(usize::try_from(core).unwrap(), &mut cores) };
    // SAFETY: the set is valid, and of the size that is given.
    let status = unsafe { libc::sched_setaffinity(0, size_of_val(&cores), &raw const cores) };
    assert_eq!(status, 0);
}

/// Has this thread, when it is woken, not interrupt the one that wakes it.
#[cfg(target_os = "linux")]
fn be_polite() {
    let param = libc::sched_param { sched_priority: 0 };
    // SAFETY: the parameter is valid, and what the policy asks for.
    let status = unsafe { libc::sched_setscheduler(0, libc::SCHED_BATCH, &raw const param) };
    assert_eq!(status, 0);
}

// Elsewhere a waiter may be so fast that a permit which is free for all looks like one that was handed over.
#[cfg(not(target_os = "linux"))]
fn stay_on_one_core() {}
#[cfg(not(target_os = "linux"))]
fn be_polite() {}

/// Once others have waited long, gives back, and says whether a permit was still to be had by then.
fn is_free_for_all(
    give_back: impl Fn(),
    try_acquire: impl Fn() -> bool,
    is_waited_for: impl Fn() -> bool,
) -> bool {
    until(is_waited_for);
    let begun = Instant::now();
    while begun.elapsed() < LONG_ENOUGH {
        spin_loop();
    }
    give_back();
    try_acquire()
}

#[test]
fn a_lock_is_handed_to_who_has_waited_long() {
    let lock = Lock::new();
    let may_end = AtomicBool::new(false);
    assert!(lock.try_acquire());
    stay_on_one_core();
    thread::scope(|scope| {
        let waiter = scope.spawn(|| {
            be_polite();
            assert_eq!(lock.acquire(None), WaitResult::Ready);
            until(|| may_end.load(Ordering::Acquire));
            let is_mine = lock.holder() == Some(current_thread());
            lock.release().unwrap();
            is_mine
        });
        let is_free = is_free_for_all(
            || lock.release().unwrap(),
            || lock.try_acquire(),
            || lock.statistics().waiters == 1,
        );
        may_end.store(true, Ordering::Release);
        if is_free {
            lock.release().unwrap();
        }
        assert!(!is_free, "the permit was the waiter's as soon as it was given back");
        assert!(waiter.join().unwrap());
    });
    assert!(lock.try_acquire());
}

/// While nobody has waited long, whoever runs may take what has been given back: the lock is not idle until a waiter has woken.
#[test]
fn a_lock_is_free_for_all_when_nobody_has_waited_long() {
    const TRIES: u32 = 1_000;
    let lock = Lock::new();
    let is_over = AtomicBool::new(false);
    assert!(lock.try_acquire());
    stay_on_one_core();
    thread::scope(|scope| {
        scope.spawn(|| {
            be_polite();
            while !is_over.load(Ordering::Relaxed) {
                assert_eq!(lock.acquire(None), WaitResult::Ready);
                lock.release().unwrap();
            }
        });
        // A try fails if this thread was kept from running meanwhile, until the other had waited long.
        let is_free = (0..TRIES).any(|_| {
            until(|| lock.statistics().waiters == 1);
            lock.release().unwrap();
            let is_free = lock.try_acquire();
            if !is_free {
                assert_eq!(lock.acquire(None), WaitResult::Ready);
            }
            is_free
        });
        is_over.store(true, Ordering::Relaxed);
        lock.release().unwrap();
        assert!(is_free);
    });
}

#[test]
fn who_comes_back_with_its_ticket_is_served_before_who_came_later() {
    let lock = Lock::new();
    let has_left = AtomicBool::new(false);
    let order = Mutex::new(Vec::new());
    assert!(lock.try_acquire());
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut ticket = Ticket::default();
            assert_eq!(lock.acquire_with(&mut ticket, Some(Instant::now())), WaitResult::TimedOut);
            has_left.store(true, Ordering::Release);
            until(|| lock.statistics().waiters == 1);
            assert_eq!(lock.acquire_with(&mut ticket, None), WaitResult::Ready);
            order.lock().unwrap().push("first");
            lock.release().unwrap();
        });
        until(|| has_left.load(Ordering::Acquire));
        scope.spawn(|| {
            assert_eq!(lock.acquire(None), WaitResult::Ready);
            order.lock().unwrap().push("second");
            lock.release().unwrap();
        });
        until(|| lock.statistics().waiters == 2);
        lock.release().unwrap();
    });
    assert_eq!(*order.lock().unwrap(), ["first", "second"]);
}

#[test]
fn of_several_permits_those_who_wait_are_handed_theirs() {
    let semaphore = Semaphore::new(0);
    stay_on_one_core();
    thread::scope(|scope| {
        let waiters = [(); 2].map(|()| {
            scope.spawn(|| {
                be_polite();
                semaphore.acquire(None)
            })
        });
        let is_free = is_free_for_all(
            || semaphore.release(3).unwrap(),
            || semaphore.try_acquire(),
            || semaphore.statistics().waiters == 2,
        );
        assert_eq!((is_free, semaphore.value()), (true, 0), "one of three permits was nobody's");
        assert!(waiters.into_iter().all(|waiter| waiter.join().unwrap() == WaitResult::Ready));
    });
}

/// The greedy thread has the lock all the time but for an instant, and goes on until the other has had it.
#[test]
fn a_thread_that_takes_it_in_a_tight_loop_lets_others_have_it() {
    const TURNS: u32 = 20;
    let lock = Lock::new();
    let n_turns = AtomicU32::new(0);
    thread::scope(|scope| {
        scope.spawn(|| {
            while n_turns.load(Ordering::Relaxed) < TURNS {
                assert_eq!(lock.acquire(None), WaitResult::Ready);
                lock.release().unwrap();
            }
        });
        for _ in 0..TURNS {
            assert_eq!(lock.acquire(None), WaitResult::Ready);
            n_turns.fetch_add(1, Ordering::Relaxed);
            lock.release().unwrap();
        }
    });
}

/// Nobody leaves before everybody has had enough, so that one who starves holds up the test.
#[test]
fn of_eight_greedy_threads_each_has_its_turns() {
    const TURNS: u32 = 50;
    let lock = Lock::new();
    let n_content = AtomicU32::new(0);
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let mut n_turns = 0;
                while n_content.load(Ordering::Relaxed) < 8 {
                    assert_eq!(lock.acquire(None), WaitResult::Ready);
                    lock.release().unwrap();
                    n_turns += 1;
                    if n_turns == TURNS {
                        n_content.fetch_add(1, Ordering::Relaxed);
                    }
                }
            });
        }
    });
}
