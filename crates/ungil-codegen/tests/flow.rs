//! Straight-line code, branches and loops.

mod support;

use support::{Builder, call, compile, module};
use ungil_codegen::{Options, emit_llvm};
use ungil_ir::Type;
use ungil_ir::ir::{BinaryOp, CompareOp, Const, FuncId, Module, Op, Parallel, Reduction, StmtKind};

#[test]
fn adds_its_arguments() {
    let (mut b, p) = Builder::new(&[Type::INT64, Type::INT64], Type::INT64);
    let sum = b.binary(BinaryOp::Add, p[0], p[1]);
    b.return_(sum);
    let code = compile(&module(b.finish()));
    // SAFETY: two int64 to an int64.
    assert_eq!(unsafe { call(&code, &[i64::MAX, 2]) }, Ok(i64::MIN + 1));
}

#[test]
fn a_for_sums_its_indices() {
    let (mut b, p) = Builder::new(&[Type::INT64], Type::INT64);
    let acc = b.var(Type::INT64);
    let zero = b.int(0);
    b.set(acc, zero);
    b.for_(p[0], None, |b, index, _| {
        let old = b.get(acc);
        let new = b.binary(BinaryOp::Add, old, index);
        b.set(acc, new);
    });
    let sum = b.get(acc);
    b.return_(sum);
    let code = compile(&module(b.finish()));
    for len in [i64::MIN, -1, 0, 1, 2, 100, 65_535, 65_536, 65_537, 200_000] {
        let expected = (0..len).sum::<i64>();
        // SAFETY: an int64 to an int64.
        assert_eq!(unsafe { call(&code, &len) }, Ok(expected), "{len}");
    }
}

#[test]
fn indices_become_floats_as_what_is_never_negative() {
    for parallel in [false, true] {
        let (mut b, p) = Builder::new(&[Type::INT64], Type::FLOAT64);
        let acc = b.var(Type::FLOAT64);
        let zero = b.float(0.0);
        b.set(acc, zero);
        let reductions = vec![Reduction { var: acc, identity: zero, combine: FuncId(1) }];
        let parallel = parallel.then(|| Parallel { reductions, last: vec![] });
        b.for_(p[0], parallel, |b, index, _| {
            let old = b.get(acc);
            let term = b.let_(Type::FLOAT64, Op::Cast(index));
            let new = b.binary(BinaryOp::Add, old, term);
            b.set(acc, new);
        });
        let sum = b.get(acc);
        b.return_(sum);
        let (mut add, p) = Builder::new(&[Type::FLOAT64, Type::FLOAT64], Type::FLOAT64);
        let sum = add.binary(BinaryOp::Add, p[0], p[1]);
        add.return_(sum);
        let functions = vec![b.finish(), add.finish()];
        let module = Module { functions, entry: Some(FuncId(0)), ..Module::default() };
        let text = emit_llvm(&module, &Options::default(), true).expect("it compiles");
        assert!(text.contains("uitofp") && !text.contains("sitofp"), "{text}");
        // SAFETY: an int64 to a float64.
        assert_eq!(unsafe { call(&compile(&module), &200_000_i64) }, Ok(199_999.0 * 100_000.0));
    }
}

#[test]
fn loops_are_left_and_continued() {
    // The sum of the odd numbers below the first whose square exceeds n.
    let (mut b, p) = Builder::new(&[Type::INT64], Type::INT64);
    let [i, acc] = [b.var(Type::INT64), b.var(Type::INT64)];
    let zero = b.int(0);
    b.set(i, zero);
    b.set(acc, zero);
    b.loop_(|b, label| {
        let old = b.get(i);
        let one = b.int(1);
        let now = b.binary(BinaryOp::Add, old, one);
        b.set(i, now);
        let square = b.binary(BinaryOp::Mul, now, now);
        let beyond = b.compare(CompareOp::Gt, square, p[0]);
        b.if_(beyond, |b| b.push(StmtKind::Break(label)), |_| ());
        let odd = b.binary(BinaryOp::And, now, one);
        let zero = b.int(0);
        let even = b.compare(CompareOp::Eq, odd, zero);
        b.if_(even, |b| b.push(StmtKind::Continue(label)), |_| ());
        let sum = b.get(acc);
        let sum = b.binary(BinaryOp::Add, sum, now);
        b.set(acc, sum);
    });
    let sum = b.get(acc);
    b.return_(sum);
    let code = compile(&module(b.finish()));
    for n in [0_i64, 1, 9, 100, 1_000_000_000] {
        let expected: i64 = (1..=n).take_while(|i| i * i <= n).filter(|i| i % 2 == 1).sum();
        // SAFETY: an int64 to an int64.
        assert_eq!(unsafe { call(&code, &n) }, Ok(expected), "{n}");
    }
}

#[test]
fn a_unit_takes_and_returns_nothing() {
    let (mut b, _) = Builder::new(&[Type::None], Type::None);
    let none = b.let_(Type::None, Op::Const(Const::Unit));
    b.return_(none);
    let code = compile(&module(b.finish()));
    // SAFETY: no bytes to no bytes.
    assert_eq!(unsafe { call(&code, &()) }, Ok(()));
}
