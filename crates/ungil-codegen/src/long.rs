//! Whether a call of a unit may run long, told from what LLVM's passes have left of it.
//!
//! The rule is that of [`ungil_ir::effects::Effects::long`], put to the code that will run: a call may run long if it
//! loops or recurs, itself or in what it calls. A parallel loop loops in the runtime; whatever else is called outside of the
//! unit is over soon.
//!
//! The blocks of all functions make one graph, in which a call leads to the callee's first block: there, loops and
//! recursions are cycles.

use std::hash::Hash;

use inkwell::basic_block::BasicBlock;
use inkwell::module::Module;
use inkwell::values::{BasicValue, CallSiteValue, FunctionValue, InstructionOpcode, InstructionValue};
use rustc_hash::{FxHashMap, FxHashSet};

use crate::lower::{self, PARALLEL_FOR, POLL};

/// What a call of a unit may have to do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Left {
    /// Code that runs once.
    Nothing,
    /// What is around loops that compute nothing, it seems: their polls, or the threads that their turns were for.
    Husks,
    /// Loops or recursions.
    Work,
}

/// What the passes have left of `llvm`.
pub(crate) fn left(llvm: &Module<'_>) -> Left {
    let (left, bodies) = left_of(llvm, lower::entry(llvm));
    if bodies.is_empty() {
        return left;
    }
    // What joins the results of a parallel loop's chunks is a loop too: whether that has work is told by the bodies.
    let mut within = bodies.into_iter().map(|body| left_of(llvm, body));
    if within.all(|(left, inner)| left != Left::Work && inner.is_empty()) { Left::Husks } else { Left::Work }
}

/// What is left of a function and of what it calls, apart from the bodies of parallel loops, which come beside it.
fn left_of<'c>(llvm: &Module<'c>, function: FunctionValue<'c>) -> (Left, Vec<FunctionValue<'c>>) {
    let mut blocks: Vec<_> = function.get_first_basic_block().into_iter().collect();
    let mut known: FxHashSet<_> = blocks.iter().copied().collect();
    let (mut edges, mut bodies) = (Vec::new(), Vec::new());
    let mut n_seen = 0;
    while let Some(block) = blocks.get(n_seen).copied() {
        n_seen += 1;
        bodies.extend(block.get_instructions().filter_map(|instruction| parallel_body(llvm, instruction)));
        let callees = block.get_instructions().filter_map(callee);
        for next in callees.filter_map(FunctionValue::get_first_basic_block).chain(successors(block)) {
            edges.push((block, next));
            if known.insert(next) {
                blocks.push(next);
            }
        }
    }
    let cycles = cycles(&edges);
    let left = if cycles.is_empty() {
        Left::Nothing
    } else if blocks.iter().all(|block| is_idle(*block, &cycles)) {
        Left::Husks
    } else {
        Left::Work
    };
    (left, bodies)
}

/// Whether `block` is no reason to run the cycles: nothing outside sees what they do, or needs their values.
fn is_idle(block: BasicBlock<'_>, cycles: &FxHashSet<BasicBlock<'_>>) -> bool {
    let has_no_effect = |instruction: InstructionValue<'_>| match instruction.get_opcode() {
        InstructionOpcode::Store => false,
        InstructionOpcode::Call => {
            callee(instruction).is_some_and(|callee| is_intrinsic(callee) || is_named(callee, POLL))
        }
        _ => true,
    };
    let needs_none = |instruction: InstructionValue<'_>| {
        // What tells the passes something does nothing; and its operands may be metadata, which inkwell cannot read.
        if callee(instruction)
            .is_some_and(|callee| is_intrinsic(callee) && callee.get_type().get_return_type().is_none())
        {
            return true;
        }
        let values = instruction.get_operands().filter_map(|operand| operand?.value());
        let mut places = values.filter_map(|value| value.as_instruction_value()?.get_parent());
        !places.any(|place| cycles.contains(&place))
    };
    let mut instructions = block.get_instructions();
    if cycles.contains(&block) { instructions.all(has_no_effect) } else { instructions.all(needs_none) }
}

fn successors(block: BasicBlock<'_>) -> impl Iterator<Item = BasicBlock<'_>> {
    let operands = block.get_terminator().into_iter().flat_map(InstructionValue::get_operands);
    operands.filter_map(|operand| operand?.block())
}

fn callee(instruction: InstructionValue<'_>) -> Option<FunctionValue<'_>> {
    CallSiteValue::try_from(instruction).ok()?.get_called_fn_value()
}

/// The body of the parallel loop that `instruction` runs, if it does.
fn parallel_body<'c>(llvm: &Module<'c>, instruction: InstructionValue<'c>) -> Option<FunctionValue<'c>> {
    callee(instruction).filter(|callee| is_named(*callee, PARALLEL_FOR))?;
    let body = instruction.get_operand(1)?.value()?.into_pointer_value();
    Some(llvm.get_function(&body.get_name().to_string_lossy()).expect("a loop names its body"))
}

fn is_intrinsic(function: FunctionValue<'_>) -> bool {
    function.get_intrinsic_id() != 0
}

fn is_named(function: FunctionValue<'_>, name: &str) -> bool {
    function.get_name().to_bytes() == name.as_bytes()
}

/// The nodes of a graph that lie on a cycle, or on a way from one to another.
fn cycles<N: Copy + Eq + Hash>(edges: &[(N, N)]) -> FxHashSet<N> {
    let backwards: Vec<_> = edges.iter().map(|(from, to)| (*to, *from)).collect();
    &behind_cycles(edges) & &behind_cycles(&backwards)
}

/// The nodes that lie on a cycle or behind one: what is left when those that no edge leads to are taken away, again and again.
fn behind_cycles<N: Copy + Eq + Hash>(edges: &[(N, N)]) -> FxHashSet<N> {
    let mut after: FxHashMap<N, Vec<N>> = FxHashMap::default();
    let mut n_before: FxHashMap<N, usize> = FxHashMap::default();
    for (from, to) in edges {
        after.entry(*from).or_default().push(*to);
        n_before.entry(*from).or_default();
        *n_before.entry(*to).or_default() += 1;
    }
    let mut free: Vec<N> =
        n_before.iter().filter(|(_, n_before)| **n_before == 0).map(|(node, _)| *node).collect();
    while let Some(node) = free.pop() {
        n_before.remove(&node);
        for next in after.remove(&node).unwrap_or_default() {
            let n_before = n_before.get_mut(&next).expect("its edge was counted");
            *n_before -= 1;
            if *n_before == 0 {
                free.push(next);
            }
        }
    }
    n_before.into_keys().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cycles_and_the_ways_between_them_are_found() {
        let nodes = |edges: &[(u32, u32)]| {
            let mut nodes: Vec<_> = cycles(edges).into_iter().collect();
            nodes.sort_unstable();
            nodes
        };
        assert_eq!(nodes(&[]), []);
        assert_eq!(nodes(&[(0, 1), (0, 2), (1, 3), (2, 3)]), []);
        assert_eq!(nodes(&[(0, 1), (1, 1), (1, 2)]), [1]);
        assert_eq!(nodes(&[(0, 1), (1, 2), (2, 1), (2, 3), (3, 4), (4, 4), (4, 5), (0, 5)]), [1, 2, 3, 4]);
    }
}
