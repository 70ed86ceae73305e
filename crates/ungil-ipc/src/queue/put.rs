//! The producers' side.

use std::cmp::min;
use std::sync::atomic::Ordering::{Acquire, Relaxed, SeqCst};
use std::time::{Duration, Instant};

use ungil_sync::{Deadline, WaitResult};

use super::record::{CAPACITY, Moved, Record, UNIT, UNITS};
use super::{Corrupt, Queue};
use crate::primitives::latch::Held;
use crate::primitives::wait::{self, Pause};

/// How many bytes a piece of an item has at most: so many that a consumer empties the ring while the producer fills it.
const PIECE: usize = CAPACITY / 4;

/// How long a producer that has somewhere else to put its item waits for another that is putting: far longer than that takes, unless it is stopped.
const NOT_LONG: Duration = Duration::from_millis(20);

/// What becomes of an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is in the ring.
    Done,
    /// There is no room for its bytes now; room for an item has been promised: [`Queue::pour`].
    Promised,
    /// Another process is busy with the queue.
    Busy,
}

impl Queue {
    /// Puts an item in, without waiting.
    ///
    /// # Errors
    ///
    /// Another process wrote nonsense.
    #[inline]
    pub fn try_put(&self, item: &[u8]) -> Result<Outcome, Corrupt> {
        if self.is_bounded() && !self.try_promise() {
            return Ok(Outcome::Busy);
        }
        let latch = &self.head().putting.0.latch;
        let is_in = if latch.try_acquire() {
            let _held = Held(latch);
            self.write_whole(item)
        } else {
            Ok(false)
        };
        if self.is_bounded() {
            // It holds no longer, either way.
            self.end_promise();
        }
        if is_in? {
            self.wake_consumers(1);
            return Ok(Outcome::Done);
        }
        Ok(Outcome::Busy)
    }

    /// Puts an item in, waiting until the deadline for room for another item, but not for room for its bytes. If not `directly`, it only promises room for it.
    ///
    /// # Errors
    ///
    /// As [`WaitResult`] says; interrupted now and then without a signal. Timed out: it is full.
    pub fn put(
        &self,
        item: &[u8],
        directly: bool,
        deadline: Deadline,
    ) -> Result<Result<Outcome, Corrupt>, WaitResult> {
        if self.is_bounded() {
            self.promise(deadline)?;
        } else {
            self.promise_freely();
        }
        let putting = &self.head().putting.0;
        if !directly || putting.in_pieces.load(Relaxed) != 0 {
            return Ok(Ok(Outcome::Promised));
        }
        // An interruption comes again.
        let soon = Some(Instant::now() + NOT_LONG);
        if putting.latch.acquire(&self.at_latch, soon).is_err() {
            return Ok(Ok(Outcome::Promised));
        }
        let held = Held(&putting.latch);
        // A producer that was killed may have left it.
        putting.in_pieces.store(0, Relaxed);
        let is_in = self.write_whole(item);
        drop(held);
        if is_in != Ok(false) {
            self.end_promise();
        }
        Ok(is_in.map(|is_in| {
            if is_in {
                self.wake_consumers(1);
            }
            if is_in { Outcome::Done } else { Outcome::Promised }
        }))
    }

    /// Puts an item in whatever room there is, waiting for more. If it `is_promised`, the promise is kept by it.
    pub fn pour<'a>(&'a self, item: &'a [u8], is_promised: bool) -> Pouring<'a> {
        Pouring { queue: self, item, n_put: 0, is_promised, held: None }
    }

    /// Writes an item in one record, if there is room. The caller has the latch.
    #[inline]
    fn write_whole(&self, item: &[u8]) -> Result<bool, Corrupt> {
        let Ok(len) = u32::try_from(item.len()) else { return Ok(false) };
        self.write(Record { len, is_first: true, is_last: true }, item)
    }

    fn write(&self, record: Record, bytes: &[u8]) -> Result<bool, Corrupt> {
        let head = self.head();
        // Relaxed: written by producers alone, and the latch orders them.
        let put = Moved::of(head.putting.0.moved.load(Relaxed));
        // Acquire: pairs with the consumer's store: what it has taken is free.
        let got = Moved::of(head.getting.0.moved.load(Acquire));
        let n_free = UNITS.checked_sub(put.units.wrapping_sub(got.units)).ok_or(Corrupt)?;
        if record.units() > n_free {
            return Ok(false);
        }
        self.ring().write(put.units, record, bytes);
        head.putting.0.moved.store(put.and(record).word(), SeqCst);
        Ok(true)
    }

    #[inline]
    fn wake_consumers(&self, n: u32) {
        self.head().putting.0.futex().wake(n);
        self.announce();
    }
}

/// An item on its way into the ring. Dropped in the middle, it is lost, and no other is.
#[must_use = "nothing is put before `proceed`"]
pub struct Pouring<'a> {
    queue: &'a Queue,
    item: &'a [u8],
    n_put: usize,
    is_promised: bool,
    /// From the first piece to the last.
    held: Option<Held<'a>>,
}

impl Pouring<'_> {
    /// Goes on until the item is in.
    ///
    /// # Errors
    ///
    /// As [`WaitResult`] says; interrupted now and then without a signal. The same call goes on.
    pub fn proceed(&mut self, deadline: Deadline) -> Result<Result<(), Corrupt>, WaitResult> {
        let (queue, head) = (self.queue, self.queue.head());
        let putting = &head.putting.0;
        if self.held.is_none() {
            putting.latch.acquire(&queue.at_latch, deadline)?;
            self.held = Some(Held(&putting.latch));
            putting.in_pieces.store(u32::from(!self.fits()), Relaxed);
        }
        loop {
            match self.put_piece(deadline) {
                Ok(Ok(false)) => {}
                Ok(ended) => {
                    putting.in_pieces.store(0, Relaxed);
                    self.held = None;
                    if self.is_promised {
                        queue.end_promise();
                    }
                    self.is_promised = false;
                    return Ok(ended.map(drop));
                }
                Err(ended) => return Err(ended),
            }
        }
    }

    /// Whether the whole item has room in an empty ring.
    fn fits(&self) -> bool {
        self.item.len() / UNIT + 2 <= UNITS as usize
    }

    /// Puts one piece; whether it was the last.
    fn put_piece(&mut self, deadline: Deadline) -> Result<Result<bool, Corrupt>, WaitResult> {
        let (queue, getting) = (self.queue, &self.queue.head().getting.0);
        let fits = self.fits();
        let len = if fits { self.item.len() } else { min(self.item.len() - self.n_put, PIECE) };
        let is_last = self.n_put + len == self.item.len();
        let record = Record { len: len as u32, is_first: self.n_put == 0, is_last };
        let bytes = &self.item[self.n_put..self.n_put + len];
        let attempt = || {
            let seen = getting.moved.load(SeqCst) as u32;
            match queue.write(record, bytes) {
                Ok(false) => Err(Pause::While(seen)),
                ended => Ok(ended),
            }
        };
        let before = getting.moved.load(Relaxed);
        let has_moved = || getting.moved.load(Relaxed) != before;
        let ended = match attempt() {
            Ok(ended) => Ok(ended),
            Err(_) => wait::until(getting.futex(), &queue.for_room, deadline, has_moved, attempt, || None),
        };
        if let Err(corrupt) = ended? {
            return Ok(Err(corrupt));
        }
        // The one that waits for the rest is not to be missed.
        queue.wake_consumers(if fits { 1 } else { u32::MAX });
        self.n_put += len;
        Ok(Ok(is_last))
    }
}

impl Drop for Pouring<'_> {
    fn drop(&mut self) {
        if self.held.is_some() {
            self.queue.head().putting.0.in_pieces.store(0, Relaxed);
        }
        if self.is_promised {
            self.queue.end_promise();
        }
    }
}
