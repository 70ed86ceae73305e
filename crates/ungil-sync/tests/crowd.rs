//! A thousand threads wait at once for each primitive, and all of them are let go.

mod support;

use std::sync::Arc;
use std::thread::JoinHandle;

use support::{spawn_small, until};
use ungil_sync::{Barrier, Condition, Event, Lock, RLock, Semaphore, Statistics, WaitResult};

const N: usize = 1_000;

/// A thousand threads that run `wait`, once all of them wait.
fn crowd<P: Send + Sync + 'static>(
    primitive: &Arc<P>,
    statistics: impl Fn(&P) -> Statistics,
    wait: impl Fn(&P) -> WaitResult + Clone + Send + 'static,
) -> Vec<JoinHandle<WaitResult>> {
    let threads = (0..N)
        .map(|_| {
            let (primitive, wait) = (Arc::clone(primitive), wait.clone());
            spawn_small(move || wait(&primitive))
        })
        .collect();
    until(|| statistics(primitive).waiters == N);
    threads
}

fn all_are_ready(threads: Vec<JoinHandle<WaitResult>>) {
    assert!(threads.into_iter().all(|thread| thread.join().unwrap() == WaitResult::Ready));
}

#[test]
fn at_a_lock() {
    let lock = Arc::new(Lock::new());
    assert!(lock.try_acquire());
    let threads = crowd(&lock, Lock::statistics, |lock| {
        let result = lock.acquire(None);
        lock.release().unwrap();
        result
    });
    lock.release().unwrap();
    all_are_ready(threads);
    assert_eq!((lock.is_locked(), lock.statistics().waiters), (false, 0));
}

#[test]
fn at_an_rlock() {
    let lock = Arc::new(RLock::new());
    assert!(lock.try_acquire());
    let threads = crowd(&lock, RLock::statistics, |lock| {
        let result = lock.acquire(None);
        lock.release().unwrap();
        result
    });
    lock.release().unwrap();
    all_are_ready(threads);
}

#[test]
fn at_a_semaphore() {
    let semaphore = Arc::new(Semaphore::new(0));
    let threads = crowd(&semaphore, Semaphore::statistics, |semaphore| semaphore.acquire(None));
    semaphore.release(N as u64).unwrap();
    all_are_ready(threads);
    assert_eq!(semaphore.value(), 0);
}

#[test]
fn at_an_event() {
    let event = Arc::new(Event::new());
    let threads = crowd(&event, Event::statistics, |event| event.wait(None));
    event.set();
    all_are_ready(threads);
}

#[test]
fn at_a_condition() {
    let condition = Arc::new(Condition::new());
    let threads = crowd(&condition, Condition::statistics, |condition| condition.enroll().wait(None));
    condition.notify(N / 2);
    condition.notify_all();
    all_are_ready(threads);
}

#[test]
fn at_a_barrier() {
    let barrier = Arc::new(Barrier::new(N + 1));
    let threads = crowd(&barrier, Barrier::statistics, |barrier| {
        barrier.wait(None).map_or(WaitResult::TimedOut, |_| WaitResult::Ready)
    });
    assert_eq!(barrier.wait(None), Ok(N));
    all_are_ready(threads);
}
