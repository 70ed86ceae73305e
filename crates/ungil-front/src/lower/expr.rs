//! Expressions that compute one value from others, in Python's order of evaluation.

use std::sync::Arc;

use ruff_python_ast::{
    Expr as PyExpr, ExprBinOp, ExprCall, ExprSubscript, ExprUnaryOp, Operator, UnaryOp as PyUnaryOp,
};
use ruff_text_size::Ranged;

use super::{Lower, fold};
use crate::hir::{BinaryOp, Expr, Item, UnaryOp, ValueId};

impl<'a> Lower<'a> {
    /// Lowers an expression; [`Lower::expr`] counts the nesting.
    pub(super) fn expression(&mut self, expr: &'a PyExpr) -> ValueId {
        let span = self.span(expr.range());
        match fold::constant(expr) {
            Ok(Some(constant)) => return self.constant(constant, span),
            Ok(None) => {}
            Err(fold::TooLarge) => {
                self.reject_large_int(span);
                return self.error(expr.range());
            }
        }
        match expr {
            PyExpr::Name(name) => self.load(name.id.as_str(), name.range),
            PyExpr::BinOp(op) => self.binary(op),
            PyExpr::UnaryOp(op) => self.unary(op),
            PyExpr::BoolOp(op) => self.bool_value(op),
            PyExpr::Compare(compare) => self.compare(compare),
            PyExpr::If(conditional) => self.conditional(conditional),
            PyExpr::Named(named) => {
                let value = self.expr(&named.value);
                self.assign(&named.target, value);
                value
            }
            PyExpr::Call(call) => self.call(call),
            PyExpr::Tuple(tuple) => {
                let items = self.items(&tuple.elts);
                let value = self.emit(Expr::Tuple(items.clone()), span);
                for Item::One(item) | Item::Star(item) in items {
                    self.pass_on(item, value);
                }
                value
            }
            PyExpr::Attribute(attribute) => {
                let object = self.expr(&attribute.value);
                self.emit(Expr::Attribute(object, Arc::from(attribute.attr.as_str())), span)
            }
            PyExpr::Subscript(subscript) => self.subscript(subscript),
            PyExpr::Lambda(lambda) => self.lambda(lambda, None),
            _ => {
                self.reject_expr(expr);
                self.error(expr.range())
            }
        }
    }

    /// `a + b - c …`: the left spine, which may be long, is walked without recursion.
    fn binary(&mut self, op: &'a ExprBinOp) -> ValueId {
        let mut spine = vec![op];
        let mut leftmost = &*op.left;
        while let PyExpr::BinOp(op) = leftmost
            && !matches!(fold::constant(leftmost), Ok(Some(_)))
        {
            spine.push(op);
            leftmost = &op.left;
        }
        let mut value = self.expr(leftmost);
        while let Some(op) = spine.pop() {
            let right = self.expr(&op.right);
            value = self.emit(Expr::Binary(binary_op(op.op), value, right), self.span(op.range));
        }
        value
    }

    fn unary(&mut self, op: &'a ExprUnaryOp) -> ValueId {
        let span = self.span(op.range);
        let operand = self.expr(&op.operand);
        let expr = match op.op {
            PyUnaryOp::Invert => Expr::Unary(UnaryOp::Invert, operand),
            PyUnaryOp::UAdd => Expr::Unary(UnaryOp::Pos, operand),
            PyUnaryOp::USub => Expr::Unary(UnaryOp::Neg, operand),
            PyUnaryOp::Not => Expr::Not(operand),
        };
        self.emit(expr, span)
    }

    fn call(&mut self, call: &'a ExprCall) -> ValueId {
        let func = self.expr(&call.func);
        let args = self.items(&call.arguments.args);
        let mut keywords = Vec::new();
        for keyword in &call.arguments.keywords {
            let value = self.expr(&keyword.value);
            match &keyword.arg {
                Some(name) => keywords.push((Arc::from(name.as_str()), value)),
                None => self.reject_keyword_unpacking(keyword),
            }
        }
        if call.arguments.keywords.iter().any(|keyword| keyword.arg.is_none()) {
            return self.error(call.range());
        }
        self.emit(Expr::Call { func, args, keywords }, self.span(call.range()))
    }

    /// The elements of a tuple or argument list.
    pub(super) fn items(&mut self, exprs: &'a [PyExpr]) -> Vec<Item> {
        exprs
            .iter()
            .map(|expr| match expr {
                PyExpr::Starred(starred) => Item::Star(self.expr(&starred.value)),
                _ => Item::One(self.expr(expr)),
            })
            .collect()
    }

    fn subscript(&mut self, subscript: &'a ExprSubscript) -> ValueId {
        let span = self.span(subscript.range);
        let object = self.expr(&subscript.value);
        let expr = match &*subscript.slice {
            PyExpr::Slice(slice) => {
                let mut part = |part: &'a Option<Box<PyExpr>>| part.as_ref().map(|expr| self.expr(expr));
                Expr::Slice(object, [part(&slice.lower), part(&slice.upper), part(&slice.step)])
            }
            index => Expr::Index(object, self.expr(index)),
        };
        let value = self.emit(expr, span);
        self.pass_on(object, value);
        value
    }
}

pub(super) const fn binary_op(op: Operator) -> BinaryOp {
    match op {
        Operator::Add => BinaryOp::Add,
        Operator::Sub => BinaryOp::Sub,
        Operator::Mult => BinaryOp::Mul,
        Operator::MatMult => BinaryOp::MatMul,
        Operator::Div => BinaryOp::Div,
        Operator::Mod => BinaryOp::Mod,
        Operator::Pow => BinaryOp::Pow,
        Operator::LShift => BinaryOp::Shl,
        Operator::RShift => BinaryOp::Shr,
        Operator::BitOr => BinaryOp::BitOr,
        Operator::BitXor => BinaryOp::BitXor,
        Operator::BitAnd => BinaryOp::BitAnd,
        Operator::FloorDiv => BinaryOp::FloorDiv,
    }
}
