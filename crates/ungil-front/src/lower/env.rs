//! What local names are bound to, and how two ways become one.

use std::sync::Arc;

use ruff_text_size::TextRange;
use ungil_ir::Span;

use super::Lower;
use crate::hir::{Block, Expr, Source, Stmt, StmtKind, ValueId, VarId};
use crate::host::Constant;

/// What a local name is bound to at some place.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Binding {
    /// To nothing.
    Unbound,
    /// To this value.
    Bound(ValueId),
    /// To this value if the flag is true, else to nothing.
    Maybe { value: ValueId, flag: ValueId },
}

/// The variables that carry a name into a join.
#[derive(Clone, Copy, Debug)]
pub(super) struct Carrier {
    /// The name.
    pub(super) local: usize,
    /// Its value.
    pub(super) var: VarId,
    /// Whether it is bound; absent where it always is.
    pub(super) flag: Option<VarId>,
}

/// One of the two ways into a join.
struct Side {
    block: Block,
    env: Vec<Binding>,
    live: bool,
    result: Option<ValueId>,
}

impl<'a> Lower<'a> {
    /// An `if` with the given sides, and the join behind it.
    ///
    /// Each side may give a value; the result is that of the side that ran, if every side that reaches the join gives
    /// one.
    pub(super) fn branch(
        &mut self,
        cond: ValueId,
        span: Span,
        then: impl FnOnce(&mut Self) -> Option<ValueId>,
        otherwise: impl FnOnce(&mut Self) -> Option<ValueId>,
    ) -> Option<ValueId> {
        let start = self.env.clone();
        self.charge(3 * start.len() as u64);
        let then = self.side(start.clone(), then);
        let otherwise = self.side(start.clone(), otherwise);
        self.join(cond, span, &start, [then, otherwise])
    }

    fn side(&mut self, env: Vec<Binding>, build: impl FnOnce(&mut Self) -> Option<ValueId>) -> Side {
        self.env = env;
        self.live = true;
        let mut result = None;
        let block = self.nested_block(|this| result = build(this));
        Side { block, env: std::mem::take(&mut self.env), live: self.live, result }
    }

    fn join(
        &mut self,
        cond: ValueId,
        span: Span,
        start: &[Binding],
        mut sides: [Side; 2],
    ) -> Option<ValueId> {
        self.env = start.to_vec();
        self.live = sides.iter().any(|side| side.live);
        let mut gets = Vec::new();
        if self.live {
            for (local, &before) in start.iter().enumerate() {
                let [a, b] = sides.each_ref().map(|side| side.live.then(|| side.env[local]));
                match (a, b) {
                    (Some(a), Some(b)) if a == b => self.env[local] = a,
                    (Some(only), None) | (None, Some(only)) if only == before => {}
                    _ => gets.extend(self.merge(local, &mut sides, span)),
                }
            }
        }
        let result = self.merge_results(&mut sides, span);
        let [then, otherwise] = sides.map(|side| side.block);
        self.push(StmtKind::If { cond, then, otherwise }, span);
        for carrier in gets {
            self.env[carrier.local] = self.get(carrier, span);
        }
        let var = result?;
        let value = self.emit(Expr::Get(var), span);
        self.inherit(value, var);
        Some(value)
    }

    /// Makes the variables for a name that differs, and sets them at the end of each side; none if it is certainly
    /// unbound.
    fn merge(&mut self, local: usize, sides: &mut [Side; 2], span: Span) -> Option<Carrier> {
        let live = || sides.iter().filter(|side| side.live).map(|side| side.env[local]);
        if live().all(|binding| binding == Binding::Unbound) {
            self.env[local] = Binding::Unbound;
            return None;
        }
        let flagged = live().any(|binding| !matches!(binding, Binding::Bound(_)));
        let carrier = self.carrier(local, flagged);
        for side in sides.iter_mut().filter(|side| side.live) {
            let binding = side.env[local];
            let outer = std::mem::replace(&mut self.block, std::mem::take(&mut side.block));
            self.set(carrier, binding, span);
            side.block = std::mem::replace(&mut self.block, outer);
        }
        Some(carrier)
    }

    fn merge_results(&mut self, sides: &mut [Side; 2], span: Span) -> Option<VarId> {
        let live = || sides.iter().filter(|side| side.live);
        if !self.live || !live().all(|side| side.result.is_some()) {
            return None;
        }
        let var = self.new_var(Arc::from(""), false);
        for side in sides.iter_mut().filter(|side| side.live) {
            if let Some(value) = side.result {
                self.note_source(var, value);
                side.block.push(Stmt { kind: StmtKind::Set(var, Source::Value(value)), span });
            }
        }
        Some(var)
    }

    /// New variables for a name.
    pub(super) fn carrier(&mut self, local: usize, flagged: bool) -> Carrier {
        let name = Arc::clone(&self.names[local]);
        let flag = flagged.then(|| self.new_var(Arc::clone(&name), true));
        Carrier { local, var: self.new_var(name, false), flag }
    }

    /// Sets the variables of a name to what it is bound to.
    pub(super) fn set(&mut self, carrier: Carrier, binding: Binding, span: Span) {
        let (source, flag) = match binding {
            Binding::Bound(value) => (Source::Value(value), None),
            Binding::Unbound => (Source::Unset, None),
            Binding::Maybe { value, flag } => (Source::Value(value), Some(flag)),
        };
        if let Source::Value(value) = source {
            self.note_source(carrier.var, value);
        }
        self.push(StmtKind::Set(carrier.var, source), span);
        if let Some(var) = carrier.flag {
            let bound = source != Source::Unset;
            let flag = flag.unwrap_or_else(|| self.constant(Constant::Bool(bound), span));
            self.push(StmtKind::Set(var, Source::Value(flag)), span);
        }
    }

    /// Reads the variables of a name.
    pub(super) fn get(&mut self, carrier: Carrier, span: Span) -> Binding {
        let value = self.emit(Expr::Get(carrier.var), span);
        self.values[value.0 as usize].name = Arc::clone(&self.names[carrier.local]);
        let sources = self.inherit(value, carrier.var);
        self.rebind_promises(carrier.local, &sources, value);
        match carrier.flag {
            None => Binding::Bound(value),
            Some(flag) => Binding::Maybe { value, flag: self.emit(Expr::Get(flag), span) },
        }
    }

    fn note_source(&mut self, var: VarId, value: ValueId) {
        if self.accumulated.contains(&value) || self.promises.contains_key(&value) {
            self.sources.entry(var).or_default().push(value);
        }
    }

    /// What is known of the values that a variable was set to so far holds for the value that it gives.
    fn inherit(&mut self, value: ValueId, var: VarId) -> Vec<ValueId> {
        let sources = self.sources.get(&var).cloned().unwrap_or_default();
        for &source in &sources {
            self.pass_on(source, value);
        }
        sources
    }

    /// What is known of `from` holds for `to` as well.
    pub(super) fn pass_on(&mut self, from: ValueId, to: ValueId) {
        if self.accumulated.contains(&from) {
            self.accumulated.insert(to);
        }
        if let Some(promises) = self.promises.get(&from).cloned() {
            let known = self.promises.entry(to).or_default();
            known.extend(promises.into_iter().filter(|promise| !known.contains(promise)).collect::<Vec<_>>());
        }
    }

    /// Binds a name to a value.
    pub(super) fn bind(&mut self, name: &str, value: ValueId) {
        if let Some(&local) = self.locals.get(name) {
            self.env[local] = Binding::Bound(value);
            self.name_value(value, name);
        }
    }

    /// The value that a name is bound to here: a local one, the function itself, or what the host knows.
    pub(super) fn load(&mut self, name: &'a str, range: TextRange) -> ValueId {
        let span = self.span(range);
        let Some(&local) = self.locals.get(name) else {
            return if self.own_name == Some(name) {
                self.emit(Expr::ThisFunction, span)
            } else {
                self.global(name, span)
            };
        };
        match self.env[local] {
            Binding::Unbound => self.emit(Expr::Unbound(Arc::clone(&self.names[local])), span),
            Binding::Bound(value) => {
                self.keep_promises(value, span);
                value
            }
            Binding::Maybe { value, flag } => {
                let name = Arc::clone(&self.names[local]);
                self.push(StmtKind::CheckBound { flag, name }, span);
                self.env[local] = Binding::Bound(value);
                self.keep_promises(value, span);
                value
            }
        }
    }

    fn global(&mut self, name: &str, span: Span) -> ValueId {
        if let Some(object) = self.unit.host.global(self.unit.function, name) {
            return self.emit(Expr::Object(object), span);
        }
        self.reject_unknown_name(name, span);
        self.emit(Expr::Error, span)
    }
}
