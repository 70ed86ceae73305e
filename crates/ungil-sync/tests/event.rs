//! `Event`: a flag to wait for.

mod support;

use std::thread;

use support::{lasts_until_its_deadline, passed, until};
use ungil_sync::{Event, WaitResult};

#[test]
fn it_is_false_at_first_and_follows_set_and_clear() {
    let event = Event::default();
    assert!(!event.is_set());
    assert_eq!(event.wait(passed()), WaitResult::TimedOut);
    for _ in 0..2 {
        event.set();
        event.set();
        assert!(event.is_set());
        assert_eq!(event.wait(None), WaitResult::Ready);
        assert_eq!(event.wait(passed()), WaitResult::Ready, "a set event ends every wait, however late");
        event.clear();
        event.clear();
        assert!(!event.is_set());
    }
}

#[test]
fn a_wait_ends_at_its_deadline_and_not_before() {
    let event = Event::new();
    assert_eq!(lasts_until_its_deadline(|deadline| event.wait(deadline)), WaitResult::TimedOut);
    assert_eq!(event.statistics().waiters, 0);
}

#[test]
fn a_set_ends_all_waits_and_those_after_a_clear_go_on() {
    let event = Event::new();
    thread::scope(|scope| {
        let early: Vec<_> = (0..4).map(|_| scope.spawn(|| event.wait(None))).collect();
        until(|| event.statistics().waiters == 4);
        event.set();
        event.clear();
        let late = scope.spawn(|| event.wait(None));
        assert!(early.into_iter().all(|waiter| waiter.join().unwrap() == WaitResult::Ready));
        until(|| event.statistics().waiters == 1);
        event.set();
        assert_eq!(late.join().unwrap(), WaitResult::Ready);
    });
    assert_eq!((event.statistics().waiters, event.statistics().contentions), (0, 5));
}

#[test]
fn reset_after_a_fork_it_keeps_its_flag() {
    let event = Event::new();
    event.reset_after_fork();
    assert!(!event.is_set());
    event.set();
    event.reset_after_fork();
    assert!(event.is_set());
}
