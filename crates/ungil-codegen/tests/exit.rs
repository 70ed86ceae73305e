//! The process may end, and fork, while threads compile.

mod support;

use std::process::Command;

use support::{Builder, call, compile, module};
use ungil_ir::Type;
use ungil_ir::ir::BinaryOp;

/// Says to this binary, started by itself, to be the process that ends.
const CHILD: &str = "UNGIL_TEST_EXIT_CHILD";

fn compile_and_call() {
    let (mut b, p) = Builder::new(&[Type::INT64], Type::INT64);
    let square = b.binary(BinaryOp::Mul, p[0], p[0]);
    b.return_(square);
    let code = compile(&module(b.finish()));
    // SAFETY: an int64 to an int64.
    assert_eq!(unsafe { call(&code, &12_i64) }, Ok(144_i64));
}

#[test]
fn the_process_ends_while_threads_compile() {
    if std::env::var_os(CHILD).is_some() {
        for _ in 0..2 {
            std::thread::spawn(|| {
                loop {
                    compile_and_call();
                }
            });
        }
        compile_and_call();
        ungil_codegen::close();
        compile_and_call();
        std::process::exit(7);
    }
    let this = std::env::current_exe().expect("a running program has a path");
    for _ in 0..20 {
        let mut child = Command::new(&this);
        child.args(["--exact", "the_process_ends_while_threads_compile", "--nocapture"]).env(CHILD, "1");
        let output = child.output().expect("it starts");
        assert_eq!(output.status.code(), Some(7), "{}", String::from_utf8_lossy(&output.stderr));
    }
}
