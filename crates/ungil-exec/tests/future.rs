//! Futures as a Rust program uses them: states, callbacks, and waits for several.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use ungil_exec::{
    Executor, Failure, Future, InvalidState, Shutdown, State, Submit, ThreadPool, Until, WaitResult,
    as_completed, deadline_in, wait,
};

type Number = Future<u32, String>;

fn finished(outcome: Result<u32, Failure<String>>) -> Number {
    let future = Number::new();
    assert_eq!(future.begin(), Ok(true));
    future.finish(outcome).unwrap();
    future
}

#[test]
fn a_future_goes_forward_only() {
    let future = Number::new();
    assert_eq!((future.state(), future.is_done()), (State::Pending, false));
    assert_eq!(future.begin(), Ok(true));
    assert_eq!((future.state(), future.cancel()), (State::Running, false));
    assert_eq!(future.begin(), Err(InvalidState(State::Running)));
    future.finish(Ok(1)).unwrap();
    assert_eq!(future.finish(Ok(2)), Err(InvalidState(State::Finished)));
    assert_eq!((future.cancel(), future.result(None)), (false, Ok(1)));
}

#[test]
fn a_cancelled_future_is_not_worked_on() {
    let future = Number::new();
    assert!(future.cancel());
    assert!(future.cancel(), "the second time too");
    assert_eq!((future.state(), future.result(None)), (State::Cancelled, Err(Failure::Cancelled)));
    assert_eq!(future.begin(), Ok(false));
    assert_eq!(future.state(), State::CancelledAndNotified);
    assert_eq!(future.finish(Ok(1)), Err(InvalidState(State::CancelledAndNotified)));
}

#[test]
fn a_wait_ends_in_time() {
    let future = Number::new();
    let soon = || deadline_in(Duration::from_millis(5));
    assert_eq!(future.result(soon()), Err(Failure::TimedOut));
    assert_eq!(future.wait(soon()), Err(WaitResult::TimedOut));
    future.finish(Err(Failure::Failed("no".to_owned()))).unwrap();
    assert_eq!(future.result(soon()), Err(Failure::Failed("no".to_owned())));
}

#[test]
fn callbacks_are_called_in_their_order_and_one_that_panics_keeps_none_from_it() {
    let called = Arc::new(Mutex::new(Vec::new()));
    let future = Number::new();
    for number in 0..4 {
        let called = Arc::clone(&called);
        future.on_done(move |future| {
            assert!(future.is_done());
            called.lock().unwrap().push(number);
            assert_ne!(number, 1, "the one that panics");
        });
    }
    future.finish(Ok(1)).unwrap();
    let last = Arc::clone(&called);
    future.on_done(move |_| last.lock().unwrap().push(4));
    assert_eq!(*called.lock().unwrap(), [0, 1, 2, 3, 4]);
}

#[test]
fn a_wait_for_several_says_which_are_done() {
    let (good, bad, open) = (finished(Ok(1)), finished(Err(Failure::Failed("no".to_owned()))), Number::new());
    let all = || [good.clone(), bad.clone(), open.clone()];
    for until in [Until::FirstCompleted, Until::FirstException] {
        let waited = wait(all(), until, None).unwrap();
        assert_eq!((waited.done.len(), waited.not_done.len()), (2, 1), "{until:?}");
    }
    let waited = wait(all(), Until::AllCompleted, deadline_in(Duration::from_millis(5))).unwrap();
    assert_eq!((waited.done.len(), waited.not_done.len()), (2, 1));
    let ending = thread::spawn({
        let open = open.clone();
        move || {
            thread::sleep(Duration::from_millis(10));
            open.finish(Ok(3)).unwrap();
        }
    });
    let waited = wait(all(), Until::AllCompleted, None).unwrap();
    assert_eq!((waited.done.len(), waited.not_done.len()), (3, 0));
    ending.join().unwrap();
}

#[test]
fn futures_come_as_they_are_done() {
    let futures: Vec<_> = (0..4).map(|_| Number::new()).collect();
    futures[2].finish(Ok(2)).unwrap();
    let mut each = as_completed(futures.clone(), None);
    let mut next = || each.next().map(|future| future.unwrap().result(None).unwrap());
    assert_eq!(next(), Some(2));
    for number in [1, 3, 0] {
        futures[number as usize].finish(Ok(number)).unwrap();
        assert_eq!(next(), Some(number));
    }
    assert_eq!(next(), None);
    let mut hasty = as_completed([Number::new()], deadline_in(Duration::from_millis(5)));
    assert!(matches!(hasty.next(), Some(Err(WaitResult::TimedOut))));
}

#[test]
fn a_cancelled_future_counts_once_its_worker_has_found_it() {
    let future = Number::new();
    let mut each = as_completed([future.clone()], deadline_in(Duration::from_millis(5)));
    future.cancel();
    assert!(matches!(each.next(), Some(Err(WaitResult::TimedOut))));
    assert_eq!(future.begin(), Ok(false));
    assert!(matches!(each.next(), Some(Ok(_))));
    assert!(each.next().is_none());
}

#[test]
fn a_panic_is_a_failure_of_its_task_alone() {
    let pool = ThreadPool::new(1);
    let panics = pool.submit(|| -> Result<u32, String> { panic!("of the test") }).unwrap();
    let returns = pool.submit(|| Ok::<_, String>(1)).unwrap();
    assert_eq!(panics.result(None), Err(Failure::Panicked("of the test".to_owned())));
    assert_eq!(returns.result(None), Ok(1));
}

#[test]
fn a_pool_grows_on_demand_and_uses_idle_threads_again() {
    let pool = ThreadPool::new(3);
    assert_eq!(pool.n_threads(), 0);
    for number in 0..20 {
        assert_eq!(pool.submit(move || Ok::<_, String>(number)).unwrap().result(None), Ok(number));
        // Between a result and the next question, a worker may not be idle yet.
        thread::sleep(Duration::from_millis(2));
    }
    assert_eq!(pool.n_threads(), 1);
    let gate = Arc::new(ungil_sync::Event::new());
    let futures: Vec<_> = (0..10)
        .map(|_| {
            let gate = Arc::clone(&gate);
            pool.submit(move || {
                let _ = gate.wait(None);
                Ok::<_, String>(0)
            })
            .unwrap()
        })
        .collect();
    assert_eq!(pool.n_threads(), 3);
    gate.set();
    pool.shutdown(Shutdown { wait: true, cancel_futures: false });
    assert!(futures.iter().all(|future| future.state() == State::Finished));
    assert_eq!(pool.n_threads(), 0);
    assert!(pool.submit(|| Ok::<_, String>(0)).is_err());
}

#[test]
fn a_shutdown_may_cancel_and_a_drop_lets_finish() {
    let gate = Arc::new(ungil_sync::Event::new());
    let n_run = Arc::new(AtomicU32::new(0));
    let task = || {
        let (gate, n_run) = (Arc::clone(&gate), Arc::clone(&n_run));
        move || {
            let _ = gate.wait(None);
            n_run.fetch_add(1, Ordering::Relaxed);
            Ok::<_, String>(0)
        }
    };
    let pool = ThreadPool::new(1);
    let running = pool.submit(task()).unwrap();
    while running.state() == State::Pending {
        thread::yield_now();
    }
    let pending = pool.submit(task()).unwrap();
    pool.shutdown(Shutdown { wait: false, cancel_futures: true });
    assert_eq!(pending.state(), State::CancelledAndNotified);
    gate.set();
    assert_eq!(running.result(None), Ok(0));
    let pool = ThreadPool::new(1);
    let futures: Vec<_> = (0..5).map(|_| pool.submit(task()).unwrap()).collect();
    drop(pool);
    assert!(futures.iter().all(|future| future.result(None) == Ok(0)));
    assert_eq!(n_run.load(Ordering::Relaxed), 6);
}
