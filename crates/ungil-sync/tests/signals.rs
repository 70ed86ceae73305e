//! A signal whose handler this thread runs interrupts its wait, and loses nothing.
#![cfg(unix)]

mod support;

use std::mem;
use std::ptr;
use std::sync::{Once, OnceLock};
use std::thread;
use std::time::Duration;

use ungil_sync::barrier::Arrival;
use ungil_sync::{
    Barrier, Condition, Event, Lock, RLock, Semaphore, WaitResult, current_thread, deadline_in,
};

/// Has SIGUSR1 run a handler that does nothing, and does not have the interrupted call restarted.
fn install_handler() {
    extern "C" fn handle(_: libc::c_int) {}

    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        // SAFETY: all zeros is a `sigaction` without flags and with an empty mask.
        let mut action: libc::sigaction = unsafe { mem::zeroed() };
        action.sa_sigaction = handle as extern "C" fn(libc::c_int) as libc::sighandler_t;
        // SAFETY: the handler is a function of this signature that does nothing; both pointers are valid or null.
        let status = unsafe { libc::sigaction(libc::SIGUSR1, &raw const action, ptr::null_mut()) };
        assert_eq!(status, 0);
    });
}

/// Runs `wait` in another thread, to which it sends signals until that has ended: one may come before the thread waits, and
/// is lost on it then. Meanwhile `and_then` is done, after some signals.
fn amid_signals<T: Send>(wait: impl FnOnce() -> T + Send, and_then: impl FnOnce()) -> T {
    install_handler();
    let id = OnceLock::new();
    thread::scope(|scope| {
        let thread = scope.spawn(|| {
            id.set(current_thread()).unwrap();
            wait()
        });
        let signal = || {
            // SAFETY: the thread has not been joined, so the id is its own.
            let status = unsafe { libc::pthread_kill(id.wait().get() as libc::pthread_t, libc::SIGUSR1) };
            assert_eq!(status, 0);
            thread::yield_now();
        };
        (0..100).for_each(|_| signal());
        and_then();
        while !thread.is_finished() {
            signal();
        }
        thread.join().unwrap()
    })
}

/// Checks that a wait is interrupted.
fn is_interrupted(wait: impl FnOnce() -> WaitResult + Send) {
    assert_eq!(amid_signals(wait, || {}), WaitResult::Interrupted);
}

#[test]
fn of_a_lock() {
    let lock = Lock::new();
    assert!(lock.try_acquire());
    is_interrupted(|| lock.acquire(None));
    assert_eq!(lock.statistics().waiters, 0);
    lock.release().unwrap();
    assert!(lock.try_acquire(), "who was interrupted has nothing");
}

#[test]
fn of_an_rlock() {
    let lock = RLock::new();
    assert!(lock.try_acquire());
    is_interrupted(|| lock.acquire(None));
    assert!(lock.is_owned());
}

#[test]
fn of_a_semaphore() {
    let semaphore = Semaphore::new(0);
    is_interrupted(|| semaphore.acquire(deadline_in(Duration::from_hours(1))));
    semaphore.release(1).unwrap();
    assert_eq!((semaphore.value(), semaphore.statistics().waiters), (1, 0));
}

#[test]
fn of_an_event() {
    let event = Event::new();
    is_interrupted(|| event.wait(None));
    assert_eq!(event.statistics().waiters, 0);
}

#[test]
fn of_a_condition() {
    let (lock, condition) = (Lock::new(), Condition::new());
    is_interrupted(|| {
        assert!(lock.try_acquire());
        let result = condition.wait(&lock, None);
        lock.release().unwrap();
        result
    });
    assert_eq!(condition.n_waiters(), 0);
}

/// A place outlives the interruption, and so does a notification that comes before the wait goes on.
#[test]
fn of_a_place_at_a_condition() {
    let condition = Condition::new();
    let mut waiting = condition.enroll();
    is_interrupted(|| waiting.wait_on(None));
    assert_eq!(condition.n_waiters(), 1);
    condition.notify(1);
    assert_eq!(waiting.wait_on(None), WaitResult::Ready);
}

#[test]
fn of_one_who_waits_at_a_barrier() {
    let barrier = Barrier::new(2);
    let Ok(Ok(Arrival::Waiting(waiting))) = barrier.arrive() else { panic!("the first of two waits") };
    is_interrupted(|| waiting.wait(None).unwrap_err());
    assert_eq!((barrier.n_waiting(), barrier.is_broken()), (1, false));
    assert_eq!(barrier.wait(None), Ok(1));
    assert_eq!(waiting.wait(None), Ok(Ok(0)));
}

#[test]
fn of_one_who_waits_for_the_end_of_an_action() {
    let barrier = Barrier::new(2);
    let Ok(Ok(Arrival::Waiting(waiting))) = barrier.arrive() else { panic!("the first of two waits") };
    let Ok(Ok(Arrival::Last(last))) = barrier.arrive() else { panic!("the second of two is the last") };
    is_interrupted(|| waiting.wait(support::passed()).unwrap_err());
    assert_eq!((last.let_go(), waiting.wait(None)), (Ok(1), Ok(Ok(0))));
}

/// Who waits for the last round to leave is interrupted too, and `Barrier::wait` goes on all the same.
#[test]
fn of_one_who_waits_outside_of_a_barrier() {
    let barrier = Barrier::new(1);
    let Ok(Ok(Arrival::Last(last))) = barrier.arrive() else { panic!("the first of one is the last") };
    is_interrupted(|| barrier.arrive().unwrap_err());
    let result = amid_signals(|| barrier.wait(None), || assert_eq!(last.let_go(), Ok(0)));
    assert_eq!(result, Ok(0));
}
