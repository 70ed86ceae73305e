//! What became of a module's loops and functions, read from the code after the passes.
//!
//! LLVM's own remarks are switched on for a whole process, and make every compilation slower. So a module that is to be
//! explained is compiled once more with its loops marked: the mark of a loop survives in its metadata, and the vectoriser
//! puts another one in its place.

use std::collections::{HashMap, HashSet};

use inkwell::basic_block::BasicBlock;
use inkwell::context::Context;
use inkwell::module::Module;
use inkwell::types::AnyTypeEnum;
use inkwell::values::{BasicMetadataValueEnum, FunctionValue, InstructionValue, MetadataValue};
use ungil_ir::ir::{self, FuncId, Label};

use crate::lower::{self, Purpose};
use crate::{Error, Options, context, fork, optimise};

/// What became of a module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// The loops that are left, by function and label.
    loops: HashMap<(FuncId, Label), Fate>,
    /// The functions that are left: the others were inlined wherever they are called, or are not called.
    functions: HashSet<FuncId>,
}

/// What became of a loop.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Fate {
    /// There is no loop left: its turns were written out, or computed, or nobody needs them.
    Gone,
    /// It runs one turn after the other.
    Scalar,
    /// It runs that many turns at once.
    Vectorised(u32),
}

impl Explanation {
    /// What became of a loop.
    pub fn fate(&self, function: FuncId, label: Label) -> Fate {
        self.loops.get(&(function, label)).copied().unwrap_or(Fate::Gone)
    }

    /// Whether some call of the function is still a call.
    pub fn is_called(&self, function: FuncId) -> bool {
        self.functions.contains(&function)
    }
}

/// Compiles `module` once more and tells what became of it.
///
/// # Errors
///
/// As [`crate::compile`].
pub fn explain(module: &ir::Module, options: &Options) -> Result<Explanation, Error> {
    fork::inside(|| {
        let context = context::new();
        let llvm = optimise::optimised(&context, module, *options, Purpose::Explanation)?;
        Ok(read(&context, &llvm, module))
    })
}

/// The names of the marks: a loop as it was written, and what the vectoriser made of one.
pub(crate) const LOOP: &str = "ungil.loop";
pub(crate) const VECTORS: &str = "ungil.vectors";

/// What a mark says of its loop.
pub(crate) fn mark(function: FuncId, label: Label) -> String {
    format!("{} {}", function.0, label.0)
}

fn read(context: &Context, llvm: &Module<'_>, module: &ir::Module) -> Explanation {
    let kind = context.get_kind_id("llvm.loop");
    let mut loops = HashMap::new();
    for block in llvm.get_functions().flat_map(FunctionValue::get_basic_blocks) {
        let Some(back) = block.get_terminator() else { continue };
        let Some(properties) = back.get_metadata(kind) else { continue };
        for (name, text) in marks(properties) {
            let Some(id) = parse(&text) else { continue };
            let fate = if name == VECTORS { Fate::Vectorised(lanes(block, back)) } else { Fate::Scalar };
            let known = loops.entry(id).or_insert(fate);
            *known = fate.max(*known);
        }
    }
    let ids = (0..module.functions.len() as u32).map(FuncId);
    let functions =
        ids.filter(|id| llvm.get_function(&lower::symbol(module.function(*id), *id)).is_some()).collect();
    Explanation { loops, functions }
}

/// The marks among the properties of a loop.
fn marks(properties: MetadataValue<'_>) -> Vec<(String, String)> {
    let text = |value: &BasicMetadataValueEnum<'_>| match value {
        BasicMetadataValueEnum::MetadataValue(value) if value.is_string() => {
            value.get_string_value().map(|text| String::from_utf8_lossy(text).into_owned())
        }
        _ => None,
    };
    // The first operand is the node itself.
    let operands = properties.get_node_values().unwrap_or_default().into_iter().skip(1);
    let pair = |operand| {
        let BasicMetadataValueEnum::MetadataValue(node) = operand else { return None };
        let parts = if node.is_node() { node.get_node_values()? } else { return None };
        let [name, value] = &parts[..] else { return None };
        Some((text(name)?, text(value)?))
    };
    operands.filter_map(pair).filter(|(name, _)| name == LOOP || name == VECTORS).collect()
}

fn parse(mark: &str) -> Option<(FuncId, Label)> {
    let (function, label) = mark.split_once(' ')?;
    Some((FuncId(function.parse().ok()?), Label(label.parse().ok()?)))
}

/// The width of the vectors in the last block of a loop, or the first, where its variables are.
fn lanes(last: BasicBlock<'_>, back: InstructionValue<'_>) -> u32 {
    let targets = (0..back.get_num_operands()).filter_map(|index| back.get_operand(index)?.block());
    let instructions = targets.chain([last]).flat_map(BasicBlock::get_instructions);
    let widths = instructions.map(|instruction| match instruction.get_type() {
        AnyTypeEnum::VectorType(ty) => ty.get_size(),
        _ => 1,
    });
    widths.max().unwrap_or(1)
}
