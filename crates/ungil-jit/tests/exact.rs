//! Exact code without Python: what it gives, and that it raises where the interpreter's answer could be another.

use ungil_front::host::{JitOptions, Semantics};
use ungil_front::program::Program;
use ungil_ir::Type;
use ungil_jit::{Compiled, Error, OptLevel, Value, compile};

fn compiled(source: &str, args: &[Type], options: &JitOptions) -> Result<Compiled, Error> {
    let program = Program::new("test.py", source).expect("the source is Python");
    let function = program.function("f").expect("the source defines `f`");
    compile(&program, function, args, options, OptLevel::O3)
}

fn exact(source: &str, args: &[Type]) -> Compiled {
    compiled(source, args, &JitOptions { semantics: Semantics::Python, ..JitOptions::default() })
        .expect("compiles")
}

/// The result of a call inside of which so many others may be active, or none if the code hands it back.
fn answer_within(depth: i128, code: &Compiled, args: &[Value]) -> Option<Value> {
    let args: Vec<Value> = args.iter().cloned().chain([Value::Int(depth)]).collect();
    code.call(&args).ok()
}

fn answer(code: &Compiled, args: &[Value]) -> Option<Value> {
    answer_within(100, code, args)
}

/// Why there is no exact code, in the first line of what is told.
fn refusal(source: &str, args: &[Type]) -> String {
    let error = compiled(source, args, &JitOptions { semantics: Semantics::Python, ..JitOptions::default() })
        .expect_err("is refused")
        .to_string();
    error.lines().next().unwrap_or_default().to_owned()
}

#[test]
fn ints_that_outgrow_their_bits_raise() {
    let source = "def f(a, b):\n    return a * b + 1\n";
    let args = [Type::INT64, Type::INT64];
    let code = exact(source, &args);
    assert_eq!(answer(&code, &[Value::Int(3), Value::Int(4)]), Some(Value::Int(13)));
    let large = [Value::Int(1 << 62), Value::Int(2)];
    assert_eq!(answer(&code, &large), None, "the product has 65 bits");
    assert_eq!(
        answer(&code, &[Value::Int(i128::from(i64::MAX)), Value::Int(1)]),
        None,
        "the sum has 65 bits"
    );
    let numba = compiled(source, &args, &JitOptions::default()).expect("compiles");
    assert_eq!(numba.call(&large), Ok(Value::Int(i128::from(i64::MIN) + 1)));
}

#[test]
fn an_int_stays_one_until_a_float_is_added() {
    let source = "def f(x, n):\n    acc = 0\n    for i in range(n):\n        acc += x\n    return acc\n";
    let code = exact(source, &[Type::FLOAT64, Type::INT64]);
    assert_eq!(*code.ret(), Type::Number);
    assert_eq!(answer(&code, &[Value::Float(0.5), Value::Int(0)]), Some(Value::Int(0)));
    assert_eq!(answer(&code, &[Value::Float(0.5), Value::Int(3)]), Some(Value::Float(1.5)));
    // As long as it is an int it grows as one.
    let ints = exact(source, &[Type::INT64, Type::INT64]);
    assert_eq!(answer(&ints, &[Value::Int(5), Value::Int(3)]), Some(Value::Int(15)));
}

#[test]
fn calls_go_no_deeper_than_they_may() {
    let source = "def f(n):\n    return 0 if n == 0 else 1 + f(n - 1)\n";
    let code = exact(source, &[Type::INT64]);
    assert_eq!(answer_within(5, &code, &[Value::Int(5)]), Some(Value::Int(5)));
    assert_eq!(answer_within(5, &code, &[Value::Int(6)]), None);
    // LLVM makes a loop of this one, and it counts all the same.
    let tail =
        exact("def f(n, s):\n    return s if n == 0 else f(n - 1, s + n)\n", &[Type::INT64, Type::INT64]);
    assert_eq!(answer_within(5, &tail, &[Value::Int(5), Value::Int(0)]), Some(Value::Int(15)));
    assert_eq!(answer_within(5, &tail, &[Value::Int(6), Value::Int(0)]), None);
}

#[test]
fn an_int_and_a_float_are_compared_by_value() {
    let code = exact("def f(a, x):\n    return a < x, a == x, a >= x\n", &[Type::INT64, Type::FLOAT64]);
    let of = |a: i64, x: f64| match answer(&code, &[Value::Int(a.into()), Value::Float(x)]) {
        Some(Value::Tuple(parts)) => parts.iter().map(|part| *part == Value::Bool(true)).collect::<Vec<_>>(),
        other => panic!("{other:?}"),
    };
    let two_to_53 = 9_007_199_254_740_992.0;
    assert_eq!(of((1 << 53) + 1, two_to_53), [false, false, true]);
    assert_eq!(of(1 << 53, two_to_53), [false, true, true]);
    assert_eq!(of(i64::MAX, 2.0 * 4_611_686_018_427_387_904.0), [true, false, false]);
    assert_eq!(of(i64::MIN, -2.0 * 4_611_686_018_427_387_904.0), [false, true, true]);
    assert_eq!(of(0, f64::NAN), [false; 3]);
}

#[test]
fn mathematics_is_the_c_librarys() {
    let code = exact("import math\n\ndef f(x):\n    return math.cos(x)\n", &[Type::FLOAT64]);
    let Some(ungil_rt::libm::Function::One(cos)) = ungil_rt::libm::function("cos") else {
        panic!("there is a cosine")
    };
    for step in 0..1000 {
        let x = f64::from(step) * 0.37;
        assert_eq!(answer(&code, &[Value::Float(x)]), Some(Value::Float(cos(x))), "{x}");
    }
    assert_eq!(answer(&code, &[Value::Float(f64::INFINITY)]), None);
}

#[test]
fn what_is_not_known_to_be_equal_is_refused() {
    let number = [Type::FLOAT64];
    let told = |body: &str| refusal(&format!("import math\n\ndef f(x):\n    return {body}\n"), &number);
    assert_told(
        &told("math.gamma(x)"),
        "`math.gamma` of these arguments is not known to give CPython's bits",
    );
    assert_told(&told("x * 1j"), "complex numbers are not compiled exactly");
    assert_told(&told("print(x)"), "`builtins.print` is not compiled exactly");
    assert_told(
        &told("sum((x, x))"),
        "`sum` of other than ints adds differently from version to version of Python",
    );
    assert_told(&told("x.real"), "the attribute `real` of a number is not compiled exactly");
    let twice =
        "def f(x):\n    pairs = zip((x,), (x,))\n    for a, b in pairs:\n        x += a\n    return x\n";
    assert_told(&refusal(twice, &number), "an iterator is used elsewhere than in the `for` that makes it");
}

fn assert_told(told: &str, expected: &str) {
    assert_eq!(told, format!("error[not-exact]: {expected}"));
}

/// Whether a strip of the loop with this statement asks the C library for many results at once.
fn asks_ahead(statement: &str) -> bool {
    let source = format!(
        "import math\ndef f(x, n):\n    acc = 0.0\n    for i in range(n):\n        {statement}\n    return acc\n"
    );
    let code = exact(&source, &[Type::FLOAT64, Type::INT64]);
    code.llvm(true).expect("LLVM prints it").contains("call void @ungil_rt_libm_cos_many")
}

#[test]
fn results_are_asked_for_ahead_where_the_index_tells_the_arguments() {
    let can = ungil_rt::libm::many("ungil_rt_libm_cos").is_some();
    for known in [
        "acc += math.cos(x + i * 0.5)",
        "acc += math.cos(i) * math.sin(i)",
        "acc += (math.cos(i * x), x)[0]",
        "acc += math.cos((i * x) * (i * x))",
        "acc += math.cos(i) + math.cos(i + x) + math.cos(i - x) + math.cos(i * x)",
    ] {
        assert_eq!(asks_ahead(known), can, "{known}");
    }
    // What the turn before decides, what a zero would stop, what not every turn asks, and beside what is asked one by one.
    for unknown in [
        "acc = math.cos(acc)",
        "acc += math.cos(i % n)",
        "acc += math.cos(i) if i > 7 else 0.0",
        "acc += math.cos(i) + math.exp(i)",
        "acc += math.cos(i) + math.cos(i + x) + math.cos(i - x) + math.cos(i * x) + math.sin(x)",
    ] {
        assert!(!asks_ahead(unknown), "{unknown}");
    }
}
