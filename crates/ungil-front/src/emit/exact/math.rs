//! The functions of `math`, exactly: where CPython calls the C library, so does the code; where it computes by itself
//! (`hypot`, `gamma`, `fsum`, …) the interpreter does it.
//!
//! CPython looks at the results: a NaN or an infinity out of finite arguments is an error. Here, whatever is not finite is
//! handed back.

use ungil_ir::Type;
use ungil_ir::diagnostic::Span;
use ungil_ir::ir::{BinaryOp as Machine, CompareOp as Cmp, Intrinsic};

use super::super::{Emitter, Val};
use super::builtins::is_real;

/// Functions of one float for which CPython calls the function of this name in the C library, and nothing else, since 3.11.
const OF_ONE: [&str; 19] = [
    "acos", "acosh", "asin", "asinh", "atan", "atanh", "cbrt", "cos", "cosh", "erf", "erfc", "exp", "exp2",
    "expm1", "log1p", "sin", "sinh", "tan", "tanh",
];

/// The greatest int whose factorial fits 64 bits.
const LAST_FACTORIAL: i128 = 20;

impl Emitter<'_, '_> {
    /// `math.name(*args)`.
    pub(in super::super) fn exact_math(&mut self, name: &str, args: &[Val], span: Span) -> Option<Val> {
        let args: Vec<Val> = args.iter().map(|arg| self.present(arg)).collect();
        if !args.iter().all(|arg| is_real(&arg.ty)) {
            return self.wrong_arguments(&format!("math.{name}"), &args, span);
        }
        let are_ints = args.iter().all(|arg| matches!(arg.ty, Type::Bool | Type::Int(_)));
        let float = Type::FLOAT64;
        match (name, args.as_slice()) {
            ("floor", [a]) => self.to_int(a, Some(Intrinsic::Floor), name, span),
            ("ceil", [a]) => self.to_int(a, Some(Intrinsic::Ceil), name, span),
            ("trunc", [a]) => self.to_int(a, None, name, span),
            ("fabs", [a]) => {
                let a = self.as_float(a)?;
                Some(self.intrinsic(float, Intrinsic::Fabs, &[&a]))
            }
            ("sqrt", [a]) => {
                let a = self.as_float(a)?;
                let root = self.intrinsic(float, Intrinsic::Sqrt, &[&a]);
                Some(self.finite(name, root))
            }
            ("radians" | "degrees", [a]) => {
                let a = self.as_float(a)?;
                let pi = std::f64::consts::PI;
                let factor = self.float(&float, if name == "radians" { pi / 180.0 } else { 180.0 / pi });
                Some(self.op2(Machine::Mul, &a, &factor))
            }
            ("isnan" | "isinf" | "isfinite", [a]) => {
                let a = self.as_float(a)?;
                if name == "isnan" {
                    return Some(self.cmp(Cmp::Ne, &a, &a));
                }
                let size = self.intrinsic(float.clone(), Intrinsic::Fabs, &[&a]);
                let infinity = self.float(&float, f64::INFINITY);
                Some(self.cmp(if name == "isinf" { Cmp::Eq } else { Cmp::Lt }, &size, &infinity))
            }
            ("copysign", [a, b]) => {
                let (a, b) = (self.as_float(a)?, self.as_float(b)?);
                let is_nan = self.cmp(Cmp::Ne, &b, &b);
                self.hand_back_if(&is_nan, "`math.copysign` asks for the sign of a NaN");
                Some(self.intrinsic(float, Intrinsic::CopySign, &[&a, &b]))
            }
            ("log" | "log2" | "log10", [a]) => self.logarithm(name, a),
            ("log", [a, base]) => {
                let (top, bottom) = (self.logarithm(name, a)?, self.logarithm(name, base)?);
                self.divided(&top, &bottom, span)
            }
            ("atan2" | "fmod" | "pow" | "remainder", [a, b]) => {
                let (a, b) = (self.as_float(a)?, self.as_float(b)?);
                // CPython has answers of its own for infinite arguments.
                let why = format!("an argument of `math.{name}` is not finite");
                self.hand_back_unless_finite(&a, &why);
                self.hand_back_unless_finite(&b, &why);
                let result = self.libm(name, &[&a, &b]);
                Some(self.finite(name, result))
            }
            (_, [a]) if OF_ONE.contains(&name) => {
                let a = self.as_float(a)?;
                let result = self.libm(name, &[&a]);
                Some(self.finite(name, result))
            }
            ("isqrt", [a]) if are_ints => {
                let a = self.convert(a, &Type::INT64)?;
                self.prelude("isqrt", &[&a])
            }
            ("factorial", [a]) if are_ints => {
                let a = self.convert(a, &Type::INT64)?;
                let last = self.i64(LAST_FACTORIAL);
                let bad = self.cmp(Cmp::Gt, &a, &last);
                self.hand_back_if(&bad, super::arith::TOO_LARGE);
                self.prelude("factorial", &[&a])
            }
            ("gcd", [a, b]) if are_ints => {
                let (a, b) = (self.convert(a, &Type::INT64)?, self.convert(b, &Type::INT64)?);
                let divisor = self.prelude("gcd", &[&a, &b])?;
                let zero = self.i64(0);
                let bad = self.cmp(Cmp::Lt, &divisor, &zero);
                self.hand_back_if(&bad, super::arith::TOO_LARGE);
                Some(divisor)
            }
            _ => self.inexact(
                span,
                format!("`math.{name}` of these arguments is not known to give CPython's bits"),
            ),
        }
    }

    /// The result, handed back if it is not finite.
    fn finite(&mut self, name: &str, result: Val) -> Val {
        self.hand_back_unless_finite(&result, &format!("`math.{name}` gave no finite number"));
        result
    }

    /// `math.log(a)` and the like, for numbers above zero; of an int as of the float that it is rounded to.
    fn logarithm(&mut self, name: &str, a: &Val) -> Option<Val> {
        let (a, zero) = (self.as_float(a)?, self.float(&Type::FLOAT64, 0.0));
        let above = self.cmp(Cmp::Gt, &a, &zero);
        let bad = self.not(&above);
        self.hand_back_if(&bad, &format!("`math.{name}` of what is not above zero"));
        Some(self.libm(name, &[&a]))
    }
}
