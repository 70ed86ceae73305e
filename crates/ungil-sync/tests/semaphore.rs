//! `Semaphore` and `BoundedSemaphore`: a number of permits.

mod support;

use std::thread;

use proptest::prelude::*;
use support::{lasts_until_its_deadline, passed, until};
use ungil_sync::{BoundedSemaphore, ReleasedTooOften, Semaphore, WaitResult};

const MOST: u64 = u64::MAX >> 1;

#[test]
fn it_admits_as_many_as_it_has_permits() {
    let semaphore = Semaphore::new(2);
    assert!(semaphore.try_acquire() && semaphore.try_acquire());
    assert!(!semaphore.try_acquire());
    assert_eq!(lasts_until_its_deadline(|deadline| semaphore.acquire(deadline)), WaitResult::TimedOut);
    semaphore.release(1).unwrap();
    assert_eq!(semaphore.acquire(None), WaitResult::Ready);
    assert_eq!(semaphore.statistics().holder, None);
}

#[test]
fn permits_given_back_end_as_many_waits() {
    let semaphore = Semaphore::new(0);
    thread::scope(|scope| {
        let waiters: Vec<_> = (0..5).map(|_| scope.spawn(|| semaphore.acquire(None))).collect();
        until(|| semaphore.statistics().waiters == 5);
        semaphore.release(3).unwrap();
        until(|| waiters.iter().filter(|waiter| waiter.is_finished()).count() == 3);
        until(|| semaphore.statistics().waiters == 2);
        assert_eq!(semaphore.value(), 0);
        semaphore.release(3).unwrap();
        assert!(waiters.into_iter().all(|waiter| waiter.join().unwrap() == WaitResult::Ready));
    });
    assert_eq!((semaphore.value(), semaphore.statistics().contentions), (1, 5));
}

#[test]
fn no_more_can_be_free_than_can_be_counted() {
    let semaphore = Semaphore::new(u64::MAX);
    assert_eq!(semaphore.value(), MOST);
    assert_eq!(semaphore.release(1), Err(ReleasedTooOften));
    assert!(semaphore.try_acquire());
    assert_eq!(semaphore.release(u64::MAX), Err(ReleasedTooOften));
    assert_eq!(semaphore.release(1), Ok(()));
}

#[test]
fn a_bounded_one_takes_back_no_more_than_it_gave() {
    let semaphore = BoundedSemaphore::new(2);
    assert_eq!(semaphore.release(1), Err(ReleasedTooOften));
    assert!(semaphore.try_acquire());
    assert_eq!(semaphore.release(2), Err(ReleasedTooOften));
    assert_eq!((semaphore.value(), semaphore.initial()), (1, 2));
    assert_eq!(semaphore.release(1), Ok(()));
    assert_eq!(ReleasedTooOften.to_string(), "Semaphore released too many times");
}

/// A permit that is on its way to a waiter is not free, and was not given back too often.
#[test]
fn a_bounded_one_counts_the_permits_of_waiters() {
    let semaphore = BoundedSemaphore::new(1);
    assert_eq!(semaphore.acquire(None), WaitResult::Ready);
    thread::scope(|scope| {
        let waiter = scope.spawn(|| semaphore.acquire(None));
        until(|| semaphore.statistics().waiters == 1);
        assert_eq!(semaphore.release(2), Err(ReleasedTooOften));
        assert_eq!(semaphore.statistics().waiters, 1, "a refused release wakes nobody");
        semaphore.release(1).unwrap();
        assert_eq!(waiter.join().unwrap(), WaitResult::Ready);
    });
    assert_eq!(semaphore.acquire(passed()), WaitResult::TimedOut);
    semaphore.reset_after_fork(9);
    assert_eq!(semaphore.value(), 1);
}

proptest! {
    #[test]
    fn of_one_thread_it_is_a_count(initial in 0..4_u64, steps in prop::collection::vec(0..5_u8, 0..60)) {
        let (free, bounded) = (Semaphore::new(initial), BoundedSemaphore::new(initial));
        let (mut n_free, mut n_bounded) = (initial, initial);
        for step in steps {
            match step {
                0 => {
                    prop_assert_eq!((free.try_acquire(), bounded.try_acquire()), (n_free > 0, n_bounded > 0));
                    (n_free, n_bounded) = (n_free.saturating_sub(1), n_bounded.saturating_sub(1));
                }
                1 => {
                    let ready = [free.acquire(passed()), bounded.acquire(passed())].map(|it| it == WaitResult::Ready);
                    prop_assert_eq!(ready, [n_free > 0, n_bounded > 0]);
                    (n_free, n_bounded) = (n_free.saturating_sub(1), n_bounded.saturating_sub(1));
                }
                n => {
                    let n = u64::from(n) - 1;
                    prop_assert_eq!(free.release(n), Ok(()));
                    n_free += n;
                    let fits = n_bounded + n <= initial;
                    prop_assert_eq!(bounded.release(n).is_ok(), fits);
                    n_bounded += if fits { n } else { 0 };
                }
            }
            prop_assert_eq!((free.value(), bounded.value()), (n_free, n_bounded));
        }
    }
}
