//! LLVM's part of the work: the passes, and writing objects, assembly and text.

use std::time::Instant;

use inkwell::OptimizationLevel;
use inkwell::context::Context;
use inkwell::memory_buffer::MemoryBuffer;
use inkwell::module::Module;
use inkwell::passes::PassBuilderOptions;
use inkwell::targets::{FileType, TargetMachine};
use ungil_ir::ir;

use crate::code::Timings;
use crate::long::{self, Left};
use crate::lower::{Loops, Purpose};
use crate::store::{self, ObjectStore};
use crate::{Error, Options, context, lower, pipeline, roots, target};

/// How hard LLVM tries, as `-O` of a C compiler.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum OptLevel {
    /// Not at all.
    O0,
    /// Little.
    O1,
    /// Much.
    O2,
    /// All it can.
    #[default]
    O3,
}

/// The object file of a module, and how long it took; none of LLVM's passes run if `store` has it.
pub(crate) fn object(
    module: &ir::Module,
    options: Options,
    store: Option<&dyn ObjectStore>,
) -> Result<(Vec<u8>, Timings), Error> {
    let start = Instant::now();
    let context = context::new();
    let stages = Stages::new(&context, module, options, Purpose::Code)?;
    let llvm = stages.build(Loops::Run)?;
    let unit = store.map(|store| (store, store::unit(&llvm, options.opt_level)));
    let kept = unit.as_ref().and_then(|(store, unit)| store.get(unit));
    let built = Instant::now();
    let mut timings = Timings { build: built - start, ..Timings::default() };
    if let Some(object) = kept {
        return Ok((object, timings));
    }
    let llvm = stages.optimise(llvm)?;
    let optimised = Instant::now();
    timings.optimise = optimised - built;
    let object = stages.write(&llvm, FileType::Object)?.as_slice().to_vec();
    timings.emit = optimised.elapsed();
    if let Some((store, unit)) = unit {
        store.put(&unit, &object);
    }
    Ok((object, timings))
}

/// LLVM's IR of a module after the passes.
pub(crate) fn optimised<'c>(
    context: &'c Context,
    module: &ir::Module,
    options: Options,
    purpose: Purpose,
) -> Result<Module<'c>, Error> {
    let stages = Stages::new(context, module, options, purpose)?;
    stages.optimise(stages.build(Loops::Run)?)
}

pub(crate) fn llvm_text(module: &ir::Module, options: Options, optimised: bool) -> Result<String, Error> {
    let context = context::new();
    let stages = Stages::new(&context, module, options, Purpose::Code)?;
    let mut llvm = stages.build(Loops::Run)?;
    if optimised {
        llvm = stages.optimise(llvm)?;
    }
    Ok(llvm.print_to_string().to_string())
}

pub(crate) fn assembly(module: &ir::Module, options: Options) -> Result<String, Error> {
    let context = context::new();
    let stages = Stages::new(&context, module, options, Purpose::Code)?;
    let llvm = stages.optimise(stages.build(Loops::Run)?)?;
    let text = stages.write(&llvm, FileType::Assembly)?;
    Ok(String::from_utf8_lossy(text.as_slice()).trim_end_matches('\0').to_owned())
}

impl OptLevel {
    fn machine(self) -> OptimizationLevel {
        match self {
            Self::O0 => OptimizationLevel::None,
            Self::O1 => OptimizationLevel::Less,
            Self::O2 => OptimizationLevel::Default,
            Self::O3 => OptimizationLevel::Aggressive,
        }
    }
}

/// The stages of one compilation, with what they share.
struct Stages<'c, 'm> {
    context: &'c Context,
    module: &'m ir::Module,
    machine: TargetMachine,
    level: OptLevel,
    purpose: Purpose,
}

impl<'c, 'm> Stages<'c, 'm> {
    fn new(
        context: &'c Context,
        module: &'m ir::Module,
        options: Options,
        purpose: Purpose,
    ) -> Result<Self, Error> {
        let level = options.opt_level;
        Ok(Self { context, module, machine: target::machine(level.machine())?, level, purpose })
    }

    fn build(&self, loops: Loops) -> Result<Module<'c>, Error> {
        let llvm = lower::module(self.context, self.module, &self.machine, self.purpose, loops)?;
        verify(&llvm)?;
        Ok(llvm)
    }

    /// Runs the passes over a module whose loops are to be run, and names its entry for whether a call may run long.
    ///
    /// LLVM takes away the turns of a loop that computes nothing, but not the polls between its strips, and not the call that
    /// hands the chunks of a parallel one to threads. Where that is all there is, the module is made with bare loops.
    fn optimise(&self, mut llvm: Module<'c>) -> Result<Module<'c>, Error> {
        self.run_passes(&llvm)?;
        let mut left = long::left(&llvm);
        if left == Left::Husks {
            let bare = self.build(Loops::Bare)?;
            self.run_passes(&bare)?;
            if long::left(&bare) == Left::Nothing {
                (llvm, left) = (bare, Left::Nothing);
            }
        }
        if left == Left::Nothing {
            lower::name_brief(&llvm);
        }
        // What is explained is the work of the passes.
        if self.purpose == Purpose::Code {
            roots::share_out(self.context, &llvm, &self.machine)?;
            verify(&llvm)?;
        }
        Ok(llvm)
    }

    fn run_passes(&self, llvm: &Module<'c>) -> Result<(), Error> {
        let passes = PassBuilderOptions::create();
        // The C interface leaves the SLP vectoriser off.
        passes.set_loop_slp_vectorization(true);
        llvm.run_passes(&pipeline::passes(self.level), &self.machine, passes)
            .map_err(|message| Error::llvm("run its passes", message.to_string()))
    }

    fn write(&self, llvm: &Module<'c>, file: FileType) -> Result<MemoryBuffer<'static>, Error> {
        self.machine
            .write_to_memory_buffer(llvm, file)
            .map_err(|message| Error::llvm("write code", message.to_string()))
    }
}

/// Lets LLVM check a module that we have written to, where we check ourselves.
fn verify(llvm: &Module<'_>) -> Result<(), Error> {
    if !cfg!(debug_assertions) {
        return Ok(());
    }
    llvm.verify().map_err(|message| {
        Error::llvm(
            "accept its IR",
            format!("{}\n{}", message.to_string(), llvm.print_to_string().to_string()),
        )
    })
}
