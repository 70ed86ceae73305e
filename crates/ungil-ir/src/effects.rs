//! What each function of a module may do, told from its body and the bodies of all that it calls.

use crate::ir::{self, FuncId, Module, Op, StmtKind};

/// What a function may do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "four independent properties, not states")]
pub struct Effects {
    /// It may end with an exception: its own, a callee's, or an interrupt of a loop or a recursion.
    pub raises: bool,
    /// It may run long: it loops or recurs, itself or in a callee.
    pub long: bool,
    /// It may call itself, directly or through others.
    pub recursive: bool,
    /// It prints, itself or in a callee.
    pub prints: bool,
}

/// The effects of every function, indexed as [`Module::functions`].
pub fn effects(module: &Module) -> Vec<Effects> {
    let callees: Vec<Vec<FuncId>> = module.functions.iter().map(|function| callees(&function.body)).collect();
    let mut all: Vec<Effects> = module.functions.iter().map(|function| own_effects(&function.body)).collect();
    for (index, effects) in all.iter_mut().enumerate() {
        if reaches(&callees, FuncId(index as u32)) {
            *effects = Effects { raises: true, long: true, recursive: true, ..*effects };
        }
    }
    loop {
        let mut changed = false;
        for index in 0..all.len() {
            let mut joined = all[index];
            for callee in &callees[index] {
                let callee = all[callee.0 as usize];
                joined.raises |= callee.raises;
                joined.long |= callee.long;
                joined.prints |= callee.prints;
            }
            changed |= joined != all[index];
            all[index] = joined;
        }
        if !changed {
            return all;
        }
    }
}

/// The functions that `block` calls, combiners of reductions among them; each once.
fn callees(block: &ir::Block) -> Vec<FuncId> {
    let mut found = Vec::new();
    ir::walk(block, &mut |stmt| match &stmt.kind {
        StmtKind::Let(_, Op::Call { func, .. }) => found.push(*func),
        StmtKind::For(ir::ForLoop { parallel: Some(parallel), .. }) => {
            found.extend(parallel.reductions.iter().map(|reduction| reduction.combine));
        }
        _ => {}
    });
    found.sort_unstable();
    found.dedup();
    found
}

fn own_effects(block: &ir::Block) -> Effects {
    let mut effects = Effects::default();
    ir::walk(block, &mut |stmt| match &stmt.kind {
        StmtKind::Raise(_) => effects.raises = true,
        // A loop polls, and the poll may bring an interrupt.
        StmtKind::Loop { .. } | StmtKind::For(_) => {
            effects.raises = true;
            effects.long = true;
        }
        // Printing may fail (a closed pipe).
        StmtKind::Let(_, Op::Print(..)) => {
            effects.raises = true;
            effects.prints = true;
        }
        _ => {}
    });
    effects
}

/// Whether `from` can come back to itself.
fn reaches(callees: &[Vec<FuncId>], from: FuncId) -> bool {
    let mut seen = vec![false; callees.len()];
    let mut pending = callees[from.0 as usize].clone();
    while let Some(next) = pending.pop() {
        if next == from {
            return true;
        }
        if !std::mem::replace(&mut seen[next.0 as usize], true) {
            pending.extend(&callees[next.0 as usize]);
        }
    }
    false
}
