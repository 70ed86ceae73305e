//! [`Memory`]: shared memory without a name.
//!
//! A file in memory that only its descriptors lead to (`memfd_create(2)`): the last process that ends takes it along, however it ends. Its size is sealed, so
//! that no process that it was passed to can cut it off, at which every access of the others would end them with `SIGBUS`. On both sides of where it is mapped
//! lies [nothing](GUARD): what led out of it would end this process, and not read or write what is none of the other's business.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::ptr::{self, NonNull};

/// Shared memory, as this process sees it; unmapped when it is dropped.
///
/// A forked child shares it with its parent. What is in it is zero at first.
///
/// ```
/// use std::os::fd::AsFd;
/// use ungil_ipc::memory::Memory;
///
/// let ours = Memory::new(4096)?;
/// let theirs = Memory::from_fd(ours.as_fd().try_clone_to_owned()?)?;
/// // SAFETY: within the memory, and nobody else reads or writes it.
/// unsafe { ours.as_ptr().write(7) };
/// // SAFETY: as above.
/// assert_eq!(unsafe { theirs.as_ptr().read() }, 7);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct Memory {
    file: OwnedFd,
    at: NonNull<u8>,
    len: usize,
}

// SAFETY: a mapping belongs to the process, not to a thread; it is reached by raw pointers alone, whose users answer for what they do.
unsafe impl Send for Memory {}
// SAFETY: as for `Send`.
unsafe impl Sync for Memory {}

/// So many bytes before the memory, and behind its last page, are nobody's: as many as the largest page that Linux has.
const GUARD: usize = 1 << 16;

const SEALS: libc::c_int = libc::F_SEAL_SHRINK | libc::F_SEAL_GROW | libc::F_SEAL_SEAL;

impl Memory {
    /// New memory of `len` bytes, at least 1.
    ///
    /// # Errors
    ///
    /// What the system says: no descriptor or no memory is left.
    pub fn new(len: usize) -> io::Result<Self> {
        Self::map(sealed_file(len as u64)?.into(), len)
    }

    /// The memory that another process made, by its descriptor.
    ///
    /// # Errors
    ///
    /// `InvalidData` if its size is not sealed, so that using it could end this process; or what the system says.
    pub fn from_fd(file: OwnedFd) -> io::Result<Self> {
        let len = sealed_len(&file)?;
        Self::map(file, usize::try_from(len).map_err(io::Error::other)?)
    }

    /// The first `len` bytes of a file whose size is sealed, and which has as many.
    ///
    /// # Errors
    ///
    /// As [`Memory::from_fd`].
    pub(crate) fn beginning_of(file: OwnedFd, len: usize) -> io::Result<Self> {
        if sealed_len(&file)? < len as u64 {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "the shared memory is too small"));
        }
        Self::map(file, len)
    }

    fn map(file: OwnedFd, len: usize) -> io::Result<Self> {
        let too_large = || io::Error::from(io::ErrorKind::OutOfMemory);
        let all = len.checked_add(2 * GUARD).ok_or_else(too_large)?;
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
        // SAFETY: a new mapping, at an address that the system picks.
        let nothing = mapped(unsafe { libc::mmap(ptr::null_mut(), all, libc::PROT_NONE, flags, -1, 0) })?;
        // SAFETY: within the new mapping.
        let at = unsafe { nothing.byte_add(GUARD) };
        let (protection, flags) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_SHARED | libc::MAP_FIXED);
        // SAFETY: it replaces a part of the new mapping, which nobody uses.
        let inside =
            mapped(unsafe { libc::mmap(at.as_ptr().cast(), len, protection, flags, file.as_raw_fd(), 0) });
        inside.map(|at| Self { file, at, len }).inspect_err(|_| {
            // SAFETY: the new mapping, which nobody uses.
            unsafe { libc::munmap(nothing.as_ptr().cast(), all) };
        })
    }

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

/// Where the system has mapped something, or its error.
fn mapped(at: *mut libc::c_void) -> io::Result<NonNull<u8>> {
    if at == libc::MAP_FAILED {
        return Err(io::Error::last_os_error());
    }
    NonNull::new(at.cast()).ok_or_else(|| io::Error::other("memory was mapped at address 0"))
}

/// A file in memory of `len` bytes, whose size is sealed.
pub(crate) fn sealed_file(len: u64) -> io::Result<File> {
    // SAFETY: the name is a C string.
    let file = unsafe { libc::memfd_create(c"ungil".as_ptr(), libc::MFD_CLOEXEC | libc::MFD_ALLOW_SEALING) };
    if file < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: a descriptor of our own, made just now.
    let file = File::from(unsafe { OwnedFd::from_raw_fd(file) });
    file.set_len(len)?;
    // SAFETY: the descriptor is open; the call takes an integer.
    if unsafe { libc::fcntl(file.as_raw_fd(), libc::F_ADD_SEALS, SEALS) } < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(file)
}

/// How many bytes a file has whose size is sealed; of another one, an error.
fn sealed_len(file: &OwnedFd) -> io::Result<u64> {
    // SAFETY: the descriptor is open; the call takes nothing else.
    let seals = unsafe { libc::fcntl(file.as_raw_fd(), libc::F_GET_SEALS) };
    // Of other files there are none to be had: an error, and minus one has every bit.
    if seals < 0 || seals & SEALS != SEALS {
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            "the descriptor is not one of shared memory whose size is sealed",
        ));
    }
    Ok(File::from(file.try_clone()?).metadata()?.len())
}

impl AsFd for Memory {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        // SAFETY: `map` has mapped so much before it.
        let nothing = unsafe { self.at.byte_sub(GUARD) };
        // SAFETY: mapped by `map`, and nothing that borrowed it is left.
        unsafe { libc::munmap(nothing.as_ptr().cast(), self.len + 2 * GUARD) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What `/proc/self/maps` says of the page that has this address: who may do what there, and of which file it is.
    fn what_is_at(address: usize) -> Option<String> {
        let maps = std::fs::read_to_string("/proc/self/maps").expect("readable");
        let number = |text: &str| usize::from_str_radix(text, 16).expect("a number");
        maps.lines().find_map(|line| {
            let (range, rest) = line.split_once(' ')?;
            let (begin, end) = range.split_once('-')?;
            (number(begin) <= address && address < number(end)).then(|| rest.to_owned())
        })
    }

    #[test]
    fn nothing_is_on_either_side_of_it() {
        let memory = Memory::new(5000).expect("memory");
        let at = memory.as_ptr() as usize;
        for outside in [at - GUARD, at - 1, at + 8192, at + 5000 + GUARD] {
            let found = what_is_at(outside).expect("reserved");
            assert!(found.starts_with("---p"), "{found}");
        }
        assert!(
            what_is_at(at).is_some_and(|found| found.starts_with("rw-s") && found.contains("memfd:ungil"))
        );
    }

    #[test]
    fn its_size_is_sealed_and_what_is_not_sealed_is_refused() {
        let memory = Memory::new(100).expect("memory");
        assert_eq!(memory.len(), 100);
        let file = File::from(memory.as_fd().try_clone_to_owned().expect("a descriptor"));
        assert!(file.set_len(0).is_err() && file.set_len(200).is_err());
        // SAFETY: the name is a C string.
        let open = unsafe { libc::memfd_create(c"open".as_ptr(), libc::MFD_CLOEXEC) };
        assert!(open >= 0);
        // SAFETY: a descriptor of our own, made just now.
        let open = unsafe { OwnedFd::from_raw_fd(open) };
        assert_eq!(Memory::from_fd(open).expect_err("not sealed").kind(), io::ErrorKind::InvalidData);
        let path = std::env::temp_dir().join(format!("ungil-memory-{}", std::process::id()));
        let on_disk = File::options().read(true).write(true).create_new(true).open(&path).expect("a file");
        std::fs::remove_file(&path).expect("ours");
        on_disk.set_len(1 << 20).expect("room");
        for other in [on_disk, File::open("/dev/null").expect("a file")] {
            assert_eq!(
                Memory::from_fd(other.into()).expect_err("no memory").kind(),
                io::ErrorKind::InvalidData
            );
        }
    }
}
