//! The consumers' side.

use std::cell::RefCell;
use std::sync::atomic::Ordering::{Acquire, Relaxed, SeqCst};

use ungil_sync::{Deadline, WaitResult};

use super::record::{Moved, Record};
use super::{Corrupt, Queue};
use crate::primitives::Who;
use crate::primitives::latch::Held;
use crate::primitives::wait::{self, Pause};

impl Queue {
    /// Takes an item, if there is one and nobody else is taking. One that comes in pieces is not taken.
    ///
    /// # Errors
    ///
    /// Another process wrote nonsense.
    #[inline]
    pub fn try_get(&self) -> Result<Option<Vec<u8>>, Corrupt> {
        let latch = &self.head().getting.0.latch;
        if self.is_empty() || !latch.try_acquire() {
            return Ok(None);
        }
        let held = Held(latch);
        let mut item = Vec::new();
        let is_whole = match self.next()? {
            Some(record) if record.is_first && record.is_last => {
                self.take(record, Some(&mut item));
                true
            }
            _ => false,
        };
        drop(held);
        if is_whole {
            self.wake_producer();
        }
        Ok(is_whole.then_some(item))
    }

    /// Takes an item, in as many pieces as it has.
    pub fn get(&self) -> Getting<'_> {
        Getting { queue: self, item: Vec::new(), is_within: false, held: None }
    }

    /// The record that comes next. The caller has the latch.
    fn next(&self) -> Result<Option<Record>, Corrupt> {
        let head = self.head();
        // Relaxed: written by consumers alone, and the latch orders them.
        let got = Moved::of(head.getting.0.moved.load(Relaxed));
        // Acquire: pairs with the producer's store: the bytes are there.
        let word = head.putting.0.moved.load(Acquire);
        let n_used = Moved::of(word).units.wrapping_sub(got.units);
        if n_used == 0 {
            return Ok(None);
        }
        let record = self.ring().read(got.units, n_used);
        if record.is_none() {
            // Whatever lies there, producers begin anew where they are.
            head.getting.0.moved.store(word, SeqCst);
        }
        record.map(Some).ok_or(Corrupt)
    }

    /// Takes the record that `next` has returned, to the end of `item` if that is wanted.
    fn take(&self, record: Record, item: Option<&mut Vec<u8>>) {
        let getting = &self.head().getting.0;
        let got = Moved::of(getting.moved.load(Relaxed));
        if let Some(item) = item {
            self.ring().copy_out(got.units, record, item);
        }
        getting.moved.store(got.and(record).word(), SeqCst);
    }

    #[inline]
    fn wake_producer(&self) {
        self.head().getting.0.futex().wake(u32::MAX);
        self.announce_no_more();
    }
}

/// An item on its way out of the ring. Dropped in the middle, it is lost, and no other is.
#[must_use = "nothing is taken before `proceed`"]
pub struct Getting<'a> {
    queue: &'a Queue,
    item: Vec<u8>,
    /// Between an item's pieces.
    is_within: bool,
    /// From the first piece to the last.
    held: Option<Held<'a>>,
}

impl Getting<'_> {
    /// Waits for an item until the deadline; once its first piece is there, until it is whole.
    ///
    /// # Errors
    ///
    /// As [`WaitResult`] says; interrupted now and then without a signal. The same call goes on.
    pub fn proceed(&mut self, deadline: Deadline) -> Result<Result<Vec<u8>, Corrupt>, WaitResult> {
        loop {
            let until = if self.is_within { None } else { deadline };
            match self.wait(until)? {
                Ok(true) => return Ok(Ok(std::mem::take(&mut self.item))),
                Ok(false) => {}
                Err(corrupt) => return Ok(Err(corrupt)),
            }
        }
    }

    /// Waits for a record, and takes it; whether an item is whole now.
    fn wait(&mut self, deadline: Deadline) -> Result<Result<bool, Corrupt>, WaitResult> {
        let (queue, putting) = (self.queue, &self.queue.head().putting.0);
        let is_within = self.is_within;
        // Both of the closures change it, one at a time.
        let this = RefCell::new(self);
        let attempt = || {
            let seen = putting.moved.load(SeqCst) as u32;
            if queue.is_empty() {
                return Err(Pause::While(seen));
            }
            this.borrow_mut().take_record(deadline).map_err(Pause::Over)?.ok_or(Pause::While(seen))
        };
        let heal = || {
            // Nobody is putting, so that nothing comes any more of what has begun. In this order: the producer's last piece comes before it gives the latch back.
            let is_given_up =
                is_within && putting.latch.holder().is_none_or(Who::is_dead) && queue.is_empty();
            is_given_up.then(|| {
                this.borrow_mut().give_up();
                Ok(false)
            })
        };
        let looks_well = || !queue.is_empty();
        wait::until(putting.futex(), &queue.for_items, deadline, looks_well, attempt, heal)
    }

    /// Takes the next record, if there is one; whether an item is whole now.
    fn take_record(&mut self, deadline: Deadline) -> Result<Option<Result<bool, Corrupt>>, WaitResult> {
        let (queue, latch) = (self.queue, &self.queue.head().getting.0.latch);
        if self.held.is_none() {
            latch.acquire(&queue.at_latch, deadline)?;
            self.held = Some(Held(latch));
        }
        let record = match queue.next() {
            Ok(Some(record)) => record,
            Ok(None) => {
                if !self.is_within {
                    self.held = None;
                }
                return Ok(None);
            }
            Err(corrupt) => {
                self.give_up();
                return Ok(Some(Err(corrupt)));
            }
        };
        if record.is_first {
            self.item.clear();
            self.is_within = true;
        }
        // What is not of an item that has begun is the rest of one whose consumer was killed.
        queue.take(record, self.is_within.then_some(&mut self.item));
        let is_whole = self.is_within && record.is_last;
        self.is_within &= !record.is_last;
        if !self.is_within {
            self.held = None;
        }
        queue.wake_producer();
        Ok(Some(Ok(is_whole)))
    }

    fn give_up(&mut self) {
        self.item.clear();
        self.is_within = false;
        self.held = None;
    }
}
