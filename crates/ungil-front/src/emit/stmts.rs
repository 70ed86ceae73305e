//! Statements. Each emitter of a block answers whether its end is reached.

use std::sync::Arc;

use ungil_ir::Type;
use ungil_ir::diagnostic::Span;
use ungil_ir::ir::{self, StmtKind as Ir};

use super::origin::{Origin, Widening};
use super::{Emitter, Val};
use crate::hir::{self, Block, Source, StmtKind};
use crate::host::{Constant, Object};
use crate::session::Entity;

impl Emitter<'_, '_> {
    /// Emits into the current block; true if control reaches the end.
    pub(super) fn stmts(&mut self, block: &Block) -> bool {
        for stmt in block {
            self.span = stmt.span;
            if !self.stmt(&stmt.kind, stmt.span) {
                return false;
            }
        }
        true
    }

    fn stmt(&mut self, kind: &StmtKind, span: Span) -> bool {
        match kind {
            StmtKind::Let(value, _) if self.dropped.contains(value) => {}
            StmtKind::Let(value, expr) => {
                let origin = Origin::of(expr, *value);
                let val = self.expr(expr, *value).and_then(|val| self.named(*value, val, span));
                self.vals[value.0 as usize] = val.map(|val| Val { origin, ..val });
            }
            StmtKind::Set(var, source) => {
                self.set(*var, *source, span);
            }
            StmtKind::CheckBound { flag, name } => self.check_bound(*flag, name),
            StmtKind::If { cond, then, otherwise } => return self.if_(*cond, then, otherwise),
            StmtKind::Block { label, body } => {
                let (block, ends) = self.nested(|this| this.stmts(body));
                self.push(Ir::Block { label: ir::Label(label.0), body: block });
                return ends | self.left.contains(label);
            }
            StmtKind::Loop { label, body } => {
                let (block, _) = self.nested(|this| this.stmts(body));
                self.push(Ir::Loop { label: ir::Label(label.0), body: block });
                return self.left.contains(label);
            }
            StmtKind::For(each) => {
                self.for_loop(each, span);
            }
            StmtKind::Break(label) => {
                self.left.push(*label);
                self.push(Ir::Break(ir::Label(label.0)));
                return false;
            }
            StmtKind::Continue(label) => {
                self.push(Ir::Continue(ir::Label(label.0)));
                return false;
            }
            StmtKind::Return(value) => {
                self.return_(*value, span);
                return false;
            }
            StmtKind::Raise { class, args } => return self.raise(*class, args, span),
        }
        true
    }

    fn set(&mut self, var: hir::VarId, source: Source, span: Span) -> Option<()> {
        let assumed = self.session.get(self.id).var_types[var.0 as usize].clone();
        match source {
            Source::Unset => {
                // Not known yet: the pass that knows it emits this.
                let Some(ty) = assumed else { return Some(()) };
                let filler = self.zero(&ty);
                self.push(Ir::Set(ir::VarId(var.0), filler.id));
            }
            Source::Value(value) => {
                let val = self.vals[value.0 as usize].clone()?;
                self.check_kept(&val, span)?;
                let ty = match &assumed {
                    None => val.ty.clone(),
                    Some(assumed) => match self.unify(assumed, &val.ty) {
                        Some(ty) => ty,
                        None => return self.cannot_unify(var, value, &val, assumed, span),
                    },
                };
                if assumed.as_ref() != Some(&ty) {
                    self.widened = true;
                    let place = self.place_of(value, &val);
                    let widening = Widening { ty: ty.clone(), place, origin: val.origin };
                    self.session.widen(self.id, var, widening);
                }
                let val = self.convert(&val, &ty)?;
                self.push(Ir::Set(ir::VarId(var.0), val.id));
            }
        }
        Some(())
    }

    fn cannot_unify(
        &mut self,
        var: hir::VarId,
        value: hir::ValueId,
        val: &Val,
        assumed: &Type,
        span: Span,
    ) -> Option<()> {
        let name = Arc::clone(&self.hir.vars[var.0 as usize].name);
        let what = if name.is_empty() { "this expression".to_owned() } else { format!("`{name}`") };
        let (first, second) = (self.type_name(assumed), self.type_name(&val.ty));
        let own = self.place_of(value, val);
        // A name that stands alone on a side has its place where it was bound: point at the whole expression.
        let is_outside = own.start < span.start || own.end > span.end;
        let place = if own == Span::default() || (name.is_empty() && is_outside) { span } else { own };
        let headline = format!("{what} is {first} on one way here and {second} on another");
        let mut error =
            self.typing("cannot-unify", place, headline).with_text(format!("here it is {second}"));
        for (earlier, text) in self.history(var) {
            error = self.label(error, earlier, text);
        }
        let lengths = |ty: &Type| if let Type::Tuple(parts) = ty { Some(parts.len()) } else { None };
        let help = match (assumed, &val.ty) {
            (Type::Object(..), Type::Object(..)) if !self.is_text(assumed) => {
                "which function is called must be known when compiling: call each on its own side"
            }
            (a, b) if lengths(a).zip(lengths(b)).is_some_and(|(a, b)| a != b) => {
                "the length of a tuple is part of its type: give it all its elements at once, or accumulate a number"
            }
            (a, b) if self.is_text(a) || self.is_text(b) => {
                "use a number or `None` to say which case it is, and make the text in the caller"
            }
            _ if name.is_empty() => "make both sides values of one type",
            _ => "use two names, or values of one type",
        };
        let mut finding = self.finding(error.with_help(help), &[val]);
        finding.fails = Some(var);
        self.findings.push(finding);
        None
    }

    fn check_bound(&mut self, flag: hir::ValueId, name: &str) {
        let Some(flag) = self.vals[flag.0 as usize].clone() else { return };
        let unbound = self.not(&flag);
        let message =
            format!("cannot access local variable '{name}' where it is not associated with a value");
        self.raise_if(&unbound, "UnboundLocalError", &message);
    }

    fn if_(&mut self, cond: hir::ValueId, then: &Block, otherwise: &Block) -> bool {
        let cond = self.vals[cond.0 as usize].clone();
        // What the types decide is decided now: the other side need not even make sense for them.
        if let Some(known) = cond.as_ref().and_then(Val::known_bool) {
            return self.stmts(if known { then } else { otherwise });
        }
        let (then, then_ends) = self.nested(|this| this.stmts(then));
        let (otherwise, otherwise_ends) = self.nested(|this| this.stmts(otherwise));
        if let Some(cond) = cond {
            self.push(Ir::If { cond: cond.id, then, otherwise });
        }
        then_ends | otherwise_ends
    }

    fn return_(&mut self, value: hir::ValueId, span: Span) -> Option<()> {
        let val = self.vals[value.0 as usize].clone()?;
        let ret = self.ret.clone().unwrap_or_else(|| val.ty.clone());
        self.check_kept(&val, span)?;
        let Some(ty) = self.unify(&ret, &val.ty) else { return self.returns_differ(&val, &ret, span) };
        self.returned.push((val.ty.clone(), span));
        self.ret = Some(ty);
        // The IR of this pass counts only if what was assumed holds.
        let assumed = self.ret_assumed.clone()?;
        let val = self.convert(&val, &assumed)?;
        self.push(Ir::Return(val.id));
        Some(())
    }

    fn returns_differ(&mut self, val: &Val, ret: &Type, span: Span) -> Option<()> {
        let (first, second) = (self.type_name(ret), self.type_name(&val.ty));
        let headline = format!("the function returns {first} elsewhere and {second} here");
        let mut error = self
            .typing("cannot-unify", self.narrowed(val, span), headline)
            .with_text(format!("{} {second}", self.returns(span)));
        let other = self.returned.iter().find(|(ty, _)| self.unify(ty, &val.ty).is_none());
        if let Some((ty, place)) = other {
            let text = format!("{} {}", self.returns(*place), self.type_name(ty));
            error = self.label(error, *place, text);
        }
        let help = if self.is_text(ret) || self.is_text(&val.ty) {
            "return a number or `None` to say which case it is, and make the text in the caller; or raise an exception"
        } else {
            "return values of one type"
        };
        self.report_on(error.with_help(help), &[val])
    }

    /// How the function returns at `place`: by the word, or by reaching its end.
    fn returns(&self, place: Span) -> &'static str {
        let is_written = self.hir.file.slice(place).starts_with("return");
        if is_written || self.hir.qualname.ends_with("<lambda>") {
            "returns"
        } else {
            "ends without `return`, which gives"
        }
    }

    fn raise(&mut self, class: hir::ValueId, args: &[hir::ValueId], span: Span) -> bool {
        self.raise_parts(class, args, span);
        false
    }

    fn raise_parts(&mut self, class: hir::ValueId, args: &[hir::ValueId], span: Span) -> Option<()> {
        let class = self.vals[class.0 as usize].clone()?;
        let entity = match &class.ty {
            Type::Object(id, _) => Some(self.session.entity(*id)),
            _ => None,
        };
        let Some(Entity::Object(Object::Exception { id, name, builtin })) = entity else {
            let name = self.type_name(&class.ty);
            let error = self
                .typing("not-an-exception", span, format!("{name} is not an exception class"))
                .with_help("raise an exception class, or one called with constants: `raise ValueError(\"negative\")`");
            return self.report(error);
        };
        let mut constants = Vec::new();
        for arg in args {
            let val = self.vals[arg.0 as usize].clone()?;
            let Some(constant) = raise_arg(&val) else {
                // The interpreter makes the exception, from the values that it finds.
                if self.is_exact() {
                    continue;
                }
                let place = self.hir.values[arg.0 as usize].span;
                let what = self.type_name(&val.ty);
                let error = self
                    .unsupported("raise-argument", span, "the arguments of an exception must be constants")
                    .with_text("raised with what is known only at run time")
                    .with_label(&self.hir.file, place, format!("this is {what}"))
                    .with_help("return the value, and raise the exception in Python");
                return self.report(error);
            };
            constants.push(constant);
        }
        let class =
            if builtin { ir::ExceptionClass::Builtin(name) } else { ir::ExceptionClass::Object { id, name } };
        let site = self.session.site(&self.code, span);
        let id = self.session.raise(ir::Raise { class, args: constants, site });
        self.push(Ir::Raise(id));
        Some(())
    }
}

fn raise_arg(val: &Val) -> Option<ir::RaiseArg> {
    Some(match (&val.known, &val.ty) {
        (Some(Constant::None), _) => ir::RaiseArg::None,
        (Some(Constant::Bool(value)), Type::Bool) => ir::RaiseArg::Bool(*value),
        (Some(Constant::Int(value)), Type::Int(_)) => ir::RaiseArg::Int(*value),
        (Some(Constant::Float(value)), Type::Float(_)) => ir::RaiseArg::Float(*value),
        (Some(Constant::Str(text)), _) => ir::RaiseArg::Str(Arc::clone(text)),
        (_, Type::Tuple(_)) => {
            let parts: Option<Vec<ir::RaiseArg>> = val.parts.as_ref()?.iter().map(raise_arg).collect();
            ir::RaiseArg::Tuple(parts?)
        }
        (_, Type::Complex(_)) => match val.parts.as_deref() {
            Some(
                [
                    Val { known: Some(Constant::Float(real)), .. },
                    Val { known: Some(Constant::Float(imag)), .. },
                ],
            ) => ir::RaiseArg::Complex(*real, *imag),
            _ => return None,
        },
        _ => return None,
    })
}
