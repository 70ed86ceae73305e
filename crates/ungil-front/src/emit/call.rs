//! Calls: what is called, and how arguments reach parameters.

use std::sync::Arc;

use ungil_ir::diagnostic::{Diagnostic, Kind, Span};
use ungil_ir::ir::Op;
use ungil_ir::{ObjectId, Type};

use super::origin::Finding;
use super::{Emitter, Val};
use crate::hir::{Param, ParamKind};
use crate::host::{JitOptions, Object, Semantics};
use crate::session::{Code, Entity, Key, Owner, called_here};
use crate::suggest;

impl Emitter<'_, '_> {
    /// `func(*args, **keywords)`.
    pub(super) fn call(
        &mut self,
        func: &Val,
        args: Vec<Val>,
        keywords: Vec<(Arc<str>, Val)>,
        span: Span,
    ) -> Option<Val> {
        let Type::Object(id, captures) = &func.ty else {
            let name = self.type_name(&func.ty);
            let error = self.typing("not-callable", span, format!("{name} cannot be called"));
            let error = error
                .with_text(format!("calls {name}"))
                .with_help("only functions are called: is the name bound to something else here?");
            return self.report_on(error, &[func]);
        };
        let (id, captures) = (*id, Arc::clone(captures));
        match self.session.entity(id) {
            Entity::Object(Object::Builtin(name)) => self.builtin(&name, func, &args, &keywords, span),
            Entity::Object(Object::Type(ty)) if !self.is_exact() => {
                self.cast_call(&ty, &args, &keywords, span)
            }
            Entity::Object(Object::Function { .. }) | Entity::Nested(_) | Entity::Combiner => {
                self.call_function(id, func, captures, args, keywords, span)
            }
            Entity::Object(Object::Exception { name, .. }) => {
                let error = self
                    .unsupported("exception-value", span, format!("`{name}` cannot be made here"))
                    .with_help("exceptions can only be raised: `raise ValueError(\"message\")`");
                self.report(error)
            }
            Entity::Object(_) => {
                let name = self.object_name(id);
                let help = "only functions are called: is the name bound to something else here?";
                let error = self.typing("not-callable", span, format!("{name} cannot be called"));
                self.report_on(error.with_help(help), &[func])
            }
        }
    }

    /// A function of the prelude, which never takes keywords.
    pub(super) fn prelude(&mut self, name: &str, args: &[&Val]) -> Option<Val> {
        let span = self.span;
        let Some(id) = self.session.prelude_function(name) else {
            let error = self.unsupported("no-prelude", span, format!("the prelude has no `{name}`"));
            return self.report(error);
        };
        let code = match self.session.code(id, Owner::Prelude, false) {
            Ok(code) => code,
            Err(errors) => {
                self.findings.extend(errors.into_iter().map(Finding::from));
                return None;
            }
        };
        let args: Vec<Val> = args.iter().map(|arg| (*arg).clone()).collect();
        self.emit_call(id, &code, Arc::from([]), &args, span)
    }

    fn call_function(
        &mut self,
        id: ObjectId,
        func: &Val,
        captures: Arc<[Type]>,
        args: Vec<Val>,
        keywords: Vec<(Arc<str>, Val)>,
        span: Span,
    ) -> Option<Val> {
        let code = match self.session.code(id, self.code.owner, self.options.parallel) {
            Ok(code) => code,
            Err(errors) => {
                let file = Arc::clone(&self.hir.file);
                let errors = errors.into_iter().map(|error| called_here(error, &file, span));
                self.findings.extend(errors.map(Finding::from));
                return None;
            }
        };
        let mut bound: Vec<Val> = (0..captures.len()).map(|index| self.field(func, index)).collect();
        bound.extend(self.bind_arguments(&code, args, keywords, span)?);
        self.emit_call(id, &code, captures, &bound, span)
    }

    /// `args` begins with what was captured.
    fn emit_call(
        &mut self,
        object: ObjectId,
        code: &Code,
        captures: Arc<[Type]>,
        args: &[Val],
        span: Span,
    ) -> Option<Val> {
        let params = args[captures.len()..].iter().map(|arg| arg.ty.clone()).collect();
        // The prelude is written in the compiled language.
        let semantics = if code.owner == Owner::Prelude { Semantics::Numba } else { self.options.semantics };
        let options = JitOptions { semantics, ..code.options.unwrap_or(self.options) };
        for arg in args {
            self.check_kept(arg, span)?;
        }
        let key = Key { object, captures, params, options };
        let Ok(callee) = self.session.instance(key, code, Some((self.id, span))) else {
            let error = self
                .typing(
                    "endless-types",
                    span,
                    format!("the calls of `{}` never settle on types", code.hir.qualname),
                )
                .with_text("each call has arguments of new types")
                .with_help("keep the types of a recursive function's arguments the same from call to call");
            return self.report(error);
        };
        let Some(ret) = self.session.get(callee).ret.clone() else {
            return self.unknown(span);
        };
        let site = self.session.site(&self.code, span);
        let args = args.iter().map(|arg| arg.id).collect();
        Some(self.bind(ret, Op::Call { func: callee, args, site }))
    }

    /// One value a parameter, as Python binds them.
    fn bind_arguments(
        &mut self,
        code: &Code,
        args: Vec<Val>,
        keywords: Vec<(Arc<str>, Val)>,
        span: Span,
    ) -> Option<Vec<Val>> {
        let hir = Arc::clone(&code.hir);
        let given = args.len();
        let mut positional = args.into_iter();
        let mut keywords = keywords;
        let mut bound: Vec<Val> = Vec::new();
        let wrong = |this: &mut Self, what: String, help: Option<String>| {
            let mut error = this.typing("arguments", span, format!("`{}()` {what}", hir.qualname));
            if let Some((first, last)) = hir.params.first().zip(hir.params.last()) {
                let all = Span::new(first.span.start.min(last.span.start), last.span.end.max(first.span.end));
                error = error.with_label(&hir.file, all, "its parameters");
            } else {
                error = error.with_note("it has no parameters");
            }
            this.report::<Vec<Val>>(match help {
                Some(help) => error.with_help(help),
                None => error,
            })
        };
        let takes = |name: &Arc<str>, param: &Param| {
            matches!(param.kind, ParamKind::Positional | ParamKind::KeywordOnly) && param.name == *name
        };
        // Told before a missing argument: the name is misspelt, more often than not.
        if let Some((name, _)) =
            keywords.iter().find(|(name, _)| !hir.params.iter().any(|param| takes(name, param)))
        {
            let names = hir.params.iter().map(|param| &*param.name);
            let help = suggest::nearest(name, names).map(|known| format!("did you mean `{known}`?"));
            return wrong(self, format!("got an unexpected keyword argument `{name}`"), help);
        }
        for param in &hir.params {
            let by_position = match param.kind {
                ParamKind::PositionalOnly | ParamKind::Positional => positional.next(),
                ParamKind::KeywordOnly => None,
                ParamKind::Rest => {
                    let rest: Vec<Val> = positional.by_ref().collect();
                    Some(self.tuple(rest, span)?)
                }
            };
            let by_name = match param.kind {
                ParamKind::Positional | ParamKind::KeywordOnly => {
                    keywords.iter().position(|(name, _)| *name == param.name).map(|at| keywords.remove(at).1)
                }
                ParamKind::PositionalOnly | ParamKind::Rest => None,
            };
            let default = || {
                let host =
                    code.defaults.iter().find(|(name, _)| *name == param.name).map(|(_, object)| object);
                host.or(param.default.as_ref()).cloned()
            };
            bound.push(match (by_position, by_name) {
                (Some(_), Some(_)) => {
                    let what = format!("got multiple values for argument `{}`", param.name);
                    return wrong(self, what, Some("give it by position or by name, not both".into()));
                }
                (Some(val), None) | (None, Some(val)) => val,
                (None, None) => match default() {
                    Some(Object::Other { description }) => {
                        let what = format!(
                            "the default of `{}` cannot be compiled: it is {description}",
                            param.name
                        );
                        let error = Diagnostic::new(
                            "unsupported-value",
                            Kind::Unsupported,
                            what,
                            &hir.file,
                            param.span,
                        )
                        .with_label(&self.hir.file, span, "the call takes the default")
                        .with_help("use numbers, bools, `None`, tuples of these, and functions");
                        return self.report(error);
                    }
                    Some(object) => self.object(&object, span)?,
                    None => {
                        let what = format!("is missing the argument `{}`", param.name);
                        let help = format!("pass it, or give it a default: `{}=…`", param.name);
                        return wrong(self, what, Some(help));
                    }
                },
            });
        }
        if positional.next().is_some() {
            let most = hir.params.iter().filter(|param| param.kind != ParamKind::KeywordOnly).count();
            let plural = if most == 1 { "" } else { "s" };
            let what = format!("takes at most {most} positional argument{plural}, and is given {given}");
            return wrong(self, what, None);
        }
        Some(bound)
    }
}
