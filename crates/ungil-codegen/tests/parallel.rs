//! Parallel loops: the same result for any number of threads, nested, with last values, failing in order.

mod support;

use support::{Builder, call, compile};
use ungil_codegen::{Code, Options, compile as compile_with, emit_object};
use ungil_ir::Type;
use ungil_ir::ir::{
    BinaryOp, CompareOp, ExceptionClass, FuncId, Function, Module, Op, Parallel, Raise, Reduction,
};
use ungil_rt::threads::with_num_threads;

const LENGTHS: [i64; 10] = [-5, 0, 1, 2, 3, 255, 256, 257, 10_000, 1_000_003];

/// `(a, b) -> a + b`, the combiner.
fn add(ty: &Type) -> Function {
    let (mut b, p) = Builder::new(&[ty.clone(), ty.clone()], ty.clone());
    let sum = b.binary(BinaryOp::Add, p[0], p[1]);
    b.return_(sum);
    b.finish()
}

fn linked(main: Function, ty: &Type) -> Module {
    let class = ExceptionClass::Builtin("ValueError".into());
    let raise = Raise { class, args: Vec::new(), site: None };
    Module {
        functions: vec![main, add(ty)],
        entry: Some(FuncId(0)),
        raises: vec![raise; 3],
        ..Module::default()
    }
}

/// Sums `1 / (scale + i)` from `start`: `(start, scale, n) -> (sum, last term)`, with -1 for no term.
fn harmonic() -> Module {
    let float = Type::FLOAT64;
    let pair = Type::tuple([float.clone(), float.clone()]);
    let (mut b, p) = Builder::new(&[float.clone(), float.clone(), Type::INT64], pair.clone());
    let [acc, last, scale] = [(); 3].map(|()| b.var(Type::FLOAT64));
    b.set(acc, p[0]);
    b.set(scale, p[1]);
    let none = b.float(-1.0);
    b.set(last, none);
    let zero = b.float(0.0);
    let one = b.float(1.0);
    let parallel = Parallel {
        reductions: vec![Reduction { var: acc, identity: zero, combine: FuncId(1) }],
        last: vec![last],
    };
    b.for_(p[2], Some(parallel), |b, index, _| {
        let index = b.let_(Type::FLOAT64, Op::Cast(index));
        let scale = b.get(scale);
        let divisor = b.binary(BinaryOp::Add, scale, index);
        let term = b.binary(BinaryOp::Div, one, divisor);
        b.set(last, term);
        let old = b.get(acc);
        let term = b.get(last);
        let new = b.binary(BinaryOp::Add, old, term);
        b.set(acc, new);
    });
    let (sum, term) = (b.get(acc), b.get(last));
    let both = b.let_(pair, Op::Aggregate(vec![sum, term]));
    b.return_(both);
    linked(b.finish(), &float)
}

fn sums(code: &Code, n: i64) -> [u64; 2] {
    // SAFETY: two float64 and an int64, to two float64.
    let result: [f64; 2] = unsafe { call(code, &[10.0_f64.to_bits(), 1.5_f64.to_bits(), n.cast_unsigned()]) }
        .expect("it returns");
    result.map(f64::to_bits)
}

#[test]
fn a_sum_is_the_same_to_the_bit_for_any_number_of_threads() {
    let code = compile(&harmonic());
    for n in LENGTHS {
        let alone = with_num_threads(1, || sums(&code, n));
        let exact: f64 = 10.0 + (0..n).map(|i| 1.0 / (1.5 + i as f64)).sum::<f64>();
        assert!((f64::from_bits(alone[0]) - exact).abs() < 1e-9, "{n}");
        let last = if n <= 0 { -1.0 } else { 1.0 / (1.5 + (n - 1) as f64) };
        assert_eq!(f64::from_bits(alone[1]), last, "{n}");
        for n_threads in [2, 5] {
            assert_eq!(with_num_threads(n_threads, || sums(&code, n)), alone, "{n} on {n_threads}");
        }
    }
}

/// `sum(i * j for i in prange(n) for j in prange(i))`.
fn nested() -> Module {
    let (mut b, p) = Builder::new(&[Type::INT64], Type::INT64);
    let acc = b.var(Type::INT64);
    let zero = b.int(0);
    b.set(acc, zero);
    let parallel = |var| {
        Some(Parallel {
            reductions: vec![Reduction { var, identity: zero, combine: FuncId(1) }],
            last: vec![],
        })
    };
    let inner = b.var(Type::INT64);
    b.for_(p[0], parallel(acc), |b, i, _| {
        let nothing = b.int(0);
        b.set(inner, nothing);
        b.for_(i, parallel(inner), |b, j, _| {
            let product = b.binary(BinaryOp::Mul, i, j);
            let old = b.get(inner);
            let new = b.binary(BinaryOp::Add, old, product);
            b.set(inner, new);
        });
        let part = b.get(inner);
        let old = b.get(acc);
        let new = b.binary(BinaryOp::Add, old, part);
        b.set(acc, new);
    });
    let sum = b.get(acc);
    b.return_(sum);
    linked(b.finish(), &Type::INT64)
}

#[test]
fn parallel_loops_nest() {
    let code = compile(&nested());
    for n in [0_i64, 1, 2, 10, 300] {
        let expected: i64 = (0..n).map(|i| i * (i - 1) / 2 * i).sum();
        // SAFETY: an int64 to an int64.
        assert_eq!(unsafe { call(&code, &n) }, Ok(expected), "{n}");
    }
}

#[test]
fn the_first_failure_in_order_wins() {
    // Raises 1 at 700 and 2 at 900.
    let (mut b, p) = Builder::new(&[Type::INT64], Type::INT64);
    b.for_(p[0], Some(Parallel::default()), |b, index, _| {
        for (raise, at) in [(1, 700), (2, 900)] {
            let at = b.int(at);
            let is_there = b.compare(CompareOp::Eq, index, at);
            b.if_(is_there, |b| b.raise(raise), |_| ());
        }
    });
    b.return_(p[0]);
    let code = compile(&linked(b.finish(), &Type::INT64));
    // SAFETY: an int64 to an int64.
    assert_eq!(unsafe { call(&code, &600_i64) }, Ok(600_i64));
    for _ in 0..100 {
        // SAFETY: as above.
        assert_eq!(unsafe { call::<_, i64>(&code, &10_000_i64) }.expect_err("it fails").raise_id, 1);
    }
}

#[test]
fn many_threads_compile_and_call_at_once() {
    std::thread::scope(|scope| {
        for thread in 0..8_i64 {
            scope.spawn(move || {
                let code = compile(&nested());
                let n = 50 + thread;
                let expected: i64 = (0..n).map(|i| i * (i - 1) / 2 * i).sum();
                for _ in 0..20 {
                    // SAFETY: an int64 to an int64.
                    assert_eq!(unsafe { call(&code, &n) }, Ok(expected));
                }
            });
        }
    });
}

#[test]
fn objects_are_loaded_again_and_unloaded() {
    let object = emit_object(&nested(), &Options::default()).expect("it compiles");
    for _ in 0..50 {
        let codes: Vec<_> = (0..3).map(|_| Code::load(&object).expect("it loads")).collect();
        for code in &codes {
            // SAFETY: an int64 to an int64.
            assert_eq!(unsafe { call(code, &3_i64) }, Ok(2_i64));
        }
    }
    assert!(Code::load(b"no object").is_err());
    assert!(Code::load(&object[..object.len() / 2]).is_err());
    assert!(compile_with(&nested(), &Options::default()).is_ok(), "the loader goes on after an error");
}

#[test]
fn a_forked_child_compiles_and_calls() {
    let stop = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                drop(compile(&nested()));
            }
        });
        for _ in 0..5 {
            // SAFETY: the child calls nothing that another thread's lock could block but the allocator, which glibc keeps
            // usable, and LLVM behind our lock; it leaves by `_exit`.
            let child = unsafe { libc::fork() };
            if child == 0 {
                let code = compile(&nested());
                // SAFETY: an int64 to an int64.
                let right = unsafe { call(&code, &10_i64) }
                    == Ok((0..10).map(|i: i64| i * (i - 1) / 2 * i).sum::<i64>());
                // SAFETY: leaves at once.
                unsafe { libc::_exit(i32::from(!right)) };
            }
            let mut status = 0;
            // SAFETY: waits for our own child.
            let waited = unsafe { libc::waitpid(child, &raw mut status, 0) };
            assert_eq!((waited, status), (child, 0));
        }
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
    });
}
