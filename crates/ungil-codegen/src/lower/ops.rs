//! Operations that compute values.

use inkwell::attributes::AttributeLoc;
use inkwell::intrinsics::Intrinsic as LlvmIntrinsic;
use inkwell::module::Linkage;
use inkwell::types::{BasicMetadataTypeEnum, BasicType, BasicTypeEnum};
use inkwell::values::{
    AggregateValueEnum, BasicMetadataValueEnum, BasicValue, BasicValueEnum, FastMathFlags, FunctionValue,
    IntValue,
};
use inkwell::{FloatPredicate, IntPredicate};
use ungil_ir::Type;
use ungil_ir::ir::{BinaryOp, CompareOp, Const, Intrinsic, Op, PrintId, UnaryOp, ValueId};
use ungil_ir::layout::struct_layout;

use super::function::Body;
use super::runtime::Ty;
use crate::Error;

/// Up to that many elements a look-up by index is a chain of selects, which need no memory; guessed.
const SELECTED_ELEMENTS: usize = 8;

impl<'c> Body<'_, 'c, '_> {
    /// Computes `op`, whose result has type `ty`.
    pub(super) fn op(&mut self, op: &Op, ty: &Type) -> Result<BasicValueEnum<'c>, Error> {
        match op {
            Op::Const(constant) => self.constant(*constant, ty),
            Op::Get(var) => {
                let slot = self.var(*var)?;
                Ok(self.builder.build_load(self.unit.ty(ty), slot, "")?)
            }
            Op::Unary(op, a) => self.unary(*op, self.value(*a)?),
            Op::Binary(op, a, b) => self.binary(*op, ty, self.value(*a)?, self.value(*b)?),
            Op::Compare(op, a, b) => {
                self.compare(*op, self.function.value_type(*a), self.value(*a)?, self.value(*b)?)
            }
            Op::Cast(a) => match self.known_float(*a, ty) {
                Some(float) => Ok(float),
                None => self.cast(self.function.value_type(*a), ty, self.value(*a)?),
            },
            Op::Select(cond, a, b) => {
                let cond = self.value(*cond)?.into_int_value();
                self.select(cond, ty, self.value(*a)?, self.value(*b)?)
            }
            Op::Aggregate(fields) => {
                let mut whole: AggregateValueEnum = self.unit.structure(&ty.fields()).get_poison().into();
                for (index, field) in fields.iter().enumerate() {
                    whole = self.builder.build_insert_value(whole, self.value(*field)?, index as u32, "")?;
                }
                Ok(whole.into_struct_value().into())
            }
            Op::Field(a, index) => {
                Ok(self.builder.build_extract_value(self.value(*a)?.into_struct_value(), *index, "")?)
            }
            Op::Element { tuple, index } => self.element(*tuple, *index, ty),
            Op::Call { func, args, site } => {
                let args = self.args(args)?;
                self.call(*func, &args, *site)
            }
            Op::Intrinsic(intrinsic, args) => self.machine(*intrinsic, args, ty),
            Op::Libm(name, args) => {
                let function = self.libm(name, args.len(), ty);
                let args = self.args(args)?;
                self.call_value(function, &args)
            }
            Op::Print(id, args) => self.print(*id, args),
        }
    }

    fn constant(&self, constant: Const, ty: &Type) -> Result<BasicValueEnum<'c>, Error> {
        Ok(match (constant, self.unit.ty(ty)) {
            (Const::Unit, ty) => ty.const_zero(),
            (Const::Bool(value), BasicTypeEnum::IntType(ty)) => ty.const_int(u64::from(value), false).into(),
            (Const::Int(value), BasicTypeEnum::IntType(ty)) => {
                let mask = u64::MAX >> (64 - ty.get_bit_width());
                ty.const_int(value as u64 & mask, false).into()
            }
            (Const::Float(value), BasicTypeEnum::FloatType(ty)) => ty.const_float(value).into(),
            (constant, _) => return Err(Error::Malformed(format!("{constant:?} is no {ty}"))),
        })
    }

    fn unary(&self, op: UnaryOp, a: BasicValueEnum<'c>) -> Result<BasicValueEnum<'c>, Error> {
        Ok(match (op, a) {
            (UnaryOp::Neg, BasicValueEnum::FloatValue(a)) => {
                self.fast(self.builder.build_float_neg(a, "")?).into()
            }
            (UnaryOp::Neg, a) => self.builder.build_int_neg(a.into_int_value(), "")?.into(),
            (UnaryOp::Invert | UnaryOp::Not, a) => self.builder.build_not(a.into_int_value(), "")?.into(),
        })
    }

    fn binary(
        &self,
        op: BinaryOp,
        ty: &Type,
        a: BasicValueEnum<'c>,
        b: BasicValueEnum<'c>,
    ) -> Result<BasicValueEnum<'c>, Error> {
        let build = &self.builder;
        if let (BasicValueEnum::FloatValue(a), BasicValueEnum::FloatValue(b)) = (a, b) {
            let result = match op {
                BinaryOp::Add => build.build_float_add(a, b, "")?,
                BinaryOp::Sub => build.build_float_sub(a, b, "")?,
                BinaryOp::Mul => build.build_float_mul(a, b, "")?,
                BinaryOp::Div => build.build_float_div(a, b, "")?,
                _ => return Err(Error::Malformed(format!("{op:?} of floats"))),
            };
            return Ok(self.fast(result).into());
        }
        let (a, b) = (a.into_int_value(), b.into_int_value());
        let signed = matches!(ty, Type::Int(int) if int.signed);
        let result = match op {
            BinaryOp::Add => build.build_int_add(a, b, "")?,
            BinaryOp::Sub => build.build_int_sub(a, b, "")?,
            BinaryOp::Mul => build.build_int_mul(a, b, "")?,
            BinaryOp::Quot if signed => build.build_int_signed_div(a, b, "")?,
            BinaryOp::Quot => build.build_int_unsigned_div(a, b, "")?,
            BinaryOp::Rem if signed => build.build_int_signed_rem(a, b, "")?,
            BinaryOp::Rem => build.build_int_unsigned_rem(a, b, "")?,
            BinaryOp::And => build.build_and(a, b, "")?,
            BinaryOp::Or => build.build_or(a, b, "")?,
            BinaryOp::Xor => build.build_xor(a, b, "")?,
            BinaryOp::Shl => build.build_left_shift(a, b, "")?,
            BinaryOp::Shr => build.build_right_shift(a, b, signed, "")?,
            BinaryOp::Div => return Err(Error::Malformed("Div of integers".into())),
        };
        Ok(result.into())
    }

    fn compare(
        &self,
        op: CompareOp,
        ty: &Type,
        a: BasicValueEnum<'c>,
        b: BasicValueEnum<'c>,
    ) -> Result<BasicValueEnum<'c>, Error> {
        if let (BasicValueEnum::FloatValue(a), BasicValueEnum::FloatValue(b)) = (a, b) {
            let predicate = match op {
                CompareOp::Eq => FloatPredicate::OEQ,
                CompareOp::Ne => FloatPredicate::UNE,
                CompareOp::Lt => FloatPredicate::OLT,
                CompareOp::Le => FloatPredicate::OLE,
                CompareOp::Gt => FloatPredicate::OGT,
                CompareOp::Ge => FloatPredicate::OGE,
            };
            return Ok(self.fast(self.builder.build_float_compare(predicate, a, b, "")?).into());
        }
        let signed = matches!(ty, Type::Int(int) if int.signed);
        let predicate = match (op, signed) {
            (CompareOp::Eq, _) => IntPredicate::EQ,
            (CompareOp::Ne, _) => IntPredicate::NE,
            (CompareOp::Lt, true) => IntPredicate::SLT,
            (CompareOp::Le, true) => IntPredicate::SLE,
            (CompareOp::Gt, true) => IntPredicate::SGT,
            (CompareOp::Ge, true) => IntPredicate::SGE,
            (CompareOp::Lt, false) => IntPredicate::ULT,
            (CompareOp::Le, false) => IntPredicate::ULE,
            (CompareOp::Gt, false) => IntPredicate::UGT,
            (CompareOp::Ge, false) => IntPredicate::UGE,
        };
        Ok(self.builder.build_int_compare(predicate, a.into_int_value(), b.into_int_value(), "")?.into())
    }

    /// Picks each scalar by itself: LLVM optimises that, and not a select of structs.
    fn select(
        &self,
        cond: IntValue<'c>,
        ty: &Type,
        a: BasicValueEnum<'c>,
        b: BasicValueEnum<'c>,
    ) -> Result<BasicValueEnum<'c>, Error> {
        let (BasicValueEnum::StructValue(a), BasicValueEnum::StructValue(b)) = (a, b) else {
            return Ok(self.fast(self.builder.build_select(cond, a, b, "")?));
        };
        let fields = ty.fields();
        let mut whole: AggregateValueEnum = self.unit.structure(&fields).get_poison().into();
        for (field, index) in fields.iter().zip(0..) {
            let [a, b] = [a, b].map(|whole| self.builder.build_extract_value(whole, index, ""));
            whole = self.builder.build_insert_value(whole, self.select(cond, field, a?, b?)?, index, "")?;
        }
        Ok(whole.into_struct_value().into())
    }

    fn element(&self, tuple: ValueId, index: ValueId, ty: &Type) -> Result<BasicValueEnum<'c>, Error> {
        let fields = self.function.value_type(tuple).fields();
        let whole = self.value(tuple)?;
        let index = self.value(index)?.into_int_value();
        if fields.len() > SELECTED_ELEMENTS {
            let slot = self.slot(whole.get_type(), "elements")?;
            self.builder.build_store(slot, whole)?;
            // SAFETY: building the instruction is sound; when it runs, the index is one of the tuple's, whose elements are
            // all of this type and so lie one after the other.
            let at = unsafe { self.builder.build_in_bounds_gep(self.unit.ty(ty), slot, &[index], "")? };
            return Ok(self.builder.build_load(self.unit.ty(ty), at, "")?);
        }
        let mut chain: Option<BasicValueEnum> = None;
        for position in (0..fields.len() as u32).rev() {
            let this = self.builder.build_extract_value(whole.into_struct_value(), position, "")?;
            let Some(others) = chain else {
                chain = Some(this);
                continue;
            };
            let here = index.get_type().const_int(u64::from(position), false);
            let is_here = self.builder.build_int_compare(IntPredicate::EQ, index, here, "")?;
            chain = Some(self.select(is_here, ty, this, others)?);
        }
        chain.ok_or_else(|| Error::Malformed("an element of an empty tuple".into()))
    }

    fn machine(
        &mut self,
        intrinsic: Intrinsic,
        args: &[ValueId],
        ty: &Type,
    ) -> Result<BasicValueEnum<'c>, Error> {
        let result = self.unit.ty(ty);
        let name = match intrinsic {
            Intrinsic::Sqrt | Intrinsic::NearSqrt => "llvm.sqrt",
            Intrinsic::Fabs => "llvm.fabs",
            Intrinsic::Floor => "llvm.floor",
            Intrinsic::Ceil => "llvm.ceil",
            Intrinsic::Trunc => "llvm.trunc",
            Intrinsic::Rint => "llvm.roundeven",
            Intrinsic::CopySign => "llvm.copysign",
            Intrinsic::Fma => "llvm.fma",
            Intrinsic::MulAdd => "llvm.fmuladd",
            Intrinsic::PopCount => "llvm.ctpop",
            Intrinsic::LeadingZeros | Intrinsic::TrailingZeros => {
                let name = if intrinsic == Intrinsic::LeadingZeros { "llvm.ctlz" } else { "llvm.cttz" };
                let zero_is_defined = self.unit.context.bool_type().const_zero();
                let function = self.intrinsic(name, &[result])?;
                return self.call_value(function, &[self.value(args[0])?.into(), zero_is_defined.into()]);
            }
            Intrinsic::ToBits | Intrinsic::FromBits => {
                return Ok(self.builder.build_bit_cast(self.value(args[0])?, result, "")?);
            }
            Intrinsic::ToInt => return self.to_int(self.value(args[0])?.into_float_value()),
            Intrinsic::MulHigh => return self.mul_high(args),
            Intrinsic::AddOverflows => return self.overflows("add", args),
            Intrinsic::SubOverflows => return self.overflows("sub", args),
            Intrinsic::MulOverflows => return self.overflows("mul", args),
            Intrinsic::ThreadId => return Ok(self.thread_id()?.into()),
            Intrinsic::NumThreads => {
                let get = self.unit.runtime("ungil_rt_get_num_threads", &[], Some(Ty::I64), false);
                return self.call_value(get, &[]);
            }
            Intrinsic::Unlikely => return self.unlikely(args[0]),
            Intrinsic::SetNumThreads => {
                let set = self.unit.runtime("ungil_rt_set_num_threads", &[Ty::I64], Some(Ty::I32), false);
                let status = self.call_int(set, &[self.value(args[0])?.into()])?;
                let zero = status.get_type().const_zero();
                return Ok(self.builder.build_int_compare(IntPredicate::EQ, status, zero, "")?.into());
            }
        };
        let function = self.intrinsic(name, &[result])?;
        let args = self.args(args)?;
        let value = self.call_value(function, &args)?;
        if intrinsic == Intrinsic::NearSqrt
            && let Some(call) = value.as_instruction_value()
        {
            let flags = call.get_fast_math_flags().unwrap_or(FastMathFlags::empty());
            call.set_fast_math_flags(flags | FastMathFlags::ApproxFunc)
                .map_err(|error| Error::llvm("take an approximate root", error))?;
        }
        Ok(value)
    }

    /// Whether `op` of two integers leaves their type. LLVM joins it with the operation itself.
    fn overflows(&self, op: &str, args: &[ValueId]) -> Result<BasicValueEnum<'c>, Error> {
        let signed = matches!(self.function.value_type(args[0]), Type::Int(int) if int.signed);
        let name = format!("llvm.{}{op}.with.overflow", if signed { 's' } else { 'u' });
        let function = self.intrinsic(&name, &[self.value(args[0])?.get_type()])?;
        let both = self.call_value(function, &self.args(args)?)?;
        Ok(self.builder.build_extract_value(both.into_struct_value(), 1, "")?)
    }

    fn mul_high(&self, args: &[ValueId]) -> Result<BasicValueEnum<'c>, Error> {
        let wide = self.unit.context.i128_type();
        let [a, b] = [args[0], args[1]].map(|id| {
            let narrow = self.value(id)?.into_int_value();
            Ok::<_, Error>(self.builder.build_int_z_extend(narrow, wide, "")?)
        });
        let product = self.builder.build_int_nuw_mul(a?, b?, "")?;
        let high = self.builder.build_right_shift(product, wide.const_int(64, false), false, "")?;
        Ok(self.builder.build_int_truncate(high, self.unit.context.i64_type(), "")?.into())
    }

    /// A function of the C mathematics library, `n_params` floats to a float; it sets no `errno` that anyone reads.
    fn libm(&self, name: &str, n_params: usize, ty: &Type) -> FunctionValue<'c> {
        if let Some(declared) = self.unit.llvm.get_function(name) {
            return declared;
        }
        let float = self.unit.ty(ty);
        let params = vec![BasicMetadataTypeEnum::from(float); n_params];
        let function =
            self.unit.llvm.add_function(name, float.fn_type(&params, false), Some(Linkage::External));
        // The value 0 of `memory` is "touches none".
        for attribute in ["memory", "nounwind", "willreturn", "nofree", "nosync"] {
            self.unit.attribute(function, AttributeLoc::Function, attribute);
        }
        function
    }

    fn print(&mut self, id: PrintId, args: &[ValueId]) -> Result<BasicValueEnum<'c>, Error> {
        let types: Vec<_> = args.iter().map(|arg| self.function.value_type(*arg).clone()).collect();
        let (layout, offsets) = struct_layout(&types);
        let packed = self.buffer(layout, 1, "printed")?;
        for ((arg, ty), offset) in args.iter().zip(&types).zip(offsets) {
            self.store(packed, offset, ty, self.value(*arg)?)?;
        }
        let print = self.unit.runtime("ungil_rt_print", &[Ty::Ptr, Ty::I32, Ty::Ptr], Some(Ty::I32), false);
        let number = self.unit.context.i32_type().const_int(u64::from(id.0), false);
        let status = self.call_int(print, &[self.ctx().into(), number.into(), packed.into()])?;
        let next = self.append("printed");
        self.fail_if(status, next)?;
        self.constant(Const::Unit, &Type::None)
    }

    fn args(&self, args: &[ValueId]) -> Result<Vec<BasicMetadataValueEnum<'c>>, Error> {
        args.iter().map(|arg| Ok(self.value(*arg)?.into())).collect()
    }

    /// LLVM's intrinsic of that name, for those types.
    pub(super) fn intrinsic(
        &self,
        name: &str,
        types: &[BasicTypeEnum<'c>],
    ) -> Result<FunctionValue<'c>, Error> {
        LlvmIntrinsic::find(name)
            .and_then(|intrinsic| intrinsic.get_declaration(&self.unit.llvm, types))
            .ok_or_else(|| Error::llvm("find an intrinsic", name))
    }

    /// Tells LLVM what always holds here.
    pub(super) fn assume(&self, fact: IntValue<'c>) -> Result<(), Error> {
        self.builder.build_call(self.intrinsic("llvm.assume", &[])?, &[fact.into()], "")?;
        Ok(())
    }
}

/// Whether LLVM knows the value while compiling.
pub(super) fn is_constant(value: BasicValueEnum<'_>) -> bool {
    match value {
        BasicValueEnum::IntValue(value) => value.is_const(),
        BasicValueEnum::FloatValue(value) => value.is_const(),
        BasicValueEnum::StructValue(value) => value.is_const(),
        _ => false,
    }
}
