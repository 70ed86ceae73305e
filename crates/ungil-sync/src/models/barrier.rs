//! Barriers: threads leave together, or all find it broken, and the next round begins when all have left.

use loom::thread;

use super::{Guarded, check, shared, some_deadline};
use crate::barrier::{Arrival, Barrier};

#[test]
fn three_threads_meet_and_see_what_each_has_done() {
    check(|| {
        let barrier = shared(Barrier::new(3));
        let done: &'static [Guarded; 3] = shared(Default::default());
        let meet = move |own: usize| {
            done[own].add();
            let index = barrier.wait(None).unwrap();
            assert!(done.iter().all(|each| each.get() == 1));
            index
        };
        let (one, two) = (thread::spawn(move || meet(0)), thread::spawn(move || meet(1)));
        let mut indices = [meet(2), one.join().unwrap(), two.join().unwrap()];
        indices.sort_unstable();
        assert_eq!(indices, [0, 1, 2]);
        assert_eq!((barrier.n_waiting(), barrier.is_broken()), (0, false));
    });
}

#[test]
fn two_threads_meet_twice() {
    check(|| {
        let barrier = shared(Barrier::new(2));
        let meet_twice = move || (barrier.wait(None).unwrap(), barrier.wait(None).unwrap());
        let other = thread::spawn(meet_twice);
        let (mine, theirs) = (meet_twice(), other.join().unwrap());
        assert_eq!((mine.0 + theirs.0, mine.1 + theirs.1), (1, 1));
    });
}

#[test]
fn an_abort_at_the_arrival_breaks_it_for_both_or_for_neither() {
    check(|| {
        let barrier = shared(Barrier::new(2));
        let (one, two) = (thread::spawn(|| barrier.wait(None)), thread::spawn(|| barrier.wait(None)));
        barrier.abort();
        let (one, two) = (one.join().unwrap(), two.join().unwrap());
        assert_eq!(one.is_ok(), two.is_ok());
        assert!(barrier.is_broken());
        assert!(barrier.wait(None).is_err());
    });
}

#[test]
fn a_timeout_at_the_last_arrival_breaks_it_for_both_or_for_neither() {
    check(|| {
        let barrier = shared(Barrier::new(2));
        let hasty = thread::spawn(|| barrier.wait(some_deadline()));
        let patient = barrier.wait(None);
        assert_eq!(hasty.join().unwrap().is_ok(), patient.is_ok());
        assert_eq!(barrier.is_broken(), patient.is_err());
    });
}

#[test]
fn a_timeout_at_an_abort_ends_every_wait() {
    check(|| {
        let barrier = shared(Barrier::new(3));
        let hasty = thread::spawn(|| barrier.wait(some_deadline()));
        let patient = thread::spawn(|| barrier.wait(None));
        barrier.abort();
        assert!(hasty.join().unwrap().is_err());
        assert!(patient.join().unwrap().is_err());
        barrier.reset();
        assert_eq!((barrier.n_waiting(), barrier.is_broken()), (0, false));
    });
}

#[test]
fn a_reset_at_the_arrival_lets_both_try_again_or_go() {
    check(|| {
        let barrier = shared(Barrier::new(2));
        let meet = move || while barrier.wait(None).is_err() {};
        let (one, two) = (thread::spawn(meet), thread::spawn(meet));
        barrier.reset();
        one.join().unwrap();
        two.join().unwrap();
        assert_eq!((barrier.n_waiting(), barrier.is_broken()), (0, false));
    });
}

/// Thrown out of its wait, a thread leaves; if the other has come by then, that one goes, having met it.
#[test]
fn who_leaves_at_the_last_arrival_was_there_or_was_not() {
    check(|| {
        let barrier = shared(Barrier::new(2));
        let Ok(Ok(Arrival::Waiting(waiting))) = barrier.arrive() else { panic!("the first of two waits") };
        let other = thread::spawn(|| barrier.wait(None));
        drop(waiting);
        let again = barrier.wait(some_deadline());
        match (again, other.join().unwrap()) {
            (Ok(mine), Ok(theirs)) => assert_eq!(mine + theirs, 1),
            (Err(_), Ok(theirs)) => assert_eq!(theirs, 1),
            (mine, theirs) => assert!(mine.is_err() && theirs.is_err()),
        }
    });
}

#[test]
fn a_last_one_that_fails_breaks_it() {
    check(|| {
        let barrier = shared(Barrier::new(2));
        let Ok(Ok(Arrival::Waiting(waiting))) = barrier.arrive() else { panic!("the first of two waits") };
        let waits = thread::spawn(move || waiting.wait(some_deadline()).unwrap());
        match barrier.arrive() {
            Ok(Ok(Arrival::Last(last))) => drop(last),
            Ok(broken) => assert!(broken.is_err(), "the second of two is the last"),
            Err(ended) => panic!("{ended:?} without a signal"),
        }
        assert!(waits.join().unwrap().is_err());
        assert!(barrier.is_broken());
    });
}
