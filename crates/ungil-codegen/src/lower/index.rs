//! The index of a loop as a float.
//!
//! Without AVX-512DQ, to turn four `int64` into four floats takes five instructions, which is more than many loops do with
//! them. An index takes one: the turns of a strip are few, so that a turn, added to the bits of `2**52`, gives the bits of
//! the float `2**52 + turn`; and what is left is to subtract `2**52 - base`, where the turn counts from `base`.
//!
//! LLVM must not see what is subtracted: in `float(i) + 0.3` of code that may reassociate it would join two constants, and
//! lose the second beside `2**52`.
//!
//! For the result to be the integer's, rounded once, both operands must be exact. So `base` is the multiple of [`BLOCK`]
//! at or below the first index of the strip, which has at most 32 digits, and the rest of the first index is added to the
//! turn.

use inkwell::attributes::{Attribute, AttributeLoc};
use inkwell::values::{BasicValueEnum, FloatValue, IntValue};
use rustc_hash::FxHashSet;
use ungil_ir::ir::{self, ForLoop, Op, Stmt, StmtKind, ValueId, VarId};
use ungil_ir::{FloatTy, Type};

use super::Loops;
use super::function::Body;
use super::loops::Pace;
use crate::{Error, target};

/// The first index of a strip less its turns' `base` is below this; so are the turns.
const BLOCK: i64 = 1 << 31;
/// The bits of the float `2**52`.
const TWO_52_BITS: u64 = 0x4330_0000_0000_0000;

/// An index that becomes a float, and what that takes in each turn.
pub(super) struct FloatIndex<'c> {
    /// What to add to a turn's number to have the bits of a float.
    bits: IntValue<'c>,
    /// What to subtract from that float.
    above: FloatValue<'c>,
}

impl<'c> Body<'_, 'c, '_> {
    /// What the turns of `looped` from `start` need to have their index as a float, computed before the first of them; none
    /// if they do not want it, or have it as fast from the machine.
    pub(super) fn float_index(
        &self,
        looped: &ForLoop,
        start: IntValue<'c>,
        pace: Pace,
    ) -> Result<Option<FloatIndex<'c>>, Error> {
        let is_short = pace == Pace::Fast && self.unit.loops == Loops::Run;
        // A loop from a constant has a constant length too, and may be written out, with floats that are constants.
        if !is_short || start.is_const() || target::converts_words() || !self.is_wanted(looped) {
            return Ok(None);
        }
        let (build, i64_type) = (&self.builder, self.unit.context.i64_type());
        let f64_type = self.unit.context.f64_type();
        let base = build.build_and(start, i64_type.const_int(BLOCK.wrapping_neg() as u64, true), "")?;
        let rest = build.build_int_sub(start, base, "")?;
        let bits = build.build_int_add(rest, i64_type.const_int(TWO_52_BITS, false), "")?;
        let base = build.build_signed_int_to_float(base, f64_type, "")?;
        let above = build.build_float_sub(f64_type.const_float(2_f64.powi(52)), base, "")?;
        Ok(Some(FloatIndex { bits, above: self.veiled(above)? }))
    }

    /// The same number, of which LLVM knows nothing.
    fn veiled(&self, number: FloatValue<'c>) -> Result<FloatValue<'c>, Error> {
        let ty = number.get_type().fn_type(&[number.get_type().into()], false);
        // No instruction, on a register of vectors: x86 alone comes here.
        let nothing =
            self.unit.context.create_inline_asm(ty, String::new(), "=x,0".into(), false, false, None, false);
        let call = self.builder.build_indirect_call(ty, nothing, &[number.into()], "")?;
        // Of what has no effect nothing is left where its result is not used.
        for name in ["nounwind", "willreturn", "memory"] {
            let kind = Attribute::get_named_enum_kind_id(name);
            call.add_attribute(AttributeLoc::Function, self.unit.context.create_enum_attribute(kind, 0));
        }
        let veiled = call.try_as_basic_value().basic();
        veiled
            .map(BasicValueEnum::into_float_value)
            .ok_or_else(|| Error::Malformed("it returns a float".into()))
    }

    /// Binds the float of turn `turn` for whatever casts the index; what it casts otherwise if there is none.
    pub(super) fn bind_float_index(
        &mut self,
        looped: &ForLoop,
        index: Option<FloatIndex<'c>>,
        turn: IntValue<'c>,
    ) -> Result<(), Error> {
        let Some(index) = index else {
            // A body is lowered more than once, at different paces.
            for alias in aliases(looped) {
                self.float_indices.remove(&alias);
            }
            return Ok(());
        };
        let bits = self.builder.build_int_nuw_add(turn, index.bits, "")?;
        let float = self.builder.build_bit_cast(bits, self.unit.context.f64_type(), "")?.into_float_value();
        let float = self.builder.build_float_sub(float, index.above, "")?;
        self.float_indices.extend(aliases(looped).into_iter().map(|alias| (alias, float)));
        Ok(())
    }

    /// The float of an `int64` that is an index and has it already.
    pub(super) fn known_float(&self, a: ValueId, to: &Type) -> Option<BasicValueEnum<'c>> {
        let float = self.float_indices.get(&a)?;
        (*to == Type::Float(FloatTy::F64)).then_some((*float).into())
    }

    fn is_wanted(&self, looped: &ForLoop) -> bool {
        let aliases = aliases(looped);
        let mut is_wanted = false;
        ir::walk(&looped.body, &mut |stmt| {
            if let StmtKind::Let(value, Op::Cast(a)) = &stmt.kind {
                let is_float = *self.function.value_type(*value) == Type::Float(FloatTy::F64);
                is_wanted |= is_float && aliases.contains(a);
            }
        });
        is_wanted
    }
}

/// The values that are the index of the turn, wherever the body binds them: the index, and what is read of a variable that
/// the turn sets to it before anything reads it, and never again.
pub(super) fn aliases(looped: &ForLoop) -> FxHashSet<ValueId> {
    let mut aliases = FxHashSet::from_iter([looped.index]);
    for (place, stmt) in looped.body.iter().enumerate() {
        if let StmtKind::Set(var, value) = &stmt.kind
            && *value == looped.index
            && reads(&looped.body[..place], *var).is_empty()
            && n_sets(&looped.body, *var) == 1
        {
            aliases.extend(reads(&looped.body, *var));
        }
    }
    aliases
}

/// What is read of a variable.
fn reads(block: &[Stmt], var: VarId) -> Vec<ValueId> {
    let mut reads = Vec::new();
    ir::walk(block, &mut |stmt| {
        if let StmtKind::Let(value, Op::Get(read)) = stmt.kind
            && read == var
        {
            reads.push(value);
        }
    });
    reads
}

/// How often a variable is set.
fn n_sets(block: &[Stmt], var: VarId) -> usize {
    let mut n_sets = 0;
    ir::walk(block, &mut |stmt| {
        n_sets += usize::from(matches!(stmt.kind, StmtKind::Set(set, _) if set == var));
    });
    n_sets
}
