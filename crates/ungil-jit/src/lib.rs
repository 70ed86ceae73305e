//! A function and argument types to machine code that can be called: the front end and the code generator joined.
//!
//! [`compile`] does the whole way; [`lower`] and [`generate`] are its halves, for a host that must answer for names under
//! a lock and wants to let it go while LLVM works. What comes out is a [`Compiled`]; a [`Cache`] keeps its code on disk. The
//! crate knows no Python.

mod cache;
mod compiled;
mod explain;
mod raised;
mod value;

use std::time::{Duration, Instant};

use ungil_front::host::{Host, JitOptions};
use ungil_ir::diagnostic::{self, Diagnostic};
use ungil_ir::{ObjectId, Type, ir};

use cache::Lookup;

pub use cache::{CACHE_DIR, Cache, CacheOutcome};
pub use compiled::Compiled;
pub use explain::{Cached, Explanation, Loop};
pub use raised::{Raised, RaisedKind};
pub use ungil_codegen::{Fate, OptLevel};
pub use value::{Value, ValueError};

/// Why there is no code.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The user's function is at fault; what is wrong with it, in the order of the source.
    #[error("{}", diagnostic::render(.0, diagnostic::Style::Plain))]
    Diagnostics(Vec<Diagnostic>),
    /// The compiler is at fault.
    #[error(transparent)]
    Codegen(#[from] ungil_codegen::Error),
}

/// Compiles `function` for arguments of the types `args`, one a parameter in the order of CPython's `co_varnames`.
///
/// # Errors
///
/// [`Error::Diagnostics`] for what is wrong with the function, [`Error::Codegen`] for what is wrong with the compiler.
pub fn compile(
    host: &dyn Host,
    function: ObjectId,
    args: &[Type],
    options: &JitOptions,
    opt_level: OptLevel,
) -> Result<Compiled, Error> {
    generate(lower(host, function, args, options)?, opt_level, None)
}

/// A function in typed IR.
#[derive(Debug)]
pub struct Lowered {
    module: ir::Module,
    duration: Duration,
}

impl Lowered {
    /// The IR; its entry comes first.
    pub const fn module(&self) -> &ir::Module {
        &self.module
    }
}

/// The first half of [`compile`], which asks the host: typed IR.
///
/// # Errors
///
/// The diagnostics.
pub fn lower(
    host: &dyn Host,
    function: ObjectId,
    args: &[Type],
    options: &JitOptions,
) -> Result<Lowered, Error> {
    let start = Instant::now();
    let module = ungil_front::compile(host, function, args, options).map_err(Error::Diagnostics)?;
    Ok(Lowered { module, duration: start.elapsed() })
}

/// The second half of [`compile`], which needs no host: machine code, from `cache` if that has it.
///
/// A cache that cannot be read or written is no error: [`Compiled::cache_outcome`] tells.
///
/// # Errors
///
/// [`Error::Codegen`].
///
/// # Panics
///
/// If the module has no entry: the front end always names one.
pub fn generate(lowered: Lowered, opt_level: OptLevel, cache: Option<&Cache>) -> Result<Compiled, Error> {
    let Lowered { module, duration } = lowered;
    let options = ungil_codegen::Options { opt_level };
    let Some(cache) = cache else {
        let code = ungil_codegen::compile(&module, &options)?;
        return Ok(Compiled::new(module, duration, code, opt_level, None));
    };
    let lookup = Lookup::new(cache);
    let code = ungil_codegen::compile_with(&module, &options, &lookup)?;
    Ok(Compiled::new(module, duration, code, opt_level, lookup.outcome()))
}
