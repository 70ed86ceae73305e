//! [`Waiters`]: those who wait for a condition, and are notified. The lock that goes with it is the caller's.
//!
//! A table has an entry for each of them. Its state says where a notification is; that is never in two places, nor in none:
//!
//! | state | who changes it |
//! |---|---|
//! | [`FREE`] | the waiter, to [`WAITING`], once `who` is its own |
//! | [`WAITING`] | a notifier, to [`NOTIFIED`]; or the waiter that gives up, to [`FREE`] |
//! | [`NOTIFIED`] | the waiter, to [`FREE`]; or if it is dead, whoever has made the entry its own, after passing the notification on |
//!
//! Who is notified is the one that has waited longest, dead or alive: asking costs more than notifying. The living look every now and then whether
//! a notification lies with the dead, and then it passes to one of those that waited when it was given. If none of them is left, it is lost, as it
//! would have been had the dead one not waited.
//!
//! More waiters than the table holds are not known by name. They wake at any notification that finds them waiting.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release, SeqCst};
use std::sync::atomic::{AtomicU32, AtomicU64};

use ungil_sync::patience::Patience;
use ungil_sync::{Deadline, WaitResult};

use super::Who;
use super::segment::{Segment, Slot, Words};
use super::wait::{self, Futex, Pause};

/// How many waiters are known by name. A guess.
pub const KNOWN: usize = 256;

const FREE: u32 = 0;
const WAITING: u32 = 1;
const NOTIFIED: u32 = 2;

#[derive(Debug)]
#[repr(C)]
struct Head {
    /// How many waits have begun; each has its number. Relaxed: it is a number.
    begun: AtomicU32,
    /// No entry from here on has ever been used.
    used_to: AtomicU32,
    /// How many wait without an entry; more, if some were killed.
    unknown: AtomicU32,
    /// Counts the notifications that those without an entry wait for.
    given: AtomicU32,
}

#[derive(Debug)]
#[repr(C)]
struct Entry {
    /// Whose it is; 0 is nobody's. Made one's own by an exchange, which acquires what the last one left by a release.
    who: AtomicU64,
    state: AtomicU32,
    /// The number of the wait.
    number: AtomicU32,
    /// How many waits had begun when the notification was given.
    given_at: AtomicU32,
    _free: AtomicU32,
}

// SAFETY: atomics.
unsafe impl Words for Head {}
// SAFETY: atomics.
unsafe impl Words for Entry {}

/// Those who wait for a condition.
///
/// ```
/// use ungil_ipc::primitives::Waiters;
///
/// let waiters = Waiters::new()?;
/// let wait = waiters.begin();
/// assert_eq!(waiters.notify(1), 1);
/// assert!(waiters.wait(wait, None).is_ok());
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct Waiters {
    slot: Slot<Head, Entry>,
    patience: Patience,
}

/// A wait that has begun. It ends with [`Waiters::wait`] that succeeds, or with [`Waiters::leave`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waiting {
    /// In the entry of this number.
    Known(usize),
    /// Without one, since so many notifications.
    Unknown(u32),
}

impl Waiters {
    /// Nobody.
    ///
    /// # Errors
    ///
    /// What the system says: no descriptor or no memory is left.
    pub fn new() -> io::Result<Self> {
        Ok(Self { slot: Slot::new(KNOWN)?, patience: Patience::new() })
    }

    /// The waiters that another process has told of, with [`Waiters::place`].
    ///
    /// # Errors
    ///
    /// `InvalidData` if they are not within the segment.
    pub fn at(segment: Arc<Segment>, offset: usize) -> io::Result<Self> {
        Ok(Self { slot: Slot::at(segment, offset, KNOWN)?, patience: Patience::new() })
    }

    /// Where they are, for another process.
    pub fn place(&self) -> (&Arc<Segment>, usize) {
        self.slot.place()
    }

    /// How many wait and have not been notified; the dead, if they wait for ever, included.
    pub fn len(&self) -> usize {
        let known = self.used().iter().filter(|entry| entry.state.load(Relaxed) == WAITING).count();
        known + self.slot.head().unknown.load(Relaxed) as usize
    }

    /// Whether nobody waits.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Begins a wait: what is notified from now on may end it. The caller has the lock.
    pub fn begin(&self) -> Waiting {
        let head = self.slot.head();
        let claimed = self.claim().or_else(|| {
            self.clear_of_the_dead();
            self.claim()
        });
        let Some(index) = claimed else {
            head.unknown.fetch_add(1, SeqCst);
            return Waiting::Unknown(head.given.load(SeqCst));
        };
        let entry = &self.slot.entries()[index];
        entry.number.store(head.begun.fetch_add(1, Relaxed), Relaxed);
        // Release: pairs with the notifier's load, so that it sees the number.
        entry.state.store(WAITING, Release);
        Waiting::Known(index)
    }

    /// Waits until it is notified; then the wait is over.
    ///
    /// # Errors
    ///
    /// As [`WaitResult`] says; interrupted now and then without a signal. Then the wait goes on.
    pub fn wait(&self, waiting: Waiting, deadline: Deadline) -> Result<(), WaitResult> {
        let heal = || {
            self.pass_on_from_the_dead();
            None
        };
        let index = match waiting {
            Waiting::Known(index) => index,
            Waiting::Unknown(since) => {
                let head = self.slot.head();
                let has_come = || head.given.load(SeqCst) != since;
                let attempt = || if has_come() { Ok(()) } else { Err(Pause::While(since)) };
                wait::until(Futex::of(&head.given), &self.patience, deadline, has_come, attempt, heal)?;
                head.unknown.fetch_sub(1, Relaxed);
                return Ok(());
            }
        };
        // One that is no number of an entry has been notified, as has one whose state is none.
        let Some(entry) = self.slot.entries().get(index) else { return Ok(()) };
        // Acquire: pairs with the notifier's exchange.
        let has_come = || entry.state.load(Acquire) != WAITING;
        let attempt = || if has_come() { Ok(()) } else { Err(Pause::While(WAITING)) };
        wait::until(Futex::of(&entry.state), &self.patience, deadline, has_come, attempt, heal)?;
        entry.free();
        Ok(())
    }

    /// Ends a wait without a notification; true if one had come all the same.
    pub fn leave(&self, waiting: Waiting) -> bool {
        let index = match waiting {
            Waiting::Known(index) => index,
            Waiting::Unknown(since) => {
                let head = self.slot.head();
                head.unknown.fetch_sub(1, Relaxed);
                return head.given.load(SeqCst) != since;
            }
        };
        let Some(entry) = self.slot.entries().get(index) else { return false };
        let was_waiting = entry.state.compare_exchange(WAITING, FREE, Acquire, Acquire).is_ok();
        entry.free();
        !was_waiting
    }

    /// Notifies up to `n` of those that wait, the longest waiting first, and returns how many. The caller has the lock.
    pub fn notify(&self, n: usize) -> usize {
        let head = self.slot.head();
        let begun = head.begun.load(Relaxed);
        let n_known = (0..n.min(KNOWN)).take_while(|_| self.notify_oldest(begun)).count();
        // `SeqCst`: who waits without an entry says so before it looks at `given`.
        if n_known < n && head.unknown.load(SeqCst) != 0 {
            head.given.fetch_add(1, SeqCst);
            wait::wake(&head.given, u32::MAX);
            return n_known + 1;
        }
        n_known
    }

    /// Notifies the one that has waited longest of those that had begun at `then`; false if there is none.
    fn notify_oldest(&self, then: u32) -> bool {
        // As many tries as there may be waiters that give up meanwhile.
        for _ in 0..KNOWN {
            let age = |entry: &&Entry| then.wrapping_sub(entry.number.load(Relaxed)) as i32;
            let waits = |entry: &&Entry| entry.state.load(Acquire) == WAITING && age(entry) > 0;
            let Some(oldest) = self.used().iter().filter(waits).max_by_key(age) else { return false };
            oldest.given_at.store(then, Relaxed);
            // Release: pairs with the waiter's load. Acquire: so that one that is freed by it is not written before.
            if oldest.state.compare_exchange(WAITING, NOTIFIED, AcqRel, Relaxed).is_ok() {
                wait::wake(&oldest.state, 1);
                return true;
            }
        }
        false
    }

    /// Makes a free entry this process's own.
    fn claim(&self) -> Option<usize> {
        let me = Who::me().word();
        let is_claimed = |entry: &Entry| {
            entry.who.load(Relaxed) == 0 && entry.who.compare_exchange(0, me, Acquire, Relaxed).is_ok()
        };
        let index = self.slot.entries().iter().position(is_claimed)?;
        self.slot.head().used_to.fetch_max(index as u32 + 1, Release);
        Some(index)
    }

    /// The entries that have been used.
    fn used(&self) -> &[Entry] {
        // Acquire: pairs with the release in `claim`; but the lock that goes with the condition orders it already.
        let used_to = self.slot.head().used_to.load(Acquire) as usize;
        &self.slot.entries()[..used_to.min(KNOWN)]
    }

    /// Takes over the notifications that the dead have not taken.
    fn pass_on_from_the_dead(&self) {
        for entry in self.used().iter().filter(|entry| entry.state.load(Acquire) == NOTIFIED) {
            self.bury(entry);
        }
    }

    /// Frees the entries of all who are dead.
    fn clear_of_the_dead(&self) {
        for entry in self.used() {
            self.bury(entry);
        }
    }

    fn bury(&self, entry: &Entry) {
        let word = entry.who.load(Relaxed);
        let Some(who) = Who::of_word(word).filter(|who| who.is_dead()) else { return };
        // First it is this process's own: should that die here, the next one begins anew.
        if entry.who.compare_exchange(who.word(), Who::me().word(), Acquire, Relaxed).is_ok() {
            if entry.state.load(Acquire) == NOTIFIED {
                self.notify_oldest(entry.given_at.load(Relaxed));
            }
            entry.free();
        }
    }
}

impl Entry {
    fn free(&self) {
        // In this order: whoever makes it its own finds it free. Release: pairs with the exchange in `claim`.
        self.state.store(FREE, Relaxed);
        self.who.store(0, Release);
    }
}
