//! Lowering: source in, HIR or rendered diagnostics out; and random programs, whose meaning simplifying may not change.

mod constructs;
mod diagnostics;
mod found;
mod fuzz;
mod interpreter;
mod mistakes;
mod programs;
mod simplified;
mod support;
mod wellformed;
