//! Binding operations to values.

use std::rc::Rc;
use std::sync::Arc;

use ungil_ir::ir::{self, BinaryOp, CompareOp, Const, Intrinsic, Op, StmtKind, UnaryOp};
use ungil_ir::{IntTy, Type};

use super::origin::Origin;
use super::{Emitter, Val};
use crate::host::Constant;

impl Emitter<'_, '_> {
    /// A new value of that type, not yet bound.
    pub(super) fn fresh(&mut self, ty: Type, name: &Arc<str>) -> ir::ValueId {
        let id = ir::ValueId(self.values.len() as u32);
        self.values.push(ir::Slot { ty, name: Arc::clone(name) });
        id
    }

    /// Appends a statement.
    pub(super) fn push(&mut self, kind: StmtKind) {
        self.block.push(ir::Stmt { kind, span: self.span });
    }

    /// Binds `op`, of type `ty`.
    pub(super) fn bind(&mut self, ty: Type, op: Op) -> Val {
        let id = self.fresh(ty.clone(), &Arc::from(""));
        self.push(StmtKind::Let(id, op));
        Val { ty, id, known: None, parts: None, origin: Origin::Unknown }
    }

    pub(super) fn none(&mut self) -> Val {
        let known = Some(Constant::None);
        Val { known, ..self.bind(Type::None, Op::Const(Const::Unit)) }
    }

    pub(super) fn bool(&mut self, value: bool) -> Val {
        let known = Some(Constant::Bool(value));
        Val { known, ..self.bind(Type::Bool, Op::Const(Const::Bool(value))) }
    }

    pub(super) fn int(&mut self, ty: IntTy, value: i128) -> Val {
        let value = ty.wrap(value);
        let known = Some(Constant::Int(value));
        Val { known, ..self.bind(Type::Int(ty), Op::Const(Const::Int(value))) }
    }

    pub(super) fn i64(&mut self, value: i128) -> Val {
        self.int(IntTy::I64, value)
    }

    pub(super) fn float(&mut self, ty: &Type, value: f64) -> Val {
        let known = Some(Constant::Float(value));
        Val { known, ..self.bind(ty.clone(), Op::Const(Const::Float(value))) }
    }

    pub(super) fn unary(&mut self, op: UnaryOp, a: &Val) -> Val {
        self.bind(a.ty.clone(), Op::Unary(op, a.id))
    }

    /// Both operands have one type, the result's.
    pub(super) fn op2(&mut self, op: BinaryOp, a: &Val, b: &Val) -> Val {
        self.bind(a.ty.clone(), Op::Binary(op, a.id, b.id))
    }

    /// Both operands have one scalar type.
    pub(super) fn cmp(&mut self, op: CompareOp, a: &Val, b: &Val) -> Val {
        self.bind(Type::Bool, Op::Compare(op, a.id, b.id))
    }

    /// `a` and `b` have one type.
    pub(super) fn choose(&mut self, cond: &Val, a: &Val, b: &Val) -> Val {
        self.bind(a.ty.clone(), Op::Select(cond.id, a.id, b.id))
    }

    pub(super) fn intrinsic(&mut self, ty: Type, intrinsic: Intrinsic, args: &[&Val]) -> Val {
        self.bind(ty, Op::Intrinsic(intrinsic, args.iter().map(|arg| arg.id).collect()))
    }

    /// An aggregate of the type from its fields, which have the types that it says.
    pub(super) fn aggregate(&mut self, ty: Type, parts: Vec<Val>) -> Val {
        let op = Op::Aggregate(parts.iter().map(|part| part.id).collect());
        Val { parts: Some(Rc::from(parts)), ..self.bind(ty, op) }
    }

    /// A field of an aggregate.
    pub(super) fn field(&mut self, aggregate: &Val, index: usize) -> Val {
        if let Some(parts) = &aggregate.parts {
            return parts[index].clone();
        }
        let ty = aggregate.ty.fields()[index].clone();
        self.bind(ty, Op::Field(aggregate.id, index as u32))
    }

    /// Emits into a block of its own.
    pub(super) fn nested<T>(&mut self, emit: impl FnOnce(&mut Self) -> T) -> (ir::Block, T) {
        let outer = std::mem::take(&mut self.block);
        let result = emit(self);
        (std::mem::replace(&mut self.block, outer), result)
    }

    /// The same condition, as a guard: what it guards must be rare, and what follows safe even where it holds.
    ///
    /// A known condition stays what it is.
    pub(super) fn unlikely(&mut self, cond: &Val) -> Val {
        if cond.known_bool().is_some() {
            return cond.clone();
        }
        self.intrinsic(Type::Bool, Intrinsic::Unlikely, &[cond])
    }

    /// Raises one of Python's exceptions with a message if `cond` holds.
    pub(super) fn raise_if(&mut self, cond: &Val, class: &str, message: &str) {
        if cond.known_bool() == Some(false) {
            return;
        }
        let site = self.session.site(&self.code, self.span);
        let raise = ir::Raise {
            class: ir::ExceptionClass::Builtin(class.into()),
            args: vec![ir::RaiseArg::Str(message.into())],
            site,
        };
        let id = self.session.raise(raise);
        let (then, ()) = self.nested(|this| this.push(StmtKind::Raise(id)));
        self.push(StmtKind::If { cond: cond.id, then, otherwise: Vec::new() });
    }
}
