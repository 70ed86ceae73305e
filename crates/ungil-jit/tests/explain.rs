//! What is told of a compiled function, against what was done.

use ungil_front::host::JitOptions;
use ungil_front::program::Program;
use ungil_ir::Type;
use ungil_jit::{Cached, Compiled, Fate, OptLevel, compile};

fn compiled(source: &str, level: OptLevel, options: JitOptions) -> Compiled {
    let program = Program::new("test.py", source).expect("the source is Python");
    let function = program.function("f").expect("the source defines `f`");
    compile(&program, function, &[Type::INT64], &options, level).expect("it compiles")
}

const SUM: &str = "def g(x):\n    return x * x\n\n\ndef f(n):\n    s = 0\n    for i in range(n):\n        s ^= g(i)\n    return s\n";

#[test]
fn a_sum_is_vectorised_at_the_highest_level_and_scalar_at_the_lowest() {
    let found = compiled(SUM, OptLevel::O3, JitOptions::default()).explain().expect("it compiles again");
    let [one] = &found.loops[..] else { panic!("{:?}", found.loops) };
    assert!(matches!(one.fate, Fate::Vectorised(2..)), "{one:?}");
    assert_eq!((&*one.function, &*one.file, one.line, &*one.text), ("f", "test.py", 7, "for i in range(n):"));
    assert_eq!((&found.inlined[..], &found.called[..]), (&["g".to_owned()][..], &[][..]));
    assert_eq!(found.cache, Cached::Off);

    let found = compiled(SUM, OptLevel::O0, JitOptions::default()).explain().expect("it compiles again");
    let [one] = &found.loops[..] else { panic!("{:?}", found.loops) };
    assert_eq!(one.fate, Fate::Scalar);
    assert!(one.why_scalar.is_some());
    assert_eq!(found.called, ["g"]);
}

#[test]
fn explaining_changes_nothing() {
    let f = compiled(SUM, OptLevel::O3, JitOptions::default());
    let before = f.assembly().expect("it compiles again");
    f.explain().expect("it compiles again");
    assert_eq!(f.assembly().expect("it compiles again"), before);
    assert!(!before.contains("ungil.loop"));
}

#[test]
fn a_parallel_loop_names_what_it_accumulates() {
    let source = SUM.replace("range(", "prange(").replace("def g", "from ungil import prange\n\n\ndef g");
    let options = JitOptions { parallel: true, ..JitOptions::default() };
    let found = compiled(&source, OptLevel::O3, options).explain().expect("it compiles again");
    let [one] = &found.loops[..] else { panic!("{:?}", found.loops) };
    assert!(one.is_parallel);
    assert_eq!(one.reductions, ["s"]);
}
