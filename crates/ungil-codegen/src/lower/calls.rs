//! Calls, and what becomes of their status.

use inkwell::IntPredicate;
use inkwell::attributes::{Attribute, AttributeLoc};
use inkwell::basic_block::BasicBlock;
use inkwell::values::{BasicMetadataValueEnum, BasicValueEnum, FunctionValue, IntValue};
use ungil_ir::ir::{FuncId, SiteId};

use super::function::Body;
use crate::Error;

impl<'c> Body<'_, 'c, '_> {
    /// Calls a function of the IR; if it raises, so does this one.
    pub(super) fn call(
        &mut self,
        id: FuncId,
        args: &[BasicMetadataValueEnum<'c>],
        site: Option<SiteId>,
    ) -> Result<BasicValueEnum<'c>, Error> {
        let note = self.speculating.zip(self.unit.speculative[id.0 as usize]);
        let callee = note.map_or(self.unit.functions[id.0 as usize], |(_, speculative)| speculative);
        let args: Vec<_> = std::iter::once(self.ctx().into())
            .chain(args.iter().copied())
            .chain(note.map(|(note, _)| note.into()))
            .collect();
        let result = self.call_value(callee, &args)?;
        if !self.unit.effects[id.0 as usize].raises {
            return Ok(result);
        }
        let result = result.into_struct_value();
        let status = self.builder.build_extract_value(result, 0, "status")?.into_int_value();
        let next = self.append("returned");
        match site {
            None => self.fail_if(status, next)?,
            Some(site) => {
                let traced = self.append("raised");
                let failed = self.is_nonzero(status)?;
                self.branch_unlikely(failed, traced, next)?;
                self.builder.position_at_end(traced);
                self.trace(site.0)?;
                let failure = self.failure()?;
                self.builder.build_unconditional_branch(failure)?;
                self.builder.position_at_end(next);
            }
        }
        Ok(self.builder.build_extract_value(result, 1, "")?)
    }

    /// Calls and returns the result, with the function's liberties if it is a float.
    pub(super) fn call_value(
        &self,
        callee: FunctionValue<'c>,
        args: &[BasicMetadataValueEnum<'c>],
    ) -> Result<BasicValueEnum<'c>, Error> {
        let call = self.builder.build_call(callee, args, "")?;
        call.set_call_convention(callee.get_call_conventions());
        if self.is_rare {
            let kind = Attribute::get_named_enum_kind_id("noinline");
            let noinline = self.unit.context.create_enum_attribute(kind, 0);
            call.add_attribute(AttributeLoc::Function, noinline);
        }
        let value = call.try_as_basic_value().basic();
        let value = value.ok_or_else(|| Error::Malformed("a call without a result was used".into()))?;
        Ok(self.fast(value))
    }

    pub(super) fn call_int(
        &self,
        callee: FunctionValue<'c>,
        args: &[BasicMetadataValueEnum<'c>],
    ) -> Result<IntValue<'c>, Error> {
        Ok(self.call_value(callee, args)?.into_int_value())
    }

    /// Fails with the callee if `status` is not 0, else goes on at `next`.
    pub(super) fn fail_if(&mut self, status: IntValue<'c>, next: BasicBlock<'c>) -> Result<(), Error> {
        let failure = self.failure()?;
        let failed = self.is_nonzero(status)?;
        self.branch_unlikely(failed, failure, next)?;
        self.builder.position_at_end(next);
        Ok(())
    }

    fn is_nonzero(&self, status: IntValue<'c>) -> Result<IntValue<'c>, Error> {
        let zero = status.get_type().const_zero();
        Ok(self.builder.build_int_compare(IntPredicate::NE, status, zero, "")?)
    }

    pub(super) fn branch_unlikely(
        &self,
        cond: IntValue<'c>,
        unlikely: BasicBlock<'c>,
        likely: BasicBlock<'c>,
    ) -> Result<(), Error> {
        let branch = self.builder.build_conditional_branch(cond, unlikely, likely)?;
        let context = self.unit.context;
        let weight = |weight| context.i32_type().const_int(weight, false).into();
        let weights = context.metadata_node(&[
            context.metadata_string("branch_weights").into(),
            weight(1),
            weight(1 << 20),
        ]);
        branch
            .set_metadata(weights, context.get_kind_id("prof"))
            .map_err(|error| Error::llvm("weigh a branch", error))
    }
}
