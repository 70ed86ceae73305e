//! The high-level intermediate representation: a Python function after parsing and naming, before types.
//!
//! It has the shape of [`ungil_ir::ir`]: structured, values bound once, variables for what differs between the ways
//! into a join or a loop. But its operations are Python's, and nothing has a type yet: one [`Function`] serves every
//! specialisation. Names are gone: a local variable of the source has become the values and variables that carry it,
//! so that it may have different types at different places; a global has become the [`Object`] that it is bound to.
//!
//! - A *value* is bound once, and visible in the rest of its block and in the blocks nested there.
//! - A *variable* is made for a name at a join (the end of an `if`, the exit of a loop with `break`) or at the head of a
//!   loop that assigns it. It is `Set` on every way in (with [`Source::Unset`] where the name is unbound) and read by a
//!   `Get` behind the join, or at the head of the loop's body and again behind the loop. `a and b`, `a if c else b` and
//!   chained comparisons are joins too.
//! - Only a `Get` is free of effects: any other expression may raise or print, and is evaluated where it stands.
//! - A name that may be unbound has a second, boolean variable; its use is preceded by a [`StmtKind::CheckBound`].

use std::sync::Arc;

use ungil_ir::diagnostic::Diagnostic;
use ungil_ir::{SourceFile, Span};

use crate::host::{Constant, Object};

/// Index of a value in its function.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
pub struct ValueId(pub u32);

/// Index of a variable in its function.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
pub struct VarId(pub u32);

/// Name of a block or loop, unique in its function.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
pub struct Label(pub u32);

/// A function.
#[derive(Clone, Debug)]
pub struct Function {
    /// Its name, for tracebacks.
    pub qualname: Arc<str>,
    /// The file that its spans point into.
    pub file: Arc<SourceFile>,
    /// Its parameters in the order of the code object's variables: positional, keyword-only, `*args`.
    pub params: Vec<Param>,
    /// Names of the variables of the enclosing function that it captured; they precede `params` as [`Expr::Capture`].
    pub captures: Vec<Arc<str>>,
    /// Every value.
    pub values: Vec<Value>,
    /// Every variable.
    pub vars: Vec<Var>,
    /// The functions and lambdas written inside it.
    pub nested: Vec<Arc<Function>>,
    /// The body; falls off its end only where Python would, and then has an explicit `return None`.
    pub body: Block,
    /// What could not be lowered; the places hold [`Expr::Error`].
    pub diagnostics: Vec<Diagnostic>,
}

/// A parameter.
#[derive(Clone, Debug)]
pub struct Param {
    /// Its name.
    pub name: Arc<str>,
    /// How arguments reach it.
    pub kind: ParamKind,
    /// Its default, if it has one: for a function written inside another, a constant; for others the host knows it.
    pub default: Option<Object>,
    /// Where it stands.
    pub span: Span,
}

/// How arguments reach a parameter.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ParamKind {
    /// By position only.
    PositionalOnly,
    /// By position or keyword.
    Positional,
    /// By keyword only.
    KeywordOnly,
    /// `*args`: the rest, as a tuple.
    Rest,
}

/// What is known of a value without types.
#[derive(Clone, Debug)]
pub struct Value {
    /// The source name that it was bound to first, or empty.
    pub name: Arc<str>,
    /// The expression that computes it.
    pub span: Span,
}

/// What is known of a variable without types.
#[derive(Clone, Debug)]
pub struct Var {
    /// The name that it carries, or empty for the result of an expression.
    pub name: Arc<str>,
    /// Whether it says if the name is bound, rather than its value.
    pub is_flag: bool,
}

/// Statements in order.
pub type Block = Vec<Stmt>;

/// A statement and where it comes from.
#[derive(Clone, Debug)]
pub struct Stmt {
    /// What it does.
    pub kind: StmtKind,
    /// Where it stands.
    pub span: Span,
}

/// What a statement does.
#[derive(Clone, Debug)]
pub enum StmtKind {
    /// Binds a value.
    Let(ValueId, Expr),
    /// Stores into a variable.
    Set(VarId, Source),
    /// Raises `UnboundLocalError` for the name if the flag is false.
    CheckBound {
        /// The boolean.
        flag: ValueId,
        /// The name.
        name: Arc<str>,
    },
    /// Two ways; `cond` is the result of [`Expr::Truth`] or of a comparison or `not`.
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
    /// Runs its body for ever.
    Loop {
        /// Its name.
        label: Label,
        /// One turn.
        body: Block,
    },
    /// Runs its body for each element.
    For(For),
    /// Leaves the block or loop of that label.
    Break(Label),
    /// Starts the next turn of that loop.
    Continue(Label),
    /// Leaves the function.
    Return(ValueId),
    /// Raises an exception.
    Raise {
        /// The class.
        class: ValueId,
        /// Arguments of its constructor: constants.
        args: Vec<ValueId>,
    },
}

/// `for element in iterable`.
#[derive(Clone, Debug)]
pub struct For {
    /// Its name.
    pub label: Label,
    /// What to go through; evaluated before.
    pub iterable: ValueId,
    /// Where that is written.
    pub place: Span,
    /// Bound in the body to each element.
    pub element: ValueId,
    /// One turn.
    pub body: Block,
    /// The variables that carry a name from one turn to the next, each with the value that its `Get` at the head of the
    /// body binds. Filled in for every loop; only a `prange` loop needs it.
    pub carried: Vec<Carried>,
    /// Whether it is written with `prange`.
    pub prange: bool,
    /// Where a `break` or `return` leaves it; a diagnostic if it runs in parallel.
    pub escapes: Vec<Span>,
}

/// A variable that a loop carries.
#[derive(Clone, Debug)]
pub struct Carried {
    /// The variable.
    pub var: VarId,
    /// Its `Get` at the head of the body.
    pub head: ValueId,
}

/// What a variable is set to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Source {
    /// A value.
    Value(ValueId),
    /// Nothing: the name is unbound on this way in.
    Unset,
}

/// What computes a value.
#[derive(Clone, Debug)]
pub enum Expr {
    /// The parameter of that index.
    Param(u32),
    /// The captured variable of that index.
    Capture(u32),
    /// A compile-time object or constant.
    Object(Object),
    /// The current value of a variable.
    Get(VarId),
    /// `-a`, `+a`, `~a`.
    Unary(UnaryOp, ValueId),
    /// `a + b` and the like; augmented assignment too.
    Binary(BinaryOp, ValueId, ValueId),
    /// `a < b` and the like, one link of a chain.
    Compare(CompareOp, ValueId, ValueId),
    /// `bool(a)`, as a condition takes it.
    Truth(ValueId),
    /// `not a`.
    Not(ValueId),
    /// `(a, b, …)`.
    Tuple(Vec<Item>),
    /// `a[i]`.
    Index(ValueId, ValueId),
    /// `a[start:stop:step]`; absent parts are none.
    Slice(ValueId, [Option<ValueId>; 3]),
    /// One element of `a, b = value`.
    Unpack {
        /// The value taken apart.
        value: ValueId,
        /// Which element.
        index: u32,
        /// How many there must be.
        count: u32,
    },
    /// `a.name`.
    Attribute(ValueId, Arc<str>),
    /// `f(a, *b, name=c)`.
    Call {
        /// What is called.
        func: ValueId,
        /// Positional arguments.
        args: Vec<Item>,
        /// Keyword arguments, in order.
        keywords: Vec<(Arc<str>, ValueId)>,
    },
    /// The nested function of that index, with the values of what it captured.
    Closure {
        /// Index in [`Function::nested`].
        function: u32,
        /// One a name in its `captures`.
        captures: Vec<ValueId>,
    },
    /// The function itself, by its own name: recursion of a nested function.
    ThisFunction,
    /// A name that is certainly unbound here.
    Unbound(Arc<str>),
    /// What a diagnostic has been made for.
    Error,
}

/// An element of a tuple or argument list.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Item {
    /// A value.
    One(ValueId),
    /// `*value`: each of its elements.
    Star(ValueId),
}

/// Operators on one operand.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum UnaryOp {
    /// `+a`
    Pos,
    /// `-a`
    Neg,
    /// `~a`
    Invert,
}

/// Operators on two operands.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum BinaryOp {
    /// `+`
    Add,
    /// `-`
    Sub,
    /// `*`
    Mul,
    /// `/`
    Div,
    /// `//`
    FloorDiv,
    /// `%`
    Mod,
    /// `**`
    Pow,
    /// `<<`
    Shl,
    /// `>>`
    Shr,
    /// `&`
    BitAnd,
    /// `|`
    BitOr,
    /// `^`
    BitXor,
    /// `@`
    MatMul,
    /// `acc = acc and x` directly in the body of a `prange` loop: both evaluated, both taken as bools.
    And,
    /// `acc = acc or x`, likewise.
    Or,
}

/// Comparison operators.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
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
    /// `is`
    Is,
    /// `is not`
    IsNot,
    /// `in`
    In,
    /// `not in`
    NotIn,
}

impl Expr {
    /// A constant.
    pub const fn constant(value: Constant) -> Self {
        Self::Object(Object::Const(value))
    }

    /// The values that it reads.
    pub fn operands(&self) -> Vec<ValueId> {
        let items = |items: &[Item]| -> Vec<ValueId> {
            items.iter().map(|(Item::One(value) | Item::Star(value))| *value).collect()
        };
        match self {
            Self::Param(_)
            | Self::Capture(_)
            | Self::Object(_)
            | Self::Get(_)
            | Self::ThisFunction
            | Self::Unbound(_)
            | Self::Error => Vec::new(),
            Self::Unary(_, a) | Self::Truth(a) | Self::Not(a) | Self::Attribute(a, _) => vec![*a],
            Self::Unpack { value, .. } => vec![*value],
            Self::Binary(_, a, b) | Self::Compare(_, a, b) | Self::Index(a, b) => vec![*a, *b],
            Self::Slice(a, parts) => std::iter::once(*a).chain(parts.iter().copied().flatten()).collect(),
            Self::Tuple(parts) => items(parts),
            Self::Call { func, args, keywords } => std::iter::once(*func)
                .chain(items(args))
                .chain(keywords.iter().map(|(_, value)| *value))
                .collect(),
            Self::Closure { captures, .. } => captures.clone(),
        }
    }
}

impl StmtKind {
    /// The values that the statement itself reads, those of nested blocks apart.
    pub fn operands(&self) -> Vec<ValueId> {
        match self {
            Self::Let(_, expr) => expr.operands(),
            Self::Set(_, Source::Value(value)) | Self::Return(value) => vec![*value],
            Self::CheckBound { flag, .. } => vec![*flag],
            Self::If { cond, .. } => vec![*cond],
            Self::For(each) => vec![each.iterable],
            Self::Raise { class, args } => std::iter::once(*class).chain(args.iter().copied()).collect(),
            Self::Set(_, Source::Unset)
            | Self::Block { .. }
            | Self::Loop { .. }
            | Self::Break(_)
            | Self::Continue(_) => Vec::new(),
        }
    }

    /// The blocks nested directly in it.
    pub fn blocks(&self) -> Vec<&Block> {
        match self {
            Self::If { then, otherwise, .. } => vec![then, otherwise],
            Self::Block { body, .. } | Self::Loop { body, .. } | Self::For(For { body, .. }) => vec![body],
            _ => Vec::new(),
        }
    }

    /// The same, to change them.
    pub fn blocks_mut(&mut self) -> Vec<&mut Block> {
        match self {
            Self::If { then, otherwise, .. } => vec![then, otherwise],
            Self::Block { body, .. } | Self::Loop { body, .. } | Self::For(For { body, .. }) => vec![body],
            _ => Vec::new(),
        }
    }
}
