//! The whole way in one process without Python: source text and argument values in, a result, an exception or
//! diagnostics out.

use std::sync::{Arc, Barrier};
use std::thread;

use ungil_front::host::JitOptions;
use ungil_front::program::Program;
use ungil_ir::Type;
use ungil_ir::ir::{ExceptionClass, RaiseArg};
use ungil_jit::{Compiled, Error, OptLevel, RaisedKind, Value, ValueError, compile};

fn compiled(source: &str, args: &[Type], options: JitOptions) -> Result<Compiled, Error> {
    let program = Program::new("test.py", source).expect("the source is Python");
    let function = program.function("f").expect("the source defines `f`");
    compile(&program, function, args, &options, OptLevel::O3)
}

fn call(source: &str, args: &[Type], values: &[Value]) -> Value {
    compiled(source, args, JitOptions::default()).expect("compiles").call(values).expect("returns")
}

#[test]
fn scalars_and_tuples_go_in_and_come_out() {
    let swap = "def f(t, x):\n    return x, t[1], t[0]\n";
    let pair = Type::tuple([Type::INT64, Type::Bool]);
    let argument = Value::Tuple(vec![Value::Int(7), Value::Bool(true)]);
    let result = call(swap, &[pair, Type::FLOAT32], &[argument, Value::Float(0.5)]);
    assert_eq!(result, Value::Tuple(vec![Value::Float(0.5), Value::Bool(true), Value::Int(7)]));
    let nothing = call("def f(x):\n    pass\n", &[Type::COMPLEX128], &[Value::Complex(1.0, 2.0)]);
    assert_eq!(nothing, Value::None);
}

#[test]
fn arguments_are_checked() {
    let identity =
        compiled("def f(x):\n    return x\n", &[Type::int(8)], JitOptions::default()).expect("compiles");
    assert_eq!(identity.try_call(&[]), Err(ValueError::Count { expected: 1, given: 0 }));
    let wrong = ValueError::Type { value: Value::Int(128), ty: Type::int(8) };
    assert_eq!(identity.try_call(&[Value::Int(128)]), Err(wrong));
    assert_eq!(identity.try_call(&[Value::Int(-128)]), Ok(Ok(Value::Int(-128))));
}

#[test]
fn an_exception_has_its_class_its_arguments_and_its_places() {
    let source = "def g(x):\n    if x > 2:\n        raise ValueError('large', x > 0, 3)\n    return x\n\n\
                  def f(x):\n    return g(x) + 1\n";
    let source = &source.replace("x > 0", "True");
    let f = compiled(source, &[Type::INT64], JitOptions::default()).expect("compiles");
    assert_eq!(f.call(&[Value::Int(2)]), Ok(Value::Int(3)));
    let raised = f.call(&[Value::Int(3)]).expect_err("raises");
    let args = vec![RaiseArg::Str("large".into()), RaiseArg::Bool(true), RaiseArg::Int(3)];
    assert_eq!(
        raised.kind,
        RaisedKind::Exception { class: ExceptionClass::Builtin("ValueError".into()), args }
    );
    let places: Vec<_> = raised.sites.iter().map(|site| (&*site.function, site.line)).collect();
    assert_eq!(places, [("g", 3), ("f", 7)]);
}

#[test]
fn a_stack_that_is_used_up_is_a_recursion_error() {
    let source = "def f(n):\n    return 0 if n == 0 else f(n - 1) + 1\n";
    let f = compiled(source, &[Type::INT64], JitOptions::default()).expect("compiles");
    assert_eq!(f.call(&[Value::Int(100)]), Ok(Value::Int(100)));
    let raised = f.call(&[Value::Int(i128::from(i64::MAX))]).expect_err("raises");
    let RaisedKind::Exception { class, .. } = raised.kind else { panic!("an exception") };
    assert_eq!(class, ExceptionClass::Builtin("RecursionError".into()));
}

#[test]
fn what_cannot_be_compiled_is_a_diagnostic() {
    let error = compiled("def f(x):\n    return x.nothing\n", &[Type::INT64], JitOptions::default())
        .expect_err("fails");
    assert!(matches!(&error, Error::Diagnostics(diagnostics) if diagnostics.len() == 1));
    assert!(error.to_string().contains("--> test.py:2:"), "{error}");
}

#[test]
fn threads_share_code_and_a_parallel_loop_agrees_with_the_serial_one() {
    let source = "from ungil import prange\n\ndef f(n):\n    s = 0.0\n    for i in prange(n):\n        s += 1.0 / (i + 1)\n    \
                  return s\n";
    let run = |parallel| {
        let options = JitOptions { parallel, ..JitOptions::default() };
        Arc::new(compiled(source, &[Type::INT64], options).expect("compiles"))
    };
    let number = |code: &Compiled| match code.call(&[Value::Int(100_000)]) {
        Ok(Value::Float(number)) => number,
        other => panic!("{other:?}"),
    };
    let (serial, parallel) = (run(false), run(true));
    let expected = number(&parallel);
    assert!((expected - number(&serial)).abs() < 1e-9);
    let barrier = Arc::new(Barrier::new(8));
    let threads: Vec<_> = (0..8)
        .map(|_| {
            let (code, barrier) = (Arc::clone(&parallel), Arc::clone(&barrier));
            thread::spawn(move || {
                barrier.wait();
                (0..20).map(|_| number(&code)).collect::<Vec<_>>()
            })
        })
        .collect();
    for thread in threads {
        let results = thread.join().expect("no panic");
        assert_eq!(results, [expected; 20]);
    }
}
