//! Comparisons: of numbers (an `int64` with a `uint64` by value, not by bits), tuples, `None` and compile-time objects.

use ungil_ir::diagnostic::Span;
use ungil_ir::ir::{BinaryOp as Machine, CompareOp as Cmp};
use ungil_ir::{IntTy, Type};

use super::{Emitter, Val};
use crate::hir::CompareOp;
use crate::host::Constant;
use crate::typing;

impl Emitter<'_, '_> {
    /// One link of a comparison chain.
    pub(super) fn compare_op(&mut self, op: CompareOp, a: &Val, b: &Val, span: Span) -> Option<Val> {
        match op {
            CompareOp::Is => self.identity(a, b, span),
            CompareOp::IsNot => {
                let same = self.identity(a, b, span)?;
                Some(self.not(&same))
            }
            CompareOp::In => self.contains(b, a, span),
            CompareOp::NotIn => {
                let found = self.contains(b, a, span)?;
                Some(self.not(&found))
            }
            CompareOp::Eq => self.equal(a, b, span),
            CompareOp::Ne => {
                // Of floats `Ne` is not the negation in machine terms only where NaN is unordered: `not (a == b)` is right.
                let same = self.equal(a, b, span)?;
                Some(self.not(&same))
            }
            CompareOp::Lt => self.ordered(Cmp::Lt, a, b, span),
            CompareOp::Le => self.ordered(Cmp::Le, a, b, span),
            CompareOp::Gt => self.ordered(Cmp::Gt, a, b, span),
            CompareOp::Ge => self.ordered(Cmp::Ge, a, b, span),
        }
    }

    /// `a == b`; false between kinds of things that are never equal.
    pub(super) fn equal(&mut self, a: &Val, b: &Val, span: Span) -> Option<Val> {
        if self.is_exact() {
            self.check_comparable(a, b, span)?;
        }
        match (&a.ty, &b.ty) {
            (Type::None, Type::None) => Some(self.bool(true)),
            (Type::None, Type::Optional(_)) => {
                let present = self.field(b, 0);
                Some(self.not(&present))
            }
            (Type::Optional(_), Type::None) => {
                let present = self.field(a, 0);
                Some(self.not(&present))
            }
            (Type::Optional(_), Type::Optional(_)) => {
                let (here, there) = (self.field(a, 0), self.field(b, 0));
                let (x, y) = (self.field(a, 1), self.field(b, 1));
                let both = self.op2(Machine::And, &here, &there);
                let alike = self.equal(&x, &y, span)?;
                let equal = self.op2(Machine::And, &both, &alike);
                let either = self.op2(Machine::Or, &here, &there);
                let neither = self.not(&either);
                Some(self.op2(Machine::Or, &equal, &neither))
            }
            (Type::Optional(_), _) => {
                let (present, value) = (self.field(a, 0), self.field(a, 1));
                let equal = self.equal(&value, b, span)?;
                Some(self.op2(Machine::And, &present, &equal))
            }
            (_, Type::Optional(_)) => self.equal(b, a, span),
            (Type::Tuple(x), Type::Tuple(y)) if x.len() == y.len() => {
                let mut all = self.bool(true);
                for index in 0..x.len() {
                    let (x, y) = (self.field(a, index), self.field(b, index));
                    let equal = self.equal_elements(&x, &y, span)?;
                    all = self.both(&all, &equal);
                }
                Some(all)
            }
            (Type::Complex(_), other) | (other, Type::Complex(_)) if other.is_number() => {
                let (x, y) = self.unified(a, b)?;
                let (re_x, re_y) = (self.field(&x, 0), self.field(&y, 0));
                let (im_x, im_y) = (self.field(&x, 1), self.field(&y, 1));
                let real = self.cmp(Cmp::Eq, &re_x, &re_y);
                let imag = self.cmp(Cmp::Eq, &im_x, &im_y);
                Some(self.op2(Machine::And, &real, &imag))
            }
            (x, y) if is_numeric(x) && is_numeric(y) => Some(self.numbers(Cmp::Eq, a, b)),
            (Type::Object(..), Type::Object(..)) => Some(self.bool(same_object(a, b))),
            (Type::Range(_), Type::Range(_)) => {
                let error = self.unsupported("range-comparison", span, "ranges cannot be compared");
                self.report(error.with_help("compare their bounds"))
            }
            _ => Some(self.bool(false)),
        }
    }

    /// `a < b` and the like.
    fn ordered(&mut self, op: Cmp, a: &Val, b: &Val, span: Span) -> Option<Val> {
        let (a, b) = (&self.present(a), &self.present(b));
        match (&a.ty, &b.ty) {
            (Type::Complex(_), _) | (_, Type::Complex(_)) => self.no_order(op, a, b, span),
            (x, y) if is_numeric(x) && is_numeric(y) => Some(self.numbers(op, a, b)),
            (Type::Tuple(x), Type::Tuple(y)) => self.tuples(op, a, b, x.len().min(y.len()), span),
            _ => self.no_order(op, a, b, span),
        }
    }

    /// Lexicographic: the first elements that differ decide, or the lengths.
    fn tuples(&mut self, op: Cmp, a: &Val, b: &Val, common: usize, span: Span) -> Option<Val> {
        let (x, y) = (a.ty.fields().len(), b.ty.fields().len());
        let mut result = self.bool(match op {
            Cmp::Lt => x < y,
            Cmp::Le => x <= y,
            Cmp::Gt => x > y,
            _ => x >= y,
        });
        let strict = if matches!(op, Cmp::Lt | Cmp::Le) { Cmp::Lt } else { Cmp::Gt };
        for index in (0..common).rev() {
            let (x, y) = (self.field(a, index), self.field(b, index));
            let equal = self.equal_elements(&x, &y, span)?;
            let decides = self.ordered(strict, &x, &y, span)?;
            result = self.choose(&equal, &result, &decides);
        }
        Some(result)
    }

    fn no_order(&mut self, op: Cmp, a: &Val, b: &Val, span: Span) -> Option<Val> {
        let symbol = match op {
            Cmp::Lt => "<",
            Cmp::Le => "<=",
            Cmp::Gt => ">",
            _ => ">=",
        };
        let (left, right) = (self.type_name(&a.ty), self.type_name(&b.ty));
        let error =
            self.typing("no-operator", span, format!("`{symbol}` does not apply to {left} and {right}"));
        let error = error.with_text(format!("{left} {symbol} {right}")).with_help(self.order_help(a, b));
        self.report_on(error, &[a, b])
    }

    /// Bools, integers and floats.
    fn numbers(&mut self, op: Cmp, a: &Val, b: &Val) -> Val {
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
        if self.is_exact() {
            return self.exact_numbers(op, a, b);
        }
        let converted = match (&a.ty, &b.ty) {
            (Type::Float(_), _) | (_, Type::Float(_)) => self.unified(a, b),
            (Type::Int(x), Type::Int(y)) if x.signed != y.signed => return self.mixed(op, a, b, *x, *y),
            // A bool is 0 or 1 in every type; in arithmetic's, which is signed, a large `uint64` would be negative.
            (int @ Type::Int(_), Type::Bool) | (Type::Bool, int @ Type::Int(_)) => {
                self.convert(a, int).zip(self.convert(b, int))
            }
            _ => {
                let ty = Type::Int(typing::integer_result(&[&a.ty, &b.ty]));
                self.convert(a, &ty).zip(self.convert(b, &ty))
            }
        };
        match converted {
            Some((a, b)) => self.cmp(op, &a, &b),
            None => self.bool(false),
        }
    }

    /// A signed with an unsigned integer, by value.
    fn mixed(&mut self, op: Cmp, a: &Val, b: &Val, x: IntTy, y: IntTy) -> Val {
        let unsigned = if x.signed { y } else { x };
        let common = if unsigned.bits < 64 { Type::INT64 } else { Type::UINT64 };
        let (Some(wide_a), Some(wide_b)) = (self.convert(a, &common), self.convert(b, &common)) else {
            return self.bool(false);
        };
        let by_bits = self.cmp(op, &wide_a, &wide_b);
        if common == Type::INT64 {
            return by_bits;
        }
        // A negative number is below every unsigned one.
        let signed = if x.signed { a } else { b };
        let zero = self.zero(&signed.ty);
        let negative = self.cmp(Cmp::Lt, signed, &zero);
        let below = self.bool(match op {
            Cmp::Eq => false,
            Cmp::Ne => true,
            Cmp::Lt | Cmp::Le => x.signed,
            Cmp::Gt | Cmp::Ge => !x.signed,
        });
        self.choose(&negative, &below, &by_bits)
    }

    /// `a is b`.
    fn identity(&mut self, a: &Val, b: &Val, span: Span) -> Option<Val> {
        match (&a.ty, &b.ty) {
            (Type::None | Type::Optional(_), Type::None | Type::Optional(_)) => self.equal(a, b, span),
            (Type::None, _) | (_, Type::None) => Some(self.bool(false)),
            (Type::Object(..), Type::Object(..)) if !self.is_exact() => Some(self.bool(same_object(a, b))),
            (Type::Bool, Type::Bool) => self.equal(a, b, span),
            _ => {
                let error = self
                    .unsupported("identity", span, "`is` compares with `None`, bools and functions only")
                    .with_text(format!("compares {} with {}", self.type_name(&a.ty), self.type_name(&b.ty)))
                    .with_help("use `==`");
                self.report_on(error, &[a, b])
            }
        }
    }

    /// `element in container`.
    fn contains(&mut self, container: &Val, element: &Val, span: Span) -> Option<Val> {
        let Type::Tuple(parts) = &container.ty else {
            let name = self.type_name(&container.ty);
            let error = self.typing("no-operator", span, format!("`in` does not apply to {name}"));
            let help = match container.ty {
                Type::Range(_) => "`in` searches a tuple: compare with the bounds, `start <= x < stop`",
                _ => "`in` searches a tuple",
            };
            return self.report_on(error.with_help(help), &[container]);
        };
        let mut found = self.bool(false);
        for index in 0..parts.len() {
            let part = self.field(container, index);
            let equal = self.equal_elements(&part, element, span)?;
            found = match (found.known_bool(), equal.known_bool()) {
                (Some(false), _) => equal,
                (_, Some(false)) => found,
                _ => self.op2(Machine::Or, &found, &equal),
            };
        }
        Some(found)
    }

    fn both(&mut self, a: &Val, b: &Val) -> Val {
        match (a.known_bool(), b.known_bool()) {
            (Some(true), _) => b.clone(),
            (_, Some(true)) => a.clone(),
            (Some(false), _) | (_, Some(false)) => self.bool(false),
            _ => self.op2(Machine::And, a, b),
        }
    }
}

/// Whether values of the type are compared as numbers.
fn is_numeric(ty: &Type) -> bool {
    ty.is_number() || *ty == Type::Number
}

fn same_object(a: &Val, b: &Val) -> bool {
    match (&a.known, &b.known) {
        (Some(Constant::Str(x)), Some(Constant::Str(y))) => x == y,
        _ => a.ty == b.ty,
    }
}
