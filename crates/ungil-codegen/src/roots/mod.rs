//! Square roots of whole vectors, shared out between the unit that computes roots and those that multiply.
//!
//! Where approximate functions are allowed, a loop that is full of square roots waits for the one unit that makes them: nine
//! cycles for a vector of four on a Zen 3, in which two other units could multiply and add eighteen times. A root by
//! multiplication takes all others some eight cycles, so neither way alone is much faster than the other; but half of the
//! roots one way and half the other way take little more than half of the time. How many go which way is told by what else the
//! loop does. Measured on that machine with a loop written by hand, over 10**6 roots: 655 µs by the unit alone, 595 to 643 by
//! multiplication alone, 378 by halves.
//!
//! This works on LLVM's IR behind the vectoriser, which knows what a root costs, but not which unit is busy. There it sees
//! vectors only: a root by itself keeps its instruction, which has the shorter latency.

mod multiplied;

use inkwell::basic_block::BasicBlock;
use inkwell::builder::Builder;
use inkwell::context::Context;
use inkwell::module::Module;
use inkwell::passes::PassBuilderOptions;
use inkwell::targets::TargetMachine;
use inkwell::types::AnyTypeEnum;
use inkwell::values::{
    AnyValue, BasicMetadataValueEnum, BasicValue, CallSiteValue, FastMathFlags, FunctionValue,
    InstructionOpcode, InstructionValue, Operand, VectorValue,
};

use crate::{Error, target};

/// The passes that follow.
pub(crate) const PASSES: &str = "always-inline";

/// How long the unit takes for a vector's roots and for its quotients, and how many operations it takes to multiply roots out; a
/// unit of time is what one operation on a vector takes among many others. Measured on Zen 3, rounded.
const ROOT: u64 = 21;
const QUOTIENT: u64 = 12;
const MULTIPLIED: u64 = 17;
/// As many operations stand for the product of vectors of `int64`, or turn one into floats: no instruction does.
const OF_WORDS: u64 = 8;

/// Vectors whose roots are computed together, with one branch and the same constants: as many as registers hold.
const GROUP: usize = 4;

/// How the roots of a vector are computed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Way {
    /// By the unit that does nothing else.
    Unit,
    /// By multiplication.
    Multiplied,
}

/// Shares out the roots of `llvm`, which has been through the passes.
pub(crate) fn share_out<'c>(
    context: &'c Context,
    llvm: &Module<'c>,
    machine: &TargetMachine,
) -> Result<(), Error> {
    let Some(root) = llvm.get_function("llvm.sqrt.v4f64") else { return Ok(()) };
    if !target::has_slow_roots() {
        return Ok(());
    }
    let mut found = false;
    for function in llvm.get_functions().collect::<Vec<_>>() {
        for block in function.get_basic_blocks() {
            for roots in side_by_side(block, &shared_out(block, root)) {
                let ways: Vec<_> = roots.iter().map(|(_, way)| *way).collect();
                let helper = multiplied::define(context, llvm, function, root, &ways)?;
                replace(&context.create_builder(), &roots, helper)?;
                found = true;
            }
        }
    }
    if found {
        llvm.run_passes(PASSES, machine, PassBuilderOptions::create())
            .map_err(|message| Error::llvm("inline roots", message.to_string()))?;
    }
    Ok(())
}

/// The roots of a block with the ways to compute them; none unless the block is a whole loop and some are better multiplied.
fn shared_out<'c>(block: BasicBlock<'c>, root: FunctionValue<'c>) -> Vec<(InstructionValue<'c>, Way)> {
    let targets = block.get_terminator().into_iter().flat_map(InstructionValue::get_operands);
    if !targets.filter_map(|operand| operand?.block()).any(|target| target == block) {
        return Vec::new();
    }
    let mut free = Vec::new();
    let (mut n_others, mut unit) = (0, 0);
    for instruction in block.get_instructions() {
        if !matches!(instruction.get_type(), AnyTypeEnum::VectorType(_)) {
            if callee(instruction).is_some_and(|callee| callee.get_intrinsic_id() == 0) {
                // The loop waits for that, whatever its roots do.
                return Vec::new();
            }
            continue;
        }
        let flags = instruction.get_fast_math_flags().unwrap_or(FastMathFlags::empty());
        match instruction.get_opcode() {
            InstructionOpcode::Call if callee(instruction) == Some(root) => {
                if flags.contains(FastMathFlags::ApproxFunc) {
                    free.push(instruction);
                } else {
                    unit += ROOT;
                }
            }
            InstructionOpcode::FDiv => unit += QUOTIENT,
            // Most such products become one operation with the addition behind them.
            InstructionOpcode::FMul if flags.contains(FastMathFlags::AllowContract) => {}
            InstructionOpcode::Mul
            | InstructionOpcode::SIToFP
            | InstructionOpcode::UIToFP
            | InstructionOpcode::FPToSI
            | InstructionOpcode::FPToUI => n_others += OF_WORDS,
            InstructionOpcode::Phi | InstructionOpcode::BitCast => {}
            _ => n_others += 1,
        }
    }
    let n_roots = free.len() as u64;
    let n_multiplied = share(n_roots, n_others, unit);
    if n_multiplied == 0 {
        return Vec::new();
    }
    // Spread evenly, so that neither way waits for the other.
    let way = |at: u64| {
        let is_next = (at + 1) * n_multiplied / n_roots > at * n_multiplied / n_roots;
        if is_next { Way::Multiplied } else { Way::Unit }
    };
    (0..).zip(free).map(|(at, call)| (call, way(at))).collect()
}

/// How many of `n_roots` to multiply out beside `n_others` operations, in a loop that keeps the unit busy for `unit` besides.
fn share(n_roots: u64, n_others: u64, unit: u64) -> u64 {
    let time = |n: u64| (unit + ROOT * (n_roots - n)).max(n_others + MULTIPLIED * n);
    let best = (0..=n_roots).min_by_key(|n| time(*n)).unwrap_or(0);
    // What is estimated to win less than a tenth is not worth its code.
    if time(best) * 10 <= time(0) * 9 { best } else { 0 }
}

/// The roots in groups, as they come, in each of which none needs another and some are multiplied.
fn side_by_side<'c>(
    block: BasicBlock<'c>,
    roots: &[(InstructionValue<'c>, Way)],
) -> Vec<Vec<(InstructionValue<'c>, Way)>> {
    let (mut groups, mut group) = (Vec::new(), Vec::<(InstructionValue, Way)>::new());
    let mut next = roots.iter().peekable();
    for instruction in block.get_instructions() {
        if next.peek().is_none() && group.is_empty() {
            break;
        }
        if group.len() == GROUP || group.iter().any(|(call, _)| uses(instruction, *call)) {
            groups.push(std::mem::take(&mut group));
        }
        group.extend(next.next_if(|(call, _)| *call == instruction));
    }
    groups.push(group);
    groups.retain(|group| group.iter().any(|(_, way)| *way == Way::Multiplied));
    groups
}

/// Lets one call of `helper` take the place of all roots, where the last of them is.
fn replace<'c>(
    builder: &Builder<'c>,
    roots: &[(InstructionValue<'c>, Way)],
    helper: FunctionValue<'c>,
) -> Result<(), Error> {
    let Some((last, _)) = roots.last() else { return Ok(()) };
    let args: Result<Vec<BasicMetadataValueEnum>, Error> =
        roots.iter().map(|(call, _)| Ok(operand(*call)?.into())).collect();
    builder.position_before(last);
    let all = builder.build_call(helper, &args?, "")?.try_as_basic_value().basic();
    let all = all.ok_or_else(|| malformed("it returns roots"))?.into_struct_value();
    for ((call, _), index) in roots.iter().zip(0..) {
        let value = builder.build_extract_value(all, index, "")?.as_instruction_value();
        call.replace_all_uses_with(&value.ok_or_else(|| malformed("a part is extracted"))?);
    }
    for (call, _) in roots {
        call.erase_from_basic_block();
    }
    Ok(())
}

/// Whether an instruction uses the result of `call`.
fn uses<'c>(instruction: InstructionValue<'c>, call: InstructionValue<'c>) -> bool {
    let mut uses = std::iter::successors(call.get_first_use(), |used| used.get_next_use());
    uses.any(|used| used.get_user() == instruction.as_any_value_enum())
}

fn callee(instruction: InstructionValue<'_>) -> Option<FunctionValue<'_>> {
    CallSiteValue::try_from(instruction).ok()?.get_called_fn_value()
}

/// The argument of a call of a root.
fn operand(call: InstructionValue<'_>) -> Result<VectorValue<'_>, Error> {
    let x = call.get_operand(0).and_then(Operand::value);
    Ok(x.ok_or_else(|| malformed("a root is one of a vector"))?.into_vector_value())
}

fn malformed(expected: &str) -> Error {
    Error::Malformed(expected.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loop_of_roots_gives_half_of_them_away_and_one_full_of_other_work_none() {
        // The sum of roots of an index, in four vectors and in two; the same with a polynomial before.
        assert_eq!(share(4, 12, 0), 2);
        assert_eq!(share(2, 6, 0), 1);
        assert_eq!(share(4, 80, 0), 0);
        assert_eq!(share(0, 80, 4 * QUOTIENT), 0);
        // The unit divides meanwhile.
        assert_eq!(share(4, 12, 4 * QUOTIENT), 3);
    }
}
