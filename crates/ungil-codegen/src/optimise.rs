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
use crate::{Error, Options, lower, pipeline, target};

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

/// The object file of a module, and how long it took.
pub(crate) fn object(
    module: &ir::Module,
    options: Options,
) -> Result<(MemoryBuffer<'static>, Timings), Error> {
    let start = Instant::now();
    let context = Context::create();
    let machine = target::machine(options.opt_level.machine())?;
    let llvm = build(&context, module, &machine)?;
    let built = Instant::now();
    run_passes(&llvm, &machine, options)?;
    let optimised = Instant::now();
    let object = write(&llvm, &machine, FileType::Object)?;
    let timings = Timings {
        build: built - start,
        optimise: optimised - built,
        emit: optimised.elapsed(),
        ..Timings::default()
    };
    Ok((object, timings))
}

pub(crate) fn llvm_text(module: &ir::Module, options: Options, optimised: bool) -> Result<String, Error> {
    let context = Context::create();
    let machine = target::machine(options.opt_level.machine())?;
    let llvm = build(&context, module, &machine)?;
    if optimised {
        run_passes(&llvm, &machine, options)?;
    }
    Ok(llvm.print_to_string().to_string())
}

pub(crate) fn assembly(module: &ir::Module, options: Options) -> Result<String, Error> {
    let context = Context::create();
    let machine = target::machine(options.opt_level.machine())?;
    let llvm = build(&context, module, &machine)?;
    run_passes(&llvm, &machine, options)?;
    let text = write(&llvm, &machine, FileType::Assembly)?;
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

fn build<'c>(
    context: &'c Context,
    module: &ir::Module,
    machine: &TargetMachine,
) -> Result<Module<'c>, Error> {
    let llvm = lower::module(context, module, machine)?;
    if cfg!(debug_assertions) {
        llvm.verify().map_err(|message| {
            Error::llvm(
                "accept its IR",
                format!("{}\n{}", message.to_string(), llvm.print_to_string().to_string()),
            )
        })?;
    }
    Ok(llvm)
}

fn run_passes(llvm: &Module<'_>, machine: &TargetMachine, options: Options) -> Result<(), Error> {
    let passes = PassBuilderOptions::create();
    // The C interface leaves the SLP vectoriser off.
    passes.set_loop_slp_vectorization(true);
    llvm.run_passes(&pipeline::passes(options.opt_level), machine, passes)
        .map_err(|message| Error::llvm("run its passes", message.to_string()))
}

fn write(llvm: &Module<'_>, machine: &TargetMachine, file: FileType) -> Result<MemoryBuffer<'static>, Error> {
    machine
        .write_to_memory_buffer(llvm, file)
        .map_err(|message| Error::llvm("write code", message.to_string()))
}
