//! `Lock`: one holder at a time, released by anybody.

mod support;

use std::thread;
use std::time::Duration;

use support::{lasts_until_its_deadline, passed, until};
use ungil_sync::wait_graph::Held;
use ungil_sync::{Lock, NotLocked, WaitResult, current_thread, deadline_in};

#[test]
fn it_is_free_at_first_and_again_when_released() {
    let lock = Lock::new();
    assert!(!lock.is_locked());
    assert!(lock.try_acquire());
    assert!(lock.is_locked());
    assert!(!lock.try_acquire(), "it is not re-entrant");
    assert_eq!(lock.release(), Ok(()));
    assert!(!lock.is_locked());
    assert_eq!(lock.acquire(None), WaitResult::Ready);
}

#[test]
fn what_nobody_holds_cannot_be_released() {
    let lock = Lock::default();
    assert_eq!(lock.release(), Err(NotLocked));
    assert!(lock.try_acquire());
    assert_eq!(lock.release(), Ok(()));
    assert_eq!(lock.release(), Err(NotLocked));
    assert!(lock.try_acquire(), "a refused release changes nothing");
    assert_eq!(NotLocked.to_string(), "release unlocked lock");
}

#[test]
fn another_thread_may_release_it() {
    let lock = Lock::new();
    assert!(lock.try_acquire());
    thread::scope(|scope| {
        scope.spawn(|| lock.release().unwrap());
    });
    assert!(lock.try_acquire());
}

#[test]
fn a_wait_ends_at_its_deadline_and_not_before() {
    let lock = Lock::new();
    assert!(lock.try_acquire());
    assert_eq!(lasts_until_its_deadline(|deadline| lock.acquire(deadline)), WaitResult::TimedOut);
    assert_eq!(lock.acquire(passed()), WaitResult::TimedOut);
    assert_eq!(lock.statistics().waiters, 0);
    assert_eq!(lock.release(), Ok(()));
    assert_eq!(lock.acquire(passed()), WaitResult::Ready, "a free lock is acquired however late it is");
}

#[test]
fn a_deadline_may_be_as_far_away_as_the_clock_reaches() {
    let lock = Lock::new();
    assert!(lock.try_acquire());
    assert_eq!(deadline_in(Duration::MAX), None);
    thread::scope(|scope| {
        let waiter = scope.spawn(|| lock.acquire(deadline_in(Duration::from_secs(u64::MAX >> 2))));
        until(|| lock.statistics().waiters == 1);
        lock.release().unwrap();
        assert_eq!(waiter.join().unwrap(), WaitResult::Ready);
    });
}

#[test]
fn it_knows_its_holder_and_who_waits() {
    let lock = Lock::new();
    assert_eq!(lock.statistics(), ungil_sync::Statistics::default());
    assert!(lock.try_acquire());
    assert_eq!(lock.holder(), Some(current_thread()));
    thread::scope(|scope| {
        let waiter = scope.spawn(|| {
            assert_eq!(lock.acquire(None), WaitResult::Ready);
            current_thread()
        });
        until(|| lock.statistics().waiters == 1);
        lock.release().unwrap();
        let waiter = waiter.join().unwrap();
        let statistics = lock.statistics();
        assert_eq!((statistics.holder, statistics.waiters, statistics.contentions), (Some(waiter), 0, 1));
        assert!(statistics.longest_wait > Duration::ZERO);
    });
    lock.release().unwrap();
    assert_eq!(lock.holder(), None);
}

#[test]
fn it_may_be_a_static() {
    static LOCK: Lock = Lock::new();
    assert!(LOCK.try_acquire());
    LOCK.release().unwrap();
}

#[test]
fn reset_after_a_fork_it_is_free() {
    let lock = Lock::new();
    assert!(lock.try_acquire());
    lock.reset_after_fork();
    assert_eq!((lock.is_locked(), lock.holder()), (false, None));
    assert!(lock.try_acquire());
}
