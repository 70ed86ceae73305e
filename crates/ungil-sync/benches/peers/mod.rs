//! What is measured, as one interface a kind, of ours and of the peers.
//!
//! The peers' semaphore, event and turns are the usual construction of a mutex and a condition variable.

use std::sync::atomic::{AtomicBool, Ordering};

use ungil_sync::{BoundedSemaphore, Condition, Event, Lock, RLock, Semaphore, WaitResult};

/// Mutual exclusion.
pub(crate) trait Mutual: Default + Sync {
    fn with<R>(&self, run: impl FnOnce() -> R) -> R;
}

/// A number of permits.
pub(crate) trait Permits: Sync {
    fn new(n: u64) -> Self;
    fn take(&self);
    fn give_back(&self);
}

/// A flag to wait for.
pub(crate) trait Flag: Default + Sync {
    fn set(&self);
    fn clear(&self);
    fn wait(&self);
}

/// Turns that two threads take under one lock and one condition.
pub(crate) trait Turns: Default + Sync {
    /// Waits until it is `mine`, and makes it the other's.
    fn take(&self, mine: bool);
    /// Makes it the turn of `whose`, whosever it is.
    fn give(&self, whose: bool);
    fn notify(&self);
}

impl Mutual for Lock {
    fn with<R>(&self, run: impl FnOnce() -> R) -> R {
        assert_eq!(self.acquire(None), WaitResult::Ready);
        let result = run();
        self.release().unwrap();
        result
    }
}

impl Mutual for RLock {
    fn with<R>(&self, run: impl FnOnce() -> R) -> R {
        assert_eq!(self.acquire(None), WaitResult::Ready);
        let result = run();
        self.release().unwrap();
        result
    }
}

impl Permits for Semaphore {
    fn new(n: u64) -> Self {
        Self::new(n)
    }

    fn take(&self) {
        assert_eq!(self.acquire(None), WaitResult::Ready);
    }

    fn give_back(&self) {
        self.release(1).unwrap();
    }
}

impl Permits for BoundedSemaphore {
    fn new(n: u64) -> Self {
        Self::new(n)
    }

    fn take(&self) {
        assert_eq!(self.acquire(None), WaitResult::Ready);
    }

    fn give_back(&self) {
        self.release(1).unwrap();
    }
}

impl Flag for Event {
    fn set(&self) {
        self.set();
    }

    fn clear(&self) {
        self.clear();
    }

    fn wait(&self) {
        assert_eq!(self.wait(None), WaitResult::Ready);
    }
}

/// Turns by our condition.
#[derive(Default)]
pub(crate) struct Ungil {
    lock: Lock,
    condition: Condition,
    turn: AtomicBool,
}

impl Turns for Ungil {
    fn take(&self, mine: bool) {
        self.lock.with(|| {
            while self.turn.load(Ordering::Relaxed) != mine {
                assert_eq!(self.condition.wait(&self.lock, None), WaitResult::Ready);
            }
            self.turn.store(!mine, Ordering::Relaxed);
            self.condition.notify(1);
        });
    }

    fn give(&self, whose: bool) {
        self.lock.with(|| {
            self.turn.store(whose, Ordering::Relaxed);
            self.condition.notify(1);
        });
    }

    fn notify(&self) {
        self.condition.notify(1);
    }
}

/// `parking_lot`'s mutex and condition variable.
#[derive(Default)]
pub(crate) struct ParkingLot {
    value: parking_lot::Mutex<u64>,
    changed: parking_lot::Condvar,
}

impl ParkingLot {
    fn wait_until(&self, is_so: impl Fn(u64) -> bool, change: impl FnOnce(&mut u64)) {
        let mut value = self.value.lock();
        while !is_so(*value) {
            self.changed.wait(&mut value);
        }
        change(&mut value);
    }
}

impl Mutual for ParkingLot {
    fn with<R>(&self, run: impl FnOnce() -> R) -> R {
        let _inside = self.value.lock();
        run()
    }
}

impl Mutual for parking_lot::ReentrantMutex<()> {
    fn with<R>(&self, run: impl FnOnce() -> R) -> R {
        let _inside = self.lock();
        run()
    }
}

/// The standard library's mutex and condition variable.
#[derive(Default)]
pub(crate) struct Std {
    value: std::sync::Mutex<u64>,
    changed: std::sync::Condvar,
}

impl Std {
    fn wait_until(&self, is_so: impl Fn(u64) -> bool, change: impl FnOnce(&mut u64)) {
        let mut value = self.value.lock().unwrap();
        while !is_so(*value) {
            value = self.changed.wait(value).unwrap();
        }
        change(&mut value);
    }
}

impl Mutual for Std {
    fn with<R>(&self, run: impl FnOnce() -> R) -> R {
        let _inside = self.value.lock().unwrap();
        run()
    }
}

/// A semaphore, an event and turns made of a number that waits until it is right.
macro_rules! made_of_a_mutex {
    ($peer:ty) => {
        impl $peer {
            /// Makes it the turn of `next` when it is the right one's, and says so, as is usual, while the mutex is held.
            fn pass(&self, is_turn: impl Fn(u64) -> bool, next: bool) {
                self.wait_until(is_turn, |turn| {
                    *turn = u64::from(next);
                    self.changed.notify_one();
                });
            }
        }

        impl Permits for $peer {
            fn new(n: u64) -> Self {
                Self { value: n.into(), ..Self::default() }
            }

            fn take(&self) {
                self.wait_until(|n_free| n_free > 0, |n_free| *n_free -= 1);
            }

            fn give_back(&self) {
                self.wait_until(|_| true, |n_free| *n_free += 1);
                self.changed.notify_one();
            }
        }

        impl Flag for $peer {
            fn set(&self) {
                self.wait_until(|_| true, |flag| *flag = 1);
                self.changed.notify_all();
            }

            fn clear(&self) {
                self.wait_until(|_| true, |flag| *flag = 0);
            }

            fn wait(&self) {
                self.wait_until(|flag| flag == 1, |_| {});
            }
        }

        impl Turns for $peer {
            fn take(&self, mine: bool) {
                self.pass(|turn| turn == u64::from(mine), !mine);
            }

            fn give(&self, whose: bool) {
                self.pass(|_| true, whose);
            }

            fn notify(&self) {
                self.changed.notify_one();
            }
        }
    };
}

made_of_a_mutex!(ParkingLot);
made_of_a_mutex!(Std);
