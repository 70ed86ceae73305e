//! The sending side of a direction, and a message on its way out.

use std::mem;
use std::sync::atomic::{AtomicBool, Ordering};

use ungil_sync::Lock;

use super::{ANNOUNCES, Channel, Error, HEADER, IS_ANNOUNCED, SENDING, Turn, Wait};
use crate::doorbell::Doorbell;
use crate::ring::{self, Ring};

#[derive(Debug)]
pub(super) struct Outgoing {
    pub(super) number: usize,
    pub(super) ring: Ring,
    pub(super) bell: Doorbell,
    /// Held by the thread that sends, from a message's first byte to its last.
    turn: Lock,
    /// Set for good once a message has been left in the middle.
    is_broken: AtomicBool,
}

/// A message on its way out.
///
/// Dropped in the middle, it ends the connection: what follows could not be told from what is missing.
#[derive(Debug)]
#[must_use = "nothing is sent before `proceed`"]
pub struct Sending<'a> {
    channel: &'a Channel,
    bytes: &'a [u8],
    stage: Stage,
}

#[derive(Clone, Copy, Debug)]
enum Stage {
    /// It is another's turn.
    Waiting,
    /// To be announced.
    Announcing,
    /// Being put in, with these first bytes; so many are in.
    Putting {
        header: u64,
        n_put: usize,
    },
    Done,
}

impl<'a> Sending<'a> {
    pub(super) fn new(channel: &'a Channel, bytes: &'a [u8]) -> Self {
        Self { channel, bytes, stage: Stage::Waiting }
    }

    /// Sends what has not been sent yet.
    ///
    /// # Errors
    ///
    /// [`Error::Gone`] if nobody is left to receive it; after [`Error::Interrupted`], [`Error::TimedOut`] and [`Error::WouldWait`] the same call goes on.
    pub fn proceed(&mut self, wait: Wait) -> Result<(), Error> {
        let way = self.channel.outgoing.as_ref().ok_or(Error::WrongWay)?;
        if matches!(self.stage, Stage::Waiting) {
            let turn = Turn::take(&way.turn, wait)?;
            if way.is_broken.load(Ordering::Relaxed) || way.bell.is_gone() {
                return Err(Error::Gone);
            }
            // Until the message is done.
            mem::forget(turn);
            let mode = way.ring.flags().mode.fetch_or(SENDING, Ordering::SeqCst);
            let header = self.bytes.len() as u64;
            self.stage =
                if mode & ANNOUNCES == 0 { Stage::Putting { header, n_put: 0 } } else { Stage::Announcing };
        }
        if matches!(self.stage, Stage::Announcing) {
            way.bell.announce(match wait {
                Wait::Never => None,
                Wait::Until(deadline) => Some(deadline),
            })?;
            self.stage = Stage::Putting { header: self.bytes.len() as u64 | IS_ANNOUNCED, n_put: 0 };
        }
        while let Stage::Putting { header, n_put } = &mut self.stage {
            let header = header.to_le_bytes();
            let n_of_header = (*n_put).min(HEADER);
            let n = way.ring.put([&header[n_of_header..], &self.bytes[*n_put - n_of_header..]])?;
            *n_put += n;
            if n > 0 {
                way.bell.wake(&way.ring.flags().consumer_waits);
            }
            if *n_put == HEADER + self.bytes.len() {
                way.leave();
                self.stage = Stage::Done;
            } else if n == 0 {
                way.wait_for_room(wait)?;
            }
        }
        Ok(())
    }
}

impl Drop for Sending<'_> {
    fn drop(&mut self) {
        let Some(way) = &self.channel.outgoing else { return };
        match self.stage {
            Stage::Waiting | Stage::Done => {}
            Stage::Announcing | Stage::Putting { header: ..IS_ANNOUNCED, n_put: 0 } => way.leave(),
            Stage::Putting { .. } => {
                way.is_broken.store(true, Ordering::Relaxed);
                way.bell.shut_down();
                way.leave();
            }
        }
    }
}

impl Outgoing {
    pub(super) fn new(number: usize, ring: Ring, bell: Doorbell) -> Self {
        Self { number, ring, bell, turn: Lock::new(), is_broken: AtomicBool::new(false) }
    }

    fn wait_for_room(&self, wait: Wait) -> Result<(), Error> {
        let has_room = || self.ring.len() != ring::CAPACITY;
        let Wait::Until(deadline) = wait else {
            return if has_room() { Ok(()) } else { Err(Error::WouldWait) };
        };
        self.bell.wait(Some(&self.ring.flags().producer_waits), has_room, deadline, &mut false)?;
        Ok(())
    }

    /// Ends this thread's turn.
    fn leave(&self) {
        self.ring.flags().mode.fetch_and(!SENDING, Ordering::SeqCst);
        let _ = self.turn.release();
    }
}
