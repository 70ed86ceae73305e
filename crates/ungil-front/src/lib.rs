//! The front end: Python source and argument types in, typed IR or diagnostics out.
#![forbid(unsafe_code)]

pub mod hir;
pub mod host;
