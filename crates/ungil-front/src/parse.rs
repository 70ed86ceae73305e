//! From a [`Definition`] to the syntax tree of the function that it names.
//!
//! The whole file is parsed, so that every span is an offset in the user's file; parsed files are remembered. A file that
//! is not Python as a whole (a notebook cell with magics, a file edited since) does not matter as long as no error lies
//! in the function: the parser recovers from the others. Trees deeper than [`DEPTH_LIMIT`] are refused, because every
//! later walk of a tree is recursive.

use std::sync::{Arc, Mutex, Weak};

use ruff_python_ast::visitor::{Visitor, walk_expr, walk_pattern, walk_stmt};
use ruff_python_ast::{Expr, ExprLambda, ModModule, Pattern, PySourceType, Stmt, StmtFunctionDef};
use ruff_python_parser::{ParseError, parse_unchecked_source};
use ruff_text_size::{Ranged, TextRange, TextSize};
use ungil_ir::diagnostic::{Diagnostic, Kind};
use ungil_ir::{SourceFile, Span};

use crate::host::{BodyRange, Definition};

/// How deep syntax trees may nest.
pub const DEPTH_LIMIT: u32 = 500;

/// Stack that walking and dropping a tree of [`DEPTH_LIMIT`] may take, with a wide margin.
const STACK: usize = 4 << 20;

/// How many files are remembered.
const REMEMBERED: usize = 32;

/// Text before a function that is parsed alone: makes its indentation legal.
const OPENING: &str = "if 1:\n";

/// The syntax tree of one function.
#[derive(Clone, Debug)]
pub struct Parsed {
    node: Node,
    shift: Shift,
}

/// A `def` or a `lambda`.
#[derive(Clone, Debug)]
pub(crate) enum Node {
    /// `def name(…): …`
    Def(Box<StmtFunctionDef>),
    /// `lambda …: …`
    Lambda(Box<ExprLambda>),
}

/// How to get from offsets in the parsed text to offsets in the file.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Shift {
    start: u32,
    opening: u32,
}

impl Parsed {
    pub(crate) const fn node(&self) -> &Node {
        &self.node
    }

    pub(crate) const fn shift(&self) -> Shift {
        self.shift
    }
}

impl Shift {
    /// The span in the file.
    pub(crate) fn span(self, range: TextRange) -> Span {
        Span::new(self.offset(range.start()), self.offset(range.end()))
    }

    fn offset(self, at: TextSize) -> u32 {
        (at.to_u32() + self.start).saturating_sub(self.opening)
    }
}

/// Finds the function of `definition` in its file.
///
/// # Errors
///
/// The function is not where the definition says, is not Python, nests too deeply, or is a coroutine or generator.
#[expect(
    clippy::result_large_err,
    reason = "it fails once for a compilation, and callers keep what they get"
)]
pub fn function(definition: &Definition) -> Result<Parsed, Diagnostic> {
    // No code of the host runs on the other stack: interpreters may check that they are on the one they know.
    stacker::maybe_grow(STACK, 2 * STACK, || find(definition)).map_err(|diagnostic| *diagnostic)
}

fn find(definition: &Definition) -> Result<Parsed, Rejected> {
    let file = &definition.file;
    let tree = tree_of(file)?;
    let found = match search(&tree, definition) {
        Ok(found) => found,
        Err(first) => {
            let alone =
                alone(definition).ok_or(()).and_then(|tree| search(&tree, definition).map_err(|_| ()));
            alone.map_err(|()| first)?
        }
    };
    check_flavour(&found, definition)?;
    Ok(found)
}

/// A diagnostic on its way out.
type Rejected = Box<Diagnostic>;

/// A parsed text.
pub(crate) struct Tree {
    module: ModModule,
    errors: Vec<ParseError>,
    shift: Shift,
}

impl Tree {
    /// The statements of the module.
    pub(crate) fn body(&self) -> &[Stmt] {
        &self.module.body
    }
}

/// Parses a whole module, of which nothing may be wrong.
///
/// # Errors
///
/// Every syntax error.
pub(crate) fn module(file: &Arc<SourceFile>) -> Result<Arc<Tree>, Vec<Diagnostic>> {
    let tree = stacker::maybe_grow(STACK, 2 * STACK, || tree_of(file)).map_err(|error| vec![*error])?;
    if tree.errors.is_empty() {
        return Ok(tree);
    }
    Err(tree.errors.iter().map(|error| syntax(&tree, file, error)).collect())
}

static PARSED: Mutex<Vec<(Weak<SourceFile>, Arc<Tree>)>> = Mutex::new(Vec::new());

/// The tree of a whole file, remembered.
fn tree_of(file: &Arc<SourceFile>) -> Result<Arc<Tree>, Rejected> {
    // Never waits: in a forked child the lock may be held by a thread that no longer exists.
    if let Ok(parsed) = PARSED.try_lock()
        && let Some((_, tree)) =
            parsed.iter().find(|(known, _)| std::ptr::eq(known.as_ptr(), Arc::as_ptr(file)))
    {
        return Ok(Arc::clone(tree));
    }
    let tree = Arc::new(
        parse(file.text(), Shift::default()).ok_or_else(|| Box::new(too_deep(file, Span::new(0, 0))))?,
    );
    if let Ok(mut parsed) = PARSED.try_lock() {
        parsed.retain(|(known, _)| known.strong_count() > 0);
        if parsed.len() >= REMEMBERED {
            parsed.remove(0);
        }
        parsed.push((Arc::downgrade(file), Arc::clone(&tree)));
    }
    Ok(tree)
}

/// The tree of the text from the definition's line on, for files whose beginning leads the parser astray.
fn alone(definition: &Definition) -> Option<Arc<Tree>> {
    let start = definition.file.line_start(definition.line)?;
    let text = definition.file.text().get(start as usize..)?;
    let indented = text.starts_with([' ', '\t']);
    let opening = if indented { OPENING } else { "" };
    let shift = Shift { start, opening: opening.len() as u32 };
    parse(&format!("{opening}{text}"), shift).map(Arc::new)
}

/// Parses, unless the tree is too deep.
fn parse(text: &str, shift: Shift) -> Option<Tree> {
    if u32::try_from(text.len()).is_err() {
        return None;
    }
    let parsed = parse_unchecked_source(text, PySourceType::Python);
    let errors = parsed.errors().to_vec();
    let module = parsed.into_syntax();
    if is_too_deep(&module) {
        // Dropping it would recurse as deep as the tree; leaking a tree that nobody writes by hand is the lesser evil.
        std::mem::forget(module);
        return None;
    }
    Some(Tree { module, errors, shift })
}

pub(crate) fn too_deep(file: &Arc<SourceFile>, span: Span) -> Diagnostic {
    Diagnostic::new(
        "nests-too-deeply",
        Kind::Unsupported,
        "the source nests too deeply to be compiled",
        file,
        span,
    )
    .with_help("split the expression, or move inner blocks into functions of their own")
}

fn is_too_deep(module: &ModModule) -> bool {
    let mut meter = DepthMeter { depth: 0, exceeded: false };
    meter.visit_body(&module.body);
    meter.exceeded
}

/// Finds out whether a tree nests deeper than the limit, without going deeper itself.
struct DepthMeter {
    depth: u32,
    exceeded: bool,
}

impl DepthMeter {
    fn deeper(&mut self, walk: impl FnOnce(&mut Self)) {
        if self.exceeded {
            return;
        }
        self.depth += 1;
        if self.depth > DEPTH_LIMIT {
            self.exceeded = true;
        } else {
            walk(self);
        }
        self.depth -= 1;
    }
}

impl<'a> Visitor<'a> for DepthMeter {
    fn visit_stmt(&mut self, stmt: &'a Stmt) {
        self.deeper(|meter| walk_stmt(meter, stmt));
    }

    fn visit_expr(&mut self, expr: &'a Expr) {
        self.deeper(|meter| walk_expr(meter, expr));
    }

    fn visit_pattern(&mut self, pattern: &'a Pattern) {
        self.deeper(|meter| walk_pattern(meter, pattern));
    }
}

/// Looks for the definition in a tree.
fn search(tree: &Tree, definition: &Definition) -> Result<Parsed, Rejected> {
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
    match tree.errors.iter().find(|error| range.contains_range(error.location)) {
        Some(error) => Err(Box::new(syntax(tree, file, error))),
        None => Ok(Parsed { node, shift: tree.shift }),
    }
}

fn syntax(tree: &Tree, file: &Arc<SourceFile>, error: &ParseError) -> Diagnostic {
    let mut message = error.error.to_string();
    if let Some(first) = message.get(..1).map(str::to_lowercase) {
        message.replace_range(..1, &first);
    }
    let span = tree.shift.span(error.location);
    Diagnostic::new("syntax-error", Kind::Syntax, format!("not Python: {message}"), file, span)
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
fn check_flavour(found: &Parsed, definition: &Definition) -> Result<(), Rejected> {
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
