//! From the typed IR to machine code in this process, by LLVM 19.
//!
//! Reading order: [`compile`] here runs the stages; `lower` turns [`ungil_ir::ir`] into LLVM's IR, `optimise` runs the
//! passes that `pipeline` lists and writes an object file, `roots` shares out square roots in between, `long` tells whether a call of it may run long, `store` says how such a
//! file may be kept, `explain` tells what the passes did, `target` describes the machine it is for; [`Code`] is a loaded object,
//! `orc` loads it, `fork` keeps compiler and loader usable in a forked child, and out of the way of an exit.
//!
//! Architecture Invariant: this is the only crate that names LLVM. Objects hold no addresses of this process, so that
//! they can be kept on disk and loaded by another one on the same machine.

mod code;
mod context;
mod error;
mod explain;
mod fork;
mod long;
mod lower;
mod optimise;
mod orc;
mod pipeline;
mod roots;
mod store;
mod target;

use std::time::Instant;

use ungil_ir::ir;

pub use code::{Code, EntryFn, Timings};
pub use error::Error;
pub use explain::{Explanation, Fate, explain};
pub use fork::close;
pub use optimise::OptLevel;
pub use store::ObjectStore;
pub use target::{host_cpu_features, host_cpu_name, llvm_version};

/// What to compile for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Options {
    /// How hard LLVM tries.
    pub opt_level: OptLevel,
}

/// Compiles `module` and loads the result; its entry is [`Code::entry`].
///
/// May be called from many threads at once; each call works on LLVM data of its own.
///
/// # Errors
///
/// When the module breaks a rule of the IR, or LLVM refuses what was made of it: both are faults of ours, not the user's.
pub fn compile(module: &ir::Module, options: &Options) -> Result<Code, Error> {
    let (object, timings) = fork::inside(|| optimise::object(module, *options, None))?;
    load(&object, timings)
}

/// As [`compile`], but takes the object from `store` if that has it, and gives it to the store if not.
///
/// An object of the store's that cannot be loaded is made anew, and given to the store again.
///
/// # Errors
///
/// As [`compile`].
pub fn compile_with(module: &ir::Module, options: &Options, store: &dyn ObjectStore) -> Result<Code, Error> {
    /// Takes objects and has none.
    struct Taking<'a>(&'a dyn ObjectStore);

    impl ObjectStore for Taking<'_> {
        fn get(&self, _: &[u8]) -> Option<Vec<u8>> {
            None
        }

        fn put(&self, unit: &[u8], object: &[u8]) {
            self.0.put(unit, object);
        }
    }

    let (object, timings) = fork::inside(|| optimise::object(module, *options, Some(store)))?;
    load(&object, timings).or_else(|_| {
        let taking = Taking(store);
        let (object, timings) = fork::inside(|| optimise::object(module, *options, Some(&taking)))?;
        load(&object, timings)
    })
}

fn load(object: &[u8], mut timings: Timings) -> Result<Code, Error> {
    let start = Instant::now();
    let library = orc::load(object)?;
    timings.load = start.elapsed();
    Ok(Code::new(library, timings))
}

/// Compiles `module` to an object file for this machine, for [`Code::load`].
///
/// # Errors
///
/// As [`compile`].
pub fn emit_object(module: &ir::Module, options: &Options) -> Result<Vec<u8>, Error> {
    fork::inside(|| optimise::object(module, *options, None)).map(|(object, _)| object)
}

/// LLVM's IR of `module` as text, before or after the passes.
///
/// # Errors
///
/// As [`compile`].
pub fn emit_llvm(module: &ir::Module, options: &Options, optimised: bool) -> Result<String, Error> {
    fork::inside(|| optimise::llvm_text(module, *options, optimised))
}

/// The assembly of `module` for this machine.
///
/// # Errors
///
/// As [`compile`].
pub fn emit_asm(module: &ir::Module, options: &Options) -> Result<String, Error> {
    fork::inside(|| optimise::assembly(module, *options))
}
