//! Parallel loops: the body becomes a function of its own that the runtime calls for each chunk of turns.
//!
//! `i32 @name.parallel.N(ptr ctx, ptr captures, i64 first, i64 past, ptr partial)` runs the turns of the *grains*
//! `first..past`. A grain is a fixed number of turns, more than one if they are short, and is what the runtime counts:
//!
//! - `captures` is a struct of what the body reads from outside, filled once by the caller, and of the number of turns;
//!   constants are not captured.
//! - `partial` is the chunk's own struct of results: the reductions' accumulators, then the `last` variables.
//!
//! Afterwards the caller combines the chunks' accumulators in the order of the chunks, and takes the `last` variables
//! from the last one: so the result depends on the length alone, not on who ran what.

use inkwell::IntPredicate;
use inkwell::attributes::AttributeLoc;
use inkwell::module::Linkage;
use inkwell::values::{BasicValueEnum, FunctionValue, IntValue, PointerValue};
use ungil_ir::Type;
use ungil_ir::ir::{ForLoop, Parallel, ValueId, VarId};
use ungil_ir::layout::{Layout, struct_layout};
use ungil_rt::chunk::MAX_CHUNKS;

use super::captures::Captures;
use super::function::{Body, Exit};
use super::metadata::{self, Wish};
use super::ops::is_constant;
use super::runtime::{PARALLEL_FOR, Ty};
use super::speculate;
use crate::Error;

/// A struct in memory.
struct Fields {
    types: Vec<Type>,
    offsets: Vec<usize>,
    layout: Layout,
}

impl Fields {
    fn new(types: Vec<Type>) -> Self {
        let (layout, offsets) = struct_layout(&types);
        Self { types, offsets, layout }
    }
}

/// What an outlined body captures.
struct Captured<'c> {
    /// Values that are constants of LLVM's: known on both sides.
    constants: Vec<(ValueId, BasicValueEnum<'c>)>,
    values: Vec<ValueId>,
    vars: Vec<VarId>,
    fields: Fields,
}

impl<'u, 'c> Body<'u, 'c, '_> {
    /// Lowers a parallel `For`.
    pub(super) fn parallel(&mut self, looped: &'u ForLoop, parallel: &'u Parallel) -> Result<(), Error> {
        let captured = self.captured(looped)?;
        let partial = self.partial(parallel);
        let grain = self.grain(looped);
        let outlined = self.outline(looped, parallel, &captured, &partial, grain)?;
        let len = self.value(looped.len)?.into_int_value();

        let captures = self.buffer(captured.fields.layout, 1, "captures")?;
        for (value, place) in captured.values.iter().zip(0..) {
            let value = self.value(*value)?;
            self.store(captures, captured.fields.offsets[place], &captured.fields.types[place], value)?;
        }
        for (var, place) in captured.vars.iter().zip(captured.values.len()..) {
            let value = self.get(*var)?;
            self.store(captures, captured.fields.offsets[place], &captured.fields.types[place], value)?;
        }
        let len_place = captured.values.len() + captured.vars.len();
        self.store(captures, captured.fields.offsets[len_place], &Type::INT64, len.into())?;
        let partials = self.buffer(partial.layout, MAX_CHUNKS as usize, "partials")?;

        let n_grains = self.grains(len, grain)?;
        let size = self.unit.context.i64_type().const_int(partial.layout.size as u64, false);
        let run = self.unit.runtime(
            PARALLEL_FOR,
            &[Ty::Ptr, Ty::Ptr, Ty::Ptr, Ty::I64, Ty::Ptr, Ty::I64],
            Some(Ty::I32),
            false,
        );
        let body = outlined.as_global_value().as_pointer_value();
        let args =
            [self.ctx().into(), body.into(), captures.into(), n_grains.into(), partials.into(), size.into()];
        let status = self.call_int(run, &args)?;
        let next = self.append("ran");
        self.fail_if(status, next)?;
        if partial.types.is_empty() {
            return Ok(());
        }
        self.combine(parallel, &partial, partials, n_grains)
    }

    /// How many turns are handed out together.
    fn grain(&self, looped: &ForLoop) -> u64 {
        let grain = self.unit.costs.grain(self.id, &looped.body);
        // Only the last chunk has turns left over, then.
        if self.unit.guards.looped(&self.unit.effects, looped) { grain.max(speculate::WHOLE) } else { grain }
    }

    /// How many grains `len` turns make; none if it is negative.
    fn grains(&self, len: IntValue<'c>, grain: u64) -> Result<IntValue<'c>, Error> {
        if grain == 1 {
            return Ok(len);
        }
        // Rounded up without overflow: (len - 1 >> shift) + 1, by the sign, which is at most 0 for `len <= 0`.
        let i64_type = self.unit.context.i64_type();
        let one = i64_type.const_int(1, false);
        let less = self.builder.build_int_sub(len, one, "")?;
        let shift = i64_type.const_int(u64::from(grain.trailing_zeros()), false);
        let shifted = self.builder.build_right_shift(less, shift, true, "")?;
        let rounded = self.builder.build_int_nsw_add(shifted, one, "")?;
        let any = self.builder.build_int_compare(IntPredicate::SGT, len, i64_type.const_zero(), "")?;
        Ok(self.builder.build_select(any, rounded, i64_type.const_zero(), "grains")?.into_int_value())
    }

    fn captured(&self, looped: &ForLoop) -> Result<Captured<'c>, Error> {
        let Captures { values: all, vars } = Captures::of(looped);
        let (mut constants, mut values, mut types) = (Vec::new(), Vec::new(), Vec::new());
        for id in all {
            let value = self.value(id)?;
            if is_constant(value) {
                constants.push((id, value));
            } else {
                values.push(id);
                types.push(self.function.value_type(id).clone());
            }
        }
        types.extend(vars.iter().map(|var| self.function.var_type(*var).clone()));
        types.push(Type::INT64);
        Ok(Captured { constants, values, vars, fields: Fields::new(types) })
    }

    fn partial(&self, parallel: &Parallel) -> Fields {
        let reductions = parallel.reductions.iter().map(|reduction| reduction.var);
        let vars = reductions.chain(parallel.last.iter().copied());
        Fields::new(vars.map(|var| self.function.var_type(var).clone()).collect())
    }

    /// Makes the function of the body.
    fn outline(
        &self,
        looped: &'u ForLoop,
        parallel: &'u Parallel,
        captured: &Captured<'c>,
        partial: &Fields,
        grain: u64,
    ) -> Result<FunctionValue<'c>, Error> {
        let unit = self.unit;
        let number = unit.n_outlined.replace(unit.n_outlined.get() + 1);
        let (ptr, i64_type) = (unit.ptr().into(), unit.context.i64_type().into());
        let ty = unit.context.i32_type().fn_type(&[ptr, ptr, i64_type, i64_type, ptr], false);
        let name = format!("{}.parallel.{number}", self.function.name);
        let llvm = unit.llvm.add_function(&name, ty, Some(Linkage::Internal));
        unit.describe(llvm, self.function.options.fastmath);
        for place in [0, 1, 4].map(AttributeLoc::Param) {
            unit.attribute(llvm, place, "noalias");
        }

        let mut body = Self::new(unit, self.id, llvm, Exit::Bare);
        let (captures_at, partial_at) = (body.param(1), body.param(4));
        for (id, value) in &captured.constants {
            body.bind(*id, *value);
        }
        for (id, place) in captured.values.iter().zip(0..) {
            let value =
                body.load(captures_at, captured.fields.offsets[place], &captured.fields.types[place])?;
            body.bind(*id, value);
        }
        for (id, place) in captured.vars.iter().zip(captured.values.len()..) {
            let value =
                body.load(captures_at, captured.fields.offsets[place], &captured.fields.types[place])?;
            body.set(*id, value)?;
        }
        for reduction in &parallel.reductions {
            let identity = body.value(reduction.identity)?;
            body.set(reduction.var, identity)?;
        }

        let [first, past] = [2, 3].map(|n| llvm.get_nth_param(n).expect("it has five").into_int_value());
        let len_place = captured.values.len() + captured.vars.len();
        let len = body.load(captures_at, captured.fields.offsets[len_place], &Type::INT64)?.into_int_value();
        let zero = unit.context.i64_type().const_zero();
        body.assume(body.builder.build_int_compare(IntPredicate::SGE, first, zero, "")?)?;
        let (start, end) = body.turns_of(first, past, len, grain)?;
        let polls = unit.polls(self.id, None, &looped.body);
        body.count_between(looped, start, end, polls)?;

        let vars =
            parallel.reductions.iter().map(|reduction| reduction.var).chain(parallel.last.iter().copied());
        for (place, var) in vars.enumerate() {
            let value = body.get(var)?;
            body.store(partial_at, partial.offsets[place], &partial.types[place], value)?;
        }
        body.leave_with_success()?;
        body.finish()?;
        Ok(llvm)
    }

    /// The turns of the grains `first..past`, of `len` turns.
    fn turns_of(
        &self,
        first: IntValue<'c>,
        past: IntValue<'c>,
        len: IntValue<'c>,
        grain: u64,
    ) -> Result<(IntValue<'c>, IntValue<'c>), Error> {
        if grain == 1 {
            return Ok((first, past));
        }
        // The last grain may be cut short, and its end may lie beyond every int64: so it is counted from its start.
        let grain = self.unit.context.i64_type().const_int(grain, false);
        let start = self.builder.build_int_nsw_mul(first, grain, "start")?;
        let n_grains = self.builder.build_int_nsw_sub(past, first, "")?;
        let n_turns = self.builder.build_int_mul(n_grains, grain, "")?;
        let left = self.builder.build_int_nsw_sub(len, start, "")?;
        let is_whole = self.builder.build_int_compare(IntPredicate::ULE, n_turns, left, "")?;
        let n_turns = self.builder.build_select(is_whole, n_turns, left, "")?.into_int_value();
        Ok((start, self.builder.build_int_nsw_add(start, n_turns, "end")?))
    }

    /// Brings the chunks' results into the variables.
    fn combine(
        &mut self,
        parallel: &Parallel,
        partial: &Fields,
        partials: PointerValue<'c>,
        len: IntValue<'c>,
    ) -> Result<(), Error> {
        let i64_type = self.unit.context.i64_type();
        let count = self.unit.runtime("ungil_rt_chunk_count", &[Ty::I64], Some(Ty::I64), false);
        let n_chunks = self.call_int(count, &[len.into()])?;
        let [head, done] = ["combine", "combined"].map(|name| self.append(name));
        let before = self.here()?;
        let any = self.builder.build_int_compare(IntPredicate::SGT, n_chunks, i64_type.const_zero(), "")?;
        self.builder.build_conditional_branch(any, head, done)?;

        self.builder.position_at_end(head);
        let chunk = self.builder.build_phi(i64_type, "chunk")?;
        let chunk_value = chunk.as_basic_value().into_int_value();
        let size = i64_type.const_int(partial.layout.size as u64, false);
        let offset = self.builder.build_int_nsw_mul(chunk_value, size, "")?;
        // SAFETY: building the instruction is sound; when it runs, the chunk is below `MAX_CHUNKS`, for which the buffer
        // has room.
        let at = unsafe {
            self.builder.build_in_bounds_gep(self.unit.context.i8_type(), partials, &[offset], "partial")?
        };
        for (place, reduction) in parallel.reductions.iter().enumerate() {
            let theirs = self.load(at, partial.offsets[place], &partial.types[place])?;
            let ours = self.get(reduction.var)?;
            let both = self.call(reduction.combine, &[ours.into(), theirs.into()], None)?;
            self.set(reduction.var, both)?;
        }
        let next = self.builder.build_int_nsw_add(chunk_value, i64_type.const_int(1, false), "")?;
        let more = self.builder.build_int_compare(IntPredicate::SLT, next, n_chunks, "")?;
        let back = self.here()?;
        chunk.add_incoming(&[(&i64_type.const_zero(), before), (&next, back)]);
        let last = self.append("last");
        let jump = self.builder.build_conditional_branch(more, head, last)?;
        // A few hundred turns at most: making vectors of them takes longer than running them.
        metadata::wish(self.unit.context, jump, &[Wish::Scalar, Wish::Rolled], None)?;

        self.builder.position_at_end(last);
        for (var, place) in parallel.last.iter().zip(parallel.reductions.len()..) {
            let theirs = self.load(at, partial.offsets[place], &partial.types[place])?;
            self.set(*var, theirs)?;
        }
        self.builder.build_unconditional_branch(done)?;
        self.builder.position_at_end(done);
        Ok(())
    }

    /// A stack slot for `n` structs of that layout.
    pub(super) fn buffer(&self, layout: Layout, n: usize, name: &str) -> Result<PointerValue<'c>, Error> {
        // Words give the alignment of every layout.
        let n_words = (layout.size * n).div_ceil(8).max(1);
        self.slot(self.unit.context.i64_type().array_type(n_words as u32), name)
    }

    fn get(&mut self, var: VarId) -> Result<BasicValueEnum<'c>, Error> {
        let slot = self.var(var)?;
        Ok(self.builder.build_load(self.unit.ty(self.function.var_type(var)), slot, "")?)
    }

    fn set(&mut self, var: VarId, value: BasicValueEnum<'c>) -> Result<(), Error> {
        let slot = self.var(var)?;
        self.builder.build_store(slot, value)?;
        Ok(())
    }
}
