//! Where objects may be kept from one process to the next.
//!
//! What an object is made from is all in its *unit*: the versions of this crate and of LLVM, what the passes are told, and
//! the module before any pass, which names the processor. The unit is made in a millisecond, so it is made in any case, and
//! an object is found by it: whatever changes the code changes the unit, and nothing else has to be remembered.

use inkwell::module::Module;

use crate::{OptLevel, pipeline, roots, target};

/// Keeps objects by their units.
pub trait ObjectStore {
    /// The object that was kept for `unit`.
    fn get(&self, unit: &[u8]) -> Option<Vec<u8>>;

    /// Keeps `object` for `unit`; a store that cannot leaves it be.
    fn put(&self, unit: &[u8], object: &[u8]);
}

/// The unit of a module that no pass has touched.
pub(crate) fn unit(llvm: &Module<'_>, level: OptLevel) -> Vec<u8> {
    let mut unit = format!(
        "ungil {}\nLLVM {}\n{level:?} {} {}\n{}\n",
        env!("CARGO_PKG_VERSION"),
        target::llvm_version(),
        pipeline::passes(level),
        roots::PASSES,
        target::options(),
    )
    .into_bytes();
    unit.extend_from_slice(llvm.write_bitcode_to_memory().as_slice());
    unit
}
