//! Conversions between types, and truth.

use ungil_ir::diagnostic::Span;
use ungil_ir::ir::{BinaryOp, CompareOp, Const, Op};
use ungil_ir::{FloatTy, Type};

use super::{Emitter, Val};
use crate::host::Constant;

impl Emitter<'_, '_> {
    /// `val` as a value of type `to`, to which it is known to convert (see [`crate::typing::unify`] and casts of numbers).
    pub(super) fn convert(&mut self, val: &Val, to: &Type) -> Option<Val> {
        if val.ty == *to {
            return Some(val.clone());
        }
        match (&val.ty, to) {
            (Type::None, Type::Optional(inner)) => {
                let absent = self.bool(false);
                let filler = self.zero(inner);
                Some(self.aggregate(to.clone(), vec![absent, filler]))
            }
            (Type::Optional(_), Type::Optional(inner)) => {
                let present = self.field(val, 0);
                let value = self.field(val, 1);
                let value = self.convert(&value, inner)?;
                Some(self.aggregate(to.clone(), vec![present, value]))
            }
            (_, Type::Optional(inner)) => {
                let present = self.bool(true);
                let value = self.convert(val, inner)?;
                Some(self.aggregate(to.clone(), vec![present, value]))
            }
            (Type::Optional(_), _) => {
                let value = self.present(val);
                self.convert(&value, to)
            }
            (Type::Tuple(from), Type::Tuple(target)) if from.len() == target.len() => {
                let parts = (0..from.len()).map(|index| {
                    let part = self.field(val, index);
                    self.convert(&part, &target[index])
                });
                let parts: Vec<Option<Val>> = parts.collect();
                let parts: Option<Vec<Val>> = parts.into_iter().collect();
                Some(self.aggregate(to.clone(), parts?))
            }
            (Type::Int(_) | Type::Float(_), Type::Number) => Some(self.as_number(val)),
            (from, to) if from.is_number() && to.is_number() => self.number(val, to),
            _ => None,
        }
    }

    /// A number as another type of number.
    fn number(&mut self, val: &Val, to: &Type) -> Option<Val> {
        match (&val.ty, to) {
            (_, Type::Bool) => Some(self.nonzero(val)),
            (Type::Complex(_), Type::Complex(part)) => {
                let part = Type::Float(*part);
                let (real, imag) = (self.field(val, 0), self.field(val, 1));
                let parts = vec![self.number(&real, &part)?, self.number(&imag, &part)?];
                Some(self.aggregate(to.clone(), parts))
            }
            (Type::Complex(_), _) => None,
            (_, Type::Complex(part)) => {
                let part = Type::Float(*part);
                let real = self.number(val, &part)?;
                let imag = self.float(&part, 0.0);
                Some(self.aggregate(to.clone(), vec![real, imag]))
            }
            _ if val.ty == *to => Some(val.clone()),
            _ => {
                let known = match (&val.known, to) {
                    (Some(Constant::Int(value)), Type::Int(int)) => Some(Constant::Int(int.wrap(*value))),
                    (Some(Constant::Bool(value)), Type::Int(_)) => Some(Constant::Int(i128::from(*value))),
                    (Some(Constant::Int(value)), Type::Float(FloatTy::F64)) => {
                        Some(Constant::Float(*value as f64))
                    }
                    (Some(Constant::Bool(value)), Type::Float(_)) => Some(Constant::Float(f64::from(*value))),
                    (Some(Constant::Float(value)), Type::Float(FloatTy::F64)) => {
                        Some(Constant::Float(*value))
                    }
                    _ => None,
                };
                // A constant is bound as one, so that a reader of the IR and LLVM's early passes see it.
                let op = match (&known, to) {
                    (Some(Constant::Int(value)), Type::Int(_)) => Op::Const(Const::Int(*value)),
                    (Some(Constant::Float(value)), Type::Float(_)) => Op::Const(Const::Float(*value)),
                    _ => Op::Cast(val.id),
                };
                Some(Val { known, ..self.bind(to.clone(), op) })
            }
        }
    }

    /// The value that an optional holds; raises `TypeError` if it is `None`.
    pub(super) fn present(&mut self, val: &Val) -> Val {
        let Type::Optional(inner) = &val.ty else { return val.clone() };
        let present = self.field(val, 0);
        let absent = self.not(&present);
        let message = format!("expected {inner}, got None");
        self.raise_if(&absent, "TypeError", &message);
        Val { origin: val.origin, ..self.field(val, 1) }
    }

    /// Some value of the type, where the program never looks at it.
    pub(super) fn zero(&mut self, ty: &Type) -> Val {
        match ty {
            Type::None => self.none(),
            Type::Bool => self.bind(Type::Bool, Op::Const(Const::Bool(false))),
            Type::Int(_) => self.bind(ty.clone(), Op::Const(Const::Int(0))),
            Type::Float(_) => self.bind(ty.clone(), Op::Const(Const::Float(0.0))),
            Type::Object(_, captures) if captures.is_empty() => self.bind(ty.clone(), Op::Const(Const::Unit)),
            aggregate => {
                let parts: Vec<Val> = aggregate.fields().iter().map(|field| self.zero(field)).collect();
                self.aggregate(ty.clone(), parts)
            }
        }
    }

    /// `bool(val)`, as a condition takes it.
    pub(super) fn truth(&mut self, val: &Val, span: Span) -> Option<Val> {
        match &val.ty {
            Type::Bool => Some(val.clone()),
            Type::None => Some(self.bool(false)),
            Type::Number => Some(self.number_truth(val)),
            Type::Int(_) | Type::Float(_) | Type::Complex(_) => Some(match &val.known {
                Some(Constant::Int(value)) => self.bool(*value != 0),
                Some(Constant::Float(value)) => self.bool(*value != 0.0),
                _ => self.nonzero(val),
            }),
            Type::Tuple(parts) => Some(self.bool(!parts.is_empty())),
            Type::Optional(_) => {
                let present = self.field(val, 0);
                let value = self.field(val, 1);
                let truth = self.truth(&value, span)?;
                Some(self.op2(BinaryOp::And, &present, &truth))
            }
            Type::Range(_) => {
                let len = self.len_of(val, span)?;
                Some(self.nonzero(&len))
            }
            Type::Object(..) => Some(match &val.known {
                Some(Constant::Str(text)) => self.bool(!text.is_empty()),
                _ => self.bool(true),
            }),
            Type::Enumerate(_) | Type::Zip(_) | Type::Reversed(_) => Some(self.bool(true)),
        }
    }

    fn nonzero(&mut self, val: &Val) -> Val {
        match &val.ty {
            Type::Bool => val.clone(),
            Type::Complex(_) => {
                let (real, imag) = (self.field(val, 0), self.field(val, 1));
                let (real, imag) = (self.nonzero(&real), self.nonzero(&imag));
                self.op2(BinaryOp::Or, &real, &imag)
            }
            _ => {
                let zero = self.zero(&val.ty);
                self.cmp(CompareOp::Ne, val, &zero)
            }
        }
    }

    /// The two values as one type.
    pub(super) fn unified(&mut self, a: &Val, b: &Val) -> Option<(Val, Val)> {
        let ty = self.unify(&a.ty, &b.ty)?;
        Some((self.convert(a, &ty)?, self.convert(b, &ty)?))
    }

    /// `not val` of a bool.
    pub(super) fn not(&mut self, val: &Val) -> Val {
        match val.known_bool() {
            Some(value) => self.bool(!value),
            None => self.unary(ungil_ir::ir::UnaryOp::Not, val),
        }
    }

    /// `float64`, or `float32` if the type is that narrow already.
    pub(super) fn real_type(ty: &Type) -> Type {
        match ty {
            Type::Float(float) | Type::Complex(float) => Type::Float(*float),
            _ => Type::FLOAT64,
        }
    }

    /// A `Tuple` of one type repeated.
    pub(super) fn uniform(ty: &Type) -> Option<(Type, usize)> {
        match ty {
            Type::Tuple(parts) if !parts.is_empty() && parts.iter().all(|part| *part == parts[0]) => {
                Some((parts[0].clone(), parts.len()))
            }
            _ => None,
        }
    }
}
