//! Loops that run on one thread, and when they poll.
//!
//! A loop of cheap turns is cut into *strips*: an inner loop of a bounded number of turns that never polls, so that LLVM
//! can vectorise it, and an outer one that polls between strips. A loop that is over within its first strip never
//! reads the tick.

use std::iter;

use inkwell::IntPredicate;
use inkwell::basic_block::BasicBlock;
use inkwell::values::IntValue;
use ungil_ir::ir::{self, BinaryOp, Block, ForLoop, FuncId, Intrinsic, Label, Op, StmtKind, ValueId};
use ungil_ir::{FloatTy, IntTy, Type};

use super::cost::Polls;
use super::function::{Body, Falls, Target};
use super::metadata::{self, Wish};
use super::speculate::{self, Turns, vars_set};
use super::{Loops, Purpose, Unit};
use crate::{Error, explain, target};

/// How the turns of a loop are run.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Pace {
    /// With a poll after each.
    Polling,
    /// Without polls, as fast as LLVM can make them; no more than 2**20 turns, each of which does something.
    Fast,
    /// Without polls, and seldom: not worth the time and space of vectorising.
    Rare,
}

impl Unit<'_, '_> {
    /// When a loop of function `id` polls; `len` is known for a `For`.
    pub(super) fn polls(&self, id: FuncId, len: Option<ValueId>, body: &Block) -> Polls {
        if self.loops == Loops::Bare { Polls::Never } else { self.costs.polls(id, len, body) }
    }
}

impl<'u, 'c> Body<'u, 'c, '_> {
    /// Lowers a serial `For`.
    pub(super) fn count(&mut self, looped: &'u ForLoop) -> Result<(), Error> {
        let polls = self.unit.polls(self.id, Some(looped.len), &looped.body);
        let start = self.unit.context.i64_type().const_zero();
        let end = self.value(looped.len)?.into_int_value();
        self.count_between(looped, start, end, polls)
    }

    /// Runs the turns `start..end` of `looped`; `start >= 0`, as LLVM can see.
    pub(super) fn count_between(
        &mut self,
        looped: &'u ForLoop,
        start: IntValue<'c>,
        end: IntValue<'c>,
        polls: Polls,
    ) -> Result<(), Error> {
        let exit = self.append("for.end");
        let enter = self.append("for.enter");
        let any = self.builder.build_int_compare(IntPredicate::SLT, start, end, "")?;
        self.builder.build_conditional_branch(any, enter, exit)?;
        self.builder.position_at_end(enter);
        let Polls::EachStrip(strip) = polls else {
            let n_turns = self.builder.build_int_nsw_sub(end, start, "")?;
            if polls == Polls::EachTurn {
                self.turns(looped, start, n_turns, exit, Pace::Polling)?;
            } else {
                self.strip(looped, start, n_turns, exit, Turns::Any)?;
            }
            self.builder.build_unconditional_branch(exit)?;
            self.builder.position_at_end(exit);
            return Ok(());
        };

        let i64_type = self.unit.context.i64_type();
        let strip_head = self.append("strip");
        self.builder.build_unconditional_branch(strip_head)?;
        self.builder.position_at_end(strip_head);
        let base = self.builder.build_phi(i64_type, "base")?;
        base.add_incoming(&[(&start, enter)]);
        let base_value = base.as_basic_value().into_int_value();
        let left = self.builder.build_int_nsw_sub(end, base_value, "left")?;
        let is_guarded = self.unit.guards.looped(&self.unit.effects, looped);
        let strip = if is_guarded { strip.min(speculate::max_strip(looped)) } else { strip };
        let strip = i64_type.const_int(strip, false);
        // Some turns are left, so unsigned is as good as signed. It tells LLVM that a strip has no fewer than none, and by that
        // and by `start` that no index is negative: without AVX-512 only such integers become floats side by side.
        let is_last = self.builder.build_int_compare(IntPredicate::ULE, left, strip, "")?;
        let n_turns = self.builder.build_select(is_last, left, strip, "")?.into_int_value();
        let strip_end = self.builder.build_int_nsw_add(base_value, n_turns, "strip.end")?;
        self.strip(looped, base_value, n_turns, exit, Turns::OfStrip)?;

        let more = self.append("for.more");
        let unfinished = self.builder.build_int_compare(IntPredicate::SLT, strip_end, end, "")?;
        self.builder.build_conditional_branch(unfinished, more, exit)?;
        self.builder.position_at_end(more);
        self.poll()?;
        let back = self.builder.build_unconditional_branch(strip_head)?;
        metadata::wish(self.unit.context, back, &[Wish::Rolled], None)?;
        base.add_incoming(&[(&strip_end, self.here()?)]);
        self.builder.position_at_end(exit);
        Ok(())
    }

    /// The loop itself, `n_turns` turns from `start`, at least one; goes on behind it.
    ///
    /// It counts from 0, so that LLVM sees what is known of their number.
    pub(super) fn turns(
        &mut self,
        looped: &'u ForLoop,
        start: IntValue<'c>,
        n_turns: IntValue<'c>,
        on_break: BasicBlock<'c>,
        pace: Pace,
    ) -> Result<(), Error> {
        let i64_type = self.unit.context.i64_type();
        let [head, latch, done] = ["for", "for.next", "for.done"].map(|name| self.append(name));
        let before = self.here()?;
        let float_index = self.float_index(looped, start, pace)?;
        self.builder.build_unconditional_branch(head)?;
        self.builder.position_at_end(head);
        let turn = self.builder.build_phi(i64_type, "turn")?;
        let turn_value = turn.as_basic_value().into_int_value();
        let name = &self.function.values[looped.index.0 as usize].name;
        let index = self.builder.build_int_nsw_add(start, turn_value, name)?;
        self.bind(looped.index, index.into());
        self.bind_float_index(looped, float_index, turn_value)?;
        self.bind_answers(turn_value)?;

        self.targets.push(Target { label: looped.label, on_break, on_continue: Some(latch), broken: false });
        if self.block(&looped.body)? == Falls::Through {
            self.builder.build_unconditional_branch(latch)?;
        }
        self.targets.pop();

        self.builder.position_at_end(latch);
        let one = i64_type.const_int(1, false);
        let next = self.builder.build_int_nsw_add(turn_value, one, "")?;
        let more = self.builder.build_int_compare(IntPredicate::NE, next, n_turns, "")?;
        let mut back = latch;
        let wishes = self.wishes(looped, pace);
        if pace == Pace::Polling {
            let polled = self.append("for.more");
            self.builder.build_conditional_branch(more, polled, done)?;
            self.builder.position_at_end(polled);
            self.poll()?;
            back = self.here()?;
            let branch = self.builder.build_unconditional_branch(head)?;
            metadata::wish(self.unit.context, branch, &wishes, self.mark(looped.label).as_deref())?;
        } else {
            let branch = self.builder.build_conditional_branch(more, head, done)?;
            metadata::wish(self.unit.context, branch, &wishes, self.mark(looped.label).as_deref())?;
        }
        turn.add_incoming(&[(&i64_type.const_zero(), before), (&next, back)]);
        self.builder.position_at_end(done);
        Ok(())
    }

    fn wishes(&self, looped: &ForLoop, pace: Pace) -> Vec<Wish> {
        match pace {
            Pace::Polling => Vec::new(),
            Pace::Rare => vec![Wish::Scalar, Wish::Rolled],
            Pace::Fast if self.speculating.is_some() => {
                // Sums in the order of the terms wait for one another, however many vectors there are: a second vector
                // wins a tenth of the run and costs 1.5 ms of compiling.
                let vectors = if self.sums_in_order() { Wish::Vectors(1) } else { self.vectors(looped) };
                iter::once(vectors).chain(self.lanes(looped).map(Wish::Lanes)).collect()
            }
            Pace::Fast => iter::once(self.vectors(looped))
                .chain(self.lanes_to_divide(looped).map(Wish::Lanes))
                .collect(),
        }
    }

    /// How many vectors a turn a loop should have whose turns do not wait for one another.
    ///
    /// A function of `math` is a long chain, each link of which waits for the one before. LLVM weighs how many registers are
    /// left, and where there are 16 makes one vector or two, which leave the machine idle for half of the time. With four some
    /// values go to memory, which costs less. Measured without AVX-512 on a Zen 3, over sums of 21 functions: 3.7 ms as
    /// LLVM would have it, 3.0 with two vectors, 2.6 with four, 3.5 with eight.
    ///
    /// Where the functions are only short questions (`isfinite`), there is no chain but the sum's: additions, which take as
    /// long as six that wait for nothing.
    ///
    /// Square roots are shared out among the vectors of a turn (`roots`), and take half of the time if there are four.
    fn vectors(&self, looped: &ForLoop) -> Wish {
        let shares_roots = self.function.options.fastmath.afn && target::has_slow_roots();
        let (mut computes, mut only_asks) = (false, true);
        ir::walk(&looped.body, &mut |stmt| match stmt.kind {
            StmtKind::Let(value, Op::Call { .. }) => {
                computes = true;
                only_asks &= self.function.values[value.0 as usize].ty == Type::Bool;
            }
            StmtKind::Let(_, Op::Intrinsic(Intrinsic::Sqrt, _)) if shares_roots => {
                computes = true;
                only_asks = false;
            }
            _ => {}
        });
        if !computes || self.sums_in_order() || !target::has_few_registers() {
            Wish::SomeVectors
        } else if only_asks && self.unit.costs.is_short(self.id, &looped.body) {
            Wish::Vectors(8)
        } else {
            Wish::Vectors(4)
        }
    }

    fn sums_in_order(&self) -> bool {
        !self.function.options.fastmath.reassoc
    }

    /// How many lanes the vectors of a loop should have whose time goes into dividing or square roots.
    ///
    /// The unit for these is half as wide as the widest vectors, which only cost such a loop a part of the clock rate: an
    /// eighth, for a sum of square roots on Skylake-X.
    fn lanes_to_divide(&self, looped: &ForLoop) -> Option<u32> {
        let (mut divides, mut is_plain) = (false, true);
        ir::walk(&looped.body, &mut |stmt| match &stmt.kind {
            StmtKind::Let(
                _,
                Op::Binary(BinaryOp::Div, ..) | Op::Intrinsic(Intrinsic::Sqrt | Intrinsic::NearSqrt, _),
            ) => {
                divides = true;
            }
            StmtKind::Let(
                _,
                Op::Binary(BinaryOp::Quot | BinaryOp::Rem, ..) | Op::Call { .. } | Op::Libm(..),
            ) => {
                is_plain = false;
            }
            _ => {}
        });
        if divides && is_plain { self.lanes(looped).map(|lanes| lanes / 2) } else { None }
    }

    /// How many lanes a loop's vectors should have, where that is plain without weighing what each width costs.
    fn lanes(&self, looped: &ForLoop) -> Option<u32> {
        let is_word = |var| {
            matches!(
                self.function.var_type(var),
                Type::Int(IntTy { bits: 64, .. }) | Type::Float(FloatTy::F64)
            )
        };
        vars_set(&looped.body).into_iter().all(is_word).then(target::lanes_of_words).flatten()
    }

    /// Lowers a `Loop`.
    pub(super) fn endless(&mut self, label: Label, body: &'u Block) -> Result<Falls, Error> {
        let i64_type = self.unit.context.i64_type();
        let [strip_head, head, latch, exit] =
            ["strip", "loop", "loop.next", "loop.end"].map(|name| self.append(name));
        let strip = match self.unit.polls(self.id, None, body) {
            Polls::EachStrip(strip) => strip,
            Polls::Never | Polls::EachTurn => 1,
        };
        let strip = i64_type.const_int(strip, false);
        self.builder.build_unconditional_branch(strip_head)?;
        self.builder.position_at_end(strip_head);
        self.builder.build_unconditional_branch(head)?;
        self.builder.position_at_end(head);
        let left = self.builder.build_phi(i64_type, "left")?;

        self.targets.push(Target { label, on_break: exit, on_continue: Some(latch), broken: false });
        if self.block(body)? == Falls::Through {
            self.builder.build_unconditional_branch(latch)?;
        }

        self.builder.position_at_end(latch);
        let one = i64_type.const_int(1, false);
        let fewer = self.builder.build_int_nuw_sub(left.as_basic_value().into_int_value(), one, "")?;
        left.add_incoming(&[(&strip, strip_head), (&fewer, latch)]);
        let more = self.builder.build_int_compare(IntPredicate::NE, fewer, i64_type.const_zero(), "")?;
        let strip_done = self.append("loop.poll");
        let back = self.builder.build_conditional_branch(more, head, strip_done)?;
        metadata::wish(self.unit.context, back, &[], self.mark(label).as_deref())?;
        self.builder.position_at_end(strip_done);
        self.poll()?;
        self.builder.build_unconditional_branch(strip_head)?;
        self.leave_target(exit)
    }

    fn mark(&self, label: Label) -> Option<String> {
        (self.unit.purpose == Purpose::Explanation).then(|| explain::mark(self.id, label))
    }

    pub(super) fn here(&self) -> Result<BasicBlock<'c>, Error> {
        self.builder.get_insert_block().ok_or_else(|| Error::Malformed("the builder stands nowhere".into()))
    }
}
