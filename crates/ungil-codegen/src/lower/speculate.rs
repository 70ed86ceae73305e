//! Loops that leave their rare cases to a second run.
//!
//! A function of the prelude computes common arguments in straight lines, and sends rare ones (huge, infinite,
//! subnormal) a slower way: `if unlikely(…): return …`. That branch would keep LLVM from vectorising the loop that the
//! function is inlined into. So a strip of such a loop runs first as if no guard were ever true, only noting whether
//! one was; if so, the variables are set back and the strip runs again with its branches.
//!
//! That is right for a loop that does nothing but bind values and set variables: its first run leaves nothing behind.
//! The guards' fast ways are safe with any operands, only wrong with rare ones.
//!
//! A function that guards has a second form, with a pointer to the note as its last parameter.

use inkwell::IntPredicate;
use inkwell::basic_block::BasicBlock;
use inkwell::values::{BasicValueEnum, IntValue, PointerValue};
use ungil_ir::effects::Effects;
use ungil_ir::ir::{self, Block, ForLoop, Intrinsic, Label, Module, Op, StmtKind, ValueId, VarId};

use super::function::Body;
use super::loops::Pace;
use crate::Error;

/// Which functions guard a rare case, themselves or in what they call, and can run speculatively.
pub(super) struct Guards(Vec<bool>);

impl Guards {
    pub(super) fn of(module: &Module, effects: &[Effects]) -> Self {
        let mut guards = Self(vec![false; module.functions.len()]);
        loop {
            let mut changed = false;
            for (index, function) in module.functions.iter().enumerate() {
                if !guards.0[index] && !effects[index].raises && guards.block(&function.body) {
                    guards.0[index] = true;
                    changed = true;
                }
            }
            if !changed {
                return guards;
            }
        }
    }

    pub(super) fn function(&self, id: ir::FuncId) -> bool {
        self.0[id.0 as usize]
    }

    /// Whether the loop has a guard, and leaves nothing behind but values and variables.
    fn looped(&self, effects: &[Effects], looped: &ForLoop) -> bool {
        let mut inner: Vec<Label> = Vec::new();
        let mut pure = true;
        ir::walk(&looped.body, &mut |stmt| match &stmt.kind {
            StmtKind::Let(_, Op::Call { func, .. }) => pure &= !effects[func.0 as usize].raises,
            StmtKind::Let(_, Op::Print(..) | Op::Intrinsic(Intrinsic::SetNumThreads, _)) => pure = false,
            StmtKind::Let(..) | StmtKind::Set(..) | StmtKind::If { .. } => {}
            StmtKind::Block { label, .. } => inner.push(*label),
            StmtKind::Break(label) => pure &= inner.contains(label),
            StmtKind::Continue(label) => pure &= *label == looped.label,
            StmtKind::Loop { .. } | StmtKind::For(_) | StmtKind::Return(_) | StmtKind::Raise(_) => {
                pure = false;
            }
        });
        pure && self.block(&looped.body)
    }

    fn block(&self, block: &Block) -> bool {
        let mut found = false;
        ir::walk(block, &mut |stmt| match &stmt.kind {
            StmtKind::Let(_, Op::Intrinsic(Intrinsic::Unlikely, _)) => found = true,
            StmtKind::Let(_, Op::Call { func, .. }) => found |= self.function(*func),
            _ => {}
        });
        found
    }
}

impl<'u, 'c> Body<'u, 'c, '_> {
    /// Runs the turns `start..end`, which are not empty and never poll; goes on behind them.
    pub(super) fn strip(
        &mut self,
        looped: &'u ForLoop,
        start: IntValue<'c>,
        end: IntValue<'c>,
        on_break: BasicBlock<'c>,
    ) -> Result<(), Error> {
        if !self.unit.guards.looped(&self.unit.effects, looped) {
            return self.turns(looped, start, end, on_break, Pace::Fast);
        }
        let i64_type = self.unit.context.i64_type();
        let note = self.slot(i64_type, "rare")?;
        self.builder.build_store(note, i64_type.const_zero())?;
        let mut saved: Vec<(PointerValue<'c>, BasicValueEnum<'c>)> = Vec::new();
        for var in vars_set(&looped.body) {
            let slot = self.var(var)?;
            let ty = self.unit.ty(self.function.var_type(var));
            saved.push((slot, self.builder.build_load(ty, slot, "")?));
        }
        self.speculating = Some(note);
        self.turns(looped, start, end, on_break, Pace::Fast)?;
        self.speculating = None;

        let [again, done] = ["rare", "strip.done"].map(|name| self.append(name));
        let noted = self.builder.build_load(i64_type, note, "")?.into_int_value();
        let rare = self.builder.build_int_compare(IntPredicate::NE, noted, i64_type.const_zero(), "")?;
        self.branch_unlikely(rare, again, done)?;
        self.builder.position_at_end(again);
        for (slot, value) in saved {
            self.builder.build_store(slot, value)?;
        }
        self.is_rare = true;
        self.turns(looped, start, end, on_break, Pace::Rare)?;
        self.is_rare = false;
        self.builder.build_unconditional_branch(done)?;
        self.builder.position_at_end(done);
        Ok(())
    }

    /// A guard: the operand, or, in a first run, false with a note of whether it was true.
    pub(super) fn unlikely(&mut self, cond: ValueId) -> Result<BasicValueEnum<'c>, Error> {
        let cond = self.value(cond)?;
        let Some(note) = self.speculating else { return Ok(cond) };
        let i64_type = self.unit.context.i64_type();
        let here = self.builder.build_int_z_extend(cond.into_int_value(), i64_type, "")?;
        let before = self.builder.build_load(i64_type, note, "")?.into_int_value();
        let noted = self.builder.build_or(before, here, "")?;
        self.builder.build_store(note, noted)?;
        Ok(self.unit.context.bool_type().const_zero().into())
    }
}

fn vars_set(block: &Block) -> Vec<VarId> {
    let mut vars = Vec::new();
    ir::walk(block, &mut |stmt| {
        if let StmtKind::Set(var, _) = &stmt.kind {
            vars.push(*var);
        }
    });
    vars.sort_unstable();
    vars.dedup();
    vars
}
