//! `Barrier` against a model of its phases: what one thread can do with many places at it, in any order.

mod support;

use proptest::prelude::*;
use support::passed;
use ungil_sync::Barrier;
use ungil_sync::barrier::{Arrival, Last, Waiting};

const PARTIES: usize = 3;

/// CPython's states of a barrier; `Acting`, as it runs the action with the barrier locked, is where it fills and all are there.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Phase {
    Filling,
    Acting,
    Draining,
    Resetting,
    Broken,
}

/// One that has arrived, and how its wait will end, once that is known.
struct Place<'a> {
    waiting: Waiting<'a>,
    index: usize,
    fate: Option<bool>,
}

/// The barrier, and what it should be like.
struct Run<'a> {
    barrier: &'a Barrier,
    phase: Phase,
    places: Vec<Place<'a>>,
    last: Option<Last<'a>>,
}

impl Run<'_> {
    fn n_inside(&self) -> usize {
        self.places.len() + usize::from(self.last.is_some())
    }

    /// All whose end was open find it so.
    fn end(&mut self, has_met: bool) {
        self.places.iter_mut().for_each(|place| {
            place.fate.get_or_insert(has_met);
        });
    }

    fn break_it(&mut self) {
        self.phase = Phase::Broken;
        self.end(false);
    }

    fn one_left(&mut self) {
        if self.n_inside() == 0 && matches!(self.phase, Phase::Draining | Phase::Resetting) {
            self.phase = Phase::Filling;
        }
    }

    fn arrive(&mut self) -> Result<(), TestCaseError> {
        if !matches!(self.phase, Phase::Filling | Phase::Broken) {
            return Ok(()); // It would wait outside.
        }
        let index = self.n_inside();
        match self.barrier.arrive() {
            Ok(Err(_)) => prop_assert_eq!(self.phase, Phase::Broken),
            Ok(Ok(Arrival::Waiting(waiting))) => {
                prop_assert_eq!(self.phase, Phase::Filling);
                self.places.push(Place { waiting, index, fate: None });
                prop_assert!(self.n_inside() < PARTIES);
            }
            Ok(Ok(Arrival::Last(last))) => {
                self.last = Some(last);
                prop_assert_eq!((self.phase, self.n_inside()), (Phase::Filling, PARTIES));
                self.phase = Phase::Acting;
            }
            Err(ended) => prop_assert!(false, "{:?} without a signal", ended),
        }
        Ok(())
    }

    /// The one at `which` waits, if that ends, and leaves.
    fn wait(&mut self, which: usize) -> Result<(), TestCaseError> {
        if self.phase == Phase::Acting && self.places[which].fate.is_none() {
            return Ok(()); // It would wait for the end of the action.
        }
        if self.places[which].fate.is_none() {
            self.break_it();
        }
        let place = self.places.remove(which);
        let result = place.waiting.wait(passed()).expect("no signal");
        prop_assert_eq!(result.ok(), (place.fate == Some(true)).then_some(place.index));
        drop(place);
        self.one_left();
        Ok(())
    }

    /// The one at `which` leaves without waiting.
    fn leave(&mut self, which: usize) {
        self.places.remove(which);
        self.one_left();
    }

    /// The action of the last one ends.
    fn finish(&mut self, is_failed: bool) -> Result<(), TestCaseError> {
        let Some(last) = self.last.take() else { return Ok(()) };
        let is_acting = self.phase == Phase::Acting;
        if is_failed {
            drop(last);
        } else {
            prop_assert_eq!(last.let_go().ok(), is_acting.then_some(PARTIES - 1));
        }
        match (is_acting, is_failed) {
            (true, true) => self.break_it(),
            (true, false) => {
                self.phase = Phase::Draining;
                self.end(true);
            }
            (false, _) => {}
        }
        self.one_left();
        Ok(())
    }

    fn reset(&mut self) {
        self.barrier.reset();
        match self.phase {
            Phase::Acting | Phase::Draining => return,
            Phase::Filling | Phase::Resetting | Phase::Broken => self.phase = Phase::Resetting,
        }
        self.end(false);
        self.one_left();
    }
}

proptest! {
    #[test]
    fn it_goes_through_the_phases_of_the_model(steps in prop::collection::vec((0..12_u8, 0..PARTIES), 0..120)) {
        let barrier = Barrier::new(PARTIES);
        let mut run = Run { barrier: &barrier, phase: Phase::Filling, places: Vec::new(), last: None };
        for (step, which) in steps {
            match step {
                0..=4 => run.arrive()?,
                5 | 6 if which < run.places.len() => run.wait(which)?,
                7 if which < run.places.len() => run.leave(which),
                8 => run.finish(false)?,
                9 => run.finish(which == 0)?,
                10 => run.reset(),
                11 if which == 0 => {
                    barrier.abort();
                    run.break_it();
                }
                _ => {}
            }
            prop_assert_eq!(barrier.is_broken(), run.phase == Phase::Broken);
            let n_waiting = if matches!(run.phase, Phase::Filling | Phase::Acting) { run.n_inside() } else { 0 };
            prop_assert_eq!(barrier.n_waiting(), n_waiting);
        }
    }
}
