//! What the primitives have in common: that they outlive their holders. That any bits in their words are some state, a target of `fuzz` shows.

use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::Relaxed;
use std::thread;
use std::time::{Duration, Instant};

use ungil_sync::{Deadline, WaitResult, deadline_in};

use super::barrier::Arrival;
use super::{Barrier, Event, Lock, RLock, Semaphore, Waiters, Who};
use crate::memory::Memory;

/// A guard against waits that never end.
const PATIENCE: Duration = Duration::from_mins(1);

fn soon() -> Deadline {
    deadline_in(PATIENCE)
}

/// Waits on, whatever signals there are.
fn patiently<R>(mut wait: impl FnMut() -> Result<R, WaitResult>) -> R {
    loop {
        match wait() {
            Ok(result) => return result,
            Err(WaitResult::Interrupted) => {}
            Err(ended) => panic!("waited in vain: {ended:?}"),
        }
    }
}

/// A forked child that does `work`, says that it has, and waits to be killed.
struct Child(libc::pid_t);

impl Child {
    fn after(work: impl FnOnce()) -> Self {
        let done = Event::new().expect("memory");
        let child = Self::that(|| {
            work();
            done.set();
            loop {
                // SAFETY: the call has no requirement.
                unsafe { libc::pause() };
            }
        });
        let waiting = done.begin();
        patiently(|| done.wait(waiting, soon()));
        child
    }

    fn that(work: impl FnOnce()) -> Self {
        // SAFETY: the child runs `work`, which uses nothing of other threads, and ends by `_exit`.
        let pid = unsafe { libc::fork() };
        if pid == 0 {
            // SAFETY: the call has no requirement; a child that hangs is killed.
            unsafe { libc::alarm(60) };
            work();
            // SAFETY: the call has no requirement.
            unsafe { libc::_exit(0) };
        }
        assert!(pid > 0, "fork failed");
        Self(pid)
    }

    fn pid(&self) -> u32 {
        self.0 as u32
    }

    fn kill(self) {
        // SAFETY: our child, which has not been waited for.
        assert_eq!(unsafe { libc::kill(self.0, libc::SIGKILL) }, 0);
        self.join();
    }

    fn join(self) -> i32 {
        let mut status = 0;
        // SAFETY: our child, which has not been waited for; the status is ours to write.
        assert_eq!(unsafe { libc::waitpid(self.0, &raw mut status, 0) }, self.0);
        status
    }
}

#[test]
fn a_lock_is_taken_from_a_holder_that_was_killed() {
    let (lock, recursive) = (Lock::new().expect("memory"), RLock::new().expect("memory"));
    let child = Child::after(|| assert!(lock.try_acquire() && recursive.try_acquire()));
    let pid = child.pid();
    assert!(!lock.try_acquire() && lock.try_acquire_from_the_dead().is_none());
    assert_eq!(lock.acquire(deadline_in(Duration::from_millis(1))), Err(WaitResult::TimedOut));
    child.kill();
    assert_eq!(patiently(|| lock.acquire(soon())).map(Who::pid), Some(pid));
    assert!(lock.is_mine() && lock.release());
    assert_eq!(patiently(|| lock.acquire(soon())), None, "it is told once");
    assert_eq!(patiently(|| recursive.acquire(soon())).map(Who::pid), Some(pid));
    assert_eq!(recursive.count(), 1);
}

#[test]
fn who_waits_for_a_lock_when_its_holder_is_killed_gets_it() {
    let lock = Lock::new().expect("memory");
    let child = Child::after(|| assert!(lock.try_acquire()));
    let pid = child.pid();
    thread::scope(|scope| {
        let waiters = [(); 3].map(|()| {
            scope.spawn(|| {
                let dead = patiently(|| lock.acquire(soon()));
                lock.release();
                dead
            })
        });
        thread::yield_now();
        child.kill();
        let told: Vec<Who> =
            waiters.into_iter().filter_map(|waiter| waiter.join().expect("no panic")).collect();
        assert_eq!(told.iter().map(|who| who.pid()).collect::<Vec<_>>(), [pid]);
    });
}

/// Succeeds if there is no permit.
fn none_now(semaphore: &Semaphore) -> Result<(), WaitResult> {
    match semaphore.acquire_now() {
        Ok(_) => panic!("a permit too many"),
        Err(WaitResult::TimedOut) => Ok(()),
        Err(ended) => Err(ended),
    }
}

#[test]
fn the_permits_of_the_dead_come_back() {
    let semaphore = Semaphore::new(3, 3).expect("memory");
    let child = Child::after(|| assert!(semaphore.try_acquire() && semaphore.try_acquire()));
    let pid = child.pid();
    assert!(semaphore.try_acquire());
    patiently(|| none_now(&semaphore));
    child.kill();
    assert_eq!(patiently(|| semaphore.acquire(soon())).map(Who::pid), Some(pid));
    assert_eq!(semaphore.value(), 1);
    for _ in 0..2 {
        patiently(|| semaphore.release()).expect("it has them");
    }
    assert_eq!(semaphore.value(), 3);
}

#[test]
fn what_a_signal_was_taken_for_does_not_come_back() {
    let signal = Semaphore::new(0, u32::MAX).expect("memory");
    patiently(|| signal.release()).expect("room");
    Child::after(|| assert!(signal.try_acquire())).kill();
    assert_eq!(signal.acquire(deadline_in(Duration::from_millis(120))), Err(WaitResult::TimedOut));
    patiently(|| none_now(&signal));
}

#[test]
fn a_permit_that_came_back_and_is_released_all_the_same_counts_once() {
    let room = Semaphore::new(2, 2).expect("memory");
    Child::after(|| assert!(room.try_acquire() && room.try_acquire())).kill();
    assert!(patiently(|| room.acquire_now()).is_some());
    assert_eq!(room.value(), 1);
    // Ours, and then two for the dead one.
    for expected in [2, 2, 2] {
        patiently(|| room.release()).expect("somebody had it");
        assert_eq!(room.value(), expected);
    }
    assert!(patiently(|| room.release()).is_err());
}

#[test]
fn a_semaphores_value_is_right_wherever_a_process_is_killed() {
    let semaphore = Semaphore::new(2, 2).expect("memory");
    for _ in 0..30 {
        let child = Child::that(|| {
            loop {
                patiently(|| semaphore.acquire(soon()));
                let _ = patiently(|| semaphore.release());
            }
        });
        let end = Instant::now() + Duration::from_millis(2);
        while Instant::now() < end {
            patiently(|| semaphore.acquire(soon()));
            patiently(|| semaphore.release()).expect("it has one");
        }
        child.kill();
    }
    patiently(|| semaphore.acquire(soon()));
    patiently(|| semaphore.acquire(soon()));
    patiently(|| none_now(&semaphore));
}

#[test]
fn locks_exclude_processes_and_threads_though_some_are_killed() {
    let (memory, lock) = (Memory::new(64).expect("memory"), Lock::new().expect("memory"));
    // SAFETY: the memory is there until the end of the test, and aligned to a page.
    let count = unsafe { AtomicU32::from_ptr(memory.as_ptr().cast()) };
    let count_up = |n: usize| {
        for _ in 0..n {
            patiently(|| lock.acquire(soon()));
            // Two steps, between which nobody else may come.
            let before = count.load(Relaxed);
            count.store(before + 1, Relaxed);
            lock.release();
        }
    };
    let twice = || {
        thread::scope(|scope| {
            scope.spawn(|| count_up(2000));
            count_up(2000);
        });
    };
    let child = Child::that(twice);
    for _ in 0..5 {
        // Killed while it holds it.
        Child::after(|| {
            patiently(|| lock.acquire(soon()));
        })
        .kill();
    }
    twice();
    assert_eq!(child.join(), 0);
    assert_eq!(count.load(Relaxed), 8000);
}

#[test]
fn an_event_wakes_all_who_wait_and_no_others() {
    let (event, begun) = (Event::new().expect("memory"), Semaphore::new(0, 10).expect("memory"));
    let children = [(); 3].map(|()| {
        Child::that(|| {
            let waiting = event.begin();
            patiently(|| begun.release()).expect("room");
            patiently(|| event.wait(waiting, soon()));
        })
    });
    for _ in &children {
        patiently(|| begun.acquire(soon()));
    }
    event.set();
    event.clear();
    for child in children {
        assert_eq!(child.join(), 0);
    }
    assert!(!event.is_set());
    assert_eq!(event.wait(event.begin(), deadline_in(Duration::from_millis(1))), Err(WaitResult::TimedOut));
}

#[test]
fn the_longest_waiting_is_notified_first() {
    let waiters = Waiters::new().expect("memory");
    let waits = [(); 3].map(|()| waiters.begin());
    assert_eq!(waiters.len(), 3);
    assert!(!waiters.leave(waits[0]));
    assert_eq!(waiters.notify(1), 1);
    assert_eq!(waiters.wait(waits[2], deadline_in(Duration::ZERO)), Err(WaitResult::TimedOut));
    assert_eq!(waiters.wait(waits[1], None), Ok(()));
    assert_eq!((waiters.notify(7), waiters.notify(7)), (1, 0));
    assert!(waiters.leave(waits[2]), "notified before it left");
    assert!(waiters.is_empty());
}

#[test]
fn a_notification_of_a_dead_waiter_passes_to_a_living_one() {
    let waiters = Waiters::new().expect("memory");
    let child = Child::after(|| {
        waiters.begin();
    });
    let ours = waiters.begin();
    child.kill();
    assert_eq!(waiters.notify(1), 1, "it goes to the dead one");
    patiently(|| waiters.wait(ours, soon()));
    // One that began later is not woken by what was not for it.
    let child = Child::after(|| {
        waiters.begin();
    });
    child.kill();
    assert_eq!(waiters.notify(1), 1);
    let later = waiters.begin();
    assert_eq!(waiters.wait(later, deadline_in(Duration::from_millis(150))), Err(WaitResult::TimedOut));
    assert!(!waiters.leave(later));
}

#[test]
fn more_waiters_than_are_known_are_woken_too() {
    let waiters = Waiters::new().expect("memory");
    let waits: Vec<_> = (0..super::condition::KNOWN + 2).map(|_| waiters.begin()).collect();
    assert_eq!(waiters.len(), waits.len());
    waiters.notify(usize::MAX);
    for wait in waits {
        assert_eq!(waiters.wait(wait, deadline_in(PATIENCE)), Ok(()));
    }
    assert!(waiters.is_empty());
}

#[test]
fn the_entries_of_the_dead_are_used_again() {
    let waiters = Waiters::new().expect("memory");
    Child::after(|| {
        for _ in 0..super::condition::KNOWN {
            waiters.begin();
        }
    })
    .kill();
    assert!(matches!(waiters.begin(), super::condition::Waiting::Known(_)));
    assert_eq!(waiters.len(), 1);
}

/// Passes a barrier; none if it breaks.
fn pass(barrier: &Barrier) -> Option<usize> {
    match patiently(|| barrier.arrive(soon())) {
        Arrival::Last { index } => patiently(|| barrier.pass(soon())).then_some(index),
        Arrival::Waits { index, entry } => patiently(|| barrier.wait(entry, soon())).then_some(index),
        Arrival::Broken => None,
    }
}

#[test]
fn parties_pass_a_barrier_together_again_and_again() {
    let (barrier, sum) = (Barrier::new(4).expect("memory"), Semaphore::new(0, 10_000).expect("memory"));
    let rounds = || {
        for _ in 0..300 {
            for _ in 0..pass(&barrier).expect("whole") {
                patiently(|| sum.release()).expect("room");
            }
        }
    };
    let children = [(); 2].map(|()| Child::that(rounds));
    thread::scope(|scope| {
        scope.spawn(rounds);
        rounds();
    });
    for child in children {
        assert_eq!(child.join(), 0);
    }
    assert_eq!(sum.value(), 300 * (1 + 2 + 3), "in each round, each index once");
    assert_eq!(barrier.n_waiting(), 0);
}

#[test]
fn a_barrier_breaks_when_a_party_dies_in_it_and_can_be_reset() {
    let barrier = Barrier::new(3).expect("memory");
    let child = Child::after(|| {
        patiently(|| barrier.arrive(soon()));
    });
    thread::scope(|scope| {
        let waiter = scope.spawn(|| pass(&barrier));
        while barrier.n_waiting() < 2 {
            thread::yield_now();
        }
        child.kill();
        assert_eq!(waiter.join().expect("no panic"), None);
    });
    assert!(barrier.is_broken());
    assert_eq!(pass(&barrier), None);
    patiently(|| barrier.reset());
    assert!(!barrier.is_broken());
    // Killed after all had come, before it let them pass.
    let waits = [(); 2].map(|()| patiently(|| barrier.arrive(soon())));
    Child::after(|| {
        patiently(|| barrier.arrive(soon()));
    })
    .kill();
    for arrival in waits {
        let Arrival::Waits { entry, .. } = arrival else { panic!("{arrival:?}") };
        assert!(!patiently(|| barrier.wait(entry, soon())));
    }
}
