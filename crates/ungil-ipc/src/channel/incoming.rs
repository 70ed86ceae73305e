//! The receiving side of a direction: frames out of the ring, messages that have come in part, and the end.

use std::io;
use std::mem::{self, MaybeUninit};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::atomic::Ordering;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;
use std::time::Instant;

use ungil_sync::Lock;

use super::selectable::Selectable;
use super::{ANNOUNCES, Error, HEADER, IS_ANNOUNCED, SENDING, TRUSTED, Turn, Wait};
use crate::doorbell::{Doorbell, Ended, NOT_LONG};
use crate::ring::{Corrupt, Ring};

#[derive(Debug)]
pub(super) struct Incoming {
    pub(super) number: usize,
    pub(super) ring: Ring,
    pub(super) bell: Doorbell,
    /// Held by the thread that receives.
    turn: Lock,
    partial: Mutex<Partial>,
    selectable: OnceLock<Selectable>,
}

/// A message of which not everything has come.
#[derive(Debug, Default)]
struct Partial {
    /// Its length; none before its frame has begun.
    len: Option<usize>,
    bytes: Vec<u8>,
    /// The other side has taken back a word of this one, and so the doorbell may have a byte that is of no message, or be about to.
    was_taken: bool,
    /// Nothing can be received any more.
    is_over: bool,
}

/// The turn of a thread that receives: at its end the descriptor tells what is so then.
struct ReceivingTurn<'a> {
    way: &'a Incoming,
    _turn: Turn<'a>,
}

impl Drop for ReceivingTurn<'_> {
    fn drop(&mut self) {
        self.way.show_pending();
    }
}

impl Incoming {
    pub(super) fn new(number: usize, ring: Ring, bell: Doorbell) -> Self {
        let (turn, partial, selectable) = (Lock::new(), Mutex::default(), OnceLock::new());
        Self { number, ring, bell, turn, partial, selectable }
    }

    pub(super) fn receive(&self, most: Option<u64>, wait: Wait) -> Result<Vec<u8>, Error> {
        let _turn = self.turn(wait)?;
        self.begin(most, wait)?;
        self.rest(wait)
    }

    pub(super) fn next_len(&self, most: Option<u64>, wait: Wait) -> Result<usize, Error> {
        let _turn = self.turn(wait)?;
        self.begin(most, wait)?;
        let len = self.partial().len;
        Ok(len.unwrap_or(0))
    }

    pub(super) fn receive_into(&self, to: &mut [MaybeUninit<u8>], wait: Wait) -> Result<bool, Error> {
        let _turn = self.turn(wait)?;
        if self.partial().len != Some(to.len()) {
            return Ok(false);
        }
        let before = mem::take(&mut self.partial().bytes);
        let mut n = before.len();
        to[..n].write_copy_of_slice(&before);
        let filled = self.fill(to, &mut n, wait);
        let mut partial = self.partial();
        if filled.is_ok() {
            partial.len = None;
        } else if let Some(len) = partial.len {
            // What has come is kept for the next call.
            let mut kept = before;
            kept.clear();
            if kept.try_reserve_exact(n).is_err() {
                (partial.len, partial.is_over) = (None, true);
                return Err(Error::NoMemory(len as u64));
            }
            // SAFETY: so many have been written.
            kept.extend_from_slice(unsafe { to[..n].assume_init_ref() });
            partial.bytes = kept;
        }
        filled.map(|()| true)
    }

    pub(super) fn wait(&self, wait: Wait) -> Result<(), Error> {
        let _turn = self.turn(wait)?;
        if self.partial().len.is_some() || self.partial().is_over {
            return Ok(());
        }
        match self.wait_for(HEADER, wait) {
            // To receive is to be told so.
            Err(Error::Gone | Error::Incomplete) => Ok(()),
            ended => ended,
        }
    }

    pub(super) fn is_within_message(&self) -> bool {
        self.partial().len.is_some()
    }

    fn turn(&self, wait: Wait) -> Result<ReceivingTurn<'_>, Error> {
        Ok(ReceivingTurn { way: self, _turn: Turn::take(&self.turn, wait)? })
    }

    pub(super) fn has_come(&self, most: usize) -> bool {
        let n = self.ring.len();
        n >= HEADER && n <= HEADER + most
    }

    /// The rest of a message that has begun.
    fn rest(&self, wait: Wait) -> Result<Vec<u8>, Error> {
        loop {
            let mut partial = self.partial();
            let len = partial.len.unwrap_or(0);
            let n_left = len - partial.bytes.len();
            if n_left == 0 {
                partial.len = None;
                return Ok(mem::take(&mut partial.bytes));
            }
            if partial.bytes.len() == partial.bytes.capacity() {
                let more = n_left.min(partial.bytes.capacity().max(TRUSTED));
                partial.bytes.try_reserve_exact(more).map_err(|_| Error::NoMemory(len as u64))?;
            }
            let room = n_left.min(partial.bytes.capacity() - partial.bytes.len());
            let end = partial.bytes.spare_capacity_mut().as_mut_ptr().cast();
            // SAFETY: the vector has that much room behind its bytes.
            let n = unsafe { self.ring.take(end, room) }?;
            let n_now = partial.bytes.len() + n;
            // SAFETY: the bytes before were there, and so many have been written behind them.
            unsafe { partial.bytes.set_len(n_now) };
            drop(partial);
            if n > 0 {
                self.bell.wake(&self.ring.flags().producer_waits);
            } else {
                self.wait_for(1, wait)?;
            }
        }
    }

    /// Takes out the rest of a message, of which `n` bytes have come.
    fn fill(&self, to: &mut [MaybeUninit<u8>], n: &mut usize, wait: Wait) -> Result<(), Error> {
        while *n < to.len() {
            let rest = &mut to[*n..];
            // SAFETY: so many bytes may be written there.
            let n_here = unsafe { self.ring.take(rest.as_mut_ptr().cast(), rest.len()) }?;
            *n += n_here;
            if n_here > 0 {
                self.bell.wake(&self.ring.flags().producer_waits);
            } else {
                self.wait_for(1, wait)?;
            }
        }
        Ok(())
    }

    /// Takes out the first bytes of a frame, unless that has been done.
    fn begin(&self, most: Option<u64>, wait: Wait) -> Result<(), Error> {
        if self.partial().len.is_some() {
            return Ok(());
        }
        if self.partial().is_over {
            return Err(Error::Gone);
        }
        let header = loop {
            if let Some(header) = self.header()? {
                break header;
            }
            self.wait_for(HEADER, wait)?;
        };
        if header & IS_ANNOUNCED != 0 && !self.bell.take_announcement() {
            return Err(Corrupt.into());
        }
        let len = header & !IS_ANNOUNCED;
        if most.is_some_and(|most| len > most) {
            self.partial().is_over = true;
            return Err(Error::TooLong(len));
        }
        let mut taken = [0; HEADER];
        // SAFETY: so many bytes are ours.
        unsafe { self.ring.take(taken.as_mut_ptr(), HEADER) }?;
        self.partial().len = Some(usize::try_from(len).map_err(|_| Error::NoMemory(len))?);
        Ok(())
    }

    /// The first bytes of the next frame, if they have come.
    fn header(&self) -> Result<Option<u64>, Corrupt> {
        let mut header = [0; HEADER];
        // SAFETY: so many bytes are ours.
        let n = unsafe { self.ring.peek(header.as_mut_ptr(), HEADER) }?;
        Ok((n == HEADER).then_some(u64::from_le_bytes(header)))
    }

    /// Waits until so many bytes have come.
    fn wait_for(&self, n: usize, wait: Wait) -> Result<(), Error> {
        if self.ring.len() >= n {
            return Ok(());
        }
        let Wait::Until(deadline) = wait else {
            // A look costs a system call; what has come before the end is found first.
            let is_gone = self.bell.is_gone() && self.ring.len() < n;
            return Err(if is_gone { self.end() } else { Error::WouldWait });
        };
        let flags = self.ring.flags();
        // Each message that has not begun will be announced, and that is a byte.
        let is_announced =
            n == HEADER && flags.mode.load(Ordering::SeqCst) & (ANNOUNCES | SENDING) == ANNOUNCES;
        let word = (!is_announced).then_some(&flags.consumer_waits);
        let mut was_taken = false;
        let ended = self.bell.wait(word, || self.ring.len() >= n, deadline, &mut was_taken);
        self.partial().was_taken |= was_taken;
        match ended {
            Ok(()) => Ok(()),
            Err(Ended::Gone) => Err(self.end()),
            Err(ended) => Err(ended.into()),
        }
    }

    /// What the other side's end means here, when what has come has been taken out.
    fn end(&self) -> Error {
        let mut partial = self.partial();
        partial.is_over = true;
        partial.bytes = Vec::new();
        let is_within = partial.len.take().is_some() || self.ring.len() > 0;
        if is_within { Error::Incomplete } else { Error::Gone }
    }

    pub(super) fn selectable(&self) -> io::Result<BorrowedFd<'_>> {
        if let Some(selectable) = self.selectable.get() {
            return Ok(selectable.set.as_fd());
        }
        let new = Selectable::new(self.bell.as_fd())?;
        let mode = &self.ring.flags().mode;
        let before = mode.fetch_or(ANNOUNCES, Ordering::SeqCst);
        let is_on_its_way = || mode.load(Ordering::SeqCst) & SENDING != 0 && self.ring.len() == 0;
        if before & (ANNOUNCES | SENDING) == SENDING {
            // A frame that will not be announced. Its first bytes come at once, unless there is no room, or its sender is stopped or dies.
            let end = Instant::now() + NOT_LONG;
            while is_on_its_way() && !self.bell.is_gone() && Instant::now() < end {
                thread::yield_now();
            }
            new.is_unsettled.store(is_on_its_way(), Ordering::Relaxed);
        }
        let selectable = self.selectable.get_or_init(|| new);
        self.show_pending();
        Ok(selectable.set.as_fd())
    }

    /// Makes the descriptor readable while there is a message that no byte tells of, and not by bytes that are of none.
    fn show_pending(&self) {
        let Some(selectable) = self.selectable.get() else { return };
        // Held to the end: of two threads, the one that looks last shows last.
        let mut partial = self.partial();
        if mem::take(&mut partial.was_taken) {
            self.bell.drop_wake_soon();
        } else {
            self.bell.drop_wakes();
        }
        let is_untold = match self.header() {
            Ok(Some(header)) => header & IS_ANNOUNCED == 0,
            Ok(None) => self.ring.len() > 0,
            Err(Corrupt) => true,
        };
        // Relaxed: read and written under the lock, but for the first time.
        let is_unsettled = selectable.is_unsettled.load(Ordering::Relaxed)
            && self.ring.len() == 0
            && self.ring.flags().mode.load(Ordering::SeqCst) & SENDING != 0;
        selectable.is_unsettled.store(is_unsettled, Ordering::Relaxed);
        selectable.show(partial.len.is_some() || is_untold || is_unsettled);
    }

    fn partial(&self) -> MutexGuard<'_, Partial> {
        self.partial.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
