//! From the syntax tree of a function to its HIR: names become values and variables.
//!
//! One walk builds structured SSA directly, because Python's control flow is structured: the environment says what each
//! local name is bound to here; a join compares the environments that reach it and makes a variable for each name that
//! differs; a loop makes one, beforehand, for each name that it assigns. Variables that turn out not to be needed are
//! left to [`crate::simplify`].
//!
//! - [`scope`]: what a scan of the source alone tells of names; [`env`]: bindings, joins;
//! - [`stmt`], [`loops`], [`expr`], [`condition`], [`closure`]: one file a kind of syntax; [`fold`]: constants;
//! - [`reject`]: what the language lacks, and what to write instead.
//!
//! What cannot be lowered becomes a diagnostic and an [`Expr::Error`]; lowering goes on behind it.

mod closure;
mod condition;
mod env;
mod expr;
pub(crate) mod fold;
mod loops;
mod reject;
mod scope;
mod stmt;

use std::sync::Arc;

use ruff_python_ast::{Expr as PyExpr, Parameters, Stmt as PyStmt};
use ruff_text_size::{Ranged, TextRange};
use rustc_hash::{FxHashMap, FxHashSet};
use ungil_ir::diagnostic::{Diagnostic, Kind};
use ungil_ir::{ObjectId, SourceFile, Span};

use crate::hir::{
    Block, Expr, Function, Label, Param, ParamKind, Stmt, StmtKind, Value, ValueId, Var, VarId,
};
use crate::host::{Constant, Definition, Host, Object};
use crate::parse::{Node, Parsed, Shift, too_deep};

use closure::Promise;
use env::Binding;
use loops::LoopFrame;
use scope::{Bindings, Body};

/// How deep blocks and expressions may nest; bounds the recursion of this walk and of every later one over the HIR.
const NESTING_LIMIT: u32 = 200;

/// How many local names a function may have; bounds the cost of a join.
const LOCALS_LIMIT: usize = 10_000;

/// How much work lowering may take, in names compared; a statement of the result costs [`STATEMENT`].
const WORK_LIMIT: u64 = 100_000_000;

/// See [`WORK_LIMIT`].
const STATEMENT: u64 = 50;

/// Lowers a function that [`crate::parse::function`] has found; `function` is its identity, by which `host` resolves the
/// names that it does not define.
///
/// Without `parallel`, `prange` is `range`, and so is the meaning of `acc = acc and x` in its body.
///
/// Never fails: what is unsupported is told in [`Function::diagnostics`], which includes those of nested functions.
pub fn lower(
    parsed: &Parsed,
    definition: &Definition,
    function: ObjectId,
    host: &dyn Host,
    parallel: bool,
) -> Function {
    let unit = Unit { host, function, file: &definition.file, shift: parsed.shift(), parallel };
    let (source, place) = match parsed.node() {
        Node::Def(def) => {
            (Source { parameters: Some(&def.parameters), body: Body::Block(&def.body) }, def.name.range)
        }
        Node::Lambda(lambda) => (
            Source { parameters: lambda.parameters.as_deref(), body: Body::Expr(&lambda.body) },
            lambda.body.range(),
        ),
    };
    let outer =
        Outer { qualname: Arc::clone(&definition.qualname), own_name: None, captures: Vec::new(), depth: 0 };
    Lower::function(&unit, source, outer, place)
}

/// What all functions written inside one share.
struct Unit<'a> {
    host: &'a dyn Host,
    /// The outermost function; names global to a nested one resolve by it.
    function: ObjectId,
    file: &'a Arc<SourceFile>,
    shift: Shift,
    /// Whether `prange` loops are parallel.
    parallel: bool,
}

/// The syntax of a function.
#[derive(Clone, Copy)]
struct Source<'a> {
    parameters: Option<&'a Parameters>,
    body: Body<'a>,
}

/// What a function gets from where it is written.
struct Outer<'a> {
    qualname: Arc<str>,
    /// For a nested function: the name by which it calls itself.
    own_name: Option<&'a str>,
    captures: Vec<&'a str>,
    depth: u32,
}

/// The function being built, and where in it the walk is.
struct Lower<'a> {
    unit: &'a Unit<'a>,
    qualname: Arc<str>,
    own_name: Option<&'a str>,
    /// Index of each local name in `env`.
    locals: FxHashMap<&'a str, usize>,
    names: Vec<Arc<str>>,
    /// What each local name is bound to here.
    env: Vec<Binding>,
    /// Whether control reaches here.
    live: bool,
    /// The statements of the current block so far.
    block: Block,
    loops: Vec<LoopFrame>,
    values: Vec<Value>,
    vars: Vec<Var>,
    nested: Vec<Arc<Function>>,
    diagnostics: Vec<Diagnostic>,
    labels: u32,
    depth: u32,
    /// What values that are closures rely on.
    promises: FxHashMap<ValueId, Vec<Promise>>,
    /// Where the source first reads each value by a name.
    read: FxHashMap<ValueId, Span>,
    /// Values that a `prange` loop carries for a name, and what has been combined with them since.
    accumulated: FxHashSet<ValueId>,
    /// Of each variable, the sources of which the two above know something.
    sources: FxHashMap<VarId, Vec<ValueId>>,
    /// What has been spent of [`WORK_LIMIT`].
    work: u64,
    /// Whether a limit has been reached; it is told once.
    refused: bool,
}

impl<'a> Lower<'a> {
    fn function(unit: &'a Unit<'a>, source: Source<'a>, outer: Outer<'a>, place: TextRange) -> Function {
        let mut this = Self {
            unit,
            qualname: outer.qualname,
            own_name: outer.own_name,
            locals: FxHashMap::default(),
            names: Vec::new(),
            env: Vec::new(),
            live: true,
            block: Vec::new(),
            loops: Vec::new(),
            values: Vec::new(),
            vars: Vec::new(),
            nested: Vec::new(),
            diagnostics: Vec::new(),
            labels: 0,
            depth: outer.depth,
            promises: FxHashMap::default(),
            read: FxHashMap::default(),
            sources: FxHashMap::default(),
            work: 0,
            refused: false,
            accumulated: FxHashSet::default(),
        };
        let place = unit.shift.span(place);
        for (index, name) in outer.captures.iter().enumerate() {
            let value = this.emit(Expr::Capture(index as u32), place);
            this.declare(name, Binding::Bound(value));
            this.name_value(value, name);
        }
        let params = this.params(source.parameters);
        let bindings = match source.body {
            Body::Block(stmts) => Bindings::of_body(stmts),
            Body::Expr(expr) => Bindings::of_expr(expr),
        };
        for name in bindings.bound.order {
            this.declare(name, Binding::Unbound);
        }
        if this.env.len() > LOCALS_LIMIT {
            let message = format!("`{}` has more than {LOCALS_LIMIT} local names", this.qualname);
            this.report(
                Diagnostic::new("too-many-names", Kind::Unsupported, message, unit.file, place)
                    .with_help("split the function"),
            );
        } else {
            this.body(source.body, place);
        }
        Function {
            qualname: this.qualname,
            file: Arc::clone(unit.file),
            params,
            captures: outer.captures.iter().map(|name| Arc::from(*name)).collect(),
            values: this.values,
            vars: this.vars,
            nested: this.nested,
            body: this.block,
            diagnostics: this.diagnostics,
        }
    }

    /// Emits the parameters, in the order of the code object's variables.
    fn params(&mut self, parameters: Option<&'a Parameters>) -> Vec<Param> {
        let Some(parameters) = parameters else { return Vec::new() };
        let kinds = [
            (&parameters.posonlyargs, ParamKind::PositionalOnly),
            (&parameters.args, ParamKind::Positional),
            (&parameters.kwonlyargs, ParamKind::KeywordOnly),
        ];
        let mut all = Vec::new();
        for (group, kind) in kinds {
            all.extend(group.iter().map(|parameter| (&parameter.parameter, kind)));
        }
        all.extend(parameters.vararg.iter().map(|parameter| (&**parameter, ParamKind::Rest)));
        let mut params = Vec::new();
        for (index, (parameter, kind)) in all.into_iter().enumerate() {
            let span = self.span(parameter.name.range);
            let name = parameter.name.as_str();
            let value = self.emit(Expr::Param(index as u32), span);
            self.name_value(value, name);
            self.declare(name, Binding::Bound(value));
            params.push(Param { name: Arc::from(name), kind, default: None, span });
        }
        if let Some(rest) = &parameters.kwarg {
            self.reject_kwargs(rest);
            let value = self.emit(Expr::Error, self.span(rest.range));
            self.declare(rest.name.as_str(), Binding::Bound(value));
        }
        params
    }

    fn body(&mut self, body: Body<'a>, place: Span) {
        match body {
            Body::Block(stmts) => {
                self.stmts(stmts);
                if self.live {
                    let none = self.constant(Constant::None, place);
                    self.push(StmtKind::Return(none), place);
                }
            }
            Body::Expr(expr) => {
                let value = self.expr(expr);
                self.push(StmtKind::Return(value), self.span(expr.range()));
            }
        }
    }

    /// Makes a local name known; one that is known keeps its binding.
    fn declare(&mut self, name: &'a str, binding: Binding) {
        let next = self.env.len();
        let index = *self.locals.entry(name).or_insert(next);
        if index == next {
            self.names.push(Arc::from(name));
            self.env.push(binding);
        }
    }

    /// Lowers statements until control no longer gets past one.
    fn stmts(&mut self, stmts: &'a [PyStmt]) {
        for stmt in stmts {
            if !self.live {
                break;
            }
            self.deeper(stmt.range(), |this| this.stmt(stmt));
        }
    }

    /// Lowers an expression.
    fn expr(&mut self, expr: &'a PyExpr) -> ValueId {
        if !self.enter(expr.range()) {
            return self.error(expr.range());
        }
        let value = self.expression(expr);
        self.depth -= 1;
        value
    }

    /// Runs `build` one level deeper, unless that is too deep.
    fn deeper(&mut self, range: TextRange, build: impl FnOnce(&mut Self)) {
        if self.enter(range) {
            build(self);
            self.depth -= 1;
        }
    }

    /// One level deeper, unless that is too deep; the caller goes back up by `depth -= 1`.
    fn enter(&mut self, range: TextRange) -> bool {
        if self.depth < NESTING_LIMIT && self.work < WORK_LIMIT {
            self.depth += 1;
            return true;
        }
        if !self.refused {
            self.refused = true;
            let span = self.span(range);
            self.report(if self.depth < NESTING_LIMIT {
                let message = format!("`{}` is too large to be compiled", self.qualname);
                Diagnostic::new("too-large", Kind::Unsupported, message, self.unit.file, span)
                    .with_help("split the function")
            } else {
                too_deep(self.unit.file, span)
            });
        }
        false
    }

    /// Pays for work: a statement, or a name of an environment that was copied.
    fn charge(&mut self, work: u64) {
        self.work += work;
    }

    fn span(&self, range: TextRange) -> Span {
        self.unit.shift.span(range)
    }

    fn push(&mut self, kind: StmtKind, span: Span) {
        self.charge(STATEMENT);
        self.block.push(Stmt { kind, span });
    }

    /// Binds a new value to an expression.
    fn emit(&mut self, expr: Expr, span: Span) -> ValueId {
        let value = self.new_value(span);
        self.push(StmtKind::Let(value, expr), span);
        value
    }

    /// A value for the caller to bind.
    fn new_value(&mut self, span: Span) -> ValueId {
        self.values.push(Value { name: Arc::from(""), span });
        ValueId(self.values.len() as u32 - 1)
    }

    fn constant(&mut self, constant: Constant, span: Span) -> ValueId {
        self.emit(Expr::Object(Object::Const(constant)), span)
    }

    /// The value of an expression that a diagnostic has been made for.
    fn error(&mut self, range: TextRange) -> ValueId {
        self.emit(Expr::Error, self.span(range))
    }

    /// Remembers the name that a value was bound to first.
    fn name_value(&mut self, value: ValueId, name: &str) {
        let slot = &mut self.values[value.0 as usize].name;
        if slot.is_empty() {
            *slot = Arc::from(name);
        }
    }

    fn new_var(&mut self, name: Arc<str>, is_flag: bool) -> VarId {
        self.vars.push(Var { name, is_flag });
        VarId(self.vars.len() as u32 - 1)
    }

    fn new_label(&mut self) -> Label {
        self.labels += 1;
        Label(self.labels - 1)
    }

    /// Runs `build` with a block of its own, and gives that block.
    fn nested_block(&mut self, build: impl FnOnce(&mut Self)) -> Block {
        let outer = std::mem::take(&mut self.block);
        build(self);
        std::mem::replace(&mut self.block, outer)
    }

    fn report(&mut self, diagnostic: Diagnostic) {
        self.diagnostics.push(diagnostic);
    }
}
