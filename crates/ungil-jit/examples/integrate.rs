//! The lecture's kernel from its source text to all cores, with no Python in the process:
//! `cargo run --release -p ungil-jit --example integrate`.

use std::time::Instant;

use ungil_front::host::JitOptions;
use ungil_front::program::Program;
use ungil_ir::Type;
use ungil_ir::ir::FastMath;
use ungil_jit::{OptLevel, Value, compile};

const SOURCE: &str = "
import math
from ungil import jit, prange

@jit(nopython=True, parallel=True, fastmath=True, cache=True)
def integrate(a, b, *, n_iter=1000):
    acc = 0
    step = (b - a) / n_iter
    for i in prange(n_iter):
        acc += math.cos(a + i * step) * step
    return acc
";

const N_ITER: i128 = 1_000_000;
const REPEATS: usize = 200;

fn main() {
    let program = Program::new("integrate.py", SOURCE).unwrap_or_else(|errors| panic!("{errors:?}"));
    let integrate = program.function("integrate").expect("the program defines it");
    let types = [Type::INT64, Type::FLOAT64, Type::INT64];
    let args = [Value::Int(0), Value::Float(std::f64::consts::FRAC_PI_2), Value::Int(N_ITER)];
    for (name, parallel, fastmath) in [
        ("serial", false, FastMath::default()),
        ("serial fastmath", false, FastMath::FAST),
        ("parallel fastmath", true, FastMath::FAST),
    ] {
        let options = JitOptions { parallel, fastmath, ..JitOptions::default() };
        let start = Instant::now();
        let compiled = compile(&program, integrate, &types, &options, OptLevel::O3)
            .unwrap_or_else(|error| panic!("{error}"));
        let compiling = start.elapsed();
        let mut best = f64::INFINITY;
        let mut result = Value::None;
        for _ in 0..REPEATS {
            let start = Instant::now();
            result = compiled.call(&args).unwrap_or_else(|raised| panic!("{raised:?}"));
            best = best.min(start.elapsed().as_secs_f64());
        }
        println!("{name:18} {:8.3} ms   compiled in {compiling:.1?}   {result:?}", best * 1e3);
    }
}
