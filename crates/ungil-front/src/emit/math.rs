//! The functions of `math`: which arguments they take, and which function of the prelude computes them.

use ungil_ir::diagnostic::Span;
use ungil_ir::ir::Intrinsic;
use ungil_ir::{FloatTy, Type};

use super::{Emitter, Val};

impl Emitter<'_, '_> {
    /// `math.name(*args)`.
    pub(super) fn math(&mut self, name: &str, args: &[Val], span: Span) -> Option<Val> {
        let args: Vec<Val> = args.iter().map(|arg| self.present(arg)).collect();
        if !args.iter().all(|arg| matches!(arg.ty, Type::Bool | Type::Int(_) | Type::Float(_))) {
            return self.wrong_arguments(&format!("math.{name}"), &args, span);
        }
        let refs: Vec<&Val> = args.iter().collect();
        match (name, refs.as_slice()) {
            ("floor" | "ceil" | "trunc", [a]) => {
                if matches!(a.ty, Type::Bool | Type::Int(_)) {
                    return self.int_call(a, span);
                }
                let intrinsic = match name {
                    "floor" => Intrinsic::Floor,
                    "ceil" => Intrinsic::Ceil,
                    _ => Intrinsic::Trunc,
                };
                let rounded = self.intrinsic(a.ty.clone(), intrinsic, &[a]);
                Some(self.intrinsic(Type::INT64, Intrinsic::ToInt, &[&rounded]))
            }
            ("sqrt" | "fabs", [a]) => {
                let ty = Self::real_type(&a.ty);
                let a = self.convert(a, &ty)?;
                let intrinsic = if name == "sqrt" { Intrinsic::Sqrt } else { Intrinsic::Fabs };
                Some(self.intrinsic(ty, intrinsic, &[&a]))
            }
            ("copysign", [a, b]) => {
                let ty = Self::meeting(&[a, b]);
                let (a, b) = (self.convert(a, &ty)?, self.convert(b, &ty)?);
                Some(self.intrinsic(ty, Intrinsic::CopySign, &[&a, &b]))
            }
            ("isnan" | "isinf" | "isfinite", [a]) => {
                // An integer is always finite.
                if !matches!(a.ty, Type::Float(_)) {
                    return Some(self.bool(name == "isfinite"));
                }
                let a = self.convert(a, &Type::FLOAT64)?;
                self.prelude(name, &[&a])
            }
            ("gcd" | "lcm" | "comb" | "perm", [a, b])
                if [a, b].iter().all(|arg| !matches!(arg.ty, Type::Float(_))) =>
            {
                let (a, b) = (self.convert(a, &Type::INT64)?, self.convert(b, &Type::INT64)?);
                self.prelude(name, &[&a, &b])
            }
            ("factorial" | "isqrt", [a]) if !matches!(a.ty, Type::Float(_)) => {
                let a = self.convert(a, &Type::INT64)?;
                self.prelude(name, &[&a])
            }
            ("ldexp", [a, exponent]) if !matches!(exponent.ty, Type::Float(_)) => {
                let ty = Self::real_type(&a.ty);
                let (a, exponent) = (self.convert(a, &Type::FLOAT64)?, self.convert(exponent, &Type::INT64)?);
                let scaled = self.prelude(name, &[&a, &exponent])?;
                self.convert(&scaled, &ty)
            }
            ("log", [a, base]) => {
                let top = self.float_function("log", &[a])?;
                let bottom = self.float_function("log", &[base])?;
                self.binary_op(crate::hir::BinaryOp::Div, &top, &bottom, span)
            }
            ("pow", [a, b]) => self.float_power(a, b),
            (_, [_, ..]) if self.session.prelude_takes(name, refs.len()) => self.float_function(name, &refs),
            _ => self.wrong_arguments(&format!("math.{name}"), &args, span),
        }
    }

    /// A function of floats: computed in `float64`, given back as `float32` if all arguments are that narrow.
    pub(super) fn float_function(&mut self, name: &str, args: &[&Val]) -> Option<Val> {
        let ty = Self::meeting(args);
        let wide: Option<Vec<Val>> = args.iter().map(|arg| self.convert(arg, &Type::FLOAT64)).collect();
        let wide = wide?;
        let refs: Vec<&Val> = wide.iter().collect();
        let fast = format!("{name}_fast");
        let use_fast = self.options.fastmath.afn && self.session.prelude_function(&fast).is_some();
        let result = self.prelude(if use_fast { &fast } else { name }, &refs)?;
        if result.ty == Type::FLOAT64 { self.convert(&result, &ty) } else { Some(result) }
    }

    /// `float32` if every argument is a `float32`, else `float64`.
    pub(super) fn meeting(args: &[&Val]) -> Type {
        let narrow = args.iter().all(|arg| arg.ty == Type::Float(FloatTy::F32));
        if narrow { Type::FLOAT32 } else { Type::FLOAT64 }
    }
}
