//! `Barrier`: threads that wait for one another.

mod support;

use std::thread;
use std::time::{Duration, Instant};

use support::{lasts_until_its_deadline, passed, until};
use ungil_sync::barrier::{Arrival, Last, Waiting};
use ungil_sync::{Barrier, BrokenBarrier};

fn wait_at(barrier: &Barrier) -> Waiting<'_> {
    match barrier.arrive() {
        Ok(Ok(Arrival::Waiting(waiting))) => waiting,
        other => panic!("{other:?}"),
    }
}

fn last_at(barrier: &Barrier) -> Last<'_> {
    match barrier.arrive() {
        Ok(Ok(Arrival::Last(last))) => last,
        other => panic!("{other:?}"),
    }
}

#[test]
fn of_one_party_nobody_waits() {
    let barrier = Barrier::new(1);
    assert_eq!([barrier.wait(None), barrier.wait(None), barrier.wait(passed())], [Ok(0); 3]);
    assert_eq!((barrier.parties(), barrier.n_waiting()), (1, 0));
}

#[test]
fn each_thread_has_its_number_in_the_order_of_arrival() {
    let barrier = Barrier::new(3);
    let (first, second) = (wait_at(&barrier), wait_at(&barrier));
    assert_eq!((barrier.n_waiting(), barrier.statistics().waiters), (2, 2));
    assert_eq!(last_at(&barrier).let_go(), Ok(2));
    assert_eq!((second.wait(passed()), first.wait(None)), (Ok(Ok(1)), Ok(Ok(0))));
    assert_eq!(barrier.n_waiting(), 0, "those who leave do not wait");
}

#[test]
fn a_wait_that_times_out_breaks_it_for_all() {
    let barrier = Barrier::new(3);
    thread::scope(|scope| {
        let other = scope.spawn(|| barrier.wait(None));
        until(|| barrier.n_waiting() == 1);
        assert_eq!(lasts_until_its_deadline(|deadline| barrier.wait(deadline)), Err(BrokenBarrier));
        assert_eq!(other.join().unwrap(), Err(BrokenBarrier));
    });
    assert!(barrier.is_broken());
    assert_eq!((barrier.wait(None), barrier.n_waiting()), (Err(BrokenBarrier), 0));
    assert_eq!(BrokenBarrier.to_string(), "the barrier is broken");
}

/// A deadline that passes while the action runs does not matter: all have come.
#[test]
fn while_the_last_one_acts_nobody_times_out() {
    let barrier = Barrier::new(2);
    thread::scope(|scope| {
        let waiting = wait_at(&barrier);
        let last = last_at(&barrier);
        let waiter = scope.spawn(move || waiting.wait(passed()));
        until(|| barrier.statistics().contentions == 1);
        // Time enough to time out, should it want to.
        let begun = Instant::now();
        until(|| begun.elapsed() > Duration::from_millis(2));
        assert_eq!(barrier.n_waiting(), 2, "as in the standard library");
        assert_eq!(last.let_go(), Ok(1));
        assert_eq!(waiter.join().unwrap(), Ok(Ok(0)));
    });
}

#[test]
fn an_action_that_fails_breaks_it() {
    let barrier = Barrier::new(2);
    let waiting = wait_at(&barrier);
    drop(last_at(&barrier));
    assert!(barrier.is_broken());
    assert_eq!(waiting.wait(None), Ok(Err(BrokenBarrier)));
}

#[test]
fn an_abort_breaks_it_even_while_the_last_one_acts() {
    let barrier = Barrier::new(2);
    let waiting = wait_at(&barrier);
    let last = last_at(&barrier);
    barrier.abort();
    assert_eq!((waiting.wait(None), last.let_go()), (Ok(Err(BrokenBarrier)), Err(BrokenBarrier)));
    drop(waiting);
    assert!(barrier.is_broken());
    barrier.reset();
    assert_eq!((barrier.is_broken(), barrier.n_waiting()), (false, 0));
}

#[test]
fn a_reset_sends_those_away_who_wait() {
    let barrier = Barrier::new(2);
    let waiting = wait_at(&barrier);
    barrier.reset();
    assert_eq!((barrier.is_broken(), barrier.n_waiting()), (false, 0));
    assert_eq!(waiting.wait(None), Ok(Err(BrokenBarrier)));
    drop(waiting);
    let waiting = wait_at(&barrier);
    assert_eq!((last_at(&barrier).let_go(), waiting.wait(None)), (Ok(1), Ok(Ok(0))));
}

#[test]
fn a_reset_lets_those_go_who_have_met() {
    let barrier = Barrier::new(2);
    let waiting = wait_at(&barrier);
    let last = last_at(&barrier);
    barrier.reset();
    assert_eq!(last.let_go(), Ok(1));
    barrier.reset();
    assert_eq!(waiting.wait(None), Ok(Ok(0)));
}

/// An action that fails after an abort and a reset does not break what begins anew.
#[test]
fn a_reset_outlives_the_failure_of_an_action() {
    let barrier = Barrier::new(1);
    let last = last_at(&barrier);
    barrier.abort();
    barrier.reset();
    drop(last);
    assert_eq!((barrier.is_broken(), barrier.wait(None)), (false, Ok(0)));
}

#[test]
fn who_leaves_before_the_others_come_was_not_there() {
    let barrier = Barrier::new(2);
    drop(wait_at(&barrier));
    assert_eq!((barrier.n_waiting(), barrier.is_broken()), (0, false));
    let waiting = wait_at(&barrier);
    assert_eq!((last_at(&barrier).let_go(), waiting.wait(None)), (Ok(1), Ok(Ok(0))));
}

/// Who comes while others leave waits until they have left, and then for the rest.
#[test]
fn the_next_round_begins_when_all_have_left() {
    let barrier = Barrier::new(2);
    let waiting = wait_at(&barrier);
    let last = last_at(&barrier);
    thread::scope(|scope| {
        let next = [scope.spawn(|| barrier.wait(None)), scope.spawn(|| barrier.wait(None))];
        assert_eq!(last.let_go(), Ok(1));
        assert_eq!(waiting.wait(None), Ok(Ok(0)));
        assert!(next.iter().all(|next| !next.is_finished()), "one of this round is still there");
        drop(waiting);
        let mut indices = next.map(|next| next.join().unwrap().unwrap());
        indices.sort_unstable();
        assert_eq!(indices, [0, 1]);
    });
}
