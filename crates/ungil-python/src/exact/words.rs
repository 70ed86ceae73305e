//! What is told of exact code: why it handed a call back, and which types a version is for.

use pyo3::prelude::*;
use ungil_ir::{Type, ir};
use ungil_jit::{Raised, RaisedKind};

use crate::dispatcher::Dispatcher;

/// Why code handed a call back: what it raised, and where.
pub(super) fn in_words(raised: &Raised) -> String {
    let RaisedKind::Exception { class, args } = &raised.kind else { return "it was stopped".into() };
    let name = match class {
        ir::ExceptionClass::Builtin(name) | ir::ExceptionClass::Object { name, .. } => name,
    };
    let what = match args.first() {
        Some(ir::RaiseArg::Str(text)) if &**name == "OverflowError" => text.to_string(),
        Some(ir::RaiseArg::Str(text)) => format!("{name}: {text}"),
        _ => name.to_string(),
    };
    match raised.sites.first() {
        Some(site) => format!("{what} ({}:{})", site.file, site.line),
        None => what,
    }
}

/// A type for people: a function by its name.
pub(super) fn spell(py: Python<'_>, dispatcher: &Dispatcher, ty: &Type) -> String {
    match ty {
        Type::Object(id, _) => {
            let object = dispatcher.objects.get(py, *id);
            let name = object.and_then(|object| object.getattr("__qualname__").ok());
            name.map_or_else(|| "function".into(), |name| name.to_string())
        }
        Type::None => "None".into(),
        Type::Int(_) => "int".into(),
        Type::Float(_) => "float".into(),
        Type::Tuple(parts) => {
            let parts: Vec<String> = parts.iter().map(|part| spell(py, dispatcher, part)).collect();
            format!("({})", parts.join(", "))
        }
        other => other.to_string(),
    }
}
