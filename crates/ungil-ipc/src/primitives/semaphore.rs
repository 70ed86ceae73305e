//! [`Semaphore`]: so many permits, which processes take and give back, or give and take.
//!
//! A semaphore is used in two ways, and does not say in which. As a *store* of permits, each process gives back what it took; then what a dead process had can be
//! known, and comes back. As a *signal*, one process releases what another acquires; then nobody can say what a dead process owed, and nothing comes back.
//! So a semaphore is taken for a store until it shows otherwise: when it begins with 0 permits, or a process releases what it has not taken. From
//! then on it is a mere number.
//!
//! As a store it keeps a table of how many permits each process has. The words behind the latch are changed in this order: first the table, then the
//! value, which is the total less what the table has. So whoever takes the latch from a dead process computes the value anew, and nothing is lost.
//!
//! Permits that came back from the dead, and that a living process gives back all the same (it was a signal after all), are counted once:
//! `returned` says how many releases are still to be swallowed.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering::{Relaxed, SeqCst};
use std::sync::atomic::{AtomicU32, AtomicU64};

use ungil_sync::patience::Patience;
use ungil_sync::{Deadline, WaitResult};

use super::latch::{Held, Latch};
use super::segment::{Segment, Slot, Words};
use super::wait::{self, Futex, Pause};
use super::{Dead, Who};

/// How many processes a store knows by name. What further ones take does not come back. A guess.
const KNOWN: usize = 16;

/// The words of all processes; those of a store are changed behind the latch alone. Relaxed: the latch orders them, but where it says otherwise.
#[derive(Debug)]
#[repr(C)]
struct Head {
    latch: Latch,
    /// How many permits there are to take. A waiter sleeps while it is 0.
    value: AtomicU32,
    /// How many threads may sleep; more, if some were killed.
    n_asleep: AtomicU32,
    /// How many permits a store has, taken or not.
    total: AtomicU32,
    /// How many are taken by processes that the table has no room for.
    unknown: AtomicU32,
    /// Not 0: it is used as a signal.
    is_signal: AtomicU32,
    /// How many came back from the dead that somebody else may still give back.
    returned: AtomicU32,
}

/// How many permits a process has; of nobody if it has none.
#[derive(Debug)]
#[repr(C)]
struct Entry {
    who: AtomicU64,
    taken: AtomicU32,
    _free: AtomicU32,
}

// SAFETY: atomics.
unsafe impl Words for Head {}
// SAFETY: atomics.
unsafe impl Words for Entry {}

/// It was released more often than it may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReleasedTooOften;

/// Permits that processes take and give back.
///
/// ```
/// use ungil_ipc::primitives::Semaphore;
///
/// let semaphore = Semaphore::new(1, 2)?;
/// assert!(semaphore.try_acquire() && !semaphore.try_acquire());
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct Semaphore {
    slot: Slot<Head, Entry>,
    most: u32,
    patience: Patience,
    at_latch: Patience,
}

impl Semaphore {
    /// One of `value` permits, and never more than `most`.
    ///
    /// # Errors
    ///
    /// What the system says: no descriptor or no memory is left.
    pub fn new(value: u32, most: u32) -> io::Result<Self> {
        let made = Self::of(Slot::new(KNOWN)?, most);
        let head = made.slot.head();
        head.value.store(value, Relaxed);
        head.total.store(value, Relaxed);
        head.is_signal.store(u32::from(value == 0), Relaxed);
        Ok(made)
    }

    /// The semaphore that another process has told of, with [`Semaphore::place`].
    ///
    /// # Errors
    ///
    /// `InvalidData` if it is not within the segment.
    pub fn at(segment: Arc<Segment>, offset: usize, most: u32) -> io::Result<Self> {
        Ok(Self::of(Slot::at(segment, offset, KNOWN)?, most))
    }

    fn of(slot: Slot<Head, Entry>, most: u32) -> Self {
        Self { slot, most, patience: Patience::new(), at_latch: Patience::new() }
    }

    /// Where it is, for another process.
    pub fn place(&self) -> (&Arc<Segment>, usize) {
        self.slot.place()
    }

    /// How many permits there are to take, at this moment.
    pub fn value(&self) -> u32 {
        self.slot.head().value.load(Relaxed).min(self.most)
    }

    /// How many there are at most.
    pub fn most(&self) -> u32 {
        self.most
    }

    /// Takes a permit, if there is one and no other process is busy with the semaphore.
    #[inline]
    pub fn try_acquire(&self) -> bool {
        self.try_enter().is_some_and(|inside| inside.take())
    }

    /// Takes a permit if there is one, or one of a dead process, and tells of that.
    ///
    /// # Errors
    ///
    /// Timed out: there is none. Interrupted, now and then without a signal: another process is busy with the semaphore.
    pub fn acquire_now(&self) -> Result<Option<Dead>, WaitResult> {
        let inside = self.enter(None)?;
        if inside.take() {
            return Ok(None);
        }
        let dead = inside.recover(Who::has_been_dead).filter(|_| inside.take());
        dead.map(Some).ok_or(WaitResult::TimedOut)
    }

    /// Takes a permit, waiting for it until the deadline; and tells if it is one of a process that died.
    ///
    /// # Errors
    ///
    /// As [`WaitResult`] says; interrupted now and then without a signal.
    pub fn acquire(&self, deadline: Deadline) -> Result<Option<Dead>, WaitResult> {
        let head = self.slot.head();
        let attempt = || {
            if head.value.load(SeqCst) == 0 {
                return Err(Pause::While(0));
            }
            let inside = self.enter(deadline).map_err(Pause::Over)?;
            if inside.take() { Ok(None) } else { Err(Pause::While(0)) }
        };
        let heal = || {
            let inside = self.enter(deadline).ok()?;
            inside.recover(Who::is_dead).filter(|_| inside.take()).map(Some)
        };
        let looks_well = || head.value.load(Relaxed) != 0;
        wait::until(self.futex(), &self.patience, deadline, looks_well, attempt, heal)
    }

    /// Gives a permit, if no other process is busy with the semaphore.
    ///
    /// # Errors
    ///
    /// There are as many as there may be.
    #[inline]
    pub fn try_release(&self) -> Option<Result<(), ReleasedTooOften>> {
        let inside = self.try_enter()?;
        Some(self.give(inside))
    }

    /// Gives a permit, waiting while another process is busy with the semaphore.
    ///
    /// # Errors
    ///
    /// Interrupted, now and then without a signal; or there are as many as there may be.
    pub fn release(&self) -> Result<Result<(), ReleasedTooOften>, WaitResult> {
        let inside = self.enter(None)?;
        Ok(self.give(inside))
    }

    fn give(&self, inside: Inside<'_>) -> Result<(), ReleasedTooOften> {
        inside.give()?;
        // The latch's release, which is `SeqCst`, lies between the permit and the look at who waits.
        drop(inside);
        self.futex().wake(1);
        Ok(())
    }

    /// What waits for a permit sleeps on.
    fn futex(&self) -> Futex<'_> {
        let head = self.slot.head();
        Futex { word: &head.value, n_asleep: Some(&head.n_asleep) }
    }

    #[inline]
    fn try_enter(&self) -> Option<Inside<'_>> {
        let latch = &self.slot.head().latch;
        latch.try_acquire().then(|| Inside { of: self, _held: Held(latch) })
    }

    fn enter(&self, deadline: Deadline) -> Result<Inside<'_>, WaitResult> {
        let latch = &self.slot.head().latch;
        let dead = latch.acquire(&self.at_latch, deadline)?;
        let inside = Inside { of: self, _held: Held(latch) };
        if dead.is_some() {
            inside.recompute();
        }
        Ok(inside)
    }
}

/// What may be done behind the latch.
struct Inside<'a> {
    of: &'a Semaphore,
    _held: Held<'a>,
}

impl Inside<'_> {
    fn head(&self) -> &Head {
        self.of.slot.head()
    }

    fn is_signal(&self) -> bool {
        self.head().is_signal.load(Relaxed) != 0
    }

    fn take(&self) -> bool {
        let head = self.head();
        let value = head.value.load(Relaxed);
        if value == 0 {
            return false;
        }
        if !self.is_signal() {
            let taken = self.own_entry().map_or(&head.unknown, |entry| &entry.taken);
            taken.store(taken.load(Relaxed).saturating_add(1), Relaxed);
        }
        head.value.store(value - 1, Relaxed);
        true
    }

    fn give(&self) -> Result<(), ReleasedTooOften> {
        let head = self.head();
        let value = head.value.load(Relaxed);
        if let Some(taken) = self.taken().filter(|_| !self.is_signal()) {
            if value >= self.of.most {
                return Err(ReleasedTooOften);
            }
            taken.store(taken.load(Relaxed).saturating_sub(1), Relaxed);
            head.value.store(value + 1, Relaxed);
            return Ok(());
        }
        let returned = head.returned.load(Relaxed);
        if returned == 0 && value >= self.of.most {
            return Err(ReleasedTooOften);
        }
        head.is_signal.store(1, Relaxed);
        if returned > 0 {
            head.returned.store(returned - 1, Relaxed);
        } else {
            head.value.store(value + 1, Relaxed);
        }
        Ok(())
    }

    /// This process's entry, or a free one made its own.
    fn own_entry(&self) -> Option<&Entry> {
        let (me, entries) = (Who::me().word(), self.of.slot.entries());
        let is_of = |entry: &&Entry, word: u64| entry.who.load(Relaxed) == word;
        entries.iter().find(|entry| is_of(entry, me)).or_else(|| {
            let free = entries.iter().find(|entry| entry.taken.load(Relaxed) == 0)?;
            free.who.store(me, Relaxed);
            Some(free)
        })
    }

    /// Where it says how many permits this process has, if it has any.
    fn taken(&self) -> Option<&AtomicU32> {
        let me = Who::me().word();
        let own = self.of.slot.entries().iter().find(|entry| entry.who.load(Relaxed) == me);
        [own.map(|entry| &entry.taken), Some(&self.head().unknown)]
            .into_iter()
            .flatten()
            .find(|taken| taken.load(Relaxed) > 0)
    }

    /// Takes back what processes have of which `is_dead` says that they are; one of them.
    fn recover(&self, is_dead: impl Fn(Who) -> bool) -> Option<Dead> {
        if self.is_signal() {
            return None;
        }
        let (head, mut found) = (self.head(), None);
        for entry in self.of.slot.entries() {
            let taken = entry.taken.load(Relaxed);
            let Some(who) = Who::of_word(entry.who.load(Relaxed)).filter(|who| taken > 0 && is_dead(*who))
            else {
                continue;
            };
            head.returned.store(head.returned.load(Relaxed).saturating_add(taken), Relaxed);
            entry.taken.store(0, Relaxed);
            found = Some(who);
        }
        self.recompute();
        found
    }

    /// Brings a store's value into line with its table.
    fn recompute(&self) {
        if self.is_signal() {
            return;
        }
        let head = self.head();
        let taken = self.of.slot.entries().iter().map(|entry| entry.taken.load(Relaxed));
        let taken = taken.fold(head.unknown.load(Relaxed), u32::saturating_add);
        head.value.store(head.total.load(Relaxed).saturating_sub(taken), Relaxed);
        self.of.futex().wake(u32::MAX);
    }
}
