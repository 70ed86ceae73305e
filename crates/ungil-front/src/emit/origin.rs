//! Where the types in a diagnostic come from, and which diagnostics only follow from another.
//!
//! A value remembers what it comes from ([`Origin`]); a variable, where its type grew ([`Widening`]). A diagnostic about
//! values gets a label at each of these places. A variable whose types do not fit keeps the first of them, so whatever
//! else is said about its value is a mere consequence, and left out.

use ungil_ir::Type;
use ungil_ir::diagnostic::{Diagnostic, Span};

use super::{Emitter, Val};
use crate::hir::{self, Expr};
use crate::host::Object;

/// How many places a diagnostic shows for the type of one variable.
const MAX_WIDENINGS_TOLD: usize = 3;

/// What a value comes from.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) enum Origin {
    /// Nothing that the user wrote.
    #[default]
    Unknown,
    /// The parameter of that index.
    Param(u32),
    /// A variable: several assignments meet in it.
    Var(hir::VarId),
    /// A literal, or a name from outside.
    Constant(hir::ValueId),
    /// An expression.
    Expr(hir::ValueId),
}

impl Origin {
    /// What a value bound to `expr` comes from.
    pub(super) const fn of(expr: &Expr, value: hir::ValueId) -> Self {
        match expr {
            Expr::Param(index) => Self::Param(*index),
            Expr::Get(var) => Self::Var(*var),
            Expr::Object(Object::Const(_)) => Self::Constant(value),
            _ => Self::Expr(value),
        }
    }
}

/// A place at which the type of a variable grew.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Widening {
    /// What the variable was from there on.
    pub(crate) ty: Type,
    /// The value that was assigned.
    pub(crate) place: Span,
    /// What that value came from.
    pub(crate) origin: Origin,
}

/// A diagnostic of a pass, and what it rests on.
pub(super) struct Finding {
    pub(super) diagnostic: Diagnostic,
    /// The variable whose types do not fit, if it says that.
    pub(super) fails: Option<hir::VarId>,
    /// The variables whose types it rests on.
    rests_on: Vec<hir::VarId>,
}

impl From<Diagnostic> for Finding {
    fn from(diagnostic: Diagnostic) -> Self {
        Self { diagnostic, fails: None, rests_on: Vec::new() }
    }
}

/// The diagnostics that are no mere consequences of others among them.
pub(super) fn causes(findings: Vec<Finding>) -> Vec<Diagnostic> {
    let mut failed: Vec<hir::VarId> = Vec::new();
    for finding in &findings {
        if let Some(var) = finding.fails
            && !finding.rests_on.iter().any(|other| failed.contains(other))
        {
            failed.push(var);
        }
    }
    let follows = |finding: &Finding| {
        finding.rests_on.iter().any(|var| finding.fails != Some(*var) && failed.contains(var))
    };
    findings.into_iter().filter(|finding| !follows(finding)).map(|finding| finding.diagnostic).collect()
}

impl Emitter<'_, '_> {
    /// Reports what is wrong with `vals`, and says where their types come from; what follows from it is unknown.
    pub(super) fn report_on<T>(&mut self, diagnostic: Diagnostic, vals: &[&Val]) -> Option<T> {
        let finding = self.finding(diagnostic, vals);
        self.findings.push(finding);
        None
    }

    /// A diagnostic about `vals`, with the places where their types come from.
    pub(super) fn finding(&self, mut diagnostic: Diagnostic, vals: &[&Val]) -> Finding {
        let mut rests_on = Vec::new();
        for val in vals {
            if let Origin::Var(var) = val.origin {
                rests_on.push(var);
            }
            for (place, text) in self.sources(val, diagnostic.primary.span) {
                diagnostic = self.label(diagnostic, place, text);
            }
        }
        Finding { diagnostic, fails: None, rests_on }
    }

    /// Adds a label, unless the place is all of the primary one's or has been labelled already.
    pub(super) fn label(&self, diagnostic: Diagnostic, place: Span, text: String) -> Diagnostic {
        let known = |span: Span| span == place;
        let is_known =
            known(diagnostic.primary.span) || diagnostic.secondary.iter().any(|label| known(label.span));
        if is_known || place == Span::default() {
            return diagnostic;
        }
        diagnostic.with_label(&self.hir.file, place, text)
    }

    /// Where the type of a value comes from; `within` is what the diagnostic points at.
    fn sources(&self, val: &Val, within: Span) -> Vec<(Span, String)> {
        let ty = self.type_name(&val.ty);
        match val.origin {
            Origin::Unknown => Vec::new(),
            Origin::Param(index) => {
                let Some(param) = self.hir.params.get(index as usize) else { return Vec::new() };
                vec![(param.span, format!("the argument `{}` is {ty}", param.name))]
            }
            Origin::Var(var) => self.history(var),
            Origin::Constant(value) | Origin::Expr(value) => {
                let slot = &self.hir.values[value.0 as usize];
                let inside = within.start <= slot.span.start && slot.span.end <= within.end;
                match (inside, val.origin) {
                    // The reader sees that a literal is one.
                    (true, Origin::Constant(_)) => Vec::new(),
                    // And what a name stands for, the headline says.
                    (true, _) if matches!(val.ty, Type::Object(..)) => Vec::new(),
                    (true, _) => vec![(slot.span, format!("this is {ty}"))],
                    (false, _) if slot.name.is_empty() => Vec::new(),
                    (false, _) => vec![(slot.span, format!("`{}` is {ty} here", slot.name))],
                }
            }
        }
    }

    /// Where the type of a variable grew.
    pub(super) fn history(&self, var: hir::VarId) -> Vec<(Span, String)> {
        let name = &self.hir.vars[var.0 as usize].name;
        let what = if name.is_empty() { "it".to_owned() } else { format!("`{name}`") };
        let steps = self.session.get(self.id).widenings[var.0 as usize].iter().take(MAX_WIDENINGS_TOLD);
        let told = steps.enumerate().map(|(index, step)| {
            let ty = self.type_name(&step.ty);
            let becomes = if index == 0 { "is" } else { "becomes" };
            let text = match step.origin {
                Origin::Param(index) if self.hir.params[index as usize].name != *name => {
                    format!(
                        "{what} {becomes} {ty}, as the argument `{}`",
                        self.hir.params[index as usize].name
                    )
                }
                _ => format!("{what} {becomes} {ty} here"),
            };
            (step.place, text)
        });
        told.collect()
    }

    /// The place at which a value got its type: for the value of a variable, where that did.
    pub(super) fn place_of(&self, value: hir::ValueId, val: &Val) -> Span {
        if let Origin::Var(var) = val.origin
            && let Some(step) = self.session.get(self.id).widenings[var.0 as usize].last()
        {
            return step.place;
        }
        self.hir.values[value.0 as usize].span
    }

    /// The expression that a value comes from if it lies within `span`, else `span`.
    pub(super) fn narrowed(&self, val: &Val, span: Span) -> Span {
        let (Origin::Constant(value) | Origin::Expr(value)) = val.origin else { return span };
        let place = self.hir.values[value.0 as usize].span;
        if span.start <= place.start && place.end <= span.end { place } else { span }
    }
}
