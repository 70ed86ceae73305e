//! Loops whose rare cases run a second time: the same results as one turn after the other.

mod support;

use support::{Builder, call, compile};
use ungil_ir::Type;
use ungil_ir::ir::{
    self, BinaryOp, CompareOp, FastMath, FuncId, Function, Inline, Intrinsic, Module, Op, Parallel,
    Reduction, StmtKind,
};

/// `x * 2`, but `x - 1` beyond `limit`: `(x, limit)`.
fn guarded() -> Function {
    let (b, p) = Builder::new(&[Type::FLOAT64, Type::FLOAT64], Type::FLOAT64);
    let mut b = b.options(ir::Options { inline: Inline::Always, ..ir::Options::default() });
    let beyond = b.compare(CompareOp::Gt, p[0], p[1]);
    let rare = b.intrinsic(Intrinsic::Unlikely, Type::Bool, &[beyond]);
    b.if_(
        rare,
        |b| {
            let one = b.float(1.0);
            let less = b.binary(BinaryOp::Sub, p[0], one);
            b.return_(less);
        },
        |_| (),
    );
    let twice = b.binary(BinaryOp::Add, p[0], p[0]);
    b.return_(twice);
    b.finish()
}

fn add() -> Function {
    let (mut b, p) = Builder::new(&[Type::FLOAT64, Type::FLOAT64], Type::FLOAT64);
    let sum = b.binary(BinaryOp::Add, p[0], p[1]);
    b.return_(sum);
    b.finish()
}

/// `(start, limit, n)` to the sum of the guarded `i` for odd `i` below `n`, and the number of those beyond `limit`.
fn looped(parallel: bool, fastmath: FastMath) -> Module {
    let pair = Type::tuple([Type::FLOAT64, Type::FLOAT64]);
    let (b, p) = Builder::new(&[Type::FLOAT64, Type::FLOAT64, Type::INT64], pair.clone());
    let mut b = b.options(ir::Options { fastmath, ..ir::Options::default() });
    let [sum, count] = [b.var(Type::FLOAT64), b.var(Type::FLOAT64)];
    b.set(sum, p[0]);
    let zero = b.float(0.0);
    b.set(count, zero);
    let reduction = |var| Reduction { var, identity: zero, combine: FuncId(2) };
    let parallel =
        parallel.then(|| Parallel { reductions: vec![reduction(sum), reduction(count)], last: vec![] });
    b.for_(p[2], parallel, |b, index, label| {
        let [one, nothing] = [1, 0].map(|value| b.int(value));
        let odd = b.binary(BinaryOp::And, index, one);
        let even = b.compare(CompareOp::Eq, odd, nothing);
        b.if_(even, |b| b.push(StmtKind::Continue(label)), |_| ());
        let x = b.let_(Type::FLOAT64, Op::Cast(index));
        let y = b.let_(Type::FLOAT64, Op::Call { func: FuncId(1), args: vec![x, p[1]], site: None });
        let old = b.get(sum);
        let new = b.binary(BinaryOp::Add, old, y);
        b.set(sum, new);
        let beyond = b.compare(CompareOp::Gt, x, p[1]);
        let one = b.float(1.0);
        let step = b.let_(Type::FLOAT64, Op::Select(beyond, one, zero));
        let old = b.get(count);
        let new = b.binary(BinaryOp::Add, old, step);
        b.set(count, new);
    });
    let [sum, count] = [b.get(sum), b.get(count)];
    let both = b.let_(pair, Op::Aggregate(vec![sum, count]));
    b.return_(both);
    Module { functions: vec![b.finish(), guarded(), add()], entry: Some(FuncId(0)), ..Module::default() }
}

#[test]
fn rare_turns_count_once_and_as_themselves() {
    for fastmath in [FastMath::default(), FastMath::FAST] {
        for parallel in [false, true] {
            let code = compile(&looped(parallel, fastmath));
            for n in [-1_i64, 0, 1, 2, 9, 100, 8192, 8193, 50_000] {
                for limit in [-1.0, 0.0, 5.0, 8190.0, 8191.0, 20_000.0, 1e9] {
                    let odd = (0..n).filter(|i| i % 2 == 1).map(|i| i as f64);
                    let sum: f64 = odd.clone().map(|x| if x > limit { x - 1.0 } else { x + x }).sum();
                    let expected = [7.0 + sum, odd.filter(|x| *x > limit).count() as f64];
                    // SAFETY: two float64 and an int64 to two float64.
                    let result: [f64; 2] =
                        unsafe { call(&code, &[7.0_f64.to_bits(), limit.to_bits(), n.cast_unsigned()]) }
                            .expect("it returns");
                    // All terms are whole and small, so that every order of adding them is exact.
                    assert_eq!(result, expected, "n = {n}, limit = {limit}, parallel: {parallel}");
                }
            }
        }
    }
}

#[test]
fn a_guard_outside_of_loops_is_a_branch() {
    let (mut b, p) = Builder::new(&[Type::FLOAT64, Type::FLOAT64], Type::FLOAT64);
    let y = b.let_(Type::FLOAT64, Op::Call { func: FuncId(1), args: p, site: None });
    b.return_(y);
    let module =
        Module { functions: vec![b.finish(), guarded()], entry: Some(FuncId(0)), ..Module::default() };
    let code = compile(&module);
    // SAFETY: two float64 to a float64.
    assert_eq!(unsafe { call(&code, &[3.0, 2.0]) }, Ok(2.0));
    // SAFETY: as above.
    assert_eq!(unsafe { call(&code, &[3.0, 5.0]) }, Ok(6.0));
}
