//! The options of `jit`, read from the decorator's source.

use ruff_python_ast::{Expr, ExprCall, Keyword};
use ungil_ir::diagnostic::{Diagnostic, Kind};
use ungil_ir::ir::FastMath;

use super::Program;
use crate::host::{ErrorModel, JitOptions, Object};
use crate::suggest;

/// The options that there are.
const NAMES: [&str; 8] =
    ["nopython", "parallel", "fastmath", "cache", "nogil", "boundscheck", "error_model", "inline"];

impl Program {
    /// The options of a decorator, if it is `jit` or `njit`, called or not.
    pub(super) fn jit_options(&mut self, decorator: &Expr) -> Option<JitOptions> {
        match decorator {
            Expr::Call(call) if self.is_jit(&call.func) => Some(self.options_of(call)),
            _ => self.is_jit(decorator).then(JitOptions::default),
        }
    }

    fn is_jit(&self, expr: &Expr) -> bool {
        matches!(self.value(expr), Object::Builtin(name) if matches!(&*name, "ungil.jit" | "ungil.njit"))
    }

    fn options_of(&mut self, call: &ExprCall) -> JitOptions {
        let mut options = JitOptions::default();
        for keyword in &call.arguments.keywords {
            if let Err(problem) = set_option(&mut options, keyword) {
                self.diagnostics.push(
                    Diagnostic::new(
                        "unknown-option",
                        Kind::Unsupported,
                        problem,
                        &self.file,
                        Self::span(keyword.range),
                    )
                    .with_help(format!("the options are {}", NAMES.join(", "))),
                );
            }
        }
        options
    }
}

fn set_option(options: &mut JitOptions, keyword: &Keyword) -> Result<(), String> {
    let name = keyword.arg.as_ref().map_or("**", |name| name.as_str());
    let value = &keyword.value;
    match name {
        "parallel" => options.parallel = flag(name, value)?,
        "fastmath" => options.fastmath = fastmath(value)?,
        "error_model" => {
            options.error_model = match text(value) {
                Some("numpy") => ErrorModel::Numpy,
                Some("python") => ErrorModel::Python,
                _ => return Err("`error_model` is \"python\" or \"numpy\"".to_owned()),
            }
        }
        "inline" => {
            options.inline = match text(value) {
                Some("always") => true,
                Some("never") => false,
                _ => return Err("`inline` is \"always\" or \"never\"".to_owned()),
            }
        }
        // What these change is no concern of the code itself.
        "nopython" | "cache" | "nogil" | "boundscheck" => {
            if !value.is_none_literal_expr() {
                flag(name, value)?;
            }
        }
        _ => {
            let meant = suggest::nearest(name, NAMES).map(|known| format!(": did you mean `{known}`?"));
            return Err(format!("`jit` has no option `{name}`{}", meant.unwrap_or_default()));
        }
    }
    Ok(())
}

fn flag(name: &str, value: &Expr) -> Result<bool, String> {
    match value {
        Expr::BooleanLiteral(literal) => Ok(literal.value),
        _ => Err(format!("`{name}` is `True` or `False`")),
    }
}

fn text(value: &Expr) -> Option<&str> {
    match value {
        Expr::StringLiteral(literal) => Some(literal.value.to_str()),
        _ => None,
    }
}

fn fastmath(value: &Expr) -> Result<FastMath, String> {
    let names = match value {
        Expr::BooleanLiteral(literal) if literal.value => return Ok(FastMath::FAST),
        Expr::BooleanLiteral(_) => return Ok(FastMath::default()),
        Expr::Set(set) => &set.elts,
        _ => return Err("`fastmath` is a bool or a set of names of flags".to_owned()),
    };
    let mut flags = FastMath::default();
    for name in names {
        match text(name) {
            Some("fast") => flags = FastMath::FAST,
            Some("nnan") => flags.nnan = true,
            Some("ninf") => flags.ninf = true,
            Some("nsz") => flags.nsz = true,
            Some("arcp") => flags.arcp = true,
            Some("contract") => flags.contract = true,
            Some("afn") => flags.afn = true,
            Some("reassoc") => flags.reassoc = true,
            _ => {
                return Err(
                    "the flags of `fastmath` are fast nnan ninf nsz arcp contract afn reassoc".to_owned()
                );
            }
        }
    }
    Ok(flags)
}
