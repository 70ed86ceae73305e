//! What a parallel loop may carry from one turn to the next.
//!
//! In a `prange` loop the turns run in any order and at the same time, so a variable that the loop carries must be
//!
//! - a *reduction*: each turn only joins something to it by one associative operation (`acc += x`, `acc = max(acc, x)`),
//!   any number of times, under any conditions, also in inner loops; or
//! - a *last value*: each turn sets it anew before reading it, and it is read behind the loop.
//!
//! Anything else is a diagnostic: it would give an answer that depends on the schedule. The test is made on the HIR,
//! where single assignment makes it a matter of following values: the accumulator's values are the one that the head of the
//! body binds, the results of joins with it, and what variables inside the body hold that are only ever set to such
//! values. None of them may be used for anything else.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use ungil_ir::diagnostic::{Diagnostic, Kind};
use ungil_ir::{SourceFile, Span};

use crate::hir::{
    self, BinaryOp, Block, Expr, For, Function, Item, Param, ParamKind, Source, Stmt, StmtKind, Value,
    ValueId, VarId,
};
use crate::host::Object;

/// An associative operation by which turns accumulate.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum ReduceOp {
    Add,
    Mul,
    Min(Tie),
    Max(Tie),
    BitAnd,
    BitOr,
    BitXor,
    And,
    Or,
}

/// Which of two that compare as equal the user's `min` or `max` keeps: Python keeps its first argument. It shows in zeros.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Tie {
    /// That of the earlier turn: `acc = max(acc, x)`.
    Earlier,
    /// That of the later turn: `acc = max(x, acc)`.
    Later,
}

/// What a carried variable is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Role {
    /// It accumulates.
    Reduction(ReduceOp),
    /// It holds what the last turn set.
    Last,
}

impl ReduceOp {
    const fn of_binary(op: BinaryOp) -> Option<Self> {
        Some(match op {
            BinaryOp::Add | BinaryOp::Sub => Self::Add,
            BinaryOp::Mul => Self::Mul,
            BinaryOp::BitAnd => Self::BitAnd,
            BinaryOp::BitOr => Self::BitOr,
            BinaryOp::BitXor => Self::BitXor,
            BinaryOp::And => Self::And,
            BinaryOp::Or => Self::Or,
            _ => return None,
        })
    }

    fn of_builtin(name: &str, tie: Tie) -> Option<Self> {
        match name {
            "builtins.min" => Some(Self::Min(tie)),
            "builtins.max" => Some(Self::Max(tie)),
            _ => None,
        }
    }

    /// What a variable accumulates by that is joined in both ways; none if they are different operations.
    fn together(self, other: Self) -> Option<Self> {
        match (self, other) {
            _ if self == other => Some(self),
            // Which of equals remains depends on the turn then, and no order of joining partial results has it.
            (Self::Min(_), Self::Min(_)) => Some(Self::Min(Tie::Earlier)),
            (Self::Max(_), Self::Max(_)) => Some(Self::Max(Tie::Earlier)),
            _ => None,
        }
    }

    /// How the user writes it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Add => "+",
            Self::Mul => "*",
            Self::Min(_) => "min",
            Self::Max(_) => "max",
            Self::BitAnd => "&",
            Self::BitOr => "|",
            Self::BitXor => "^",
            Self::And => "and",
            Self::Or => "or",
        }
    }

    /// A function of two partial results, the earlier first, that joins them.
    pub(crate) fn combiner(self) -> Function {
        let span = Span::default();
        let param =
            |name: &str| Param { name: name.into(), kind: ParamKind::Positional, default: None, span };
        let stmt = |kind| Stmt { kind, span };
        let binary = |op| Expr::Binary(op, ValueId(0), ValueId(1));
        let builtin = |name: &str| Expr::Object(Object::Builtin(name.into()));
        let (func, join) = match self {
            Self::Add => (None, binary(BinaryOp::Add)),
            Self::Mul => (None, binary(BinaryOp::Mul)),
            Self::BitAnd => (None, binary(BinaryOp::BitAnd)),
            Self::BitOr => (None, binary(BinaryOp::BitOr)),
            Self::BitXor => (None, binary(BinaryOp::BitXor)),
            Self::And => (None, binary(BinaryOp::And)),
            Self::Or => (None, binary(BinaryOp::Or)),
            Self::Min(tie) | Self::Max(tie) => {
                let order = if tie == Tie::Earlier { [0, 1] } else { [1, 0] };
                let args = order.map(|param| Item::One(ValueId(param))).into();
                let name = format!("builtins.{}", self.name());
                (Some(builtin(&name)), Expr::Call { func: ValueId(2), args, keywords: Vec::new() })
            }
        };
        let mut body = vec![
            stmt(StmtKind::Let(ValueId(0), Expr::Param(0))),
            stmt(StmtKind::Let(ValueId(1), Expr::Param(1))),
        ];
        body.extend(func.map(|func| stmt(StmtKind::Let(ValueId(2), func))));
        body.push(stmt(StmtKind::Let(ValueId(3), join)));
        body.push(stmt(StmtKind::Return(ValueId(3))));
        Function {
            qualname: format!("<join by {}>", self.name()).into(),
            file: Arc::new(SourceFile::new("<reduction>", "")),
            params: vec![param("a"), param("b")],
            captures: Vec::new(),
            values: vec![Value { name: "".into(), span }; 4],
            vars: Vec::new(),
            nested: Vec::new(),
            body,
            diagnostics: Vec::new(),
        }
    }
}

/// What each variable carried by `each`, a loop of `function`, is.
///
/// # Errors
///
/// A diagnostic for each that is neither; or, where the loop is left early, for each way out alone.
pub(crate) fn classify(function: &Function, each: &For) -> Result<Vec<(VarId, Role)>, Vec<Diagnostic>> {
    if !each.escapes.is_empty() {
        return Err(each.escapes.iter().map(|span| escape(function, *span)).collect());
    }
    let facts = Facts::gather(function, each);
    let (mut roles, mut errors) = (Vec::new(), Vec::new());
    for carried in &each.carried {
        match facts.role(carried) {
            Ok(role) => roles.push((carried.var, role)),
            Err(place) => errors.push(carries(function, carried.var, place)),
        }
    }
    if errors.is_empty() { Ok(roles) } else { Err(errors) }
}

/// The statements of a loop's body, by what they read.
struct Facts<'f> {
    function: &'f Function,
    /// Who reads each value: the statement's kind and place.
    uses: HashMap<ValueId, Vec<&'f Stmt>>,
    /// Sources of each variable that is set in the body.
    sources: HashMap<VarId, Vec<Source>>,
    /// Values that `Get`s of each variable bind in the body.
    gets: HashMap<VarId, Vec<ValueId>>,
    /// Variables that are read outside the loop.
    read_outside: HashSet<VarId>,
    /// The object that a value is, where it is one.
    objects: HashMap<ValueId, &'f Object>,
}

impl<'f> Facts<'f> {
    fn gather(function: &'f Function, each: &'f For) -> Self {
        let mut facts = Self {
            function,
            uses: HashMap::new(),
            sources: HashMap::new(),
            gets: HashMap::new(),
            read_outside: HashSet::new(),
            objects: HashMap::new(),
        };
        let mut reads: HashMap<VarId, usize> = HashMap::new();
        walk(&function.body, &mut |stmt| match &stmt.kind {
            StmtKind::Let(value, Expr::Object(object)) => {
                facts.objects.insert(*value, object);
            }
            StmtKind::Let(_, Expr::Get(var)) => *reads.entry(*var).or_default() += 1,
            _ => {}
        });
        walk(&each.body, &mut |stmt| {
            for operand in stmt.kind.operands() {
                facts.uses.entry(operand).or_default().push(stmt);
            }
            match &stmt.kind {
                StmtKind::Set(var, source) => facts.sources.entry(*var).or_default().push(*source),
                StmtKind::Let(value, Expr::Get(var)) => facts.gets.entry(*var).or_default().push(*value),
                _ => {}
            }
        });
        reads.retain(|var, count| *count > facts.gets.get(var).map_or(0, Vec::len));
        facts.read_outside = reads.into_keys().collect();
        facts
    }

    /// The role of a carried variable, or the place that gives it none.
    fn role(&self, carried: &hir::Carried) -> Result<Role, Span> {
        if !self.uses.contains_key(&carried.head) {
            return Ok(Role::Last);
        }
        let mut accumulators = HashSet::from([carried.head]);
        let mut holders = HashSet::from([carried.var]);
        let mut pending = vec![carried.head];
        let mut operation: Option<ReduceOp> = None;
        while let Some(value) = pending.pop() {
            for user in self.uses.get(&value).into_iter().flatten() {
                match &user.kind {
                    StmtKind::Set(var, _) => {
                        // Outside, another variable would see one thread's part of the sum.
                        if *var != carried.var && self.read_outside.contains(var) {
                            return Err(user.span);
                        }
                        if holders.insert(*var) {
                            for get in self.gets.get(var).into_iter().flatten() {
                                if accumulators.insert(*get) {
                                    pending.push(*get);
                                }
                            }
                        }
                    }
                    StmtKind::Let(result, expr) => {
                        let op = self.join(expr, value).ok_or(user.span)?;
                        let so_far = operation.unwrap_or(op);
                        operation = Some(so_far.together(op).ok_or(user.span)?);
                        if accumulators.insert(*result) {
                            pending.push(*result);
                        }
                    }
                    _ => return Err(user.span),
                }
            }
        }
        // Whatever holds the accumulator must hold nothing else, and no join may take it twice (`acc + acc`).
        for var in &holders {
            for source in self.sources.get(var).into_iter().flatten() {
                match source {
                    Source::Value(value) if accumulators.contains(value) => {}
                    Source::Value(value) => return Err(self.span(*value)),
                    Source::Unset => return Err(self.span(carried.head)),
                }
            }
        }
        for value in &accumulators {
            for user in self.uses.get(value).into_iter().flatten() {
                if let StmtKind::Let(_, expr) = &user.kind
                    && expr.operands().iter().filter(|operand| accumulators.contains(operand)).count() != 1
                {
                    return Err(user.span);
                }
            }
        }
        operation.map(Role::Reduction).ok_or_else(|| self.span(carried.head))
    }

    /// The operation by which `expr` joins something to `accumulator`, if it does.
    fn join(&self, expr: &Expr, accumulator: ValueId) -> Option<ReduceOp> {
        match expr {
            // `acc - x` accumulates; `x - acc` does not.
            Expr::Binary(BinaryOp::Sub, a, _) if *a != accumulator => None,
            Expr::Binary(op, _, _) => ReduceOp::of_binary(*op),
            Expr::Call { func, args, keywords }
                if keywords.is_empty() && args.len() == 2 && *func != accumulator =>
            {
                if args.iter().any(|arg| matches!(arg, Item::Star(_))) {
                    return None;
                }
                let is_first = matches!(args[0], Item::One(first) if first == accumulator);
                let tie = if is_first { Tie::Earlier } else { Tie::Later };
                match self.objects.get(func)? {
                    Object::Builtin(name) => ReduceOp::of_builtin(name, tie),
                    _ => None,
                }
            }
            _ => None,
        }
    }

    fn span(&self, value: ValueId) -> Span {
        self.function.values[value.0 as usize].span
    }
}

fn walk<'f>(block: &'f Block, visit: &mut impl FnMut(&'f Stmt)) {
    for stmt in block {
        visit(stmt);
        for nested in stmt.kind.blocks() {
            walk(nested, visit);
        }
    }
}

fn escape(function: &Function, span: Span) -> Diagnostic {
    Diagnostic::new(
        "prange-escape",
        Kind::Unsupported,
        "a `prange` loop cannot be left early",
        &function.file,
        span,
    )
    .with_text("leaves the loop while other turns may be running")
    .with_help("use `range`, or compute a result for every turn and choose behind the loop")
}

fn carries(function: &Function, var: VarId, place: Span) -> Diagnostic {
    let name = &function.vars[var.0 as usize].name;
    Diagnostic::new(
        "prange-carried",
        Kind::Unsupported,
        format!("`{name}` carries a value from one turn of a `prange` loop to the next"),
        &function.file,
        place,
    )
    .with_text("the turns run in any order and at the same time")
    .with_note(
        "a parallel loop may accumulate by `+ - * & | ^`, `min`, `max`, `and`, `or`, one of them for each variable, \
         and the accumulator may not be used for anything else in the loop",
    )
    .with_help(format!("write `{name} += x` or `{name} = max({name}, x)`, or use `range`"))
}
