//! Operators on numbers, exactly: ints that stay within 64 bits, floats as CPython computes them.

use ungil_ir::diagnostic::Span;
use ungil_ir::ir::{BinaryOp as Machine, CompareOp as Cmp, Intrinsic, Op, UnaryOp as MachineUnary};
use ungil_ir::{IntTy, Type};

use super::super::arith::{machine, symbol};
use super::super::{Emitter, Val};
use crate::hir::{BinaryOp, UnaryOp};

/// Why ints hand back.
pub(super) const TOO_LARGE: &str = "an int outgrew 64 bits";
const BY_ZERO: &str = "a division by zero";

/// Floats hold every int up to this one.
const LAST_EXACT: i128 = 1 << 53;

/// Powers by a constant up to this are multiplied out.
const MAX_STATIC_POWER: i128 = 64;

impl Emitter<'_, '_> {
    /// `+a`, `-a`, `~a`.
    pub(in super::super) fn exact_unary(&mut self, op: UnaryOp, a: &Val, span: Span) -> Option<Val> {
        match (op, &a.ty) {
            // Deprecated, so that Python warns.
            (UnaryOp::Invert, Type::Bool) => self.inexact(span, "`~` of a bool is deprecated"),
            (UnaryOp::Pos, Type::Float(_) | Type::Number) => Some(a.clone()),
            (UnaryOp::Pos, Type::Bool | Type::Int(_)) => self.convert(a, &Type::INT64),
            (UnaryOp::Invert, Type::Int(_)) => Some(match a.known_int() {
                Some(value) => self.i64(!value),
                None => self.unary(MachineUnary::Invert, a),
            }),
            (UnaryOp::Neg, Type::Bool | Type::Int(_)) => {
                let zero = self.i64(0);
                let a = self.convert(a, &Type::INT64)?;
                self.checked(BinaryOp::Sub, &zero, &a)
            }
            (UnaryOp::Neg, Type::Float(_)) => Some(match &a.known {
                Some(crate::host::Constant::Float(value)) => self.float(&a.ty, -value),
                _ => self.unary(MachineUnary::Neg, a),
            }),
            (UnaryOp::Neg, Type::Number) => {
                let (tag, int, float) = (self.field(a, 0), self.field(a, 1), self.field(a, 2));
                let zero = self.i64(0);
                let int = self.checked_where(&tag, BinaryOp::Sub, &zero, &int)?;
                let float = self.unary(MachineUnary::Neg, &float);
                Some(self.aggregate(Type::Number, vec![tag, int, float]))
            }
            _ => self.no_unary(op, a, span),
        }
    }

    /// `a + b` and the like of numbers; none for what has no such operator.
    pub(in super::super) fn exact_binary(
        &mut self,
        op: BinaryOp,
        a: &Val,
        b: &Val,
        span: Span,
    ) -> Option<Val> {
        let is_plain = |ty: &Type| *ty == Type::Bool || *ty == Type::INT64;
        let is_known = |ty: &Type| is_plain(ty) || *ty == Type::FLOAT64 || *ty == Type::Number;
        if matches!(a.ty, Type::Complex(_)) || matches!(b.ty, Type::Complex(_)) {
            return self.inexact(span, "complex numbers are not compiled exactly");
        }
        if !is_known(&a.ty) || !is_known(&b.ty) {
            return None;
        }
        if is_plain(&a.ty) && is_plain(&b.ty) {
            return self.exact_ints(op, a, b);
        }
        let both_ints = {
            let (a, b) = (self.is_int(a), self.is_int(b));
            self.and(&a, &b)
        };
        match op {
            BinaryOp::Add | BinaryOp::Sub | BinaryOp::Mul => {
                let (x, y) = (self.as_float(a)?, self.as_float(b)?);
                let float = self.op2(machine(op)?, &x, &y);
                if both_ints.known_bool() == Some(false) {
                    return Some(float);
                }
                let (x, y) = (self.int_part(a)?, self.int_part(b)?);
                let int = self.checked_where(&both_ints, op, &x, &y)?;
                Some(self.aggregate(Type::Number, vec![both_ints, int, float]))
            }
            BinaryOp::Div => {
                for side in [a, b] {
                    if both_ints.known_bool() != Some(false) {
                        let int = self.int_part(side)?;
                        self.hand_back_if_inexact(&int, Some(&both_ints));
                    }
                }
                let (a, b) = (self.as_float(a)?, self.as_float(b)?);
                Some(self.quotient(&a, &b))
            }
            BinaryOp::FloorDiv | BinaryOp::Mod | BinaryOp::Pow => {
                let why = format!("`{}` of what may be an int or a float met two ints", symbol(op));
                self.hand_back_if(&both_ints, &why);
                let (a, b) = (self.as_float(a)?, self.as_float(b)?);
                match op {
                    BinaryOp::FloorDiv => self.prelude("float_floordiv", &[&a, &b]),
                    BinaryOp::Mod => self.prelude("float_mod", &[&a, &b]),
                    _ => self.exact_power(&a, &b),
                }
            }
            _ => None,
        }
    }

    /// Bools and ints.
    fn exact_ints(&mut self, op: BinaryOp, a: &Val, b: &Val) -> Option<Val> {
        let is_bits = matches!(op, BinaryOp::BitAnd | BinaryOp::BitOr | BinaryOp::BitXor);
        if is_bits && a.ty == Type::Bool && b.ty == Type::Bool {
            return Some(self.op2(machine(op)?, a, b));
        }
        let a = &self.convert(a, &Type::INT64)?;
        let b = &self.convert(b, &Type::INT64)?;
        match op {
            BinaryOp::Add | BinaryOp::Sub | BinaryOp::Mul => self.checked(op, a, b),
            BinaryOp::BitAnd | BinaryOp::BitOr | BinaryOp::BitXor => Some(self.op2(machine(op)?, a, b)),
            BinaryOp::Div => {
                self.hand_back_if_inexact(a, None);
                self.hand_back_if_inexact(b, None);
                let (a, b) = (self.convert(a, &Type::FLOAT64)?, self.convert(b, &Type::FLOAT64)?);
                Some(self.quotient(&a, &b))
            }
            BinaryOp::FloorDiv => {
                if b.known_int().is_none_or(|divisor| divisor == -1) {
                    let (least, ones) = (self.i64(IntTy::I64.min()), self.i64(-1));
                    let (least, ones) = (self.cmp(Cmp::Eq, a, &least), self.cmp(Cmp::Eq, b, &ones));
                    let bad = self.and(&least, &ones);
                    self.hand_back_if(&bad, TOO_LARGE);
                }
                self.prelude("int_floordiv", &[a, b])
            }
            BinaryOp::Mod => self.prelude("int_mod", &[a, b]),
            BinaryOp::Shl | BinaryOp::Shr => self.shift(op, a, b),
            BinaryOp::Pow => self.int_power_exactly(a, b),
            BinaryOp::MatMul | BinaryOp::And | BinaryOp::Or => None,
        }
    }

    /// `+`, `-` or `*` of ints.
    pub(super) fn checked(&mut self, op: BinaryOp, a: &Val, b: &Val) -> Option<Val> {
        let always = self.bool(true);
        self.checked_where(&always, op, a, b)
    }

    /// The same, which hands back only where `cond` holds; elsewhere the result is not looked at.
    fn checked_where(&mut self, cond: &Val, op: BinaryOp, a: &Val, b: &Val) -> Option<Val> {
        if let (Some(x), Some(y)) = (a.known_int(), b.known_int()) {
            let folded = match op {
                BinaryOp::Add => x.checked_add(y),
                BinaryOp::Sub => x.checked_sub(y),
                _ => x.checked_mul(y),
            };
            if let Some(value) = folded.filter(|value| i64::try_from(*value).is_ok()) {
                return Some(self.i64(value));
            }
        }
        let test = match op {
            BinaryOp::Add => Intrinsic::AddOverflows,
            BinaryOp::Sub => Intrinsic::SubOverflows,
            _ => Intrinsic::MulOverflows,
        };
        let overflows = self.intrinsic(Type::Bool, test, &[a, b]);
        let bad = self.and(&overflows, cond);
        self.hand_back_if(&bad, TOO_LARGE);
        Some(self.op2(machine(op)?, a, b))
    }

    /// Hands back if the int (where `cond` holds) is beyond those that floats hold: CPython rounds the quotient of two
    /// ints once, and here each would be rounded before.
    fn hand_back_if_inexact(&mut self, int: &Val, cond: Option<&Val>) {
        if int.known_int().is_some_and(|value| value.abs() <= LAST_EXACT) {
            return;
        }
        let (low, high) = (self.i64(-LAST_EXACT), self.i64(LAST_EXACT));
        let (below, above) = (self.cmp(Cmp::Lt, int, &low), self.cmp(Cmp::Gt, int, &high));
        let outside = self.op2(Machine::Or, &below, &above);
        let bad = match cond {
            Some(cond) => self.and(&outside, cond),
            None => outside,
        };
        self.hand_back_if(&bad, "ints beyond 2**53 are divided");
    }

    /// True division of floats.
    pub(super) fn quotient(&mut self, a: &Val, b: &Val) -> Val {
        if !b.known_nonzero() {
            let zero = self.float(&Type::FLOAT64, 0.0);
            let bad = self.cmp(Cmp::Eq, b, &zero);
            self.hand_back_if(&bad, BY_ZERO);
        }
        self.op2(Machine::Div, a, b)
    }

    /// `a << b`, `a >> b`.
    fn shift(&mut self, op: BinaryOp, a: &Val, b: &Val) -> Option<Val> {
        let (zero, most) = (self.i64(0), self.i64(63));
        let negative = self.cmp(Cmp::Lt, b, &zero);
        self.hand_back_if(&negative, "a shift by a negative count");
        let beyond = self.cmp(Cmp::Gt, b, &most);
        let count = self.choose(&beyond, &most, b);
        if op == BinaryOp::Shr {
            // What is left of any int after 63 places is its sign.
            return Some(self.op2(Machine::Shr, a, &count));
        }
        let shifted = self.op2(Machine::Shl, a, &count);
        let back = self.op2(Machine::Shr, &shifted, &count);
        let differs = self.cmp(Cmp::Ne, &back, a);
        let bad = self.op2(Machine::Or, &differs, &beyond);
        self.hand_back_if(&bad, TOO_LARGE);
        Some(shifted)
    }

    /// `a ** b` of ints; a float if `b` is known to be negative.
    fn int_power_exactly(&mut self, a: &Val, b: &Val) -> Option<Val> {
        match b.known_int() {
            Some(power) if power < 0 => {
                let (a, b) = (self.convert(a, &Type::FLOAT64)?, self.convert(b, &Type::FLOAT64)?);
                self.exact_power(&a, &b)
            }
            Some(power) if power <= MAX_STATIC_POWER => {
                let (mut result, mut square, mut rest) = (None, a.clone(), power);
                // A square that is needed is no larger than the result, so it outgrows 64 bits only if that does.
                while rest > 0 {
                    if rest & 1 == 1 {
                        result = Some(match &result {
                            None => square.clone(),
                            Some(result) => self.checked(BinaryOp::Mul, result, &square)?,
                        });
                    }
                    rest >>= 1;
                    if rest > 0 {
                        square = self.checked(BinaryOp::Mul, &square, &square)?;
                    }
                }
                Some(result.unwrap_or_else(|| self.i64(1)))
            }
            _ => self.prelude("int_pow_checked", &[a, b]),
        }
    }

    /// `a ** b` of floats.
    ///
    /// CPython treats special operands itself and leaves the rest to the C library's `pow`. Where the result is a normal
    /// number the two agree for all operands. An infinity, a NaN (a complex result, too) and what underflows, of which
    /// CPython makes an error or a number by the library's `errno`, are left to it; but not the powers of zero.
    pub(super) fn exact_power(&mut self, a: &Val, b: &Val) -> Option<Val> {
        let power = self.libm("pow", &[a, b]);
        let float = Type::FLOAT64;
        let size = self.intrinsic(float.clone(), Intrinsic::Fabs, &[&power]);
        let (least, infinity) = (self.float(&float, f64::MIN_POSITIVE), self.float(&float, f64::INFINITY));
        let zero = self.float(&float, 0.0);
        let (above, below) = (self.cmp(Cmp::Ge, &size, &least), self.cmp(Cmp::Lt, &size, &infinity));
        let normal = self.op2(Machine::And, &above, &below);
        let (base, rising) = (self.cmp(Cmp::Eq, a, &zero), self.cmp(Cmp::Gt, b, &zero));
        let of_zero = self.op2(Machine::And, &base, &rising);
        let good = self.op2(Machine::Or, &normal, &of_zero);
        let bad = self.not(&good);
        self.hand_back_if(&bad, "a power of floats is no normal number");
        Some(power)
    }

    /// The C library's own function, which the interpreter calls, too.
    pub(super) fn libm(&mut self, name: &str, args: &[&Val]) -> Val {
        let function = format!("ungil_rt_libm_{name}").into();
        self.bind(Type::FLOAT64, Op::Libm(function, args.iter().map(|arg| arg.id).collect()))
    }
}
