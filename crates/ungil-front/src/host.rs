//! What surrounds a function: the names that it does not define itself, and where its source is.
//!
//! The front end never runs Python. A [`Host`] answers what a global or closure name is bound to; the answer is an
//! [`Object`], a compile-time fact that the compiled code is specialised for. The Python binding answers from the live
//! function (`__globals__`, closure cells, builtins); [`crate::program::Program`] answers from source text alone.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use ungil_ir::ir::FastMath;
use ungil_ir::{ObjectId, SourceFile, Type};

/// A fresh identity, never given before in this process.
pub fn fresh_object_id() -> ObjectId {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    // Relaxed: only uniqueness matters, nothing is published with the number.
    ObjectId(NEXT.fetch_add(1, Ordering::Relaxed))
}

/// What a name stands for while compiling.
#[derive(Clone, PartialEq, Debug)]
pub enum Object {
    /// A constant; the code is specialised for its value.
    Const(Constant),
    /// A function of the user's, to be compiled from its [`Definition`].
    Function {
        /// Its identity: the host answers [`Host::definition`] for it.
        id: ObjectId,
        /// Its name.
        name: Arc<str>,
    },
    /// A function, class or module that the compiler itself knows, by its full name: `"builtins.abs"`, `"math.cos"`,
    /// `"ungil.prange"`, `"builtins.int"`.
    Builtin(Arc<str>),
    /// A module, by its full name; attributes are asked of the host.
    Module {
        /// Its identity.
        id: ObjectId,
        /// Its name.
        name: Arc<str>,
    },
    /// An exception class.
    Exception {
        /// Its identity.
        id: ObjectId,
        /// Its name.
        name: Arc<str>,
        /// Whether it is one of Python's builtin exceptions of that name.
        builtin: bool,
    },
    /// A type of the language; a call casts: `int32(x)`.
    Type(Type),
    /// Something that compiled code cannot use.
    Other {
        /// What it is, for the diagnostic: ``a `list` ``.
        description: String,
    },
}

/// A constant value.
#[derive(Clone, PartialEq, Debug)]
pub enum Constant {
    /// `None`.
    None,
    /// A bool.
    Bool(bool),
    /// An integer that fits `int64` or `uint64`.
    Int(i128),
    /// A number with an explicit type, as a NumPy scalar has.
    Typed(Type, Box<Constant>),
    /// A float.
    Float(f64),
    /// A complex number.
    Complex(f64, f64),
    /// A string.
    Str(Arc<str>),
    /// A tuple; of objects, so that functions may be among them.
    Tuple(Vec<Object>),
}

/// A function's source and how to compile it.
#[derive(Clone, Debug)]
pub struct Definition {
    /// The file; the whole of it, so that spans and lines are the user's.
    pub file: Arc<SourceFile>,
    /// The line, from 1, of its first decorator, or of `def` or `lambda`.
    pub line: u32,
    /// Its name; `"<lambda>"` for a lambda.
    pub name: Arc<str>,
    /// Its qualified name, for tracebacks and messages.
    pub qualname: Arc<str>,
    /// For a lambda: the columns (in bytes, from 0) of its body's first and one past its last byte on `line` or below,
    /// if the host knows them; they tell several lambdas of a line apart.
    pub body: Option<BodyRange>,
    /// Values of defaults, by parameter.
    pub defaults: Vec<(Arc<str>, Object)>,
    /// The options it was decorated with; none for a plain function, which takes its caller's.
    pub options: Option<JitOptions>,
}

/// Where a lambda's body lies.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BodyRange {
    /// First line, from 1.
    pub start_line: u32,
    /// First column, in bytes of UTF-8, from 0.
    pub start_column: u32,
    /// Last line.
    pub end_line: u32,
    /// One past the last column.
    pub end_column: u32,
}

/// The options of `jit` that change what is compiled.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct JitOptions {
    /// Whether `prange` runs on all cores; if not it is `range`.
    pub parallel: bool,
    /// Liberties with floating-point arithmetic.
    pub fastmath: FastMath,
    /// What a scalar division by zero does.
    pub error_model: ErrorModel,
    /// Whether callers get a copy of the body.
    pub inline: bool,
    /// Whose answers the code gives.
    pub semantics: Semantics,
}

/// Whose answers compiled code gives.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Semantics {
    /// Numba's: integers wrap, what is an int on one way and a float on another is a float, functions of `math` are right to
    /// a unit in the last place.
    #[default]
    Numba,
    /// The interpreter's, to the bit and to the type; where code cannot know its answer, it raises, and what it raises only
    /// says that the interpreter must run the call.
    Python,
}

/// What a scalar division by zero does.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum ErrorModel {
    /// It raises `ZeroDivisionError`.
    #[default]
    Python,
    /// Floats give inf or nan, integers 0.
    Numpy,
}

/// Answers questions about what surrounds the function being compiled.
///
/// Ids come from [`fresh_object_id`]; the same object keeps its id for as long as the host can be asked about it.
pub trait Host {
    /// The object of an id that the host gave, as an argument's type or inside an [`Object`].
    fn object(&self, id: ObjectId) -> Object;

    /// What `name`, which `function` uses and does not define, is bound to: a closure variable, a global or a builtin.
    fn global(&self, function: ObjectId, name: &str) -> Option<Object>;

    /// What `module.name` is.
    fn attribute(&self, module: ObjectId, name: &str) -> Option<Object>;

    /// The names that `function` sees and does not define, for suggestions; none need be told.
    fn names(&self, function: ObjectId) -> Vec<String> {
        let _ = function;
        Vec::new()
    }

    /// The names in a module that compiled code may use, for suggestions; none need be told.
    fn members(&self, module: ObjectId) -> Vec<String> {
        let _ = module;
        Vec::new()
    }

    /// Where the function is defined.
    ///
    /// # Errors
    ///
    /// Says in a sentence why the source cannot be had.
    fn definition(&self, function: ObjectId) -> Result<Definition, String>;
}
