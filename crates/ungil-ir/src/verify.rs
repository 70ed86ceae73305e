//! What makes a module well-formed: every rule that [`crate::ir`] states, checked, and all violations collected.
//!
//! The walk over a function carries what holds at each point: which values are visible, which variables are set on
//! every path to there, which labels can be left. `operation` checks the types of one operation, `parallel` what a
//! parallel loop does to variables. The code generator and the passes may rely on whatever is checked here. A statement
//! that no path reaches is checked for types and scopes like any other, and counts as setting everything.

mod operation;
mod parallel;
#[cfg(test)]
pub(crate) mod samples;
#[cfg(test)]
mod tests;

use std::fmt::Display;

use crate::effects::{Effects, effects};
use crate::ir::{self, Block, ForLoop, Function, Label, Module, Op, Stmt, StmtKind, ValueId, VarId};
use crate::print;
use crate::ty::Type;

/// Checks the whole module.
///
/// Takes time in proportion to the module's size (times the depth of nested parallel loops), so it may run after every
/// pass.
///
/// # Errors
///
/// Every violation found, each a sentence that quotes the function and the statement.
pub fn verify(module: &Module) -> Result<(), Vec<String>> {
    let mut errors = Vec::new();
    if let Some(entry) = module.entry
        && entry.0 as usize >= module.functions.len()
    {
        errors.push(format!("the entry {entry} is not in the module"));
    }
    for (index, raise) in module.raises.iter().enumerate() {
        if raise.site.is_some_and(|site| site.0 as usize >= module.sites.len()) {
            errors.push(format!("raise {index} names a site that is not in the module"));
        }
    }
    for function in &module.functions {
        let mut verifier = Verifier::new(module, function, &mut errors);
        verifier.function();
    }
    if errors.is_empty() {
        // Effects index functions by their ids, which are known to be good only now.
        combiners(module, &mut errors);
    }
    if errors.is_empty() { Ok(()) } else { Err(errors) }
}

/// That the combiners of reductions neither raise nor print.
fn combiners(module: &Module, errors: &mut Vec<String>) {
    let mut of: Option<Vec<Effects>> = None;
    for function in &module.functions {
        ir::walk(&function.body, &mut |stmt| {
            if let StmtKind::For(ForLoop { parallel: Some(parallel), .. }) = &stmt.kind {
                for reduction in &parallel.reductions {
                    let of = of.get_or_insert_with(|| effects(module));
                    let combiner = of[reduction.combine.0 as usize];
                    if combiner.raises || combiner.prints {
                        errors.push(format!(
                            "in `{}`: {} combines {} and may raise or print",
                            function.name, reduction.combine, reduction.var
                        ));
                    }
                }
            }
        });
    }
}

/// The variables that are set on every path to a point, or `Unreachable`.
#[derive(Clone, PartialEq)]
enum Reached {
    /// No path comes here.
    Unreachable,
    /// One flag a variable.
    With(Vec<bool>),
}

impl Reached {
    /// What holds where two ways meet.
    fn meet(&mut self, other: &Self) {
        match (&mut *self, other) {
            (_, Self::Unreachable) => {}
            (Self::Unreachable, _) => *self = other.clone(),
            (Self::With(mine), Self::With(theirs)) => {
                for (mine, theirs) in mine.iter_mut().zip(theirs) {
                    *mine &= theirs;
                }
            }
        }
    }

    fn has(&self, var: VarId) -> bool {
        match self {
            Self::Unreachable => true,
            Self::With(set) => set[var.0 as usize],
        }
    }

    fn set(&mut self, var: VarId, to: bool) {
        if let Self::With(set) = self {
            set[var.0 as usize] = to;
        }
    }
}

/// A block or loop that the walk is in.
struct Frame {
    label: Label,
    kind: FrameKind,
    /// What holds at its `Break`s, together.
    breaks: Reached,
    /// What holds at its `Continue`s, together.
    continues: Reached,
}

#[derive(Clone, Copy, PartialEq)]
enum FrameKind {
    Block,
    Loop,
    Parallel,
}

struct Verifier<'a> {
    module: &'a Module,
    function: &'a Function,
    errors: &'a mut Vec<String>,
    /// By value: whether it has been bound anywhere, and whether it is visible here.
    bound: Vec<bool>,
    visible: Vec<bool>,
    /// The visible values that a block has bound, innermost last.
    scope: Vec<ValueId>,
    labels: Vec<Label>,
    frames: Vec<Frame>,
    /// The variables set on every path to here.
    reached: Reached,
    /// The statement being checked, innermost last, for messages.
    stmts: Vec<&'a Stmt>,
}

impl<'a> Verifier<'a> {
    fn new(module: &'a Module, function: &'a Function, errors: &'a mut Vec<String>) -> Self {
        Self {
            module,
            function,
            errors,
            bound: vec![false; function.values.len()],
            visible: vec![false; function.values.len()],
            scope: Vec::new(),
            labels: Vec::new(),
            frames: Vec::new(),
            reached: Reached::With(vec![false; function.vars.len()]),
            stmts: Vec::new(),
        }
    }

    fn function(&mut self) {
        for param in &self.function.params {
            self.bind(*param);
        }
        self.block(&self.function.body);
        if self.reached != Reached::Unreachable {
            self.error("a path reaches the end of the body");
        }
    }

    /// Notes a violation in the statement at hand.
    fn error(&mut self, what: impl Display) {
        let name = &self.function.name;
        self.errors.push(match self.stmts.last() {
            Some(stmt) => format!("in `{name}`: `{}`: {what}", print::head(self.function, stmt)),
            None => format!("in `{name}`: {what}"),
        });
    }

    fn block(&mut self, block: &'a Block) {
        let outer = self.scope.len();
        for stmt in block {
            self.stmts.push(stmt);
            self.stmt(stmt);
            self.stmts.pop();
        }
        for value in self.scope.drain(outer..) {
            self.visible[value.0 as usize] = false;
        }
    }

    fn stmt(&mut self, stmt: &'a Stmt) {
        match &stmt.kind {
            StmtKind::Let(value, op) => self.binding(*value, op),
            StmtKind::Set(var, value) => {
                if self.var(*var) && self.value(*value) {
                    let (slot, given) = (self.function.var_type(*var), self.function.value_type(*value));
                    if slot != given {
                        self.error(format_args!("{var} is of type {slot}, {value} of type {given}"));
                    }
                    self.reached.set(*var, true);
                }
            }
            StmtKind::If { cond, then, otherwise } => {
                self.typed(*cond, &Type::Bool);
                let before = self.reached.clone();
                self.block(then);
                let after_then = std::mem::replace(&mut self.reached, before);
                self.block(otherwise);
                self.reached.meet(&after_then);
            }
            StmtKind::Block { label, body } => {
                let frame = self.framed(*label, FrameKind::Block, body);
                self.reached.meet(&frame.breaks);
            }
            StmtKind::Loop { label, body } => {
                self.reached = self.framed(*label, FrameKind::Loop, body).breaks;
            }
            StmtKind::For(for_loop) => self.for_loop(for_loop),
            StmtKind::Break(label) => self.jump(*label, true),
            StmtKind::Continue(label) => self.jump(*label, false),
            StmtKind::Return(value) => {
                if self.frames.iter().any(|frame| frame.kind == FrameKind::Parallel) {
                    self.error("a return leaves a parallel loop");
                }
                self.typed(*value, &self.function.ret);
                self.reached = Reached::Unreachable;
            }
            StmtKind::Raise(raise) => {
                if raise.0 as usize >= self.module.raises.len() {
                    self.error("no such entry in the table");
                }
                self.reached = Reached::Unreachable;
            }
        }
    }

    fn binding(&mut self, value: ValueId, op: &'a Op) {
        // All operands are looked at, so that every one out of place is named.
        let mut usable = true;
        for operand in op.operands() {
            usable &= self.value(operand);
        }
        let usable = match op {
            Op::Get(var) => self.var(*var) && self.readable(*var),
            _ => usable,
        };
        let known = (value.0 as usize) < self.function.values.len();
        if usable
            && known
            && let Err(what) = operation::check(self.module, self.function, value, op)
        {
            self.error(what);
        }
        self.bind(value);
    }

    fn for_loop(&mut self, for_loop: &'a ForLoop) {
        self.typed(for_loop.len, &Type::INT64);
        let before = self.reached.clone();
        let outer = self.scope.len();
        self.bind(for_loop.index);
        if self.function.values.get(for_loop.index.0 as usize).is_some_and(|slot| slot.ty != Type::INT64) {
            self.error("the index is not an int64");
        }
        if let Some(parallel) = &for_loop.parallel {
            self.parallel(for_loop, parallel);
        } else {
            self.framed(for_loop.label, FrameKind::Loop, &for_loop.body);
        }
        for value in self.scope.drain(outer..) {
            self.visible[value.0 as usize] = false;
        }
        // There may have been no turn at all.
        self.reached = before;
    }

    /// Walks the body of a block or loop; afterwards `reached` is what holds at its end.
    fn framed(&mut self, label: Label, kind: FrameKind, body: &'a Block) -> Frame {
        if self.labels.contains(&label) {
            self.error(format_args!("{label} names two blocks or loops"));
        }
        self.labels.push(label);
        self.frames.push(Frame {
            label,
            kind,
            breaks: Reached::Unreachable,
            continues: Reached::Unreachable,
        });
        self.block(body);
        self.frames.pop().expect("pushed above")
    }

    /// `Break` or `Continue`.
    fn jump(&mut self, label: Label, is_break: bool) {
        let reached = std::mem::replace(&mut self.reached, Reached::Unreachable);
        let Some(target) = self.frames.iter().rposition(|frame| frame.label == label) else {
            return self.error("no such block or loop around this");
        };
        let leaves_parallel = |frame: &Frame| frame.kind == FrameKind::Parallel;
        if self.frames[target + 1..].iter().any(leaves_parallel)
            || (is_break && leaves_parallel(&self.frames[target]))
        {
            self.error("leaves a parallel loop");
        }
        let frame = &mut self.frames[target];
        if is_break {
            frame.breaks.meet(&reached);
        } else {
            frame.continues.meet(&reached);
            if frame.kind == FrameKind::Block {
                self.error("a block has no next turn");
            }
        }
    }

    fn bind(&mut self, value: ValueId) {
        let index = value.0 as usize;
        if index >= self.bound.len() {
            self.error(format_args!("{value} is not in the function's table"));
        } else if std::mem::replace(&mut self.bound[index], true) {
            self.error(format_args!("{value} is bound twice"));
        } else {
            self.visible[index] = true;
            self.scope.push(value);
        }
    }

    /// Whether the value may be used here.
    fn value(&mut self, value: ValueId) -> bool {
        let visible = self.visible.get(value.0 as usize).copied();
        if visible.is_none() {
            self.error(format_args!("{value} is not in the function's table"));
        } else if visible == Some(false) {
            self.error(format_args!("{value} is not visible here"));
        }
        visible == Some(true)
    }

    fn typed(&mut self, value: ValueId, expected: &Type) {
        if self.value(value) {
            let given = self.function.value_type(value);
            if given != expected {
                self.error(format_args!("{value} is of type {given}, not {expected}"));
            }
        }
    }

    /// Whether there is such a variable.
    fn var(&mut self, var: VarId) -> bool {
        let known = (var.0 as usize) < self.function.vars.len();
        if !known {
            self.error(format_args!("{var} is not in the function's table"));
        }
        known
    }

    fn readable(&mut self, var: VarId) -> bool {
        let set = self.reached.has(var);
        if !set {
            self.error(format_args!("{var} may not be set yet"));
        }
        set
    }
}
