//! [`Cache`]: machine code kept on disk from one process to the next.
//!
//! A file holds one object and is named by a hash of what the object was made from ([`ungil_codegen::ObjectStore`] says
//! what that is): the typed functions, constants and all, their types and options, the processor and the versions. So there is
//! nothing to invalidate, and code of any number of programs and versions may share a folder.
//!
//! Invariants, for any number of processes at once:
//!
//! - A file is written beside its place and renamed, so nobody reads half of one; two that write the same file write the same.
//! - A file begins with a checksum over its name's hash and its object. What does not agree with it (cut short, overwritten,
//!   renamed) is as if it were not there, and is replaced.
//! - Code runs with its user's rights, so a file of another user's is not loaded, and the folder is made for its user alone.
//!
//! Nothing is ever deleted: a file is some ten kilobytes, and the folder may be removed at any time.

use std::cell::RefCell;
use std::fs::{self, DirBuilder, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::{env, fmt};

use sha2::{Digest, Sha256};
use tempfile::NamedTempFile;
use ungil_codegen::ObjectStore;

/// The environment variable that names the folder.
pub const CACHE_DIR: &str = "UNGIL_CACHE_DIR";

/// What a file begins with; the number is that of the format, and of what an object tells by its names.
const MAGIC: &[u8; 8] = b"ungil\0\x02\n";

/// No object is that long, in bytes: a file that is was not written here.
const MAX_LEN: u64 = 1 << 28;

/// A folder of compiled functions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cache {
    folder: PathBuf,
}

/// What became of looking a function up.
#[derive(Debug)]
pub enum CacheOutcome {
    /// The code came from this file: nothing was compiled.
    Found(PathBuf),
    /// The code was compiled, and written to this file.
    Stored(PathBuf),
    /// The code was compiled, and could not be written.
    NotStored(PathBuf, io::Error),
}

impl Cache {
    /// The cache in `folder`, which is made when first needed.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into() }
    }

    /// The cache that the environment names: `UNGIL_CACHE_DIR`, or else `ungil` in the user's folder for caches
    /// (`XDG_CACHE_HOME`, `~/.cache`, on macOS `~/Library/Caches`); none for a user without a home.
    pub fn from_environment() -> Option<Self> {
        let named = env::var_os(CACHE_DIR).filter(|name| !name.is_empty()).map(PathBuf::from);
        named.or_else(|| dirs::cache_dir().map(|caches| caches.join("ungil"))).map(Self::new)
    }

    /// Where the files are.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    fn read(&self, name: &Name) -> Option<Vec<u8>> {
        let file = open(&self.path(name)).ok()?;
        let about = file.metadata().ok()?;
        if !is_trusted(&about) || about.len() > MAX_LEN {
            return None;
        }
        let mut bytes = Vec::new();
        file.take(MAX_LEN).read_to_end(&mut bytes).ok()?;
        let (checksum, object) = bytes.strip_prefix(MAGIC)?.split_at_checked(size_of::<Name>())?;
        (checksum == checksum_of(name, object)).then(|| object.to_vec())
    }

    fn write(&self, name: &Name, object: &[u8]) -> io::Result<()> {
        make_private(&self.folder)?;
        let mut file = NamedTempFile::new_in(&self.folder)?;
        for part in [MAGIC, &checksum_of(name, object)[..], object] {
            file.write_all(part)?;
        }
        file.persist(self.path(name))?;
        Ok(())
    }

    fn path(&self, name: &Name) -> PathBuf {
        let hex = name.iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"));
        self.folder.join(hex + ".code")
    }
}

impl fmt::Display for Cache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.folder.display().fmt(f)
    }
}

/// One look-up, which remembers what became of it.
pub(crate) struct Lookup<'a> {
    cache: &'a Cache,
    outcome: RefCell<Option<CacheOutcome>>,
}

impl<'a> Lookup<'a> {
    pub(crate) fn new(cache: &'a Cache) -> Self {
        Self { cache, outcome: RefCell::new(None) }
    }

    pub(crate) fn outcome(self) -> Option<CacheOutcome> {
        self.outcome.into_inner()
    }
}

impl ObjectStore for Lookup<'_> {
    fn get(&self, unit: &[u8]) -> Option<Vec<u8>> {
        let name = name_of(unit);
        let object = self.cache.read(&name)?;
        self.outcome.replace(Some(CacheOutcome::Found(self.cache.path(&name))));
        Some(object)
    }

    fn put(&self, unit: &[u8], object: &[u8]) {
        let name = name_of(unit);
        let path = self.cache.path(&name);
        self.outcome.replace(Some(match self.cache.write(&name, object) {
            Ok(()) => CacheOutcome::Stored(path),
            Err(error) => CacheOutcome::NotStored(path, error),
        }));
    }
}

/// The hash that a file is named by.
type Name = [u8; 32];

fn name_of(unit: &[u8]) -> Name {
    Sha256::digest(unit).into()
}

fn checksum_of(name: &Name, object: &[u8]) -> Name {
    Sha256::new().chain_update(name).chain_update(object).finalize().into()
}

/// Opens for reading, without waiting if it is no file but a pipe.
#[cfg(unix)]
fn open(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;

    File::options().read(true).custom_flags(libc::O_NONBLOCK).open(path)
}

#[cfg(unix)]
fn is_trusted(file: &fs::Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;

    // SAFETY: has no conditions.
    file.is_file() && file.uid() == unsafe { libc::geteuid() }
}

#[cfg(unix)]
fn make_private(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;

    DirBuilder::new().recursive(true).mode(0o700).create(folder)
}
