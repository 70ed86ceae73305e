//! [`Doorbell`]: one side's end of a socket, by which two processes wake each other and learn of each other's end.
//!
//! A waiter says in shared memory that it is about to sleep, looks once more, and sleeps in `poll(2)`. Who brings what is waited for takes the
//! word back and then, if there was one, writes a byte. So for each word taken back there is one byte, and it is read by the one whose word it was: no
//! byte is left over to wake somebody later for nothing.
//!
//! The system closes a socket when the last process that has it ends, however it ends; that is how the other side learns of it.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use ungil_sync::Deadline;
use ungil_sync::patience::Patience;

/// How long a waiter looks before it sleeps: longer than a process takes to answer that is awake.
const LOOK_FOR: Duration = Duration::from_micros(100);

/// The byte says: what you wait for is there.
pub(crate) const WAKE: u8 = b'w';
/// The byte says: a message begins.
pub(crate) const ANNOUNCE: u8 = b'm';

/// Why a wait ended without what it was for.
#[derive(Debug)]
pub(crate) enum Ended {
    /// The deadline passed.
    TimedOut,
    /// A signal arrived, or may have arrived.
    Interrupted,
    /// It must not wait.
    Refused,
    /// No process has the other side any more.
    Gone,
    /// The system refused.
    Failed(io::Error),
}

/// One side's end of a socket.
#[derive(Debug)]
pub(crate) struct Doorbell {
    socket: OwnedFd,
    patience: Patience,
}

impl Doorbell {
    pub(crate) fn pair() -> io::Result<(Self, Self)> {
        let mut ends = [0; 2];
        let kind = libc::SOCK_STREAM | libc::SOCK_CLOEXEC;
        // SAFETY: the array has room for two descriptors.
        if unsafe { libc::socketpair(libc::AF_UNIX, kind, 0, ends.as_mut_ptr()) } < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: descriptors of our own, made just now.
        let [a, b] = ends.map(|end| Self::new(unsafe { OwnedFd::from_raw_fd(end) }));
        Ok((a, b))
    }

    pub(crate) fn new(socket: OwnedFd) -> Self {
        Self { socket, patience: Patience::new() }
    }

    /// Whether any process still has the other side.
    pub(crate) fn is_gone(&self) -> bool {
        let mut polled = self.polled(0);
        // SAFETY: one entry, which is ours; without a wait.
        unsafe { libc::poll(&raw mut polled, 1, 0) };
        polled.revents & (libc::POLLHUP | libc::POLLERR | libc::POLLNVAL) != 0
    }

    /// Wakes the other side if it has said that it sleeps.
    #[inline]
    pub(crate) fn wake(&self, waits: &AtomicU32) {
        // SeqCst: it has said so before it looked; this comes behind what it looks at. So one of the two sees the other.
        if waits.load(Ordering::SeqCst) != 0 && waits.swap(0, Ordering::SeqCst) != 0 {
            // Where nobody is left, or where so many bytes lie there already that there is no room, nobody has to be woken.
            let _ = self.write(WAKE, libc::MSG_DONTWAIT);
        }
    }

    /// Tells of a message, waiting for room if `may_wait`.
    pub(crate) fn announce(&self, may_wait: bool) -> Result<(), Ended> {
        loop {
            match self.write(ANNOUNCE, libc::MSG_DONTWAIT) {
                Ok(()) => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    if !may_wait {
                        return Err(Ended::Refused);
                    }
                    self.poll(libc::POLLOUT, None)?;
                }
                Err(error) => return Err(Ended::of(error)),
            }
        }
    }

    /// Reads a byte that is about to come.
    pub(crate) fn read(&self) -> Result<u8, Ended> {
        loop {
            if let Some(byte) = self.read_at_once() {
                return Ok(byte);
            }
            self.poll(libc::POLLIN, None)?;
        }
    }

    /// Reads a byte, if there is one.
    pub(crate) fn read_at_once(&self) -> Option<u8> {
        let mut byte = 0_u8;
        // SAFETY: one byte, which is ours.
        let n = unsafe { libc::recv(self.socket.as_raw_fd(), (&raw mut byte).cast(), 1, libc::MSG_DONTWAIT) };
        (n == 1).then_some(byte)
    }

    /// Waits until `is_ready`; `waits` is where to say so. Returns whether a byte is still to be read for that, behind those of messages.
    pub(crate) fn wait(
        &self,
        waits: &AtomicU32,
        is_ready: impl Fn() -> bool,
        deadline: Deadline,
    ) -> Result<IsOwed, Ended> {
        let find = || is_ready().then_some(());
        let Err(until) = self.patience.look_before_sleep(LOOK_FOR, find, deadline) else {
            return Ok(IsOwed(false));
        };
        loop {
            waits.store(1, Ordering::SeqCst);
            let ended = if is_ready() { Ok(()) } else { self.poll(libc::POLLIN, until) };
            // Taken back by the other side: what was waited for has come, and a byte with it.
            let is_owed = waits.swap(0, Ordering::SeqCst) == 0;
            if is_owed || is_ready() {
                return Ok(IsOwed(is_owed));
            }
            match ended {
                // The byte of a message whose first bytes are about to come.
                Ok(()) => {}
                Err(Ended::TimedOut) if until != deadline => return Err(Ended::Interrupted),
                Err(ended) => return Err(ended),
            }
        }
    }

    /// Ends the connection for both sides.
    pub(crate) fn shut_down(&self) {
        // SAFETY: the descriptor is open.
        unsafe { libc::shutdown(self.socket.as_raw_fd(), libc::SHUT_RDWR) };
    }

    fn poll(&self, events: libc::c_short, deadline: Deadline) -> Result<(), Ended> {
        let mut polled = self.polled(events);
        let left = deadline.map(|at| at.saturating_duration_since(Instant::now()));
        let left = left.map(|left| libc::timespec {
            tv_sec: left.as_secs() as libc::time_t,
            tv_nsec: left.subsec_nanos() as libc::c_long,
        });
        let left = left.as_ref().map_or(std::ptr::null(), std::ptr::from_ref);
        // SAFETY: one entry and a duration or none, which are ours, and no mask of signals.
        match unsafe { libc::ppoll(&raw mut polled, 1, left, std::ptr::null()) } {
            0 => Err(Ended::TimedOut),
            n if n < 0 => Err(Ended::of(io::Error::last_os_error())),
            _ if polled.revents & events != 0 && polled.revents & libc::POLLHUP == 0 => Ok(()),
            _ => Err(Ended::Gone),
        }
    }

    fn polled(&self, events: libc::c_short) -> libc::pollfd {
        libc::pollfd { fd: self.socket.as_raw_fd(), events, revents: 0 }
    }

    fn write(&self, byte: u8, flags: libc::c_int) -> io::Result<()> {
        // SAFETY: one byte, which is ours.
        let n = unsafe {
            libc::send(self.socket.as_raw_fd(), (&raw const byte).cast(), 1, flags | libc::MSG_NOSIGNAL)
        };
        if n == 1 { Ok(()) } else { Err(io::Error::last_os_error()) }
    }
}

impl AsFd for Doorbell {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// Whether a byte is on its way that has to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "a byte that nobody reads wakes somebody for nothing"]
pub(crate) struct IsOwed(pub(crate) bool);

impl Ended {
    fn of(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::Interrupted => Self::Interrupted,
            io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset => Self::Gone,
            _ => Self::Failed(error),
        }
    }
}
