//! Futures: of a result and a cancellation one wins, and everybody who waits for the end is told of it once.

use loom::sync::atomic::{AtomicU32, Ordering};
use loom::thread;
use ungil_sync::patience::Patience;
use ungil_sync::waiters::Ticket;

use super::shared;
use crate::completion::{Cancellation, Completion, Monitor};
use crate::group::Group;
use crate::prim::Arc;
use crate::state::State;

type Number = Completion<u32, (), u32>;

/// The worker: begins, and finishes with 7; how many callbacks it was given.
fn work(completion: &Number) -> Option<u32> {
    let (is_wanted, told) = completion.begin(Monitor::NotHeld).unwrap();
    let mut callbacks = told.wake();
    if is_wanted {
        callbacks = completion.finish(Ok(7), Monitor::NotHeld).unwrap().wake();
    }
    is_wanted.then_some(callbacks.len() as u32)
}

#[test]
fn a_result_and_a_cancellation_agree_who_came_first() {
    loom::model(|| {
        let completion: &Number = shared(Completion::new());
        let worker = thread::spawn(|| work(completion).is_some());
        let is_cancelled = match completion.cancel(Monitor::NotHeld).unwrap() {
            Cancellation::Made(told) => {
                told.wake();
                true
            }
            Cancellation::AlreadyMade => panic!("nobody else cancels"),
            Cancellation::TooLate => false,
        };
        let has_worked = worker.join().unwrap();
        assert_ne!(is_cancelled, has_worked);
        let state = if has_worked { State::Finished } else { State::CancelledAndNotified };
        assert_eq!(completion.state(), state);
        assert_eq!(completion.outcome(|outcome| *outcome), has_worked.then_some(Ok(7)));
    });
}

#[test]
fn a_callback_is_called_once_however_near_the_end_it_comes() {
    loom::model(|| {
        let completion: &Number = shared(Completion::new());
        let n_calls: &AtomicU32 = shared(AtomicU32::new(0));
        let worker = thread::spawn(|| {
            let n_given = work(completion).unwrap();
            n_calls.fetch_add(n_given, Ordering::Relaxed);
        });
        if completion.add_callback(1).is_err() {
            n_calls.fetch_add(1, Ordering::Relaxed);
        }
        worker.join().unwrap();
        assert_eq!(n_calls.load(Ordering::Relaxed), 1);
    });
}

#[test]
fn who_waits_sees_the_end_and_the_outcome() {
    loom::model(|| {
        let completion: &Number = shared(Completion::new());
        let patience: &Patience = shared(Patience::new());
        let worker = thread::spawn(|| work(completion));
        completion.wait(&mut Ticket::default(), patience, None).unwrap();
        assert_eq!(completion.outcome(|outcome| *outcome), Some(Ok(7)));
        worker.join().unwrap();
    });
}

#[test]
fn a_wait_that_gives_up_at_the_end_leaves_nothing_behind() {
    loom::model(|| {
        let completion: &Number = shared(Completion::new());
        let patience: &Patience = shared(Patience::new());
        let worker = thread::spawn(|| work(completion));
        let deadline = ungil_sync::deadline_in(std::time::Duration::ZERO);
        let waited = completion.wait(&mut Ticket::default(), patience, deadline);
        if waited.is_ok() {
            assert_eq!(completion.state(), State::Finished);
        }
        worker.join().unwrap();
        completion.wait(&mut Ticket::default(), patience, None).unwrap();
    });
}

#[test]
fn a_group_is_told_once_of_each_of_its_futures() {
    loom::model(|| {
        let pair: &[Number; 2] = shared([Completion::new(), Completion::new()]);
        let group = Arc::new(Group::new());
        let workers = [0, 1].map(|index| thread::spawn(move || work(&pair[index])));
        let n_ended = (0..2).filter(|&index| pair[index].watch(&group, index).is_some()).count();
        group.need(2 - n_ended, false);
        group.wait(&mut Ticket::default(), None).unwrap();
        assert_eq!(group.take().len(), 2 - n_ended);
        for worker in workers {
            worker.join().unwrap();
        }
        assert_eq!(group.take().len(), 0);
    });
}
