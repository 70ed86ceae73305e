//! What generated code refers to in `ungil-rt`, and the few sequences that do: polls, raising, tracing.
//!
//! Each symbol is declared when it is first used, so that a unit that needs none names none.

use std::cell::OnceCell;

use inkwell::attributes::AttributeLoc;
use inkwell::module::Linkage;
use inkwell::types::BasicMetadataTypeEnum;
use inkwell::values::{FunctionValue, GlobalValue, IntValue, PointerValue};
use inkwell::{AtomicOrdering, IntPredicate};
use ungil_rt::{CONTEXT_LAST_TICK, CONTEXT_STACK_LIMIT, CONTEXT_THREAD_ID};

use super::function::Body;
use super::{Loops, Unit};
use crate::Error;

/// The name of the poll.
pub(crate) const POLL: &str = "ungil_rt_poll";
/// The name of the parallel loop.
pub(crate) const PARALLEL_FOR: &str = "ungil_rt_parallel_for";

/// The declarations made so far.
#[derive(Default)]
pub(super) struct Runtime<'c> {
    tick: OnceCell<GlobalValue<'c>>,
}

/// The types of a runtime function's parameters and result.
#[derive(Clone, Copy)]
pub(super) enum Ty {
    Ptr,
    I32,
    I64,
}

impl<'c> Unit<'c, '_> {
    /// The runtime function `name`.
    pub(super) fn runtime(
        &self,
        name: &str,
        params: &[Ty],
        ret: Option<Ty>,
        cold: bool,
    ) -> FunctionValue<'c> {
        if let Some(declared) = self.llvm.get_function(name) {
            return declared;
        }
        let param = |ty: &Ty| -> BasicMetadataTypeEnum<'c> {
            match ty {
                Ty::Ptr => self.ptr().into(),
                Ty::I32 => self.context.i32_type().into(),
                Ty::I64 => self.context.i64_type().into(),
            }
        };
        let params: Vec<_> = params.iter().map(param).collect();
        let ty = match ret {
            None => self.context.void_type().fn_type(&params, false),
            Some(Ty::I64) => self.context.i64_type().fn_type(&params, false),
            Some(Ty::I32) => self.context.i32_type().fn_type(&params, false),
            Some(Ty::Ptr) => self.ptr().fn_type(&params, false),
        };
        let function = self.llvm.add_function(name, ty, Some(Linkage::External));
        self.attribute(function, AttributeLoc::Function, "nounwind");
        if cold {
            self.attribute(function, AttributeLoc::Function, "cold");
        }
        function
    }

    fn tick(&self) -> PointerValue<'c> {
        self.runtime
            .tick
            .get_or_init(|| self.llvm.add_global(self.context.i32_type(), None, "ungil_rt_tick"))
            .as_pointer_value()
    }
}

impl<'c> Body<'_, 'c, '_> {
    /// Asks whether to stop, and leaves if so.
    pub(super) fn poll(&mut self) -> Result<(), Error> {
        if self.unit.loops == Loops::Bare {
            return Ok(());
        }
        let i32_type = self.unit.context.i32_type();
        let tick = self.builder.build_load(i32_type, self.unit.tick(), "tick")?.into_int_value();
        if let Some(load) = tick.as_instruction() {
            // Relaxed: the tick carries no data; all that matters is that a change is seen some time.
            load.set_atomic_ordering(AtomicOrdering::Monotonic)
                .and_then(|()| load.set_alignment(4))
                .map_err(|error| Error::llvm("order a load", error))?;
        }
        let last = self.context_field(CONTEXT_LAST_TICK, i32_type)?;
        let changed = self.builder.build_int_compare(IntPredicate::NE, tick, last, "")?;
        let cold = self.append("poll");
        let next = self.append("polled");
        self.branch_unlikely(changed, cold, next)?;

        self.builder.position_at_end(cold);
        let poll = self.unit.runtime(POLL, &[Ty::Ptr], Some(Ty::I32), true);
        let status = self.call_int(poll, &[self.ctx().into()])?;
        self.fail_if(status, next)
    }

    /// Reports the exception and leaves.
    pub(super) fn raise(&mut self, raise_id: u32) -> Result<(), Error> {
        let raise = self.unit.runtime("ungil_rt_raise", &[Ty::Ptr, Ty::I32], None, true);
        let id = self.unit.context.i32_type().const_int(u64::from(raise_id), false);
        self.builder.build_call(raise, &[self.ctx().into(), id.into()], "")?;
        let failure = self.failure()?;
        self.builder.build_unconditional_branch(failure)?;
        Ok(())
    }

    /// Adds a call site to the exception that is passing.
    pub(super) fn trace(&mut self, site: u32) -> Result<(), Error> {
        let trace = self.unit.runtime("ungil_rt_trace", &[Ty::Ptr, Ty::I32], None, true);
        let site = self.unit.context.i32_type().const_int(u64::from(site), false);
        self.builder.build_call(trace, &[self.ctx().into(), site.into()], "")?;
        Ok(())
    }

    /// Raises `RecursionError` if the stack is used up.
    pub(super) fn check_stack(&mut self) -> Result<(), Error> {
        let i64_type = self.unit.context.i64_type();
        let frame = self.intrinsic("llvm.frameaddress", &[self.unit.ptr().into()])?;
        let zero = self.unit.context.i32_type().const_zero();
        let frame = self.call_value(frame, &[zero.into()])?.into_pointer_value();
        let frame = self.builder.build_ptr_to_int(frame, i64_type, "")?;
        let limit = self.context_field(CONTEXT_STACK_LIMIT, i64_type)?;
        let below = self.builder.build_int_compare(IntPredicate::ULT, frame, limit, "")?;
        let cold = self.append("deep");
        let next = self.append("shallow");
        self.branch_unlikely(below, cold, next)?;
        self.builder.position_at_end(cold);
        self.raise(ungil_rt::RAISE_RECURSION)?;
        self.builder.position_at_end(next);
        Ok(())
    }

    /// This thread's number in the parallel loop.
    pub(super) fn thread_id(&self) -> Result<IntValue<'c>, Error> {
        let id = self.context_field(CONTEXT_THREAD_ID, self.unit.context.i32_type())?;
        Ok(self.builder.build_int_z_extend(id, self.unit.context.i64_type(), "")?)
    }

    fn context_field(&self, offset: usize, ty: inkwell::types::IntType<'c>) -> Result<IntValue<'c>, Error> {
        Ok(self.builder.build_load(ty, self.at(self.ctx(), offset)?, "")?.into_int_value())
    }
}
