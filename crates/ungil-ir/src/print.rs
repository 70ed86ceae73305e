//! The text of modules and functions, for people and for tests.
//!
//! One statement a line, nested blocks indented. A value is `%3`, a variable `$1`, a function `@2`, a block or loop `L0`;
//! entries of the module's tables are `raise 0`, `print 0`, `site 0`. Where a value is bound and where a variable is
//! declared or set, the name that it has in the user's source follows its number. The text depends on the IR alone.

use std::fmt::{self, Display, Formatter, Write};

use crate::ir::{
    BinaryOp, Block, CompareOp, Const, ExceptionClass, FastMath, ForLoop, FuncId, Function, Inline,
    Intrinsic, Label, Module, Op, Parallel, Print, PrintId, PrintPart, Raise, RaiseArg, RaiseId, Site,
    SiteId, Slot, Stmt, StmtKind, UnaryOp, ValueId, VarId,
};

impl Display for Module {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if let Some(entry) = self.entry {
            writeln!(f, "entry {entry}")?;
        }
        for (index, raise) in self.raises.iter().enumerate() {
            writeln!(f, "{} = {raise}", RaiseId(index as u32))?;
        }
        for (index, print) in self.prints.iter().enumerate() {
            writeln!(f, "{} = {print}", PrintId(index as u32))?;
        }
        for (index, site) in self.sites.iter().enumerate() {
            writeln!(f, "{} = {site}", SiteId(index as u32))?;
        }
        for (index, function) in self.functions.iter().enumerate() {
            if index > 0 || self.entry.is_some() || !self.raises.is_empty() {
                f.write_char('\n')?;
            }
            write!(f, "{} = {function}", FuncId(index as u32))?;
        }
        Ok(())
    }
}

impl Display for Function {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "function {}(", self.name)?;
        comma_separated(f, &self.params, |f, param| binding(f, self, *param))?;
        write!(f, ") -> {}", self.ret)?;
        match self.options.inline {
            Inline::Auto => {}
            Inline::Always => f.write_str(", inline always")?,
            Inline::Never => f.write_str(", inline never")?,
        }
        let liberties = liberties(self.options.fastmath);
        if !liberties.is_empty() {
            write!(f, ", fastmath {}", liberties.join(" "))?;
        }
        f.write_str(":\n")?;
        for (index, slot) in self.vars.iter().enumerate() {
            writeln!(f, "    var {}{}: {}", VarId(index as u32), name(Some(slot)), slot.ty)?;
        }
        block(f, self, &self.body, 1)
    }
}

fn block(f: &mut Formatter<'_>, function: &Function, body: &Block, depth: usize) -> fmt::Result {
    if body.is_empty() {
        return indented(f, depth, "pass\n");
    }
    for stmt in body {
        indented(f, depth, "")?;
        statement(f, function, stmt)?;
        f.write_char('\n')?;
        match &stmt.kind {
            StmtKind::If { then, otherwise, .. } => {
                block(f, function, then, depth + 1)?;
                if !otherwise.is_empty() {
                    indented(f, depth, "else:\n")?;
                    block(f, function, otherwise, depth + 1)?;
                }
            }
            _ => stmt.blocks().into_iter().try_for_each(|nested| block(f, function, nested, depth + 1))?,
        }
    }
    Ok(())
}

fn indented(f: &mut Formatter<'_>, depth: usize, text: &str) -> fmt::Result {
    write!(f, "{:1$}{text}", "", depth * 4)
}

/// The first line of a statement, without what is nested in it.
fn statement(f: &mut Formatter<'_>, function: &Function, stmt: &Stmt) -> fmt::Result {
    match &stmt.kind {
        StmtKind::Let(value, op) => {
            binding(f, function, *value)?;
            write!(f, " = {op}")
        }
        StmtKind::Set(var, value) => {
            write!(f, "{var}{} := {value}", name(function.vars.get(var.0 as usize)))
        }
        StmtKind::If { cond, .. } => write!(f, "if {cond}:"),
        StmtKind::Block { label, .. } => write!(f, "block {label}:"),
        StmtKind::Loop { label, .. } => write!(f, "loop {label}:"),
        StmtKind::For(ForLoop { label, index, len, parallel, .. }) => {
            write!(f, "for {label} {index}{} in {len}", name(function.values.get(index.0 as usize)))?;
            if let Some(parallel) = parallel {
                write!(f, " parallel [{parallel}]")?;
            }
            f.write_char(':')
        }
        StmtKind::Break(label) => write!(f, "break {label}"),
        StmtKind::Continue(label) => write!(f, "continue {label}"),
        StmtKind::Return(value) => write!(f, "return {value}"),
        StmtKind::Raise(raise) => write!(f, "{raise}"),
    }
}

/// The statement's first line, as an error message quotes it.
pub(crate) fn head<'a>(function: &'a Function, stmt: &'a Stmt) -> impl Display + 'a {
    fmt::from_fn(move |f| statement(f, function, stmt))
}

fn binding(f: &mut Formatter<'_>, function: &Function, value: ValueId) -> fmt::Result {
    let slot = function.values.get(value.0 as usize);
    write!(f, "{value}{}", name(slot))?;
    match slot {
        Some(slot) => write!(f, ": {}", slot.ty),
        None => f.write_str(": ?"),
    }
}

/// A space and the name, if there is one.
fn name(slot: Option<&Slot>) -> String {
    slot.filter(|slot| !slot.name.is_empty()).map_or_else(String::new, |slot| format!(" {}", slot.name))
}

fn liberties(fastmath: FastMath) -> Vec<&'static str> {
    let FastMath { nnan, ninf, nsz, arcp, contract, afn, reassoc } = fastmath;
    [
        (nnan, "nnan"),
        (ninf, "ninf"),
        (nsz, "nsz"),
        (arcp, "arcp"),
        (contract, "contract"),
        (afn, "afn"),
        (reassoc, "reassoc"),
    ]
    .into_iter()
    .filter_map(|(taken, name)| taken.then_some(name))
    .collect()
}

fn comma_separated<T>(
    f: &mut Formatter<'_>,
    items: &[T],
    mut one: impl FnMut(&mut Formatter<'_>, &T) -> fmt::Result,
) -> fmt::Result {
    items.iter().enumerate().try_for_each(|(index, item)| {
        if index > 0 {
            f.write_str(", ")?;
        }
        one(f, item)
    })
}

fn values(f: &mut Formatter<'_>, values: &[ValueId]) -> fmt::Result {
    comma_separated(f, values, |f, value| value.fmt(f))
}

impl Display for Op {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Const(constant) => write!(f, "const {constant}"),
            Self::Get(var) => write!(f, "get {var}"),
            Self::Unary(op, a) => write!(f, "{op} {a}"),
            Self::Binary(op, a, b) => write!(f, "{op} {a}, {b}"),
            Self::Compare(op, a, b) => write!(f, "{op} {a}, {b}"),
            Self::Cast(a) => write!(f, "cast {a}"),
            Self::Select(cond, a, b) => write!(f, "select {cond}, {a}, {b}"),
            Self::Aggregate(fields) => {
                f.write_str("aggregate (")?;
                values(f, fields)?;
                f.write_char(')')
            }
            Self::Field(a, index) => write!(f, "field {a}, {index}"),
            Self::Element { tuple, index } => write!(f, "element {tuple}, {index}"),
            Self::Call { func, args, site } => {
                write!(f, "call {func}(")?;
                values(f, args)?;
                f.write_char(')')?;
                site.map_or(Ok(()), |site| write!(f, " at {site}"))
            }
            Self::Intrinsic(intrinsic, args) => {
                write!(f, "intrinsic {intrinsic}(")?;
                values(f, args)?;
                f.write_char(')')
            }
            Self::Libm(name, args) => {
                write!(f, "libm {name}(")?;
                values(f, args)?;
                f.write_char(')')
            }
            Self::Print(print, args) => {
                write!(f, "{print}(")?;
                values(f, args)?;
                f.write_char(')')
            }
        }
    }
}

impl Display for Const {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unit => f.write_str("unit"),
            Self::Bool(value) => write!(f, "{value}"),
            Self::Int(value) => write!(f, "{value}"),
            Self::Float(value) => write!(f, "{value:?}"),
        }
    }
}

impl Display for Parallel {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        comma_separated(f, &self.reductions, |f, reduction| {
            write!(f, "reduce {} by {} from {}", reduction.var, reduction.combine, reduction.identity)
        })?;
        if !self.reductions.is_empty() && !self.last.is_empty() {
            f.write_str(", ")?;
        }
        comma_separated(f, &self.last, |f, var| write!(f, "last {var}"))
    }
}

impl Display for Raise {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match &self.class {
            ExceptionClass::Builtin(name) => f.write_str(name)?,
            ExceptionClass::Object { id, name } => write!(f, "{name}#{}", id.0)?,
        }
        f.write_char('(')?;
        comma_separated(f, &self.args, |f, arg| arg.fmt(f))?;
        f.write_char(')')?;
        self.site.map_or(Ok(()), |site| write!(f, " at {site}"))
    }
}

impl Display for RaiseArg {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Str(text) => write!(f, "{text:?}"),
            Self::None => f.write_str("none"),
            Self::Bool(value) => write!(f, "{value}"),
            Self::Int(value) => write!(f, "{value}"),
            Self::Float(value) => write!(f, "{value:?}"),
            Self::Complex(re, im) => write!(f, "complex({re:?}, {im:?})"),
            Self::Tuple(parts) => {
                f.write_char('(')?;
                comma_separated(f, parts, |f, part| part.fmt(f))?;
                f.write_char(')')
            }
        }
    }
}

impl Display for Print {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_char('(')?;
        comma_separated(f, &self.parts, |f, part| match part {
            PrintPart::Text(text) => write!(f, "{text:?}"),
            PrintPart::Value(ty) => write!(f, "{ty}"),
        })?;
        write!(f, ") sep {:?} end {:?}", self.sep, self.end)
    }
}

impl Display for Site {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{} in {}", self.file, self.line, self.function)
    }
}

/// `Display` of an index type: a prefix and the number.
macro_rules! numbered {
    ($($type:ty => $prefix:literal),* $(,)?) => {$(
        impl Display for $type {
            fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
                write!(f, concat!($prefix, "{}"), self.0)
            }
        }
    )*};
}

numbered! {
    FuncId => "@",
    ValueId => "%",
    VarId => "$",
    Label => "L",
    RaiseId => "raise ",
    PrintId => "print ",
    SiteId => "site ",
}

/// `Display` of an enumeration of operations: each one's name, as written here.
macro_rules! named {
    ($($type:ident { $($variant:ident => $name:literal),* $(,)? })*) => {$(
        impl Display for $type {
            fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
                f.write_str(match self { $(Self::$variant => $name),* })
            }
        }
    )*};
}

named! {
    UnaryOp { Neg => "neg", Invert => "invert", Not => "not" }
    BinaryOp {
        Add => "add", Sub => "sub", Mul => "mul", Div => "div", Quot => "quot", Rem => "rem",
        And => "and", Or => "or", Xor => "xor", Shl => "shl", Shr => "shr",
    }
    CompareOp { Eq => "eq", Ne => "ne", Lt => "lt", Le => "le", Gt => "gt", Ge => "ge" }
    Intrinsic {
        Sqrt => "sqrt", NearSqrt => "near_sqrt", Fabs => "fabs", Floor => "floor", Ceil => "ceil", Trunc => "trunc", Rint => "rint",
        ToInt => "to_int", CopySign => "copysign", Fma => "fma", MulAdd => "muladd", ToBits => "to_bits", FromBits => "from_bits",
        LeadingZeros => "leading_zeros", TrailingZeros => "trailing_zeros", PopCount => "popcount",
        MulHigh => "mulhigh", AddOverflows => "add_overflows", SubOverflows => "sub_overflows",
        MulOverflows => "mul_overflows", ThreadId => "thread_id", NumThreads => "num_threads",
        SetNumThreads => "set_num_threads",
        Unlikely => "unlikely",
    }
}

#[cfg(test)]
mod tests {
    use crate::verify::samples;

    #[test]
    fn a_module_prints_one_statement_a_line() {
        let expected = "\
entry @0
raise 0 = ZeroDivisionError(\"division by zero\") at site 0
print 0 = (\"acc\", float64) sep \" \" end \"\\n\"
site 0 = a.py:3 in integrate

@0 = function integrate(%0 n: int64) -> float64, fastmath nnan contract:
    var $0 acc: float64
    var $1: float64
    %1: float64 = const 0.0
    %2: float64 = const -0.0
    %3: int64 = const 0
    %4: bool = lt %0, %3
    if %4:
        raise 0
    $0 acc := %1
    for L0 %5 i in %0 parallel [reduce $0 by @1 from %2, last $1]:
        %6: float64 = cast %5
        $1 := %6
        %7: float64 = get $0
        %8: float64 = call @1(%7, %6) at site 0
        $0 acc := %8
    %9: float64 = get $0
    %10: none = print 0(%9)
    return %9

@1 = function add(%0: float64, %1: float64) -> float64, inline always:
    %2: float64 = add %0, %1
    return %2
";
        assert_eq!(samples::integrate().to_string(), expected);
    }

    #[test]
    fn nested_blocks_are_indented_and_empty_ones_shown() {
        let expected = "\
@0 = function search(%0: int64) -> int64:
    var $0: int64
    $0 := %0
    block L0:
        loop L1:
            %1: int64 = get $0
            %2: bool = eq %1, %0
            if %2:
                break L0
            else:
                continue L1
    %3: bool = const true
    if %3:
        pass
    return %0
";
        assert_eq!(samples::search().to_string(), expected);
    }
}
