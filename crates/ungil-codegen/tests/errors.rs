//! Exceptions, traces, recursion, printing and interrupts.

mod support;

use std::ffi::c_void;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use support::{Builder, call, compile, module};
use ungil_codegen::{Code, OptLevel, Options};
use ungil_ir::Type;
use ungil_ir::ir::{
    BinaryOp, CompareOp, Const, FuncId, Inline, Module, Op, Parallel, Print, PrintId, PrintPart, Reduction,
    SiteId, StmtKind,
};
use ungil_rt::{Host, LongCall, RAISE_INTERRUPTED, RAISE_RECURSION, Raised};

/// A host that records what is printed, and interrupts while told to.
struct TestHost;

/// What the one print of these tests prints.
#[repr(C)]
struct Printed(i64, u8);

static PRINTED: Mutex<Vec<(u32, i64, u8)>> = Mutex::new(Vec::new());
static INTERRUPT: AtomicBool = AtomicBool::new(false);
/// Tests that set `INTERRUPT` keep the others out, whose loops it would stop.
static INTERRUPTING: Mutex<()> = Mutex::new(());

impl Host for TestHost {
    fn check_signals(&self) -> bool {
        INTERRUPT.load(Ordering::Relaxed)
    }

    #[expect(clippy::cast_ptr_alignment, reason = "the contract aligns the values")]
    fn print(&self, _user: *const c_void, print_id: u32, args: *const u8) -> bool {
        // SAFETY: the one print of these tests passes an int64 and a bool; sixteen bytes, aligned to eight.
        let values = unsafe { &*args.cast::<Printed>() };
        let (number, flag) = (values.0, values.1);
        PRINTED.lock().expect("no panic").push((print_id, number, flag));
        number < 0
    }
}

fn install_host() {
    // Another test may have done it.
    let _ = ungil_rt::set_host(Box::new(TestHost));
}

/// `f(x)` raises exception 4 if x is negative; `g` calls it at site 7, `h` calls `g` at site 8.
fn failing(inline: Inline) -> Code {
    let (mut f, p) = Builder::new(&[Type::INT64], Type::INT64);
    let zero = f.int(0);
    let negative = f.compare(CompareOp::Lt, p[0], zero);
    f.if_(negative, |b| b.raise(4), |_| ());
    f.return_(p[0]);
    let caller = |func, site| {
        let (mut b, p) = Builder::new(&[Type::INT64], Type::INT64);
        let result =
            b.let_(Type::INT64, Op::Call { func: FuncId(func), args: vec![p[0]], site: Some(SiteId(site)) });
        let one = b.int(1);
        let result = b.binary(BinaryOp::Add, result, one);
        b.return_(result);
        b.options(ungil_ir::ir::Options { inline, ..ungil_ir::ir::Options::default() }).finish()
    };
    let raise = ungil_ir::ir::Raise {
        class: ungil_ir::ir::ExceptionClass::Builtin("ValueError".into()),
        args: Vec::new(),
        site: None,
    };
    let site = ungil_ir::ir::Site { function: "f".into(), file: "f.py".into(), line: 1 };
    compile(&Module {
        functions: vec![caller(1, 8), caller(2, 7), f.finish()],
        entry: Some(FuncId(0)),
        raises: vec![raise; 5],
        sites: vec![site; 9],
        ..Module::default()
    })
}

#[test]
fn an_exception_passes_its_callers() {
    for inline in [Inline::Auto, Inline::Always, Inline::Never] {
        let code = failing(inline);
        // SAFETY: an int64 to an int64.
        assert_eq!(unsafe { call(&code, &5_i64) }, Ok(7_i64));
        // SAFETY: as above.
        let raised = unsafe { call::<_, i64>(&code, &-5_i64) };
        assert_eq!(raised, Err(Raised { raise_id: 4, trace: vec![7, 8] }));
    }
}

/// `f(n) = 0 if n == 0 else 1 + f(n - 1)`, with the sum kept from becoming a loop.
fn recursive() -> Code {
    let (mut b, p) = Builder::new(&[Type::INT64], Type::INT64);
    let zero = b.int(0);
    let one = b.int(1);
    let done = b.compare(CompareOp::Eq, p[0], zero);
    b.if_(done, |b| b.return_(zero), |_| ());
    let less = b.binary(BinaryOp::Sub, p[0], one);
    let once = b.let_(Type::INT64, Op::Call { func: FuncId(0), args: vec![less], site: None });
    // Two calls, the second over at once: LLVM makes no loop of that.
    let again = b.binary(BinaryOp::And, once, zero);
    let twice = b.let_(Type::INT64, Op::Call { func: FuncId(0), args: vec![again], site: None });
    let sum = b.binary(BinaryOp::Add, once, twice);
    let sum = b.binary(BinaryOp::Add, sum, one);
    b.return_(sum);
    ungil_codegen::compile(&module(b.finish()), &Options { opt_level: OptLevel::O1 }).expect("it compiles")
}

#[test]
fn a_deep_recursion_raises_and_a_shallow_one_returns() {
    let _alone = INTERRUPTING.lock();
    let code = recursive();
    for on_a_small_stack in [false, true] {
        let check = || {
            // SAFETY: an int64 to an int64.
            assert_eq!(unsafe { call(&code, &100_i64) }, Ok(100_i64));
            // SAFETY: as above.
            let raised = unsafe { call::<_, i64>(&code, &1_000_000_000_i64) }.expect_err("too deep");
            assert_eq!(raised.raise_id, RAISE_RECURSION);
        };
        if on_a_small_stack {
            std::thread::scope(|scope| {
                std::thread::Builder::new().stack_size(1 << 20).spawn_scoped(scope, check).expect("a thread");
            });
        } else {
            check();
        }
    }
}

#[test]
fn printing_hands_the_values_over() {
    install_host();
    let (mut b, p) = Builder::new(&[Type::INT64, Type::Bool], Type::None);
    b.let_(Type::None, Op::Print(PrintId(0), p));
    let none = b.let_(Type::None, Op::Const(Const::Unit));
    b.return_(none);
    let parts = vec![PrintPart::Value(Type::INT64), PrintPart::Value(Type::Bool)];
    let print = Print { parts, sep: " ".into(), end: "\n".into() };
    let code = compile(&Module { prints: vec![print], ..module(b.finish()) });
    // SAFETY: an int64 and a byte, to nothing.
    assert_eq!(unsafe { call(&code, &[42_i64, 1]) }, Ok(()));
    assert!(PRINTED.lock().expect("no panic").contains(&(0, 42, 1)));
    // SAFETY: as above.
    let raised = unsafe { call::<_, ()>(&code, &[-1_i64, 0]) }.expect_err("the host raised");
    assert_eq!(raised.raise_id, RAISE_INTERRUPTED);
}

/// Calls `code`, which never ends by itself, while the host interrupts.
fn interrupted(code: &Code) {
    install_host();
    let _alone = INTERRUPTING.lock();
    let _long = LongCall::enter();
    INTERRUPT.store(true, Ordering::Relaxed);
    // SAFETY: an int64 to an int64.
    let raised = unsafe { call::<_, i64>(code, &1_000_000_000_000_i64) };
    INTERRUPT.store(false, Ordering::Relaxed);
    assert_eq!(raised.expect_err("it was stopped").raise_id, RAISE_INTERRUPTED);
}

#[test]
fn an_empty_endless_loop_is_interrupted() {
    let (mut b, _) = Builder::new(&[Type::INT64], Type::INT64);
    b.loop_(|_, _| ());
    interrupted(&compile(&module(b.finish())));
}

/// `acc = acc * acc + i` for each `i`: no closed form.
fn long_for(parallel: bool) -> Code {
    let (mut add, p) = Builder::new(&[Type::INT64, Type::INT64], Type::INT64);
    let sum = add.binary(BinaryOp::Add, p[0], p[1]);
    add.return_(sum);
    let (mut b, p) = Builder::new(&[Type::INT64], Type::INT64);
    let acc = b.var(Type::INT64);
    let zero = b.int(0);
    b.set(acc, zero);
    let parallel = parallel.then(|| Parallel {
        reductions: vec![Reduction { var: acc, identity: zero, combine: FuncId(1) }],
        last: vec![],
    });
    b.for_(p[0], parallel, |b, index, _| {
        let old = b.get(acc);
        let square = b.binary(BinaryOp::Mul, old, old);
        let new = b.binary(BinaryOp::Add, square, index);
        b.set(acc, new);
    });
    let sum = b.get(acc);
    b.return_(sum);
    compile(&Module {
        functions: vec![b.finish(), add.finish()],
        entry: Some(FuncId(0)),
        ..Module::default()
    })
}

#[test]
fn long_counted_loops_are_interrupted() {
    interrupted(&long_for(false));
    interrupted(&long_for(true));
}

#[test]
fn nested_loops_are_interrupted_whatever_their_lengths() {
    // Each inner loop alone is over before it would poll.
    let (mut b, p) = Builder::new(&[Type::INT64], Type::INT64);
    let acc = b.var(Type::INT64);
    let seven = b.int(7);
    b.set(acc, seven);
    let thousand = b.int(1000);
    b.for_(p[0], None, |b, _, _| {
        b.for_(thousand, None, |b, _, _| {
            b.for_(thousand, None, |b, index, _| {
                let old = b.get(acc);
                let square = b.binary(BinaryOp::Mul, old, old);
                let new = b.binary(BinaryOp::Add, square, index);
                b.set(acc, new);
            });
        });
    });
    let sum = b.get(acc);
    b.return_(sum);
    interrupted(&compile(&module(b.finish())));
}

#[test]
fn a_return_out_of_nested_loops_ends_them() {
    let _alone = INTERRUPTING.lock();
    let (mut b, p) = Builder::new(&[Type::INT64], Type::INT64);
    b.loop_(|b, _| {
        b.for_(p[0], None, |b, index, label| {
            let five = b.int(5);
            let found = b.compare(CompareOp::Eq, index, five);
            b.if_(found, |b| b.return_(index), |b| b.push(StmtKind::Continue(label)));
        });
    });
    let code = compile(&module(b.finish()));
    // SAFETY: an int64 to an int64.
    assert_eq!(unsafe { call(&code, &10_i64) }, Ok(5_i64));
}
