//! Exact mode: code that gives the interpreter's own answers ([`crate::host::Semantics::Python`]).
//!
//! Values are Python's where 64 bits hold them: an int is an `int64`, a float a `float64`, and what is the one or the
//! other, by the way that led here, a [`Type::Number`]. Invariants:
//!
//! - An operation computes what the interpreter computes, to the bit and to the type; or it *hands back*: it raises, and
//!   whoever called takes any exception as "let the interpreter run this". Nothing that is compiled has an effect, so the
//!   interpreter may start over.
//! - What is not known to be so is a diagnostic. Rules are lists of what is allowed, never of what is not.
//! - A NaN is a NaN: which one, only the sign tells, so what looks at the sign of a NaN hands back, and so does whoever
//!   receives one as the result.
//! - Code of the prelude is not exact code: only such of its functions are called as are right for all arguments.

mod arith;
mod builtins;
mod compare;
mod math;

use ungil_ir::Type;
use ungil_ir::diagnostic::Span;
use ungil_ir::ir::{BinaryOp as Machine, CompareOp as Cmp, Intrinsic};

use super::{Emitter, Val};
use crate::hir;
use crate::host::{Constant, Semantics};
use crate::typing;

/// What every refusal helps with: the program works all the same.
const HELP: &str = "the interpreter runs it: there the meaning is Python's by definition";

impl Emitter<'_, '_> {
    /// Whether this function is compiled to give the interpreter's answers.
    pub(super) fn is_exact(&self) -> bool {
        self.options.semantics == Semantics::Python
    }

    /// The one type that values of both types convert to, or none.
    pub(super) fn unify(&self, a: &Type, b: &Type) -> Option<Type> {
        if self.is_exact() { typing::unify_exactly(a, b) } else { typing::unify(a, b) }
    }

    /// Lets the interpreter run the call if `cond` holds; `why` is told to whoever asks.
    pub(super) fn hand_back_if(&mut self, cond: &Val, why: &str) {
        self.raise_if(cond, "OverflowError", why);
    }

    /// How many calls may still be active inside of one that this function makes; hands back if it may make none.
    pub(super) fn one_call_deeper(&mut self) -> Val {
        let depth = self.parameter(self.captures.len() + self.hir.params.len());
        let (zero, one) = (self.i64(0), self.i64(1));
        let bad = self.cmp(Cmp::Le, &depth, &zero);
        self.hand_back_if(&bad, "the recursion may be too deep for the interpreter");
        self.op2(Machine::Sub, &depth, &one)
    }

    /// Reports what exact code lacks.
    pub(super) fn inexact<T>(&mut self, span: Span, what: impl Into<String>) -> Option<T> {
        let error = self.unsupported("not-exact", span, what).with_help(HELP);
        self.report(error)
    }

    /// An int or a float as a value that may be either.
    pub(super) fn as_number(&mut self, val: &Val) -> Val {
        let is_int = matches!(val.ty, Type::Int(_));
        let (int, float) =
            if is_int { (val.clone(), self.float(&Type::FLOAT64, 0.0)) } else { (self.i64(0), val.clone()) };
        let tag = self.bool(is_int);
        self.aggregate(Type::Number, vec![tag, int, float])
    }

    /// A number as the float that Python makes of it beside a float.
    pub(super) fn as_float(&mut self, val: &Val) -> Option<Val> {
        if val.ty != Type::Number {
            return self.convert(val, &Type::FLOAT64);
        }
        let (tag, int, float) = (self.field(val, 0), self.field(val, 1), self.field(val, 2));
        let converted = self.convert(&int, &Type::FLOAT64)?;
        Some(self.pick(&tag, &converted, &float))
    }

    /// Whether a number is an int: known but for a [`Type::Number`].
    pub(super) fn is_int(&mut self, val: &Val) -> Val {
        match val.ty {
            Type::Number => self.field(val, 0),
            Type::Float(_) => self.bool(false),
            _ => self.bool(true),
        }
    }

    /// The int of a number that may be one: some int where it is a float.
    pub(super) fn int_part(&mut self, val: &Val) -> Option<Val> {
        match val.ty {
            Type::Number => Some(self.field(val, 1)),
            Type::Float(_) => Some(self.i64(0)),
            _ => self.convert(val, &Type::INT64),
        }
    }

    /// `a` if `cond` holds, else `b`; both have one type.
    pub(super) fn pick(&mut self, cond: &Val, a: &Val, b: &Val) -> Val {
        match cond.known_bool() {
            Some(true) => a.clone(),
            Some(false) => b.clone(),
            None => self.choose(cond, a, b),
        }
    }

    /// `a and b` of bools.
    pub(super) fn and(&mut self, a: &Val, b: &Val) -> Val {
        match (a.known_bool(), b.known_bool()) {
            (Some(false), _) | (_, Some(true)) => a.clone(),
            (_, Some(false)) | (Some(true), _) => b.clone(),
            _ => self.op2(Machine::And, a, b),
        }
    }

    /// Hands back if `a` does not lie strictly between the infinities: a NaN, too.
    pub(super) fn hand_back_unless_finite(&mut self, a: &Val, why: &str) {
        let size = self.intrinsic(Type::FLOAT64, Intrinsic::Fabs, &[a]);
        let infinity = self.float(&Type::FLOAT64, f64::INFINITY);
        let finite = self.cmp(Cmp::Lt, &size, &infinity);
        // As a guard: a loop may run its turns side by side, and look at them afterwards.
        let bad = self.not(&finite);
        let bad = self.intrinsic(Type::Bool, Intrinsic::Unlikely, &[&bad]);
        self.hand_back_if(&bad, why);
    }

    /// `bool(val)` of a value that may be an int or a float.
    pub(super) fn number_truth(&mut self, val: &Val) -> Val {
        let (tag, int, float) = (self.field(val, 0), self.field(val, 1), self.field(val, 2));
        let (zero, nought) = (self.i64(0), self.float(&Type::FLOAT64, 0.0));
        let int = self.cmp(Cmp::Ne, &int, &zero);
        let float = self.cmp(Cmp::Ne, &float, &nought);
        self.pick(&tag, &int, &float)
    }

    /// `a + b` of ints, as exact code or numba computes it.
    pub(super) fn integer_sum(&mut self, a: &Val, b: &Val) -> Val {
        if self.is_exact() {
            let overflows = self.intrinsic(Type::Bool, Intrinsic::AddOverflows, &[a, b]);
            self.hand_back_if(&overflows, arith::TOO_LARGE);
        }
        self.op2(Machine::Add, a, b)
    }

    /// A value that gets a name: an iterator that has one may be gone through in part, and Python remembers how far.
    pub(super) fn named(&mut self, value: hir::ValueId, val: Val, span: Span) -> Option<Val> {
        if !self.hir.values[value.0 as usize].name.is_empty() {
            self.check_kept(&val, span)?;
        }
        Some(val)
    }

    /// As [`Emitter::named`], for a value that is kept or handed on.
    pub(super) fn check_kept(&mut self, val: &Val, span: Span) -> Option<()> {
        if self.is_exact() && holds_iterator(&val.ty) {
            return self.inexact(span, "an iterator is used elsewhere than in the `for` that makes it");
        }
        Some(())
    }

    /// Only what has the same meaning in compiled code may come from outside or be written down.
    pub(super) fn check_constant(&mut self, constant: &Constant, span: Span) -> Option<()> {
        match constant {
            Constant::Int(value) if i64::try_from(*value).is_err() => {
                self.inexact(span, "this int does not fit 64 bits")
            }
            Constant::Complex(..) => self.inexact(span, "complex numbers are not compiled exactly"),
            Constant::Typed(..) => self.inexact(span, "numbers of NumPy's types are not compiled exactly"),
            _ => Some(()),
        }
    }

    /// Attributes of modules and of ranges; those of numbers are left to Python.
    pub(super) fn check_attribute(&mut self, value: &Val, name: &str, span: Span) -> Option<()> {
        if matches!(value.ty, Type::Object(..) | Type::Range(_)) {
            return Some(());
        }
        self.inexact(span, format!("the attribute `{name}` of a number is not compiled exactly"))
    }

    /// Functions and modules are equal if they are one object, which compiled code does not know.
    pub(super) fn check_comparable(&mut self, a: &Val, b: &Val, span: Span) -> Option<()> {
        let is_text = |val: &Val| matches!(val.known, Some(Constant::Str(_)));
        if matches!((&a.ty, &b.ty), (Type::Object(..), Type::Object(..))) && !(is_text(a) && is_text(b)) {
            return self.inexact(span, "functions are compared by identity");
        }
        if holds_iterator(&a.ty) || holds_iterator(&b.ty) {
            return self.inexact(span, "iterators are compared by identity");
        }
        Some(())
    }
}

/// Whether Python would go through a value of the type once only.
fn holds_iterator(ty: &Type) -> bool {
    match ty {
        Type::Enumerate(_) | Type::Zip(_) | Type::Reversed(_) => true,
        Type::Tuple(parts) | Type::Object(_, parts) => parts.iter().any(holds_iterator),
        Type::Optional(inner) => holds_iterator(inner),
        _ => false,
    }
}
