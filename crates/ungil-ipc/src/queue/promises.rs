//! Bounds: who wants to put an item is promised room for it first, which the item takes when it comes into the ring.
//!
//! Promises are made behind a latch, if there is a bound, so that no more are let in than there is room for. They are kept by process: those of a dead one
//! are void.

use std::sync::atomic::Ordering::{Relaxed, SeqCst};
use std::sync::atomic::{AtomicU32, AtomicU64};

use ungil_sync::{Deadline, WaitResult};

use super::record::{Moved, UNITS};
use super::{Promises, Queue};
use crate::primitives::Who;
use crate::primitives::latch::Held;
use crate::primitives::wait::{self, Pause};

/// How many promises a process has.
#[derive(Debug)]
#[repr(C)]
pub(super) struct Promise {
    who: AtomicU64,
    n: AtomicU32,
    _free: AtomicU32,
}

impl Queue {
    /// Whether there is a bound at all.
    pub(super) fn is_bounded(&self) -> bool {
        self.most < i32::MAX as u32
    }

    /// Promises room for an item, if there is any and nobody else is about to.
    pub(super) fn try_promise(&self) -> bool {
        let promises = self.promises();
        if !promises.latch.try_acquire() {
            return false;
        }
        let _held = Held(&promises.latch);
        self.promise_if_room()
    }

    /// Promises room for an item, waiting for it until the deadline.
    ///
    /// # Errors
    ///
    /// As [`WaitResult`] says; interrupted now and then without a signal.
    pub(super) fn promise(&self, deadline: Deadline) -> Result<(), WaitResult> {
        let (promises, getting) = (self.promises(), &self.head().getting.0);
        let attempt = || {
            let seen = getting.moved.load(SeqCst) as u32;
            promises.latch.acquire(&self.at_latch, deadline).map_err(Pause::Over)?;
            let _held = Held(&promises.latch);
            if self.promise_if_room() { Ok(()) } else { Err(Pause::While(seen)) }
        };
        let heal = || {
            promises.latch.acquire(&self.at_latch, deadline).ok()?;
            let _held = Held(&promises.latch);
            self.void_the_dead();
            self.promise_if_room().then_some(())
        };
        let looks_well = || !self.is_full();
        wait::until(getting.futex(), &self.for_room, deadline, looks_well, attempt, heal)
    }

    /// Promises room without a bound.
    pub(super) fn promise_freely(&self) {
        let latch = &self.promises().latch;
        if self.entry().is_none() && latch.try_acquire() {
            let _held = Held(latch);
            self.void_the_dead();
        }
        self.count_promise();
    }

    /// An item has come into the ring, or will not come.
    pub(super) fn end_promise(&self) {
        let mut counts = self.own().map(|promise| &promise.n).chain([&self.promises().unknown]);
        // Made when there was no entry, it is among the unknown. What is nonsense stays nonsense, and wakes nobody too few.
        counts.find(|n| n.fetch_update(SeqCst, Relaxed, |n| n.checked_sub(1)).is_ok());
        if self.is_bounded() {
            self.head().getting.0.futex().wake(u32::MAX);
        }
    }

    /// How many items have been put and not been taken.
    pub(super) fn n_in_ring(&self) -> u32 {
        let head = self.head();
        let got = Moved::of(head.getting.0.moved.load(SeqCst)).items;
        // Every item has a unit, so that more than this is nonsense.
        Moved::of(head.putting.0.moved.load(SeqCst)).items.wrapping_sub(got).min(UNITS)
    }

    /// How many are to come.
    pub(super) fn n_promised(&self) -> u32 {
        let promises = self.promises();
        let known = promises.of.iter().map(|promise| promise.n.load(SeqCst));
        known.fold(promises.unknown.load(SeqCst), u32::saturating_add)
    }

    /// The caller has the latch.
    fn promise_if_room(&self) -> bool {
        let has_room = !self.is_full();
        if has_room {
            if self.entry().is_none() {
                self.void_the_dead();
            }
            self.count_promise();
        }
        has_room
    }

    fn count_promise(&self) {
        self.entry().unwrap_or(&self.promises().unknown).fetch_add(1, SeqCst);
    }

    /// Where this process counts a promise; none if the table has no room for it.
    fn entry(&self) -> Option<&AtomicU32> {
        let me = Who::me().word();
        // Acquire, by `SeqCst`: pairs with the release of who voided it.
        let is_claimed = |promise: &&Promise| {
            promise.who.load(Relaxed) == 0 && promise.who.compare_exchange(0, me, SeqCst, Relaxed).is_ok()
        };
        let claimed = || self.promises().of.iter().find(is_claimed);
        self.own().next().or_else(claimed).map(|promise| &promise.n)
    }

    /// This process's entries, which stay its own: one, but where two of its threads have claimed one each at the same moment.
    fn own(&self) -> impl Iterator<Item = &Promise> {
        let me = Who::me().word();
        self.promises().of.iter().filter(move |promise| promise.who.load(Relaxed) == me)
    }

    /// The caller has the latch.
    fn void_the_dead(&self) {
        self.promises().of.iter().for_each(Promise::void_if_dead);
    }

    fn promises(&self) -> &Promises {
        &self.head().promises.0
    }
}

impl Promise {
    /// The caller has the latch.
    fn void_if_dead(&self) {
        let word = self.who.load(Relaxed);
        if Who::of_word(word).is_some_and(Who::is_dead) {
            // In this order: who claims it next finds none.
            self.n.store(0, SeqCst);
            self.who.store(0, SeqCst);
        }
    }
}
