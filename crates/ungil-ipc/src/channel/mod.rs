//! [`Channel`]: one end of a connection that carries messages between two processes.
//!
//! Each direction has a ring in shared memory and a doorbell. A message is a *frame*: eight bytes that tell its length, and the bytes; one that is longer than the
//! ring passes through it bit by bit. While both sides are awake no system call is made but one a message, by which the sender learns whether
//! anybody is left to receive it.
//!
//! # Readiness
//!
//! A program that waits for several channels does so with `select`, and not with us. [`Channel::selectable`] gives a descriptor for that, and from then on the
//! sender *announces* each message with a byte in the doorbell's socket before it puts it in, and says so in the frame; the receiver reads one
//! byte for each such frame, and does not ask to be woken between messages. So the socket is readable if and only if a message has come, or the
//! other side is gone. (A sender that is stopped for 20 ms within an instant, while a message longer than the ring passes, can make it
//! readable once for nothing.) For messages that were
//! there before that, and one that was received in part, there is an `eventfd(2)`; the descriptor is an `epoll(7)` set of the two.
//!
//! `mode` in the ring's header is the sender's and the receiver's agreement on that: the sender sets `SENDING` while it puts in a frame, and learns by the same
//! operation whether to announce; the receiver sets `ANNOUNCES` and learns by the same operation whether a frame is on its way that is not announced.
//!
//! # Threads and forks
//!
//! Threads take turns, a message each; which of two that wait is first is not said. Several processes may have the same end, after a fork: if
//! they use it at the same moment, what they receive may be anything, as with a pipe; messages, not memory.

mod incoming;
mod selectable;
mod sending;
#[cfg(test)]
mod tests;

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use ungil_sync::{Deadline, Lock, WaitResult};

use crate::doorbell::{Doorbell, Ended};
use crate::memory::Memory;
use crate::ring::{self, Corrupt, Ring};
use incoming::Incoming;
use sending::Outgoing;

pub use sending::Sending;

/// The receiver wants messages to be announced.
const ANNOUNCES: u32 = 1;
/// A frame is being put in.
const SENDING: u32 = 2;

/// Of a frame's eight bytes: that it was announced. The others are its length.
const IS_ANNOUNCED: u64 = 1 << 63;
const HEADER: usize = 8;

/// So much is allocated for a message before any of it has come.
const TRUSTED: usize = 1 << 20;

/// Why a message was not sent or received.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The call would have had to wait, and must not.
    #[error("the channel is not ready")]
    WouldWait,
    /// A signal has arrived, or may have; the same call goes on where this one was.
    #[error("the call was interrupted by a signal")]
    Interrupted,
    /// The deadline passed first.
    #[error("the time is over")]
    TimedOut,
    /// This end does not do that.
    #[error("this end of the channel does not do that")]
    WrongWay,
    /// No process has the other end any more, or there is nothing more to come from it.
    #[error("nobody has the other end of the channel any more")]
    Gone,
    /// The other end is gone, and the message that it was sending is incomplete.
    #[error("got end of file during message")]
    Incomplete,
    /// The message is longer than the caller wants; it has not been taken out, and nothing that follows can be.
    #[error("the message is {0} bytes long")]
    TooLong(u64),
    /// There is no memory for the message.
    #[error("there is no memory for a message of {0} bytes")]
    NoMemory(u64),
    /// The other side does not keep to the protocol.
    #[error(transparent)]
    Corrupt(#[from] Corrupt),
    /// What the system says.
    #[error(transparent)]
    System(#[from] io::Error),
}

impl From<Ended> for Error {
    fn from(ended: Ended) -> Self {
        match ended {
            Ended::TimedOut => Self::TimedOut,
            Ended::Interrupted => Self::Interrupted,
            Ended::Refused => Self::WouldWait,
            Ended::Gone => Self::Gone,
            Ended::Failed(error) => Self::System(error),
        }
    }
}

/// Whether a call may wait, and until when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// Not at all.
    Never,
    /// Until then, or for ever.
    Until(Deadline),
}

/// One end of a connection.
///
/// ```
/// use ungil_ipc::channel::{Channel, Wait};
///
/// let (ours, theirs) = Channel::pair(true)?;
/// ours.send(b"ping").proceed(Wait::Until(None))?;
/// assert_eq!(theirs.receive(None, Wait::Until(None))?, b"ping");
/// # Ok::<(), ungil_ipc::channel::Error>(())
/// ```
#[derive(Debug)]
pub struct Channel {
    incoming: Option<Incoming>,
    outgoing: Option<Outgoing>,
    memory: Memory,
}

/// What an end consists of, to be passed to another process.
#[derive(Debug)]
pub struct Parts<F> {
    /// The shared memory.
    pub memory: F,
    /// Of the direction in which it receives: the socket, and the number of the ring.
    pub incoming: Option<(F, usize)>,
    /// Of that in which it sends.
    pub outgoing: Option<(F, usize)>,
}

// SAFETY: the rings are the memory's, which is kept beside them, and are used by one thread at a time, whose turn it is.
unsafe impl Send for Channel {}
// SAFETY: as for `Send`.
unsafe impl Sync for Channel {}

impl Channel {
    /// Two ends. If `is_duplex`, each sends and receives; otherwise the first receives what the second sends.
    ///
    /// # Errors
    ///
    /// What the system says: no descriptor or no memory is left.
    pub fn pair(is_duplex: bool) -> io::Result<(Self, Self)> {
        let n_rings = if is_duplex { 2 } else { 1 };
        let first = Memory::new(n_rings * ring::SIZE)?;
        let second = Memory::from_fd(first.as_fd().try_clone_to_owned()?)?;
        let (to, from) = Doorbell::pair()?;
        let (mut first, mut second) = (Self::of(first), Self::of(second));
        first.receive_by(0, from);
        second.send_by(0, to);
        if is_duplex {
            let (to, from) = Doorbell::pair()?;
            first.send_by(1, to);
            second.receive_by(1, from);
        }
        Ok((first, second))
    }

    /// The end that another process has passed.
    ///
    /// # Errors
    ///
    /// `InvalidData` if it is none; or what the system says.
    pub fn from_parts(parts: Parts<OwnedFd>) -> io::Result<Self> {
        let memory = Memory::from_fd(parts.memory)?;
        let numbers =
            [&parts.incoming, &parts.outgoing].map(|way| way.as_ref().map_or(0, |(_, number)| *number));
        if numbers.iter().any(|number| *number > 1 || memory.len() < (number + 1) * ring::SIZE) {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "the memory is too small for a channel's",
            ));
        }
        let mut end = Self::of(memory);
        if let Some((socket, number)) = parts.incoming {
            end.receive_by(number, Doorbell::new(socket));
        }
        if let Some((socket, number)) = parts.outgoing {
            end.send_by(number, Doorbell::new(socket));
        }
        Ok(end)
    }

    /// What it consists of; the descriptors stay its own.
    pub fn parts(&self) -> Parts<BorrowedFd<'_>> {
        Parts {
            memory: self.memory.as_fd(),
            incoming: self.incoming.as_ref().map(|way| (way.bell.as_fd(), way.number)),
            outgoing: self.outgoing.as_ref().map(|way| (way.bell.as_fd(), way.number)),
        }
    }

    /// A message to be sent; [`Sending::proceed`] sends it.
    pub fn send<'a>(&'a self, bytes: &'a [u8]) -> Sending<'a> {
        Sending::new(self, bytes)
    }

    /// Receives a message of at most so many bytes.
    ///
    /// # Errors
    ///
    /// [`Error::Gone`] at the end; after [`Error::Interrupted`], [`Error::TimedOut`] and [`Error::WouldWait`] the same call goes on.
    pub fn receive(&self, most: Option<u64>, wait: Wait) -> Result<Vec<u8>, Error> {
        self.incoming()?.receive(most, wait)
    }

    /// How long the next message is, once it has begun to come: room for it is asked for here, and given to [`Channel::receive_into`].
    ///
    /// # Errors
    ///
    /// As [`Channel::receive`].
    pub fn next_len(&self, most: Option<u64>, wait: Wait) -> Result<usize, Error> {
        self.incoming()?.next_len(most, wait)
    }

    /// Receives the message that [`Channel::next_len`] has told of, if it is as long as `to`; false if it is not: another thread has received that one.
    /// All of `to` has been written after true.
    ///
    /// # Errors
    ///
    /// As [`Channel::receive`].
    pub fn receive_into(&self, to: &mut [MaybeUninit<u8>], wait: Wait) -> Result<bool, Error> {
        self.incoming()?.receive_into(to, wait)
    }

    /// Waits until there is something to receive, the end included.
    ///
    /// # Errors
    ///
    /// [`Error::TimedOut`], [`Error::Interrupted`], or what makes receiving impossible.
    pub fn wait(&self, wait: Wait) -> Result<(), Error> {
        self.incoming()?.wait(wait)
    }

    /// A descriptor that is readable when there is something to receive, the end included; of an end that only sends, its socket.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn selectable(&self) -> io::Result<BorrowedFd<'_>> {
        match (&self.incoming, &self.outgoing) {
            (Some(way), _) => way.selectable(),
            (None, Some(way)) => Ok(way.bell.as_fd()),
            (None, None) => Err(io::Error::from(io::ErrorKind::InvalidInput)),
        }
    }

    /// Whether messages have come, or the first bytes of one, and no more than so many bytes. A look at memory alone.
    pub fn has_come(&self, most: usize) -> bool {
        self.incoming.as_ref().is_some_and(|way| way.has_come(most))
    }

    /// Whether a message has been received in part, which stays with this object.
    pub fn is_within_message(&self) -> bool {
        self.incoming.as_ref().is_some_and(Incoming::is_within_message)
    }

    /// Whether it receives.
    pub fn receives(&self) -> bool {
        self.incoming.is_some()
    }

    /// Whether it sends.
    pub fn sends(&self) -> bool {
        self.outgoing.is_some()
    }

    fn of(memory: Memory) -> Self {
        Self { incoming: None, outgoing: None, memory }
    }

    fn receive_by(&mut self, number: usize, bell: Doorbell) {
        // SAFETY: the memory is kept beside the ring, and dropped with it.
        let ring = unsafe { Ring::of(&self.memory, number) };
        self.incoming = Some(Incoming::new(number, ring, bell));
    }

    fn send_by(&mut self, number: usize, bell: Doorbell) {
        // SAFETY: as above.
        let ring = unsafe { Ring::of(&self.memory, number) };
        self.outgoing = Some(Outgoing::new(number, ring, bell));
    }

    fn incoming(&self) -> Result<&Incoming, Error> {
        self.incoming.as_ref().ok_or(Error::WrongWay)
    }
}

/// A thread's turn.
struct Turn<'a>(&'a Lock);

impl<'a> Turn<'a> {
    fn take(lock: &'a Lock, wait: Wait) -> Result<Self, Error> {
        take(lock, wait)?;
        Ok(Self(lock))
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let _ = self.0.release();
    }
}

fn take(lock: &Lock, wait: Wait) -> Result<(), Error> {
    if lock.try_acquire() {
        return Ok(());
    }
    match wait {
        Wait::Never => Err(Error::WouldWait),
        Wait::Until(deadline) => match lock.acquire(deadline) {
            WaitResult::Ready => Ok(()),
            WaitResult::TimedOut => Err(Error::TimedOut),
            WaitResult::Interrupted => Err(Error::Interrupted),
        },
    }
}
