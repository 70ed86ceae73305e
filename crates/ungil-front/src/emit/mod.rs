//! One pass over an instance: HIR with what is known of its types in, typed IR out.
//!
//! Typing and emission are one act: an operation is emitted by the types of its operands, and the type of what was
//! emitted is the type of the result. So each rule of the language stands in one place. A value whose type is not known
//! yet (`None` here) emits nothing and makes what uses it unknown; [`crate::session`] repeats the pass when more is known.
//!
//! - [`value`]: a typed value, and what is known of it while compiling; [`build`]: binding operations to values;
//! - [`stmts`], [`exprs`]: the statements and expressions; [`loops`]: `for` and `prange`;
//! - [`arith`], [`compare`], [`convert`], [`aggregate`]: operators, comparisons, conversions, tuples;
//! - [`exact`]: what all of these are where the interpreter's own answers are asked for;
//! - [`origin`]: where the types in a diagnostic come from; [`advice`]: what to write instead;
//! - [`call`]: calls and how arguments bind; [`builtins`], [`print`], [`math`], [`intrinsics`]: what the compiler itself
//!   knows.

mod advice;
mod aggregate;
mod arith;
mod build;
mod builtins;
mod call;
mod compare;
mod convert;
mod exact;
mod exprs;
mod intrinsics;
mod loops;
mod math;
mod origin;
mod print;
mod stmts;
mod value;

use std::sync::Arc;

use ungil_ir::Type;
use ungil_ir::diagnostic::{Diagnostic, Kind, Span};
use ungil_ir::ir::{self, FuncId};

use crate::hir;
use crate::host::{Constant, JitOptions, Object};
use crate::session::{Code, Entity, Owner, Session};

pub(crate) use origin::Widening;
pub(crate) use value::Val;

/// What a pass found.
pub(crate) struct Outcome {
    /// The IR; complete only if nothing was widened and no diagnostic made.
    pub(crate) function: Option<ir::Function>,
    /// What the function returns, as far as known.
    pub(crate) ret: Option<Type>,
    /// Whether a variable turned out wider than it had been assumed to be.
    pub(crate) widened: bool,
    /// Where a value's type was not known.
    pub(crate) blocked: Option<Span>,
    /// What is wrong.
    pub(crate) diagnostics: Vec<Diagnostic>,
}

/// Runs one pass over an instance.
pub(crate) fn pass(session: &mut Session<'_>, id: FuncId) -> Outcome {
    let instance = session.get(id);
    let code = instance.code.clone();
    let options = instance.key.options;
    let captures = Arc::clone(&instance.key.captures);
    let params = instance.key.params.clone();
    let ret = instance.ret.clone();
    let mut emitter = Emitter {
        id,
        hir: Arc::clone(&code.hir),
        code,
        options,
        captures,
        params,
        vals: vec![None; 0],
        values: Vec::new(),
        block: Vec::new(),
        dropped: Vec::new(),
        left: Vec::new(),
        ret_assumed: ret.clone(),
        ret,
        widened: false,
        blocked: None,
        returned: Vec::new(),
        findings: Vec::new(),
        span: Span::default(),
        session,
    };
    emitter.vals = vec![None; emitter.hir.values.len()];
    emitter.run()
}

/// The state of a pass.
pub(crate) struct Emitter<'s, 'h> {
    session: &'s mut Session<'h>,
    id: FuncId,
    code: Code,
    hir: Arc<hir::Function>,
    options: JitOptions,
    captures: Arc<[Type]>,
    params: Vec<Type>,
    /// What each HIR value has become; none if its type is not known.
    vals: Vec<Option<Val>>,
    /// The typed values bound so far.
    values: Vec<ir::Slot>,
    /// The block being emitted.
    block: ir::Block,
    /// Values that are not bound: what a parallel loop's head would read of a variable that every turn sets first.
    dropped: Vec<hir::ValueId>,
    /// Labels that some `Break` leaves.
    left: Vec<hir::Label>,
    ret_assumed: Option<Type>,
    ret: Option<Type>,
    widened: bool,
    /// What it returns where, in this pass.
    returned: Vec<(Type, Span)>,
    blocked: Option<Span>,
    findings: Vec<origin::Finding>,
    /// The place of the statement being emitted.
    span: Span,
}

impl Emitter<'_, '_> {
    fn run(mut self) -> Outcome {
        let hir = Arc::clone(&self.hir);
        let params: Vec<Type> = self.captures.iter().chain(&self.params).cloned().collect();
        let names =
            hir.captures.iter().cloned().chain(hir.params.iter().map(|param| Arc::clone(&param.name)));
        for (ty, name) in params.iter().zip(names) {
            self.values.push(ir::Slot { ty: ty.clone(), name });
        }
        let reaches_end = self.stmts(&hir.body);
        let is_wrong = !self.findings.is_empty() || !hir.diagnostics.is_empty();
        debug_assert!(!reaches_end || is_wrong || self.blocked.is_some(), "{hir:#?}");
        let assumed = self.ret_assumed.clone();
        let function = assumed.map(|ret| ir::Function {
            name: hir.qualname.to_string(),
            params: (0..params.len() as u32).map(ir::ValueId).collect(),
            ret,
            values: std::mem::take(&mut self.values),
            vars: self.vars(),
            body: std::mem::take(&mut self.block),
            options: ir::Options { fastmath: self.fastmath(), inline: self.inline() },
            file: (self.code.owner == Owner::User).then(|| Arc::clone(&hir.file)),
        });
        Outcome {
            function,
            ret: self.ret,
            widened: self.widened,
            blocked: self.blocked,
            diagnostics: hir.diagnostics.iter().cloned().chain(origin::causes(self.findings)).collect(),
        }
    }

    /// The variables, with the types known; one that is never reached has none and takes no space.
    fn vars(&self) -> Vec<ir::Slot> {
        let types = &self.session.get(self.id).var_types;
        self.hir
            .vars
            .iter()
            .zip(types)
            .map(|(var, ty)| ir::Slot { ty: ty.clone().unwrap_or(Type::None), name: Arc::clone(&var.name) })
            .collect()
    }

    /// The prelude's functions keep the order of their operations: their error bounds rest on it.
    fn fastmath(&self) -> ir::FastMath {
        match self.code.owner {
            Owner::User => self.options.fastmath,
            Owner::Prelude => ir::FastMath::default(),
        }
    }

    fn inline(&self) -> ir::Inline {
        match self.code.owner {
            Owner::Prelude => ir::Inline::Always,
            Owner::User if self.options.inline => ir::Inline::Always,
            Owner::User => ir::Inline::Auto,
        }
    }

    /// Notes that a type is not known here.
    fn unknown<T>(&mut self, span: Span) -> Option<T> {
        self.blocked.get_or_insert(span);
        None
    }

    /// Starts a diagnostic of typing.
    fn typing(&self, id: &'static str, span: Span, headline: impl Into<String>) -> Diagnostic {
        Diagnostic::new(id, Kind::Typing, headline, &self.hir.file, span)
    }

    /// Starts a diagnostic of something that the language lacks.
    fn unsupported(&self, id: &'static str, span: Span, headline: impl Into<String>) -> Diagnostic {
        Diagnostic::new(id, Kind::Unsupported, headline, &self.hir.file, span)
    }

    /// Reports; what follows from it is unknown.
    fn report<T>(&mut self, diagnostic: Diagnostic) -> Option<T> {
        self.findings.push(diagnostic.into());
        None
    }

    /// Whether values of the type are text.
    fn is_text(&self, ty: &Type) -> bool {
        let Type::Object(id, _) = ty else { return false };
        matches!(self.session.entity(*id), Entity::Object(Object::Const(Constant::Str(_))))
    }

    /// The name of a type for people: a compile-time object by what it is.
    fn type_name(&self, ty: &Type) -> String {
        match ty {
            Type::Object(id, _) => self.object_name(*id),
            Type::Tuple(parts) => {
                let parts: Vec<String> = parts.iter().map(|part| self.type_name(part)).collect();
                format!("Tuple({})", parts.join(", "))
            }
            Type::Optional(inner) => format!("{} or `None`", self.type_name(inner)),
            Type::None => "`None`".to_owned(),
            Type::Number => "an int or a float".to_owned(),
            Type::Range(_) => "a `range`".to_owned(),
            Type::Enumerate(_) => "an `enumerate`".to_owned(),
            Type::Zip(_) => "a `zip`".to_owned(),
            Type::Reversed(_) => "a `reversed`".to_owned(),
            other => other.to_string(),
        }
    }
}
