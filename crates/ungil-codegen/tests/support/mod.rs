//! What the tests share: a builder of typed IR, and calls of what was compiled from it.
#![allow(dead_code, unreachable_pub, reason = "each test binary includes this file and uses its part")]

use std::sync::Arc;

use ungil_codegen::{Code, Options};
use ungil_ir::Type;
use ungil_ir::ir::{
    self, BinaryOp, Block, CompareOp, Const, ForLoop, FuncId, Function, Intrinsic, Label, Module, Op,
    Parallel, RaiseId, Slot, Stmt, StmtKind, ValueId, VarId,
};
use ungil_rt::{Context, Raised};

/// A module of one function, which is its entry.
pub fn module(function: Function) -> Module {
    Module { functions: vec![function], entry: Some(FuncId(0)), ..Module::default() }
}

/// Builds one function; statements go to the innermost open block.
pub struct Builder {
    function: Function,
    open: Vec<Block>,
    n_labels: u32,
}

impl Builder {
    pub fn new(params: &[Type], ret: Type) -> (Self, Vec<ValueId>) {
        let function = Function {
            name: "f".into(),
            params: Vec::new(),
            ret,
            values: Vec::new(),
            vars: Vec::new(),
            body: Vec::new(),
            options: ir::Options::default(),
            file: None,
        };
        let mut builder = Self { function, open: vec![Vec::new()], n_labels: 0 };
        let params: Vec<_> = params.iter().map(|ty| builder.fresh(ty.clone())).collect();
        builder.function.params.clone_from(&params);
        (builder, params)
    }

    pub fn options(mut self, options: ir::Options) -> Self {
        self.function.options = options;
        self
    }

    pub fn finish(mut self) -> Function {
        self.function.body = self.open.pop().expect("the outermost block");
        assert!(self.open.is_empty(), "a block is open");
        self.function
    }

    pub fn fresh(&mut self, ty: Type) -> ValueId {
        self.function.values.push(Slot { ty, name: Arc::from("") });
        ValueId(self.function.values.len() as u32 - 1)
    }

    pub fn var(&mut self, ty: Type) -> VarId {
        self.function.vars.push(Slot { ty, name: Arc::from("v") });
        VarId(self.function.vars.len() as u32 - 1)
    }

    pub fn label(&mut self) -> Label {
        self.n_labels += 1;
        Label(self.n_labels)
    }

    pub fn push(&mut self, kind: StmtKind) {
        let span = ungil_ir::Span::new(0, 0);
        self.open.last_mut().expect("a block is open").push(Stmt { kind, span });
    }

    /// The statements that `fill` builds.
    pub fn block(&mut self, fill: impl FnOnce(&mut Self)) -> Block {
        self.open.push(Vec::new());
        fill(self);
        self.open.pop().expect("just pushed")
    }

    pub fn let_(&mut self, ty: Type, op: Op) -> ValueId {
        let value = self.fresh(ty);
        self.push(StmtKind::Let(value, op));
        value
    }

    pub fn int(&mut self, value: i64) -> ValueId {
        self.let_(Type::INT64, Op::Const(Const::Int(value.into())))
    }

    pub fn float(&mut self, value: f64) -> ValueId {
        self.let_(Type::FLOAT64, Op::Const(Const::Float(value)))
    }

    pub fn ty(&self, value: ValueId) -> Type {
        self.function.values[value.0 as usize].ty.clone()
    }

    pub fn binary(&mut self, op: BinaryOp, a: ValueId, b: ValueId) -> ValueId {
        let ty = self.ty(a);
        self.let_(ty, Op::Binary(op, a, b))
    }

    pub fn compare(&mut self, op: CompareOp, a: ValueId, b: ValueId) -> ValueId {
        self.let_(Type::Bool, Op::Compare(op, a, b))
    }

    pub fn intrinsic(&mut self, intrinsic: Intrinsic, ty: Type, args: &[ValueId]) -> ValueId {
        self.let_(ty, Op::Intrinsic(intrinsic, args.to_vec()))
    }

    pub fn get(&mut self, var: VarId) -> ValueId {
        let ty = self.function.vars[var.0 as usize].ty.clone();
        self.let_(ty, Op::Get(var))
    }

    pub fn set(&mut self, var: VarId, value: ValueId) {
        self.push(StmtKind::Set(var, value));
    }

    pub fn if_(&mut self, cond: ValueId, then: impl FnOnce(&mut Self), otherwise: impl FnOnce(&mut Self)) {
        let then = self.block(then);
        let otherwise = self.block(otherwise);
        self.push(StmtKind::If { cond, then, otherwise });
    }

    pub fn for_(
        &mut self,
        len: ValueId,
        parallel: Option<Parallel>,
        fill: impl FnOnce(&mut Self, ValueId, Label),
    ) {
        let index = self.fresh(Type::INT64);
        let label = self.label();
        let body = self.block(|b| fill(b, index, label));
        self.push(StmtKind::For(ForLoop { label, index, len, body, parallel }));
    }

    pub fn loop_(&mut self, fill: impl FnOnce(&mut Self, Label)) {
        let label = self.label();
        let body = self.block(|b| fill(b, label));
        self.push(StmtKind::Loop { label, body });
    }

    pub fn return_(&mut self, value: ValueId) {
        self.push(StmtKind::Return(value));
    }

    pub fn raise(&mut self, id: u32) {
        self.push(StmtKind::Raise(RaiseId(id)));
    }
}

/// Compiles at the default level.
pub fn compile(module: &Module) -> Code {
    ungil_codegen::compile(module, &Options::default()).unwrap_or_else(|error| panic!("{error}"))
}

/// Calls `code` with arguments and result laid out as `#[repr(C)]` structs.
///
/// # Safety
///
/// `A` and `R` are laid out as the parameters and the result of the compiled function.
pub unsafe fn call<A, R: Default>(code: &Code, args: &A) -> Result<R, Raised> {
    let mut ctx = Context::new(std::ptr::null());
    let mut ret = R::default();
    // SAFETY: the caller answers for the layouts; the context is new.
    let status = unsafe { (code.entry())(&raw mut ctx, (&raw const *args).cast(), (&raw mut ret).cast()) };
    match status {
        0 => Ok(ret),
        _ => Err(ctx.take_error().expect("an error was reported")),
    }
}
