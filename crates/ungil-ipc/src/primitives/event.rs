//! [`Event`]: a flag that processes wait for. One word, which nobody holds: its setter may die at any moment.
//!
//! | bits | hold |
//! |---|---|
//! | 0 | the flag |
//! | 1 | that somebody may sleep |
//! | 2..=31 | how often the flag has been set, so that who waits learns of that though it is cleared at once |

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use ungil_sync::patience::Patience;
use ungil_sync::{Deadline, WaitResult};

use super::segment::{Segment, Slot, Words};
use super::wait::{self, Futex, Pause};

const SET: u32 = 1;
const AWAITED: u32 = 2;
const ONCE: u32 = 4;

#[derive(Debug)]
#[repr(C)]
struct Word(AtomicU32);

// SAFETY: an atomic.
unsafe impl Words for Word {}

/// A flag that starts false, and that processes wait for.
///
/// ```
/// use ungil_ipc::primitives::Event;
///
/// let event = Event::new()?;
/// let waiting = event.begin();
/// event.set();
/// event.clear();
/// assert!(event.wait(waiting, None).is_ok());
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct Event {
    slot: Slot<Word>,
    patience: Patience,
}

/// The begin of a wait: what is set from then on ends it.
#[derive(Clone, Copy, Debug)]
pub struct Waiting(u32);

impl Event {
    /// One that is not set.
    ///
    /// # Errors
    ///
    /// What the system says: no descriptor or no memory is left.
    pub fn new() -> io::Result<Self> {
        Ok(Self { slot: Slot::new(0)?, patience: Patience::new() })
    }

    /// The event that another process has told of, with [`Event::place`].
    ///
    /// # Errors
    ///
    /// `InvalidData` if it is not within the segment.
    pub fn at(segment: Arc<Segment>, offset: usize) -> io::Result<Self> {
        Ok(Self { slot: Slot::at(segment, offset, 0)?, patience: Patience::new() })
    }

    /// Where it is, for another process.
    pub fn place(&self) -> (&Arc<Segment>, usize) {
        self.slot.place()
    }

    /// Whether the flag is true.
    #[inline]
    pub fn is_set(&self) -> bool {
        // Acquire: pairs with the release in `set`.
        self.word().load(Ordering::Acquire) & SET != 0
    }

    /// Makes the flag true, and ends all waits.
    pub fn set(&self) {
        let set = |word: u32| ((word | SET) & !AWAITED).wrapping_add(ONCE);
        // Release: who finds it set sees what was done before. Where it is set already, this counts as one more, which does no harm.
        let before = self.word().fetch_update(Ordering::AcqRel, Ordering::Relaxed, |word| Some(set(word)));
        if before.is_ok_and(|word| word & AWAITED != 0) {
            wait::wake(self.word(), u32::MAX);
        }
    }

    /// Makes the flag false.
    #[inline]
    pub fn clear(&self) {
        // Relaxed: nobody learns anything from it.
        self.word().fetch_and(!SET, Ordering::Relaxed);
    }

    /// Begins a wait.
    pub fn begin(&self) -> Waiting {
        Waiting(self.word().load(Ordering::Relaxed) / ONCE)
    }

    /// Waits until the flag is true, or has been since the wait began.
    ///
    /// # Errors
    ///
    /// As [`WaitResult`] says; interrupted now and then without a signal.
    pub fn wait(&self, waiting: Waiting, deadline: Deadline) -> Result<(), WaitResult> {
        // Acquire: as in `is_set`.
        let has_come = |word: u32| word & SET != 0 || word / ONCE != waiting.0;
        let attempt = || {
            let word = self.word().load(Ordering::Acquire);
            if has_come(word) {
                return Ok(());
            }
            // If this fails the word has changed, and nobody sleeps while it is as it was.
            let _ = self.word().compare_exchange(word, word | AWAITED, Ordering::Relaxed, Ordering::Relaxed);
            Err(Pause::While(word | AWAITED))
        };
        let looks_well = || has_come(self.word().load(Ordering::Relaxed));
        wait::until(Futex::of(self.word()), &self.patience, deadline, looks_well, attempt, || None)
    }

    fn word(&self) -> &AtomicU32 {
        &self.slot.head().0
    }
}
