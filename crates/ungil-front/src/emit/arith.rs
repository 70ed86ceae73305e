//! Operators on numbers and tuples: numba's result types, Python's meanings, wrapping integers.

use ungil_ir::diagnostic::Span;
use ungil_ir::ir::{BinaryOp as Machine, CompareOp, Intrinsic, UnaryOp as MachineUnary};
use ungil_ir::{IntTy, Type};

use super::{Emitter, Val};
use crate::hir::{BinaryOp, UnaryOp};
use crate::host::{Constant, ErrorModel};
use crate::typing;

/// Powers by a constant up to this are multiplied out, as numba does; beyond, the chain loses more accuracy than `pow`.
const MAX_STATIC_POWER: u128 = 64;

impl Emitter<'_, '_> {
    /// `+a`, `-a`, `~a`.
    pub(super) fn unary_op(&mut self, op: UnaryOp, a: &Val, span: Span) -> Option<Val> {
        let a = &self.present(a);
        if self.is_exact() {
            return self.exact_unary(op, a, span);
        }
        match (op, &a.ty) {
            // NumPy's rule, which numba follows: the complement of a bool is a bool.
            (UnaryOp::Invert, Type::Bool) => Some(self.not(a)),
            (_, Type::Bool | Type::Int(_)) => {
                let ty = typing::integer_result(&[&a.ty]);
                let wide = self.convert(a, &Type::Int(ty))?;
                let known = wide.known_int().map(|value| match op {
                    UnaryOp::Pos => value,
                    UnaryOp::Neg => ty.wrap(-value),
                    UnaryOp::Invert => ty.wrap(!value),
                });
                if let Some(value) = known {
                    return Some(self.int(ty, value));
                }
                Some(match op {
                    UnaryOp::Pos => wide,
                    UnaryOp::Neg => self.unary(MachineUnary::Neg, &wide),
                    UnaryOp::Invert => self.unary(MachineUnary::Invert, &wide),
                })
            }
            (UnaryOp::Pos, Type::Float(_) | Type::Complex(_)) => Some(a.clone()),
            (UnaryOp::Neg, Type::Float(_)) => Some(match &a.known {
                Some(Constant::Float(value)) => self.float(&a.ty, -value),
                _ => self.unary(MachineUnary::Neg, a),
            }),
            (UnaryOp::Neg, Type::Complex(_)) => {
                let parts = [self.field(a, 0), self.field(a, 1)];
                let parts = parts.iter().map(|part| self.unary(MachineUnary::Neg, part)).collect();
                Some(self.aggregate(a.ty.clone(), parts))
            }
            _ => self.no_unary(op, a, span),
        }
    }

    /// Reports that the operator does not apply.
    pub(super) fn no_unary(&mut self, op: UnaryOp, a: &Val, span: Span) -> Option<Val> {
        let sign = match op {
            UnaryOp::Pos => "+",
            UnaryOp::Neg => "-",
            UnaryOp::Invert => "~",
        };
        let name = self.type_name(&a.ty);
        let error = self.typing("no-operator", span, format!("`{sign}` does not apply to {name}"));
        let help = match (op, &a.ty) {
            (UnaryOp::Invert, Type::Float(_)) => "bits are of integers: convert with `int(x)`",
            _ => "it works on numbers",
        };
        self.report_on(error.with_text(format!("operand of type {name}")).with_help(help), &[a])
    }

    /// `a + b` and the like.
    pub(super) fn binary_op(&mut self, op: BinaryOp, a: &Val, b: &Val, span: Span) -> Option<Val> {
        let (a, b) = (&self.present(a), &self.present(b));
        if matches!(op, BinaryOp::And | BinaryOp::Or) {
            return self.logical(op, a, b, span);
        }
        if let (BinaryOp::Add, Type::Tuple(x), Type::Tuple(y)) = (op, &a.ty, &b.ty) {
            let mut parts: Vec<Val> = (0..x.len()).map(|index| self.field(a, index)).collect();
            parts.extend((0..y.len()).map(|index| self.field(b, index)));
            return self.tuple(parts, span);
        }
        // Only what happens from here on can excuse that there is no result.
        let (blocked, told) = (self.blocked.take(), self.findings.len());
        let done = if self.is_exact() {
            self.exact_binary(op, a, b, span)
        } else if a.ty.is_number() && b.ty.is_number() {
            match (&a.ty, &b.ty) {
                (Type::Complex(_), _) | (_, Type::Complex(_)) => self.complex_op(op, a, b),
                (Type::Float(_), _) | (_, Type::Float(_)) => self.float_op(op, a, b),
                _ => self.int_op(op, a, b),
            }
        } else {
            None
        };
        let is_unknown = self.blocked.is_some() || self.findings.len() > told;
        self.blocked = blocked.or(self.blocked);
        if done.is_some() || is_unknown {
            return done;
        }
        let (left, right) = (self.type_name(&a.ty), self.type_name(&b.ty));
        let error = self
            .typing("no-operator", span, format!("`{}` does not apply to {left} and {right}", symbol(op)))
            .with_text(format!("{left} {} {right}", symbol(op)))
            .with_help(self.operator_help(op, a, b));
        self.report_on(error, &[a, b])
    }

    fn logical(&mut self, op: BinaryOp, a: &Val, b: &Val, span: Span) -> Option<Val> {
        let (a, b) = (self.truth(a, span)?, self.truth(b, span)?);
        Some(self.op2(machine(op)?, &a, &b))
    }

    /// Bools and integers.
    fn int_op(&mut self, op: BinaryOp, a: &Val, b: &Val) -> Option<Val> {
        let both_bool = a.ty == Type::Bool && b.ty == Type::Bool;
        match op {
            BinaryOp::BitAnd | BinaryOp::BitOr | BinaryOp::BitXor if both_bool => {
                return Some(self.op2(machine(op)?, a, b));
            }
            BinaryOp::Div => {
                let a = self.convert(a, &Type::FLOAT64)?;
                let b = self.convert(b, &Type::FLOAT64)?;
                return Some(self.divide(&a, &b, "division by zero"));
            }
            // The count does not widen what is shifted.
            BinaryOp::Shl | BinaryOp::Shr => {
                let ty = typing::integer_result(&[&a.ty]);
                let a = self.convert(a, &Type::Int(ty))?;
                let b = self.convert(b, &Type::INT64)?;
                if let Some(count) = b.known_int()
                    && (0..i128::from(ty.bits)).contains(&count)
                {
                    let count = self.int(ty, count);
                    return Some(self.op2(machine(op)?, &a, &count));
                }
                let name = if op == BinaryOp::Shl { "int_shl" } else { "int_shr" };
                return self.prelude(name, &[&a, &b]);
            }
            _ => {}
        }
        let ty = typing::integer_result(&[&a.ty, &b.ty]);
        let a = &self.convert(a, &Type::Int(ty))?;
        let b = &self.convert(b, &Type::Int(ty))?;
        if let (Some(x), Some(y)) = (a.known_int(), b.known_int()) {
            let folded = match op {
                BinaryOp::Add => Some(x + y),
                BinaryOp::Sub => Some(x - y),
                BinaryOp::Mul => x.checked_mul(y),
                _ => None,
            };
            if let Some(value) = folded {
                return Some(self.int(ty, value));
            }
        }
        match op {
            BinaryOp::Add
            | BinaryOp::Sub
            | BinaryOp::Mul
            | BinaryOp::BitAnd
            | BinaryOp::BitOr
            | BinaryOp::BitXor => Some(self.op2(machine(op)?, a, b)),
            BinaryOp::FloorDiv => self.by_model("int_floordiv", a, b),
            BinaryOp::Mod => self.by_model("int_mod", a, b),
            BinaryOp::Pow => self.int_power(a, b, ty),
            _ => None,
        }
    }

    fn int_power(&mut self, a: &Val, b: &Val, ty: IntTy) -> Option<Val> {
        match b.known_int() {
            Some(power) if (0..=MAX_STATIC_POWER as i128).contains(&power) => {
                let one = self.int(ty, 1);
                Some(self.repeated(a, power as u128, one))
            }
            _ => self.prelude("int_pow", &[a, b]),
        }
    }

    /// At least one is a float, none complex.
    fn float_op(&mut self, op: BinaryOp, a: &Val, b: &Val) -> Option<Val> {
        let ty = match (op, &a.ty, &b.ty) {
            // Numba raises a float to an integer in the float's own type.
            (BinaryOp::Pow, Type::Float(_), Type::Int(_)) => a.ty.clone(),
            _ => Type::Float(typing::float_operation(&a.ty, &b.ty)),
        };
        if op == BinaryOp::Pow
            && let Some(power) = b.known_int()
            && matches!(b.ty, Type::Int(_))
            && power.unsigned_abs() <= MAX_STATIC_POWER
        {
            let base = self.convert(a, &ty)?;
            return Some(self.float_static_power(&base, power));
        }
        let a = &self.convert(a, &ty)?;
        let b = &self.convert(b, &ty)?;
        match op {
            BinaryOp::Add | BinaryOp::Sub | BinaryOp::Mul => Some(self.op2(machine(op)?, a, b)),
            BinaryOp::Div => Some(self.divide(a, b, "float division by zero")),
            BinaryOp::FloorDiv => self.wide(&ty, "float_floordiv", a, b),
            BinaryOp::Mod => self.wide(&ty, "float_mod", a, b),
            BinaryOp::Pow => self.float_power(a, b),
            _ => None,
        }
    }

    /// `a ** b` of floats. With `fastmath`, a small constant power of halves is products and a square root: at most 4 ULP off.
    pub(super) fn float_power(&mut self, a: &Val, b: &Val) -> Option<Val> {
        let halves = match b.known {
            Some(Constant::Float(power)) if self.options.fastmath.afn && power.abs() <= 4.5 => 2.0 * power,
            _ => f64::NAN,
        };
        if halves.fract() != 0.0 {
            return self.float_function("pow", &[a, b]);
        }
        let ty = Self::meeting(&[a, b]);
        let base = self.convert(a, &ty)?;
        let one = self.float(&ty, 1.0);
        let whole = (halves.abs() / 2.0) as u128;
        let mut result = self.repeated(&base, whole, one.clone());
        if halves.abs() % 2.0 == 1.0 {
            let root = self.intrinsic(ty, Intrinsic::Sqrt, &[&base]);
            result = if whole == 0 { root } else { self.op2(Machine::Mul, &result, &root) };
        }
        Some(if halves < 0.0 { self.op2(Machine::Div, &one, &result) } else { result })
    }

    fn float_static_power(&mut self, base: &Val, power: i128) -> Val {
        let one = self.float(&base.ty, 1.0);
        let result = self.repeated(base, power.unsigned_abs(), one.clone());
        if power >= 0 {
            return result;
        }
        if self.options.error_model == ErrorModel::Python {
            let zero = self.zero(&base.ty);
            let bad = self.cmp(CompareOp::Eq, base, &zero);
            let bad = self.unlikely(&bad);
            self.raise_if(&bad, "ZeroDivisionError", "0.0 cannot be raised to a negative power");
        }
        self.op2(Machine::Div, &one, &result)
    }

    /// `base ** power` by squaring.
    fn repeated(&mut self, base: &Val, power: u128, one: Val) -> Val {
        let (mut result, mut square, mut rest) = (None, base.clone(), power);
        while rest > 0 {
            if rest & 1 == 1 {
                result = Some(match &result {
                    None => square.clone(),
                    Some(result) => self.op2(Machine::Mul, result, &square),
                });
            }
            rest >>= 1;
            if rest > 0 {
                square = self.op2(Machine::Mul, &square, &square);
            }
        }
        result.unwrap_or(one)
    }

    /// At least one is complex.
    fn complex_op(&mut self, op: BinaryOp, a: &Val, b: &Val) -> Option<Val> {
        let ty = Type::Complex(typing::float_operation(&a.ty, &b.ty));
        let a = &self.convert(a, &ty)?;
        let b = &self.convert(b, &ty)?;
        match op {
            BinaryOp::Add | BinaryOp::Sub => {
                let op = machine(op)?;
                let parts = (0..2)
                    .map(|index| {
                        let (x, y) = (self.field(a, index), self.field(b, index));
                        self.op2(op, &x, &y)
                    })
                    .collect();
                Some(self.aggregate(ty, parts))
            }
            BinaryOp::Mul => self.prelude("complex_mul", &[a, b]),
            BinaryOp::Div => self.wide(&ty, "complex_div", a, b),
            BinaryOp::Pow => self.wide(&ty, "complex_pow", a, b),
            _ => None,
        }
    }

    /// True division of floats.
    fn divide(&mut self, a: &Val, b: &Val, message: &str) -> Val {
        if self.options.error_model == ErrorModel::Python && !b.known_nonzero() {
            let zero = self.zero(&b.ty);
            let bad = self.cmp(CompareOp::Eq, b, &zero);
            let bad = self.unlikely(&bad);
            self.raise_if(&bad, "ZeroDivisionError", message);
        }
        self.op2(Machine::Div, a, b)
    }

    /// A function of the prelude on the widest floats, its result as `ty`.
    fn wide(&mut self, ty: &Type, name: &str, a: &Val, b: &Val) -> Option<Val> {
        let widest = if matches!(ty, Type::Complex(_)) { Type::COMPLEX128 } else { Type::FLOAT64 };
        let (a, b) = (self.convert(a, &widest)?, self.convert(b, &widest)?);
        let result = self.by_model(name, &a, &b)?;
        self.convert(&result, ty)
    }

    /// A function of the prelude that has a form for each error model.
    fn by_model(&mut self, name: &str, a: &Val, b: &Val) -> Option<Val> {
        match self.options.error_model {
            ErrorModel::Python => self.prelude(name, &[a, b]),
            ErrorModel::Numpy => self.prelude(&format!("{name}_numpy"), &[a, b]),
        }
    }
}

/// The machine's operation for an operator that has one on every type it is asked for.
pub(super) const fn machine(op: BinaryOp) -> Option<Machine> {
    Some(match op {
        BinaryOp::Add => Machine::Add,
        BinaryOp::Sub => Machine::Sub,
        BinaryOp::Mul => Machine::Mul,
        BinaryOp::Shl => Machine::Shl,
        BinaryOp::Shr => Machine::Shr,
        BinaryOp::BitAnd | BinaryOp::And => Machine::And,
        BinaryOp::BitOr | BinaryOp::Or => Machine::Or,
        BinaryOp::BitXor => Machine::Xor,
        BinaryOp::Div | BinaryOp::FloorDiv | BinaryOp::Mod | BinaryOp::Pow | BinaryOp::MatMul => return None,
    })
}

pub(super) const fn symbol(op: BinaryOp) -> &'static str {
    match op {
        BinaryOp::Add => "+",
        BinaryOp::Sub => "-",
        BinaryOp::Mul => "*",
        BinaryOp::Div => "/",
        BinaryOp::FloorDiv => "//",
        BinaryOp::Mod => "%",
        BinaryOp::Pow => "**",
        BinaryOp::Shl => "<<",
        BinaryOp::Shr => ">>",
        BinaryOp::BitAnd => "&",
        BinaryOp::BitOr => "|",
        BinaryOp::BitXor => "^",
        BinaryOp::MatMul => "@",
        BinaryOp::And => "and",
        BinaryOp::Or => "or",
    }
}
