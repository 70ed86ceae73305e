//! What to write instead: the diagnostics of calls that do not fit, and the help lines that depend on types and names.

use ungil_ir::Type;
use ungil_ir::diagnostic::Span;

use super::{Emitter, Val};
use crate::hir::BinaryOp;

impl Emitter<'_, '_> {
    /// What to do about an operator that does not apply.
    pub(super) fn operator_help(&self, op: BinaryOp, a: &Val, b: &Val) -> &'static str {
        let either = |test: &dyn Fn(&Type) -> bool| test(&a.ty) || test(&b.ty);
        if either(&|ty| self.is_text(ty)) {
            return "compiled code does not make text: print the parts with `print(a, b)`, or format in the caller";
        }
        if either(&|ty| *ty == Type::None) {
            return "`None` is no number: return a value, or test with `is None` first";
        }
        if op == BinaryOp::MatMul {
            return "compiled code has no matrices: write the sums of products as loops";
        }
        if either(&|ty| matches!(ty, Type::Tuple(_))) {
            return "operators work on numbers: apply it to each element, `(t[0] + x, t[1] + x)`";
        }
        if either(&|ty| matches!(ty, Type::Object(..))) {
            return "operators work on numbers: call a function for its result, `f(x)`";
        }
        if either(&|ty| matches!(ty, Type::Complex(_))) {
            return "take the parts, `z.real` and `z.imag`, or the size, `abs(z)`";
        }
        match op {
            BinaryOp::BitAnd | BinaryOp::BitOr | BinaryOp::BitXor | BinaryOp::Shl | BinaryOp::Shr => {
                "bits are of integers: divide by `//` for an integer, or convert with `int(x)`"
            }
            _ => "operators work on numbers",
        }
    }

    /// What to do about values that have no order.
    pub(super) fn order_help(&self, a: &Val, b: &Val) -> &'static str {
        let either = |test: &dyn Fn(&Type) -> bool| test(&a.ty) || test(&b.ty);
        if either(&|ty| matches!(ty, Type::Complex(_))) {
            "complex numbers have no order: compare `z.real` or `abs(z)`"
        } else if either(&|ty| *ty == Type::None) {
            "test with `is None` first"
        } else if either(&|ty| self.is_text(ty)) {
            "compare text with `==`, or use numbers in its place"
        } else {
            "numbers with numbers and tuples with tuples have an order"
        }
    }

    /// What to do about an attribute that a value does not have.
    pub(super) fn attribute_help(&self, ty: &Type, name: &str) -> &'static str {
        match (ty, name) {
            (_, "append" | "extend" | "add" | "update" | "pop" | "insert") => {
                "what changes its length is not compiled: compute the result in a loop, or build a new tuple"
            }
            (ty, _) if self.is_text(ty) => {
                "compiled code does not make text: print the parts with `print(a, b)`, or format in the caller"
            }
            (
                Type::Int(_) | Type::Bool | Type::Float(_) | Type::Complex(_),
                "shape" | "size" | "ndim" | "sum" | "T",
            ) => "this is one number; arrays are not supported yet",
            (Type::Float(_), "is_integer") => "write `x == math.floor(x)`",
            (Type::Int(_) | Type::Bool | Type::Float(_) | Type::Complex(_), _) => {
                "numbers have `real`, `imag` and `conjugate()`"
            }
            (Type::Tuple(_), "count" | "index") => "search the tuple with a loop, or with `in`",
            (Type::Tuple(_), _) => "index the tuple, `t[0]`, or take it apart, `a, b = t`",
            (Type::None, _) => "`None` has no attributes: return a value, or test with `is None` first",
            _ => "compute it in the caller, and pass the value",
        }
    }

    /// A call whose arguments do not fit.
    pub(super) fn wrong_arguments(&mut self, name: &str, args: &[Val], span: Span) -> Option<Val> {
        let types: Vec<String> = args.iter().map(|arg| self.type_name(&arg.ty)).collect();
        let error = self
            .typing("arguments", span, format!("`{name}` cannot be called with ({})", types.join(", ")))
            .with_text(self.takes(name, args));
        let error = match arguments_help(name, args) {
            Some(help) => error.with_help(help),
            None => error,
        };
        let vals: Vec<&Val> = args.iter().collect();
        self.report_on(error, &vals)
    }

    /// What a function takes, in words.
    fn takes(&mut self, name: &str, args: &[Val]) -> String {
        if let Some(known) = takes(name) {
            return known.to_owned();
        }
        let short = name.strip_prefix("math.").unwrap_or(name);
        let is_real = |arg: &Val| matches!(arg.ty, Type::Bool | Type::Int(_) | Type::Float(_));
        let counts: Vec<String> = (0..4)
            .filter(|count| self.session.prelude_takes(short, *count))
            .map(|count| count.to_string())
            .collect();
        match counts.as_slice() {
            [] if matches!(short, "sqrt" | "fabs" | "floor" | "ceil" | "trunc") => {
                "takes one real number".to_owned()
            }
            [] => "these arguments do not fit".to_owned(),
            [count] if count == "1" => "takes one real number".to_owned(),
            _ if counts.contains(&args.len().to_string()) && args.iter().all(is_real) => {
                "takes integers".to_owned()
            }
            _ => format!("takes {} real numbers", counts.join(" or ")),
        }
    }

    /// A function that compiled code lacks.
    pub(super) fn no_builtin(&mut self, name: &str, span: Span) -> Option<Val> {
        let error = self
            .unsupported("unsupported-function", span, format!("compiled code has no `{name}`"))
            .with_help(function_help(name));
        self.report(error)
    }
}

/// What a function of Python's or ungil's own takes.
fn takes(name: &str) -> Option<&'static str> {
    Some(match name {
        "abs" | "bool" => "takes one number",
        "min" | "max" => "takes two or more real numbers, or a tuple of them",
        "round" => "takes a real number, and perhaps a number of digits",
        "int" | "float" => "takes one real number",
        "complex" => "takes one or two numbers",
        "pow" => "takes two numbers",
        "divmod" => "takes two real numbers",
        "len" => "takes a tuple or a `range`",
        "range" | "prange" => "takes one to three integers",
        "enumerate" => "takes something to iterate, and perhaps an integer to start from",
        "zip" => "takes things to iterate",
        "reversed" | "tuple" => "takes a tuple",
        "sum" => "takes a tuple of numbers, and perhaps a number to start from",
        "isinstance" => "takes a value, and one or more of `bool`, `int`, `float`, `complex`, `tuple`",
        "get_thread_id" | "get_num_threads" => "takes no arguments",
        "set_num_threads" => "takes one integer",
        _ if Type::from_name(name).is_some() => "takes one number",
        _ => return None,
    })
}

/// What to do about arguments of these types.
fn arguments_help(name: &str, args: &[Val]) -> Option<&'static str> {
    let any = |test: fn(&Type) -> bool| args.iter().any(|arg| test(&arg.ty));
    let is_float = |ty: &Type| matches!(ty, Type::Float(_));
    Some(match name {
        "range" | "prange" if args.get(2).is_some_and(|step| is_float(&step.ty)) => {
            "count in integers, and multiply by the step in the loop: `x = start + i * step`"
        }
        "range" | "prange" if any(is_float) => {
            "convert with `int(x)`; for a whole quotient, write `a // b` in place of `a / b`"
        }
        "len" if any(Type::is_number) => "this is one number; arrays are not supported yet",
        "int" | "float" if any(|ty| matches!(ty, Type::Object(..))) => {
            "convert text in the caller, and pass the number"
        }
        "sum" | "min" | "max" if any(|ty| matches!(ty, Type::Range(_))) => {
            "write a `for` loop over the range"
        }
        _ if any(|ty| matches!(ty, Type::Complex(_))) => {
            "take the parts, `z.real` and `z.imag`, or the size, `abs(z)`"
        }
        _ if any(|ty| *ty == Type::None) => {
            "`None` is no number: return a value, or test with `is None` first"
        }
        _ if name.starts_with("math.") && any(|ty| matches!(ty, Type::Tuple(_))) => {
            "call it for each element"
        }
        _ => return None,
    })
}

/// What to do about a function that compiled code lacks.
fn function_help(name: &str) -> &'static str {
    match name.rsplit('.').next().unwrap_or(name) {
        "list" | "dict" | "set" | "frozenset" | "bytearray" => {
            "use a tuple if the length is fixed, or compute the result in a loop"
        }
        "str" | "repr" | "format" | "ascii" | "bin" | "hex" | "oct" | "chr" => {
            "compiled code does not make text: print the parts with `print(a, b)`, or format in the caller"
        }
        "sorted" => "sort in the caller, or order a few values with `min` and `max`",
        "map" | "filter" | "any" | "all" | "iter" | "next" => "write a `for` loop",
        "type" | "issubclass" | "callable" => "ask with `isinstance`, which is decided when compiling",
        "input" | "open" => "read and write in the caller, and pass the numbers",
        "getattr" | "setattr" | "hasattr" | "vars" => "pass the values that are needed as arguments",
        _ => "call it in Python, outside the compiled function",
    }
}
