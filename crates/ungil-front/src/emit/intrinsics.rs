//! What the prelude imports from `._intrinsics`: operations of the machine under Python names.

use ungil_ir::diagnostic::Span;
use ungil_ir::ir::{BinaryOp as Machine, Intrinsic, Op};
use ungil_ir::{IntTy, Type};

use super::{Emitter, Val};
use crate::host::Constant;

impl Emitter<'_, '_> {
    /// A call of an intrinsic.
    pub(super) fn intrinsic_call(&mut self, name: &str, args: &[Val], span: Span) -> Option<Val> {
        let unary = |name: &str| {
            Some(match name {
                "sqrt" => Intrinsic::Sqrt,
                "near_sqrt" => Intrinsic::NearSqrt,
                "fabs" => Intrinsic::Fabs,
                "floor" => Intrinsic::Floor,
                "ceil" => Intrinsic::Ceil,
                "trunc" => Intrinsic::Trunc,
                "rint" => Intrinsic::Rint,
                _ => return None,
            })
        };
        let bits = |name: &str| {
            Some(match name {
                "leading_zeros" => Intrinsic::LeadingZeros,
                "trailing_zeros" => Intrinsic::TrailingZeros,
                "popcount" => Intrinsic::PopCount,
                _ => return None,
            })
        };
        match (name, args) {
            (_, [a]) if unary(name).is_some() => {
                let ty = Self::real_type(&a.ty);
                let a = self.convert(a, &ty)?;
                Some(self.intrinsic(ty, unary(name)?, &[&a]))
            }
            (_, [a]) if bits(name).is_some() => Some(self.intrinsic(a.ty.clone(), bits(name)?, &[a])),
            ("copysign", [a, b]) => {
                let (a, b) = self.unified(a, b)?;
                Some(self.intrinsic(a.ty.clone(), Intrinsic::CopySign, &[&a, &b]))
            }
            // The prelude's own divisions never raise, whatever the error model.
            ("div", [a, b]) => {
                let (a, b) = (self.convert(a, &Type::FLOAT64)?, self.convert(b, &Type::FLOAT64)?);
                Some(self.op2(Machine::Div, &a, &b))
            }
            ("fma" | "muladd", [a, b, c]) => {
                let (a, b) = (self.convert(a, &Type::FLOAT64)?, self.convert(b, &Type::FLOAT64)?);
                let c = self.convert(c, &Type::FLOAT64)?;
                let intrinsic = if name == "fma" { Intrinsic::Fma } else { Intrinsic::MulAdd };
                Some(self.intrinsic(Type::FLOAT64, intrinsic, &[&a, &b, &c]))
            }
            ("to_bits", [a]) => {
                let a = self.convert(a, &Type::FLOAT64)?;
                Some(self.intrinsic(Type::INT64, Intrinsic::ToBits, &[&a]))
            }
            ("from_bits", [a]) => {
                let a = self.convert(a, &Type::INT64)?;
                Some(self.intrinsic(Type::FLOAT64, Intrinsic::FromBits, &[&a]))
            }
            ("mulhigh", [a, b]) => {
                let (a, b) = (self.convert(a, &Type::UINT64)?, self.convert(b, &Type::UINT64)?);
                Some(self.intrinsic(Type::UINT64, Intrinsic::MulHigh, &[&a, &b]))
            }
            ("mul_overflows", [a, b]) => {
                let (a, b) = self.unified(a, b)?;
                Some(self.intrinsic(Type::Bool, Intrinsic::MulOverflows, &[&a, &b]))
            }
            ("quot" | "rem" | "shl" | "shr", [a, b]) => {
                let ty = match (&a.ty, &b.ty) {
                    (Type::Int(int), _) => *int,
                    _ => IntTy::I64,
                };
                let (a, b) = (self.convert(a, &Type::Int(ty))?, self.convert(b, &Type::Int(ty))?);
                let op = match name {
                    "quot" => Machine::Quot,
                    "rem" => Machine::Rem,
                    "shl" => Machine::Shl,
                    _ => Machine::Shr,
                };
                Some(self.op2(op, &a, &b))
            }
            ("select", [cond, a, b]) => {
                let cond = self.truth(cond, span)?;
                let (a, b) = self.unified(a, b)?;
                Some(self.choose(&cond, &a, &b))
            }
            ("unlikely", [cond]) => {
                let cond = self.truth(cond, span)?;
                Some(self.intrinsic(Type::Bool, Intrinsic::Unlikely, &[&cond]))
            }
            ("int64", [a]) => self.convert(a, &Type::INT64),
            ("uint64", [a]) => self.convert(a, &Type::UINT64),
            ("float64", [a]) => self.convert(a, &Type::FLOAT64),
            ("complex_", [real, imag]) => {
                let (real, imag) = self.unified(real, imag)?;
                let Type::Float(part) = real.ty else { return self.wrong_arguments(name, args, span) };
                Some(self.aggregate(Type::Complex(part), vec![real, imag]))
            }
            ("libm", [Val { known: Some(Constant::Str(function)), .. }, rest @ ..]) => {
                let args: Option<Vec<Val>> =
                    rest.iter().map(|arg| self.convert(arg, &Type::FLOAT64)).collect();
                let args = args?.iter().map(|arg| arg.id).collect();
                Some(self.bind(Type::FLOAT64, Op::Libm(function.clone(), args)))
            }
            _ => self.wrong_arguments(name, args, span),
        }
    }
}
