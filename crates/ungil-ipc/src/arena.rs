//! [`Arena`]: memory for what is too large for a ring. One process fills blocks of it, and others read or map them.
//!
//! The file is as large as it will ever be, and empty but for what is in use. Its first bytes are a word for each block, which says whether somebody reads the
//! block; the rest are the blocks, each at a page's beginning. Which block is where, the producer alone knows ([`Producer`]); a consumer is told by a
//! [`Block`], which it checks.
//!
//! A block is in use while the producer has not let it go, or a consumer has not said that it is done with it. Its release of the word pairs with the
//! acquire by which the producer looks.
//!
//! What a consumer maps is its own: it may write there, and nobody else sees that (`MAP_PRIVATE`). What nobody writes is not copied.

mod producer;

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::FileExt;
use std::ptr::{self, NonNull};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::memory::{Memory, sealed_file};

pub use producer::{Held, Producer};

/// How many blocks there may be at a time.
const N_BLOCKS: usize = 16_384;
/// Where the blocks begin.
pub(crate) const BEGINNING: u64 = (N_BLOCKS * size_of::<AtomicU32>()) as u64;
/// Where they end. Nothing is there before it is written.
pub(crate) const END: u64 = 1 << 40;
const PAGE: u64 = 4096;

/// Where a block is, as it is told to other processes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Block {
    /// Which word is its.
    pub index: u64,
    /// Where it begins.
    pub offset: u64,
    /// How many bytes it has, at least 1.
    pub len: u64,
}

/// One process's view of an arena.
#[derive(Debug)]
pub struct Arena {
    words: Memory,
    file: File,
}

impl Arena {
    /// A new one, of which this process will be the producer or a consumer.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn new() -> io::Result<Self> {
        Self::of(sealed_file(END)?.into())
    }

    /// The one that another process made.
    ///
    /// # Errors
    ///
    /// `InvalidData` if it is none; or what the system says.
    pub fn from_fd(file: OwnedFd) -> io::Result<Self> {
        Self::of(file)
    }

    fn of(file: OwnedFd) -> io::Result<Self> {
        let words = Memory::beginning_of(file.try_clone()?, BEGINNING as usize)?;
        let file = File::from(file);
        // Its size is sealed. A block that ended behind it would end the process that reads it.
        if file.metadata()?.len() < END {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "the shared memory is too small for an arena's",
            ));
        }
        Ok(Self { words, file })
    }

    /// Whether a block's bytes were all written: what is copied takes no more memory than its writer has taken.
    ///
    /// # Errors
    ///
    /// `InvalidData` if they were not, or there can be no such block; or what the system says.
    pub fn look_for(&self, block: &Block) -> io::Result<()> {
        self.check(block)?;
        // SAFETY: has no conditions. The place in the file that it sets is nobody's.
        let hole =
            unsafe { libc::lseek(self.file.as_raw_fd(), block.offset as libc::off_t, libc::SEEK_HOLE) };
        match u64::try_from(hole) {
            Ok(hole) if hole >= block.offset + block.len => Ok(()),
            Ok(_) => Err(impossible()),
            Err(_) => Err(io::Error::last_os_error()),
        }
    }

    /// Copies a block's bytes.
    ///
    /// # Errors
    ///
    /// `InvalidData` if there can be no such block; or what the system says.
    pub fn read(&self, block: &Block, to: &mut [u8]) -> io::Result<()> {
        self.check(block)?;
        self.file.read_exact_at(to, block.offset)
    }

    /// Maps a block's bytes, for this process alone to change.
    ///
    /// # Errors
    ///
    /// As [`Arena::read`].
    pub fn map(self: &Arc<Self>, block: &Block) -> io::Result<Mapping> {
        self.check(block)?;
        let len = block.len as usize;
        let protection = libc::PROT_READ | libc::PROT_WRITE;
        let (fd, offset) = (self.file.as_raw_fd(), block.offset as libc::off_t);
        // SAFETY: a new mapping, at an address that the system picks.
        let at = unsafe { libc::mmap(ptr::null_mut(), len, protection, libc::MAP_PRIVATE, fd, offset) };
        if at == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let at = NonNull::new(at.cast()).ok_or_else(|| io::Error::other("memory was mapped at address 0"))?;
        Ok(Mapping { at, len, index: block.index, arena: Arc::clone(self) })
    }

    /// Says that this process, the consumer, is done with a block. One that cannot be is nobody's.
    pub fn release(&self, index: u64) {
        if let Some(word) = self.word(index) {
            word.store(0, Ordering::Release);
        }
    }

    /// Whether a consumer has said that it will use the block, and not that it is done.
    pub fn is_lent(&self, index: u64) -> bool {
        self.word(index).is_some_and(|word| word.load(Ordering::Acquire) != 0)
    }

    /// Whether there can be such a block. What is in it is another matter.
    fn check(&self, block: &Block) -> io::Result<()> {
        let is_inside =
            block.offset >= BEGINNING && block.offset.checked_add(block.len).is_some_and(|end| end <= END);
        if is_inside && block.offset.is_multiple_of(PAGE) && block.len > 0 && self.word(block.index).is_some()
        {
            Ok(())
        } else {
            Err(impossible())
        }
    }

    fn word(&self, index: u64) -> Option<&AtomicU32> {
        let index = usize::try_from(index).ok().filter(|index| *index < N_BLOCKS)?;
        // SAFETY: within the mapped beginning, which has so many words and is aligned to a page.
        let at = unsafe { self.words.as_ptr().add(index * size_of::<AtomicU32>()) };
        // SAFETY: as above, for as long as `self`; any bytes are an atomic.
        Some(unsafe { &*at.cast() })
    }
}

fn impossible() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "the other process told of a block that cannot be")
}

impl AsFd for Arena {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

/// A block as a consumer has mapped it; when it is dropped, the consumer is done with the block.
#[derive(Debug)]
pub struct Mapping {
    at: NonNull<u8>,
    len: usize,
    index: u64,
    arena: Arc<Arena>,
}

// SAFETY: a mapping belongs to the process, not to a thread; it is reached by raw pointers alone, whose users answer for what they do.
unsafe impl Send for Mapping {}
// SAFETY: as for `Send`.
unsafe impl Sync for Mapping {}

impl Mapping {
    /// Where it is: aligned to a page, and there for as long as `self`.
    pub fn as_ptr(&self) -> *mut u8 {
        self.at.as_ptr()
    }

    /// How many bytes it has.
    #[expect(clippy::len_without_is_empty, reason = "it never is")]
    pub fn len(&self) -> usize {
        self.len
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: mapped by `Arena::map`, and nothing that borrowed it is left.
        unsafe { libc::munmap(self.at.as_ptr().cast(), self.len) };
        self.arena.release(self.index);
    }
}
