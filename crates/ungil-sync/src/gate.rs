//! [`Gate`]: the lock inside our own primitives. It guards a few words for a few instructions.
//!
//! It differs from `std::sync::Mutex` in one thing: a forked child finds it open, even if the parent's other thread held it at that
//! moment. The word of a gate carries the generation of processes ([`crate::fork`]) that last used it; in a later generation
//! whoever comes first takes it over, and what it guards is told so ([`AfterFork`]).
//!
//! Algorithm: the three-state mutex of U. Drepper, "Futexes Are Tricky" (2011), section 6, Mutex3, with a short spin before it sleeps.

#[cfg(ungil_loom)]
pub use model::{Gate, GateGuard};
#[cfg(not(ungil_loom))]
pub use real::{Gate, GateGuard};

/// What a [`Gate`] may guard.
pub trait AfterFork {
    /// Called in a forked child, once, before anybody there uses the value: forget the threads that wait.
    ///
    /// With `is_torn`, another thread of the parent was inside the gate when the process forked: the value may be half
    /// changed, so it must be overwritten without being read or dropped.
    fn after_fork(&mut self, is_torn: bool);
}

#[cfg(any(not(ungil_loom), test))]
#[cfg_attr(ungil_loom, expect(unreachable_pub, reason = "in models, the other one is exported"))]
pub(crate) mod real {
    use std::cell::UnsafeCell;
    use std::fmt;
    use std::marker::PhantomData;
    use std::ops::{Deref, DerefMut};

    use super::AfterFork;
    use crate::fork::generation;
    use crate::park::Word;
    use crate::prim::{Ordering, spin_loop};

    /// The two low bits of the word say this; the rest is the generation.
    const OPEN: u32 = 0;
    /// Somebody is inside.
    const HELD: u32 = 1;
    /// Somebody is inside, and others may sleep before it.
    const CONTENDED: u32 = 2;
    const STATE: u32 = 0b11;
    const STATE_BITS: u32 = 2;

    /// How often a thread looks before it sleeps; a guess: what a gate guards takes less time than this.
    #[cfg(not(ungil_loom))]
    const SPINS: u32 = 100;
    #[cfg(ungil_loom)]
    const SPINS: u32 = 1;

    /// A mutual exclusion that a forked child finds open.
    ///
    /// For what takes a few instructions, and neither waits nor runs foreign code: a thread that comes meanwhile cannot be
    /// interrupted, and one that is inside must not enter again. A panic inside opens it.
    ///
    /// ```
    /// use ungil_sync::{AfterFork, Gate};
    ///
    /// struct Waiters(u32);
    ///
    /// impl AfterFork for Waiters {
    ///     fn after_fork(&mut self, _is_torn: bool) {
    ///         self.0 = 0;
    ///     }
    /// }
    ///
    /// static GATE: Gate<Waiters> = Gate::new(Waiters(0));
    /// GATE.enter().0 += 1;
    /// assert_eq!(GATE.enter().0, 1);
    /// ```
    ///
    /// Threads share a gate though they may not share what it guards; a guard they do not:
    ///
    /// ```compile_fail,E0277
    /// use std::cell::Cell;
    /// use std::thread;
    /// use ungil_sync::{AfterFork, Gate};
    ///
    /// struct Unshared(Cell<u32>);
    ///
    /// impl AfterFork for Unshared {
    ///     fn after_fork(&mut self, _is_torn: bool) {}
    /// }
    ///
    /// let gate = Gate::new(Unshared(Cell::new(0)));
    /// let inside = gate.enter();
    /// thread::scope(|scope| {
    ///     scope.spawn(|| inside.0.set(1));
    ///     inside.0.set(2);
    /// });
    /// ```
    pub struct Gate<T> {
        word: Word,
        value: UnsafeCell<T>,
    }

    // SAFETY: the value is reached only through a guard, and there is one at a time; so it moves between threads, which
    // `T: Send` allows, and is never shared.
    unsafe impl<T: Send> Send for Gate<T> {}
    // SAFETY: as for `Send`.
    unsafe impl<T: Send> Sync for Gate<T> {}

    impl<T: AfterFork> Gate<T> {
        /// An open gate.
        #[cfg(not(ungil_loom))]
        pub const fn new(value: T) -> Self {
            // Should this process have forked, the first to enter takes it for one of an earlier generation, which does no harm.
            Self { word: Word::new(OPEN), value: UnsafeCell::new(value) }
        }

        /// An open gate.
        #[cfg(ungil_loom)]
        pub fn new(value: T) -> Self {
            Self { word: Word::new(OPEN), value: UnsafeCell::new(value) }
        }

        /// Enters, waiting for whoever is inside; that is never long.
        #[inline]
        pub fn enter(&self) -> GateGuard<'_, T> {
            let open = generation() << STATE_BITS;
            // Acquire: pairs with the Release of `GateGuard::drop`.
            if self
                .word
                .compare_exchange(open | OPEN, open | HELD, Ordering::Acquire, Ordering::Relaxed)
                .is_err()
            {
                self.enter_slow(open);
            }
            GateGuard { gate: self, open, value: PhantomData }
        }

        #[cold]
        fn enter_slow(&self, open: u32) {
            for _ in 0..SPINS {
                // Relaxed: the exchange below decides.
                let word = self.word.load(Ordering::Relaxed);
                if word & !STATE != open {
                    return self.take_over(open);
                }
                // Acquire: as in `enter`.
                if word & STATE == OPEN
                    && self
                        .word
                        .compare_exchange_weak(word, open | HELD, Ordering::Acquire, Ordering::Relaxed)
                        .is_ok()
                {
                    return;
                }
                spin_loop();
            }
            // Acquire: as in `enter`. Leaves CONTENDED behind even if nobody else sleeps, which costs one wake for nothing.
            while self.word.swap(open | CONTENDED, Ordering::Acquire) & STATE != OPEN {
                let _ = self.word.wait(open | CONTENDED, None);
            }
        }

        /// Enters a gate that was last used before this process was forked.
        ///
        /// The child has one thread at first, but several may be here if it started some before it used the gate: one of
        /// them wins the exchange, and the others find a gate of this generation.
        #[cold]
        fn take_over(&self, open: u32) {
            let mut word = self.word.load(Ordering::Relaxed);
            while word & !STATE != open {
                // Acquire: orders the take-over behind what the parent did.
                match self.word.compare_exchange(word, open | HELD, Ordering::Acquire, Ordering::Relaxed) {
                    Ok(_) => {
                        // SAFETY: this thread has just become the one inside.
                        let value = unsafe { &mut *self.value.get() };
                        return value.after_fork(word & STATE != OPEN);
                    }
                    Err(found) => word = found,
                }
            }
            self.enter_slow(open);
        }
    }

    impl<T> fmt::Debug for Gate<T> {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.debug_struct("Gate").finish_non_exhaustive()
        }
    }

    /// Being inside a [`Gate`]; leaves when dropped.
    pub struct GateGuard<'a, T> {
        gate: &'a Gate<T>,
        open: u32,
        /// Threads may share the guard only if they may share the value; a gate, they always may.
        value: PhantomData<&'a mut T>,
    }

    impl<T> Deref for GateGuard<'_, T> {
        type Target = T;

        #[inline]
        fn deref(&self) -> &T {
            // SAFETY: the guard is the only one, so nobody changes the value.
            unsafe { &*self.gate.value.get() }
        }
    }

    impl<T> DerefMut for GateGuard<'_, T> {
        #[inline]
        fn deref_mut(&mut self) -> &mut T {
            // SAFETY: the guard is the only one, and is borrowed for as long as the result.
            unsafe { &mut *self.gate.value.get() }
        }
    }

    impl<T> Drop for GateGuard<'_, T> {
        #[inline]
        fn drop(&mut self) {
            // Release: pairs with the Acquire of `enter`.
            if self.gate.word.swap(self.open | OPEN, Ordering::Release) & STATE == CONTENDED {
                self.gate.word.wake_one();
            }
        }
    }

    impl<T> fmt::Debug for GateGuard<'_, T> {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.debug_struct("GateGuard").finish_non_exhaustive()
        }
    }
}

/// Loom's mutex, in the models of what is built on gates; the real one has a model of its own.
#[cfg(ungil_loom)]
mod model {
    use std::sync::PoisonError;

    use loom::sync::{Mutex, MutexGuard};

    use super::AfterFork;

    /// A mutual exclusion.
    #[derive(Debug)]
    pub struct Gate<T>(Mutex<T>);

    /// Being inside a [`Gate`]; leaves when dropped.
    pub type GateGuard<'a, T> = MutexGuard<'a, T>;

    impl<T: AfterFork> Gate<T> {
        /// An open gate.
        pub fn new(value: T) -> Self {
            Self(Mutex::new(value))
        }

        /// Enters.
        pub fn enter(&self) -> GateGuard<'_, T> {
            self.0.lock().unwrap_or_else(PoisonError::into_inner)
        }
    }
}
