//! What the body of a parallel loop needs from outside it.

use rustc_hash::FxHashSet;
use ungil_ir::ir::{self, ForLoop, Op, StmtKind, ValueId, VarId};

/// What to hand over, each once, in the order of first use.
pub(super) struct Captures {
    /// Values bound outside.
    pub(super) values: Vec<ValueId>,
    /// Variables that the body reads and never sets; they keep their value throughout.
    pub(super) vars: Vec<VarId>,
}

impl Captures {
    pub(super) fn of(looped: &ForLoop) -> Self {
        let mut uses = Uses::default();
        uses.bound.insert(looped.index);
        let reductions = looped.parallel.iter().flat_map(|parallel| &parallel.reductions);
        uses.used.extend(reductions.map(|reduction| reduction.identity));
        ir::walk(&looped.body, &mut |stmt| uses.visit(&stmt.kind));
        let Uses { used, bound, read, set } = uses;
        Self {
            values: first_of_each(used.into_iter().filter(|value| !bound.contains(value))),
            vars: first_of_each(read.into_iter().filter(|var| !set.contains(var))),
        }
    }
}

#[derive(Default)]
struct Uses {
    used: Vec<ValueId>,
    bound: FxHashSet<ValueId>,
    read: Vec<VarId>,
    set: FxHashSet<VarId>,
}

impl Uses {
    fn visit(&mut self, stmt: &StmtKind) {
        match stmt {
            StmtKind::Let(value, op) => {
                self.bound.insert(*value);
                self.used.extend(op.operands());
                if let Op::Get(var) = op {
                    self.read.push(*var);
                }
            }
            StmtKind::Set(var, value) => {
                self.set.insert(*var);
                self.used.push(*value);
            }
            StmtKind::If { cond, .. } => self.used.push(*cond),
            StmtKind::For(looped) => {
                self.bound.insert(looped.index);
                self.used.push(looped.len);
                if let Some(parallel) = &looped.parallel {
                    self.used.extend(parallel.reductions.iter().map(|reduction| reduction.identity));
                    self.set.extend(parallel.reductions.iter().map(|reduction| reduction.var));
                    self.set.extend(&parallel.last);
                }
            }
            StmtKind::Return(value) => self.used.push(*value),
            StmtKind::Block { .. }
            | StmtKind::Loop { .. }
            | StmtKind::Break(_)
            | StmtKind::Continue(_)
            | StmtKind::Raise(_) => {}
        }
    }
}

fn first_of_each<T: Copy + Eq + std::hash::Hash>(items: impl Iterator<Item = T>) -> Vec<T> {
    let mut seen = FxHashSet::default();
    items.filter(|item| seen.insert(*item)).collect()
}
