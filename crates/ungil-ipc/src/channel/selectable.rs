//! The descriptor by which `select` waits for messages: an `epoll(7)` set of the doorbell's socket and of an `eventfd(2)`.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::sync::atomic::AtomicBool;

/// The descriptor that is readable when a message has come.
#[derive(Debug)]
pub(super) struct Selectable {
    pub(super) set: OwnedFd,
    /// Readable while there is a message that has not been announced.
    pending: OwnedFd,
    /// A frame was on its way when messages were asked to be announced, and has not been seen yet.
    pub(super) is_unsettled: AtomicBool,
}

impl Selectable {
    pub(super) fn new(socket: BorrowedFd<'_>) -> io::Result<Self> {
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
        Ok(Self { set, pending, is_unsettled: AtomicBool::new(false) })
    }

    pub(super) fn show(&self, is_pending: bool) {
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
