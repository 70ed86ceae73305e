//! [`Barrier`]: so many parties wait until all of them have arrived, again and again.
//!
//! A table has an entry for each party that waits; how many have arrived is the number of entries that wait, counted anew each time, so that a process that dies
//! in the middle of a change leaves no number wrong. All changes are made behind the latch. Everybody sleeps on one word, `n_changes`, and looks at its own
//! entry when that has changed.
//!
//! | entry | what becomes of it |
//! |---|---|
//! | [`FREE`] | [`WAITS`], by a party that arrives |
//! | [`WAITS`] | [`PASSED`] when all have arrived, [`BROKEN`] when the barrier breaks, [`FREE`] by a party that gives up |
//! | [`PASSED`], [`BROKEN`] | [`FREE`], by the party, which learns so how its wait has ended; or by anybody, once it is dead |
//!
//! The last to arrive has no entry. It has the barrier to itself ([`ACTING`]) until it says that all may pass, or breaks it.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering::{Relaxed, SeqCst};
use std::sync::atomic::{AtomicU32, AtomicU64};

use ungil_sync::patience::Patience;
use ungil_sync::{Deadline, WaitResult};

use super::Who;
use super::latch::{Held, Latch};
use super::segment::{Segment, Slot, Words};
use super::wait::{self, Futex, NAP, Pause};
use super::who::milliseconds;

const FREE: u32 = 0;
const WAITS: u32 = 1;
const PASSED: u32 = 2;
const BROKEN: u32 = 3;

/// The barrier's own states: parties arrive; the last has arrived and is at work; broken.
const FILLING: u32 = 0;
const ACTING: u32 = 1;
const IS_BROKEN: u32 = 2;

/// Relaxed: the latch orders them, but where it says otherwise.
#[derive(Debug)]
#[repr(C)]
struct Head {
    latch: Latch,
    /// Who is at work, if the state is [`ACTING`].
    actor: AtomicU64,
    /// When somebody last looked after the dead, in milliseconds: one does it for all.
    checked_at: AtomicU64,
    state: AtomicU32,
    /// What everybody sleeps on. `SeqCst`: it is changed after what it tells of, and read before.
    n_changes: AtomicU32,
    /// How many threads may sleep; more, if some were killed.
    n_asleep: AtomicU32,
    /// How many of them have not arrived yet, because the last round is not through.
    n_outside: AtomicU32,
}

#[derive(Debug)]
#[repr(C)]
struct Entry {
    who: AtomicU64,
    state: AtomicU32,
    _free: AtomicU32,
}

// SAFETY: atomics.
unsafe impl Words for Head {}
// SAFETY: atomics.
unsafe impl Words for Entry {}

/// So many parties wait for each other.
///
/// ```
/// use ungil_ipc::primitives::Barrier;
/// use ungil_ipc::primitives::barrier::Arrival;
///
/// let barrier = Barrier::new(1)?;
/// assert!(matches!(barrier.arrive(None), Ok(Arrival::Last { index: 0 })));
/// assert!(barrier.pass(None).is_ok_and(|has_passed| has_passed));
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct Barrier {
    slot: Slot<Head, Entry>,
    patience: Patience,
    at_latch: Patience,
}

/// What an arrival comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrival {
    /// The others are still to come: [`Barrier::wait`], and then [`Barrier::leave`] if that did not end the wait.
    Waits {
        /// How many came before.
        index: usize,
        /// The entry that it waits in.
        entry: usize,
    },
    /// All are there: then comes [`Barrier::pass`] or [`Barrier::abort`].
    Last {
        /// How many came before.
        index: usize,
    },
    /// The barrier is broken.
    Broken,
}

impl Barrier {
    /// One for `parties`, at least 1.
    ///
    /// # Errors
    ///
    /// What the system says: no descriptor or no memory is left.
    pub fn new(parties: usize) -> io::Result<Self> {
        Ok(Self::of(Slot::new(parties)?))
    }

    /// The barrier that another process has told of, with [`Barrier::place`].
    ///
    /// # Errors
    ///
    /// `InvalidData` if it is not within the segment.
    pub fn at(segment: Arc<Segment>, offset: usize, parties: usize) -> io::Result<Self> {
        Ok(Self::of(Slot::at(segment, offset, parties)?))
    }

    fn of(slot: Slot<Head, Entry>) -> Self {
        Self { slot, patience: Patience::new(), at_latch: Patience::new() }
    }

    /// Where it is, for another process.
    pub fn place(&self) -> (&Arc<Segment>, usize) {
        self.slot.place()
    }

    /// Whether it is broken.
    pub fn is_broken(&self) -> bool {
        self.slot.head().state.load(SeqCst) == IS_BROKEN
    }

    /// How many wait.
    pub fn n_waiting(&self) -> usize {
        self.slot.entries().iter().filter(|entry| entry.state.load(Relaxed) == WAITS).count()
    }

    /// Arrives; first it waits until the last round is through.
    ///
    /// # Errors
    ///
    /// As [`WaitResult`] says; interrupted now and then without a signal. Then it has not arrived.
    pub fn arrive(&self, deadline: Deadline) -> Result<Arrival, WaitResult> {
        let attempt = || {
            let inside = self.enter(deadline).map_err(Pause::Over)?;
            let changes = inside.head().n_changes.load(SeqCst);
            match inside.head().state.load(Relaxed) {
                FILLING => inside.arrive().ok_or(Pause::While(changes)),
                ACTING => Err(Pause::While(changes)),
                _ => Ok(Arrival::Broken),
            }
        };
        match attempt() {
            Ok(arrival) => Ok(arrival),
            Err(Pause::Over(ended)) => Err(ended),
            Err(Pause::While(_)) => {
                let head = self.slot.head();
                // `SeqCst`: either who leaves sees this, or the next attempt sees that it has left.
                head.n_outside.fetch_add(1, SeqCst);
                let ended = self.watch(deadline, attempt);
                head.n_outside.fetch_sub(1, Relaxed);
                ended
            }
        }
    }

    /// Waits in an entry until all have arrived, true, or the barrier is broken, false; the wait is over.
    ///
    /// # Errors
    ///
    /// As [`WaitResult`] says; interrupted now and then without a signal. Then the wait goes on.
    pub fn wait(&self, entry: usize, deadline: Deadline) -> Result<bool, WaitResult> {
        let Some(entry) = self.slot.entries().get(entry) else { return Ok(false) };
        self.watch(deadline, || {
            let changes = self.slot.head().n_changes.load(SeqCst);
            match entry.state.load(SeqCst) {
                WAITS => Err(Pause::While(changes)),
                ended => {
                    entry.state.store(FREE, SeqCst);
                    self.tell_if_awaited();
                    Ok(ended == PASSED)
                }
            }
        })
    }

    /// Gives a wait up; true if all had arrived before.
    ///
    /// # Errors
    ///
    /// Interrupted, now and then without a signal: another process is busy with the barrier.
    pub fn leave(&self, entry: usize) -> Result<bool, WaitResult> {
        let inside = self.enter(None)?;
        let Some(entry) = self.slot.entries().get(entry) else { return Ok(false) };
        let has_passed = entry.state.load(Relaxed) == PASSED;
        entry.state.store(FREE, Relaxed);
        inside.tell();
        Ok(has_passed)
    }

    /// Lets all pass, after the last has arrived; false if the barrier has been broken or reset meanwhile.
    ///
    /// # Errors
    ///
    /// As [`WaitResult`] says; interrupted now and then without a signal.
    pub fn pass(&self, deadline: Deadline) -> Result<bool, WaitResult> {
        let inside = self.enter(deadline)?;
        let head = inside.head();
        if head.state.load(Relaxed) != ACTING || head.actor.load(Relaxed) != Who::me().word() {
            return Ok(false);
        }
        inside.end_waits(PASSED, FILLING);
        Ok(true)
    }

    /// Breaks it: all who wait, and all who come, learn that it is broken.
    ///
    /// # Errors
    ///
    /// Interrupted, now and then without a signal: another process is busy with the barrier.
    pub fn abort(&self) -> Result<(), WaitResult> {
        self.enter(None)?.end_waits(BROKEN, IS_BROKEN);
        Ok(())
    }

    /// Makes it as new; all who wait learn that it is broken.
    ///
    /// # Errors
    ///
    /// As [`Barrier::abort`].
    pub fn reset(&self) -> Result<(), WaitResult> {
        self.enter(None)?.end_waits(BROKEN, FILLING);
        Ok(())
    }

    /// Waits for changes until `attempt` succeeds, and looks after the dead.
    fn watch<R>(&self, deadline: Deadline, attempt: impl Fn() -> Result<R, Pause>) -> Result<R, WaitResult> {
        let head = self.slot.head();
        let before = head.n_changes.load(SeqCst);
        let has_changed = || head.n_changes.load(Relaxed) != before;
        let heal = || {
            self.break_for_the_dead();
            attempt().ok()
        };
        wait::until(self.futex(), &self.patience, deadline, has_changed, &attempt, heal)
    }

    /// What everybody sleeps on.
    fn futex(&self) -> Futex<'_> {
        let head = self.slot.head();
        Futex { word: &head.n_changes, n_asleep: Some(&head.n_asleep) }
    }

    /// Breaks the barrier if a party has died that waits, or that is at work.
    fn break_for_the_dead(&self) {
        let (head, now) = (self.slot.head(), milliseconds());
        let checked_at = head.checked_at.swap(now, Relaxed);
        if checked_at <= now && now - checked_at < NAP.as_millis() as u64 / 2 {
            return;
        }
        let is_dead = |word: u64| Who::of_word(word).is_some_and(Who::is_dead);
        let waits = |entry: &&Entry| entry.state.load(Relaxed) != FREE;
        let mut dead =
            self.slot.entries().iter().filter(waits).filter(|entry| is_dead(entry.who.load(Relaxed)));
        let actor_died = head.state.load(Relaxed) == ACTING && is_dead(head.actor.load(Relaxed));
        if dead.next().is_none() && !actor_died {
            return;
        }
        let Ok(inside) = self.enter(Some(std::time::Instant::now() + NAP)) else { return };
        let mut breaks = actor_died && head.state.load(Relaxed) == ACTING;
        for entry in self.slot.entries().iter().filter(waits).filter(|entry| is_dead(entry.who.load(Relaxed)))
        {
            breaks |= entry.state.swap(FREE, Relaxed) == WAITS;
        }
        if breaks {
            inside.end_waits(BROKEN, IS_BROKEN);
        } else {
            inside.tell();
        }
    }

    fn enter(&self, deadline: Deadline) -> Result<Inside<'_>, WaitResult> {
        let latch = &self.slot.head().latch;
        if !latch.try_acquire() {
            // What a dead process leaves half changed, the next look after the dead finds.
            latch.acquire(&self.at_latch, deadline)?;
        }
        Ok(Inside { of: self, _held: Held(latch) })
    }

    /// Tells those that cannot arrive for want of an entry that there is one.
    fn tell_if_awaited(&self) {
        let head = self.slot.head();
        if head.n_outside.load(SeqCst) != 0 {
            head.n_changes.fetch_add(1, SeqCst);
            self.futex().wake(u32::MAX);
        }
    }
}

/// What may be done behind the latch.
struct Inside<'a> {
    of: &'a Barrier,
    _held: Held<'a>,
}

impl Inside<'_> {
    fn head(&self) -> &Head {
        self.of.slot.head()
    }

    /// None if there is no entry left.
    fn arrive(&self) -> Option<Arrival> {
        let (head, entries) = (self.head(), self.of.slot.entries());
        let index = self.of.n_waiting();
        let me = Who::me().word();
        if index + 1 >= entries.len() {
            head.actor.store(me, Relaxed);
            head.state.store(ACTING, Relaxed);
            return Some(Arrival::Last { index });
        }
        let entry = entries.iter().position(|entry| entry.state.load(Relaxed) == FREE)?;
        entries[entry].who.store(me, Relaxed);
        entries[entry].state.store(WAITS, Relaxed);
        Some(Arrival::Waits { index, entry })
    }

    fn end_waits(&self, how: u32, state: u32) {
        for entry in self.of.slot.entries().iter().filter(|entry| entry.state.load(Relaxed) == WAITS) {
            entry.state.store(how, SeqCst);
        }
        self.head().state.store(state, SeqCst);
        self.tell();
    }

    fn tell(&self) {
        let head = self.head();
        head.n_changes.fetch_add(1, SeqCst);
        self.of.futex().wake(u32::MAX);
    }
}
