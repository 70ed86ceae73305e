//! What is asked of the front end for any text.

use std::fs;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use proptest::test_runner::TestCaseError;
use ungil_front::host::{Host, JitOptions, fresh_object_id};
use ungil_front::program::Program;
use ungil_front::{lower, parse};
use ungil_ir::diagnostic::{Diagnostic, Style, render};
use ungil_ir::{Type, verify};

/// Far more than any of these texts takes, on a machine that is busy with something else.
const TIME: Duration = Duration::from_mins(2);
/// Of the whole process, all texts before this one included.
const KIBIBYTES: u64 = 2 << 20;

/// Takes a text through the front end; fails if it panics, or needs too much of something.
pub(crate) fn judge(text: String) -> Result<(), TestCaseError> {
    let (done, wait) = channel();
    let shown: String = text.chars().take(2000).collect();
    let worker = thread::spawn(move || {
        compile_all(&text);
        let _ = done.send(());
    });
    match wait.recv_timeout(TIME) {
        Ok(()) => {}
        Err(RecvTimeoutError::Timeout) => {
            return Err(TestCaseError::fail(format!("no end after {TIME:?}:\n{shown}")));
        }
        Err(RecvTimeoutError::Disconnected) => {
            let panic = worker.join().expect_err("it ended without an answer");
            let message = panic
                .downcast_ref::<String>()
                .cloned()
                .or_else(|| panic.downcast_ref::<&str>().map(ToString::to_string));
            return Err(TestCaseError::fail(format!("it panics: {message:?}\n{shown}")));
        }
    }
    match most_memory() {
        Some(kibibytes) if kibibytes > KIBIBYTES => {
            Err(TestCaseError::fail(format!("{kibibytes} KiB are in use:\n{shown}")))
        }
        _ => Ok(()),
    }
}

/// The most that this process has had in memory, where the system tells.
fn most_memory() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

/// Compiles every function that the text may define, for several types of arguments.
fn compile_all(text: &str) {
    let program = match Program::new("any.py", text) {
        Ok(program) => program,
        Err(errors) => return told(&errors),
    };
    for name in names(text) {
        let Some(id) = program.function(name) else { continue };
        let definition = program.definition(id).expect("the program knows its functions");
        let Ok(parsed) = parse::function(&definition) else { continue };
        let function = lower::lower(&parsed, &definition, fresh_object_id(), &program, true);
        for ty in [Type::INT64, Type::FLOAT64, Type::Tuple([Type::Bool, Type::INT64].into())] {
            let types = vec![ty; function.params.len()];
            for parallel in [false, true] {
                let options = JitOptions { parallel, ..JitOptions::default() };
                match ungil_front::compile(&program, id, &types, &options) {
                    Ok(module) => assert_eq!(verify::verify(&module), Ok(())),
                    Err(errors) => told(&errors),
                }
            }
        }
    }
}

/// The words behind `def`, and `f` for lambdas; only the first few, since one text may hold thousands.
fn names(text: &str) -> impl Iterator<Item = &str> {
    let defined = text.split("def ").skip(1).map(|rest| {
        let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
        &rest[..end]
    });
    std::iter::once("f").chain(defined.filter(|name| *name != "f")).take(6)
}

/// That a refusal says something.
fn told(errors: &[Diagnostic]) {
    assert!(!errors.is_empty(), "a refusal without a diagnostic");
    assert!(errors.iter().all(|error| !error.headline.is_empty()));
    assert!(!render(errors, Style::Plain).is_empty());
}
