//! Modules for tests, and the small builder that makes them.

use crate::diagnostic::Span;
use crate::ir::{
    BinaryOp, Block, CompareOp, Const, ExceptionClass, FastMath, ForLoop, FuncId, Function, Inline, Label,
    Module, Op, Options, Parallel, Print, PrintId, PrintPart, Raise, RaiseArg, RaiseId, Reduction, Site,
    SiteId, Slot, Stmt, StmtKind, ValueId, VarId,
};
use crate::ty::Type;

/// A function without parameters, variables or body.
pub(crate) fn function(name: &str, ret: Type) -> Function {
    Function {
        name: name.to_owned(),
        params: Vec::new(),
        ret,
        values: Vec::new(),
        vars: Vec::new(),
        body: Block::new(),
        options: Options::default(),
        file: None,
    }
}

/// A new value of the function.
pub(crate) fn value(function: &mut Function, ty: Type, name: &str) -> ValueId {
    function.values.push(Slot { ty, name: name.into() });
    ValueId(function.values.len() as u32 - 1)
}

/// A new parameter of the function.
pub(crate) fn param(function: &mut Function, ty: Type, name: &str) -> ValueId {
    let param = value(function, ty, name);
    function.params.push(param);
    param
}

/// A new variable of the function.
pub(crate) fn var(function: &mut Function, ty: Type, name: &str) -> VarId {
    function.vars.push(Slot { ty, name: name.into() });
    VarId(function.vars.len() as u32 - 1)
}

/// A statement from nowhere.
pub(crate) fn stmt(kind: StmtKind) -> Stmt {
    Stmt { kind, span: Span::default() }
}

/// Appends `value: ty = op` to the block.
pub(crate) fn bind(function: &mut Function, block: &mut Block, ty: Type, op: Op) -> ValueId {
    let bound = value(function, ty, "");
    block.push(stmt(StmtKind::Let(bound, op)));
    bound
}

/// A module of one function.
pub(crate) fn module(function: Function) -> Module {
    Module { functions: vec![function], ..Module::default() }
}

/// A parallel sum that raises and prints.
pub(crate) fn integrate() -> Module {
    let mut f = function("integrate", Type::FLOAT64);
    f.options.fastmath = FastMath { nnan: true, contract: true, ..FastMath::default() };
    let n = param(&mut f, Type::INT64, "n");
    let acc = var(&mut f, Type::FLOAT64, "acc");
    let x = var(&mut f, Type::FLOAT64, "");
    let mut body = Block::new();
    let start = bind(&mut f, &mut body, Type::FLOAT64, Op::Const(Const::Float(0.0)));
    let identity = bind(&mut f, &mut body, Type::FLOAT64, Op::Const(Const::Float(-0.0)));
    let none = bind(&mut f, &mut body, Type::INT64, Op::Const(Const::Int(0)));
    let negative = bind(&mut f, &mut body, Type::Bool, Op::Compare(CompareOp::Lt, n, none));
    body.push(stmt(StmtKind::If {
        cond: negative,
        then: vec![stmt(StmtKind::Raise(RaiseId(0)))],
        otherwise: Block::new(),
    }));
    body.push(stmt(StmtKind::Set(acc, start)));
    let index = value(&mut f, Type::INT64, "i");
    let mut turn = Block::new();
    let term = bind(&mut f, &mut turn, Type::FLOAT64, Op::Cast(index));
    turn.push(stmt(StmtKind::Set(x, term)));
    let old = bind(&mut f, &mut turn, Type::FLOAT64, Op::Get(acc));
    let call = Op::Call { func: FuncId(1), args: vec![old, term], site: Some(SiteId(0)) };
    let new = bind(&mut f, &mut turn, Type::FLOAT64, call);
    turn.push(stmt(StmtKind::Set(acc, new)));
    let reductions = vec![Reduction { var: acc, identity, combine: FuncId(1) }];
    body.push(stmt(StmtKind::For(ForLoop {
        label: Label(0),
        index,
        len: n,
        body: turn,
        parallel: Some(Parallel { reductions, last: vec![x] }),
    })));
    let sum = bind(&mut f, &mut body, Type::FLOAT64, Op::Get(acc));
    bind(&mut f, &mut body, Type::None, Op::Print(PrintId(0), vec![sum]));
    body.push(stmt(StmtKind::Return(sum)));
    f.body = body;
    Module {
        functions: vec![f, add()],
        entry: Some(FuncId(0)),
        raises: vec![Raise {
            class: ExceptionClass::Builtin("ZeroDivisionError".into()),
            args: vec![RaiseArg::Str("division by zero".into())],
            site: Some(SiteId(0)),
        }],
        prints: vec![Print {
            parts: vec![PrintPart::Text("acc".into()), PrintPart::Value(Type::FLOAT64)],
            sep: " ".into(),
            end: "\n".into(),
        }],
        sites: vec![Site { function: "integrate".into(), file: "a.py".into(), line: 3 }],
    }
}

fn add() -> Function {
    let mut f = function("add", Type::FLOAT64);
    f.options.inline = Inline::Always;
    let a = param(&mut f, Type::FLOAT64, "");
    let b = param(&mut f, Type::FLOAT64, "");
    let mut body = Block::new();
    let sum = bind(&mut f, &mut body, Type::FLOAT64, Op::Binary(BinaryOp::Add, a, b));
    body.push(stmt(StmtKind::Return(sum)));
    f.body = body;
    f
}

/// A loop in a block, left and gone on with.
pub(crate) fn search() -> Module {
    let mut f = function("search", Type::INT64);
    let x = param(&mut f, Type::INT64, "");
    let at = var(&mut f, Type::INT64, "");
    let mut turn = Block::new();
    let now = bind(&mut f, &mut turn, Type::INT64, Op::Get(at));
    let found = bind(&mut f, &mut turn, Type::Bool, Op::Compare(CompareOp::Eq, now, x));
    turn.push(stmt(StmtKind::If {
        cond: found,
        then: vec![stmt(StmtKind::Break(Label(0)))],
        otherwise: vec![stmt(StmtKind::Continue(Label(1)))],
    }));
    let mut body = vec![
        stmt(StmtKind::Set(at, x)),
        stmt(StmtKind::Block {
            label: Label(0),
            body: vec![stmt(StmtKind::Loop { label: Label(1), body: turn })],
        }),
    ];
    let cond = bind(&mut f, &mut body, Type::Bool, Op::Const(Const::Bool(true)));
    body.push(stmt(StmtKind::If { cond, then: Block::new(), otherwise: Block::new() }));
    body.push(stmt(StmtKind::Return(x)));
    f.body = body;
    module(f)
}
