//! `RLock`: its owner may acquire it again, and nobody else may release it.

mod support;

use std::thread;

use proptest::prelude::*;
use support::{lasts_until_its_deadline, until};
use ungil_sync::wait_graph::Held;
use ungil_sync::{NotOwned, RLock, WaitResult, current_thread};

#[test]
fn another_thread_waits_until_it_is_released_as_often_as_acquired() {
    let lock = RLock::new();
    assert_eq!((lock.acquire(None), lock.acquire(None)), (WaitResult::Ready, WaitResult::Ready));
    thread::scope(|scope| {
        scope.spawn(|| {
            assert!(!lock.is_owned() && lock.is_locked());
            assert!(!lock.try_acquire());
            assert_eq!(lasts_until_its_deadline(|deadline| lock.acquire(deadline)), WaitResult::TimedOut);
        });
    });
    lock.release().unwrap();
    thread::scope(|scope| {
        let waiter = scope.spawn(|| {
            assert_eq!(lock.acquire(None), WaitResult::Ready);
            assert_eq!((lock.is_owned(), lock.depth()), (true, 1));
            lock.release().unwrap();
        });
        until(|| lock.statistics().waiters == 1);
        assert_eq!(lock.statistics().holder, Some(current_thread()));
        lock.release().unwrap();
        waiter.join().unwrap();
    });
    assert_eq!((lock.is_locked(), lock.holder()), (false, None));
}

#[test]
fn only_its_owner_may_release_it() {
    let lock = RLock::default();
    assert_eq!((lock.release(), lock.save()), (Err(NotOwned), Err(NotOwned)));
    assert!(lock.try_acquire());
    thread::scope(|scope| {
        scope.spawn(|| assert_eq!((lock.release(), lock.save()), (Err(NotOwned), Err(NotOwned))));
    });
    assert!(lock.is_owned());
    assert_eq!(NotOwned.to_string(), "cannot release un-acquired lock");
}

#[test]
fn what_was_saved_is_restored_though_another_had_it_meanwhile() {
    let lock = RLock::new();
    for _ in 0..3 {
        assert!(lock.try_acquire());
    }
    let saved = lock.save().unwrap();
    assert_eq!((saved.depth, saved.owner, lock.depth()), (3, Some(current_thread()), 0));
    thread::scope(|scope| {
        scope.spawn(|| {
            assert!(lock.try_acquire());
            lock.release().unwrap();
        });
    });
    assert_eq!(lock.restore(saved, None), WaitResult::Ready);
    assert_eq!((lock.is_owned(), lock.depth()), (true, 3));
}

#[test]
fn a_restoration_waits_until_its_deadline() {
    let lock = RLock::new();
    assert!(lock.try_acquire());
    let saved = lock.save().unwrap();
    thread::scope(|scope| {
        scope.spawn(|| assert!(lock.try_acquire()));
    });
    let result = lasts_until_its_deadline(|deadline| lock.restore(saved, deadline));
    assert_eq!((result, lock.is_owned()), (WaitResult::TimedOut, false));
    lock.reset_after_fork();
    assert_eq!((lock.is_locked(), lock.depth(), lock.holder()), (false, 0, None));
}

proptest! {
    /// The lock of one thread is a number: how often it is acquired.
    #[test]
    fn of_one_thread_it_is_a_count(steps in prop::collection::vec(0..4_u8, 0..60)) {
        let (lock, mut depth, mut saved) = (RLock::new(), 0, None);
        for step in steps {
            match step {
                0 | 1 => {
                    prop_assert!(lock.try_acquire());
                    depth += 1;
                }
                2 => {
                    prop_assert_eq!(lock.release().is_ok(), depth > 0);
                    depth = u64::saturating_sub(depth, 1);
                }
                _ => match saved.take() {
                    None => {
                        let save = lock.save();
                        prop_assert_eq!(save.map(|saved| saved.depth).ok(), (depth > 0).then_some(depth));
                        saved = save.ok();
                        depth = 0;
                    }
                    Some(restore) if depth == 0 => {
                        prop_assert_eq!(lock.restore(restore, None), WaitResult::Ready);
                        depth = restore.depth;
                    }
                    waits => saved = waits,
                },
            }
            prop_assert_eq!((lock.depth(), lock.is_locked(), lock.is_owned()), (depth, depth > 0, depth > 0));
        }
    }
}
