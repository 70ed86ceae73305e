//! Good modules pass; each rule, broken, is named.

use super::samples::{self, bind, function, module, param, stmt, value, var};
use super::verify;
use crate::ir::{
    BinaryOp, Block, CompareOp, Const, ForLoop, FuncId, Function, Intrinsic, Label, Module, Op, Parallel,
    PrintId, RaiseId, Reduction, SiteId, StmtKind, ValueId, VarId,
};
use crate::ty::Type;

/// That exactly these violations are found; each is a part of its message.
fn check(module: &Module, expected: &[&str]) {
    let errors = verify(module).err().unwrap_or_default();
    assert_eq!(errors.len(), expected.len(), "{errors:#?}\n{module}");
    for (error, expected) in errors.iter().zip(expected) {
        assert!(error.contains(expected), "{error:?} lacks {expected:?}");
    }
}

/// A function of an `int64` that returns it after `build` has added statements.
fn with(build: impl FnOnce(&mut Function, &mut Block, ValueId)) -> Module {
    let mut f = function("f", Type::INT64);
    let x = param(&mut f, Type::INT64, "x");
    let mut body = Block::new();
    build(&mut f, &mut body, x);
    body.push(stmt(StmtKind::Return(x)));
    f.body = body;
    module(f)
}

/// That binding `op(x)` of the `int64` parameter as a `ty` is refused so.
fn check_op(ty: Type, op: impl FnOnce(ValueId) -> Op, expected: &str) {
    let built = with(|f, body, x| {
        bind(f, body, ty, op(x));
    });
    check(&built, &[expected]);
}

fn truth(f: &mut Function, body: &mut Block) -> ValueId {
    bind(f, body, Type::Bool, Op::Const(Const::Bool(true)))
}

#[test]
fn good_modules_pass() {
    check(&Module::default(), &[]);
    check(&samples::integrate(), &[]);
    check(&samples::search(), &[]);
}

#[test]
fn a_message_quotes_function_and_statement() {
    let built = with(|f, body, x| {
        bind(f, body, Type::FLOAT64, Op::Binary(BinaryOp::Add, x, x));
    });
    check(&built, &["in `f`: `%1: float64 = add %0, %0`: float64 stands where int64 belongs"]);
}

#[test]
fn operations_are_typed() {
    check_op(Type::INT64, |_| Op::Const(Const::Float(1.0)), "not a constant of type int64");
    check_op(Type::int(8), |_| Op::Const(Const::Int(128)), "not a constant of type int8");
    check_op(Type::tuple([Type::None]), |_| Op::Const(Const::Unit), "not a constant");
    check_op(Type::INT64, |x| Op::Unary(crate::ir::UnaryOp::Not, x), "not one on int64");
    check_op(Type::INT64, |x| Op::Binary(BinaryOp::Div, x, x), "not one on int64");
    check_op(Type::INT64, |x| Op::Compare(CompareOp::Lt, x, x), "int64 stands where bool belongs");
    check_op(Type::Bool, Op::Cast, "not one on bool");
    check_op(Type::INT64, |x| Op::Select(x, x, x), "int64 stands where bool belongs");
    check_op(Type::tuple([Type::INT64]), |x| Op::Aggregate(vec![x, x]), "2 operands where 1 belong");
    check_op(Type::INT64, |x| Op::Aggregate(vec![x]), "not one on int64");
    check_op(Type::INT64, |x| Op::Field(x, 0), "int64 has no field 0");
    check_op(Type::INT64, |x| Op::Element { tuple: x, index: x }, "not a tuple");
    check_op(Type::INT64, |x| Op::Intrinsic(Intrinsic::Sqrt, vec![x]), "not one on int64");
    check_op(Type::FLOAT32, |x| Op::Intrinsic(Intrinsic::FromBits, vec![x]), "of one width");
    check_op(Type::INT64, |_| Op::Intrinsic(Intrinsic::PopCount, vec![]), "0 operands where 1 belong");
    check_op(Type::FLOAT64, |x| Op::Libm("erf".into(), vec![x]), "int64 stands where float64 belongs");
    check_op(Type::FLOAT32, |_| Op::Libm("sin".into(), vec![]), "not a function on float32");
}

#[test]
fn calls_and_tables_are_checked() {
    let call = |func, site| move |x| Op::Call { func: FuncId(func), args: vec![x], site };
    check_op(Type::INT64, call(1, None), "@1 is not in the module");
    check_op(Type::INT64, call(0, Some(SiteId(0))), "no such site");
    check_op(Type::FLOAT64, call(0, None), "float64 stands where int64 belongs");
    check_op(Type::INT64, |_| Op::Call { func: FuncId(0), args: vec![], site: None }, "0 operands");
    check_op(Type::None, |x| Op::Print(PrintId(0), vec![x]), "no such entry");
    check(&with(|_, body, _| body.push(stmt(StmtKind::Raise(RaiseId(0))))), &["no such entry"]);
    let mut entry = samples::search();
    entry.entry = Some(FuncId(1));
    check(&entry, &["the entry @1 is not in the module"]);
    let mut site = samples::integrate();
    site.raises[0].site = Some(SiteId(7));
    check(&site, &["raise 0 names a site"]);
}

#[test]
fn values_are_bound_once_and_seen_in_their_block() {
    check_op(
        Type::INT64,
        |_| Op::Unary(crate::ir::UnaryOp::Neg, ValueId(9)),
        "%9 is not in the function's table",
    );
    check_op(Type::INT64, |_| Op::Unary(crate::ir::UnaryOp::Neg, ValueId(1)), "%1 is not visible here");
    let twice = with(|_, body, x| body.push(stmt(StmtKind::Let(x, Op::Const(Const::Int(0))))));
    check(&twice, &["%0 is bound twice"]);
    let inner = with(|f, body, x| {
        let cond = truth(f, body);
        let mut then = Block::new();
        let hidden = bind(f, &mut then, Type::INT64, Op::Unary(crate::ir::UnaryOp::Neg, x));
        body.push(stmt(StmtKind::If { cond, then, otherwise: Block::new() }));
        bind(f, body, Type::INT64, Op::Unary(crate::ir::UnaryOp::Neg, hidden));
    });
    check(&inner, &["%2 is not visible here"]);
}

#[test]
fn variables_are_set_on_every_path_before_they_are_read() {
    let one_way = with(|f, body, x| {
        let v = var(f, Type::INT64, "v");
        let cond = truth(f, body);
        body.push(stmt(StmtKind::If {
            cond,
            then: vec![stmt(StmtKind::Set(v, x))],
            otherwise: Block::new(),
        }));
        bind(f, body, Type::INT64, Op::Get(v));
    });
    check(&one_way, &["$0 may not be set yet"]);
    let other_returns = with(|f, body, x| {
        let v = var(f, Type::INT64, "v");
        let cond = truth(f, body);
        body.push(stmt(StmtKind::If {
            cond,
            then: vec![stmt(StmtKind::Set(v, x))],
            otherwise: vec![stmt(StmtKind::Return(x))],
        }));
        bind(f, body, Type::INT64, Op::Get(v));
    });
    check(&other_returns, &[]);
    let in_loop = with(|f, body, x| {
        let v = var(f, Type::INT64, "v");
        let index = value(f, Type::INT64, "i");
        let turn = vec![stmt(StmtKind::Set(v, x))];
        body.push(stmt(StmtKind::For(ForLoop {
            label: Label(0),
            index,
            len: x,
            body: turn,
            parallel: None,
        })));
        bind(f, body, Type::INT64, Op::Get(v));
    });
    check(&in_loop, &["$0 may not be set yet"]);
    let wrong_type = with(|f, body, x| {
        let v = var(f, Type::FLOAT64, "v");
        body.push(stmt(StmtKind::Set(v, x)));
        body.push(stmt(StmtKind::Set(VarId(1), x)));
    });
    check(&wrong_type, &["$0 is of type float64, %0 of type int64", "$1 is not in the function's table"]);
}

#[test]
fn jumps_find_their_labels_and_no_path_falls_off_the_end() {
    check(&with(|_, body, _| body.push(stmt(StmtKind::Break(Label(0))))), &["no such block or loop"]);
    let block = |inner| stmt(StmtKind::Block { label: Label(0), body: inner });
    check(&with(|_, body, _| body.push(block(vec![stmt(StmtKind::Continue(Label(0)))]))), &["no next turn"]);
    check(&with(|_, body, _| body.push(block(vec![block(vec![])]))), &["L0 names two"]);
    let mut falls = samples::search();
    falls.functions[0].body.pop();
    check(&falls, &["a path reaches the end of the body"]);
    let mut spins = function("spins", Type::None);
    spins.body.push(stmt(StmtKind::Loop { label: Label(0), body: Block::new() }));
    check(&module(spins), &[]);
}

/// A parallel loop over `x` turns, in which `build` adds statements.
fn parallel(
    body: &mut Block,
    f: &mut Function,
    x: ValueId,
    parallel: Parallel,
    build: impl FnOnce(&mut Function, &mut Block, ValueId),
) {
    let index = value(f, Type::INT64, "i");
    let mut turn = Block::new();
    build(f, &mut turn, index);
    let parallel = Some(parallel);
    body.push(stmt(StmtKind::For(ForLoop { label: Label(0), index, len: x, body: turn, parallel })));
}

#[test]
fn parallel_loops_are_not_left() {
    let returns = with(|f, body, x| {
        parallel(body, f, x, Parallel::default(), |_, turn, i| turn.push(stmt(StmtKind::Return(i))));
    });
    check(&returns, &["a return leaves a parallel loop"]);
    let breaks = with(|f, body, x| {
        parallel(body, f, x, Parallel::default(), |_, turn, _| turn.push(stmt(StmtKind::Break(Label(0)))));
    });
    check(&breaks, &["leaves a parallel loop"]);
    let goes_on = with(|f, body, x| {
        parallel(body, f, x, Parallel::default(), |_, turn, _| turn.push(stmt(StmtKind::Continue(Label(0)))));
    });
    check(&goes_on, &[]);
}

#[test]
fn what_a_parallel_loop_sets_is_private_or_handed_back() {
    let set_outside = |last: Vec<VarId>| {
        with(|f, body, x| {
            let v = var(f, Type::INT64, "v");
            body.push(stmt(StmtKind::Set(v, x)));
            parallel(body, f, x, Parallel { reductions: vec![], last }, |_, turn, i| {
                turn.push(stmt(StmtKind::Set(v, i)));
            });
            bind(f, body, Type::INT64, Op::Get(v));
        })
    };
    check(&set_outside(vec![]), &["$0 is set in the body, appears outside"]);
    check(&set_outside(vec![VarId(0)]), &[]);
    check(&set_outside(vec![VarId(0), VarId(0)]), &["$0 is handed back twice"]);
    let private = with(|f, body, x| {
        let v = var(f, Type::INT64, "v");
        parallel(body, f, x, Parallel::default(), |f, turn, i| {
            turn.push(stmt(StmtKind::Set(v, i)));
            bind(f, turn, Type::INT64, Op::Get(v));
        });
    });
    check(&private, &[]);
    let read_first = with(|f, body, x| {
        let v = var(f, Type::INT64, "v");
        body.push(stmt(StmtKind::Set(v, x)));
        parallel(body, f, x, Parallel { reductions: vec![], last: vec![v] }, |f, turn, i| {
            bind(f, turn, Type::INT64, Op::Get(v));
            turn.push(stmt(StmtKind::Set(v, i)));
        });
    });
    check(&read_first, &["$0 may not be set yet"]);
    let not_always = with(|f, body, x| {
        let v = var(f, Type::INT64, "v");
        let cond = truth(f, body);
        parallel(body, f, x, Parallel { reductions: vec![], last: vec![v] }, |_, turn, i| {
            let then = vec![stmt(StmtKind::Continue(Label(0)))];
            turn.push(stmt(StmtKind::If { cond, then, otherwise: Block::new() }));
            turn.push(stmt(StmtKind::Set(v, i)));
        });
    });
    check(&not_always, &["a turn may end without setting $0"]);
}

#[test]
fn reductions_combine_their_type_without_effects() {
    let mut raises = samples::integrate();
    raises.functions[1].body = vec![stmt(StmtKind::Raise(RaiseId(0)))];
    check(&raises, &["@1 combines $0 and may raise or print"]);
    let mut wrong = samples::integrate();
    let Some(for_loop) = wrong.functions[0].body.iter_mut().find_map(|stmt| match &mut stmt.kind {
        StmtKind::For(for_loop) => Some(for_loop),
        _ => None,
    }) else {
        panic!("the sample has a loop")
    };
    let parallel = for_loop.parallel.as_mut().expect("the loop is parallel");
    parallel.reductions = vec![Reduction { var: VarId(0), identity: ValueId(0), combine: FuncId(0) }];
    check(&wrong, &["%0 is of type int64, not float64", "@0 does not combine two values of type float64"]);
}
