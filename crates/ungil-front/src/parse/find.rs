//! Finds the node of a definition in a tree, by its line and name; a lambda by the place of its body.

use ruff_python_ast::visitor::{Visitor, walk_expr, walk_stmt};
use ruff_python_ast::{Expr, ExprLambda, Stmt, StmtFunctionDef};
use ruff_text_size::{Ranged, TextRange};
use ungil_ir::diagnostic::{Diagnostic, Kind};
use ungil_ir::{SourceFile, Span};

use super::{Node, Parsed, Rejected, Shift, Tree, syntax};
use crate::host::{BodyRange, Definition};

/// Looks for the definition in a tree.
pub(super) fn search(tree: &Tree, definition: &Definition) -> Result<Parsed, Rejected> {
    let file = &definition.file;
    let line = definition.line;
    let mut finder = Finder { definition, shift: tree.shift, defs: Vec::new(), lambdas: Vec::new() };
    finder.visit_body(&tree.module.body);
    let (range, node) = if &*definition.name == "<lambda>" {
        let lambda = choose_lambda(&finder, definition)?;
        (lambda.range(), Node::Lambda(Box::new(lambda.clone())))
    } else if let Some(def) = finder.defs.first() {
        (whole_range(def), Node::Def(Box::new((*def).clone())))
    } else {
        let start = file.line_start(line).unwrap_or_default();
        let at = tree.shift.start..u32::MAX;
        let first = tree.errors.iter().find(|error| at.contains(&tree.shift.span(error.location).start));
        let diagnostic = match first {
            Some(error) => syntax(tree, file, error),
            None => Diagnostic::new(
                "source-not-found",
                Kind::Unsupported,
                format!("the source of `{}` is not where it was defined", definition.qualname),
                file,
                Span::new(start, start),
            )
            .with_note(format!("no `def {}` begins on line {line} of the file", definition.name))
            .with_help("the file has changed since it was loaded; load it again"),
        };
        return Err(Box::new(diagnostic));
    };
    // What is missing at the end of the last line is told at that end.
    match tree.errors.iter().find(|error| range.contains_inclusive(error.location.start())) {
        Some(error) => Err(Box::new(syntax(tree, file, error))),
        None => Ok(Parsed { node, shift: tree.shift }),
    }
}

fn choose_lambda<'a>(finder: &Finder<'a, '_>, definition: &Definition) -> Result<&'a ExprLambda, Rejected> {
    let file = &definition.file;
    let start = file.line_start(definition.line).unwrap_or_default();
    if let Some(body) = definition.body {
        let wanted = body_span(file, body);
        let body_of = |lambda: &ExprLambda| finder.shift.span(lambda.body.range());
        let around = finder.lambdas.iter().filter(|lambda| {
            let body = body_of(lambda);
            body.start <= wanted.start && wanted.end <= body.end
        });
        if let Some(lambda) = around.min_by_key(|lambda| body_of(lambda).end - body_of(lambda).start) {
            return Ok(lambda);
        }
    }
    let on_line =
        |lambda: &&&ExprLambda| file.line(finder.shift.span(lambda.range()).start) == definition.line;
    let mut candidates = finder.lambdas.iter().filter(on_line);
    match (candidates.next(), candidates.next()) {
        (Some(lambda), None) => Ok(lambda),
        (None, _) => Err(Box::new(
            Diagnostic::new(
                "source-not-found",
                Kind::Unsupported,
                "the source of the lambda is not where it was defined",
                file,
                Span::new(start, start),
            )
            .with_help("the file has changed since it was loaded; load it again"),
        )),
        (Some(one), Some(other)) => Err(Box::new(
            Diagnostic::new(
                "ambiguous-lambda",
                Kind::Unsupported,
                "two lambdas begin on this line, and which one is meant cannot be told",
                file,
                finder.shift.span(one.range()),
            )
            .with_label(file, finder.shift.span(other.range()), "the other one")
            .with_help("put them on lines of their own, or write a `def`"),
        )),
    }
}

fn body_span(file: &SourceFile, body: BodyRange) -> Span {
    let offset = |line, column| file.line_start(line).unwrap_or_default().saturating_add(column);
    Span::new(offset(body.start_line, body.start_column), offset(body.end_line, body.end_column))
}

/// A function's range, its decorators included.
fn whole_range(def: &StmtFunctionDef) -> TextRange {
    def.decorator_list.first().map_or(def.range, |decorator| def.range.cover(decorator.range))
}

/// Collects what may be meant.
struct Finder<'a, 'd> {
    definition: &'d Definition,
    shift: Shift,
    defs: Vec<&'a StmtFunctionDef>,
    lambdas: Vec<&'a ExprLambda>,
}

impl<'a> Visitor<'a> for Finder<'a, '_> {
    fn visit_stmt(&mut self, stmt: &'a Stmt) {
        if let Stmt::FunctionDef(def) = stmt
            && def.name.as_str() == &*self.definition.name
        {
            let file = &self.definition.file;
            let first = file.line(self.shift.span(whole_range(def)).start);
            let last = file.line(self.shift.span(def.name.range).start);
            if (first..=last).contains(&self.definition.line) {
                self.defs.push(def);
            }
        }
        walk_stmt(self, stmt);
    }

    fn visit_expr(&mut self, expr: &'a Expr) {
        if let Expr::Lambda(lambda) = expr {
            self.lambdas.push(lambda);
        }
        walk_expr(self, expr);
    }
}

/// Refuses coroutines and generators.
pub(super) fn check_flavour(found: &Parsed, definition: &Definition) -> Result<(), Rejected> {
    let file = &definition.file;
    let mut yields = YieldFinder { range: None };
    match &found.node {
        Node::Def(def) if def.is_async => {
            let span = found.shift.span(def.name.range);
            return Err(Box::new(
                Diagnostic::new(
                    "async-function",
                    Kind::Unsupported,
                    format!("`{}` is a coroutine, which cannot be compiled", definition.qualname),
                    file,
                    span,
                )
                .with_help("compile the part that computes as a plain `def`, and call it from the coroutine"),
            ));
        }
        Node::Def(def) => yields.visit_body(&def.body),
        Node::Lambda(lambda) => yields.visit_expr(&lambda.body),
    }
    yields.range.map_or(Ok(()), |range| {
        Err(Box::new(
            Diagnostic::new(
                "generator",
                Kind::Unsupported,
                format!("`{}` is a generator, which cannot be compiled", definition.qualname),
                file,
                found.shift.span(range),
            )
            .with_help("return the result at once, or loop where the values are used"),
        ))
    })
}

/// Finds a `yield` that belongs to the function itself.
struct YieldFinder {
    range: Option<TextRange>,
}

impl<'a> Visitor<'a> for YieldFinder {
    fn visit_stmt(&mut self, stmt: &'a Stmt) {
        if !matches!(stmt, Stmt::FunctionDef(_) | Stmt::ClassDef(_)) && self.range.is_none() {
            walk_stmt(self, stmt);
        }
    }

    fn visit_expr(&mut self, expr: &'a Expr) {
        match expr {
            Expr::Yield(_) | Expr::YieldFrom(_) => self.range = self.range.or(Some(expr.range())),
            Expr::Lambda(_) => {}
            _ => walk_expr(self, expr),
        }
    }
}
