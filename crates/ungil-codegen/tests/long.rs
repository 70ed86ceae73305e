//! Whether a call may run long: told from what the passes have left, and by the object file itself.

mod support;

use std::cell::RefCell;
use std::collections::HashMap;

use support::{Builder, call, compile, module};
use ungil_codegen::{Code, ObjectStore, OptLevel, Options, compile_with, emit_llvm, emit_object};
use ungil_ir::Type;
use ungil_ir::ir::{
    self, BinaryOp, CompareOp, ExceptionClass, FuncId, Function, Inline, Module, Op, Parallel, Raise,
    Reduction,
};

/// `v = v * v + i` from 7, for so many turns or for as many as the argument says; returns `v`, or 7 if that is not wanted.
fn squares(n_turns: Option<i64>, is_wanted: bool) -> Function {
    let (mut b, p) = Builder::new(&[Type::INT64], Type::INT64);
    let v = b.var(Type::INT64);
    let seven = b.int(7);
    b.set(v, seven);
    let n_turns = n_turns.map_or(p[0], |n_turns| b.int(n_turns));
    b.for_(n_turns, None, |b, index, _| {
        let old = b.get(v);
        let square = b.binary(BinaryOp::Mul, old, old);
        let new = b.binary(BinaryOp::Add, square, index);
        b.set(v, new);
    });
    let result = if is_wanted { b.get(v) } else { seven };
    b.return_(result);
    b.finish()
}

/// What three turns make.
const THREE_TURNS: i64 = (49 * 49 + 1) * (49 * 49 + 1) + 2;

/// `f(n) = n if n < 2 else f(n - 1) + f(n - 2)`.
fn fibonacci() -> Function {
    let (mut b, p) = Builder::new(&[Type::INT64], Type::INT64);
    let [one, two] = [1, 2].map(|value| b.int(value));
    let is_small = b.compare(CompareOp::Lt, p[0], two);
    b.if_(is_small, |b| b.return_(p[0]), |_| ());
    let terms = [one, two].map(|step| {
        let before = b.binary(BinaryOp::Sub, p[0], step);
        b.let_(Type::INT64, Op::Call { func: FuncId(0), args: vec![before], site: None })
    });
    let sum = b.binary(BinaryOp::Add, terms[0], terms[1]);
    b.return_(sum);
    b.finish()
}

/// A function that calls `callee`, which is not inlined.
fn calling(mut callee: Function) -> Module {
    callee.options = ir::Options { inline: Inline::Never, ..ir::Options::default() };
    let (mut b, p) = Builder::new(&[Type::INT64], Type::INT64);
    let result = b.let_(Type::INT64, Op::Call { func: FuncId(1), args: p, site: None });
    b.return_(result);
    Module { functions: vec![b.finish(), callee], entry: Some(FuncId(0)), ..Module::default() }
}

fn result(code: &Code, n: i64) -> i64 {
    // SAFETY: an int64 to an int64.
    unsafe { call(code, &n) }.expect("it returns")
}

#[test]
fn a_loop_that_stays_is_long_wherever_it_is() {
    for module in [module(squares(None, true)), calling(squares(None, true))] {
        let code = compile(&module);
        assert!(code.is_long());
        assert_eq!(result(&code, 3), THREE_TURNS);
    }
}

#[test]
fn a_loop_whose_turns_are_written_out_is_brief() {
    for module in [module(squares(Some(3), true)), calling(squares(Some(3), true))] {
        let code = compile(&module);
        assert!(!code.is_long());
        assert_eq!(result(&code, 0), THREE_TURNS);
        let as_written =
            ungil_codegen::compile(&module, &Options { opt_level: OptLevel::O0 }).expect("it compiles");
        assert!(as_written.is_long());
        assert_eq!(result(&as_written, 0), THREE_TURNS);
    }
}

#[test]
fn a_loop_that_computes_nothing_is_brief_and_does_not_poll() {
    for module in [module(squares(None, false)), calling(squares(None, false))] {
        let code = compile(&module);
        assert!(!code.is_long());
        // With a poll for each strip of turns this would last for hours.
        assert_eq!(result(&code, i64::MAX), 7);
        let text = emit_llvm(&module, &Options::default(), true).expect("it compiles");
        assert!(!text.contains("ungil_rt_"), "{text}");
    }
}

#[test]
fn loops_in_loops_that_compute_nothing_are_brief() {
    let (mut b, p) = Builder::new(&[Type::INT64], Type::INT64);
    b.for_(p[0], None, |b, _, _| b.for_(p[0], None, |_, _, _| ()));
    b.return_(p[0]);
    let code = compile(&module(b.finish()));
    assert!(!code.is_long());
    assert_eq!(result(&code, i64::MAX), i64::MAX);
}

#[test]
fn an_endless_loop_is_long() {
    let (mut b, p) = Builder::new(&[Type::INT64], Type::INT64);
    let zero = b.int(0);
    let is_endless = b.compare(CompareOp::Gt, p[0], zero);
    b.if_(is_endless, |b| b.loop_(|_, _| ()), |b| b.return_(p[0]));
    let code = compile(&module(b.finish()));
    assert!(code.is_long());
    assert_eq!(result(&code, -3), -3);
}

#[test]
fn a_recursion_is_long() {
    let code = compile(&module(fibonacci()));
    assert!(code.is_long());
    assert_eq!(result(&code, 20), 6765);
}

/// A parallel sum from `n` on of `i * i | i`, or of nothing, for `i` below `n`; behind a serial loop if that is asked for.
fn summing(is_adding: bool, is_behind_another: bool) -> Module {
    let (mut add, p) = Builder::new(&[Type::INT64, Type::INT64], Type::INT64);
    let sum = add.binary(BinaryOp::Add, p[0], p[1]);
    add.return_(sum);
    let (mut b, p) = Builder::new(&[Type::INT64], Type::INT64);
    let acc = b.var(Type::INT64);
    b.set(acc, p[0]);
    let zero = b.int(0);
    if is_behind_another {
        b.for_(p[0], None, |b, index, _| {
            let old = b.get(acc);
            let square = b.binary(BinaryOp::Mul, old, old);
            let new = b.binary(BinaryOp::Xor, square, index);
            b.set(acc, new);
        });
    }
    let reductions = vec![Reduction { var: acc, identity: zero, combine: FuncId(1) }];
    b.for_(p[0], Some(Parallel { reductions, last: vec![] }), |b, index, _| {
        let old = b.get(acc);
        let square = b.binary(BinaryOp::Mul, index, index);
        let term = if is_adding { b.binary(BinaryOp::Or, square, index) } else { zero };
        let new = b.binary(BinaryOp::Add, old, term);
        b.set(acc, new);
    });
    let sum = b.get(acc);
    b.return_(sum);
    Module { functions: vec![b.finish(), add.finish()], entry: Some(FuncId(0)), ..Module::default() }
}

#[test]
fn a_parallel_loop_is_long_if_it_computes_anything() {
    let code = compile(&summing(true, false));
    assert!(code.is_long());
    assert_eq!(result(&code, 1000), 1000 + (0..1000).map(|i| (i * i) | i).sum::<i64>());
    let code = compile(&summing(false, false));
    assert!(!code.is_long());
    assert_eq!(result(&code, i64::MAX), i64::MAX);
}

#[test]
fn one_loop_that_computes_is_enough_to_be_long() {
    let code = compile(&summing(false, true));
    assert!(code.is_long());
    assert_eq!(result(&code, 1000), (0..1000).fold(1000_i64, |v, i| v.wrapping_mul(v) ^ i));
}

#[test]
fn what_raises_is_brief() {
    let (mut b, p) = Builder::new(&[Type::INT64], Type::INT64);
    let zero = b.int(0);
    let is_negative = b.compare(CompareOp::Lt, p[0], zero);
    b.if_(is_negative, |b| b.raise(0), |b| b.return_(p[0]));
    let class = ExceptionClass::Builtin("ValueError".into());
    let raises = vec![Raise { class, args: Vec::new(), site: None }];
    assert!(!compile(&Module { raises, ..module(b.finish()) }).is_long());
}

#[test]
fn an_object_keeps_the_answer() {
    /// Keeps objects in memory.
    #[derive(Default)]
    struct Kept(RefCell<HashMap<Vec<u8>, Vec<u8>>>);

    impl ObjectStore for Kept {
        fn get(&self, unit: &[u8]) -> Option<Vec<u8>> {
            self.0.borrow().get(unit).cloned()
        }

        fn put(&self, unit: &[u8], object: &[u8]) {
            self.0.borrow_mut().insert(unit.to_vec(), object.to_vec());
        }
    }

    for (n_turns, is_long) in [(None, true), (Some(3), false)] {
        let module = module(squares(n_turns, true));
        let object = emit_object(&module, &Options::default()).expect("it compiles");
        let loaded = Code::load(&object).expect("it loads");
        assert_eq!((loaded.is_long(), result(&loaded, 3)), (is_long, THREE_TURNS));

        let kept = Kept::default();
        for is_found in [false, true] {
            let code = compile_with(&module, &Options::default(), &kept).expect("it compiles");
            assert_eq!(code.timings().emit.is_zero(), is_found);
            assert_eq!((code.is_long(), result(&code, 3)), (is_long, THREE_TURNS));
        }
    }
}
