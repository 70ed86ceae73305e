//! Measures the sum of cosines: stages of its compilation, and the time of an element on one thread and on all.
//!
//! The cosine is a polynomial after a reduction modulo pi, as a function that is inlined; everything under fast maths.
//! `cargo run --release -p ungil-codegen --example kernel -- [asm|llvm|built|parallel|compile]`

#[path = "../tests/support/mod.rs"]
mod support;

use std::time::Instant;

use support::{Builder, call, compile};
use ungil_codegen::{Options, Timings, emit_asm, emit_llvm};
use ungil_ir::Type;
use ungil_ir::ir::{
    self, BinaryOp, FastMath, FuncId, Function, Inline, Intrinsic, Module, Op, Parallel, Reduction, UnaryOp,
};

fn main() {
    let serial = module(false);
    let parallel = module(true);
    match std::env::args().nth(1).as_deref() {
        Some("asm") => println!("{}", emit_asm(&serial, &Options::default()).expect("it compiles")),
        Some("llvm") => println!("{}", emit_llvm(&serial, &Options::default(), true).expect("it compiles")),
        Some("compile") => (0..200).for_each(|_| drop(compile(&serial))),
        Some("built") => println!("{}", emit_llvm(&serial, &Options::default(), false).expect("it compiles")),
        Some("parallel") => {
            println!("{}", emit_llvm(&parallel, &Options::default(), true).expect("it compiles"));
        }
        _ => measure(&serial, &parallel),
    }
}

fn measure(serial: &Module, parallel: &Module) {
    for (name, module) in [("serial", serial), ("parallel", parallel)] {
        let code = compile(module);
        println!("{name}: first {:?}", code.timings());
        let again = (0..20).map(|_| compile(module).timings()).reduce(|a, b| Timings {
            build: a.build.min(b.build),
            optimise: a.optimise.min(b.optimise),
            emit: a.emit.min(b.emit),
            load: a.load.min(b.load),
        });
        println!("{name}: again {:?}", again.expect("twenty"));
        for n in [10_i64, 1_000, 1_000_000] {
            let args = [0.0_f64.to_bits(), std::f64::consts::FRAC_PI_2.to_bits(), n.cast_unsigned()];
            let repeat = 20_000_000 / n.max(1000);
            let mut best = f64::INFINITY;
            let mut result = 0.0;
            for _ in 0..20 {
                let start = Instant::now();
                for _ in 0..repeat {
                    // SAFETY: two float64 and an int64 to a float64.
                    result = unsafe { call::<_, f64>(&code, &args) }.expect("it returns");
                }
                best = best.min(start.elapsed().as_secs_f64() / repeat as f64);
            }
            println!(
                "  n = {n}: {:.3} us, {:.3} ns an element, result {result}",
                best * 1e6,
                best * 1e9 / n as f64
            );
        }
    }
}

/// `sum(cos(a + i * h) for i in range(n)) * h` with `h = (b - a) / n`.
fn module(parallel: bool) -> Module {
    let float = Type::FLOAT64;
    let (b, p) = Builder::new(&[float.clone(), float.clone(), Type::INT64], float.clone());
    let mut b = b.options(ir::Options { fastmath: FastMath::FAST, inline: Inline::Auto });
    let n = b.let_(float.clone(), Op::Cast(p[2]));
    let width = b.binary(BinaryOp::Sub, p[1], p[0]);
    let step = b.binary(BinaryOp::Div, width, n);
    let acc = b.var(float.clone());
    let zero = b.float(0.0);
    b.set(acc, zero);
    let parallel = parallel.then(|| Parallel {
        reductions: vec![Reduction { var: acc, identity: zero, combine: FuncId(2) }],
        last: vec![],
    });
    b.for_(p[2], parallel, |b, index, _| {
        let index = b.let_(float.clone(), Op::Cast(index));
        let offset = b.binary(BinaryOp::Mul, index, step);
        let x = b.binary(BinaryOp::Add, p[0], offset);
        let y = b.let_(float.clone(), Op::Call { func: FuncId(1), args: vec![x], site: None });
        let old = b.get(acc);
        let new = b.binary(BinaryOp::Add, old, y);
        b.set(acc, new);
    });
    let sum = b.get(acc);
    let result = b.binary(BinaryOp::Mul, sum, step);
    b.return_(result);
    Module { functions: vec![b.finish(), cosine(), add()], entry: Some(FuncId(0)), ..Module::default() }
}

/// Cody-Waite reduction to [-pi/2, pi/2] and a Taylor polynomial of the sine.
fn cosine() -> Function {
    let float = Type::FLOAT64;
    let (b, p) = Builder::new(std::slice::from_ref(&float), float.clone());
    let mut b = b.options(ir::Options { fastmath: FastMath::FAST, inline: Inline::Always });
    let muladd = |b: &mut Builder, x, y, z| b.intrinsic(Intrinsic::MulAdd, Type::FLOAT64, &[x, y, z]);
    // cos x = -sin(x - pi/2 - k pi) (-1)^k, with k the nearest integer to x / pi - 1/2.
    let inverse = b.float(std::f64::consts::FRAC_1_PI);
    let half = b.float(-0.5);
    let k = muladd(&mut b, p[0], inverse, half);
    let k = b.intrinsic(Intrinsic::Rint, float.clone(), &[k]);
    let middle = {
        let half = b.float(0.5);
        b.binary(BinaryOp::Add, k, half)
    };
    let middle = b.let_(float.clone(), Op::Unary(UnaryOp::Neg, middle));
    let mut r = p[0];
    for part in [std::f64::consts::PI, 1.224_646_799_147_353_2e-16] {
        let part = b.float(part);
        r = muladd(&mut b, middle, part, r);
    }
    let square = b.binary(BinaryOp::Mul, r, r);
    let mut factorial = 1.0;
    let mut terms = Vec::new();
    for term in 1..9_i32 {
        factorial *= f64::from(-(2 * term) * (2 * term + 1));
        terms.push(1.0 / factorial);
    }
    let mut sum = b.float(*terms.last().expect("eight terms"));
    for term in terms.iter().rev().skip(1) {
        let term = b.float(*term);
        sum = muladd(&mut b, sum, square, term);
    }
    let cube = b.binary(BinaryOp::Mul, square, r);
    let sine = muladd(&mut b, sum, cube, r);
    // The sign of (-1)^(k + 1): the lowest bit of k, moved to the sign's place.
    let k = b.let_(Type::INT64, Op::Cast(k));
    let one = b.int(1);
    let k = b.binary(BinaryOp::Add, k, one);
    let places = b.int(63);
    let sign = b.binary(BinaryOp::Shl, k, places);
    let bits = b.intrinsic(Intrinsic::ToBits, Type::INT64, &[sine]);
    let bits = b.binary(BinaryOp::Xor, bits, sign);
    let result = b.intrinsic(Intrinsic::FromBits, float, &[bits]);
    b.return_(result);
    b.finish()
}

fn add() -> Function {
    let float = Type::FLOAT64;
    let (mut b, p) = Builder::new(&[float.clone(), float.clone()], float);
    let sum = b.binary(BinaryOp::Add, p[0], p[1]);
    b.return_(sum);
    b.finish()
}
