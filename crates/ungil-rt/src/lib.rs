//! What compiled code calls while it runs: parallel loops, polls, errors, printing.
//!
//! The crate knows neither Python nor LLVM. Generated code reaches it through the table of [`symbols()`] and through
//! the three fields of [`Context`] that it reads directly; the program around it (the *host*) implements [`Host`].
//!
//! Reading order: [`Context`] (`context.rs`) is what every compiled function is given; `poll.rs` and [`tick`] say how
//! compiled code stops; [`chunk`], `job.rs`, `pool.rs` and [`parallel`] are the parallel loop, in this order;
//! [`threads`] says how many threads it may use; `fork.rs` what happens to all of it in a forked child.
//!
//! # Panics
//!
//! No panic crosses into generated code: the functions of [`symbols()`] are `extern "C"`, so that a panic in them, which
//! is always a fault of this crate or of the host and never the user's, ends the process with its message.

pub mod answers;
pub mod chunk;
mod context;
mod fork;
mod host;
mod job;
pub mod libm;
pub mod parallel;
mod poll;
mod pool;
mod reduction;
mod signals;
mod stack;
mod symbols;
pub mod threads;
pub mod tick;
mod wide;

pub use context::{
    CONTEXT_LAST_TICK, CONTEXT_STACK_LIMIT, CONTEXT_THREAD_ID, Context, RAISE_INTERRUPTED, RAISE_RECURSION,
    RAISE_STOPPED, Raised,
};
pub use host::{Host, set_host};
pub use parallel::Body;
pub use symbols::symbols;
pub use tick::LongCall;
