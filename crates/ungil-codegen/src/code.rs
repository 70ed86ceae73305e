//! Machine code that is loaded in this process.

use std::fmt;
use std::time::Duration;

use ungil_rt::Context;

use crate::{Error, orc};

/// The entry of a compiled unit.
///
/// `args` and `ret` point to C structs as [`ungil_ir::layout`] lays out the parameters and the result. Returns 0 when
/// the function returned and `ret` has been written, 1 when it raised and the context says what.
pub type EntryFn = unsafe extern "C" fn(*mut Context, *const u8, *mut u8) -> i32;

/// Loaded code; unloaded when dropped.
pub struct Code {
    library: orc::Library,
    timings: Timings,
}

/// How long each stage of a compilation took.
#[derive(Clone, Copy, Debug, Default)]
pub struct Timings {
    /// Building LLVM's IR.
    pub build: Duration,
    /// Running the passes.
    pub optimise: Duration,
    /// Selecting instructions and writing the object.
    pub emit: Duration,
    /// Loading and linking the object.
    pub load: Duration,
}

impl Code {
    pub(crate) fn new(library: orc::Library, timings: Timings) -> Self {
        Self { library, timings }
    }

    /// Loads an object that [`crate::emit_object`] made for this kind of machine.
    ///
    /// Whoever later calls the entry answers for where the bytes come from.
    ///
    /// # Errors
    ///
    /// When the bytes are not such an object.
    pub fn load(object: &[u8]) -> Result<Self, Error> {
        let start = std::time::Instant::now();
        let library = orc::load(object)?;
        Ok(Self { library, timings: Timings { load: start.elapsed(), ..Timings::default() } })
    }

    /// The entry.
    ///
    /// # Safety of calling it
    ///
    /// The context is live and this call's alone; `args` and `ret` are laid out and aligned as the function's types
    /// ask; this `Code` outlives the call.
    pub fn entry(&self) -> EntryFn {
        self.library.entry()
    }

    /// Whether a call may run long: whether the passes have left a loop or a recursion of what it does.
    pub fn is_long(&self) -> bool {
        self.library.is_long()
    }

    /// How long its stages took; zero for those that loading an object skips.
    pub fn timings(&self) -> Timings {
        self.timings
    }
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Code").field("timings", &self.timings).finish_non_exhaustive()
    }
}
