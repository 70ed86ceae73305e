//! Warming LLVM up: what its first compilation in a process costs more than the next, paid by a thread of its own.
//!
//! The first time LLVM reads its tables of the processor, starts its loader and, most of all, touches megabytes of its
//! own code page by page. A small loop of floats, compiled and thrown away, does all of that.

use std::sync::Once;

use ungil_ir::ir::{
    BinaryOp, Const, ForLoop, FuncId, Function, Intrinsic, Label, Module, Op, Options, Slot, Stmt, StmtKind,
    ValueId, VarId,
};
use ungil_ir::{Span, Type};

/// Starts warming LLVM up, once a process, and returns at once.
///
/// For a program that will soon compile, and has something else to do until then. Costs some ten milliseconds of another
/// core. A process that ends before that is over must have called [`crate::close`].
pub fn warm_up() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let thread = std::thread::Builder::new().name("ungil-warm-up".into());
        // Without a thread the first compilation takes longer; nothing else depends on it.
        let _ = thread.spawn(|| crate::compile(&module(), &crate::Options::default()));
    });
}

/// `sum(fma(i, i, sqrt(i)) for i in range(n))`.
fn module() -> Module {
    let types = [
        Type::INT64,
        Type::FLOAT64,
        Type::FLOAT64,
        Type::FLOAT64,
        Type::FLOAT64,
        Type::FLOAT64,
        Type::FLOAT64,
    ];
    let slot = |ty: &Type| Slot { ty: ty.clone(), name: "".into() };
    let mut values: Vec<Slot> = types.iter().map(slot).collect();
    values.extend([slot(&Type::INT64), slot(&Type::FLOAT64)]);
    let [len, zero, x, root, term, old, new, index, sum] = [0, 1, 2, 3, 4, 5, 6, 7, 8].map(ValueId);
    let acc = VarId(0);
    let stmt = |kind| Stmt { kind, span: Span::new(0, 0) };
    let bind = |value, op| stmt(StmtKind::Let(value, op));
    let turn = vec![
        bind(x, Op::Cast(index)),
        bind(root, Op::Intrinsic(Intrinsic::Sqrt, vec![x])),
        bind(term, Op::Intrinsic(Intrinsic::Fma, vec![x, x, root])),
        bind(old, Op::Get(acc)),
        bind(new, Op::Binary(BinaryOp::Add, old, term)),
        stmt(StmtKind::Set(acc, new)),
    ];
    let body = vec![
        bind(zero, Op::Const(Const::Float(0.0))),
        stmt(StmtKind::Set(acc, zero)),
        stmt(StmtKind::For(ForLoop { label: Label(0), index, len, body: turn, parallel: None })),
        bind(sum, Op::Get(acc)),
        stmt(StmtKind::Return(sum)),
    ];
    let function = Function {
        name: "warm_up".into(),
        params: vec![len],
        ret: Type::FLOAT64,
        values,
        vars: vec![slot(&Type::FLOAT64)],
        body,
        options: Options::default(),
    };
    Module { functions: vec![function], entry: Some(FuncId(0)), ..Module::default() }
}

#[cfg(test)]
mod tests {
    #[test]
    fn what_warms_up_compiles() {
        assert!(crate::compile(&super::module(), &crate::Options::default()).is_ok());
    }
}
