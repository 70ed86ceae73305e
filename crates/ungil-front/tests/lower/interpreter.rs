//! Runs HIR, to see that it means what its source means: integers only, `range` and `print`.
//!
//! It panics on what sound HIR never does: reading a value that is not bound yet, or computing with a variable that is
//! unset.

use ungil_front::hir::{BinaryOp, Block, CompareOp, Expr, Function, Item, Label, Source, StmtKind, ValueId};
use ungil_front::host::{Constant, Object};

/// How a run ends, and what it printed.
#[derive(PartialEq, Eq, Debug)]
pub(crate) struct Run {
    pub(crate) printed: Vec<i64>,
    pub(crate) end: End,
}

/// How a run ends.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum End {
    Returned(Option<i64>),
    Unbound(String),
    Failed,
    /// It took more turns of loops than allowed.
    Stopped,
}

/// Runs a function of integers.
pub(crate) fn run(function: &Function, args: &[i64], turns: u32) -> Run {
    let mut machine = Machine {
        function,
        args,
        values: vec![None; function.values.len()],
        vars: vec![None; function.vars.len()],
        printed: Vec::new(),
        turns,
    };
    let end = match machine.block(&function.body) {
        Err(Leave::End(end)) => end,
        other => panic!("control got out by {other:?} of\n{function}"),
    };
    Run { printed: machine.printed, end }
}

#[derive(Clone, PartialEq, Debug)]
enum Value {
    None,
    Int(i64),
    Range(i64),
    Builtin(String),
    /// What an unset variable gives; may be carried around, not used.
    Unset,
}

#[derive(Debug)]
enum Leave {
    Break(Label),
    Continue(Label),
    End(End),
}

struct Machine<'a> {
    function: &'a Function,
    args: &'a [i64],
    values: Vec<Option<Value>>,
    vars: Vec<Option<Value>>,
    printed: Vec<i64>,
    turns: u32,
}

impl Machine<'_> {
    fn block(&mut self, block: &Block) -> Result<(), Leave> {
        for stmt in block {
            match &stmt.kind {
                StmtKind::Let(value, expr) => {
                    let result = self.expr(expr)?;
                    self.values[value.0 as usize] = Some(result);
                }
                StmtKind::Set(var, source) => {
                    self.vars[var.0 as usize] = Some(match source {
                        Source::Value(value) => self.value(*value),
                        Source::Unset => Value::Unset,
                    });
                }
                StmtKind::CheckBound { flag, name } => {
                    if self.int(*flag) == 0 {
                        return Err(Leave::End(End::Unbound(name.to_string())));
                    }
                }
                StmtKind::If { cond, then, otherwise } => {
                    self.block(if self.int(*cond) != 0 { then } else { otherwise })?;
                }
                StmtKind::Block { label, body } => match self.block(body) {
                    Err(Leave::Break(target)) if target == *label => {}
                    other => other?,
                },
                StmtKind::Loop { label, body } => loop {
                    if !self.turn(body, *label)? {
                        break;
                    }
                },
                StmtKind::For(each) => {
                    let Value::Range(count) = self.value(each.iterable) else {
                        panic!("only ranges are run")
                    };
                    for element in 0..count {
                        self.values[each.element.0 as usize] = Some(Value::Int(element));
                        if !self.turn(&each.body, each.label)? {
                            break;
                        }
                    }
                }
                StmtKind::Break(label) => return Err(Leave::Break(*label)),
                StmtKind::Continue(label) => return Err(Leave::Continue(*label)),
                StmtKind::Return(value) => {
                    let result = match self.value(*value) {
                        Value::None => None,
                        _ => Some(self.int(*value)),
                    };
                    return Err(Leave::End(End::Returned(result)));
                }
                StmtKind::Raise { .. } => return Err(Leave::End(End::Failed)),
            }
        }
        Ok(())
    }

    /// One turn of a loop; false if it was the last.
    fn turn(&mut self, body: &Block, label: Label) -> Result<bool, Leave> {
        if self.turns == 0 {
            return Err(Leave::End(End::Stopped));
        }
        self.turns -= 1;
        match self.block(body) {
            Ok(()) => Ok(true),
            Err(Leave::Continue(target)) if target == label => Ok(true),
            Err(Leave::Break(target)) if target == label => Ok(false),
            Err(other) => Err(other),
        }
    }

    fn expr(&mut self, expr: &Expr) -> Result<Value, Leave> {
        Ok(match expr {
            Expr::Param(index) => Value::Int(self.args[*index as usize]),
            Expr::Object(Object::Const(Constant::Int(value))) => Value::Int(*value as i64),
            Expr::Object(Object::Const(Constant::Bool(value))) => Value::Int(i64::from(*value)),
            Expr::Object(Object::Const(Constant::None)) => Value::None,
            Expr::Object(Object::Builtin(name)) => Value::Builtin(name.to_string()),
            Expr::Object(_) => Value::None,
            Expr::Get(var) => self.vars[var.0 as usize].clone().expect("a variable is set before it is read"),
            Expr::Binary(BinaryOp::Add, a, b) => Value::Int(self.int(*a).wrapping_add(self.int(*b))),
            Expr::Compare(CompareOp::Lt, a, b) => Value::Int(i64::from(self.int(*a) < self.int(*b))),
            Expr::Truth(a) => Value::Int(i64::from(self.int(*a) != 0)),
            Expr::Not(a) => Value::Int(i64::from(self.int(*a) == 0)),
            Expr::Call { func, args, .. } => {
                let [Item::One(arg)] = args[..] else { panic!("only calls with one argument are run") };
                match self.value(*func) {
                    Value::Builtin(name) if name == "builtins.range" => Value::Range(self.int(arg)),
                    Value::Builtin(name) if name == "builtins.print" => {
                        self.printed.push(self.int(arg));
                        Value::None
                    }
                    other => panic!("{other:?} is not run"),
                }
            }
            Expr::Unbound(name) => return Err(Leave::End(End::Unbound(name.to_string()))),
            other => panic!("{other:?} is not run"),
        })
    }

    fn value(&self, value: ValueId) -> Value {
        self.values[value.0 as usize]
            .clone()
            .unwrap_or_else(|| panic!("{value} is read early in\n{}", self.function))
    }

    fn int(&self, value: ValueId) -> i64 {
        match self.value(value) {
            Value::Int(int) => int,
            other => panic!("{value} is {other:?} in\n{}", self.function),
        }
    }
}
