//! The front end: Python source and argument types in, typed IR or diagnostics out.
//!
//! - [`host`]: what surrounds a function; [`program`]: a host over source text alone.
//! - [`parse`] finds the function in its file, [`lower`] names its variables and gives [`hir`], [`simplify`] drops the
//!   variables that carry nothing.
//! - [`session`] finds the types of everything that the entry needs, by [`emit`]ting typed IR until nothing changes;
//!   [`typing`] holds numba's rules, [`prange`] what a parallel loop may carry, [`prelude`] the library.
//! - [`suggest`] finds which name was meant by one that is not known.
#![forbid(unsafe_code)]

pub mod hir;
mod hir_print;
pub mod host;
pub mod program;

mod emit;
pub mod lower;
pub mod parse;
mod prange;
mod prelude;
mod session;
pub mod simplify;
mod suggest;
mod typing;

pub use session::compile;
