//! Conversions between bools, integers and floats.

use inkwell::FloatPredicate;
use inkwell::types::BasicTypeEnum;
use inkwell::values::{BasicValueEnum, FloatValue, IntValue};
use ungil_ir::{IntTy, Type};

use super::function::Body;
use crate::Error;

impl<'c> Body<'_, 'c, '_> {
    pub(super) fn cast(
        &self,
        from: &Type,
        to: &Type,
        a: BasicValueEnum<'c>,
    ) -> Result<BasicValueEnum<'c>, Error> {
        let build = &self.builder;
        let signed = matches!(from, Type::Int(int) if int.signed);
        Ok(match (a, self.unit.ty(to)) {
            (BasicValueEnum::IntValue(a), BasicTypeEnum::IntType(to)) => {
                let (old, new) = (a.get_type().get_bit_width(), to.get_bit_width());
                if new < old {
                    build.build_int_truncate(a, to, "")?.into()
                } else if new == old {
                    a.into()
                } else if signed {
                    build.build_int_s_extend(a, to, "")?.into()
                } else {
                    build.build_int_z_extend(a, to, "")?.into()
                }
            }
            (BasicValueEnum::IntValue(a), BasicTypeEnum::FloatType(to)) if signed => {
                build.build_signed_int_to_float(a, to, "")?.into()
            }
            (BasicValueEnum::IntValue(a), BasicTypeEnum::FloatType(to)) => {
                build.build_unsigned_int_to_float(a, to, "")?.into()
            }
            (BasicValueEnum::FloatValue(a), BasicTypeEnum::FloatType(to)) => {
                self.fast(build.build_float_cast(a, to, "")?).into()
            }
            (BasicValueEnum::FloatValue(a), BasicTypeEnum::IntType(_)) => self.truncate(a, to)?.into(),
            _ => return Err(Error::Malformed(format!("no conversion from {from} to {to}"))),
        })
    }

    /// A float as an `int64`: truncated, the least where that does not fit. Half as many instructions as saturating takes.
    pub(super) fn to_int(&self, a: FloatValue<'c>) -> Result<BasicValueEnum<'c>, Error> {
        let (build, i64_type) = (&self.builder, self.unit.context.i64_type());
        let fabs = self.intrinsic("llvm.fabs", &[a.get_type().into()])?;
        let size = self.call_value(fabs, &[a.into()])?.into_float_value();
        let beyond = a.get_type().const_float(2_f64.powi(63));
        let fits = build.build_float_compare(FloatPredicate::OLT, size, beyond, "")?;
        // Poison where it does not fit, and then not taken.
        let whole = build.build_float_to_signed_int(a, i64_type, "")?;
        let least = i64_type.const_int(i64::MIN as u64, true);
        Ok(build.build_select(fits, whole, least, "")?)
    }

    /// A float as an integer: truncated, saturated at the ends of `to`, 0 for a NaN.
    ///
    /// This is what `llvm.fptosi.sat` means; but LLVM 19 takes vectors of that apart on x86. Written out it stays one, of
    /// six instructions at most.
    fn truncate(&self, a: FloatValue<'c>, to: &Type) -> Result<IntValue<'c>, Error> {
        let &Type::Int(int) = to else { return Err(Error::Malformed(format!("no conversion to {to}"))) };
        let build = &self.builder;
        let (float, result) = (a.get_type(), self.unit.int(int));
        let is_narrow = float == self.unit.context.f32_type();
        let (least, greatest, beyond) = range(int, is_narrow);
        let [least, greatest] = [least, greatest].map(|bound| float.const_float(bound));
        // Each answers the bound when the comparison does not hold, so a NaN is gone after the first.
        let above = build.build_float_compare(FloatPredicate::OGT, a, least, "")?;
        let clamped = build.build_select(above, a, least, "")?.into_float_value();
        let below = build.build_float_compare(FloatPredicate::OLT, clamped, greatest, "")?;
        let clamped = build.build_select(below, clamped, greatest, "")?.into_float_value();
        let mut whole = if int.signed {
            build.build_float_to_signed_int(clamped, result, "")?
        } else {
            build.build_float_to_unsigned_int(clamped, result, "")?
        };
        if let Some(beyond) = beyond {
            let is_beyond =
                build.build_float_compare(FloatPredicate::OGE, a, float.const_float(beyond), "")?;
            let max = result.const_int(int.max() as u64, false);
            whole = build.build_select(is_beyond, max, whole, "")?.into_int_value();
        }
        let is_number = build.build_float_compare(FloatPredicate::ORD, a, a, "")?;
        Ok(build.build_select(is_number, whole, result.const_zero(), "")?.into_int_value())
    }
}

/// The least and the greatest float that truncate to an `int`, and the power of two above if the greatest does not
/// truncate to the greatest `int`.
fn range(int: IntTy, is_narrow: bool) -> (f64, f64, Option<f64>) {
    let value_bits = i32::from(int.bits) - i32::from(int.signed);
    let digits = if is_narrow { 24 } else { 53 };
    let beyond = 2_f64.powi(value_bits);
    let least = if int.signed { -beyond } else { 0.0 };
    if value_bits <= digits {
        (least, beyond - 1.0, None)
    } else {
        (least, beyond - 2_f64.powi(value_bits - digits), Some(beyond))
    }
}
