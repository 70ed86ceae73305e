//! What makes HIR well-formed, whatever the source was.

use std::collections::HashSet;

use ungil_front::hir::{Block, Expr, Function, Label, StmtKind, ValueId};

/// Panics unless values are bound once and visible where they are used, labels are those of blocks around, variables
/// exist, and nothing follows a statement that leaves its block.
pub(crate) fn check(function: &Function) {
    let mut checker =
        Checker { function, bound: HashSet::new(), visible: HashSet::new(), labels: Vec::new() };
    checker.block(&function.body);
    assert!(
        ends(&function.body) || !function.diagnostics.is_empty(),
        "control falls off the end of\n{function}"
    );
    function.nested.iter().for_each(|nested| check_nested(function, nested));
}

/// Diagnostics of a nested function are those of the outer one.
fn check_nested(outer: &Function, nested: &Function) {
    if outer.diagnostics.is_empty() {
        check(nested);
    }
}

struct Checker<'a> {
    function: &'a Function,
    bound: HashSet<ValueId>,
    visible: HashSet<ValueId>,
    labels: Vec<(Label, bool)>,
}

impl Checker<'_> {
    fn bind(&mut self, value: ValueId, scope: &mut Vec<ValueId>) {
        assert!((value.0 as usize) < self.function.values.len());
        assert!(self.bound.insert(value), "{value} is bound twice in\n{}", self.function);
        self.visible.insert(value);
        scope.push(value);
    }

    fn block(&mut self, block: &Block) {
        self.block_with(block, Vec::new());
    }

    fn block_with(&mut self, block: &Block, first: Vec<ValueId>) {
        let mut scope = Vec::new();
        for value in first {
            self.bind(value, &mut scope);
        }
        for (index, stmt) in block.iter().enumerate() {
            for value in stmt.kind.operands() {
                assert!(self.visible.contains(&value), "{value} is not visible in\n{}", self.function);
            }
            let leaves = leaves(&stmt.kind);
            assert!(!leaves || index + 1 == block.len(), "code behind a jump in\n{}", self.function);
            match &stmt.kind {
                StmtKind::Let(value, expr) => {
                    if let Expr::Get(var) = expr {
                        assert!((var.0 as usize) < self.function.vars.len());
                    }
                    self.bind(*value, &mut scope);
                }
                StmtKind::Set(var, _) => assert!((var.0 as usize) < self.function.vars.len()),
                StmtKind::Break(label) => self.jump(*label, false),
                StmtKind::Continue(label) => self.jump(*label, true),
                StmtKind::Block { label, body } => self.labelled(*label, false, body, Vec::new()),
                StmtKind::Loop { label, body } => self.labelled(*label, true, body, Vec::new()),
                StmtKind::For(each) => {
                    self.labelled(each.label, true, &each.body, vec![each.element]);
                    for carried in &each.carried {
                        assert!(
                            self.bound.contains(&carried.head),
                            "a carried value is missing in\n{}",
                            self.function
                        );
                    }
                }
                _ => stmt.kind.blocks().into_iter().for_each(|nested| self.block(nested)),
            }
        }
        for value in scope {
            self.visible.remove(&value);
        }
    }

    fn labelled(&mut self, label: Label, repeats: bool, body: &Block, first: Vec<ValueId>) {
        assert!(self.labels.iter().all(|(known, _)| *known != label), "a label is used twice");
        self.labels.push((label, repeats));
        self.block_with(body, first);
        self.labels.pop();
    }

    fn jump(&self, label: Label, next_turn: bool) {
        let target = self.labels.iter().find(|(known, _)| *known == label);
        assert!(
            target.is_some_and(|(_, repeats)| *repeats || !next_turn),
            "a jump out of nowhere in\n{}",
            self.function
        );
    }
}

fn leaves(kind: &StmtKind) -> bool {
    matches!(kind, StmtKind::Break(_) | StmtKind::Continue(_) | StmtKind::Return(_) | StmtKind::Raise { .. })
}

/// Whether control never gets past the end of a block.
fn ends(block: &Block) -> bool {
    block.last().is_some_and(|stmt| match &stmt.kind {
        StmtKind::If { then, otherwise, .. } => ends(then) && ends(otherwise),
        StmtKind::Loop { label, body } => !breaks(body, *label),
        StmtKind::Block { label, body } => ends(body) && !breaks(body, *label),
        kind => leaves(kind),
    })
}

fn breaks(block: &Block, label: Label) -> bool {
    block.iter().any(|stmt| {
        matches!(stmt.kind, StmtKind::Break(target) if target == label)
            || stmt.kind.blocks().into_iter().any(|nested| breaks(nested, label))
    })
}
