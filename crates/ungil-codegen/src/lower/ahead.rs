//! Calls of the C library whose results a strip computes ahead, all at once.
//!
//! For some functions the runtime has one of many numbers, which takes a third of the time a number, and gives the same bits. So before the
//! first run of a strip (see `speculate`) a loop of its own computes what each turn will ask for, a call replaces it by the answers, and
//! the turns read these. That loop is vectorised, as it calls nothing, and so may be the turns, which call nothing either.
//!
//! That is done where what is asked for is computed from the index and from what is known before the loop, without a test, a call or an effect.
//! It may be computed in vain, by a turn that does not come to ask; then it is as harmless as any first run.

use inkwell::IntPredicate;
use inkwell::values::{IntValue, PointerValue};
use rustc_hash::FxHashSet;
use ungil_ir::ir::{self, BinaryOp, ForLoop, Intrinsic, Op, Stmt, StmtKind, ValueId};
use ungil_rt::answers::{MAX_CALLS, MAX_TURNS};
use ungil_rt::libm;

use super::function::Body;
use super::index::aliases;
use super::loops::Pace;
use super::runtime::Ty;
use super::speculate::vars_set;
use crate::Error;

/// A strip that computes ahead has so many turns at most, since that is the room for the answers.
pub(super) const MAX_STRIP: u64 = MAX_TURNS as u64;

/// A call that may be answered ahead.
struct Question<'u> {
    /// Its result.
    call: ValueId,
    /// The runtime's function.
    many: &'static str,
    /// What it asks for, and the statements that compute it in each turn.
    arg: ValueId,
    steps: Vec<&'u Stmt>,
}

/// A call that has been answered: its result for each turn of a strip.
pub(super) struct Answers<'c> {
    call: ValueId,
    at: PointerValue<'c>,
}

/// Whether a loop has calls that are answered ahead.
pub(super) fn asks(looped: &ForLoop) -> bool {
    questions(looped).next().is_some()
}

/// Whether every call of the library in a loop may be answered ahead, and there is room for all.
pub(super) fn answers_all(looped: &ForLoop) -> bool {
    let mut n_calls = 0;
    ir::walk(&looped.body, &mut |stmt| {
        n_calls += usize::from(matches!(stmt.kind, StmtKind::Let(_, Op::Libm(..))));
    });
    n_calls <= MAX_CALLS && n_calls == questions(looped).count()
}

fn questions(looped: &ForLoop) -> impl Iterator<Item = Question<'_>> {
    let places = looped.body.iter().enumerate();
    places.filter_map(|(place, stmt)| question(looped, place, stmt))
}

/// The call that `stmt` of a loop's body makes, if it may be answered ahead.
fn question<'u>(looped: &'u ForLoop, place: usize, stmt: &'u Stmt) -> Option<Question<'u>> {
    let StmtKind::Let(call, Op::Libm(name, args)) = &stmt.kind else { return None };
    let &[arg] = args.as_slice() else { return None };
    let many = libm::many(name)?;
    let (indices, set) = (aliases(looped), vars_set(&looped.body));
    let mut needed = FxHashSet::from_iter([arg]);
    let mut steps = Vec::new();
    for stmt in looped.body[..place].iter().rev() {
        if let StmtKind::Let(value, op) = &stmt.kind
            && needed.contains(value)
            && !indices.contains(value)
        {
            if !matches!(op, Op::Get(var) if !set.contains(var)) && !is_plain(op) {
                return None;
            }
            needed.extend(op.operands());
            steps.push(stmt);
        }
    }
    steps.reverse();
    Some(Question { call: *call, many, arg, steps })
}

/// Whether an operation does the same for any operands in any turn: it computes a value.
fn is_plain(op: &Op) -> bool {
    match op {
        Op::Const(_)
        | Op::Unary(..)
        | Op::Compare(..)
        | Op::Cast(_)
        | Op::Select(..)
        | Op::Aggregate(_)
        | Op::Field(..) => true,
        Op::Binary(op, ..) => {
            matches!(op, BinaryOp::Add | BinaryOp::Sub | BinaryOp::Mul | BinaryOp::Div)
        }
        Op::Intrinsic(op, _) => matches!(op, Intrinsic::Sqrt | Intrinsic::Fabs | Intrinsic::CopySign),
        Op::Get(_) | Op::Element { .. } | Op::Call { .. } | Op::Libm(..) | Op::Print(..) => false,
    }
}

impl<'u, 'c> Body<'u, 'c, '_> {
    /// Answers the calls that `n_turns` turns of `looped` from `start` will make, at least one turn and at most [`MAX_STRIP`]; goes on behind it.
    pub(super) fn answer_ahead(
        &mut self,
        looped: &'u ForLoop,
        start: IntValue<'c>,
        n_turns: IntValue<'c>,
    ) -> Result<(), Error> {
        let questions: Vec<_> = questions(looped).collect();
        if questions.is_empty() {
            return Ok(());
        }
        let room = self.unit.runtime("ungil_rt_answers", &[], Some(Ty::Ptr), false);
        let room = self.call_value(room, &[])?.into_pointer_value();
        let mut answers = Vec::new();
        for (number, question) in questions.iter().enumerate() {
            let at = self.at(room, number * MAX_TURNS * size_of::<f64>())?;
            self.ask(looped, start, n_turns, question, at)?;
            answers.push(Answers { call: question.call, at });
        }
        self.answers = answers;
        Ok(())
    }

    /// Computes what the turns ask for, to `at` and on, and replaces it by the answers.
    fn ask(
        &mut self,
        looped: &'u ForLoop,
        start: IntValue<'c>,
        n_turns: IntValue<'c>,
        question: &Question<'u>,
        at: PointerValue<'c>,
    ) -> Result<(), Error> {
        let i64_type = self.unit.context.i64_type();
        let [head, done] = ["ahead", "ahead.done"].map(|name| self.append(name));
        let before = self.here()?;
        let float_index = self.float_index(looped, start, Pace::Fast)?;
        self.builder.build_unconditional_branch(head)?;
        self.builder.position_at_end(head);
        let turn = self.builder.build_phi(i64_type, "turn")?;
        let turn_value = turn.as_basic_value().into_int_value();
        let index = self.builder.build_int_nsw_add(start, turn_value, "")?;
        for alias in aliases(looped) {
            self.bind(alias, index.into());
        }
        self.bind_float_index(looped, float_index, turn_value)?;
        for step in &question.steps {
            self.stmt(step)?;
        }
        let slot = self.element_of(at, turn_value)?;
        self.builder.build_store(slot, self.value(question.arg)?)?;
        let next = self.builder.build_int_nsw_add(turn_value, i64_type.const_int(1, false), "")?;
        let more = self.builder.build_int_compare(IntPredicate::NE, next, n_turns, "")?;
        self.builder.build_conditional_branch(more, head, done)?;
        turn.add_incoming(&[(&i64_type.const_zero(), before), (&next, head)]);
        self.builder.position_at_end(done);
        let many = self.unit.runtime(question.many, &[Ty::Ptr, Ty::I64], None, false);
        self.builder.build_call(many, &[at.into(), n_turns.into()], "")?;
        Ok(())
    }

    /// Binds the results of the calls that have been answered for this turn.
    pub(super) fn bind_answers(&mut self, turn: IntValue<'c>) -> Result<(), Error> {
        for answers in &self.answers {
            let at = self.element_of(answers.at, turn)?;
            let answer = self.builder.build_load(self.unit.context.f64_type(), at, "answer")?;
            self.values[answers.call.0 as usize] = Some(answer);
        }
        Ok(())
    }

    /// Whether `value` is the result of a call that has been answered.
    pub(super) fn is_answered(&self, value: ValueId) -> bool {
        self.answers.iter().any(|answers| answers.call == value)
    }

    /// Where the number of a turn is.
    fn element_of(&self, at: PointerValue<'c>, turn: IntValue<'c>) -> Result<PointerValue<'c>, Error> {
        let ty = self.unit.context.f64_type();
        // SAFETY: a strip that asks has at most `MAX_STRIP` turns (`speculate::max_strip`), and strips of any number of turns do not ask
        // (`Turns::Any`); there is room for so many.
        Ok(unsafe { self.builder.build_in_bounds_gep(ty, at, &[turn], "")? })
    }
}
