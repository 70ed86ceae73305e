//! Loops that leave their rare cases to a second run.
//!
//! A function of the prelude computes common arguments in straight lines, and sends rare ones (huge, infinite,
//! subnormal) a slower way: `if unlikely(…): return …`. That branch would keep LLVM from vectorising the loop that the
//! function is inlined into. So a strip of such a loop runs first as if no guard were ever true, only noting whether
//! one was; if so, the variables are set back and the strip runs again with its branches.
//!
//! The first run takes a number of turns that every vector divides, so LLVM need not make a scalar loop for what would be
//! left over: those turns belong to the second run, whose calls stay calls. That code is small, and half as much of it is
//! a quarter less to compile.
//!
//! That is right for a loop that does nothing but bind values and set variables: its first run leaves nothing behind.
//! The guards' fast ways are safe with any operands, only wrong with rare ones. What a guard guards may also be a `raise`: the
//! division of floats by zero, a float that no integer can hold.
//!
//! A function that guards has a second form, with a pointer to the note as its last parameter.

use inkwell::IntPredicate;
use inkwell::basic_block::BasicBlock;
use inkwell::types::IntType;
use inkwell::values::{BasicValueEnum, IntValue, PointerValue};
use ungil_ir::effects::Effects;
use ungil_ir::ir::{self, Block, ForLoop, Intrinsic, Label, Module, Op, StmtKind, ValueId, VarId};

use super::ahead;
use super::function::Body;
use super::loops::Pace;
use crate::{Error, target};

/// The first run takes a multiple of so many turns: four vectors of eight.
pub(super) const WHOLE: u64 = 32;

/// A strip that may have to run again has so many turns at most: one rare case makes no more than these slow.
const MAX_STRIP: u64 = 1 << 13;

/// How many turns a strip that may have to run again may have.
pub(super) fn max_strip(looped: &ForLoop) -> u64 {
    if ahead::asks(looped) { ahead::MAX_STRIP } else { MAX_STRIP }
}

/// How many turns are run.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Turns {
    /// As many as a strip may have.
    OfStrip,
    /// Any number: nothing is answered ahead, since there is room for a strip's answers only.
    Any,
}

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

    /// Whether the loop has a guard, leaves nothing behind but values and variables, and calls nothing in a first run that would keep it from
    /// being vectorised.
    pub(super) fn looped(&self, effects: &[Effects], looped: &ForLoop) -> bool {
        let mut walk = Purity { effects, turn: looped.label, inner: Vec::new(), guards: Vec::new() };
        walk.is_pure(&looped.body) && self.block(&looped.body) && ahead::answers_all(looped)
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

/// Whether a turn may run without its guards and leave nothing behind.
struct Purity<'a> {
    effects: &'a [Effects],
    /// The label that ends a turn.
    turn: Label,
    /// The labels of blocks inside.
    inner: Vec<Label>,
    /// The guards met so far.
    guards: Vec<ValueId>,
}

impl Purity<'_> {
    fn is_pure(&mut self, block: &Block) -> bool {
        block.iter().all(|stmt| match &stmt.kind {
            StmtKind::Let(value, Op::Intrinsic(Intrinsic::Unlikely, _)) => {
                self.guards.push(*value);
                true
            }
            StmtKind::Let(_, Op::Call { func, .. }) => !self.effects[func.0 as usize].raises,
            StmtKind::Let(_, Op::Print(..) | Op::Intrinsic(Intrinsic::SetNumThreads, _)) => false,
            StmtKind::Let(..) | StmtKind::Set(..) => true,
            // A first run never takes that way, so it may as well raise.
            StmtKind::If { cond, otherwise, .. } if self.guards.contains(cond) => self.is_pure(otherwise),
            StmtKind::If { then, otherwise, .. } => self.is_pure(then) && self.is_pure(otherwise),
            StmtKind::Block { label, body } => {
                self.inner.push(*label);
                self.is_pure(body)
            }
            StmtKind::Break(label) => self.inner.contains(label),
            StmtKind::Continue(label) => *label == self.turn,
            StmtKind::Loop { .. } | StmtKind::For(_) | StmtKind::Return(_) | StmtKind::Raise(_) => false,
        })
    }
}

impl<'u, 'c> Body<'u, 'c, '_> {
    /// Runs `n_turns` turns from `start`, at least one, which never poll; goes on behind them.
    pub(super) fn strip(
        &mut self,
        looped: &'u ForLoop,
        start: IntValue<'c>,
        n_turns: IntValue<'c>,
        on_break: BasicBlock<'c>,
        turns: Turns,
    ) -> Result<(), Error> {
        if !self.unit.guards.looped(&self.unit.effects, looped) {
            return self.turns(looped, start, n_turns, on_break, Pace::Fast);
        }
        let i64_type = self.unit.context.i64_type();
        let [fast, again, slow_head, slow, done] =
            ["fast", "again", "slow.head", "slow", "strip.done"].map(|name| self.append(name));

        let note_type = self.note_type();
        let note = self.slot(note_type, "rare")?;
        self.builder.build_store(note, note_type.const_zero())?;
        let mut saved: Vec<(PointerValue<'c>, BasicValueEnum<'c>)> = Vec::new();
        for var in vars_set(&looped.body) {
            let slot = self.var(var)?;
            let ty = self.unit.ty(self.function.var_type(var));
            saved.push((slot, self.builder.build_load(ty, slot, "")?));
        }
        let zero = i64_type.const_zero();
        let whole = i64_type.const_int(WHOLE.wrapping_neg(), true);
        let n_fast = self.builder.build_and(n_turns, whole, "n.fast")?;
        let least = i64_type.const_int(WHOLE, false);
        let any = self.builder.build_int_compare(IntPredicate::UGE, n_turns, least, "")?;
        let before = self.here()?;
        self.builder.build_conditional_branch(any, fast, slow_head)?;

        self.builder.position_at_end(fast);
        // LLVM sees that there are enough turns for a vector from the branch or from this, as the vector is long.
        let some = self.builder.build_int_compare(IntPredicate::NE, n_fast, zero, "")?;
        self.assume(some)?;
        self.speculating = Some(note);
        // What guarded something before the loop is not noted in it, and so is an ordinary condition there.
        self.guards.clear();
        if turns == Turns::OfStrip {
            self.answer_ahead(looped, start, n_fast)?;
        }
        self.turns(looped, start, n_fast, on_break, Pace::Fast)?;
        self.answers.clear();
        self.speculating = None;
        let noted = self.builder.build_load(note_type, note, "")?.into_int_value();
        let rare = self.builder.build_int_compare(IntPredicate::NE, noted, note_type.const_zero(), "")?;
        let after = self.here()?;
        self.branch_unlikely(rare, again, slow_head)?;

        self.builder.position_at_end(again);
        for (slot, value) in saved {
            self.builder.build_store(slot, value)?;
        }
        self.builder.build_unconditional_branch(slow_head)?;

        self.builder.position_at_end(slow_head);
        let n_done = self.builder.build_phi(i64_type, "n.done")?;
        n_done.add_incoming(&[(&zero, before), (&n_fast, after), (&zero, again)]);
        let n_done = n_done.as_basic_value().into_int_value();
        let from = self.builder.build_int_nsw_add(start, n_done, "")?;
        let n_left = self.builder.build_int_nsw_sub(n_turns, n_done, "")?;
        let any = self.builder.build_int_compare(IntPredicate::SGT, n_left, zero, "")?;
        self.builder.build_conditional_branch(any, slow, done)?;
        self.builder.position_at_end(slow);
        self.is_rare = true;
        self.turns(looped, from, n_left, on_break, Pace::Rare)?;
        self.is_rare = false;
        self.builder.build_unconditional_branch(done)?;
        self.builder.position_at_end(done);
        Ok(())
    }

    /// A guard: the operand, or, in a first run, false with a note of whether it was true.
    pub(super) fn unlikely(&mut self, cond: ValueId) -> Result<BasicValueEnum<'c>, Error> {
        let cond = self.value(cond)?;
        let Some(note) = self.speculating else { return Ok(cond) };
        let note_type = self.note_type();
        let here = self.builder.build_int_z_extend_or_bit_cast(cond.into_int_value(), note_type, "")?;
        let before = self.builder.build_load(note_type, note, "")?.into_int_value();
        let noted = self.builder.build_or(before, here, "")?;
        self.builder.build_store(note, noted)?;
        Ok(self.unit.context.bool_type().const_zero().into())
    }

    fn note_type(&self) -> IntType<'c> {
        let context = self.unit.context;
        if target::has_masks() { context.bool_type() } else { context.i64_type() }
    }
}

/// The variables that a block sets, each once.
pub(super) fn vars_set(block: &Block) -> Vec<VarId> {
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
