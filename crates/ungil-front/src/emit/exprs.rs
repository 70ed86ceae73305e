//! Expressions, and the compile-time objects that they name.

use std::sync::Arc;

use ungil_ir::diagnostic::Span;
use ungil_ir::ir::{self, Const, Op};
use ungil_ir::{IntTy, ObjectId, Type};

use super::origin::Origin;
use super::{Emitter, Val};
use crate::hir::{self, Expr, Item};
use crate::host::{Constant, Object};
use crate::session::Entity;

impl Emitter<'_, '_> {
    /// Emits an expression that binds `target`; none if its type is not known, or there is none.
    pub(super) fn expr(&mut self, expr: &Expr, target: hir::ValueId) -> Option<Val> {
        let span = self.hir.values[target.0 as usize].span;
        match expr {
            Expr::Param(index) => Some(self.parameter(self.captures.len() + *index as usize)),
            Expr::Capture(index) => Some(self.parameter(*index as usize)),
            Expr::Object(object) => self.object(object, span),
            Expr::Get(var) => {
                let Some(ty) = self.session.get(self.id).var_types[var.0 as usize].clone() else {
                    return self.unknown(span);
                };
                let val = self.bind(ty, Op::Get(ir::VarId(var.0)));
                self.values[val.id.0 as usize].name = Arc::clone(&self.hir.vars[var.0 as usize].name);
                Some(val)
            }
            Expr::Unary(op, a) => {
                let a = self.val(*a)?;
                self.unary_op(*op, &a, span)
            }
            Expr::Binary(op, a, b) => {
                let (a, b) = self.val(*a).zip(self.val(*b))?;
                self.binary_op(*op, &a, &b, span)
            }
            Expr::Compare(op, a, b) => {
                let (a, b) = self.val(*a).zip(self.val(*b))?;
                self.compare_op(*op, &a, &b, span)
            }
            Expr::Truth(a) => {
                let a = self.val(*a)?;
                self.truth(&a, span)
            }
            Expr::Not(a) => {
                let a = self.val(*a)?;
                let truth = self.truth(&a, span)?;
                Some(self.not(&truth))
            }
            Expr::Tuple(items) => {
                let parts = self.items(items, span)?;
                self.tuple(parts, span)
            }
            Expr::Index(container, index) => {
                let (container, index) = self.val(*container).zip(self.val(*index))?;
                self.index(&container, &index, span)
            }
            Expr::Slice(container, bounds) => {
                let container = self.val(*container)?;
                let mut vals = [None, None, None];
                for (bound, val) in bounds.iter().zip(&mut vals) {
                    if let Some(bound) = bound {
                        *val = Some(self.val(*bound)?);
                    }
                }
                self.slice(&container, [vals[0].as_ref(), vals[1].as_ref(), vals[2].as_ref()], span)
            }
            Expr::Unpack { value, index, count } => {
                let value = self.val(*value)?;
                self.unpack(&value, *index, *count, span)
            }
            Expr::Attribute(value, name) => {
                let value = self.val(*value)?;
                self.attribute(&value, name, span)
            }
            Expr::Call { func, args, keywords } => {
                let func = self.val(*func);
                let args = self.items(args, span);
                let keywords: Option<Vec<(Arc<str>, Val)>> = keywords
                    .iter()
                    .map(|(name, value)| Some((Arc::clone(name), self.val(*value)?)))
                    .collect();
                self.call(&func?, args?, keywords?, span)
            }
            Expr::Closure { function, captures } => {
                let captures: Option<Vec<Val>> = captures.iter().map(|value| self.val(*value)).collect();
                let captures = captures?;
                self.check_size("a function that captures a tuple", &captures, span)?;
                let parent = Arc::clone(&self.hir);
                let id = self.session.nested(&parent, *function, &self.code);
                let ty = Type::Object(id, captures.iter().map(|val| val.ty.clone()).collect());
                Some(self.unit_or_aggregate(ty, captures))
            }
            Expr::ThisFunction => {
                let captures: Vec<Val> =
                    (0..self.captures.len()).map(|index| self.parameter(index)).collect();
                let ty = Type::Object(self.session.get(self.id).key.object, Arc::clone(&self.captures));
                Some(self.unit_or_aggregate(ty, captures))
            }
            Expr::Unbound(name) => {
                let error = self
                    .typing("unbound", span, format!("local variable `{name}` is used before it is assigned"))
                    .with_help(self.unbound_help(name));
                self.report(error)
            }
            // A diagnostic says so already.
            Expr::Error => self.unknown(span),
        }
    }

    /// What to do about a local name without a value.
    fn unbound_help(&self, name: &str) -> String {
        let object = self.session.get(self.id).key.object;
        let is_own = matches!(self.session.entity(object), Entity::Object(Object::Function { .. }));
        if is_own && self.session.host(self.code.owner).global(object, name).is_some() {
            return format!(
                "the function assigns `{name}`, so it does not see the global: use another name here"
            );
        }
        "assign it on every way to here".to_owned()
    }

    /// The typed value of an HIR value.
    pub(super) fn val(&self, value: hir::ValueId) -> Option<Val> {
        self.vals[value.0 as usize].clone()
    }

    fn parameter(&self, index: usize) -> Val {
        let id = ir::ValueId(index as u32);
        Val { ty: self.values[index].ty.clone(), id, known: None, parts: None, origin: Origin::Unknown }
    }

    /// The values of a list, starred ones taken apart.
    fn items(&mut self, items: &[Item], span: Span) -> Option<Vec<Val>> {
        let mut vals = Vec::new();
        for item in items {
            match item {
                Item::One(value) => vals.push(self.val(*value)?),
                Item::Star(value) => {
                    let val = self.val(*value)?;
                    let Type::Tuple(parts) = &val.ty else {
                        let name = self.type_name(&val.ty);
                        let error = self.typing("star", span, format!("`*` takes a tuple apart, not {name}"));
                        return self.report_on(error.with_help("build a tuple first"), &[&val]);
                    };
                    vals.extend((0..parts.len()).map(|index| self.field(&val, index)));
                }
            }
        }
        Some(vals)
    }

    /// A compile-time object as a value.
    pub(super) fn object(&mut self, object: &Object, span: Span) -> Option<Val> {
        match object {
            Object::Const(constant) => self.constant(constant, span),
            Object::Other { description } => {
                let error = self
                    .unsupported("unsupported-value", span, format!("compiled code cannot use {description}"))
                    .with_text(format!("`{}` is {description}", self.hir.file.slice(span)))
                    .with_help(value_help(description));
                self.report(error)
            }
            _ => {
                let id = self.session.intern(object.clone(), self.code.owner);
                Some(self.bind(Type::object(id), Op::Const(Const::Unit)))
            }
        }
    }

    fn constant(&mut self, constant: &Constant, span: Span) -> Option<Val> {
        if self.is_exact() {
            self.check_constant(constant, span)?;
        }
        Some(match constant {
            Constant::None => self.none(),
            Constant::Bool(value) => self.bool(*value),
            Constant::Int(value) => {
                let ty = if *value > IntTy::I64.max() { IntTy::U64 } else { IntTy::I64 };
                if *value < ty.min() || *value > ty.max() {
                    let error = self
                        .typing("integer-range", span, "this integer fits neither int64 nor uint64")
                        .with_help("compiled integers have 64 bits");
                    return self.report(error);
                }
                self.int(ty, *value)
            }
            Constant::Float(value) => self.float(&Type::FLOAT64, *value),
            Constant::Complex(real, imag) => {
                let parts = vec![self.float(&Type::FLOAT64, *real), self.float(&Type::FLOAT64, *imag)];
                self.aggregate(Type::COMPLEX128, parts)
            }
            Constant::Typed(ty, inner) => {
                let val = self.constant(inner, span)?;
                return self.convert(&val, ty);
            }
            Constant::Str(_) => {
                let id = self.session.intern(Object::Const(constant.clone()), self.code.owner);
                let known = Some(constant.clone());
                Val { known, ..self.bind(Type::object(id), Op::Const(Const::Unit)) }
            }
            Constant::Tuple(parts) => {
                let parts: Option<Vec<Val>> = parts.iter().map(|part| self.object(part, span)).collect();
                let parts = parts?;
                let ty = Type::tuple(parts.iter().map(|part| part.ty.clone()));
                self.aggregate(ty, parts)
            }
        })
    }

    fn unit_or_aggregate(&mut self, ty: Type, captures: Vec<Val>) -> Val {
        if captures.is_empty() { self.bind(ty, Op::Const(Const::Unit)) } else { self.aggregate(ty, captures) }
    }

    /// What `object.name` is.
    pub(super) fn object_attribute(&self, id: ObjectId, name: &str) -> Option<Object> {
        match self.session.entity(id) {
            Entity::Object(Object::Module { id, .. }) => {
                self.session.host(self.code.owner).attribute(id, name)
            }
            _ => None,
        }
    }

    /// What a compile-time object is, for people.
    pub(super) fn object_name(&self, id: ObjectId) -> String {
        match self.session.entity(id) {
            Entity::Object(Object::Function { name, .. }) => format!("the function `{name}`"),
            Entity::Object(Object::Builtin(name)) => {
                format!("`{}`", name.strip_prefix("builtins.").unwrap_or(&name))
            }
            Entity::Object(Object::Module { name, .. }) => format!("the module `{name}`"),
            Entity::Object(Object::Exception { name, .. }) => format!("the exception `{name}`"),
            Entity::Object(Object::Type(ty)) => format!("the type {ty}"),
            Entity::Object(Object::Const(Constant::Str(_))) => "a string".to_owned(),
            Entity::Object(Object::Const(_)) => "a constant".to_owned(),
            Entity::Object(Object::Other { description }) => description,
            Entity::Nested(function) => format!("the function `{}`", function.qualname),
            Entity::Combiner => "a reduction".to_owned(),
        }
    }
}

/// What to write in place of a value of Python's.
fn value_help(description: &str) -> &'static str {
    if description.contains("`list`") {
        "make it a tuple, whose values the code is specialised for; or pass what is needed as arguments"
    } else if description.contains("ndarray") {
        "arrays are not supported yet: use a tuple, or pass numbers as arguments"
    } else if description.contains("class") {
        "pass the numbers that are needed as arguments; compiled code has no objects of classes"
    } else {
        "use numbers, bools, `None`, tuples of these, and functions"
    }
}
