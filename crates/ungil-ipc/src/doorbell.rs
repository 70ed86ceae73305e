//! [`Doorbell`]: one side's end of a socket, by which two processes wake each other and learn of each other's end.
//!
//! A waiter says in shared memory that it is about to sleep, looks once more, and sleeps in `poll(2)`. Who brings something takes the word back and
//! then, if there was one, writes a byte. It may do so late, for what has long been taken, and so wake whoever waits for the next thing: a byte [`WAKE`] says no
//! more than "look again". Whoever finds one drops it; one too many or one too few costs a look, and is no error.
//!
//! A byte [`ANNOUNCE`] is another matter: there is one for each message that says so, written before it. Dropping the others never drops it.
//!
//! The system closes a socket when the last process that has it ends, however it ends; that is how the other side learns of it.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use ungil_sync::patience::Patience;
use ungil_sync::{AfterFork, Deadline, Gate};

/// How long a waiter looks before it sleeps: longer than a process takes to answer that is awake.
const LOOK_FOR: Duration = Duration::from_micros(100);

/// What the system says of a socket to which nobody writes any more.
const GONE: libc::c_short = libc::POLLHUP | libc::POLLRDHUP | libc::POLLERR | libc::POLLNVAL;

/// How often a wait goes on that a byte ended for nothing, the first half of it at once, before its caller looks after signals; together some 20 ms.
const MOST_IN_VAIN: u32 = 200;
const BRIEFLY: Duration = Duration::from_micros(100);
/// As many bytes are dropped at once: a peer may write without end.
const MOST_DROPPED: usize = 64;
/// How long a byte is waited for that a running process writes within a microsecond.
pub(crate) const NOT_LONG: Duration = Duration::from_millis(20);

/// The byte says: look again.
const WAKE: u8 = b'w';
/// The byte says: a message begins.
const ANNOUNCE: u8 = b'm';

/// Why a wait ended without what it was for.
#[derive(Debug)]
pub(crate) enum Ended {
    /// The deadline passed.
    TimedOut,
    /// A signal arrived, or may have arrived.
    Interrupted,
    /// It must not wait.
    Refused,
    /// Nobody writes to the other side any more.
    Gone,
    /// The system refused.
    Failed(io::Error),
}

/// One side's end of a socket.
#[derive(Debug)]
pub(crate) struct Doorbell {
    socket: OwnedFd,
    patience: Patience,
    /// Whoever looks which byte is next and then reads it is alone: or it might read another.
    reading: Gate<Reading>,
}

#[derive(Debug)]
struct Reading;

impl AfterFork for Reading {
    fn after_fork(&mut self, _is_torn: bool) {}
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
        Self { socket, patience: Patience::new(), reading: Gate::new(Reading) }
    }

    pub(crate) fn into_fd(self) -> OwnedFd {
        self.socket
    }

    /// Whether nobody writes to the other side any more.
    pub(crate) fn is_gone(&self) -> bool {
        let mut polled = self.polled(0);
        // SAFETY: one entry, which is ours; without a wait.
        unsafe { libc::poll(&raw mut polled, 1, 0) };
        polled.revents & GONE != 0
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

    /// Tells of a message; waits for room until the deadline, or not at all.
    pub(crate) fn announce(&self, may_wait: Option<Deadline>) -> Result<(), Ended> {
        loop {
            match self.write(ANNOUNCE, libc::MSG_DONTWAIT) {
                Ok(()) => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    let Some(deadline) = may_wait else { return Err(Ended::Refused) };
                    self.poll(libc::POLLOUT, deadline)?;
                }
                Err(error) => return Err(Ended::of(error)),
            }
        }
    }

    /// Reads the byte of a message, and those before it that are of none; false if it is not there.
    pub(crate) fn take_announcement(&self) -> bool {
        let _alone = self.reading.enter();
        loop {
            match self.next_byte(0) {
                Some(ANNOUNCE) => return true,
                Some(_) => {}
                None => return false,
            }
        }
    }

    /// Reads the bytes that are of no message, as many as are dropped at once; whether there were any.
    pub(crate) fn drop_wakes(&self) -> bool {
        let _alone = self.reading.enter();
        let mut bytes = [0; MOST_DROPPED];
        let n_come = self.next_bytes(&mut bytes, libc::MSG_PEEK);
        let n_wakes = bytes[..n_come].iter().take_while(|byte| **byte != ANNOUNCE).count();
        n_wakes > 0 && self.next_bytes(&mut bytes[..n_wakes], 0) > 0
    }

    /// The same of one that is about to come: whoever took a word back writes it at once, unless the system has it wait.
    pub(crate) fn drop_wake_soon(&self) {
        let end = Instant::now() + NOT_LONG;
        while !self.drop_wakes() && self.next_byte(libc::MSG_PEEK).is_none() {
            if self.poll(libc::POLLIN, Some(end)).is_err() {
                return;
            }
        }
    }

    /// Waits until `is_ready`. `word` is where to say so; none if a byte comes without that. Sets `was_taken` if the other side has taken the word back.
    ///
    /// It ends as interrupted now and then if bytes come and nothing else: then the caller looks after signals.
    pub(crate) fn wait(
        &self,
        word: Option<&AtomicU32>,
        is_ready: impl Fn() -> bool,
        deadline: Deadline,
        was_taken: &mut bool,
    ) -> Result<(), Ended> {
        let find = || is_ready().then_some(());
        let Err(until) = self.patience.look_before_sleep(LOOK_FOR, find, deadline) else { return Ok(()) };
        for n_vain in 0..MOST_IN_VAIN {
            if let Some(word) = word {
                word.store(1, Ordering::SeqCst);
            }
            let ended = if is_ready() { Ok(()) } else { self.poll(libc::POLLIN, until) };
            if let Some(word) = word {
                *was_taken |= word.swap(0, Ordering::SeqCst) == 0;
            }
            if is_ready() {
                return Ok(());
            }
            match ended {
                Err(Ended::TimedOut) if until != deadline => return Err(Ended::Interrupted),
                Err(ended) => return Err(ended),
                Ok(()) if deadline.is_some_and(|at| at <= Instant::now()) => return Err(Ended::TimedOut),
                // A late byte, or that of a message whose first bytes are about to come.
                Ok(()) if self.drop_wakes() => {}
                Ok(()) if n_vain < MOST_IN_VAIN / 2 => thread::yield_now(),
                Ok(()) => thread::sleep(BRIEFLY),
            }
        }
        Err(Ended::Interrupted)
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
            _ if polled.revents & GONE != 0 => Err(Ended::Gone),
            _ => Ok(()),
        }
    }

    fn polled(&self, events: libc::c_short) -> libc::pollfd {
        libc::pollfd { fd: self.socket.as_raw_fd(), events: events | libc::POLLRDHUP, revents: 0 }
    }

    /// The next byte, if it has come.
    fn next_byte(&self, flags: libc::c_int) -> Option<u8> {
        let mut byte = [0];
        (self.next_bytes(&mut byte, flags) == 1).then_some(byte[0])
    }

    /// Reads the bytes that have come, as many as there is room for; how many they are.
    fn next_bytes(&self, to: &mut [u8], flags: libc::c_int) -> usize {
        let flags = flags | libc::MSG_DONTWAIT;
        // SAFETY: so many bytes, which are ours.
        let n = unsafe { libc::recv(self.socket.as_raw_fd(), to.as_mut_ptr().cast(), to.len(), flags) };
        usize::try_from(n).unwrap_or(0)
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

impl Ended {
    fn of(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::Interrupted => Self::Interrupted,
            io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset => Self::Gone,
            _ => Self::Failed(error),
        }
    }
}
