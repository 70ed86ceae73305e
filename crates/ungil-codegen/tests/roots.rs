//! Loops of square roots: right whichever way each root is computed.

mod support;

use support::{Builder, call, compile};
use ungil_codegen::{Options, emit_asm};
use ungil_ir::Type;
use ungil_ir::ir::{self, BinaryOp, CompareOp, FastMath, FuncId, Function, Intrinsic, Module, Op};

/// What leaves NaNs, infinities and zeros' signs as they are.
const NEAR: FastMath =
    FastMath { nnan: false, ninf: false, nsz: false, arcp: false, contract: false, afn: true, reassoc: true };

/// `(low, step, n, wanted)` to what `of` makes of `low + wanted * step`, in a loop that does so for all turns below `n`.
fn picked(fastmath: FastMath, of: impl Fn(&mut Builder, ir::ValueId) -> ir::ValueId) -> Module {
    let (b, p) = Builder::new(&[Type::FLOAT64, Type::FLOAT64, Type::INT64, Type::INT64], Type::FLOAT64);
    let mut b = b.options(ir::Options { fastmath, ..ir::Options::default() });
    let sum = b.var(Type::FLOAT64);
    // It leaves a sum as it is, even of -0.0.
    let nothing = b.float(-0.0);
    b.set(sum, nothing);
    b.for_(p[2], None, |b, index, _| {
        let turn = b.let_(Type::FLOAT64, Op::Cast(index));
        let way = b.binary(BinaryOp::Mul, turn, p[1]);
        let x = b.binary(BinaryOp::Add, p[0], way);
        let root = of(b, x);
        let is_wanted = b.compare(CompareOp::Eq, index, p[3]);
        let term = b.let_(Type::FLOAT64, Op::Select(is_wanted, root, nothing));
        let old = b.get(sum);
        let new = b.binary(BinaryOp::Add, old, term);
        b.set(sum, new);
    });
    let sum = b.get(sum);
    b.return_(sum);
    module(b.finish())
}

fn module(function: Function) -> Module {
    Module { functions: vec![function], entry: Some(FuncId(0)), ..Module::default() }
}

fn root(b: &mut Builder, x: ir::ValueId) -> ir::ValueId {
    b.intrinsic(Intrinsic::Sqrt, Type::FLOAT64, &[x])
}

fn near_root(b: &mut Builder, x: ir::ValueId) -> ir::ValueId {
    b.intrinsic(Intrinsic::NearSqrt, Type::FLOAT64, &[x])
}

#[repr(C)]
struct Args(f64, f64, i64, i64);

/// Compares each of 40 turns, those behind the last whole vector among them.
fn compare(module: &Module, low: f64, step: f64, of: fn(f64) -> f64, most: f64) {
    let code = compile(module);
    for turn in 0..40 {
        // SAFETY: the parameters are those of `picked`.
        let got: f64 = unsafe { call(&code, &Args(low, step, 40, turn)) }.expect("it returns");
        let x = low + turn as f64 * step;
        let want = of(x);
        let is_same = got.to_bits() == want.to_bits() || got.is_nan() && want.is_nan();
        let is_near = (got - want).abs() <= most * f64::EPSILON * want.abs();
        assert!(is_same || want.is_finite() && want != 0.0 && is_near, "{x:e}: {got:e}, not {want:e}");
    }
}

#[test]
fn roots_of_common_and_of_rare_numbers_in_one_vector() {
    let [of_function, in_prelude] = [picked(NEAR, root), picked(NEAR, near_root)];
    let least = f64::from_bits(1);
    let (narrow, wide) = (2_f64.powi(-126), 2_f64.powi(128));
    for (low, step) in [
        (0.0, 0.37),
        (-3.0, 0.25),
        (0.0, least),
        (-0.0, -0.0),
        (f64::INFINITY, 0.0),
        (f64::NAN, 1.0),
        (f64::MIN_POSITIVE - 20.0 * least, least),
        (narrow * (1.0 - 20.0 * f64::EPSILON), narrow * f64::EPSILON),
        (wide * (1.0 - 20.0 * f64::EPSILON), wide * f64::EPSILON),
        (narrow / 4.0, narrow / 16.0),
        (wide / 4.0, wide / 16.0),
        (f64::MAX / 64.0, f64::MAX / 64.0),
    ] {
        compare(&of_function, low, step, f64::sqrt, 1.5);
        compare(&in_prelude, low, step, f64::sqrt, 1.5);
    }
}

#[test]
fn roots_that_need_other_roots() {
    let nested = picked(NEAR, |b, x| {
        let inner = root(b, x);
        let one = b.float(1.0);
        let more = b.binary(BinaryOp::Add, inner, one);
        let outer = root(b, more);
        b.binary(BinaryOp::Add, inner, outer)
    });
    compare(&nested, 0.0, 0.37, |x| x.sqrt() + (x.sqrt() + 1.0).sqrt(), 4.0);
}

#[test]
fn only_loops_of_roots_that_may_be_approximate_are_shared_out() {
    #[cfg(target_arch = "x86_64")]
    let shares = is_x86_feature_detected!("avx2")
        && is_x86_feature_detected!("fma")
        && !is_x86_feature_detected!("avx512f");
    #[cfg(not(target_arch = "x86_64"))]
    let shares = false;
    let estimates =
        |module: &Module| emit_asm(module, &Options::default()).expect("it compiles").contains("rsqrtps");
    assert_eq!(estimates(&picked(NEAR, root)), shares);
    assert_eq!(estimates(&picked(FastMath { afn: false, ..NEAR }, near_root)), shares);
    assert!(!estimates(&picked(FastMath { afn: false, ..NEAR }, root)));
    // Full of products, which the multiplication would delay.
    let busy = picked(NEAR, |b, x| {
        let mut product = root(b, x);
        for k in 0..40 {
            let term = b.float(f64::from(k) + 0.5);
            let sum = b.binary(BinaryOp::Add, product, term);
            product = b.binary(BinaryOp::Mul, sum, x);
        }
        product
    });
    assert!(!estimates(&busy));
    let calling = picked(NEAR, |b, x| {
        let root = root(b, x);
        b.let_(Type::FLOAT64, Op::Libm("cosh".into(), vec![root]))
    });
    assert!(!estimates(&calling));
}
