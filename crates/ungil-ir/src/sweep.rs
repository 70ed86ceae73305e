//! A pass that removes what computes a value that nobody reads.
//!
//! The front end binds a value for every name and literal that it meets, compile-time objects among them; most of those
//! are gone once calls have been resolved. LLVM would remove them too; a reader of the IR should not have to.

use crate::ir::{Block, Function, Intrinsic, Op, StmtKind, ValueId};

/// Removes unread values whose computation has no effect. Values keep their ids.
///
/// ```
/// use ungil_ir::Type;
/// use ungil_ir::ir::{Const, Function, Op, Options, Slot, Stmt, StmtKind, ValueId};
/// let slot = || Slot { ty: Type::INT64, name: "".into() };
/// let constant = |id, value| Stmt { kind: StmtKind::Let(ValueId(id), Op::Const(Const::Int(value))), span: Default::default() };
/// let mut function = Function {
///     name: "f".into(),
///     params: vec![],
///     ret: Type::INT64,
///     values: vec![slot(), slot()],
///     vars: vec![],
///     body: vec![constant(0, 1), constant(1, 2), Stmt { kind: StmtKind::Return(ValueId(1)), span: Default::default() }],
///     options: Options::default(),
///     file: None,
/// };
/// ungil_ir::sweep::sweep(&mut function);
/// assert_eq!(function.body.len(), 2);
/// ```
pub fn sweep(function: &mut Function) {
    let mut read = vec![false; function.values.len()];
    sweep_block(&mut function.body, &mut read);
}

/// Goes backwards: a value is read only behind its binding, so that all its readers have been seen there.
fn sweep_block(block: &mut Block, read: &mut [bool]) {
    let mut kept = Vec::with_capacity(block.len());
    for mut stmt in std::mem::take(block).into_iter().rev() {
        match &mut stmt.kind {
            StmtKind::Let(value, op) if !read[value.0 as usize] && !has_effect(op) => continue,
            StmtKind::Let(_, op) => mark(&op.operands(), read),
            StmtKind::Set(_, value) | StmtKind::Return(value) => mark(&[*value], read),
            StmtKind::If { cond, then, otherwise } => {
                mark(&[*cond], read);
                sweep_block(then, read);
                sweep_block(otherwise, read);
            }
            StmtKind::Block { body, .. } | StmtKind::Loop { body, .. } => sweep_block(body, read),
            StmtKind::For(each) => {
                mark(&[each.len], read);
                for reduction in each.parallel.iter().flat_map(|parallel| &parallel.reductions) {
                    mark(&[reduction.identity], read);
                }
                sweep_block(&mut each.body, read);
            }
            StmtKind::Break(_) | StmtKind::Continue(_) | StmtKind::Raise(_) => {}
        }
        kept.push(stmt);
    }
    kept.reverse();
    *block = kept;
}

fn mark(values: &[ValueId], read: &mut [bool]) {
    for value in values {
        read[value.0 as usize] = true;
    }
}

/// Whether a call or an operation does more than compute; a callee may raise, print or never return.
const fn has_effect(op: &Op) -> bool {
    matches!(op, Op::Call { .. } | Op::Print(..) | Op::Intrinsic(Intrinsic::SetNumThreads, _))
}
