//! Functions and lambdas written inside the function.
//!
//! A closure holds the *values* of the names that it captures, where Python's holds the variables. The two agree as long
//! as the names keep their bindings: a closure is a [`Promise`] about each, checked wherever the source reads it.

use std::sync::Arc;

use ruff_python_ast::{Expr as PyExpr, ExprLambda, Parameters, StmtFunctionDef};
use ruff_text_size::{Ranged, TextRange};
use ungil_ir::Span;
use ungil_ir::diagnostic::{Diagnostic, Kind};

use super::env::{Binding, Carrier};
use super::scope::{Body, free_names};
use super::{Lower, Outer, Source, fold};
use crate::hir::{Carried, Expr, Function, ValueId};
use crate::host::Object;

/// That a captured name still has the value that a closure took of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Promise {
    local: usize,
    captured: ValueId,
    /// Where the closure is written.
    closure: Span,
}

impl<'a> Lower<'a> {
    pub(super) fn nested_def(&mut self, def: &'a StmtFunctionDef) -> ValueId {
        for decorator in &def.decorator_list {
            if !is_jit(&decorator.expression) {
                self.reject_decorator(decorator);
            }
        }
        let source = Source { parameters: Some(&def.parameters), body: Body::Block(&def.body) };
        self.closure(source, def.name.as_str(), Some(def.name.as_str()), def.name.range, def.name.range)
    }

    /// A lambda; `own_name` is the name that it is assigned to at once.
    pub(super) fn lambda(&mut self, lambda: &'a ExprLambda, own_name: Option<&'a str>) -> ValueId {
        let source = Source { parameters: lambda.parameters.as_deref(), body: Body::Expr(&lambda.body) };
        self.closure(source, "<lambda>", own_name, lambda.range, lambda.body.range())
    }

    fn closure(
        &mut self,
        source: Source<'a>,
        name: &str,
        own_name: Option<&'a str>,
        range: TextRange,
        place: TextRange,
    ) -> ValueId {
        let span = self.span(range);
        let mut names = Vec::new();
        let mut captures = Vec::new();
        let mut promises: Vec<Promise> = Vec::new();
        let mut own_local = None;
        for free in free_names(source.parameters, source.body).order {
            if own_name == Some(free) {
                own_local = self.locals.get(free).copied();
                continue;
            }
            let value = if let Some(&local) = self.locals.get(free) {
                let captured = self.capture(local, free, span);
                promises.extend(captured.map(|captured| Promise { local, captured, closure: span }));
                captured.unwrap_or_else(|| self.emit(Expr::Error, span))
            } else if self.own_name == Some(free) {
                self.emit(Expr::ThisFunction, span)
            } else {
                continue;
            };
            promises.extend(self.promises.get(&value).cloned().unwrap_or_default());
            names.push(free);
            captures.push(value);
        }
        let defaults = self.defaults(source.parameters);
        let qualname = Arc::from(format!("{}.<locals>.{name}", self.qualname));
        let outer = Outer { qualname, own_name, captures: names, depth: self.depth };
        let mut function = Lower::function(self.unit, source, outer, place);
        for (param, default) in function.params.iter_mut().zip(defaults) {
            param.default = default;
        }
        let index = self.nest(function);
        let value = self.emit(Expr::Closure { function: index, captures }, span);
        // What calls itself by its name promises that the name goes on meaning itself.
        promises.extend(own_local.map(|local| Promise { local, captured: value, closure: span }));
        if !promises.is_empty() {
            self.promises.insert(value, promises);
        }
        value
    }

    /// What promised that a name is bound to one of `sources` now promises that it is bound to `value`, their join.
    pub(super) fn rebind_promises(&mut self, local: usize, sources: &[ValueId], value: ValueId) {
        for promise in self.promises.get_mut(&value).into_iter().flatten() {
            if promise.local == local && sources.contains(&promise.captured) {
                promise.captured = value;
            }
        }
    }

    /// Keeps a nested function; its diagnostics become the enclosing function's.
    fn nest(&mut self, mut function: Function) -> u32 {
        self.diagnostics.append(&mut function.diagnostics);
        self.nested.push(Arc::new(function));
        self.nested.len() as u32 - 1
    }

    /// The value of a name, as a closure takes it; none, and a diagnostic, if it may have none.
    fn capture(&mut self, local: usize, name: &str, closure: Span) -> Option<ValueId> {
        match self.env[local] {
            Binding::Bound(value) => {
                self.keep_promises(value, closure);
                Some(value)
            }
            Binding::Unbound | Binding::Maybe { .. } => {
                let message = format!("`{name}` is captured before it certainly has a value");
                let diagnostic =
                    Diagnostic::new("captured-unbound", Kind::Unsupported, message, self.unit.file, closure)
                        .with_note(
                            "compiled closures take the values of the names that they use when they are made",
                        )
                        .with_help(format!("assign `{name}` first, or pass it as an argument"));
                self.report(diagnostic);
                None
            }
        }
    }

    /// The constants that the parameters default to, in the order of the code object's variables.
    fn defaults(&mut self, parameters: Option<&'a Parameters>) -> Vec<Option<Object>> {
        let Some(parameters) = parameters else { return Vec::new() };
        parameters
            .posonlyargs
            .iter()
            .chain(&parameters.args)
            .chain(&parameters.kwonlyargs)
            .map(|parameter| parameter.default.as_ref().map(|default| self.default(default)))
            .collect()
    }

    fn default(&mut self, default: &'a PyExpr) -> Object {
        if let Ok(Some(constant)) = fold::constant(default) {
            return Object::Const(constant);
        }
        if let PyExpr::Name(name) = default
            && !self.locals.contains_key(name.id.as_str())
            && let Some(object) = self.unit.host.global(self.unit.function, &name.id)
        {
            return object;
        }
        self.reject_default(default);
        Object::Other { description: "a value that is not constant".to_owned() }
    }

    /// Checks, where the source reads a value by a name, that closures among it still mean what they would in Python.
    pub(super) fn keep_promises(&mut self, value: ValueId, span: Span) {
        self.read.entry(value).or_insert(span);
        let Some(promises) = self.promises.get(&value) else { return };
        let broken =
            promises.iter().find(|promise| self.env[promise.local] != Binding::Bound(promise.captured));
        if let Some(promise) = broken.cloned() {
            self.report_broken(&promise, span);
        }
    }

    /// The same for closures that reach the next turn of a loop, which assigns what they captured.
    pub(super) fn check_carried(&mut self, heads: &[Carrier], carried: &[Carried]) {
        let mut broken = Vec::new();
        for head in carried {
            let Some(&read) = self.read.get(&head.head) else { continue };
            for source in self.sources.get(&head.var).into_iter().flatten() {
                let others = self
                    .promises
                    .get(source)
                    .into_iter()
                    .flatten()
                    .filter(|promise| promise.captured != *source);
                let mut assigned =
                    others.filter(|promise| heads.iter().any(|head| head.local == promise.local));
                broken.extend(assigned.next().map(|promise| (promise.clone(), read)));
            }
        }
        for (promise, read) in broken {
            self.report_broken(&promise, read);
        }
    }

    fn report_broken(&mut self, promise: &Promise, read: Span) {
        let name = Arc::clone(&self.names[promise.local]);
        let message = format!("`{name}` changes after the function that captures it was made");
        let diagnostic =
            Diagnostic::new("captured-changes", Kind::Unsupported, message, self.unit.file, read)
                .with_text("used here")
                .with_label(self.unit.file, promise.closure, format!("captures `{name}`"))
                .with_note("compiled closures take the values of the names that they use when they are made")
                .with_help(format!(
                    "pass `{name}` as an argument, or make the function again after the change"
                ));
        self.report(diagnostic);
    }
}

/// Whether a decorator is `jit` or `njit`, called or not: a nested function is compiled with its surroundings anyway.
fn is_jit(decorator: &PyExpr) -> bool {
    let name = match decorator {
        PyExpr::Call(call) => return !matches!(&*call.func, PyExpr::Call(_)) && is_jit(&call.func),
        PyExpr::Name(name) => name.id.as_str(),
        PyExpr::Attribute(attribute) => attribute.attr.as_str(),
        _ => return false,
    };
    matches!(name, "jit" | "njit")
}
