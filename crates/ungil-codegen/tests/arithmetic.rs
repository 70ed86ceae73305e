//! Every operation of every width against the same in Rust, on edges and at random.

mod support;

use proptest::prelude::*;
use support::{Builder, call, compile, module};
use ungil_codegen::Code;
use ungil_ir::ir::{BinaryOp, CompareOp, Intrinsic, Op, UnaryOp};
use ungil_ir::{IntTy, Type};

const INTS: [IntTy; 8] = {
    let mut all = [IntTy::I64; 8];
    let mut n = 0;
    while n < 8 {
        all[n] = IntTy { bits: 8 << (n % 4), signed: n < 4 };
        n += 1;
    }
    all
};

/// What Rust makes of two operands.
type Model<T> = fn(T, T) -> T;
type Comparison = fn(&f64, &f64) -> bool;
type FloatModel = fn(f64) -> f64;
/// Without a result where 128 bits do not hold it.
type Exact = fn(i128, i128) -> Option<i128>;

/// One function for each pair of operation and type: `(int64, int64) -> int64` through casts.
fn through_casts(
    ty: &Type,
    op: impl Fn(&mut Builder, ungil_ir::ir::ValueId, ungil_ir::ir::ValueId) -> Op,
    ret: &Type,
) -> Code {
    let (mut b, p) = Builder::new(&[Type::INT64, Type::INT64], Type::INT64);
    let x = b.let_(ty.clone(), Op::Cast(p[0]));
    let y = b.let_(ty.clone(), Op::Cast(p[1]));
    let op = op(&mut b, x, y);
    let result = b.let_(ret.clone(), op);
    let result = b.let_(Type::INT64, Op::Cast(result));
    b.return_(result);
    compile(&module(b.finish()))
}

fn run(code: &Code, a: i64, b: i64) -> i64 {
    // SAFETY: two int64 to an int64.
    unsafe { call(code, &[a, b]) }.expect("it does not raise")
}

fn edges(int: IntTy) -> Vec<i128> {
    let mut all = vec![int.min(), int.min() + 1, 0, 1, 2, 3, 7, 10, int.max() - 1, int.max()];
    if int.signed {
        all.extend([-1, -2, -7]);
    }
    all
}

/// `value` of type `int` as the `int64` that a cast to `int64` makes of it.
fn shown(int: IntTy, value: i128) -> i64 {
    IntTy::I64.wrap(int.wrap(value)) as i64
}

#[test]
fn integers_wrap_in_every_width() {
    for int in INTS {
        let ops: [(BinaryOp, Model<i128>); 6] = [
            (BinaryOp::Add, |a, b| a + b),
            (BinaryOp::Sub, |a, b| a - b),
            (BinaryOp::Mul, i128::wrapping_mul),
            (BinaryOp::And, |a, b| a & b),
            (BinaryOp::Or, |a, b| a | b),
            (BinaryOp::Xor, |a, b| a ^ b),
        ];
        for (op, model) in ops {
            let code = through_casts(&Type::Int(int), |_, x, y| Op::Binary(op, x, y), &Type::Int(int));
            for a in edges(int) {
                for b in edges(int) {
                    assert_eq!(
                        run(&code, a as i64, b as i64),
                        shown(int, model(a, b)),
                        "{a} {op:?} {b} of {int}"
                    );
                }
            }
        }
    }
}

#[test]
fn integers_divide_shift_and_compare_by_their_sign() {
    for int in INTS {
        let ty = Type::Int(int);
        let [quot, rem, shl, shr] = [BinaryOp::Quot, BinaryOp::Rem, BinaryOp::Shl, BinaryOp::Shr]
            .map(|op| through_casts(&ty, |_, x, y| Op::Binary(op, x, y), &ty));
        let [lt, ge] = [CompareOp::Lt, CompareOp::Ge]
            .map(|op| through_casts(&ty, |_, x, y| Op::Compare(op, x, y), &Type::Bool));
        for a in edges(int) {
            for b in edges(int) {
                if b != 0 && !(a == int.min() && b == -1) {
                    assert_eq!(run(&quot, a as i64, b as i64), shown(int, a / b), "{a} quot {b} of {int}");
                    assert_eq!(run(&rem, a as i64, b as i64), shown(int, a % b), "{a} rem {b} of {int}");
                }
                assert_eq!(run(&lt, a as i64, b as i64), i64::from(a < b), "{a} < {b} of {int}");
                assert_eq!(run(&ge, a as i64, b as i64), i64::from(a >= b), "{a} >= {b} of {int}");
            }
            for count in 0..i128::from(int.bits) {
                assert_eq!(
                    run(&shl, a as i64, count as i64),
                    shown(int, a << count),
                    "{a} << {count} of {int}"
                );
                assert_eq!(
                    run(&shr, a as i64, count as i64),
                    shown(int, a >> count),
                    "{a} >> {count} of {int}"
                );
            }
        }
    }
}

#[test]
fn unary_operations_and_bit_counts() {
    for int in INTS {
        let ty = Type::Int(int);
        let unary = |op| through_casts(&ty, move |_, x, _| Op::Unary(op, x), &ty);
        let machine = |op| through_casts(&ty, move |_, x, _| Op::Intrinsic(op, vec![x]), &ty);
        let [neg, invert] = [unary(UnaryOp::Neg), unary(UnaryOp::Invert)];
        let [leading, trailing, ones] = [
            machine(Intrinsic::LeadingZeros),
            machine(Intrinsic::TrailingZeros),
            machine(Intrinsic::PopCount),
        ];
        let bits = i64::from(int.bits);
        for a in edges(int) {
            assert_eq!(run(&neg, a as i64, 0), shown(int, -a), "-{a} of {int}");
            assert_eq!(run(&invert, a as i64, 0), shown(int, !a), "~{a} of {int}");
            let low = (a as u64) & (u64::MAX >> (64 - int.bits));
            assert_eq!(
                run(&leading, a as i64, 0),
                i64::from(low.leading_zeros()) - (64 - bits),
                "{a} of {int}"
            );
            assert_eq!(
                run(&trailing, a as i64, 0),
                i64::from(low.trailing_zeros()).min(bits),
                "{a} of {int}"
            );
            assert_eq!(run(&ones, a as i64, 0), i64::from(low.count_ones()), "{a} of {int}");
        }
    }
}

#[test]
fn the_high_half_of_a_product() {
    let code =
        through_casts(&Type::UINT64, |_, x, y| Op::Intrinsic(Intrinsic::MulHigh, vec![x, y]), &Type::UINT64);
    for a in edges(IntTy::U64) {
        for b in edges(IntTy::U64) {
            let expected = ((a as u128 * b as u128) >> 64) as i64;
            assert_eq!(run(&code, a as i64, b as i64), expected, "{a} * {b}");
        }
    }
}

#[test]
fn what_leaves_its_type_is_told() {
    let all: [(Intrinsic, Exact); 3] = [
        (Intrinsic::AddOverflows, i128::checked_add),
        (Intrinsic::SubOverflows, i128::checked_sub),
        (Intrinsic::MulOverflows, i128::checked_mul),
    ];
    for int in INTS {
        for (intrinsic, exact) in all {
            let code =
                through_casts(&Type::Int(int), |_, x, y| Op::Intrinsic(intrinsic, vec![x, y]), &Type::Bool);
            for a in edges(int) {
                for b in edges(int) {
                    let result = exact(a, b);
                    assert_eq!(
                        run(&code, a as i64, b as i64),
                        i64::from(result.is_none_or(|result| result != int.wrap(result))),
                        "{intrinsic:?} of {a} and {b} as {int}"
                    );
                }
            }
        }
    }
}

/// A function `float -> int64` through `int`.
fn float_cast(float: &Type, int: IntTy) -> Code {
    let (mut b, p) = Builder::new(std::slice::from_ref(float), Type::INT64);
    let whole = b.let_(Type::Int(int), Op::Cast(p[0]));
    let whole = b.let_(Type::INT64, Op::Cast(whole));
    b.return_(whole);
    compile(&module(b.finish()))
}

fn float_edges() -> Vec<f64> {
    let mut all =
        vec![0.0, 0.5, 0.999, 1.0, 1.5, f64::MIN_POSITIVE, f64::MAX, f64::INFINITY, f64::NAN, 123_456.75];
    for power in [7, 8, 15, 16, 31, 32, 53, 62, 63, 64, 65] {
        let two = 2_f64.powi(power);
        all.extend([two, two.next_up(), two.next_down(), two - 1.0, two + 1.0, two - 0.5, two + 0.5]);
    }
    all.extend(all.clone().into_iter().map(|x| -x));
    all
}

/// What Rust's saturating `as` gives, for any integer type.
fn saturated(int: IntTy, x: f64) -> i64 {
    let whole = if x.is_nan() { 0 } else { (x as i128).clamp(int.min(), int.max()) };
    shown(int, whole)
}

#[test]
fn floats_become_integers_saturated() {
    for int in INTS {
        let wide = float_cast(&Type::FLOAT64, int);
        let narrow = float_cast(&Type::FLOAT32, int);
        for x in float_edges() {
            // SAFETY: a float64 to an int64.
            assert_eq!(unsafe { call(&wide, &x) }, Ok(saturated(int, x)), "{x} to {int}");
            // SAFETY: a float32 to an int64.
            let result = unsafe { call(&narrow, &(x as f32)) };
            assert_eq!(result, Ok(saturated(int, f64::from(x as f32))), "{x} to {int}");
        }
    }
}

#[test]
fn integers_become_floats_rounded() {
    for int in INTS {
        for float in [Type::FLOAT64, Type::FLOAT32] {
            let (mut b, p) = Builder::new(&[Type::INT64], Type::FLOAT64);
            let x = b.let_(Type::Int(int), Op::Cast(p[0]));
            let y = b.let_(float.clone(), Op::Cast(x));
            let y = b.let_(Type::FLOAT64, Op::Cast(y));
            b.return_(y);
            let code = compile(&module(b.finish()));
            for a in edges(int) {
                let expected = if float == Type::FLOAT64 { a as f64 } else { f64::from(a as f32) };
                // SAFETY: an int64 to a float64.
                assert_eq!(unsafe { call(&code, &(a as i64)) }, Ok(expected), "{a} of {int} to {float}");
            }
        }
    }
}

#[test]
fn floats_compare_as_ieee_says() {
    let ops: [(CompareOp, Comparison); 6] = [
        (CompareOp::Eq, f64::eq),
        (CompareOp::Ne, f64::ne),
        (CompareOp::Lt, f64::lt),
        (CompareOp::Le, f64::le),
        (CompareOp::Gt, f64::gt),
        (CompareOp::Ge, f64::ge),
    ];
    for (op, model) in ops {
        let (mut b, p) = Builder::new(&[Type::FLOAT64, Type::FLOAT64], Type::Bool);
        let answer = b.compare(op, p[0], p[1]);
        b.return_(answer);
        let code = compile(&module(b.finish()));
        for x in [0.0, -0.0, 1.0, f64::INFINITY, f64::NAN] {
            for y in [0.0, -0.0, 1.0, f64::INFINITY, f64::NAN] {
                // SAFETY: two float64 to a byte.
                assert_eq!(unsafe { call(&code, &[x, y]) }, Ok(u8::from(model(&x, &y))), "{x} {op:?} {y}");
            }
        }
    }
}

#[test]
fn machine_operations_on_floats() {
    let ops: [(Intrinsic, FloatModel); 6] = [
        (Intrinsic::Sqrt, f64::sqrt),
        (Intrinsic::Fabs, f64::abs),
        (Intrinsic::Floor, f64::floor),
        (Intrinsic::Ceil, f64::ceil),
        (Intrinsic::Trunc, f64::trunc),
        (Intrinsic::Rint, f64::round_ties_even),
    ];
    for (op, model) in ops {
        let (mut b, p) = Builder::new(&[Type::FLOAT64], Type::FLOAT64);
        let result = b.intrinsic(op, Type::FLOAT64, &[p[0]]);
        b.return_(result);
        let code = compile(&module(b.finish()));
        for x in [0.0, -0.0, 0.5, 1.5, 2.5, -2.5, 1e300, f64::INFINITY, 4.0] {
            // SAFETY: a float64 to a float64.
            let result: f64 = unsafe { call(&code, &x) }.expect("it returns");
            let expected = model(x);
            assert_eq!(result.to_bits(), expected.to_bits(), "{op:?} of {x}");
        }
    }
}

#[test]
fn a_float_that_no_integer_holds_becomes_the_least() {
    let (mut b, p) = Builder::new(&[Type::FLOAT64], Type::INT64);
    let result = b.intrinsic(Intrinsic::ToInt, Type::INT64, &[p[0]]);
    b.return_(result);
    let code = compile(&module(b.finish()));
    let greatest = 2_f64.powi(63) - 1024.0;
    for x in [0.0, -0.5, 2.75, -2.75, 1e15, -2_f64.powi(63), greatest] {
        // SAFETY: a float64 to an int64.
        assert_eq!(unsafe { call(&code, &x) }, Ok(x as i64), "{x}");
    }
    for x in [2_f64.powi(63), -1e300, f64::INFINITY, f64::NEG_INFINITY, f64::NAN] {
        // SAFETY: a float64 to an int64.
        assert_eq!(unsafe { call(&code, &x) }, Ok(i64::MIN), "{x}");
    }
}

#[test]
fn a_product_is_not_fused_with_a_sum_unless_asked() {
    let (x, y) = (1.0 + f64::EPSILON, 1.0 - f64::EPSILON);
    let (mut b, p) = Builder::new(&[Type::FLOAT64, Type::FLOAT64, Type::FLOAT64], Type::FLOAT64);
    let product = b.binary(BinaryOp::Mul, p[0], p[1]);
    let sum = b.binary(BinaryOp::Add, product, p[2]);
    b.return_(sum);
    let apart = compile(&module(b.finish()));
    let (mut b, p) = Builder::new(&[Type::FLOAT64, Type::FLOAT64, Type::FLOAT64], Type::FLOAT64);
    let sum = b.intrinsic(Intrinsic::Fma, Type::FLOAT64, &p);
    b.return_(sum);
    let fused = compile(&module(b.finish()));
    // SAFETY: three float64 to a float64.
    assert_eq!(unsafe { call(&apart, &[x, y, -1.0]) }, Ok(x * y - 1.0));
    // SAFETY: as above.
    assert_eq!(unsafe { call(&fused, &[x, y, -1.0]) }, Ok(x.mul_add(y, -1.0)));
}

#[test]
fn the_mathematics_library_is_found() {
    let (mut b, p) = Builder::new(&[Type::FLOAT64, Type::FLOAT64], Type::FLOAT64);
    let result = b.let_(Type::FLOAT64, Op::Libm("atan2".into(), p));
    b.return_(result);
    let code = compile(&module(b.finish()));
    // SAFETY: two float64 to a float64.
    assert_eq!(unsafe { call(&code, &[1.0, -2.0]) }, Ok(1_f64.atan2(-2.0)));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn any_float_saturates(bits: u64) {
        thread_local!(static CODES: Vec<(IntTy, Code)> = INTS.map(|int| (int, float_cast(&Type::FLOAT64, int))).into());
        let x = f64::from_bits(bits);
        CODES.with(|codes| {
            for (int, code) in codes {
                // SAFETY: a float64 to an int64.
                prop_assert_eq!(unsafe { call(code, &x) }, Ok(saturated(*int, x)));
            }
            Ok(())
        })?;
    }

    #[test]
    fn any_integers_multiply_and_add(a: i64, b: i64) {
        thread_local!(static CODE: Code = through_casts(&Type::INT64, |b, x, y| {
            let product = b.binary(BinaryOp::Mul, x, y);
            Op::Binary(BinaryOp::Add, product, x)
        }, &Type::INT64));
        prop_assert_eq!(CODE.with(|code| run(code, a, b)), a.wrapping_mul(b).wrapping_add(a));
    }
}
