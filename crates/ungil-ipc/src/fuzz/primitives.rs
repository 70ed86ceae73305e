//! Target: primitives whose words in the shared segment another process writes as it likes, and places that it tells of.

use std::os::fd::AsFd;
use std::sync::Arc;

use super::peer::{Numbers, Peer};
use super::run;
use crate::primitives::barrier::Arrival;
use crate::primitives::{Barrier, Event, Lock, RLock, Segment, Semaphore, Waiters};

/// As large as a segment is.
const SEGMENT: usize = 1 << 20;

#[test]
fn locks() {
    run("primitives::locks", |numbers| {
        let lock = Lock::new().expect("memory");
        attacked(lock.place(), 64, numbers, |numbers| match numbers.below(4) {
            0 => {
                lock.try_acquire();
            }
            1 => {
                let _ = lock.acquire(numbers.deadline());
            }
            2 => {
                let _ = (lock.is_mine(), lock.holder(), lock.try_acquire_from_the_dead());
            }
            _ => {
                lock.release();
            }
        });
        let lock = RLock::new().expect("memory");
        attacked(lock.place(), 64, numbers, |numbers| match numbers.below(4) {
            0 => {
                lock.try_acquire();
            }
            1 => {
                let _ = lock.acquire(numbers.deadline());
            }
            2 => {
                let _ =
                    (lock.count(), lock.count_of_process(), lock.holder(), lock.try_acquire_from_the_dead());
            }
            _ => {
                lock.release();
            }
        });
    });
}

#[test]
fn semaphores() {
    run("primitives::semaphores", |numbers| {
        let most = numbers.one_of(&[1, 5, u32::MAX]);
        let semaphore = Semaphore::new(1, most).expect("memory");
        attacked(semaphore.place(), 320, numbers, |numbers| match numbers.below(7) {
            0 => {
                semaphore.try_acquire();
            }
            1 => {
                let _ = semaphore.acquire(numbers.deadline());
            }
            2 => {
                let _ = semaphore.acquire_now();
            }
            3 => {
                let _ = semaphore.try_release();
            }
            4 => {
                let _ = semaphore.release();
            }
            _ => assert!(semaphore.value() <= most),
        });
    });
}

#[test]
fn events() {
    run("primitives::events", |numbers| {
        let event = Event::new().expect("memory");
        attacked(event.place(), 64, numbers, |numbers| match numbers.below(4) {
            0 => event.set(),
            1 => event.clear(),
            2 => {
                let _ = event.wait(event.begin(), numbers.deadline());
            }
            _ => {
                event.is_set();
            }
        });
    });
}

#[test]
fn conditions() {
    run("primitives::conditions", |numbers| {
        let waiters = Waiters::new().expect("memory");
        let len = numbers.one_of(&[64, 256, 6208]);
        attacked(waiters.place(), len, numbers, |numbers| match numbers.below(4) {
            0 => {
                waiters.notify(numbers.one_of(&[1, 3, usize::MAX]));
            }
            1 => {
                let waiting = waiters.begin();
                if waiters.wait(waiting, numbers.deadline()).is_err() {
                    waiters.leave(waiting);
                }
            }
            2 => {
                // One that never ends.
                waiters.begin();
            }
            _ => {
                waiters.len();
            }
        });
    });
}

#[test]
fn barriers() {
    run("primitives::barriers", |numbers| {
        let parties = 1 + numbers.below(5);
        let barrier = Barrier::new(parties).expect("memory");
        attacked(barrier.place(), 128, numbers, |numbers| match numbers.below(5) {
            0..=2 => match barrier.arrive(numbers.deadline()) {
                Ok(Arrival::Waits { entry, .. }) => {
                    if barrier.wait(entry, numbers.deadline()).is_err() {
                        let _ = barrier.leave(entry);
                    }
                }
                Ok(Arrival::Last { .. }) => {
                    let _ = barrier.pass(numbers.deadline());
                }
                Ok(Arrival::Broken) | Err(_) => {}
            },
            3 => {
                let _ = if numbers.is_one_in(2) { barrier.abort() } else { barrier.reset() };
            }
            _ => {
                assert!(barrier.n_waiting() <= parties);
                barrier.is_broken();
            }
        });
    });
}

#[test]
fn places() {
    let lock = Lock::new().expect("memory");
    let segment = lock.place().0;
    run("primitives::places", |numbers| {
        let theirs = segment.as_fd().try_clone_to_owned().expect("a descriptor");
        let theirs = Arc::new(Segment::from_fd(theirs).expect("the same"));
        let offset =
            if numbers.is_one_in(4) { numbers.word() as usize } else { 64 * numbers.below(SEGMENT / 50) };
        let parties =
            if numbers.is_one_in(2) { numbers.word() as usize } else { numbers.below(SEGMENT / 10) };
        let fits = |len: usize| {
            offset.is_multiple_of(64) && offset.checked_add(len).is_some_and(|end| end <= SEGMENT)
        };
        assert_eq!(Lock::at(Arc::clone(&theirs), offset).is_ok(), fits(8));
        assert_eq!(
            Waiters::at(Arc::clone(&theirs), offset).map(|waiters| waiters.len()).is_ok(),
            fits(16 + 256 * 24)
        );
        if let Ok(barrier) = Barrier::at(theirs, offset, parties) {
            assert!(fits(16 * parties));
            barrier.n_waiting();
        }
    });
}

/// Has a peer write over a primitive's first `len` bytes, up to the next one, while its operations are made.
fn attacked(
    place: (&Arc<Segment>, usize),
    len: usize,
    numbers: &mut Numbers,
    step: impl FnMut(&mut Numbers),
) {
    let peer = Peer::of_place(place.0.as_fd(), place.1..place.1 + len);
    peer.against(numbers, |numbers| peer.write(numbers), step);
}
