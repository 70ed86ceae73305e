//! The HIR as text: one statement a line, `%` before values, `$` before variables.
//!
//! ```text
//! def add(a, b):
//!     %0 a = param 0
//!     %1 b = param 1
//!     %2 = %0 + %1
//!     return %2
//! ```

use std::fmt::{self, Display, Formatter};

use crate::hir::{
    BinaryOp, Block, CompareOp, Expr, For, Function, Item, Source, StmtKind, UnaryOp, ValueId, VarId,
};
use crate::host::{Constant, Object};

impl Display for Function {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let params: Vec<&str> = self.params.iter().map(|param| &*param.name).collect();
        write!(f, "def {}({})", self.qualname, params.join(", "))?;
        if !self.captures.is_empty() {
            write!(f, " captures {}", self.captures.join(", "))?;
        }
        writeln!(f, ":")?;
        self.block(f, &self.body, 1)?;
        self.nested.iter().try_for_each(|nested| nested.fmt(f))
    }
}

impl Function {
    fn block(&self, f: &mut Formatter<'_>, block: &Block, depth: usize) -> fmt::Result {
        let indent = "    ".repeat(depth);
        for stmt in block {
            write!(f, "{indent}")?;
            match &stmt.kind {
                StmtKind::Let(value, expr) => writeln!(f, "{} = {}", self.named(*value), Shown(self, expr))?,
                StmtKind::Set(var, Source::Value(value)) => writeln!(f, "{} := {value}", self.var(*var))?,
                StmtKind::Set(var, Source::Unset) => writeln!(f, "{} := unset", self.var(*var))?,
                StmtKind::CheckBound { flag, name } => writeln!(f, "check {flag} that {name} is bound")?,
                StmtKind::If { cond, then, otherwise } => {
                    writeln!(f, "if {cond}:")?;
                    self.block(f, then, depth + 1)?;
                    if !otherwise.is_empty() {
                        writeln!(f, "{indent}else:")?;
                        self.block(f, otherwise, depth + 1)?;
                    }
                }
                StmtKind::Block { label, body } => {
                    writeln!(f, "block L{}:", label.0)?;
                    self.block(f, body, depth + 1)?;
                }
                StmtKind::Loop { label, body } => {
                    writeln!(f, "loop L{}:", label.0)?;
                    self.block(f, body, depth + 1)?;
                }
                StmtKind::For(each) => self.for_loop(f, each, depth)?,
                StmtKind::Break(label) => writeln!(f, "break L{}", label.0)?,
                StmtKind::Continue(label) => writeln!(f, "continue L{}", label.0)?,
                StmtKind::Return(value) => writeln!(f, "return {value}")?,
                StmtKind::Raise { class, args } => writeln!(f, "raise {class}({})", list(args))?,
            }
        }
        Ok(())
    }

    fn for_loop(&self, f: &mut Formatter<'_>, each: &For, depth: usize) -> fmt::Result {
        let parallel = if each.prange { "parallel " } else { "" };
        let element = self.named(each.element);
        write!(f, "{parallel}for L{} {element} in {}", each.label.0, each.iterable)?;
        let carried: Vec<String> = each
            .carried
            .iter()
            .map(|carried| format!("{} {}", self.var(carried.var), carried.head))
            .collect();
        if !carried.is_empty() {
            write!(f, " carrying {}", carried.join(", "))?;
        }
        if !each.escapes.is_empty() {
            let lines: Vec<String> =
                each.escapes.iter().map(|span| self.file.line(span.start).to_string()).collect();
            write!(f, " left on line {}", lines.join(", "))?;
        }
        writeln!(f, ":")?;
        self.block(f, &each.body, depth + 1)
    }

    fn named(&self, value: ValueId) -> String {
        match self.values.get(value.0 as usize) {
            Some(known) if !known.name.is_empty() => format!("{value} {}", known.name),
            _ => value.to_string(),
        }
    }

    fn var(&self, var: VarId) -> String {
        match self.vars.get(var.0 as usize) {
            Some(known) if known.is_flag => format!("${} has_{}", var.0, known.name),
            Some(known) if !known.name.is_empty() => format!("${} {}", var.0, known.name),
            _ => format!("${}", var.0),
        }
    }
}

impl Display for ValueId {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "%{}", self.0)
    }
}

/// An expression of a function.
struct Shown<'a>(&'a Function, &'a Expr);

impl Display for Shown<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self(function, expr) = self;
        match expr {
            Expr::Param(index) => write!(f, "param {index}"),
            Expr::Capture(index) => write!(f, "capture {index}"),
            Expr::Object(object) => write!(f, "{}", object_text(object)),
            Expr::Get(var) => write!(f, "{}", function.var(*var)),
            Expr::Unary(op, a) => write!(f, "{}{a}", unary(*op)),
            Expr::Binary(op, a, b) => write!(f, "{a} {} {b}", binary(*op)),
            Expr::Compare(op, a, b) => write!(f, "{a} {} {b}", compare(*op)),
            Expr::Truth(a) => write!(f, "truth {a}"),
            Expr::Not(a) => write!(f, "not {a}"),
            Expr::Tuple(parts) => write!(f, "({})", items(parts)),
            Expr::Index(a, index) => write!(f, "{a}[{index}]"),
            Expr::Slice(a, parts) => {
                let parts = parts.map(|part| part.map_or(String::new(), |value| value.to_string()));
                write!(f, "{a}[{}]", parts.join(":"))
            }
            Expr::Unpack { value, index, count } => write!(f, "{value} element {index} of {count}"),
            Expr::Attribute(a, name) => write!(f, "{a}.{name}"),
            Expr::Call { func, args, keywords } => {
                let keywords = keywords.iter().map(|(name, value)| format!("{name}={value}"));
                let all: Vec<String> = args.iter().copied().map(item).chain(keywords).collect();
                write!(f, "{func}({})", all.join(", "))
            }
            Expr::Closure { function, captures } => write!(f, "closure {function} of ({})", list(captures)),
            Expr::ThisFunction => write!(f, "this function"),
            Expr::Unbound(name) => write!(f, "unbound {name}"),
            Expr::Error => write!(f, "error"),
        }
    }
}

fn list(values: &[ValueId]) -> String {
    values.iter().map(ValueId::to_string).collect::<Vec<_>>().join(", ")
}

fn items(items: &[Item]) -> String {
    items.iter().copied().map(item).collect::<Vec<_>>().join(", ")
}

fn item(item: Item) -> String {
    match item {
        Item::One(value) => value.to_string(),
        Item::Star(value) => format!("*{value}"),
    }
}

fn object_text(object: &Object) -> String {
    match object {
        Object::Const(constant) => constant_text(constant),
        Object::Function { name, .. } => format!("function {name}"),
        Object::Builtin(name) => name.to_string(),
        Object::Module { name, .. } => format!("module {name}"),
        Object::Exception { name, .. } => format!("exception {name}"),
        Object::Type(ty) => format!("type {ty}"),
        Object::Other { description } => description.clone(),
    }
}

fn constant_text(constant: &Constant) -> String {
    match constant {
        Constant::None => "None".to_owned(),
        Constant::Bool(true) => "True".to_owned(),
        Constant::Bool(false) => "False".to_owned(),
        Constant::Int(value) => value.to_string(),
        Constant::Typed(ty, value) => format!("{ty}({})", constant_text(value)),
        Constant::Float(value) => format!("{value:?}"),
        Constant::Complex(re, im) => format!("({re:?}{im:+?}j)"),
        Constant::Str(text) => format!("{text:?}"),
        Constant::Tuple(parts) => {
            format!("({})", parts.iter().map(object_text).collect::<Vec<_>>().join(", "))
        }
    }
}

const fn unary(op: UnaryOp) -> &'static str {
    match op {
        UnaryOp::Pos => "+",
        UnaryOp::Neg => "-",
        UnaryOp::Invert => "~",
    }
}

const fn binary(op: BinaryOp) -> &'static str {
    match op {
        BinaryOp::Add => "+",
        BinaryOp::Sub => "-",
        BinaryOp::Mul => "*",
        BinaryOp::Div => "/",
        BinaryOp::FloorDiv => "//",
        BinaryOp::Mod => "%",
        BinaryOp::Pow => "**",
        BinaryOp::Shl => "<<",
        BinaryOp::Shr => ">>",
        BinaryOp::BitAnd => "&",
        BinaryOp::BitOr => "|",
        BinaryOp::BitXor => "^",
        BinaryOp::MatMul => "@",
        BinaryOp::And => "and",
        BinaryOp::Or => "or",
    }
}

const fn compare(op: CompareOp) -> &'static str {
    match op {
        CompareOp::Eq => "==",
        CompareOp::Ne => "!=",
        CompareOp::Lt => "<",
        CompareOp::Le => "<=",
        CompareOp::Gt => ">",
        CompareOp::Ge => ">=",
        CompareOp::Is => "is",
        CompareOp::IsNot => "is not",
        CompareOp::In => "in",
        CompareOp::NotIn => "not in",
    }
}
