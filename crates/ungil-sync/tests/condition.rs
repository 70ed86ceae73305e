//! `Condition`: notifications reach those who wait, in their order, and each reaches one.

mod support;

use std::thread;

use proptest::prelude::*;
use support::{lasts_until_its_deadline, passed, until};
use ungil_sync::{Condition, Lock, WaitResult};

#[test]
fn a_wait_releases_the_lock_and_has_it_again_afterwards() {
    let (lock, condition) = (Lock::new(), Condition::new());
    assert!(lock.try_acquire());
    thread::scope(|scope| {
        scope.spawn(|| {
            assert_eq!(lock.acquire(None), WaitResult::Ready);
            assert_eq!(condition.n_waiters(), 1, "the lock is free since the other waits");
            condition.notify(1);
            lock.release().unwrap();
        });
        assert_eq!(condition.wait(&lock, None), WaitResult::Ready);
    });
    assert!(lock.is_locked());
    assert_eq!(condition.statistics().contentions, 1);
}

#[test]
#[should_panic(expected = "the lock of a condition is held by who waits")]
fn a_wait_without_the_lock_is_a_mistake() {
    let _ = Condition::default().wait(&Lock::new(), None);
}

#[test]
fn a_wait_ends_at_its_deadline_and_not_before() {
    let (lock, condition) = (Lock::new(), Condition::new());
    assert!(lock.try_acquire());
    let result = lasts_until_its_deadline(|deadline| condition.wait(&lock, deadline));
    assert_eq!((result, lock.is_locked(), condition.n_waiters()), (WaitResult::TimedOut, true, 0));
}

#[test]
fn a_notification_before_anybody_waits_is_nobodys() {
    let condition = Condition::new();
    condition.notify(1);
    condition.notify_all();
    assert_eq!(condition.enroll().wait(passed()), WaitResult::TimedOut);
}

#[test]
fn a_notification_after_enrolling_is_not_lost() {
    let condition = Condition::new();
    let waiting = condition.enroll();
    condition.notify(1);
    assert_eq!(waiting.wait(passed()), WaitResult::Ready);
}

#[test]
fn notifications_reach_those_who_came_first() {
    let condition = Condition::new();
    let places: Vec<_> = (0..4).map(|_| condition.enroll()).collect();
    condition.notify(0);
    assert_eq!(condition.n_waiters(), 4);
    condition.notify(2);
    let results: Vec<_> = places.into_iter().map(|place| place.wait(passed())).collect();
    assert_eq!(results, [WaitResult::Ready, WaitResult::Ready, WaitResult::TimedOut, WaitResult::TimedOut]);
}

#[test]
fn reset_after_a_fork_nobody_waits() {
    let condition = Condition::new();
    let waiting = condition.enroll();
    condition.reset_after_fork();
    condition.notify(1);
    assert_eq!((condition.n_waiters(), waiting.wait(passed())), (0, WaitResult::TimedOut));
}

#[test]
fn all_are_notified_at_once() {
    let condition = Condition::new();
    thread::scope(|scope| {
        let waiters: Vec<_> = (0..6).map(|_| scope.spawn(|| condition.enroll().wait(None))).collect();
        until(|| condition.n_waiters() == 6);
        condition.notify_all();
        assert!(waiters.into_iter().all(|waiter| waiter.join().unwrap() == WaitResult::Ready));
    });
}

/// What a place is in the model: waiting, or notified, as one of several or with all others.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Place {
    Waits,
    Chosen,
    All,
}

/// The model: those that hold a place, in the order in which they came.
#[derive(Default)]
struct Model(Vec<Place>);

impl Model {
    fn notify(&mut self, n: usize) {
        let waiting: Vec<_> = self.0.iter_mut().filter(|place| **place == Place::Waits).collect();
        let notified = if n < waiting.len() { Place::Chosen } else { Place::All };
        waiting.into_iter().take(n).for_each(|place| *place = notified);
    }
}

proptest! {
    /// Whoever gives up a place passes on what it was chosen for, and whoever waits in one gets what it was notified of.
    #[test]
    fn places_get_what_they_are_notified_of(steps in prop::collection::vec((0..5_u8, 0..8_usize), 0..80)) {
        let (condition, mut places, mut model) = (Condition::new(), Vec::new(), Model::default());
        for (step, which) in steps {
            match step {
                0 | 1 => {
                    places.push(condition.enroll());
                    model.0.push(Place::Waits);
                }
                2 => {
                    condition.notify(which % 3);
                    model.notify(which % 3);
                }
                3 if which < places.len() => {
                    drop(places.remove(which));
                    if model.0.remove(which) == Place::Chosen {
                        model.notify(1);
                    }
                }
                _ if which < places.len() => {
                    let result = places.remove(which).wait(passed());
                    let place = model.0.remove(which);
                    let expected = if place == Place::Waits { WaitResult::TimedOut } else { WaitResult::Ready };
                    prop_assert_eq!(result, expected);
                }
                _ => {}
            }
            let n_waiting = model.0.iter().filter(|place| **place == Place::Waits).count();
            prop_assert_eq!(condition.n_waiters(), n_waiting);
        }
    }
}
