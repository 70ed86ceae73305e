//! A descriptor that is readable when there is something to take: for those that wait with `select`.
//!
//! It is an `eventfd(2)` that all processes have which have the queue. Nobody touches it before somebody has asked for it; from then on who puts an item in writes to
//! it, and who takes the last one out empties it.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::sync::atomic::Ordering::SeqCst;

use super::Queue;

/// The descriptor itself.
#[derive(Debug)]
pub(super) struct Bell(OwnedFd);

impl Bell {
    fn new() -> io::Result<Self> {
        // SAFETY: the call takes integers.
        let fd = unsafe { libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) };
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: a descriptor of our own, made just now.
        Ok(Self(unsafe { OwnedFd::from_raw_fd(fd) }))
    }

    fn ring(&self) {
        let one = 1_u64;
        // SAFETY: eight bytes, which are ours. Should it fail, it is readable as it can be.
        unsafe { libc::write(self.0.as_raw_fd(), (&raw const one).cast(), 8) };
    }

    fn silence(&self) {
        let mut n = 0_u64;
        // SAFETY: eight bytes, which are ours. Should it fail, it is not readable.
        unsafe { libc::read(self.0.as_raw_fd(), (&raw mut n).cast(), 8) };
    }
}

impl Queue {
    /// The same queue, with a descriptor for `select`: that of another process, or a new one.
    ///
    /// # Errors
    ///
    /// What the system says: no descriptor is left.
    pub fn with_bell(mut self, fd: Option<OwnedFd>) -> io::Result<Self> {
        self.bell = Some(fd.map_or_else(Bell::new, |fd| Ok(Bell(fd)))?);
        Ok(self)
    }

    /// The descriptor, whether anybody has asked for it or not; none if the queue has none.
    pub fn bell(&self) -> Option<BorrowedFd<'_>> {
        self.bell.as_ref().map(|bell| bell.0.as_fd())
    }

    /// The descriptor, which from now on is readable when there is something to take; none if the queue has none.
    pub fn selectable(&self) -> Option<BorrowedFd<'_>> {
        // SeqCst: either who puts an item in sees this, or the item is seen here.
        self.head().tasks.0.is_selected.store(1, SeqCst);
        if !self.is_empty()
            && let Some(bell) = &self.bell
        {
            bell.ring();
        }
        self.bell()
    }

    /// After an item has been put in.
    #[inline]
    pub(super) fn announce(&self) {
        if let Some(bell) = self.asked_for() {
            bell.ring();
        }
    }

    /// After an item has been taken out.
    #[inline]
    pub(super) fn announce_no_more(&self) {
        if let Some(bell) = self.asked_for()
            && self.is_empty()
        {
            bell.silence();
            // One that has come meanwhile may have been silenced with the others.
            if !self.is_empty() {
                bell.ring();
            }
        }
    }

    fn asked_for(&self) -> Option<&Bell> {
        self.bell.as_ref().filter(|_| self.head().tasks.0.is_selected.load(SeqCst) != 0)
    }
}
