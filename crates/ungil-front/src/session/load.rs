//! From a function that a host knows to its code: found, parsed, lowered and simplified.

use std::sync::Arc;

use ungil_ir::ObjectId;
use ungil_ir::diagnostic::{Diagnostic, Kind, SourceFile, Span};

use super::{Code, Owner};
use crate::host::{Definition, Host, Object};
use crate::{lower, parse, simplify};

/// Parses and lowers a function that `host` knows.
pub(crate) fn load(
    host: &dyn Host,
    id: ObjectId,
    owner: Owner,
    parallel: bool,
) -> Result<Code, Vec<Diagnostic>> {
    let definition = host.definition(id).map_err(|reason| vec![without_source(&host.object(id), &reason)])?;
    let Definition { defaults, options, .. } = definition.clone();
    let parsed = parse::function(&definition).map_err(|diagnostic| vec![diagnostic])?;
    let mut function =
        lower::lower(&parsed, &definition, id, host, options.map_or(parallel, |own| own.parallel));
    // What lacks only an expression here and there is looked at further: all that is wrong is told at once.
    if function.diagnostics.iter().any(is_final) {
        return Err(function.diagnostics);
    }
    simplify::simplify(&mut function);
    Ok(Code { hir: Arc::new(function), owner, defaults, options })
}

/// Whether nothing can be said about the types of a function with this mistake.
fn is_final(diagnostic: &Diagnostic) -> bool {
    const LIMITS: [&str; 3] = ["too-large", "nests-too-deeply", "too-many-names"];
    diagnostic.kind == Kind::Syntax || LIMITS.contains(&diagnostic.id)
}

fn without_source(object: &Object, reason: &str) -> Diagnostic {
    let name = match object {
        Object::Function { name, .. } => Arc::clone(name),
        _ => Arc::from("<function>"),
    };
    let file = Arc::new(SourceFile::new(format!("<source of {name}>"), ""));
    Diagnostic::new(
        "no-source",
        Kind::Unsupported,
        format!("the source of `{name}` cannot be had"),
        &file,
        Span::default(),
    )
    .with_note(reason.to_owned())
    .with_help("define the function in a file or a notebook cell")
}
