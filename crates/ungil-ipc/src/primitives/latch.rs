//! `Latch`: one word that a process takes, and that says which one has it.
//!
//! 0 is nobody; otherwise the word is a [`Who`], and its flag says that others may sleep until it is given back.
//!
//! Algorithm: the three-state mutex of U. Drepper, "Futexes Are Tricky" (2011), section 6, with the holder in the word, as the robust futexes of
//! Linux have it. Those need the kernel's list of a thread's locks, which the C library has for itself; here the waiters look after the dead.

use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering};

use ungil_sync::patience::Patience;
use ungil_sync::{Deadline, WaitResult};

use super::wait::{self, Futex, Pause};
use super::who::{FLAG, Who};

/// Others may sleep.
const AWAITED: u64 = FLAG;

/// A word that one process has.
#[derive(Debug)]
#[repr(transparent)]
pub(crate) struct Latch(AtomicU64);

impl Latch {
    /// Takes it, if nobody has it.
    #[inline]
    pub(crate) fn try_acquire(&self) -> bool {
        // Acquire: pairs with the release in `release`, so that this process sees what the last one did.
        self.0.compare_exchange(0, Who::me().word(), Ordering::Acquire, Ordering::Relaxed).is_ok()
    }

    /// Takes it, waiting until the deadline; from a dead process, if that had it.
    ///
    /// # Errors
    ///
    /// As [`WaitResult`] says.
    pub(crate) fn acquire(&self, patience: &Patience, deadline: Deadline) -> Result<Option<Who>, WaitResult> {
        // Whoever has slept does not know whether others still do.
        let mark = Cell::new(0);
        let attempt = || {
            // Relaxed: the exchanges decide.
            let word = self.0.load(Ordering::Relaxed);
            if Who::of_word(word).is_none() {
                return self.exchange(word, Who::me().word() | mark.get()).map(|()| None);
            }
            if word & AWAITED == 0 {
                // Whoever gives it back from here on sees the mark and wakes; if it is back already, this fails.
                self.exchange(word, word | AWAITED)?;
            }
            mark.set(AWAITED);
            Err(Pause::While((word | AWAITED) as u32))
        };
        let looks_well = || self.holder().is_none();
        let heal = || self.take_from_the_dead(Who::is_dead).map(Some);
        wait::until(Futex::of(wait::low_half(&self.0)), patience, deadline, looks_well, attempt, heal)
    }

    /// Takes it from a process of which `is_dead` says that it is, and returns that.
    pub(crate) fn take_from_the_dead(&self, is_dead: impl Fn(Who) -> bool) -> Option<Who> {
        let word = self.0.load(Ordering::Relaxed);
        let holder = Who::of_word(word)?;
        // It never gave it back, so no release pairs with this; but the system knows of its end, and what it wrote was written before.
        let taken = is_dead(holder) && self.exchange(word, Who::me().word() | AWAITED).is_ok();
        taken.then_some(holder)
    }

    fn exchange(&self, from: u64, to: u64) -> Result<(), Pause> {
        // Acquire: as in `try_acquire`. If it fails the word has changed, and one that sleeps while it is as it was does not sleep.
        match self.0.compare_exchange(from, to, Ordering::Acquire, Ordering::Relaxed) {
            Ok(_) => Ok(()),
            Err(_) => Err(Pause::While(from as u32)),
        }
    }

    /// Gives it back, whoever has it; false if nobody has.
    #[inline]
    pub(crate) fn release(&self) -> bool {
        // `SeqCst` is a release, and comes before what the caller looks at next, as whether anybody waits for what it has changed.
        let word = self.0.swap(0, Ordering::SeqCst);
        if word & AWAITED != 0 {
            wait::wake(wait::low_half(&self.0), 1);
        }
        Who::of_word(word).is_some()
    }

    /// Which process has it; it may be another one by now. Acquire: if it is nobody, what the last one did is seen.
    #[inline]
    pub(crate) fn holder(&self) -> Option<Who> {
        Who::of_word(self.0.load(Ordering::Acquire))
    }
}

/// Gives a latch back at the end of a scope.
pub(crate) struct Held<'a>(pub(crate) &'a Latch);

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.0.release();
    }
}
