//! `for` and `while`, with `else`, `break` and `continue`.
//!
//! A name that the loop assigns has *head* variables: set before the loop, at the end of the body and at each `continue`,
//! and read at the head of the body. Without a way out of the middle they are read behind the loop as well. With one, the
//! names have *exit* variables of their own, set on each way out, so that what a name is at a `break` does not flow back
//! into the next turn.

use ruff_python_ast::visitor::Visitor;
use ruff_python_ast::{Expr as PyExpr, Stmt as PyStmt, StmtFor, StmtWhile};
use ruff_text_size::{Ranged, TextRange};
use ungil_ir::Span;

use super::Lower;
use super::condition::literal_truth;
use super::env::{Binding, Carrier};
use super::scope::{Bindings, has_break};
use crate::hir::{Carried, For, Label, StmtKind};
use crate::host::Object;

/// A loop around the current place.
pub(super) struct LoopFrame {
    /// The next turn.
    label: Label,
    /// The way out.
    exit: Label,
    heads: Vec<Carrier>,
    exits: Vec<Exit>,
    /// Whether any way out is ever taken.
    left: bool,
    prange: bool,
    escapes: Vec<Span>,
}

/// The exit variables of a name, and what it may be on the ways out seen so far.
#[derive(Clone, Copy)]
struct Exit {
    carrier: Carrier,
    maybe_bound: bool,
    maybe_unbound: bool,
}

impl<'a> Lower<'a> {
    pub(super) fn for_loop(&mut self, stmt: &'a StmtFor) {
        let prange = self.unit.parallel && self.is_prange(&stmt.iter);
        let span = self.span(TextRange::new(stmt.range.start(), stmt.iter.end()));
        let iterable = self.expr(&stmt.iter);
        let mut bindings = Bindings::of_body(&stmt.body);
        bindings.visit_expr(&stmt.target);
        let entry = self.env.clone();
        let label = self.new_label();
        let broken = has_break(&stmt.body);
        let exit = if broken { self.new_label() } else { label };
        let heads = self.open(&bindings, span);
        bindings.visit_body(&stmt.orelse);
        let exits = if broken { self.exits(&bindings) } else { Vec::new() };
        let mut frame = LoopFrame { label, exit, heads, exits, left: false, prange, escapes: Vec::new() };
        let block = self.nested_block(|this| {
            let element = this.new_value(this.span(stmt.target.range()));
            let mut carried = Vec::new();
            let body = this.nested_block(|this| {
                carried = this.heads(&frame, span);
                this.assign(&stmt.target, element);
                this.turn(&mut frame, &stmt.body, span);
            });
            this.check_carried(&frame.heads, &carried);
            let escapes = std::mem::take(&mut frame.escapes);
            let place = this.span(stmt.iter.range());
            let each = For { label, iterable, place, element, body, carried, prange, escapes };
            this.push(StmtKind::For(each), span);
            this.behind(&frame, &entry, span);
            this.stmts(&stmt.orelse);
            if broken && this.live {
                this.leave(&mut frame, span);
            }
        });
        if broken {
            self.push(StmtKind::Block { label: exit, body: block }, span);
            self.outside(&frame, entry, span);
        } else {
            self.block.extend(block);
        }
    }

    pub(super) fn while_loop(&mut self, stmt: &'a StmtWhile) {
        let span = self.span(TextRange::new(stmt.range.start(), stmt.test.end()));
        let known = literal_truth(&stmt.test);
        if known == Some(false) {
            self.stmts(&stmt.orelse);
            return;
        }
        let mut bindings = Bindings::of_expr(&stmt.test);
        // What the condition binds is newer than the head variables where it fails.
        let own_exits = has_break(&stmt.body) || !bindings.bound.order.is_empty();
        bindings.visit_body(&stmt.body);
        let entry = self.env.clone();
        let label = self.new_label();
        let heads = self.open(&bindings, span);
        bindings.visit_body(&stmt.orelse);
        let exits = if own_exits { self.exits(&bindings) } else { Vec::new() };
        let mut frame =
            LoopFrame { label, exit: label, heads, exits, left: false, prange: false, escapes: Vec::new() };
        let body = self.nested_block(|this| {
            let carried = this.heads(&frame, span);
            if known.is_none() {
                let cond = this.condition(&stmt.test);
                let (env, live) = (this.env.clone(), this.live);
                let otherwise = this.nested_block(|this| {
                    if own_exits {
                        this.stmts(&stmt.orelse);
                    }
                    if this.live {
                        this.leave(&mut frame, span);
                        this.push(StmtKind::Break(label), span);
                    }
                });
                (this.env, this.live) = (env, live);
                this.push(StmtKind::If { cond, then: Vec::new(), otherwise }, span);
            }
            this.turn(&mut frame, &stmt.body, span);
            this.check_carried(&frame.heads, &carried);
        });
        self.push(StmtKind::Loop { label, body }, span);
        if own_exits {
            self.outside(&frame, entry, span);
        } else if known.is_none() {
            self.behind(&frame, &entry, span);
            self.stmts(&stmt.orelse);
        } else {
            self.env = entry;
            self.live = false;
        }
    }

    pub(super) fn break_loop(&mut self, range: TextRange) {
        let span = self.span(range);
        let Some(mut frame) = self.loops.pop() else {
            self.reject_outside_loop("break", span);
            return;
        };
        self.leave(&mut frame, span);
        self.push(StmtKind::Break(frame.exit), span);
        self.live = false;
        if frame.prange {
            frame.escapes.push(span);
        }
        self.loops.push(frame);
    }

    pub(super) fn continue_loop(&mut self, range: TextRange) {
        let span = self.span(range);
        let Some(frame) = self.loops.pop() else {
            self.reject_outside_loop("continue", span);
            return;
        };
        self.set_heads(&frame, span);
        self.push(StmtKind::Continue(frame.label), span);
        self.live = false;
        self.loops.push(frame);
    }

    /// Notes that the function is left from inside of every loop around.
    pub(super) fn escape_all(&mut self, span: Span) {
        for frame in self.loops.iter_mut().filter(|frame| frame.prange) {
            frame.escapes.push(span);
        }
    }

    /// Whether the current place is in the body of a `prange` loop.
    pub(super) fn in_prange(&self) -> bool {
        self.loops.iter().any(|frame| frame.prange)
    }

    /// Makes the head variables of the names that a loop binds, and sets them for the first turn.
    fn open(&mut self, bindings: &Bindings<'a>, span: Span) -> Vec<Carrier> {
        let heads = self.carriers(bindings);
        for &head in &heads {
            self.set(head, self.env[head.local], span);
        }
        heads
    }

    fn exits(&mut self, bindings: &Bindings<'a>) -> Vec<Exit> {
        let carriers = self.carriers(bindings);
        carriers
            .into_iter()
            .map(|carrier| Exit { carrier, maybe_bound: false, maybe_unbound: false })
            .collect()
    }

    fn carriers(&mut self, bindings: &Bindings<'a>) -> Vec<Carrier> {
        self.charge(self.env.len() as u64);
        let mut carriers = Vec::new();
        for name in &bindings.bound.order {
            if let Some(&local) = self.locals.get(name) {
                let always = matches!(self.env[local], Binding::Bound(_)) && !bindings.deleted.contains(name);
                carriers.push(self.carrier(local, !always));
            }
        }
        carriers
    }

    /// Reads the head variables at the head of the body.
    fn heads(&mut self, frame: &LoopFrame, span: Span) -> Vec<Carried> {
        let mut carried = Vec::new();
        for &head in &frame.heads {
            let binding = self.get(head, span);
            self.env[head.local] = binding;
            if let Binding::Bound(value) | Binding::Maybe { value, .. } = binding {
                carried.push(Carried { var: head.var, head: value });
                if frame.prange {
                    self.accumulated.insert(value);
                }
            }
            if let (Binding::Maybe { flag, .. }, Some(var)) = (binding, head.flag) {
                carried.push(Carried { var, head: flag });
            }
        }
        carried
    }

    /// One turn: the body, and what it hands to the next.
    fn turn(&mut self, frame: &mut LoopFrame, body: &'a [PyStmt], span: Span) {
        self.loops.push(LoopFrame {
            label: frame.label,
            exit: frame.exit,
            heads: std::mem::take(&mut frame.heads),
            exits: std::mem::take(&mut frame.exits),
            left: frame.left,
            prange: frame.prange,
            escapes: Vec::new(),
        });
        self.stmts(body);
        if let Some(inner) = self.loops.pop() {
            *frame = inner;
        }
        if self.live {
            self.set_heads(frame, span);
        }
    }

    fn set_heads(&mut self, frame: &LoopFrame, span: Span) {
        for &head in &frame.heads {
            self.set(head, self.env[head.local], span);
        }
    }

    /// A way out: sets the exit variables.
    fn leave(&mut self, frame: &mut LoopFrame, span: Span) {
        frame.left = true;
        for exit in &mut frame.exits {
            let binding = self.env[exit.carrier.local];
            exit.maybe_bound |= binding != Binding::Unbound;
            exit.maybe_unbound |= !matches!(binding, Binding::Bound(_));
            self.set(exit.carrier, binding, span);
        }
    }

    /// Behind a loop that ends at its head: names are what the head variables say.
    fn behind(&mut self, frame: &LoopFrame, entry: &[Binding], span: Span) {
        self.env = entry.to_vec();
        self.live = true;
        for &head in &frame.heads {
            self.env[head.local] = self.get(head, span);
        }
    }

    /// Behind a loop with exit variables: names are what those say.
    fn outside(&mut self, frame: &LoopFrame, entry: Vec<Binding>, span: Span) {
        self.env = entry;
        self.live = frame.left;
        for exit in frame.exits.iter().filter(|_| frame.left) {
            let local = exit.carrier.local;
            self.env[local] = match (exit.maybe_bound, exit.maybe_unbound) {
                (true, false) => self.get(Carrier { flag: None, ..exit.carrier }, span),
                (true, true) => self.get(exit.carrier, span),
                (false, _) => Binding::Unbound,
            };
        }
    }

    /// Whether an expression is a call of `prange`.
    fn is_prange(&self, iter: &PyExpr) -> bool {
        let PyExpr::Call(call) = iter else { return false };
        let (host, function) = (self.unit.host, self.unit.function);
        let callee = match &*call.func {
            PyExpr::Name(name) if !self.locals.contains_key(name.id.as_str()) => {
                host.global(function, &name.id)
            }
            PyExpr::Attribute(attribute) => match &*attribute.value {
                PyExpr::Name(module) if !self.locals.contains_key(module.id.as_str()) => {
                    match host.global(function, &module.id) {
                        Some(Object::Module { id, .. }) => host.attribute(id, &attribute.attr),
                        _ => None,
                    }
                }
                _ => None,
            },
            _ => None,
        };
        matches!(callee, Some(Object::Builtin(name)) if &*name == "ungil.prange")
    }
}
