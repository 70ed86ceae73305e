//! Conditions: `and`, `or`, `not`, conditional expressions and chained comparisons, as values and as what is branched on.

use ruff_python_ast::{BoolOp, CmpOp, Expr as PyExpr, ExprBoolOp, ExprCompare, ExprIf, Number, UnaryOp};
use ruff_text_size::Ranged;
use ungil_ir::Span;

use super::Lower;
use crate::hir::{CompareOp, Expr, ValueId};

/// Whether a `and`/`or` gives one of its operands, or only says if it is true.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wanted {
    Value,
    Truth,
}

impl<'a> Lower<'a> {
    /// A bool to branch on: the truth of an expression.
    pub(super) fn condition(&mut self, expr: &'a PyExpr) -> ValueId {
        if !self.enter(expr.range()) {
            return self.error(expr.range());
        }
        let span = self.span(expr.range());
        let value = match expr {
            PyExpr::BoolOp(op) => {
                let value = self.bool_op(op, Wanted::Truth);
                self.emit(Expr::Truth(value), span)
            }
            PyExpr::UnaryOp(op) if op.op == UnaryOp::Not => {
                let value = self.condition(&op.operand);
                self.emit(Expr::Not(value), span)
            }
            PyExpr::Compare(compare) if compare.ops.len() == 1 => self.compare(compare),
            _ => {
                let value = self.expression(expr);
                self.emit(Expr::Truth(value), span)
            }
        };
        self.depth -= 1;
        value
    }

    /// `a and b and …`, as a value.
    pub(super) fn bool_value(&mut self, op: &'a ExprBoolOp) -> ValueId {
        self.bool_op(op, Wanted::Value)
    }

    fn bool_op(&mut self, op: &'a ExprBoolOp, wanted: Wanted) -> ValueId {
        self.bool_operands(op.op, &op.values, self.span(op.range), wanted)
    }

    fn bool_operands(&mut self, op: BoolOp, operands: &'a [PyExpr], span: Span, wanted: Wanted) -> ValueId {
        let Some((first, rest)) = operands.split_first() else {
            return self.emit(Expr::Error, span);
        };
        let value = match wanted {
            Wanted::Value => self.expr(first),
            Wanted::Truth => self.condition(first),
        };
        if rest.is_empty() {
            return value;
        }
        if !self.enter(first.range()) {
            return self.error(first.range());
        }
        let cond = match wanted {
            Wanted::Value => self.emit(Expr::Truth(value), self.span(first.range())),
            Wanted::Truth => value,
        };
        let result = match op {
            BoolOp::And => self.branch(
                cond,
                span,
                |this| Some(this.bool_operands(op, rest, span, wanted)),
                |_| Some(value),
            ),
            BoolOp::Or => self.branch(
                cond,
                span,
                |_| Some(value),
                |this| Some(this.bool_operands(op, rest, span, wanted)),
            ),
        };
        self.depth -= 1;
        result.unwrap_or(value)
    }

    /// `a if c else b`
    pub(super) fn conditional(&mut self, expr: &'a ExprIf) -> ValueId {
        let span = self.span(expr.range);
        if let Some(known) = literal_truth(&expr.test) {
            return self.expr(if known { &expr.body } else { &expr.orelse });
        }
        let cond = self.condition(&expr.test);
        self.branch(cond, span, |this| Some(this.expr(&expr.body)), |this| Some(this.expr(&expr.orelse)))
            .unwrap_or(cond)
    }

    /// `a < b <= c …`
    pub(super) fn compare(&mut self, expr: &'a ExprCompare) -> ValueId {
        let left = self.expr(&expr.left);
        self.compare_links(left, expr.left.range().start().to_u32(), &expr.ops, &expr.comparators)
    }

    fn compare_links(
        &mut self,
        left: ValueId,
        start: u32,
        ops: &'a [CmpOp],
        comparators: &'a [PyExpr],
    ) -> ValueId {
        let (Some((op, ops)), Some((comparator, comparators))) =
            (ops.split_first(), comparators.split_first())
        else {
            return left;
        };
        let right = self.expr(comparator);
        let link = ruff_text_size::TextRange::new(start.into(), comparator.range().end());
        let span = self.span(link);
        let holds = self.emit(Expr::Compare(compare_op(*op), left, right), span);
        if ops.is_empty() {
            return holds;
        }
        if !self.enter(comparator.range()) {
            return self.error(comparator.range());
        }
        let next = comparator.range().start().to_u32();
        let result = self.branch(
            holds,
            span,
            |this| Some(this.compare_links(right, next, ops, comparators)),
            |_| Some(holds),
        );
        self.depth -= 1;
        result.unwrap_or(holds)
    }
}

const fn compare_op(op: CmpOp) -> CompareOp {
    match op {
        CmpOp::Eq => CompareOp::Eq,
        CmpOp::NotEq => CompareOp::Ne,
        CmpOp::Lt => CompareOp::Lt,
        CmpOp::LtE => CompareOp::Le,
        CmpOp::Gt => CompareOp::Gt,
        CmpOp::GtE => CompareOp::Ge,
        CmpOp::Is => CompareOp::Is,
        CmpOp::IsNot => CompareOp::IsNot,
        CmpOp::In => CompareOp::In,
        CmpOp::NotIn => CompareOp::NotIn,
    }
}

/// The truth of a literal: `while True`, `while 1`, `if 0`.
pub(super) fn literal_truth(expr: &PyExpr) -> Option<bool> {
    match expr {
        PyExpr::BooleanLiteral(literal) => Some(literal.value),
        PyExpr::NoneLiteral(_) => Some(false),
        PyExpr::NumberLiteral(literal) => match &literal.value {
            Number::Int(int) => Some(int.as_u8() != Some(0)),
            Number::Float(float) => Some(*float != 0.0),
            Number::Complex { .. } => None,
        },
        PyExpr::UnaryOp(op) if op.op == UnaryOp::Not => literal_truth(&op.operand).map(|truth| !truth),
        _ => None,
    }
}
