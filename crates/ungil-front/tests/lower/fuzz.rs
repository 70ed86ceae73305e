//! Random programs: lowering and simplifying keep their meaning, and no text makes them panic.

use std::fmt::Write;
use std::sync::Arc;

use proptest::prelude::*;
use ungil_front::host::{BodyRange, Definition, Host};
use ungil_front::program::Program;
use ungil_front::simplify::simplify;
use ungil_ir::SourceFile;

use crate::interpreter::{End, Run, run};
use crate::support::{attempt, lowered};
use crate::wellformed;

const NAMES: [&str; 4] = ["a", "b", "c", "d"];
const TURNS: u32 = 60;

#[derive(Clone, Debug)]
enum Expr {
    Name(usize),
    Int(i64),
    Add(Box<Expr>, Box<Expr>),
    /// `a < b`, or a chain of three.
    Less(Vec<Expr>),
    And(Vec<Expr>),
    Or(Vec<Expr>),
    Not(Box<Expr>),
    If(Box<[Expr; 3]>),
    Walrus(usize, Box<Expr>),
}

#[derive(Clone, Debug)]
enum Stmt {
    Assign(usize, Expr),
    Augment(usize, Expr),
    Print(Expr),
    Delete(usize),
    Assert(Expr),
    If(Expr, Vec<Stmt>, Vec<Stmt>),
    While(Expr, Vec<Stmt>, Vec<Stmt>),
    For(usize, Expr, Vec<Stmt>, Vec<Stmt>),
    Break,
    Continue,
    Return(Expr),
}

fn expr() -> impl Strategy<Value = Expr> {
    let leaf = prop_oneof![(0..NAMES.len()).prop_map(Expr::Name), (0..4_i64).prop_map(Expr::Int)];
    leaf.prop_recursive(3, 12, 3, |inner| {
        let list = || prop::collection::vec(inner.clone(), 2..4);
        prop_oneof![
            (inner.clone(), inner.clone()).prop_map(|(a, b)| Expr::Add(a.into(), b.into())),
            list().prop_map(Expr::Less),
            list().prop_map(Expr::And),
            list().prop_map(Expr::Or),
            inner.clone().prop_map(|a| Expr::Not(a.into())),
            [inner.clone(), inner.clone(), inner.clone()].prop_map(|all| Expr::If(all.into())),
            (0..NAMES.len(), inner).prop_map(|(name, a)| Expr::Walrus(name, a.into())),
        ]
    })
}

fn stmts() -> impl Strategy<Value = Vec<Stmt>> {
    let name = || 0..NAMES.len();
    let leaf = prop_oneof![
        4 => (name(), expr()).prop_map(|(name, value)| Stmt::Assign(name, value)),
        2 => (name(), expr()).prop_map(|(name, value)| Stmt::Augment(name, value)),
        3 => expr().prop_map(Stmt::Print),
        1 => name().prop_map(Stmt::Delete),
        1 => expr().prop_map(Stmt::Assert),
        2 => Just(Stmt::Break),
        2 => Just(Stmt::Continue),
        1 => expr().prop_map(Stmt::Return),
    ];
    let block = |inner| prop::collection::vec(inner, 0..4);
    let stmt = leaf.prop_recursive(4, 24, 4, move |inner| {
        prop_oneof![
            (expr(), block(inner.clone()), block(inner.clone()))
                .prop_map(|(test, a, b)| Stmt::If(test, a, b)),
            (expr(), block(inner.clone()), block(inner.clone()))
                .prop_map(|(test, a, b)| Stmt::While(test, a, b)),
            (0..NAMES.len(), expr(), block(inner.clone()), block(inner))
                .prop_map(|(name, count, a, b)| Stmt::For(name, count, a, b)),
        ]
    });
    prop::collection::vec(stmt, 1..6)
}

/// The program as Python's source; jumps outside of loops are left out.
fn source(stmts: &[Stmt]) -> String {
    let mut text = String::from("def f(a, b):\n    if 0: c = d = 0\n");
    write_block(&mut text, stmts, 1, false);
    text
}

fn write_block(text: &mut String, stmts: &[Stmt], depth: usize, looping: bool) {
    let indent = "    ".repeat(depth);
    let line =
        |text: &mut String, content: String| writeln!(text, "{indent}{content}").expect("strings grow");
    line(text, "pass".to_owned());
    for stmt in stmts {
        match stmt {
            Stmt::Assign(name, value) => line(text, format!("{} = {}", NAMES[*name], show(value))),
            Stmt::Augment(name, value) => line(text, format!("{} += {}", NAMES[*name], show(value))),
            Stmt::Print(value) => line(text, format!("print({})", show(value))),
            Stmt::Delete(name) => line(text, format!("del {}", NAMES[*name])),
            Stmt::Assert(value) => line(text, format!("assert {}", show(value))),
            Stmt::Break if looping => line(text, "break".to_owned()),
            Stmt::Continue if looping => line(text, "continue".to_owned()),
            Stmt::Break | Stmt::Continue => {}
            Stmt::Return(value) => line(text, format!("return {}", show(value))),
            Stmt::If(test, then, otherwise) => {
                line(text, format!("if {}:", show(test)));
                write_block(text, then, depth + 1, looping);
                line(text, "else:".to_owned());
                write_block(text, otherwise, depth + 1, looping);
            }
            Stmt::While(test, body, otherwise) => {
                line(text, format!("while {}:", show(test)));
                write_block(text, body, depth + 1, true);
                line(text, "else:".to_owned());
                write_block(text, otherwise, depth + 1, looping);
            }
            Stmt::For(name, count, body, otherwise) => {
                line(text, format!("for {} in range({}):", NAMES[*name], show(count)));
                write_block(text, body, depth + 1, true);
                line(text, "else:".to_owned());
                write_block(text, otherwise, depth + 1, looping);
            }
        }
    }
}

fn show(expr: &Expr) -> String {
    let join =
        |parts: &[Expr], by: &str| format!("({})", parts.iter().map(show).collect::<Vec<_>>().join(by));
    match expr {
        Expr::Name(name) => NAMES[*name].to_owned(),
        Expr::Int(value) => value.to_string(),
        Expr::Add(a, b) => format!("({} + {})", show(a), show(b)),
        Expr::Less(parts) => join(parts, " < "),
        Expr::And(parts) => join(parts, " and "),
        Expr::Or(parts) => join(parts, " or "),
        Expr::Not(a) => format!("(not {})", show(a)),
        Expr::If(all) => format!("({} if {} else {})", show(&all[1]), show(&all[0]), show(&all[2])),
        Expr::Walrus(name, a) => format!("({} := {})", NAMES[*name], show(a)),
    }
}

/// What Python does with the program.
struct Oracle {
    names: [Option<i64>; 4],
    printed: Vec<i64>,
    turns: u32,
}

enum Leave {
    Break,
    Continue,
    End(End),
}

impl Oracle {
    fn run(stmts: &[Stmt], args: [i64; 2]) -> Run {
        let names = [Some(args[0]), Some(args[1]), None, None];
        let mut oracle = Self { names, printed: Vec::new(), turns: TURNS };
        let end = match oracle.block(stmts, false) {
            Ok(()) => End::Returned(None),
            Err(Leave::End(end)) => end,
            Err(Leave::Break | Leave::Continue) => unreachable!("jumps outside of loops are left out"),
        };
        Run { printed: oracle.printed, end }
    }

    fn block(&mut self, stmts: &[Stmt], looping: bool) -> Result<(), Leave> {
        for stmt in stmts {
            match stmt {
                Stmt::Assign(name, value) => self.names[*name] = Some(self.eval(value)?),
                Stmt::Augment(name, value) => {
                    let old = self.name(*name)?;
                    self.names[*name] = Some(old.wrapping_add(self.eval(value)?));
                }
                Stmt::Print(value) => {
                    let value = self.eval(value)?;
                    self.printed.push(value);
                }
                Stmt::Delete(name) => {
                    self.name(*name)?;
                    self.names[*name] = None;
                }
                Stmt::Assert(value) => {
                    if self.eval(value)? == 0 {
                        return Err(Leave::End(End::Failed));
                    }
                }
                Stmt::If(test, then, otherwise) => {
                    let taken = if self.eval(test)? != 0 { then } else { otherwise };
                    self.block(taken, looping)?;
                }
                Stmt::While(test, body, otherwise) => self.while_loop(test, body, otherwise, looping)?,
                Stmt::For(name, count, body, otherwise) => {
                    let count = self.eval(count)?;
                    let mut broken = false;
                    for element in 0..count {
                        self.turn()?;
                        self.names[*name] = Some(element);
                        if self.broken(body)? {
                            broken = true;
                            break;
                        }
                    }
                    if !broken {
                        self.block(otherwise, looping)?;
                    }
                }
                Stmt::Break if looping => return Err(Leave::Break),
                Stmt::Continue if looping => return Err(Leave::Continue),
                Stmt::Break | Stmt::Continue => {}
                Stmt::Return(value) => {
                    let value = self.eval(value)?;
                    return Err(Leave::End(End::Returned(Some(value))));
                }
            }
        }
        Ok(())
    }

    fn while_loop(
        &mut self,
        test: &Expr,
        body: &[Stmt],
        otherwise: &[Stmt],
        looping: bool,
    ) -> Result<(), Leave> {
        if literal(test) == Some(false) {
            return self.block(otherwise, looping);
        }
        loop {
            self.turn()?;
            if self.eval(test)? == 0 {
                break;
            }
            if self.broken(body)? {
                return Ok(());
            }
        }
        self.block(otherwise, looping)
    }

    fn broken(&mut self, body: &[Stmt]) -> Result<bool, Leave> {
        match self.block(body, true) {
            Ok(()) | Err(Leave::Continue) => Ok(false),
            Err(Leave::Break) => Ok(true),
            Err(end) => Err(end),
        }
    }

    fn turn(&mut self) -> Result<(), Leave> {
        self.turns = self.turns.checked_sub(1).ok_or(Leave::End(End::Stopped))?;
        Ok(())
    }

    fn name(&self, name: usize) -> Result<i64, Leave> {
        self.names[name].ok_or_else(|| Leave::End(End::Unbound(NAMES[name].to_owned())))
    }

    fn eval(&mut self, expr: &Expr) -> Result<i64, Leave> {
        Ok(match expr {
            Expr::Name(name) => self.name(*name)?,
            Expr::Int(value) => *value,
            Expr::Add(a, b) => self.eval(a)?.wrapping_add(self.eval(b)?),
            Expr::Less(parts) => {
                let mut left = self.eval(&parts[0])?;
                for part in &parts[1..] {
                    let right = self.eval(part)?;
                    if left >= right {
                        return Ok(0);
                    }
                    left = right;
                }
                1
            }
            Expr::And(parts) => self.until(parts, |value| value == 0)?,
            Expr::Or(parts) => self.until(parts, |value| value != 0)?,
            Expr::Not(a) => i64::from(self.eval(a)? == 0),
            Expr::If(all) => {
                let [test, then, otherwise] = &**all;
                if self.eval(test)? != 0 { self.eval(then)? } else { self.eval(otherwise)? }
            }
            Expr::Walrus(name, a) => {
                let value = self.eval(a)?;
                self.names[*name] = Some(value);
                value
            }
        })
    }

    fn until(&mut self, parts: &[Expr], decided: impl Fn(i64) -> bool) -> Result<i64, Leave> {
        let mut value = 0;
        for part in parts {
            value = self.eval(part)?;
            if decided(value) {
                break;
            }
        }
        Ok(value)
    }
}

/// The truth of a literal; loops over a false one have no turn at all.
fn literal(expr: &Expr) -> Option<bool> {
    match expr {
        Expr::Int(value) => Some(*value != 0),
        Expr::Not(inner) => literal(inner).map(|truth| !truth),
        _ => None,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn programs_keep_their_meaning(stmts in stmts(), a in 0..4_i64, b in 0..4_i64) {
        let source = source(&stmts);
        let mut function = lowered(&source).expect("the language has all of it");
        let expected = Oracle::run(&stmts, [a, b]);
        prop_assert_eq!(&run(&function, &[a, b], TURNS), &expected, "lowered\n{}\n{}", source, function);
        simplify(&mut function);
        wellformed::check(&function);
        prop_assert_eq!(&run(&function, &[a, b], TURNS), &expected, "simplified\n{}\n{}", source, function);
    }

    #[test]
    fn no_text_panics(text in "(def |f|\\(|\\)|:|\n|    |lambda |x|y|=|:=|if |else|for |in |while |return |[-+*<,.\\[\\]{}'\"0-9]|del |and |\\PC){0,60}", line in 0..8_u32) {
        try_all(&text, line);
    }

    #[test]
    fn no_mutation_panics(stmts in stmts(), at in any::<prop::sample::Index>(), with in "\\PC{0,3}|\n *|def f|lambda|\\(|\\)|yield x|[x for x in y]") {
        let mut text = source(&stmts);
        let at = at.index(text.len());
        text.replace_range(at..(at + 1).min(text.len()), &with);
        try_all(&text, 1);
        if let Ok(program) = Program::new("fuzz.py", &text)
            && let Some(id) = program.function("f")
        {
            attempt(&program.definition(id).expect("the program knows its functions"), &program);
        }
    }
}

/// Looks for a `def` and a lambda on a line of any text.
fn try_all(text: &str, line: u32) {
    let nothing = Program::new("empty.py", "").expect("an empty program is one");
    let file = Arc::new(SourceFile::new("fuzz.py", text));
    let body = BodyRange { start_line: line, start_column: 9, end_line: line, end_column: 10 };
    for (name, body) in [("f", None), ("<lambda>", None), ("<lambda>", Some(body))] {
        let definition = Definition {
            file: Arc::clone(&file),
            line,
            name: name.into(),
            qualname: name.into(),
            body,
            defaults: Vec::new(),
            options: None,
        };
        attempt(&definition, &nothing);
    }
}
