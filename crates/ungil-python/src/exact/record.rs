//! [`Record`]: how a version of an exact function has done so far, and whether it is worth another try.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// After so many calls in a row that were handed back, some are left to the interpreter at once.
const PATIENCE: u32 = 3;

/// The most calls that are left to it before the next try: a power of two.
const LONGEST_PAUSE: u32 = 1 << 10;

/// What became of a version's calls. A call counts when it ends; counts are of no other data, hence Relaxed throughout.
#[derive(Default)]
pub(crate) struct Record {
    compiled: AtomicU64,
    handed_back: AtomicU64,
    passed_over: AtomicU64,
    in_a_row: AtomicU32,
    pause: AtomicU32,
    why: Mutex<Option<String>>,
}

/// A record's counts.
pub(crate) struct Counts {
    /// Calls that compiled code answered.
    pub(crate) compiled: u64,
    /// Calls that it began and the interpreter ran again.
    pub(crate) handed_back: u64,
    /// Calls that the interpreter ran at once, since so many had been handed back.
    pub(crate) passed_over: u64,
    /// Why the last one was handed back.
    pub(crate) why: Option<String>,
}

impl Record {
    /// Whether the next call may try.
    pub(crate) fn may_try(&self) -> bool {
        let pause = self.pause.load(Ordering::Relaxed);
        if pause == 0 {
            return true;
        }
        // Of two threads one may take the other's turn away: a hint.
        self.pause.store(pause - 1, Ordering::Relaxed);
        self.passed_over.fetch_add(1, Ordering::Relaxed);
        false
    }

    pub(crate) fn answered(&self) {
        self.compiled.fetch_add(1, Ordering::Relaxed);
        self.in_a_row.store(0, Ordering::Relaxed);
    }

    pub(crate) fn handed_back(&self, why: String) {
        self.handed_back.fetch_add(1, Ordering::Relaxed);
        let in_a_row = self.in_a_row.fetch_add(1, Ordering::Relaxed) + 1;
        if in_a_row >= PATIENCE {
            let pause = 1_u32.checked_shl(in_a_row - PATIENCE).unwrap_or(LONGEST_PAUSE).min(LONGEST_PAUSE);
            self.pause.store(pause, Ordering::Relaxed);
        }
        *self.why.lock().unwrap_or_else(PoisonError::into_inner) = Some(why);
    }

    pub(crate) fn counts(&self) -> Counts {
        Counts {
            compiled: self.compiled.load(Ordering::Relaxed),
            handed_back: self.handed_back.load(Ordering::Relaxed),
            passed_over: self.passed_over.load(Ordering::Relaxed),
            why: self.why.lock().unwrap_or_else(PoisonError::into_inner).clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_and_end_with_an_answer() {
        let record = Record::default();
        let mut tries = Vec::new();
        for call in 0..40 {
            if record.may_try() {
                tries.push(call);
                record.handed_back("no".into());
            }
        }
        assert_eq!(tries, [0, 1, 2, 4, 7, 12, 21, 38]);
        record.answered();
        record.pause.store(0, Ordering::Relaxed);
        assert!(record.may_try());
        record.handed_back("no".into());
        assert!(record.may_try());
    }
}
