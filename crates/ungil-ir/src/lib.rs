//! The middle of the compiler: what the front end produces and the code generator consumes.
//!
//! - [`ty`]: the types of the language and their names; [`layout`]: how their values lie in memory.
//! - [`ir`]: the typed, structured intermediate representation.
//! - [`sweep`]: a pass that removes unread values; [`print`]: the text form; [`verify`]: what makes it well-formed;
//!   [`effects`]: what each function may do.
//! - [`diagnostic`]: errors as data, with spans into the user's source, and their one renderer.
//!
//! The crate knows neither Python's parser nor LLVM, and has no `unsafe`.
#![forbid(unsafe_code)]

pub mod diagnostic;
pub mod effects;
pub mod ir;
pub mod layout;
pub mod print;
pub mod sweep;
pub mod ty;
pub mod verify;

pub use diagnostic::{Diagnostic, SourceFile, Span};
pub use ty::{FloatTy, IntTy, ObjectId, Type};
