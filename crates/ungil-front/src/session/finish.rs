//! The end of a compilation: the module of what the entry reaches, or everything that is wrong with it.

use std::collections::HashMap;
use std::sync::Arc;

use ungil_ir::diagnostic::{Diagnostic, Kind, SourceFile, Span};
use ungil_ir::ir::{self, FuncId, Op, StmtKind};
use ungil_ir::sweep;

use super::{Owner, Session};

/// Of how many calls on the way to a mistake a diagnostic tells.
const MAX_CALLS_TOLD: usize = 3;

impl Session<'_> {
    /// The module of what `entry` reaches, or its errors.
    pub(super) fn finish(mut self, entry: FuncId) -> Result<ir::Module, Vec<Diagnostic>> {
        let order = self.reachable(entry);
        let mut diagnostics = Vec::new();
        for id in &order {
            let instance = &mut self.instances[id.0 as usize];
            let mut found = std::mem::take(&mut instance.diagnostics);
            found.sort_by_key(|diagnostic| place_in(&instance.code.hir.file, diagnostic));
            for diagnostic in found {
                diagnostics.push(self.with_calls(diagnostic, *id));
            }
        }
        if diagnostics.is_empty() {
            diagnostics.extend(order.iter().filter_map(|id| self.not_inferred(*id)));
        }
        if !diagnostics.is_empty() {
            let mut distinct: Vec<Diagnostic> = Vec::new();
            for diagnostic in diagnostics {
                let known = |other: &Diagnostic| {
                    other.primary == diagnostic.primary && other.headline == diagnostic.headline
                };
                if !distinct.iter().any(known) {
                    distinct.push(diagnostic);
                }
            }
            return Err(distinct);
        }
        let position: HashMap<FuncId, FuncId> =
            order.iter().enumerate().map(|(new, old)| (*old, FuncId(new as u32))).collect();
        let mut module = self.tables;
        module.entry = Some(FuncId(0));
        for id in order {
            let Some(mut function) = self.instances[id.0 as usize].function.take() else { continue };
            renumber(&mut function.body, &position);
            sweep::sweep(&mut function);
            module.functions.push(function);
        }
        Ok(module)
    }

    /// The instances that `entry` calls, itself first.
    fn reachable(&self, entry: FuncId) -> Vec<FuncId> {
        let mut order = vec![entry];
        let mut next = 0;
        while let Some(id) = order.get(next).copied() {
            next += 1;
            // Whoever lists this instance as a caller was called in some pass; it counts if the last one still does.
            if let Some(function) = &self.instances[id.0 as usize].function {
                ir::walk(&function.body, &mut |stmt| {
                    for callee in callees(&stmt.kind) {
                        if !order.contains(&callee) {
                            order.push(callee);
                        }
                    }
                });
            }
            // A call whose result is not known yet has emitted nothing; its callee's errors matter all the same. So do those
            // of all that a function without code called.
            let has_code = self.instances[id.0 as usize].function.is_some();
            for (index, callee) in self.instances.iter().enumerate() {
                let callee_id = FuncId(index as u32);
                if callee.callers.contains(&id)
                    && (callee.ret.is_none() || !has_code)
                    && !order.contains(&callee_id)
                {
                    order.push(callee_id);
                }
            }
        }
        order
    }

    /// Tells by which calls the entry came to the instance in which something is wrong.
    fn with_calls(&self, mut diagnostic: Diagnostic, mut id: FuncId) -> Diagnostic {
        for _ in 0..MAX_CALLS_TOLD {
            let Some((caller, span)) = self.instances[id.0 as usize].called else { break };
            let code = &self.instances[caller.0 as usize].code;
            if code.owner == Owner::User {
                diagnostic = called_here(diagnostic, &code.hir.file, span);
            }
            id = caller;
        }
        diagnostic
    }

    fn not_inferred(&self, id: FuncId) -> Option<Diagnostic> {
        let instance = &self.instances[id.0 as usize];
        let span = instance.blocked?;
        Some(
            Diagnostic::new(
                "type-not-inferred",
                Kind::Typing,
                format!("the type of this expression in `{}` cannot be inferred", instance.code.hir.qualname),
                &instance.code.hir.file,
                span,
            )
            .with_text("depends on itself")
            .with_help("a recursive function needs a path that returns without calling itself"),
        )
    }
}

/// Where a diagnostic first points into `file`.
fn place_in(file: &Arc<SourceFile>, diagnostic: &Diagnostic) -> u32 {
    std::iter::once(&diagnostic.primary)
        .chain(&diagnostic.secondary)
        .find(|label| Arc::ptr_eq(&label.file, file))
        .map_or(0, |label| label.span.start)
}

/// Adds to what is wrong with a function the place of a call of it.
pub(crate) fn called_here(diagnostic: Diagnostic, file: &Arc<SourceFile>, span: Span) -> Diagnostic {
    diagnostic.with_label(file, span, "called from here")
}

fn callees(kind: &StmtKind) -> Vec<FuncId> {
    match kind {
        StmtKind::Let(_, Op::Call { func, .. }) => vec![*func],
        StmtKind::For(ir::ForLoop { parallel: Some(parallel), .. }) => {
            parallel.reductions.iter().map(|reduction| reduction.combine).collect()
        }
        _ => Vec::new(),
    }
}

fn renumber(block: &mut ir::Block, position: &HashMap<FuncId, FuncId>) {
    for stmt in block {
        match &mut stmt.kind {
            StmtKind::Let(_, Op::Call { func, .. }) => *func = position[func],
            StmtKind::If { then, otherwise, .. } => {
                renumber(then, position);
                renumber(otherwise, position);
            }
            StmtKind::Block { body, .. } | StmtKind::Loop { body, .. } => renumber(body, position),
            StmtKind::For(each) => {
                if let Some(parallel) = &mut each.parallel {
                    for reduction in &mut parallel.reductions {
                        reduction.combine = position[&reduction.combine];
                    }
                }
                renumber(&mut each.body, position);
            }
            _ => {}
        }
    }
}
