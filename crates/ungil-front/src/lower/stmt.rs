//! Statements, loops apart.

use ruff_python_ast::{
    BoolOp, ElifElseClause, Expr as PyExpr, Stmt as PyStmt, StmtAssert, StmtAssign, StmtAugAssign, StmtIf,
    StmtRaise,
};
use ruff_text_size::{Ranged, TextRange};

use super::Lower;
use super::condition::literal_truth;
use super::expr::binary_op;
use super::scope::Bindings;
use crate::hir::{BinaryOp, Expr, Item, StmtKind, ValueId};
use crate::host::{Constant, Object, fresh_object_id};

impl<'a> Lower<'a> {
    pub(super) fn stmt(&mut self, stmt: &'a PyStmt) {
        let span = self.span(stmt.range());
        match stmt {
            PyStmt::Pass(_) => {}
            PyStmt::Expr(stmt) => {
                if !stmt.value.is_literal_expr() {
                    self.expr(&stmt.value);
                }
            }
            PyStmt::Assign(stmt) => self.assign_all(stmt),
            PyStmt::AugAssign(stmt) => self.augment(stmt),
            PyStmt::AnnAssign(stmt) => {
                if let Some(value) = &stmt.value {
                    let value = self.value_for(&stmt.target, value);
                    self.assign(&stmt.target, value);
                }
            }
            PyStmt::If(stmt) => self.if_stmt(stmt),
            PyStmt::For(stmt) if !stmt.is_async => self.for_loop(stmt),
            PyStmt::While(stmt) => self.while_loop(stmt),
            PyStmt::Break(stmt) => self.break_loop(stmt.range),
            PyStmt::Continue(stmt) => self.continue_loop(stmt.range),
            PyStmt::Return(stmt) => {
                let value = match &stmt.value {
                    Some(value) => self.expr(value),
                    None => self.constant(Constant::None, span),
                };
                self.push(StmtKind::Return(value), span);
                self.live = false;
                self.escape_all(span);
            }
            PyStmt::Assert(stmt) => self.assert(stmt),
            PyStmt::Raise(stmt) => self.raise(stmt),
            PyStmt::Delete(stmt) => {
                for target in &stmt.targets {
                    self.delete(target);
                }
            }
            PyStmt::FunctionDef(def) if !def.is_async => {
                let value = self.nested_def(def);
                self.bind(def.name.as_str(), value);
            }
            _ => {
                self.reject_stmt(stmt);
                // The names that it binds are bound to something unknown, so that nothing else is said about them.
                for name in Bindings::of_stmt(stmt).bound.order {
                    let value = self.error(stmt.range());
                    self.bind(name, value);
                }
            }
        }
    }

    /// `a = b = value`
    fn assign_all(&mut self, stmt: &'a StmtAssign) {
        if let ([target], PyExpr::Tuple(tuple)) = (stmt.targets.as_slice(), &*stmt.value)
            && let PyExpr::Tuple(targets) = target
            && targets.elts.len() == tuple.elts.len()
            && !targets.elts.iter().chain(&tuple.elts).any(PyExpr::is_starred_expr)
        {
            // The tuple itself is never seen: its elements keep their own ways.
            let values: Vec<ValueId> = tuple.elts.iter().map(|element| self.expr(element)).collect();
            for (target, value) in targets.elts.iter().zip(values) {
                self.assign(target, value);
            }
            return;
        }
        let value = match stmt.targets.as_slice() {
            [target] => self.value_for(target, &stmt.value),
            _ => self.expr(&stmt.value),
        };
        for target in &stmt.targets {
            self.assign(target, value);
        }
    }

    /// The value that is assigned to a target.
    fn value_for(&mut self, target: &'a PyExpr, value: &'a PyExpr) -> ValueId {
        match (target, value) {
            (PyExpr::Name(name), PyExpr::Lambda(lambda)) => self.lambda(lambda, Some(name.id.as_str())),
            (PyExpr::Name(name), PyExpr::BoolOp(op)) if self.is_accumulation(&name.id, &op.values) => {
                self.accumulate(op.op, &op.values, op.range)
            }
            _ => self.expr(value),
        }
    }

    /// Whether this is `acc = acc and …` of a name that a `prange` loop carries.
    fn is_accumulation(&self, target: &str, values: &[PyExpr]) -> bool {
        let Some(PyExpr::Name(first)) = values.first() else { return false };
        first.id == target && self.in_prange() && self.is_accumulated(target)
    }

    fn is_accumulated(&self, name: &str) -> bool {
        use super::env::Binding::{Bound, Maybe};
        let binding = self.locals.get(name).map(|&local| self.env[local]);
        matches!(binding, Some(Bound(value) | Maybe { value, .. }) if self.accumulated.contains(&value))
    }

    fn accumulate(&mut self, op: BoolOp, operands: &'a [PyExpr], range: TextRange) -> ValueId {
        let span = self.span(range);
        let op = match op {
            BoolOp::And => BinaryOp::And,
            BoolOp::Or => BinaryOp::Or,
        };
        let mut operands = operands.iter();
        let Some(first) = operands.next() else { return self.error(range) };
        let mut total = self.expr(first);
        for operand in operands {
            let truth = self.condition(operand);
            let next = self.emit(Expr::Binary(op, total, truth), span);
            self.pass_on(total, next);
            total = next;
        }
        total
    }

    /// `target = value`
    pub(super) fn assign(&mut self, target: &'a PyExpr, value: ValueId) {
        self.deeper(target.range(), |this| match target {
            PyExpr::Name(name) => this.bind(name.id.as_str(), value),
            PyExpr::Tuple(ruff_python_ast::ExprTuple { elts, .. })
            | PyExpr::List(ruff_python_ast::ExprList { elts, .. })
                if !elts.is_empty() =>
            {
                this.unpack(elts, value);
            }
            _ => this.reject_target(target),
        });
    }

    fn unpack(&mut self, targets: &'a [PyExpr], value: ValueId) {
        let count = targets.len() as u32;
        // How many elements there must be, a starred target leaves open.
        let is_starred = targets.iter().any(PyExpr::is_starred_expr);
        for (index, target) in targets.iter().enumerate() {
            let span = self.span(target.range());
            if target.is_starred_expr() {
                self.reject_target(target);
                for name in Bindings::of_expr(target).bound.order {
                    let value = self.error(target.range());
                    self.bind(name, value);
                }
                continue;
            }
            let expr =
                if is_starred { Expr::Error } else { Expr::Unpack { value, index: index as u32, count } };
            let element = self.emit(expr, span);
            self.pass_on(value, element);
            self.assign(target, element);
        }
    }

    /// `target += value`
    fn augment(&mut self, stmt: &'a StmtAugAssign) {
        let PyExpr::Name(name) = &*stmt.target else {
            self.reject_target(&stmt.target);
            return;
        };
        let old = self.load(name.id.as_str(), name.range);
        let operand = self.expr(&stmt.value);
        let new = self.emit(Expr::Binary(binary_op(stmt.op), old, operand), self.span(stmt.range));
        if self.accumulated.contains(&old) {
            self.accumulated.insert(new);
        }
        self.bind(name.id.as_str(), new);
    }

    fn if_stmt(&mut self, stmt: &'a StmtIf) {
        self.if_chain(&stmt.test, &stmt.body, &stmt.elif_else_clauses, stmt.range.start().to_u32());
    }

    fn if_chain(&mut self, test: &'a PyExpr, body: &'a [PyStmt], rest: &'a [ElifElseClause], start: u32) {
        let otherwise = |this: &mut Self| match rest.split_first() {
            None => {}
            Some((ElifElseClause { test: None, body, .. }, _)) => this.stmts(body),
            Some((clause @ ElifElseClause { test: Some(test), body, .. }, rest)) => {
                let start = clause.range.start().to_u32();
                this.deeper(clause.range, |this| this.if_chain(test, body, rest, start));
            }
        };
        match literal_truth(test) {
            Some(true) => self.stmts(body),
            Some(false) => otherwise(self),
            None => {
                let cond = self.condition(test);
                let span = self.span(TextRange::new(start.into(), test.end()));
                self.branch(
                    cond,
                    span,
                    |this| {
                        this.stmts(body);
                        None
                    },
                    |this| {
                        otherwise(this);
                        None
                    },
                );
            }
        }
    }

    fn assert(&mut self, stmt: &'a StmtAssert) {
        let span = self.span(stmt.range);
        let cond = self.condition(&stmt.test);
        self.branch(
            cond,
            span,
            |_| None,
            |this| {
                let class = this.assertion_error();
                let class = this.emit(Expr::Object(class), span);
                let args = stmt.msg.iter().map(|message| this.expr(message)).collect();
                this.push(StmtKind::Raise { class, args }, span);
                this.live = false;
                None
            },
        );
    }

    /// The class that a failed `assert` raises, whatever its name is bound to.
    fn assertion_error(&self) -> Object {
        match self.unit.host.global(self.unit.function, "AssertionError") {
            Some(Object::Exception { id, name, builtin: true }) if &*name == "AssertionError" => {
                Object::Exception { id, name, builtin: true }
            }
            _ => Object::Exception { id: fresh_object_id(), name: "AssertionError".into(), builtin: true },
        }
    }

    fn raise(&mut self, stmt: &'a StmtRaise) {
        let span = self.span(stmt.range);
        let Some(exception) = &stmt.exc else {
            self.reject_bare_raise(span);
            self.live = false;
            return;
        };
        if let Some(cause) = &stmt.cause
            && !matches!(&**cause, PyExpr::NoneLiteral(_) | PyExpr::Name(_))
        {
            self.reject_cause(cause);
        }
        let (class, args) = match &**exception {
            PyExpr::Call(call) => {
                let class = self.expr(&call.func);
                if let Some(keyword) = call.arguments.keywords.first() {
                    self.reject_exception_argument(keyword.range);
                }
                let mut args = Vec::new();
                for item in self.items(&call.arguments.args) {
                    match item {
                        Item::One(value) => args.push(value),
                        Item::Star(_) => self.reject_exception_argument(call.arguments.range),
                    }
                }
                (class, args)
            }
            other => (self.expr(other), Vec::new()),
        };
        self.push(StmtKind::Raise { class, args }, span);
        self.live = false;
    }

    fn delete(&mut self, target: &'a PyExpr) {
        if !self.enter(target.range()) {
            return;
        }
        match target {
            PyExpr::Name(name) => {
                self.load(name.id.as_str(), name.range);
                if let Some(&local) = self.locals.get(name.id.as_str()) {
                    self.env[local] = super::env::Binding::Unbound;
                }
            }
            PyExpr::Tuple(ruff_python_ast::ExprTuple { elts, .. })
            | PyExpr::List(ruff_python_ast::ExprList { elts, .. }) => {
                for target in elts {
                    self.delete(target);
                }
            }
            _ => self.reject_delete(target),
        }
        self.depth -= 1;
    }
}
