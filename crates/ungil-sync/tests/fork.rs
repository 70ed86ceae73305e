//! A forked child finds everything usable, whatever the other threads of its parent were doing.
#![cfg(unix)]

mod support;

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use support::{passed, until};
use ungil_sync::barrier::Arrival;
use ungil_sync::wait_graph::recorded;
use ungil_sync::{
    AfterFork, Barrier, BrokenBarrier, Condition, Event, Gate, Lock, RLock, Semaphore, WaitResult,
    deadline_in,
};

/// Forks, and has the child run `check`; it fails if the child panics, crashes or hangs.
fn in_child(check: impl FnOnce()) {
    // SAFETY: the child uses what is under test, and the C library's allocator and threads, which it makes fit for this; it ends
    // by `_exit`.
    let pid = unsafe { libc::fork() };
    if pid == 0 {
        // SAFETY: the call has no requirement; a child that hangs is killed.
        unsafe { libc::alarm(30) };
        let is_right = catch_unwind(AssertUnwindSafe(check)).is_ok();
        // SAFETY: the call has no requirement.
        unsafe { libc::_exit(i32::from(!is_right)) };
    }
    assert!(pid > 0, "fork failed");
    let mut status = 0;
    // SAFETY: the process is our child and not waited for yet; the status is ours to write.
    let waited = unsafe { libc::waitpid(pid, &raw mut status, 0) };
    assert_eq!((waited, status), (pid, 0), "the child failed");
}

/// One of each.
struct All {
    lock: Lock,
    rlock: RLock,
    semaphore: Semaphore,
    event: Event,
    condition: Condition,
    barrier: Barrier,
}

impl All {
    fn new() -> Self {
        Self {
            lock: Lock::new(),
            rlock: RLock::new(),
            semaphore: Semaphore::new(0),
            event: Event::new(),
            condition: Condition::new(),
            barrier: Barrier::new(2),
        }
    }

    /// How many threads wait, for all of them.
    fn n_waiting(&self) -> usize {
        let locks = self.lock.statistics().waiters + self.rlock.statistics().waiters;
        let others = self.semaphore.statistics().waiters + self.event.statistics().waiters;
        locks + others + self.condition.n_waiters() + self.barrier.n_waiting()
    }

    /// One thread waits for each; `meanwhile` is done when all six do, and has all six go on.
    fn with_a_waiter_each(&self, meanwhile: impl FnOnce()) {
        assert!(self.lock.try_acquire() && self.rlock.try_acquire());
        self.event.clear();
        thread::scope(|scope| {
            let waiters = [
                scope.spawn(|| {
                    let result = self.lock.acquire(None);
                    self.lock.release().unwrap();
                    result
                }),
                scope.spawn(|| {
                    let result = self.rlock.acquire(None);
                    self.rlock.release().unwrap();
                    result
                }),
                scope.spawn(|| self.semaphore.acquire(None)),
                scope.spawn(|| self.event.wait(None)),
                scope.spawn(|| self.condition.enroll().wait(None)),
                scope.spawn(|| {
                    self.barrier.wait(None).unwrap();
                    WaitResult::Ready
                }),
            ];
            until(|| self.n_waiting() == 6);
            let result = catch_unwind(AssertUnwindSafe(meanwhile));
            self.lock.release().unwrap();
            self.rlock.release().unwrap();
            self.semaphore.release(1).unwrap();
            self.event.set();
            self.condition.notify(1);
            assert_eq!(self.barrier.wait(None), Ok(1));
            assert!(waiters.into_iter().all(|waiter| waiter.join().unwrap() == WaitResult::Ready));
            result.unwrap_or_else(|panic| resume_unwind(panic));
        });
        assert_eq!(self.n_waiting(), 0);
    }
}

#[test]
fn what_the_parents_threads_wait_for_is_usable_and_held_by_who_held_it() {
    let all = All::new();
    all.with_a_waiter_each(|| {
        in_child(|| {
            assert_eq!(all.n_waiting(), 0, "those who waited are not here");
            assert!(all.lock.is_locked() && all.rlock.is_owned());
            all.lock.release().unwrap();
            all.rlock.release().unwrap();
            all.with_a_waiter_each(|| {});
            // Its own child, and so on.
            all.with_a_waiter_each(|| in_child(|| assert_eq!(all.n_waiting(), 0)));
            All::new().with_a_waiter_each(|| {});
        });
    });
}

#[test]
fn after_a_reset_nobody_waits_for_it_nor_holds_it() {
    let all = All::new();
    all.with_a_waiter_each(|| {
        in_child(|| {
            all.lock.reset_after_fork();
            all.rlock.reset_after_fork();
            all.semaphore.reset_after_fork(0);
            all.event.reset_after_fork();
            all.condition.reset_after_fork();
            all.barrier.reset_after_fork();
            assert!(!all.lock.is_locked() && !all.rlock.is_locked());
            all.with_a_waiter_each(|| {});
        });
    });
}

/// What the gate guards, and what it was told.
#[derive(Default)]
struct Told {
    n_forks: u32,
    is_torn: bool,
    n_entries: u32,
}

impl AfterFork for Told {
    fn after_fork(&mut self, is_torn: bool) {
        self.n_forks += 1;
        self.is_torn = is_torn;
    }
}

/// Checks that two threads of a child get through the gate, and that the value was told once.
fn is_taken_over_once(gate: &Gate<Told>, is_torn: bool) {
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| gate.enter().n_entries += 1);
        }
    });
    let told = gate.enter();
    assert_eq!((told.n_forks, told.is_torn, told.n_entries), (1, is_torn, 2));
}

#[test]
fn a_gate_with_nobody_inside_is_told() {
    let gate = Gate::new(Told::default());
    drop(gate.enter());
    in_child(|| is_taken_over_once(&gate, false));
    assert_eq!(gate.enter().n_forks, 0);
}

#[test]
fn a_gate_with_another_thread_inside_is_open_and_told_so() {
    let gate = Gate::new(Told::default());
    let (is_inside, may_leave) = (Event::new(), Event::new());
    thread::scope(|scope| {
        scope.spawn(|| {
            let _guard = gate.enter();
            is_inside.set();
            assert_eq!(may_leave.wait(None), WaitResult::Ready);
        });
        assert_eq!(is_inside.wait(None), WaitResult::Ready);
        // Others sleep before it, or are about to.
        (0..2).for_each(|_| drop(scope.spawn(|| drop(gate.enter()))));
        (0..20).for_each(|_| in_child(|| is_taken_over_once(&gate, true)));
        may_leave.set();
    });
    assert_eq!(gate.enter().n_forks, 0);
}

/// A thread that forks in the handler of a signal goes on waiting in both processes.
#[test]
fn a_place_at_a_condition_is_taken_again() {
    let condition = Condition::new();
    let mut forgotten = Some(condition.enroll());
    let mut place = condition.enroll();
    in_child(|| {
        assert_eq!(condition.n_waiters(), 0);
        thread::scope(|scope| {
            scope.spawn(|| {
                until(|| condition.n_waiters() == 1);
                condition.notify(1);
            });
            assert_eq!(place.wait_on(None), WaitResult::Ready);
        });
        let later = condition.enroll();
        drop(forgotten.take());
        assert_eq!(later.wait(passed()), WaitResult::TimedOut, "nobody was notified in this process");
    });
    condition.notify(1);
    assert_eq!(place.wait_on(passed()), WaitResult::TimedOut, "the other is first, in this process");
}

#[test]
fn who_waits_at_a_barrier_finds_it_broken_and_the_next_find_it_whole() {
    let barrier = Barrier::new(2);
    let Ok(Ok(Arrival::Waiting(waiting))) = barrier.arrive() else { panic!("the first of two waits") };
    in_child(|| {
        assert_eq!(waiting.wait(None), Ok(Err(BrokenBarrier)));
        drop(waiting);
        assert_eq!((barrier.n_waiting(), barrier.is_broken()), (0, false));
        thread::scope(|scope| {
            let other = scope.spawn(|| barrier.wait(None).unwrap());
            assert_eq!(barrier.wait(None).unwrap() + other.join().unwrap(), 1);
        });
    });
}

#[test]
fn an_action_that_forks_ends_in_both_processes() {
    let barrier = Barrier::new(2);
    let Ok(Ok(Arrival::Waiting(waiting))) = barrier.arrive() else { panic!("the first of two waits") };
    let Ok(Ok(Arrival::Last(last))) = barrier.arrive() else { panic!("the second of two is the last") };
    let mut last = Some(last);
    in_child(|| {
        assert_eq!(last.take().map(ungil_sync::barrier::Last::let_go), Some(Ok(1)));
        assert_eq!(barrier.n_waiting(), 0);
        let Ok(Ok(Arrival::Waiting(again))) = barrier.arrive() else { panic!("the first of two waits") };
        assert_eq!(barrier.wait(None), Ok(1));
        assert_eq!(again.wait(None), Ok(Ok(0)));
    });
    assert_eq!(last.take().map(ungil_sync::barrier::Last::let_go), Some(Ok(1)));
    assert_eq!(waiting.wait(None), Ok(Ok(0)));
}

#[test]
fn a_child_forked_amid_everything_uses_everything() {
    let all = All::new();
    let is_over = AtomicBool::new(false);
    let soon = || deadline_in(Duration::from_micros(20));
    thread::scope(|scope| {
        for me in 0..4 {
            let (all, is_over) = (&all, &is_over);
            scope.spawn(move || {
                while !is_over.load(Ordering::Relaxed) {
                    if all.lock.acquire(soon()) == WaitResult::Ready {
                        let _ = all.condition.wait(&all.lock, soon());
                        all.lock.release().unwrap();
                    }
                    if recorded(&all.rlock, me, |_| all.rlock.acquire(None)) == WaitResult::Ready {
                        all.rlock.release().unwrap();
                    }
                    all.semaphore.release(1).unwrap();
                    all.event.set();
                    let _ = (all.semaphore.acquire(soon()), all.event.wait(soon()));
                    all.event.clear();
                    all.condition.notify(1);
                    if all.barrier.wait(soon()).is_err() {
                        all.barrier.reset();
                    }
                }
            });
        }
        let result = catch_unwind(AssertUnwindSafe(|| {
            (0..200).for_each(|_| in_child(|| is_all_usable(&all)));
        }));
        is_over.store(true, Ordering::Relaxed);
        result.unwrap();
    });
}

/// In a child whose parent's other threads used everything when it was forked: what they held, they hold.
fn is_all_usable(all: &All) {
    all.lock.reset_after_fork();
    all.rlock.reset_after_fork();
    while all.semaphore.try_acquire() {}
    all.barrier.reset();
    all.with_a_waiter_each(|| {
        recorded(&all.rlock, 0, |wait| assert!(wait.cycle(|_| {}).is_some(), "this thread holds it"));
    });
}
