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
//! byte for each such frame. So the socket is readable if and only if a message has come, or the other side is gone. For messages that were
//! there before that, and one that was received in part, there is an `eventfd(2)`; the descriptor is an `epoll(7)` set of the two.
//!
//! `mode` in the ring's header is the sender's and the receiver's agreement on that: the sender sets `SENDING` while it puts in a frame, and learns by the same
//! operation whether to announce; the receiver sets `ANNOUNCES` and learns by the same operation whether a frame is on its way that is not announced.
//!
//! # Threads and forks
//!
//! Threads take turns, a message each; which of two that wait is first is not said. Several processes may have the same end, after a fork: if
//! they use it at the same moment, what they receive may be anything, as with a pipe; messages, not memory.

use std::io;
use std::mem::{self, MaybeUninit};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;

use ungil_sync::{Deadline, Lock, WaitResult};

use crate::doorbell::{ANNOUNCE, Doorbell, Ended, IsOwed, WAKE};
use crate::memory::Memory;
use crate::ring::{self, Corrupt, Ring};

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

#[derive(Debug)]
struct Incoming {
    number: usize,
    ring: Ring,
    bell: Doorbell,
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
    /// How many bytes the doorbell holds, or is about to, that woke this side.
    n_owed: u32,
    /// Nothing can be received any more.
    is_over: bool,
}

#[derive(Debug)]
struct Outgoing {
    number: usize,
    ring: Ring,
    bell: Doorbell,
    /// Held by the thread that sends, from a message's first byte to its last.
    turn: Lock,
    /// Set for good once a message has been left in the middle.
    is_broken: AtomicBool,
}

/// The descriptor that is readable when a message has come.
#[derive(Debug)]
struct Selectable {
    set: OwnedFd,
    /// Readable while there is a message that has not been announced.
    pending: OwnedFd,
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
        Sending { channel: self, bytes, stage: Stage::Waiting }
    }

    /// Receives a message of at most so many bytes.
    ///
    /// # Errors
    ///
    /// [`Error::Gone`] at the end; after [`Error::Interrupted`], [`Error::TimedOut`] and [`Error::WouldWait`] the same call goes on.
    pub fn receive(&self, most: Option<u64>, wait: Wait) -> Result<Vec<u8>, Error> {
        let way = self.incoming.as_ref().ok_or(Error::WrongWay)?;
        let _turn = Turn::take(&way.turn, wait)?;
        way.receive(most, wait)
    }

    /// How long the next message is, once it has begun to come: room for it is asked for here, and given to [`Channel::receive_into`].
    ///
    /// # Errors
    ///
    /// As [`Channel::receive`].
    pub fn next_len(&self, most: Option<u64>, wait: Wait) -> Result<usize, Error> {
        let way = self.incoming.as_ref().ok_or(Error::WrongWay)?;
        let _turn = Turn::take(&way.turn, wait)?;
        way.begin(most, wait)?;
        let len = way.partial().len;
        Ok(len.unwrap_or(0))
    }

    /// Receives the message that [`Channel::next_len`] has told of, if it is as long as `to`; false if it is not: another thread has received that one.
    /// All of `to` has been written after true.
    ///
    /// # Errors
    ///
    /// As [`Channel::receive`].
    pub fn receive_into(&self, to: &mut [MaybeUninit<u8>], wait: Wait) -> Result<bool, Error> {
        let way = self.incoming.as_ref().ok_or(Error::WrongWay)?;
        let _turn = Turn::take(&way.turn, wait)?;
        if way.partial().len != Some(to.len()) {
            return Ok(false);
        }
        let before = mem::take(&mut way.partial().bytes);
        let mut n = before.len();
        to[..n].write_copy_of_slice(&before);
        let filled = way.fill(to, &mut n, wait);
        if filled.is_ok() {
            way.partial().len = None;
            way.show_pending();
        } else if way.partial().len.is_some() {
            // SAFETY: so many have been written.
            way.partial().bytes = unsafe { to[..n].assume_init_ref() }.to_vec();
        }
        filled.map(|()| true)
    }

    /// Waits until there is something to receive, the end included.
    ///
    /// # Errors
    ///
    /// [`Error::TimedOut`], [`Error::Interrupted`], or what makes receiving impossible.
    pub fn wait(&self, wait: Wait) -> Result<(), Error> {
        let way = self.incoming.as_ref().ok_or(Error::WrongWay)?;
        let _turn = Turn::take(&way.turn, wait)?;
        if way.partial().len.is_some() || way.partial().is_over {
            return Ok(());
        }
        match way.wait_for(HEADER, wait) {
            // To receive is to be told so.
            Err(Error::Gone | Error::Incomplete) => Ok(()),
            ended => ended,
        }
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
        let (turn, partial, selectable) = (Lock::new(), Mutex::default(), OnceLock::new());
        self.incoming = Some(Incoming { number, ring, bell, turn, partial, selectable });
    }

    fn send_by(&mut self, number: usize, bell: Doorbell) {
        // SAFETY: as above.
        let ring = unsafe { Ring::of(&self.memory, number) };
        let is_broken = AtomicBool::new(false);
        self.outgoing = Some(Outgoing { number, ring, bell, turn: Lock::new(), is_broken });
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

impl Incoming {
    fn has_come(&self, most: usize) -> bool {
        let n = self.ring.len();
        n >= HEADER && n <= HEADER + most
    }

    fn receive(&self, most: Option<u64>, wait: Wait) -> Result<Vec<u8>, Error> {
        self.begin(most, wait)?;
        let message = loop {
            self.read_owed()?;
            let mut partial = self.partial();
            let len = partial.len.unwrap_or(0);
            let n_left = len - partial.bytes.len();
            if n_left == 0 {
                partial.len = None;
                break std::mem::take(&mut partial.bytes);
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
        };
        self.show_pending();
        Ok(message)
    }

    /// Takes out the rest of a message, of which `n` bytes have come.
    fn fill(&self, to: &mut [MaybeUninit<u8>], n: &mut usize, wait: Wait) -> Result<(), Error> {
        self.read_owed()?;
        while *n < to.len() {
            let rest = &mut to[*n..];
            // SAFETY: so many bytes may be written there.
            let n_here = unsafe { self.ring.take(rest.as_mut_ptr().cast(), rest.len()) }?;
            *n += n_here;
            if n_here > 0 {
                self.bell.wake(&self.ring.flags().producer_waits);
            } else {
                self.wait_for(1, wait)?;
                self.read_owed()?;
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
        if header & IS_ANNOUNCED != 0 && self.bell.read_at_once() != Some(ANNOUNCE) {
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
        match self.bell.wait(&self.ring.flags().consumer_waits, || self.ring.len() >= n, deadline) {
            Ok(IsOwed(is_owed)) => {
                self.partial().n_owed += u32::from(is_owed);
                Ok(())
            }
            Err(Ended::Gone) => Err(self.end()),
            Err(ended) => Err(ended.into()),
        }
    }

    /// Reads the bytes that woke this side, or came too late for that. They lie behind the one that announced the frame, and before the next.
    fn read_owed(&self) -> Result<(), Error> {
        while self.partial().n_owed > 0 {
            match self.bell.read() {
                Ok(WAKE) => self.partial().n_owed -= 1,
                Ok(_) => return Err(Corrupt.into()),
                // It ended before it could write the byte.
                Err(Ended::Gone) => self.partial().n_owed = 0,
                Err(ended) => return Err(ended.into()),
            }
        }
        Ok(())
    }

    /// What the other side's end means here, when what has come has been taken out.
    fn end(&self) -> Error {
        let mut partial = self.partial();
        partial.is_over = true;
        partial.bytes = Vec::new();
        let is_within = partial.len.take().is_some() || self.ring.len() > 0;
        if is_within { Error::Incomplete } else { Error::Gone }
    }

    fn selectable(&self) -> io::Result<BorrowedFd<'_>> {
        if let Some(selectable) = self.selectable.get() {
            return Ok(selectable.set.as_fd());
        }
        let new = Selectable::new(self.bell.as_fd())?;
        let before = self.ring.flags().mode.fetch_or(ANNOUNCES, Ordering::SeqCst);
        if before & SENDING != 0 {
            // A frame is on its way that will not be announced. Its first bytes come at once, unless there is no room, or its sender dies.
            while self.ring.flags().mode.load(Ordering::SeqCst) & SENDING != 0
                && self.ring.len() == 0
                && !self.bell.is_gone()
            {
                thread::yield_now();
            }
        }
        let selectable = self.selectable.get_or_init(|| new);
        self.show_pending();
        Ok(selectable.set.as_fd())
    }

    /// Makes the descriptor readable while there is a message that no byte tells of.
    fn show_pending(&self) {
        let Some(selectable) = self.selectable.get() else { return };
        let is_within = self.partial().len.is_some();
        let is_untold = match self.header() {
            Ok(Some(header)) => header & IS_ANNOUNCED == 0,
            Ok(None) => self.ring.len() > 0,
            Err(Corrupt) => true,
        };
        selectable.show(is_within || is_untold);
    }

    fn partial(&self) -> MutexGuard<'_, Partial> {
        self.partial.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Selectable {
    fn new(socket: BorrowedFd<'_>) -> io::Result<Self> {
        // SAFETY: the call has no requirement.
        let set = owned(unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) })?;
        // SAFETY: the call has no requirement.
        let pending = owned(unsafe { libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) })?;
        for member in [socket.as_raw_fd(), pending.as_raw_fd()] {
            let mut event = libc::epoll_event { events: libc::EPOLLIN as u32, u64: 0 };
            // SAFETY: two open descriptors, and an event that is ours.
            if unsafe { libc::epoll_ctl(set.as_raw_fd(), libc::EPOLL_CTL_ADD, member, &raw mut event) } < 0 {
                return Err(io::Error::last_os_error());
            }
        }
        Ok(Self { set, pending })
    }

    fn show(&self, is_pending: bool) {
        let mut count = 1_u64;
        let pending = self.pending.as_raw_fd();
        // Neither can fail but for what is so already: a counter that is zero when it is read, or far from its end.
        if is_pending {
            // SAFETY: eight bytes, which are ours.
            unsafe { libc::write(pending, (&raw const count).cast(), size_of::<u64>()) };
        } else {
            // SAFETY: as above.
            unsafe { libc::read(pending, (&raw mut count).cast(), size_of::<u64>()) };
        }
    }
}

/// A descriptor that the system has made, or its error.
fn owned(fd: libc::c_int) -> io::Result<OwnedFd> {
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: a descriptor that nobody else knows.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
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

impl Sending<'_> {
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
            way.bell.announce(wait != Wait::Never)?;
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
    fn wait_for_room(&self, wait: Wait) -> Result<(), Error> {
        let has_room = || self.ring.len() != ring::CAPACITY;
        let Wait::Until(deadline) = wait else {
            return if has_room() { Ok(()) } else { Err(Error::WouldWait) };
        };
        let IsOwed(is_owed) = self.bell.wait(&self.ring.flags().producer_waits, has_room, deadline)?;
        if is_owed && !matches!(self.bell.read(), Ok(WAKE) | Err(Ended::Gone)) {
            return Err(Corrupt.into());
        }
        Ok(())
    }

    /// Ends this thread's turn.
    fn leave(&self) {
        self.ring.flags().mode.fetch_and(!SENDING, Ordering::SeqCst);
        let _ = self.turn.release();
    }
}
