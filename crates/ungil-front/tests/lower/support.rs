//! From source text to HIR, for tests.

use ungil_front::hir::Function;
use ungil_front::host::{Definition, Host, JitOptions};
use ungil_front::program::Program;
use ungil_front::simplify::simplify;
use ungil_front::{lower, parse};
use ungil_ir::Type;
use ungil_ir::diagnostic::{Style, render};

use crate::wellformed;

/// What every test program begins with.
pub(crate) const IMPORTS: &str =
    "import math\nimport numba\nfrom math import cos, pi\nfrom ungil import njit, prange\n";

/// Lowers the function `f` of a program without imports of its own; `Err` holds rendered diagnostics.
pub(crate) fn lowered(source: &str) -> Result<Function, String> {
    let text = format!("{IMPORTS}{source}");
    let program = Program::new("test.py", &text).map_err(|errors| render(&errors, Style::Plain))?;
    let id = program.function("f").expect("the test defines `f`");
    let definition = program.definition(id).expect("the program knows its functions");
    let parsed = parse::function(&definition).map_err(|error| error.to_string())?;
    let function = lower::lower(&parsed, &definition, id, &program, true);
    wellformed::check(&function);
    if function.diagnostics.is_empty() {
        Ok(function)
    } else {
        // What is wrong here is told at least, whatever typing makes of the rest.
        let types = vec![Type::INT64; function.params.len()];
        let all = ungil_front::compile(&program, id, &types, &JitOptions::default())
            .expect_err("a function with mistakes is not compiled");
        for diagnostic in &function.diagnostics {
            assert!(all.iter().any(|other| other.headline == diagnostic.headline), "{diagnostic}");
        }
        Err(render(&function.diagnostics, Style::Plain))
    }
}

/// The simplified HIR of `f` as text.
pub(crate) fn text(source: &str) -> String {
    let mut function = lowered(source).unwrap_or_else(|errors| panic!("{errors}"));
    simplify(&mut function);
    wellformed::check(&function);
    function.to_string()
}

/// The rendered diagnostics of `f`.
pub(crate) fn errors(source: &str) -> String {
    lowered(source).map_or_else(|errors| errors, |function| panic!("it was lowered:\n{function}"))
}

/// Finds and lowers a function by its definition, whatever is wrong with it.
pub(crate) fn attempt(definition: &Definition, host: &dyn Host) -> Option<Function> {
    let parsed = match parse::function(definition) {
        Ok(parsed) => parsed,
        Err(error) => {
            assert!(!error.to_string().is_empty());
            return None;
        }
    };
    let mut function = lower::lower(&parsed, definition, ungil_front::host::fresh_object_id(), host, true);
    wellformed::check(&function);
    simplify(&mut function);
    wellformed::check(&function);
    render(&function.diagnostics, Style::Plain);
    Some(function)
}
