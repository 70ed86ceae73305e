//! Python's builtin functions and classes, and ungil's own functions, called in compiled code.

use std::sync::Arc;

use ungil_ir::diagnostic::Span;
use ungil_ir::ir::{self, BinaryOp as Machine, CompareOp as Cmp, Intrinsic, Op, UnaryOp};
use ungil_ir::{IntTy, Type};

use super::{Emitter, Val};
use crate::hir::{BinaryOp, CompareOp};
use crate::host::{Constant, ErrorModel, Object};
use crate::session::Entity;
use crate::suggest;
use crate::typing;

/// Keyword arguments of a call.
pub(super) type Keywords = [(Arc<str>, Val)];

impl Emitter<'_, '_> {
    /// A call of something that the compiler itself knows.
    pub(super) fn builtin(
        &mut self,
        name: &Arc<str>,
        func: &Val,
        args: &[Val],
        keywords: &Keywords,
        span: Span,
    ) -> Option<Val> {
        let (module, short) = name.rsplit_once('.').unwrap_or(("", name));
        let keyword_names: &[&str] = match &**name {
            "builtins.print" => &["sep", "end", "file", "flush"],
            "builtins.enumerate" => &["start"],
            "builtins.round" => &["ndigits"],
            "builtins.sum" => &["start"],
            "builtins.complex" => &["real", "imag"],
            "builtins.pow" => &["mod"],
            "builtins.zip" => &["strict"],
            _ => &[],
        };
        if let Some((keyword, _)) = keywords.iter().find(|(keyword, _)| !keyword_names.contains(&&**keyword))
        {
            let error =
                self.typing("arguments", span, format!("`{short}()` takes no keyword argument `{keyword}`"));
            let help = match suggest::nearest(keyword, keyword_names.iter().copied()) {
                Some(known) => format!("did you mean `{known}`?"),
                None if keyword_names.is_empty() => "pass the arguments by position".to_owned(),
                None => format!("it takes `{}`", keyword_names.join("=`, `") + "="),
            };
            let help = if &**keyword == "key" {
                "compare in a loop: `if abs(x) < abs(best): best = x`".to_owned()
            } else {
                help
            };
            return self.report(error.with_help(help));
        }
        if self.is_exact() {
            return self.exact_builtin(name, args, keywords, span);
        }
        match module {
            "builtins" => self.python_builtin(short, args, keywords, span),
            "math" => self.math(short, args, span),
            "intrinsics" => self.intrinsic_call(short, args, span),
            "ungil" => self.ungil_function(short, args, span),
            "number" => {
                let number = self.field(func, 0);
                self.conjugate(&number)
            }
            _ => self.no_builtin(name, span),
        }
    }

    pub(super) fn python_builtin(
        &mut self,
        name: &str,
        args: &[Val],
        keywords: &Keywords,
        span: Span,
    ) -> Option<Val> {
        match (name, args) {
            ("abs", [a]) => self.abs(a, span),
            ("min" | "max", [a]) => {
                let Type::Tuple(parts) = &a.ty else { return self.wrong_arguments(name, args, span) };
                if parts.is_empty() {
                    let error = self.typing("arguments", span, format!("`{name}` of an empty tuple"));
                    return self.report(error.with_text("has no value"));
                }
                let parts: Vec<Val> = (0..parts.len()).map(|index| self.field(a, index)).collect();
                self.extreme(name, &parts, span)
            }
            ("min" | "max", [_, _, ..]) => self.extreme(name, args, span),
            ("round", [a]) if keywords.is_empty() => self.round(a, span),
            ("round", [a, digits]) => self.round_digits(a, digits, span),
            ("round", [a]) => self.round_digits(a, &keywords[0].1.clone(), span),
            ("int", []) => Some(self.i64(0)),
            ("int", [a]) => self.int_call(a, span),
            ("float", []) => Some(self.float(&Type::FLOAT64, 0.0)),
            ("float", [a]) => self.float_call(a, span),
            ("bool", []) => Some(self.bool(false)),
            ("bool", [a]) => self.truth(a, span),
            ("complex", _) => self.complex_call(args, keywords, span),
            ("pow", [a, b]) if keywords.is_empty() => self.binary_op(BinaryOp::Pow, a, b, span),
            ("divmod", [a, b]) => {
                let quotient = self.binary_op(BinaryOp::FloorDiv, a, b, span)?;
                let remainder = self.binary_op(BinaryOp::Mod, a, b, span)?;
                let ty = Type::tuple([quotient.ty.clone(), remainder.ty.clone()]);
                Some(self.aggregate(ty, vec![quotient, remainder]))
            }
            ("len", [a]) => match &a.ty {
                Type::Tuple(_) | Type::Range(_) => self.len_of(a, span),
                _ => self.wrong_arguments(name, args, span),
            },
            ("range", [_] | [_, _] | [_, _, _]) => self.range(name, args, span),
            ("enumerate", [iterable, rest @ ..]) if rest.len() + keywords.len() <= 1 => {
                self.len_of(iterable, span)?;
                let start = rest.first().or_else(|| keywords.first().map(|(_, val)| val)).cloned();
                let start = match start {
                    Some(start) if matches!(start.ty, Type::Int(_) | Type::Bool) => {
                        self.convert(&start, &Type::INT64)?
                    }
                    Some(_) => return self.wrong_arguments(name, args, span),
                    None => self.i64(0),
                };
                let ty = Type::Enumerate(Arc::new(iterable.ty.clone()));
                Some(self.aggregate(ty, vec![iterable.clone(), start]))
            }
            ("zip", iterables) if keywords.is_empty() => {
                for iterable in iterables {
                    self.len_of(iterable, span)?;
                }
                self.check_size("a `zip`", iterables, span)?;
                let ty = Type::Zip(iterables.iter().map(|iterable| iterable.ty.clone()).collect());
                Some(self.aggregate(ty, iterables.to_vec()))
            }
            ("reversed", [sequence]) => {
                if !matches!(sequence.ty, Type::Tuple(_) | Type::Range(_)) {
                    return self.wrong_arguments(name, args, span);
                }
                let ty = Type::Reversed(Arc::new(sequence.ty.clone()));
                Some(self.aggregate(ty, vec![sequence.clone()]))
            }
            ("tuple", []) => Some(self.aggregate(Type::tuple([]), Vec::new())),
            ("tuple", [a]) if matches!(a.ty, Type::Tuple(_)) => Some(a.clone()),
            ("sum", [a, rest @ ..]) if rest.len() + keywords.len() <= 1 => {
                let Type::Tuple(parts) = &a.ty else { return self.wrong_arguments(name, args, span) };
                let start = rest.first().or_else(|| keywords.first().map(|(_, val)| val)).cloned();
                let mut total = start.unwrap_or_else(|| self.i64(0));
                for index in 0..parts.len() {
                    let part = self.field(a, index);
                    total = self.binary_op(BinaryOp::Add, &total, &part, span)?;
                }
                Some(total)
            }
            ("isinstance", [value, class]) => self.is_instance(value, class, span),
            ("print", _) => self.print(args, keywords, span),
            _ if is_known(name) => self.wrong_arguments(name, args, span),
            _ => self.no_builtin(name, span),
        }
    }

    fn ungil_function(&mut self, name: &str, args: &[Val], span: Span) -> Option<Val> {
        match (name, args) {
            ("prange", [_] | [_, _] | [_, _, _]) => self.range(name, args, span),
            ("get_thread_id", []) => Some(self.intrinsic(Type::INT64, Intrinsic::ThreadId, &[])),
            ("get_num_threads", []) => Some(self.intrinsic(Type::INT64, Intrinsic::NumThreads, &[])),
            ("set_num_threads", [n]) if matches!(n.ty, Type::Int(_)) => {
                let n = self.convert(n, &Type::INT64)?;
                let done = self.intrinsic(Type::Bool, Intrinsic::SetNumThreads, &[&n]);
                let refused = self.not(&done);
                self.raise_if(
                    &refused,
                    "ValueError",
                    "the number of threads is less than 1 or more than there are",
                );
                Some(self.none())
            }
            ("prange" | "get_thread_id" | "get_num_threads" | "set_num_threads", _) => {
                self.wrong_arguments(name, args, span)
            }
            _ => self.no_builtin(name, span),
        }
    }

    fn abs(&mut self, a: &Val, span: Span) -> Option<Val> {
        let a = &self.present(a);
        match &a.ty {
            _ if self.is_exact() => self.exact_abs(a, span),
            Type::Bool => self.convert(a, &Type::INT64),
            Type::Int(int) if !int.signed => Some(a.clone()),
            Type::Int(_) => {
                let zero = self.zero(&a.ty);
                let negative = self.cmp(Cmp::Lt, a, &zero);
                let flipped = self.unary(UnaryOp::Neg, a);
                Some(self.choose(&negative, &flipped, a))
            }
            Type::Float(_) => Some(self.intrinsic(a.ty.clone(), Intrinsic::Fabs, &[a])),
            Type::Complex(_) => {
                let (real, imag) = (self.field(a, 0), self.field(a, 1));
                self.float_function("hypot", &[&real, &imag])
            }
            _ => self.wrong_arguments("abs", std::slice::from_ref(a), span),
        }
    }

    /// The first of the least (greatest), as Python picks it, in the type that all unify to.
    fn extreme(&mut self, name: &str, args: &[Val], span: Span) -> Option<Val> {
        let args: Vec<Val> = args.iter().map(|arg| self.present(arg)).collect();
        let ty = args.iter().skip(1).try_fold(args.first()?.ty.clone(), |ty, arg| self.unify(&ty, &arg.ty));
        let Some(ty) = ty.filter(|ty| !matches!(ty, Type::Complex(_) | Type::Object(..))) else {
            return self.wrong_arguments(name, &args, span);
        };
        let op = if name == "min" { CompareOp::Lt } else { CompareOp::Gt };
        let mut best = self.convert(&args[0], &ty)?;
        for arg in &args[1..] {
            let arg = self.convert(arg, &ty)?;
            let better = self.compare_op(op, &arg, &best, span)?;
            best = self.choose(&better, &arg, &best);
        }
        Some(best)
    }

    fn round(&mut self, a: &Val, span: Span) -> Option<Val> {
        let a = &self.present(a);
        match &a.ty {
            Type::Int(int) if int.bits < 64 => self.convert(a, &Type::INT64),
            Type::Bool | Type::Int(_) => self.int_call(a, span),
            Type::Float(_) => {
                let rounded = self.intrinsic(a.ty.clone(), Intrinsic::Rint, &[a]);
                self.int_call(&rounded, span)
            }
            _ => self.wrong_arguments("round", std::slice::from_ref(a), span),
        }
    }

    fn round_digits(&mut self, a: &Val, digits: &Val, span: Span) -> Option<Val> {
        let a = &self.present(a);
        match (&a.ty, &digits.ty) {
            (_, Type::None) => self.round(a, span),
            (Type::Float(_), Type::Int(_) | Type::Bool) => {
                let digits = self.convert(digits, &Type::INT64)?;
                let wide = self.convert(a, &Type::FLOAT64)?;
                let rounded = self.prelude("round_digits", &[&wide, &digits])?;
                self.convert(&rounded, &a.ty)
            }
            _ => self.wrong_arguments("round", &[a.clone(), digits.clone()], span),
        }
    }

    /// `int(a)`: truncates; what `int64` cannot hold raises as Python does, or saturates with NumPy's error model.
    pub(super) fn int_call(&mut self, a: &Val, span: Span) -> Option<Val> {
        let a = &self.present(a);
        match &a.ty {
            Type::Int(_) => Some(a.clone()),
            Type::Bool => self.convert(a, &Type::INT64),
            Type::Float(_) => {
                if self.options.error_model == ErrorModel::Python {
                    let low = self.float(&a.ty, -9_223_372_036_854_775_808.0);
                    let high = self.float(&a.ty, 9_223_372_036_854_775_808.0);
                    let above = self.cmp(Cmp::Ge, a, &low);
                    let below = self.cmp(Cmp::Lt, a, &high);
                    let fits = self.op2(Machine::And, &above, &below);
                    let bad = self.not(&fits);
                    let bad = self.unlikely(&bad);
                    let (then, ()) = self.nested(|this| {
                        let is_nan = this.cmp(Cmp::Ne, a, a);
                        this.raise_if(&is_nan, "ValueError", "cannot convert float NaN to integer");
                        let size = this.intrinsic(a.ty.clone(), Intrinsic::Fabs, &[a]);
                        let infinity = this.float(&a.ty, f64::INFINITY);
                        let is_infinite = this.cmp(Cmp::Eq, &size, &infinity);
                        this.raise_if(
                            &is_infinite,
                            "OverflowError",
                            "cannot convert float infinity to integer",
                        );
                        let always = this.bind(Type::Bool, Op::Const(ir::Const::Bool(true)));
                        this.raise_if(&always, "OverflowError", "the float is too large for int64");
                    });
                    self.push(ir::StmtKind::If { cond: bad.id, then, otherwise: Vec::new() });
                }
                self.convert(a, &Type::INT64)
            }
            _ => self.wrong_arguments("int", std::slice::from_ref(a), span),
        }
    }

    fn float_call(&mut self, a: &Val, span: Span) -> Option<Val> {
        let a = &self.present(a);
        match (&a.ty, &a.known) {
            (Type::Float(_), _) => Some(a.clone()),
            (Type::Bool | Type::Int(_), _) => self.convert(a, &Type::FLOAT64),
            (_, Some(Constant::Str(text))) => match text.trim().replace('_', "").parse::<f64>() {
                Ok(value) => Some(self.float(&Type::FLOAT64, value)),
                Err(_) => self.wrong_arguments("float", std::slice::from_ref(a), span),
            },
            _ => self.wrong_arguments("float", std::slice::from_ref(a), span),
        }
    }

    fn complex_call(&mut self, args: &[Val], keywords: &Keywords, span: Span) -> Option<Val> {
        let keyword =
            |name: &str| keywords.iter().find(|(known, _)| &**known == name).map(|(_, val)| val.clone());
        let real = args.first().cloned().or_else(|| keyword("real"));
        let imag = args.get(1).cloned().or_else(|| keyword("imag"));
        let parts = [real.clone(), imag.clone()];
        if args.len() > 2 || parts.iter().flatten().any(|part| !part.ty.is_number()) {
            return self.wrong_arguments("complex", args, span);
        }
        let Some(imag) = imag else {
            let Some(real) = real else { return Some(self.zero(&Type::COMPLEX128)) };
            let float = typing::float_result(&real.ty, &Type::Bool);
            let narrow = matches!(real.ty, Type::Float(_) | Type::Complex(_));
            let ty = if narrow { Type::Complex(float) } else { Type::COMPLEX128 };
            return self.convert(&real, &ty);
        };
        let real = real.unwrap_or_else(|| self.i64(0));
        if matches!(real.ty, Type::Complex(_)) || matches!(imag.ty, Type::Complex(_)) {
            // `complex(a, b)` is `a + b * 1j`.
            let unit = {
                let parts = vec![self.float(&Type::FLOAT64, 0.0), self.float(&Type::FLOAT64, 1.0)];
                self.aggregate(Type::COMPLEX128, parts)
            };
            let turned = self.binary_op(BinaryOp::Mul, &imag, &unit, span)?;
            return self.binary_op(BinaryOp::Add, &real, &turned, span);
        }
        let floats = matches!(real.ty, Type::Float(_)) || matches!(imag.ty, Type::Float(_));
        let float = if floats { typing::float_result(&real.ty, &imag.ty) } else { ungil_ir::FloatTy::F64 };
        let part = Type::Float(float);
        let parts = vec![self.convert(&real, &part)?, self.convert(&imag, &part)?];
        Some(self.aggregate(Type::Complex(float), parts))
    }

    fn conjugate(&mut self, a: &Val) -> Option<Val> {
        match &a.ty {
            Type::Complex(_) => {
                let (real, imag) = (self.field(a, 0), self.field(a, 1));
                let imag = self.unary(UnaryOp::Neg, &imag);
                Some(self.aggregate(a.ty.clone(), vec![real, imag]))
            }
            Type::Bool => self.convert(a, &Type::INT64),
            _ => Some(a.clone()),
        }
    }

    fn range(&mut self, name: &str, args: &[Val], span: Span) -> Option<Val> {
        if !args.iter().all(|arg| matches!(arg.ty, Type::Int(_) | Type::Bool)) {
            return self.wrong_arguments(name, args, span);
        }
        // A step down needs a sign, as does a bound that may be negative.
        let signed = |arg: &Val| !matches!(arg.ty, Type::Int(int) if !int.signed);
        let bounds_signed = args.iter().take(2).any(signed);
        let step_signed =
            args.get(2).is_some_and(|step| signed(step) && step.known_int().is_none_or(|step| step < 0));
        let unsigned = args.iter().any(|arg| arg.ty == Type::UINT64) && !bounds_signed && !step_signed;
        let int = if unsigned { IntTy::U64 } else { IntTy::I64 };
        let (start, stop, step) = match args {
            [stop] => (self.int(int, 0), stop.clone(), self.int(int, 1)),
            [start, stop] => (start.clone(), stop.clone(), self.int(int, 1)),
            [start, stop, step, ..] => (start.clone(), stop.clone(), step.clone()),
            [] => return self.wrong_arguments(name, args, span),
        };
        if step.known_int() == Some(0) {
            let error = self.typing("range-step", span, format!("the step of a `{name}` cannot be zero"));
            return self.report(error);
        }
        let ty = Type::Int(int);
        let parts = vec![self.convert(&start, &ty)?, self.convert(&stop, &ty)?, self.convert(&step, &ty)?];
        Some(self.aggregate(Type::Range(int), parts))
    }

    fn is_instance(&mut self, value: &Val, class: &Val, span: Span) -> Option<Val> {
        let classes: Vec<Val> = match &class.ty {
            Type::Tuple(parts) => (0..parts.len()).map(|index| self.field(class, index)).collect(),
            _ => vec![class.clone()],
        };
        let mut any = false;
        for class in &classes {
            let entity = match &class.ty {
                Type::Object(id, _) => Some(self.session.entity(*id)),
                _ => None,
            };
            any |= match entity {
                Some(Entity::Object(Object::Type(ty))) => value.ty == ty,
                Some(Entity::Object(Object::Builtin(name))) => match (&*name, &value.ty) {
                    ("builtins.bool", ty) => *ty == Type::Bool,
                    ("builtins.int", ty) => matches!(ty, Type::Int(_) | Type::Bool),
                    ("builtins.float", ty) => matches!(ty, Type::Float(_)),
                    ("builtins.complex", ty) => matches!(ty, Type::Complex(_)),
                    ("builtins.tuple", ty) => matches!(ty, Type::Tuple(_)),
                    ("builtins.range", ty) => matches!(ty, Type::Range(_)),
                    ("builtins.str", _) => matches!(value.known, Some(Constant::Str(_))),
                    ("builtins.list" | "builtins.dict" | "builtins.set" | "builtins.bytes", _) => false,
                    ("builtins.object", _) => true,
                    _ => return self.wrong_arguments("isinstance", &[value.clone(), class.clone()], span),
                },
                _ => return self.wrong_arguments("isinstance", &[value.clone(), class.clone()], span),
            };
        }
        if let Type::Optional(_) = value.ty {
            let present = self.field(value, 0);
            let inner = self.field(value, 1);
            let inner = self.is_instance(&inner, class, span)?;
            return Some(self.op2(Machine::And, &present, &inner));
        }
        Some(self.bool(any))
    }

    /// `int32(x)` and the like.
    pub(super) fn cast_call(
        &mut self,
        ty: &Type,
        args: &[Val],
        keywords: &Keywords,
        span: Span,
    ) -> Option<Val> {
        let [a] = args else { return self.wrong_arguments(&ty.to_string(), args, span) };
        let a = &self.present(a);
        let to_real = matches!(a.ty, Type::Complex(_)) && !matches!(ty, Type::Complex(_));
        if !keywords.is_empty() || !a.ty.is_number() || !ty.is_number() || to_real {
            return self.wrong_arguments(&ty.to_string(), args, span);
        }
        self.convert(a, ty)
    }
}

fn is_known(name: &str) -> bool {
    matches!(
        name,
        "abs"
            | "min"
            | "max"
            | "round"
            | "int"
            | "float"
            | "bool"
            | "complex"
            | "pow"
            | "divmod"
            | "len"
            | "range"
            | "enumerate"
            | "zip"
            | "reversed"
            | "tuple"
            | "sum"
            | "isinstance"
    )
}
