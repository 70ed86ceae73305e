//! The values of constant expressions at the top level of a program.

use ruff_python_ast::{Expr, Operator, UnaryOp};

use super::{Program, computed};
use crate::host::{Constant, Host, Object};
use crate::lower::fold;

impl Program {
    /// What an expression gives, as far as reading tells: constants, names bound before, arithmetic on floats.
    pub(super) fn value(&self, expr: &Expr) -> Object {
        if let Ok(Some(constant)) = fold::constant(expr) {
            return Object::Const(constant);
        }
        match expr {
            Expr::Name(name) => self.lookup(name.id.as_str()).unwrap_or_else(computed),
            Expr::Attribute(attribute) => match self.value(&attribute.value) {
                Object::Module { id, .. } => {
                    self.attribute(id, attribute.attr.as_str()).unwrap_or_else(computed)
                }
                _ => computed(),
            },
            Expr::Tuple(tuple) => {
                Object::Const(Constant::Tuple(tuple.elts.iter().map(|element| self.value(element)).collect()))
            }
            Expr::UnaryOp(op) if op.op == UnaryOp::USub => match self.value(&op.operand) {
                Object::Const(Constant::Float(value)) => Object::Const(Constant::Float(-value)),
                _ => computed(),
            },
            Expr::BinOp(op) => {
                let operands = (as_float(&self.value(&op.left)), as_float(&self.value(&op.right)));
                match operands {
                    (Some(a), Some(b)) => arithmetic(op.op, a, b),
                    _ => None,
                }
                .map_or_else(computed, |value| Object::Const(Constant::Float(value)))
            }
            _ => computed(),
        }
    }
}

/// A float or an integer beside one; `true` marks a float.
fn as_float(object: &Object) -> Option<(f64, bool)> {
    match object {
        Object::Const(Constant::Float(value)) => Some((*value, true)),
        Object::Const(Constant::Int(value)) => Some((*value as f64, false)),
        _ => None,
    }
}

fn arithmetic(op: Operator, (a, a_is_float): (f64, bool), (b, b_is_float): (f64, bool)) -> Option<f64> {
    match op {
        Operator::Div if b != 0.0 => Some(a / b),
        _ if !a_is_float && !b_is_float => None,
        Operator::Add => Some(a + b),
        Operator::Sub => Some(a - b),
        Operator::Mult => Some(a * b),
        _ => None,
    }
}
