//! The function that computes roots of several vectors, some of them by multiplication.
//!
//! The processor's estimate `y` of the inverse root, of `float32`, is off by 1.5 * 2**-12 at most, of its size. So with `h = x * y`
//! and `e = 1 - h * y`, which is exact but for what does not count, the root is `h * (1 - e)**(-1/2)`, and `|e| < 7.4e-4`: five
//! terms of the series, the last of them taken into the others in Chebyshev's way, leave 2**-58. The rounding of `h` is in `e`, and so
//! half of it is made good. With that of the result the error is 1.01 ULP at most, whatever the estimate's bits are.
//!
//! The estimate is had without a conversion: shifted by three, the upper half of a `float64` is a `float32` of the same
//! number but for a difference of the exponents. What then lies in the lower half is below the estimate's own error. Numbers
//! that no normal `float32` is near to, zeros, infinities, NaNs and negative ones, have no such estimate: a vector with one
//! of these goes to the unit.

use inkwell::IntPredicate;
use inkwell::attributes::{Attribute, AttributeLoc};
use inkwell::builder::Builder;
use inkwell::context::Context;
use inkwell::intrinsics::Intrinsic;
use inkwell::module::{Linkage, Module};
use inkwell::types::VectorType;
use inkwell::values::{BasicMetadataValueEnum, BasicValueEnum, FunctionValue, IntValue, VectorValue};

use super::{Way, malformed};
use crate::Error;

/// Values in a vector.
const LANES: usize = 4;

/// What |e| stays below.
const GREATEST_E: f64 = 7.4e-4;
const NEXT_TERM: f64 = 63.0 / 256.0;
/// The series of `(1-e)**(-1/2) - 1`, over `e`: 1/2, 3/8, 5/16, 35/128, with the next term in them.
const SERIES: [f64; 4] = [
    0.5 - NEXT_TERM * 0.3125 * GREATEST_E * GREATEST_E * GREATEST_E * GREATEST_E,
    0.375,
    0.3125 + NEXT_TERM * 1.25 * GREATEST_E * GREATEST_E,
    0.273_437_5,
];

/// By how much the exponent's field of a `float64` is above that of a `float32`.
const BIAS: u64 = 1023 - 127;
/// The exponent fields of the numbers that are near to a normal `float32`, as many from the least.
const LEAST_FIELD: u64 = BIAS + 1;
const N_FIELDS: u64 = 254;

/// Defines the function that computes the roots of a vector for each way, to be inlined into `caller`.
pub(super) fn define<'c>(
    context: &'c Context,
    llvm: &Module<'c>,
    caller: FunctionValue<'c>,
    root: FunctionValue<'c>,
    ways: &[Way],
) -> Result<FunctionValue<'c>, Error> {
    let floats = context.f64_type().vec_type(LANES as u32);
    let n = ways.len();
    let ty = context.struct_type(&vec![floats.into(); n], false).fn_type(&vec![floats.into(); n], false);
    let helper = llvm.add_function("multiplied_roots", ty, Some(Linkage::Internal));
    // An inlined function keeps of the caller's liberties what both have, so this one has all of them.
    for attribute in caller.attributes(AttributeLoc::Function) {
        if attribute.is_string() {
            helper.add_attribute(AttributeLoc::Function, attribute);
        }
    }
    for name in ["alwaysinline", "nounwind"] {
        let kind = Attribute::get_named_enum_kind_id(name);
        helper.add_attribute(AttributeLoc::Function, context.create_enum_attribute(kind, 0));
    }
    let [head, multiply, rare] =
        ["roots", "multiply", "rare"].map(|name| context.append_basic_block(helper, name));
    let xs: Vec<_> = helper.get_param_iter().map(BasicValueEnum::into_vector_value).collect();
    let body = Body { context, llvm, builder: context.create_builder(), floats };

    let multiplied: Vec<_> =
        xs.iter().zip(ways).filter(|(_, way)| **way == Way::Multiplied).map(|(x, _)| *x).collect();
    body.builder.position_at_end(head);
    let is_rare = body.has_rare(&multiplied)?;
    let branch = body.builder.build_conditional_branch(is_rare, rare, multiply)?;
    let weight = |weight| context.i32_type().const_int(weight, false).into();
    let weights = [context.metadata_string("branch_weights").into(), weight(1), weight(1 << 20)];
    branch
        .set_metadata(context.metadata_node(&weights), context.get_kind_id("prof"))
        .map_err(|error| Error::llvm("weigh a branch", error))?;

    body.builder.position_at_end(multiply);
    // The unit's first: they take longest.
    let mut roots = Vec::new();
    for (x, way) in xs.iter().zip(ways) {
        roots.push(if *way == Way::Unit { Some(body.value(root, &[(*x).into()])?) } else { None });
    }
    let mut multiplied = body.multiplied(&multiplied)?.into_iter();
    let roots: Vec<_> = roots.into_iter().filter_map(|root| root.or_else(|| multiplied.next())).collect();
    body.builder.build_aggregate_return(&roots)?;
    body.builder.position_at_end(rare);
    let roots: Result<Vec<BasicValueEnum>, Error> =
        xs.iter().map(|x| body.value(root, &[(*x).into()])).collect();
    body.builder.build_aggregate_return(&roots?)?;
    Ok(helper)
}

struct Body<'c, 'm> {
    context: &'c Context,
    llvm: &'m Module<'c>,
    builder: Builder<'c>,
    floats: VectorType<'c>,
}

impl<'c> Body<'c, '_> {
    /// Whether a number of the vectors is near to no normal positive `float32`.
    fn has_rare(&self, xs: &[VectorValue<'c>]) -> Result<IntValue<'c>, Error> {
        let build = &self.builder;
        // Whether the bits, unsigned, are outside of a range: by a signed comparison, for vectors know no other.
        let least = i64::MIN as u64;
        let first = self.word(least.wrapping_sub(LEAST_FIELD << 52));
        let last = self.word(least + (N_FIELDS << 52) - 1);
        let mut is_rare: Option<VectorValue> = None;
        for x in xs {
            let moved = build.build_int_add(self.bits(*x)?, first, "")?;
            let here = build.build_int_compare(IntPredicate::SGT, moved, last, "")?;
            is_rare = Some(match is_rare {
                Some(before) => build.build_or(before, here, "")?,
                None => here,
            });
        }
        let is_rare = is_rare.ok_or_else(|| malformed("there are roots"))?;
        let any = self.intrinsic("llvm.vector.reduce.or", Some(is_rare.get_type()))?;
        Ok(self.value(any, &[is_rare.into()])?.into_int_value())
    }

    /// The roots of common numbers; step by step for all vectors, each constant for all at once.
    fn multiplied(&self, xs: &[VectorValue<'c>]) -> Result<Vec<BasicValueEnum<'c>>, Error> {
        let build = &self.builder;
        let [one, c1, c2, c3, c4] =
            [1.0, SERIES[0], SERIES[1], SERIES[2], SERIES[3]].map(|term| self.float(term));
        let ys = self.estimates(xs)?;
        let hs = each(xs, |x, at| Ok(build.build_float_mul(x, ys[at], "h")?))?;
        let es = each(&hs, |h, at| self.fma(build.build_float_neg(h, "")?, ys[at], one))?;
        let series = each(&es, |e, _| self.fma(c4, e, c3))?;
        let series = each(&es, |e, at| self.fma(series[at], e, c2))?;
        let series = each(&es, |e, at| self.fma(series[at], e, c1))?;
        let hes = each(&hs, |h, at| Ok(build.build_float_mul(h, es[at], "")?))?;
        let roots = each(&hs, |h, at| self.fma(hes[at], series[at], h))?;
        Ok(roots.into_iter().map(Into::into).collect())
    }

    /// The processor's estimates of the inverse roots.
    fn estimates(&self, xs: &[VectorValue<'c>]) -> Result<Vec<VectorValue<'c>>, Error> {
        let build = &self.builder;
        let halves = self.context.f32_type().vec_type(2 * LANES as u32);
        let estimate = self.intrinsic("llvm.x86.avx.rsqrt.ps.256", None)?;
        let (three, less, more) = (self.word(3), self.word(BIAS << 55), self.word(BIAS << 52));
        let ys = each(xs, |x, _| Ok(build.build_left_shift(self.bits(x)?, three, "")?))?;
        let ys = each(&ys, |y, _| Ok(build.build_int_sub(y, less, "")?))?;
        let ys = each(&ys, |y, _| self.call(estimate, &[build.build_bit_cast(y, halves, "")?.into()]))?;
        let ys = each(&ys, |y, _| Ok(build.build_right_shift(self.bits(y)?, three, false, "")?))?;
        let ys = each(&ys, |y, _| Ok(build.build_int_add(y, more, "")?))?;
        each(&ys, |y, _| Ok(build.build_bit_cast(y, self.floats, "y")?.into_vector_value()))
    }

    fn fma(
        &self,
        a: VectorValue<'c>,
        b: VectorValue<'c>,
        c: VectorValue<'c>,
    ) -> Result<VectorValue<'c>, Error> {
        self.call(self.intrinsic("llvm.fma", Some(self.floats))?, &[a.into(), b.into(), c.into()])
    }

    fn intrinsic(&self, name: &str, of: Option<VectorType<'c>>) -> Result<FunctionValue<'c>, Error> {
        let types: Vec<_> = of.into_iter().map(Into::into).collect();
        Intrinsic::find(name)
            .and_then(|intrinsic| intrinsic.get_declaration(self.llvm, &types))
            .ok_or_else(|| Error::llvm("find an intrinsic", name))
    }

    fn call(
        &self,
        function: FunctionValue<'c>,
        args: &[BasicMetadataValueEnum<'c>],
    ) -> Result<VectorValue<'c>, Error> {
        Ok(self.value(function, args)?.into_vector_value())
    }

    fn value(
        &self,
        function: FunctionValue<'c>,
        args: &[BasicMetadataValueEnum<'c>],
    ) -> Result<BasicValueEnum<'c>, Error> {
        let value = self.builder.build_call(function, args, "")?.try_as_basic_value().basic();
        value.ok_or_else(|| malformed("it returns a value"))
    }

    fn bits(&self, x: VectorValue<'c>) -> Result<VectorValue<'c>, Error> {
        let words = self.context.i64_type().vec_type(LANES as u32);
        Ok(self.builder.build_bit_cast(x, words, "")?.into_vector_value())
    }

    fn word(&self, value: u64) -> VectorValue<'c> {
        VectorType::const_vector(&[self.context.i64_type().const_int(value, false); LANES])
    }

    fn float(&self, value: f64) -> VectorValue<'c> {
        VectorType::const_vector(&[self.context.f64_type().const_float(value); LANES])
    }
}

/// What `of` makes of each vector, and of where it is.
fn each<'c>(
    vectors: &[VectorValue<'c>],
    mut of: impl FnMut(VectorValue<'c>, usize) -> Result<VectorValue<'c>, Error>,
) -> Result<Vec<VectorValue<'c>>, Error> {
    vectors.iter().enumerate().map(|(at, vector)| of(*vector, at)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The root of `x` as it is multiplied out, from this estimate of the inverse root.
    fn multiplied(x: f64, y: f64) -> f64 {
        let h = x * y;
        let e = (-h).mul_add(y, 1.0);
        let series = SERIES.into_iter().rev().reduce(|series, term| series.mul_add(e, term)).expect("terms");
        (h * e).mul_add(series, h)
    }

    #[test]
    fn the_bound_holds_for_any_estimate_that_processors_may_give() {
        let most = 1.5 * 2_f64.powi(-12);
        for turn in 0..400_000_u32 {
            // Over [1, 4), whose roots have every mantissa.
            let x = 1.0 + 3.0 * (f64::from(turn) * 0.618_033_988_749_894_9).fract();
            // The ends of what is allowed among them; the bits of a `float64` below the estimate are anything.
            let off =
                most * (f64::from(turn % 201) / 100.0 - 1.0) + 2_f64.powi(-23) * (f64::from(turn % 7) / 6.0);
            let root = multiplied(x, x.sqrt().recip() * (1.0 + off));
            // The exact root is off by what is missing in the square, over twice the root.
            let error = root.mul_add(root, -x) / (2.0 * root);
            assert!(error.abs() <= 1.01 * 2_f64.powi(-52), "{x} {off} {error}");
        }
    }
}
