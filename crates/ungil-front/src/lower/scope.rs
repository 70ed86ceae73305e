//! Which names a piece of source binds, deletes and uses, found by looking alone.
//!
//! A scan stays in one function: it enters neither nested functions nor lambdas, nor the targets of comprehensions,
//! which have scopes of their own. Only [`free_names`] looks inside nested functions, for what they take from outside.

use ruff_python_ast::visitor::{Visitor, walk_except_handler, walk_expr, walk_pattern, walk_stmt};
use ruff_python_ast::{
    Alias, AnyParameterRef, Comprehension, ExceptHandler, Expr, ExprContext, Parameters, Pattern, Stmt,
    StmtFunctionDef,
};
use rustc_hash::FxHashSet;

/// Names in the order of their first appearance.
#[derive(Default, Debug)]
pub(super) struct Names<'a> {
    pub(super) order: Vec<&'a str>,
    seen: FxHashSet<&'a str>,
}

impl<'a> Names<'a> {
    pub(super) fn insert(&mut self, name: &'a str) {
        if self.seen.insert(name) {
            self.order.push(name);
        }
    }

    pub(super) fn contains(&self, name: &str) -> bool {
        self.seen.contains(name)
    }
}

/// What a piece of source does to names.
#[derive(Default, Debug)]
pub(super) struct Bindings<'a> {
    /// Names that it binds or deletes.
    pub(super) bound: Names<'a>,
    /// Names that it deletes.
    pub(super) deleted: Names<'a>,
}

impl<'a> Bindings<'a> {
    pub(super) fn of_body(body: &'a [Stmt]) -> Self {
        let mut bindings = Self::default();
        bindings.visit_body(body);
        bindings
    }

    pub(super) fn of_expr(expr: &'a Expr) -> Self {
        let mut bindings = Self::default();
        bindings.visit_expr(expr);
        bindings
    }

    pub(super) fn of_stmt(stmt: &'a Stmt) -> Self {
        let mut bindings = Self::default();
        bindings.visit_stmt(stmt);
        bindings
    }
}

impl<'a> Visitor<'a> for Bindings<'a> {
    fn visit_stmt(&mut self, stmt: &'a Stmt) {
        match stmt {
            Stmt::FunctionDef(def) => self.bound.insert(def.name.as_str()),
            Stmt::ClassDef(class) => self.bound.insert(class.name.as_str()),
            _ => walk_stmt(self, stmt),
        }
    }

    fn visit_annotation(&mut self, _: &'a Expr) {}

    fn visit_expr(&mut self, expr: &'a Expr) {
        match expr {
            Expr::Name(name) => match name.ctx {
                ExprContext::Store => self.bound.insert(name.id.as_str()),
                ExprContext::Del => {
                    self.bound.insert(name.id.as_str());
                    self.deleted.insert(name.id.as_str());
                }
                ExprContext::Load | ExprContext::Invalid => {}
            },
            Expr::Lambda(_) => {}
            _ => walk_expr(self, expr),
        }
    }

    fn visit_comprehension(&mut self, comprehension: &'a Comprehension) {
        self.visit_expr(&comprehension.iter);
        for condition in &comprehension.ifs {
            self.visit_expr(condition);
        }
    }

    fn visit_alias(&mut self, alias: &'a Alias) {
        let whole = alias.asname.as_ref().unwrap_or(&alias.name).as_str();
        self.bound.insert(whole.split('.').next().unwrap_or(whole));
    }

    fn visit_except_handler(&mut self, handler: &'a ExceptHandler) {
        let ExceptHandler::ExceptHandler(inner) = handler;
        if let Some(name) = &inner.name {
            self.bound.insert(name.as_str());
            self.deleted.insert(name.as_str());
        }
        walk_except_handler(self, handler);
    }

    fn visit_pattern(&mut self, pattern: &'a Pattern) {
        let name = match pattern {
            Pattern::MatchAs(pattern) => pattern.name.as_ref(),
            Pattern::MatchStar(pattern) => pattern.name.as_ref(),
            Pattern::MatchMapping(pattern) => pattern.rest.as_ref(),
            _ => None,
        };
        if let Some(name) = name {
            self.bound.insert(name.as_str());
        }
        walk_pattern(self, pattern);
    }
}

/// The names that a nested function takes from outside: used in it or in functions nested there, and not bound there.
pub(super) fn free_names<'a>(parameters: Option<&'a Parameters>, body: Body<'a>) -> Names<'a> {
    let mut uses = Uses::default();
    let mut bound = match body {
        Body::Block(stmts) => {
            uses.visit_body(stmts);
            Bindings::of_body(stmts).bound
        }
        Body::Expr(expr) => {
            uses.visit_expr(expr);
            Bindings::of_expr(expr).bound
        }
    };
    for parameter in parameters.into_iter().flat_map(Parameters::iter) {
        bound.insert(parameter.name().as_str());
    }
    let mut free = Names::default();
    uses.names.order.into_iter().filter(|name| !bound.contains(name)).for_each(|name| free.insert(name));
    free
}

/// The body of a function.
#[derive(Clone, Copy)]
pub(super) enum Body<'a> {
    /// Of a `def`.
    Block(&'a [Stmt]),
    /// Of a lambda.
    Expr(&'a Expr),
}

/// The names that a function reads, those of functions nested in it included.
#[derive(Default)]
struct Uses<'a> {
    names: Names<'a>,
}

impl<'a> Uses<'a> {
    fn nested(&mut self, parameters: Option<&'a Parameters>, body: Body<'a>) {
        free_names(parameters, body).order.into_iter().for_each(|name| self.names.insert(name));
        for default in parameters.into_iter().flat_map(Parameters::iter).filter_map(AnyParameterRef::default)
        {
            self.visit_expr(default);
        }
    }

    fn def(&mut self, def: &'a StmtFunctionDef) {
        for decorator in &def.decorator_list {
            self.visit_expr(&decorator.expression);
        }
        self.nested(Some(&def.parameters), Body::Block(&def.body));
    }
}

impl<'a> Visitor<'a> for Uses<'a> {
    fn visit_stmt(&mut self, stmt: &'a Stmt) {
        match stmt {
            Stmt::FunctionDef(def) => self.def(def),
            _ => walk_stmt(self, stmt),
        }
    }

    fn visit_annotation(&mut self, _: &'a Expr) {}

    fn visit_expr(&mut self, expr: &'a Expr) {
        match expr {
            Expr::Name(name) => self.names.insert(name.id.as_str()),
            Expr::Lambda(lambda) => self.nested(lambda.parameters.as_deref(), Body::Expr(&lambda.body)),
            _ => walk_expr(self, expr),
        }
    }
}

/// Whether a `break` in the body of a loop leaves that loop.
pub(super) fn has_break(body: &[Stmt]) -> bool {
    body.iter().any(|stmt| match stmt {
        Stmt::Break(_) => true,
        Stmt::If(branch) => {
            has_break(&branch.body) || branch.elif_else_clauses.iter().any(|clause| has_break(&clause.body))
        }
        Stmt::For(inner) => has_break(&inner.orelse),
        Stmt::While(inner) => has_break(&inner.orelse),
        _ => false,
    })
}
