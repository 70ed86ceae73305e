//! What a parallel loop may do to variables: each that its body sets is private to a turn or handed back.

use super::{FrameKind, Reached, Verifier, operation};
use crate::ir::{self, Block, ForLoop, Op, Parallel, StmtKind, VarId};

impl<'a> Verifier<'a> {
    /// Checks a parallel loop, whose index is bound; `reached` is what holds before it, and is left undefined.
    pub(super) fn parallel(&mut self, for_loop: &'a ForLoop, parallel: &'a Parallel) {
        let mut handed_back: Vec<VarId> = Vec::new();
        for reduction in &parallel.reductions {
            if !self.var(reduction.var) {
                continue;
            }
            handed_back.push(reduction.var);
            self.readable(reduction.var);
            let ty = self.function.var_type(reduction.var);
            self.typed(reduction.identity, ty);
            match self.module.functions.get(reduction.combine.0 as usize) {
                None => self.error(format_args!("{} is not in the module", reduction.combine)),
                Some(combiner) => {
                    if !operation::accepts(combiner, &[ty, ty]) || combiner.ret != *ty {
                        self.error(format_args!(
                            "{} does not combine two values of type {ty}",
                            reduction.combine
                        ));
                    }
                }
            }
        }
        for var in &parallel.last {
            if self.var(*var) {
                handed_back.push(*var);
                // A turn may not see what another has left.
                self.reached.set(*var, false);
            }
        }
        for (index, var) in handed_back.iter().enumerate() {
            if handed_back[..index].contains(var) {
                self.error(format_args!("{var} is handed back twice"));
            }
        }
        self.escaping(for_loop, &handed_back);
        let frame = self.framed(for_loop.label, FrameKind::Parallel, &for_loop.body);
        let mut at_end = std::mem::replace(&mut self.reached, Reached::Unreachable);
        at_end.meet(&frame.continues);
        for var in &parallel.last {
            if (var.0 as usize) < self.function.vars.len() && !at_end.has(*var) {
                self.error(format_args!("a turn may end without setting {var}, whose last value is wanted"));
            }
        }
    }

    /// That a variable which the body sets, and which appears outside, is handed back.
    fn escaping(&mut self, for_loop: &'a ForLoop, handed_back: &[VarId]) {
        let count = self.function.vars.len();
        let everywhere = Appearances::of(&self.function.body, count);
        let mut inside = Appearances::of(&for_loop.body, count);
        for var in handed_back {
            inside.any[var.0 as usize] += 1;
        }
        for index in 0..count {
            let var = VarId(index as u32);
            if inside.set[index] > 0
                && everywhere.any[index] > inside.any[index]
                && !handed_back.contains(&var)
            {
                self.error(format_args!("{var} is set in the body, appears outside, and is not handed back"));
            }
        }
    }
}

/// How often each variable appears in a block, and how often it is set there.
struct Appearances {
    any: Vec<u32>,
    set: Vec<u32>,
}

impl Appearances {
    fn of(block: &Block, vars: usize) -> Self {
        let mut found = Self { any: vec![0; vars], set: vec![0; vars] };
        ir::walk(block, &mut |stmt| match &stmt.kind {
            StmtKind::Let(_, Op::Get(var)) => found.note(*var, false),
            StmtKind::Set(var, _) => found.note(*var, true),
            StmtKind::For(ForLoop { parallel: Some(parallel), .. }) => {
                parallel.reductions.iter().for_each(|reduction| found.note(reduction.var, true));
                parallel.last.iter().for_each(|var| found.note(*var, true));
            }
            _ => {}
        });
        found
    }

    fn note(&mut self, var: VarId, set: bool) {
        let index = var.0 as usize;
        if index < self.any.len() {
            self.any[index] += 1;
            self.set[index] += u32::from(set);
        }
    }
}
