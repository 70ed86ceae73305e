//! The index of a loop as a float: the integer's value, whatever the body does with the index.

mod support;

use support::{Builder, call, compile, module};
use ungil_ir::Type;
use ungil_ir::ir::{BinaryOp, CompareOp, Module, Op, ValueId, VarId};

/// `n -> how many turns of n` have a float that differs from the index that it was made of.
fn mismatches() -> Module {
    let (mut b, p) = Builder::new(&[Type::INT64], Type::INT64);
    let (count, i) = (b.var(Type::INT64), b.var(Type::INT64));
    let zero = b.int(0);
    b.set(count, zero);
    b.for_(p[0], None, |b, index, _| {
        b.set(i, index);
        let read = b.get(i);
        let float = b.let_(Type::FLOAT64, Op::Cast(read));
        let back = b.let_(Type::INT64, Op::Cast(float));
        let differs = b.compare(CompareOp::Ne, back, index);
        let differs = b.let_(Type::INT64, Op::Cast(differs));
        let old = b.get(count);
        let new = b.binary(BinaryOp::Add, old, differs);
        b.set(count, new);
    });
    let count = b.get(count);
    b.return_(count);
    module(b.finish())
}

fn run<R: Default>(module: &Module, n: i64) -> R {
    // SAFETY: an int64, to what the module's entry returns.
    unsafe { call(&compile(module), &[n]) }.expect("it returns")
}

#[test]
fn it_is_exact_beyond_the_first_block() {
    assert_eq!(run::<i64>(&mismatches(), (1 << 31) + 300_000), 0);
}

/// The sum over the turns of what `turn` makes of the index and a variable that is 100 at first.
fn sum(turn: impl FnOnce(&mut Builder, ValueId, VarId) -> ValueId) -> Module {
    let (mut b, p) = Builder::new(&[Type::INT64], Type::FLOAT64);
    let (total, i) = (b.var(Type::FLOAT64), b.var(Type::INT64));
    let (zero, first) = (b.float(0.0), b.int(100));
    b.set(total, zero);
    b.set(i, first);
    b.for_(p[0], None, |b, index, _| {
        let term = turn(b, index, i);
        let old = b.get(total);
        let new = b.binary(BinaryOp::Add, old, term);
        b.set(total, new);
    });
    let total = b.get(total);
    b.return_(total);
    module(b.finish())
}

#[test]
fn a_variable_that_is_changed_after_it_was_the_index_is_not_the_index() {
    let module = sum(|b, index, i| {
        b.set(i, index);
        let (read, ten) = (b.get(i), b.int(10));
        let more = b.binary(BinaryOp::Mul, read, ten);
        b.set(i, more);
        let read = b.get(i);
        b.let_(Type::FLOAT64, Op::Cast(read))
    });
    assert_eq!(run::<f64>(&module, 1000).to_bits(), 4_995_000_f64.to_bits());
}

#[test]
fn a_variable_that_is_read_before_it_is_set_is_the_index_of_the_turn_before() {
    let module = sum(|b, index, i| {
        let read = b.get(i);
        let float = b.let_(Type::FLOAT64, Op::Cast(read));
        b.set(i, index);
        float
    });
    assert_eq!(run::<f64>(&module, 1000).to_bits(), (100.0 + 498_501.0_f64).to_bits());
}
