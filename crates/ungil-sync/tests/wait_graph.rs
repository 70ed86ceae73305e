//! Who waits for whom: cycles are seen by the thread that closes them.

mod support;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;

use support::{SetWhenDropped, until};
use ungil_sync::wait_graph::{Cycle, Held, is_waiting, recorded};
use ungil_sync::{Event, Lock, RLock, ThreadId, WaitResult, current_thread};

/// Another thread that acquires `held`, and then waits for `wanted` on record until `may_end`.
fn waits_in_another_thread<R>(
    held: &Lock,
    (wanted, name): (&(dyn Held + Sync), usize),
    meanwhile: impl FnOnce(ThreadId) -> R,
) -> R {
    let (is_on_record, may_end) = (Event::new(), Event::new());
    thread::scope(|scope| {
        let waiter = scope.spawn(|| {
            assert_eq!(held.acquire(None), WaitResult::Ready);
            recorded(wanted, name, |wait| {
                assert!(wait.cycle(|_| {}).is_none(), "the cycle is not closed yet");
                is_on_record.set();
                assert_eq!(may_end.wait(None), WaitResult::Ready);
            });
            held.release().unwrap();
        });
        assert_eq!(is_on_record.wait(None), WaitResult::Ready);
        let thread = held.holder().unwrap();
        assert!(is_waiting(thread));
        let result = {
            let _ends = SetWhenDropped(&may_end);
            meanwhile(thread)
        };
        waiter.join().unwrap();
        assert!(!is_waiting(thread));
        result
    })
}

/// The cycle that this thread would close by waiting for `wanted`.
fn cycle_of(wanted: &Lock, name: usize) -> Option<Cycle> {
    recorded(wanted, name, |wait| {
        let mut n_seen = 0;
        let cycle = wait.cycle(|_| n_seen += 1);
        assert_eq!(n_seen, cycle.as_ref().map_or(0, |cycle| cycle.waits().len()));
        cycle
    })
}

fn names(cycle: &Cycle) -> Vec<(ThreadId, usize)> {
    cycle.waits().iter().map(|wait| (wait.thread, wait.lock)).collect()
}

#[test]
fn a_lock_that_its_holder_waits_for_is_a_cycle_of_one() {
    let lock = Lock::new();
    assert!(cycle_of(&lock, 1).is_none(), "nobody holds it");
    assert!(lock.try_acquire());
    assert_eq!(names(&cycle_of(&lock, 1).unwrap()), [(current_thread(), 1)]);
    assert!(!is_waiting(current_thread()));
}

#[test]
fn two_threads_that_wait_for_each_other_are_a_cycle() {
    let (mine, theirs) = (RLock::new(), Lock::new());
    assert!(mine.try_acquire());
    waits_in_another_thread(&theirs, (&mine, 1), |other| {
        let cycle = cycle_of(&theirs, 2).unwrap();
        assert_eq!(names(&cycle), [(current_thread(), 2), (other, 1)]);
    });
    assert!(cycle_of(&theirs, 2).is_none(), "the other has released it");
}

#[test]
fn so_are_three() {
    let (first, second, third) = (Lock::new(), Lock::new(), Lock::new());
    assert!(first.try_acquire());
    waits_in_another_thread(&second, (&first, 1), |of_second| {
        waits_in_another_thread(&third, (&second, 2), |of_third| {
            let cycle = cycle_of(&third, 3).unwrap();
            assert_eq!(names(&cycle), [(current_thread(), 3), (of_third, 2), (of_second, 1)]);
        });
    });
}

#[test]
fn a_chain_that_ends_is_no_cycle() {
    let (first, second, third) = (Lock::new(), Lock::new(), Lock::new());
    assert!(third.try_acquire());
    waits_in_another_thread(&second, (&first, 1), |_| {
        assert!(cycle_of(&second, 2).is_none(), "nobody holds the first");
    });
    waits_in_another_thread(&first, (&third, 3), |_| {
        waits_in_another_thread(&second, (&first, 1), |_| {
            let me = thread::scope(|scope| scope.spawn(|| cycle_of(&second, 2)).join().unwrap());
            assert!(me.is_none(), "the holder of the third does not wait");
        });
    });
}

/// A chain may lead into a cycle that is others' business, and must not be followed for ever.
#[test]
fn a_cycle_of_others_is_not_ours() {
    let locks = [Lock::new(), Lock::new()];
    let looked = [Event::new(), Event::new(), Event::new()];
    thread::scope(|scope| {
        for me in 0..2 {
            let (locks, looked) = (&locks, &looked);
            scope.spawn(move || {
                assert!(locks[me].try_acquire());
                looked[me].set();
                assert_eq!(looked[1 - me].wait(None), WaitResult::Ready);
                recorded(&locks[1 - me], 0, |_| assert_eq!(looked[2].wait(None), WaitResult::Ready));
            });
        }
        let _ends = SetWhenDropped(&looked[2]);
        let holders = || locks.each_ref().map(|lock| lock.holder().is_some_and(is_waiting));
        until(|| holders() == [true; 2]);
        assert!(cycle_of(&locks[0], 1).is_none());
    });
}

#[test]
fn a_cycle_is_the_same_until_one_of_its_waits_ends() {
    let (mine, theirs) = (Lock::new(), Lock::new());
    assert!(mine.try_acquire());
    let (one, two) = waits_in_another_thread(&theirs, (&mine, 1), |_| {
        recorded(&theirs, 2, |wait| {
            let one = wait.cycle(|_| {}).unwrap();
            assert!(one.is_same(&wait.cycle(|_| {}).unwrap()));
            one
        });
        let two = cycle_of(&theirs, 2).unwrap();
        (cycle_of(&theirs, 2).unwrap(), two)
    });
    assert_eq!(names(&one), names(&two));
    assert!(!one.is_same(&two), "this thread has waited twice");
}

#[test]
fn a_wait_within_a_wait_hides_it_until_it_ends() {
    let (outer, inner) = (Lock::new(), Lock::new());
    assert!(outer.try_acquire());
    recorded(&outer, 1, |wait| {
        assert!(wait.cycle(|_| {}).is_some());
        recorded(&inner, 2, |inner| assert!(inner.cycle(|_| {}).is_none()));
        assert_eq!(names(&wait.cycle(|_| {}).unwrap()), [(current_thread(), 1)]);
        let panics = || recorded(&inner, 2, |_| panic!("in a wait within a wait"));
        assert!(catch_unwind(AssertUnwindSafe(panics)).is_err());
        assert_eq!(names(&wait.cycle(|_| {}).unwrap()), [(current_thread(), 1)]);
    });
    assert!(!is_waiting(current_thread()));
}
