//! Python's builtin functions, exactly: those whose compiled meaning is the interpreter's.

use std::sync::Arc;

use ungil_ir::Type;
use ungil_ir::diagnostic::Span;
use ungil_ir::ir::{CompareOp as Cmp, Intrinsic, UnaryOp as MachineUnary};

use super::super::builtins::Keywords;
use super::super::{Emitter, Val};
use crate::hir::BinaryOp;

impl Emitter<'_, '_> {
    /// A call of something that the compiler itself knows.
    pub(in super::super) fn exact_builtin(
        &mut self,
        name: &Arc<str>,
        args: &[Val],
        keywords: &Keywords,
        span: Span,
    ) -> Option<Val> {
        let (module, short) = name.rsplit_once('.').unwrap_or(("", name));
        match (module, short, args) {
            ("math", ..) => self.exact_math(short, args, span),
            ("builtins", "round", [a]) if keywords.is_empty() => {
                let a = self.present(a);
                self.to_int(&a, Some(Intrinsic::Rint), "round", span)
            }
            ("builtins", "int", [a]) => {
                let a = self.present(a);
                self.to_int(&a, None, "int", span)
            }
            ("builtins", "float", [a]) => {
                let a = self.present(a);
                if is_real(&a.ty) { self.as_float(&a) } else { self.wrong_arguments("float", args, span) }
            }
            // Since 3.12 floats are summed with their rounding errors.
            ("builtins", "sum", [a, rest @ ..]) => {
                let start = rest.iter().chain(keywords.iter().map(|(_, val)| val));
                let is_whole = |ty: &Type| matches!(ty, Type::Bool | Type::Int(_));
                let parts = a.ty.fields();
                if matches!(a.ty, Type::Tuple(_))
                    && parts.iter().chain(start.map(|val| &val.ty)).all(is_whole)
                {
                    return self.python_builtin(short, args, keywords, span);
                }
                self.inexact(
                    span,
                    "`sum` of other than ints adds differently from version to version of Python",
                )
            }
            ("builtins", "isinstance", [value, _]) => {
                let is_open = match &value.ty {
                    Type::Optional(inner) => **inner == Type::Number,
                    ty => *ty == Type::Number,
                };
                if is_open {
                    return self.inexact(span, "`isinstance` asks whether a number is an int or a float");
                }
                self.python_builtin(short, args, keywords, span)
            }
            (
                "builtins",
                "abs" | "min" | "max" | "bool" | "pow" | "divmod" | "len" | "range" | "enumerate" | "zip"
                | "reversed" | "tuple" | "int" | "float",
                _,
            ) => self.python_builtin(short, args, keywords, span),
            _ => self.inexact(span, format!("`{name}` is not compiled exactly")),
        }
    }

    /// `abs(a)`.
    pub(in super::super) fn exact_abs(&mut self, a: &Val, span: Span) -> Option<Val> {
        match &a.ty {
            Type::Bool | Type::Int(_) => {
                let (a, zero) = (self.convert(a, &Type::INT64)?, self.i64(0));
                let negative = self.cmp(Cmp::Lt, &a, &zero);
                let least = self.i64(i128::from(i64::MIN));
                let bad = self.cmp(Cmp::Eq, &a, &least);
                self.hand_back_if(&bad, super::arith::TOO_LARGE);
                let flipped = self.unary(MachineUnary::Neg, &a);
                Some(self.choose(&negative, &flipped, &a))
            }
            Type::Float(_) => Some(self.intrinsic(a.ty.clone(), Intrinsic::Fabs, &[a])),
            Type::Number => {
                let (tag, int, float) = (self.field(a, 0), self.field(a, 1), self.field(a, 2));
                let (int, float) = (self.exact_abs(&int, span)?, self.exact_abs(&float, span)?);
                Some(self.aggregate(Type::Number, vec![tag, int, float]))
            }
            _ => self.wrong_arguments("abs", std::slice::from_ref(a), span),
        }
    }

    /// The int of a number, its float rounded so, or cut off.
    pub(super) fn to_int(
        &mut self,
        a: &Val,
        rounding: Option<Intrinsic>,
        name: &str,
        span: Span,
    ) -> Option<Val> {
        match &a.ty {
            Type::Bool | Type::Int(_) => self.convert(a, &Type::INT64),
            Type::Float(_) => {
                let rounded = match rounding {
                    Some(rounding) => self.intrinsic(Type::FLOAT64, rounding, &[a]),
                    None => a.clone(),
                };
                self.int_call(&rounded, span)
            }
            Type::Number => {
                let (tag, int, float) = (self.field(a, 0), self.field(a, 1), self.field(a, 2));
                let zero = self.float(&Type::FLOAT64, 0.0);
                let float = self.pick(&tag, &zero, &float);
                let float = self.to_int(&float, rounding, name, span)?;
                Some(self.pick(&tag, &int, &float))
            }
            _ => self.wrong_arguments(name, std::slice::from_ref(a), span),
        }
    }

    /// `a / b`, as the operator does it.
    pub(super) fn divided(&mut self, a: &Val, b: &Val, span: Span) -> Option<Val> {
        self.binary_op(BinaryOp::Div, a, b, span)
    }
}

/// Whether values of the type are real numbers.
pub(super) fn is_real(ty: &Type) -> bool {
    matches!(ty, Type::Bool | Type::Int(_) | Type::Float(_) | Type::Number)
}
