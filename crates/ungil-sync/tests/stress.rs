//! Eight threads and a million operations on each primitive, with what it promises checked all the while.

mod support;

use std::cell::UnsafeCell;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use ungil_sync::{
    Barrier, BoundedSemaphore, Condition, Deadline, Event, Lock, RLock, Semaphore, WaitResult, deadline_in,
};

const N_THREADS: u64 = 8;
const N_OPERATIONS: u64 = 1_000_000;
const EACH: u64 = N_OPERATIONS / N_THREADS;

/// So soon that it often passes at the moment at which the wait would have ended.
fn soon() -> Deadline {
    deadline_in(Duration::from_micros(20))
}

/// Runs `turn` for each thread and each of its operations.
fn stress(turn: impl Fn(u64, u64) + Sync) {
    stress_by(EACH, turn);
}

/// Runs `turn` so many times for each thread, with the numbers of both.
fn stress_by(n_turns: u64, turn: impl Fn(u64, u64) + Sync) {
    thread::scope(|scope| {
        for me in 0..N_THREADS {
            let turn = &turn;
            scope.spawn(move || (0..n_turns).for_each(|n| turn(me, n)));
        }
    });
}

/// A number that two threads must not change at once.
#[derive(Default)]
struct Guarded(UnsafeCell<u64>);

// SAFETY: whoever uses it holds the lock under test; that this excludes others is what is tested.
unsafe impl Sync for Guarded {}

impl Guarded {
    /// Adds one, in two steps.
    fn add(&self) {
        // SAFETY: as above.
        let seen = unsafe { *self.0.get() };
        // SAFETY: as above.
        unsafe { *std::hint::black_box(self.0.get()) = seen + 1 };
    }
}

/// Acquires for an operation: a third of the threads in little time, and then again until it comes off.
fn acquire(me: u64, acquire: impl Fn(Deadline) -> WaitResult) {
    while acquire(if me.is_multiple_of(3) { soon() } else { None }) != WaitResult::Ready {}
}

#[test]
fn a_lock_excludes() {
    let (lock, guarded) = (Lock::new(), Guarded::default());
    stress(|me, _| {
        acquire(me, |deadline| lock.acquire(deadline));
        guarded.add();
        lock.release().unwrap();
    });
    assert_eq!(
        (guarded.0.into_inner(), lock.is_locked(), lock.statistics().waiters),
        (N_OPERATIONS, false, 0)
    );
}

#[test]
fn an_rlock_excludes() {
    let (lock, guarded) = (RLock::new(), Guarded::default());
    stress(|me, n| {
        acquire(me, |deadline| lock.acquire(deadline));
        let is_twice = n % 2 == 0;
        if is_twice {
            assert!(lock.try_acquire());
        }
        guarded.add();
        (0..=u8::from(is_twice)).for_each(|_| lock.release().unwrap());
    });
    assert_eq!((guarded.0.into_inner(), lock.is_locked(), lock.depth()), (N_OPERATIONS, false, 0));
}

const N_PERMITS: u64 = 3;

/// Counts those inside of a semaphore.
fn admits_no_more_than_permits(take: impl Fn(Deadline) -> WaitResult + Sync, give_back: impl Fn() + Sync) {
    let n_inside = AtomicU64::new(0);
    stress(|me, _| {
        acquire(me, &take);
        let n_before = n_inside.fetch_add(1, Ordering::AcqRel);
        assert!(n_before < N_PERMITS);
        n_inside.fetch_sub(1, Ordering::AcqRel);
        give_back();
    });
}

#[test]
fn a_semaphore_admits_as_many_as_it_has_permits() {
    let semaphore = Semaphore::new(N_PERMITS);
    admits_no_more_than_permits(|deadline| semaphore.acquire(deadline), || semaphore.release(1).unwrap());
    assert_eq!((semaphore.value(), semaphore.statistics().waiters), (N_PERMITS, 0));
}

#[test]
fn a_bounded_semaphore_admits_as_many_as_it_has_permits() {
    let semaphore = BoundedSemaphore::new(N_PERMITS);
    admits_no_more_than_permits(|deadline| semaphore.acquire(deadline), || semaphore.release(1).unwrap());
    assert_eq!((semaphore.value(), semaphore.statistics().waiters), (N_PERMITS, 0));
}

/// Two threads each toss a ball over two events, each of which is set, waited for and cleared; a lost `set` ends the game.
#[test]
fn an_event_loses_no_set() {
    const N_ROUNDS: u64 = EACH / 3;
    let games: [_; N_THREADS as usize / 2] = std::array::from_fn(|_| [Event::new(), Event::new()]);
    thread::scope(|scope| {
        for (n, [serve, reply]) in games.iter().enumerate() {
            let catch = move |event: &Event| {
                acquire(n as u64, |deadline| event.wait(deadline));
                assert!(event.is_set(), "only who caught it clears it");
                event.clear();
            };
            scope.spawn(move || {
                for _ in 0..N_ROUNDS {
                    serve.set();
                    catch(reply);
                }
            });
            scope.spawn(move || {
                for _ in 0..N_ROUNDS {
                    catch(serve);
                    reply.set();
                }
            });
        }
    });
    assert!(games.iter().flatten().all(|event| !event.is_set() && event.statistics().waiters == 0));
}

/// A thread waits or notifies as it likes, but never is the last one to wait.
#[test]
fn a_notification_ends_one_wait() {
    let (lock, condition) = (Lock::new(), Condition::new());
    let (n_sent, n_received, n_left) = (AtomicU64::new(0), AtomicU64::new(0), AtomicU64::new(N_THREADS));
    let notify = |n: u64| {
        // Nobody comes or goes meanwhile: that takes the lock, or a notification.
        n_sent.fetch_add(n.min(condition.n_waiters() as u64), Ordering::Relaxed);
        condition.notify(n as usize);
    };
    thread::scope(|scope| {
        for me in 0..N_THREADS {
            let (lock, condition, n_received, n_left, notify) =
                (&lock, &condition, &n_received, &n_left, &notify);
            scope.spawn(move || {
                for n in 0..EACH {
                    assert_eq!(lock.acquire(None), WaitResult::Ready);
                    let n_others = n_left.load(Ordering::Relaxed) - 1 - condition.n_waiters() as u64;
                    if (n + me) % 2 == 0 && n_others > 0 {
                        assert_eq!(condition.wait(lock, None), WaitResult::Ready);
                        n_received.fetch_add(1, Ordering::Relaxed);
                    } else {
                        notify(1 + n % 3);
                    }
                    lock.release().unwrap();
                }
                assert_eq!(lock.acquire(None), WaitResult::Ready);
                n_left.fetch_sub(1, Ordering::Relaxed);
                notify(N_THREADS);
                lock.release().unwrap();
            });
        }
    });
    assert_eq!(n_received.into_inner(), n_sent.into_inner());
    assert_eq!(condition.n_waiters(), 0);
}

/// Nobody is more than one round ahead of anybody, and each round has one of each number. A thread's operations are to arrive,
/// to wait and to leave.
#[test]
fn a_barrier_keeps_its_rounds_apart() {
    const N_ROUNDS: u64 = EACH / 3;
    let barrier = Barrier::new(N_THREADS as usize);
    let rounds = [const { AtomicU64::new(0) }; N_THREADS as usize];
    let n_first = AtomicU64::new(0);
    stress_by(N_ROUNDS, |me, n| {
        rounds[me as usize].store(n + 1, Ordering::Relaxed);
        let index = barrier.wait(None).unwrap();
        assert!(rounds.iter().all(|round| [n + 1, n + 2].contains(&round.load(Ordering::Relaxed))));
        n_first.fetch_add(u64::from(index == 0), Ordering::Relaxed);
    });
    assert_eq!((n_first.into_inner(), barrier.n_waiting()), (N_ROUNDS, 0));
}
