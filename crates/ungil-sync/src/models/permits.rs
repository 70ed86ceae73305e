//! Locks and semaphores: what they guard is ordered, and no wake-up and no permit is lost.

use loom::thread;

use super::{Guarded, check_with, shared, some_deadline};
use crate::waiters::Ticket;
use crate::{Lock, RLock, Semaphore, WaitResult};

/// Both ways of giving a permit back.
const FAIR_AND_UNFAIR: [bool; 2] = [true, false];

fn guarded_by_a_lock(n_threads: u32) -> impl Fn() + Send + Sync {
    move || {
        let (lock, guarded) = (shared(Lock::new()), shared(Guarded::default()));
        let add = move || {
            assert_eq!(lock.acquire(None), WaitResult::Ready);
            guarded.add();
            lock.release().unwrap();
        };
        let others: Vec<_> = (1..n_threads).map(|_| thread::spawn(add)).collect();
        add();
        for other in others {
            other.join().unwrap();
        }
        assert!(lock.try_acquire());
        assert_eq!(guarded.get(), n_threads);
    }
}

#[test]
fn a_lock_admits_one_of_two_threads_at_a_time() {
    for is_fair in FAIR_AND_UNFAIR {
        check_with(is_fair, guarded_by_a_lock(2));
    }
}

#[test]
fn a_lock_admits_one_of_three_threads_at_a_time() {
    for is_fair in FAIR_AND_UNFAIR {
        check_with(is_fair, guarded_by_a_lock(3));
    }
}

#[test]
fn an_rlock_admits_its_owner_again_and_nobody_else() {
    for is_fair in FAIR_AND_UNFAIR {
        check_with(is_fair, || {
            let (lock, guarded) = (shared(RLock::new()), shared(Guarded::default()));
            let add_twice = move || {
                assert_eq!(lock.acquire(None), WaitResult::Ready);
                assert!(lock.try_acquire());
                guarded.add();
                lock.release().unwrap();
                guarded.add();
                lock.release().unwrap();
            };
            let other = thread::spawn(add_twice);
            add_twice();
            other.join().unwrap();
            assert_eq!((guarded.get(), lock.depth()), (4, 0));
        });
    }
}

/// The wait that times out was woken for the permit that the other waits for.
#[test]
fn a_timeout_at_the_release_leaves_the_permit_to_who_waits_on() {
    for is_fair in FAIR_AND_UNFAIR {
        check_with(is_fair, || {
            let lock = shared(Lock::new());
            assert!(lock.try_acquire());
            let hasty = thread::spawn(move || {
                if lock.acquire(some_deadline()) == WaitResult::Ready {
                    lock.release().unwrap();
                }
            });
            let patient = thread::spawn(move || {
                assert_eq!(lock.acquire(None), WaitResult::Ready);
                lock.release().unwrap();
            });
            lock.release().unwrap();
            hasty.join().unwrap();
            patient.join().unwrap();
            assert!(lock.try_acquire());
            assert_eq!(lock.statistics().waiters, 0);
        });
    }
}

/// A wait that ends and goes on with its ticket, as one that is interrupted does: what comes in between goes to who waits, or stays.
#[test]
fn a_wait_that_leaves_and_comes_back_loses_no_permit() {
    for is_fair in FAIR_AND_UNFAIR {
        check_with(is_fair, || {
            let lock = shared(Lock::new());
            assert!(lock.try_acquire());
            let comes_back = thread::spawn(move || {
                let mut ticket = Ticket::default();
                let ended = lock.acquire_with(&mut ticket, some_deadline());
                if ended != WaitResult::Ready {
                    assert_eq!(lock.acquire_with(&mut ticket, None), WaitResult::Ready);
                }
                lock.release().unwrap();
            });
            let waits = thread::spawn(move || {
                assert_eq!(lock.acquire(None), WaitResult::Ready);
                lock.release().unwrap();
            });
            lock.release().unwrap();
            comes_back.join().unwrap();
            waits.join().unwrap();
            assert!(lock.try_acquire());
            assert_eq!(lock.statistics().waiters, 0);
        });
    }
}

#[test]
fn of_two_timeouts_at_a_release_at_most_one_has_the_permit() {
    for is_fair in FAIR_AND_UNFAIR {
        check_with(is_fair, || {
            let semaphore = shared(Semaphore::new(0));
            let take = move || u64::from(semaphore.acquire(some_deadline()) == WaitResult::Ready);
            let (one, two) = (thread::spawn(take), thread::spawn(take));
            semaphore.release(1).unwrap();
            let n_taken = one.join().unwrap() + two.join().unwrap();
            assert_eq!(n_taken + semaphore.value(), 1);
            assert_eq!(semaphore.statistics().waiters, 0);
        });
    }
}

#[test]
fn two_permits_given_back_at_once_end_two_waits() {
    for is_fair in FAIR_AND_UNFAIR {
        check_with(is_fair, || {
            let semaphore = shared(Semaphore::new(0));
            let take = move || assert_eq!(semaphore.acquire(None), WaitResult::Ready);
            let (one, two) = (thread::spawn(take), thread::spawn(take));
            semaphore.release(2).unwrap();
            one.join().unwrap();
            two.join().unwrap();
            assert_eq!(semaphore.value(), 0);
        });
    }
}

/// Two that give back see one another's waiters, or none.
#[test]
fn two_permits_given_back_one_by_one_end_two_waits() {
    for is_fair in FAIR_AND_UNFAIR {
        check_with(is_fair, || {
            let semaphore = shared(Semaphore::new(0));
            let give = move || semaphore.release(1).unwrap();
            let take = move || assert_eq!(semaphore.acquire(None), WaitResult::Ready);
            let (giver, taker) = (thread::spawn(give), thread::spawn(take));
            give();
            take();
            giver.join().unwrap();
            taker.join().unwrap();
            assert_eq!(semaphore.value(), 0);
        });
    }
}
