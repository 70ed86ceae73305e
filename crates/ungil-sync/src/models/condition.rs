//! Conditions: no notification is lost, and none ends two waits.

use loom::thread;

use super::{Guarded, check, check_with, shared, some_deadline};
use crate::{Condition, Lock, WaitResult};

#[test]
fn a_change_under_the_lock_is_noticed() {
    for is_fair in [true, false] {
        check_with(is_fair, || {
            let (lock, condition) = (shared(Lock::new()), shared(Condition::new()));
            let guarded = shared(Guarded::default());
            let waiter = thread::spawn(|| {
                assert_eq!(lock.acquire(None), WaitResult::Ready);
                while guarded.get() == 0 {
                    assert_eq!(condition.wait(lock, None), WaitResult::Ready);
                }
                lock.release().unwrap();
            });
            assert_eq!(lock.acquire(None), WaitResult::Ready);
            guarded.add();
            condition.notify(1);
            lock.release().unwrap();
            waiter.join().unwrap();
        });
    }
}

/// Whoever takes the first one's notification tells the second, so that a lost one leaves the second asleep.
#[test]
fn a_notification_at_the_timeout_is_not_lost() {
    check(|| {
        let condition = shared(Condition::new());
        let (first, second) = (condition.enroll(), condition.enroll());
        let hasty = thread::spawn(move || {
            if first.wait(some_deadline()) == WaitResult::Ready {
                condition.notify(1);
            }
        });
        let patient = thread::spawn(move || second.wait(None));
        condition.notify(1);
        hasty.join().unwrap();
        assert_eq!(patient.join().unwrap(), WaitResult::Ready);
    });
}

#[test]
fn a_notification_at_two_timeouts_ends_one_wait() {
    check(|| {
        let condition = shared(Condition::new());
        let (first, second) = (condition.enroll(), condition.enroll());
        let waits = [first, second].map(|waiting| {
            thread::spawn(move || u32::from(waiting.wait(some_deadline()) == WaitResult::Ready))
        });
        condition.notify(1);
        let n_ready: u32 = waits.into_iter().map(|wait| wait.join().unwrap()).sum();
        assert!(n_ready <= 1);
        assert_eq!(condition.n_waiters(), 0);
    });
}

#[test]
fn two_notifications_end_two_waits() {
    check(|| {
        let condition = shared(Condition::new());
        let (first, second) = (condition.enroll(), condition.enroll());
        let waits = [first, second].map(|waiting| thread::spawn(move || waiting.wait(None)));
        let other = thread::spawn(|| condition.notify(1));
        condition.notify(1);
        other.join().unwrap();
        for wait in waits {
            assert_eq!(wait.join().unwrap(), WaitResult::Ready);
        }
    });
}

#[test]
fn a_place_that_is_given_up_passes_its_notification_on() {
    check(|| {
        let condition = shared(Condition::new());
        let (first, second) = (condition.enroll(), condition.enroll());
        let gives_up = thread::spawn(move || drop(first));
        let waits = thread::spawn(move || second.wait(None));
        condition.notify(1);
        gives_up.join().unwrap();
        assert_eq!(waits.join().unwrap(), WaitResult::Ready);
    });
}

#[test]
fn a_notification_of_all_is_not_passed_on_to_who_comes_later() {
    check(|| {
        let condition = shared(Condition::new());
        let first = condition.enroll();
        let gives_up = thread::spawn(move || drop(first));
        condition.notify_all();
        assert_eq!(condition.enroll().wait(some_deadline()), WaitResult::TimedOut);
        gives_up.join().unwrap();
    });
}
