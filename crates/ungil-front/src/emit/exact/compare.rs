//! Comparisons of numbers, exactly: an int with a float by value.

use ungil_ir::Type;
use ungil_ir::diagnostic::Span;
use ungil_ir::ir::{BinaryOp as Machine, CompareOp as Cmp};

use super::super::{Emitter, Val};

impl Emitter<'_, '_> {
    /// Bools, ints, floats, and what may be an int or a float.
    pub(in super::super) fn exact_numbers(&mut self, op: Cmp, a: &Val, b: &Val) -> Val {
        if let (Some(x), Some(y)) = (a.known_int(), b.known_int()) {
            return self.bool(match op {
                Cmp::Eq => x == y,
                Cmp::Ne => x != y,
                Cmp::Lt => x < y,
                Cmp::Le => x <= y,
                Cmp::Gt => x > y,
                Cmp::Ge => x >= y,
            });
        }
        if a.ty == Type::Number {
            let (tag, int, float) = (self.field(a, 0), self.field(a, 1), self.field(a, 2));
            let (int, float) = (self.exact_numbers(op, &int, b), self.exact_numbers(op, &float, b));
            return self.pick(&tag, &int, &float);
        }
        if b.ty == Type::Number {
            return self.exact_numbers(mirrored(op), b, a);
        }
        match (&a.ty, &b.ty) {
            (Type::Float(_), Type::Float(_)) => self.cmp(op, a, b),
            (Type::Float(_), _) => self.int_with_float(mirrored(op), b, a),
            (_, Type::Float(_)) => self.int_with_float(op, a, b),
            _ => match self.int_part(a).zip(self.int_part(b)) {
                Some((a, b)) => self.cmp(op, &a, &b),
                None => self.bool(false),
            },
        }
    }

    /// Rounding keeps the order: if the rounded int and the float differ, they differ as the int and the float do. If they
    /// are the same, the float is a whole number, and ints are compared.
    fn int_with_float(&mut self, op: Cmp, int: &Val, float: &Val) -> Val {
        let Some((int, rounded)) = self.int_part(int).zip(self.convert(int, &Type::FLOAT64)) else {
            return self.bool(false);
        };
        let by_rounded = self.cmp(op, &rounded, float);
        if int.known_int().is_some_and(|value| value.abs() <= 1 << 53) {
            return by_rounded;
        }
        let same = self.cmp(Cmp::Eq, &rounded, float);
        // Saturates at the greatest int, and only 2.0**63, which every int is below, is beyond it.
        let Some(whole) = self.convert(float, &Type::INT64) else { return by_rounded };
        let top = self.float(&Type::FLOAT64, 9_223_372_036_854_775_808.0);
        let beyond = self.cmp(Cmp::Ge, float, &top);
        let by_value = self.cmp(op, &int, &whole);
        let below = self.bool(matches!(op, Cmp::Lt | Cmp::Le | Cmp::Ne));
        let by_value = self.choose(&beyond, &below, &by_value);
        self.choose(&same, &by_value, &by_rounded)
    }

    /// `a == b` where Python asks first whether the two are one object, as between elements: a NaN is equal to itself there.
    pub(in super::super) fn equal_elements(&mut self, a: &Val, b: &Val, span: Span) -> Option<Val> {
        if self.is_exact() {
            self.hand_back_if_both_nan(a, b);
        }
        self.equal(a, b, span)
    }

    fn hand_back_if_both_nan(&mut self, a: &Val, b: &Val) {
        let inner = |this: &mut Self, val: &Val| match &val.ty {
            Type::Optional(_) => this.field(val, 1),
            _ => val.clone(),
        };
        let (a, b) = (inner(self, a), inner(self, b));
        let mut is_nan = |val: &Val| {
            let float = match val.ty {
                Type::Float(_) => val.clone(),
                Type::Number => self.field(val, 2),
                _ => return None,
            };
            Some(self.cmp(Cmp::Ne, &float, &float))
        };
        if let Some((a, b)) = is_nan(&a).zip(is_nan(&b)) {
            let both = self.op2(Machine::And, &a, &b);
            self.hand_back_if(&both, "two NaNs are compared as elements, which may be one object");
        }
    }
}

/// The comparison that says the same with its operands exchanged.
const fn mirrored(op: Cmp) -> Cmp {
    match op {
        Cmp::Lt => Cmp::Gt,
        Cmp::Le => Cmp::Ge,
        Cmp::Gt => Cmp::Lt,
        Cmp::Ge => Cmp::Le,
        Cmp::Eq | Cmp::Ne => op,
    }
}
