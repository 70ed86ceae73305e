//! The typed intermediate representation: structured, and in single assignment but for named variables.
//!
//! A [`Module`] is everything that one entry point needs: the function itself, all that it calls, and the tables of
//! what it may raise and print. Inside a [`Function`]:
//!
//! - A *value* (`%3`) is bound once, by a parameter, a `Let` or a loop's index, and is visible in the rest of its block
//!   and in the blocks nested there.
//! - A *variable* (`$1`) is a mutable slot of the function; it carries what differs between the ways into a join or a
//!   loop. It is set before it is read on every path.
//! - Control flow is a tree: `If`, `Block`, `Loop`, `For`. `Break(label)` leaves the block or loop of that label;
//!   `Continue(label)` starts the next turn of that loop.
//! - Evaluation happens in the order of the statements; an operand is always a value, never an expression.
//!
//! `prange` stays a [`ForLoop`] with [`Parallel`] until the code generator outlines it. In its body a variable that is
//! set and that also appears outside must be one of its `reductions` or `last` values; one that appears only inside is
//! private to each iteration's thread; one that is only read holds, in every iteration, what it held before the loop.
//!
//! Operations are typed by their operands and result (see [`Op`]); there are no implicit conversions. Whatever may fail
//! has been made explicit by the front end as a test and a `Raise`; an operation's *precondition*, where it has one, is
//! for the front end to establish.

use std::sync::Arc;

use crate::diagnostic::{SourceFile, Span};
use crate::ty::{ObjectId, Type};

/// Index of a function in its module.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
pub struct FuncId(pub u32);

/// Index of a value in its function.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
pub struct ValueId(pub u32);

/// Index of a variable in its function.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
pub struct VarId(pub u32);

/// Name of a block or loop, unique in its function.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
pub struct Label(pub u32);

/// Index in [`Module::raises`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
pub struct RaiseId(pub u32);

/// Index in [`Module::prints`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
pub struct PrintId(pub u32);

/// Index in [`Module::sites`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
pub struct SiteId(pub u32);

/// A whole compilation unit; closed: every function that one calls is here.
#[derive(Clone, Debug, Default)]
pub struct Module {
    /// The functions; [`FuncId`] indexes them.
    pub functions: Vec<Function>,
    /// The function that callers outside enter.
    pub entry: Option<FuncId>,
    /// What `Raise` statements raise.
    pub raises: Vec<Raise>,
    /// What `Print` operations print.
    pub prints: Vec<Print>,
    /// Places in the user's source that a traceback can name.
    pub sites: Vec<Site>,
}

/// One function, specialised for the types of its parameters.
#[derive(Clone, Debug)]
pub struct Function {
    /// Name for people: Python's qualified name.
    pub name: String,
    /// Parameters, in order; each is one of `values`.
    pub params: Vec<ValueId>,
    /// Type of the result.
    pub ret: Type,
    /// Every value's type and name.
    pub values: Vec<Slot>,
    /// Every variable's type and name.
    pub vars: Vec<Slot>,
    /// The body; no path reaches its end (each ends in `Return`, `Raise`, or a loop that is never left).
    pub body: Block,
    /// How to compile it.
    pub options: Options,
    /// The user's file, in which the statements' spans lie; none for a function that is not the user's.
    pub file: Option<Arc<SourceFile>>,
}

/// Type and name of a value or variable.
#[derive(Clone, Debug)]
pub struct Slot {
    /// Its type.
    pub ty: Type,
    /// The name in the user's source, or empty.
    pub name: Arc<str>,
}

/// Per-function options of code generation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Options {
    /// Liberties with floating-point arithmetic.
    pub fastmath: FastMath,
    /// Whether to inline into callers.
    pub inline: Inline,
}

/// Liberties that floating-point operations may take; LLVM's fast-math flags, each by its own name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[expect(clippy::struct_excessive_bools, reason = "seven independent flags of LLVM, not states")]
pub struct FastMath {
    /// No operand or result is a NaN.
    pub nnan: bool,
    /// No operand or result is an infinity.
    pub ninf: bool,
    /// The sign of a zero does not matter.
    pub nsz: bool,
    /// `x / y` may become `x * (1 / y)`.
    pub arcp: bool,
    /// Multiply and add may fuse.
    pub contract: bool,
    /// Functions may be replaced by approximations.
    pub afn: bool,
    /// Operations may be reassociated.
    pub reassoc: bool,
}

impl FastMath {
    /// Every liberty: `fastmath=True`.
    pub const FAST: Self =
        Self { nnan: true, ninf: true, nsz: true, arcp: true, contract: true, afn: true, reassoc: true };
}

/// Whether a function is inlined into its callers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Inline {
    /// LLVM decides.
    #[default]
    Auto,
    /// Always, recursion apart: the prelude and `inline="always"`.
    Always,
    /// Never.
    Never,
}

/// Statements in order.
pub type Block = Vec<Stmt>;

/// A statement and the source that it comes from.
#[derive(Clone, Debug)]
pub struct Stmt {
    /// What it does.
    pub kind: StmtKind,
    /// Where it stands in the source of its function.
    pub span: Span,
}

/// What a statement does.
#[derive(Clone, Debug)]
pub enum StmtKind {
    /// Binds a value.
    Let(ValueId, Op),
    /// Stores into a variable of the same type.
    Set(VarId, ValueId),
    /// Two ways.
    If {
        /// A bool.
        cond: ValueId,
        /// Run if true.
        then: Block,
        /// Run if false.
        otherwise: Block,
    },
    /// A block that `Break(label)` leaves.
    Block {
        /// Its name.
        label: Label,
        /// What it runs, once.
        body: Block,
    },
    /// Runs its body for ever; left by `Break`, `Return` or `Raise`.
    Loop {
        /// Its name.
        label: Label,
        /// One turn.
        body: Block,
    },
    /// Counts.
    For(ForLoop),
    /// Leaves the block or loop of that label.
    Break(Label),
    /// Starts the next turn of the loop of that label.
    Continue(Label),
    /// Leaves the function with a value of its result type.
    Return(ValueId),
    /// Leaves the function, and its callers, with an exception.
    Raise(RaiseId),
}

/// A loop with a known number of turns.
#[derive(Clone, Debug)]
pub struct ForLoop {
    /// Its name.
    pub label: Label,
    /// An `int64`, bound in the body to 0, 1, …, `len - 1`.
    pub index: ValueId,
    /// An `int64`, the number of turns; none if it is negative.
    pub len: ValueId,
    /// One turn.
    pub body: Block,
    /// Set if the turns may run on all cores.
    pub parallel: Option<Parallel>,
}

/// What a parallel loop hands back.
#[derive(Clone, Debug, Default)]
pub struct Parallel {
    /// Variables that accumulate.
    pub reductions: Vec<Reduction>,
    /// Variables that every turn sets before it reads them: after the loop they hold the last turn's value (their old
    /// value if there was no turn).
    pub last: Vec<VarId>,
}

/// An accumulating variable of a parallel loop.
///
/// Each chunk of turns starts it from `identity`; afterwards it becomes
/// `combine(… combine(combine(old, chunk 0), chunk 1) …)`, in the order of the chunks.
#[derive(Clone, Debug)]
pub struct Reduction {
    /// The variable.
    pub var: VarId,
    /// A value of its type, bound before the loop.
    pub identity: ValueId,
    /// A function `(T, T) -> T` that neither raises nor prints.
    pub combine: FuncId,
}

/// What computes a value. Result type `r` is the type of the value bound; `T` is any one type.
#[derive(Clone, Debug)]
pub enum Op {
    /// A constant of type `r`.
    Const(Const),
    /// The current value of a variable of type `r`.
    Get(VarId),
    /// `T -> T`.
    Unary(UnaryOp, ValueId),
    /// `(T, T) -> T`.
    Binary(BinaryOp, ValueId, ValueId),
    /// `(T, T) -> bool`, `T` a bool, integer or float. Floats compare as IEEE 754 says: only `Ne` holds of a NaN.
    Compare(CompareOp, ValueId, ValueId),
    /// Conversion between bools, integers and floats; never to bool. Integers wrap or extend by the source's sign;
    /// a float becomes an integer by truncation, saturated at the ends of `r`, NaN giving 0.
    Cast(ValueId),
    /// `(bool, T, T) -> T`; all operands are already evaluated.
    Select(ValueId, ValueId, ValueId),
    /// A value of the aggregate type `r` from its fields.
    Aggregate(Vec<ValueId>),
    /// A field of an aggregate.
    Field(ValueId, u32),
    /// Element of a tuple whose elements all have type `r`. Precondition: `0 <= index < len`; `index` is an `int64`.
    Element {
        /// The tuple.
        tuple: ValueId,
        /// Which element.
        index: ValueId,
    },
    /// A call; what the callee raises is raised here.
    Call {
        /// Whom.
        func: FuncId,
        /// With what.
        args: Vec<ValueId>,
        /// The place that a traceback names if the callee raises; none inside the prelude.
        site: Option<SiteId>,
    },
    /// An operation of the machine.
    Intrinsic(Intrinsic, Vec<ValueId>),
    /// A function of the C mathematics library on `float64` (or `float32`, by the name's `f`), known to have no side effects.
    Libm(Arc<str>, Vec<ValueId>),
    /// Prints the values that [`Module::prints`] lists (texts are in the table); `r` is `None`.
    Print(PrintId, Vec<ValueId>),
}

/// A constant.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Const {
    /// The value of a type without representation: `None`, or an object that captured nothing.
    Unit,
    /// A bool.
    Bool(bool),
    /// An integer, within the range of its type.
    Int(i128),
    /// A float; rounded to `float32` if that is its type.
    Float(f64),
}

/// Operations on one operand.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum UnaryOp {
    /// Integer (wraps) or float (flips the sign, of a zero too).
    Neg,
    /// Integer: every bit flipped.
    Invert,
    /// Bool.
    Not,
}

/// Operations on two operands of one type.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BinaryOp {
    /// Integer (wraps) or float.
    Add,
    /// Integer (wraps) or float.
    Sub,
    /// Integer (wraps) or float.
    Mul,
    /// Float, as IEEE 754 says.
    Div,
    /// Integer, rounded towards zero. Precondition: divisor not 0, and not least value by -1.
    Quot,
    /// Integer, with the sign of the dividend. Precondition as for `Quot`.
    Rem,
    /// Bool or integer.
    And,
    /// Bool or integer.
    Or,
    /// Bool or integer.
    Xor,
    /// Integer. Precondition: `0 <= count < bits`.
    Shl,
    /// Integer, by the sign of the type. Precondition: `0 <= count < bits`.
    Shr,
}

/// Comparisons.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CompareOp {
    /// `==`
    Eq,
    /// `!=`
    Ne,
    /// `<`
    Lt,
    /// `<=`
    Le,
    /// `>`
    Gt,
    /// `>=`
    Ge,
}

/// Operations of the machine. `F` is a float type, `I` an integer type.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Intrinsic {
    /// `F -> F`, correctly rounded but where `afn` is allowed; a NaN below zero.
    Sqrt,
    /// `F -> F`, as `Sqrt` is where `afn` is allowed: within 2 units of the last place, many side by side in less time.
    NearSqrt,
    /// `F -> F`: without its sign.
    Fabs,
    /// `F -> F`: rounded down.
    Floor,
    /// `F -> F`: rounded up.
    Ceil,
    /// `F -> F`: rounded towards zero.
    Trunc,
    /// `F -> F`: rounded to the nearest integer, ties to even.
    Rint,
    /// `F -> int64`: truncated; the least `int64` for a NaN and for what does not fit, as x86 converts.
    ToInt,
    /// `(F, F) -> F`: the first with the sign of the second.
    CopySign,
    /// `(F, F, F) -> F`: `a * b + c` rounded once.
    Fma,
    /// `(F, F, F) -> F`: `a * b + c`, rounded once where the machine does so as fast, else twice.
    MulAdd,
    /// `F -> I` of the same width: the bits.
    ToBits,
    /// `I -> F` of the same width: from the bits.
    FromBits,
    /// `I -> I`: leading zero bits; the width for 0.
    LeadingZeros,
    /// `I -> I`: trailing zero bits; the width for 0.
    TrailingZeros,
    /// `I -> I`: bits set.
    PopCount,
    /// `(uint64, uint64) -> uint64`: the high half of the product.
    MulHigh,
    /// `(I, I) -> bool`: whether their sum does not fit `I`.
    AddOverflows,
    /// `(I, I) -> bool`: whether their difference does not fit `I`.
    SubOverflows,
    /// `(I, I) -> bool`: whether their product does not fit `I`.
    MulOverflows,
    /// `() -> int64`: the number of this thread in the innermost parallel loop, 0 outside.
    ThreadId,
    /// `() -> int64`: how many threads a parallel loop started here would use.
    NumThreads,
    /// `int64 -> bool`: sets that number for the calling thread; false if it is out of range.
    SetNumThreads,
    /// `bool -> bool`: the operand. Says that it is nearly always false, and that the code for true computes the same
    /// thing in a slower way that is right where the code for false is not: a loop may run as if it were false,
    /// and run again the slow way if it was not.
    Unlikely,
}

/// An exception that the code may raise.
#[derive(Clone, PartialEq, Debug)]
pub struct Raise {
    /// Its class.
    pub class: ExceptionClass,
    /// The arguments of its constructor.
    pub args: Vec<RaiseArg>,
    /// Where; none inside the prelude, whose caller's site then stands first.
    pub site: Option<SiteId>,
}

/// The class of an exception.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ExceptionClass {
    /// One of Python's builtin exceptions, by name.
    Builtin(Arc<str>),
    /// The user's own.
    Object {
        /// What the host knows it by.
        id: ObjectId,
        /// Its name.
        name: Arc<str>,
    },
}

/// A constant argument of an exception or of `print`.
#[derive(Clone, PartialEq, Debug)]
pub enum RaiseArg {
    /// A string.
    Str(Arc<str>),
    /// `None`.
    None,
    /// A bool.
    Bool(bool),
    /// An integer.
    Int(i128),
    /// A float.
    Float(f64),
    /// A complex number.
    Complex(f64, f64),
    /// A tuple.
    Tuple(Vec<RaiseArg>),
}

/// What one call of `print` prints.
#[derive(Clone, PartialEq, Debug)]
pub struct Print {
    /// Its positional arguments.
    pub parts: Vec<PrintPart>,
    /// Between them.
    pub sep: Arc<str>,
    /// After them.
    pub end: Arc<str>,
}

/// A positional argument of `print`.
#[derive(Clone, PartialEq, Debug)]
pub enum PrintPart {
    /// A text known while compiling.
    Text(Arc<str>),
    /// The next of the operation's values, of this type.
    Value(Type),
}

/// A place in the user's source.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Site {
    /// The function's name, as a traceback shows it.
    pub function: Arc<str>,
    /// The file's name.
    pub file: Arc<str>,
    /// The line, from 1.
    pub line: u32,
}

impl Module {
    /// The function of that id.
    pub fn function(&self, id: FuncId) -> &Function {
        &self.functions[id.0 as usize]
    }
}

impl Function {
    /// The type of a value.
    pub fn value_type(&self, id: ValueId) -> &Type {
        &self.values[id.0 as usize].ty
    }

    /// The type of a variable.
    pub fn var_type(&self, id: VarId) -> &Type {
        &self.vars[id.0 as usize].ty
    }
}

impl Op {
    /// The values that the operation reads.
    pub fn operands(&self) -> Vec<ValueId> {
        match self {
            Self::Const(_) | Self::Get(_) => Vec::new(),
            Self::Unary(_, a) | Self::Cast(a) | Self::Field(a, _) => vec![*a],
            Self::Binary(_, a, b) | Self::Compare(_, a, b) => vec![*a, *b],
            Self::Select(a, b, c) => vec![*a, *b, *c],
            Self::Element { tuple, index } => vec![*tuple, *index],
            Self::Aggregate(args)
            | Self::Call { args, .. }
            | Self::Intrinsic(_, args)
            | Self::Libm(_, args)
            | Self::Print(_, args) => args.clone(),
        }
    }
}

impl Stmt {
    /// The blocks nested directly in this statement.
    pub fn blocks(&self) -> Vec<&Block> {
        match &self.kind {
            StmtKind::If { then, otherwise, .. } => vec![then, otherwise],
            StmtKind::Block { body, .. }
            | StmtKind::Loop { body, .. }
            | StmtKind::For(ForLoop { body, .. }) => {
                vec![body]
            }
            _ => Vec::new(),
        }
    }
}

/// Calls `visit` on every statement of `block` and of the blocks nested in it, outer before inner, in order.
pub fn walk<'a>(block: &'a [Stmt], visit: &mut impl FnMut(&'a Stmt)) {
    for stmt in block {
        visit(stmt);
        for nested in stmt.blocks() {
            walk(nested, visit);
        }
    }
}
