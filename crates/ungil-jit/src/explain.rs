//! [`Explanation`]: what became of a compiled function, told so that people can act on it.

use std::path::PathBuf;
use std::time::Duration;

use ungil_codegen::Fate;
use ungil_ir::effects::{Effects, effects};
use ungil_ir::ir::{self, Block, ForLoop, FuncId, Function, Label, Module, Op, Parallel, Stmt, StmtKind};

use crate::cache::CacheOutcome;
use crate::compiled::Compiled;

/// What became of a function and of what it calls.
#[derive(Clone, Debug)]
pub struct Explanation {
    /// The loops of the user's functions, in the order of the source.
    pub loops: Vec<Loop>,
    /// The functions that were inlined wherever they are called.
    pub inlined: Vec<String>,
    /// The functions that are still called, at least somewhere.
    pub called: Vec<String>,
    /// What the cache did: the file that the code came from, or was written to.
    pub cache: Cached,
    /// The stages that ran, in order, and how long each took.
    pub stages: Vec<(&'static str, Duration)>,
}

/// What the cache did.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Cached {
    /// It was not asked.
    Off,
    /// The code came from this file.
    Found(PathBuf),
    /// The code was written to this file.
    Stored(PathBuf),
    /// This file could not be written, and why.
    NotStored(PathBuf, String),
}

/// What became of one loop.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Loop {
    /// The function that it stands in.
    pub function: String,
    /// The user's file.
    pub file: String,
    /// The line that it begins on, from 1.
    pub line: u32,
    /// That line's text.
    pub text: String,
    /// Whether its turns may run on all cores.
    pub is_parallel: bool,
    /// The variables that a parallel loop accumulates.
    pub reductions: Vec<String>,
    /// What became of it.
    pub fate: Fate,
    /// Why it runs one turn after the other, if it does.
    pub why_scalar: Option<String>,
}

impl Compiled {
    /// Compiles once more, and tells what became of the function.
    ///
    /// # Errors
    ///
    /// When the compiler is at fault.
    pub fn explain(&self) -> Result<Explanation, ungil_codegen::Error> {
        let module = self.module();
        let found = ungil_codegen::explain(module, &self.codegen_options())?;
        let ids = || (0..module.functions.len() as u32).map(FuncId);
        let mut loops: Vec<Loop> = Vec::new();
        let effects = effects(module);
        for id in ids() {
            let mut of_function = Vec::new();
            ir::walk(&module.function(id).body, &mut |stmt| {
                of_function.extend(describe(module, &effects, id, stmt, &|label| found.fate(id, label)));
            });
            loops.extend(of_function.into_iter().filter(|one| !loops.contains(one)).collect::<Vec<_>>());
        }
        loops.sort_by(|a, b| (&a.file, a.line).cmp(&(&b.file, b.line)));
        let names = |is_called: bool| {
            let others = ids().filter(|id| module.entry != Some(*id) && found.is_called(*id) == is_called);
            let mut names: Vec<String> = others
                .map(|id| module.function(id))
                .filter(|one| is_public(one))
                .map(|one| one.name.clone())
                .collect();
            names.sort();
            names.dedup();
            names
        };
        Ok(Explanation {
            loops,
            inlined: names(false),
            called: names(true),
            cache: match self.cache_outcome() {
                None => Cached::Off,
                Some(CacheOutcome::Found(path)) => Cached::Found(path.clone()),
                Some(CacheOutcome::Stored(path)) => Cached::Stored(path.clone()),
                Some(CacheOutcome::NotStored(path, error)) => {
                    Cached::NotStored(path.clone(), error.to_string())
                }
            },
            stages: self.stages(),
        })
    }

    fn stages(&self) -> Vec<(&'static str, Duration)> {
        let (front, timings) = self.timings();
        let stages = [
            ("parsing and typing", front),
            ("building LLVM's IR", timings.build),
            ("LLVM's passes", timings.optimise),
            ("writing machine code", timings.emit),
            ("loading", timings.load),
        ];
        stages.into_iter().filter(|(_, duration)| !duration.is_zero()).collect()
    }
}

/// Whether people know the function: one of theirs, or one of the prelude's that is not a helper there.
fn is_public(function: &Function) -> bool {
    function.file.is_some() || !function.name.starts_with(['_', '<'])
}

/// A loop of the user's; none for other statements, and for those of the prelude.
fn describe(
    module: &Module,
    effects: &[Effects],
    id: FuncId,
    stmt: &Stmt,
    fate: &dyn Fn(Label) -> Fate,
) -> Option<Loop> {
    let function = module.function(id);
    let file = function.file.as_ref()?;
    let (label, body, parallel) = match &stmt.kind {
        StmtKind::For(ForLoop { label, body, parallel, .. }) => (*label, body, parallel.as_ref()),
        StmtKind::Loop { label, body } => (*label, body, None),
        _ => return None,
    };
    let fate = fate(label);
    let line = file.line(stmt.span.start);
    let text = file.text().lines().nth(line as usize - 1).unwrap_or_default().trim().to_owned();
    let reductions = parallel.map_or(&[][..], |Parallel { reductions, .. }| reductions);
    let names = reductions.iter().map(|one| function.vars[one.var.0 as usize].name.to_string());
    Some(Loop {
        function: function.name.clone(),
        file: file.name().to_string(),
        line,
        text,
        is_parallel: parallel.is_some(),
        reductions: names.collect(),
        fate,
        why_scalar: (fate == Fate::Scalar)
            .then(|| why_scalar(effects, matches!(stmt.kind, StmtKind::Loop { .. }), body)),
    })
}

/// Why a loop cannot run several turns at once, as far as its statements tell.
fn why_scalar(effects: &[Effects], is_while: bool, body: &Block) -> String {
    let mut why: Option<String> = None;
    let mut inner = Vec::new();
    ir::walk(body, &mut |stmt| {
        let reason = match &stmt.kind {
            StmtKind::For(_) | StmtKind::Loop { .. } => "another loop is in it".to_owned(),
            StmtKind::Block { label, .. } => {
                inner.push(*label);
                return;
            }
            StmtKind::Raise(_) => "a turn may raise an exception".to_owned(),
            StmtKind::Return(_) => "a turn may return".to_owned(),
            StmtKind::Break(to) if !is_while && !inner.contains(to) => "a turn may leave it".to_owned(),
            StmtKind::Let(_, Op::Print(..)) => "it prints".to_owned(),
            StmtKind::Let(_, Op::Libm(name, _)) => format!("it calls `{name}` of the C library"),
            StmtKind::Let(_, Op::Call { func, .. }) if effects[func.0 as usize].recursive => {
                "it calls a function that calls itself".to_owned()
            }
            StmtKind::Let(_, Op::Call { func, .. }) if effects[func.0 as usize].raises => {
                "it calls a function that may raise an exception".to_owned()
            }
            _ => return,
        };
        why.get_or_insert(reason);
    });
    why.unwrap_or_else(|| {
        if is_while {
            "how many turns a `while` loop has is not known before the last one".to_owned()
        } else {
            "a turn needs what the one before it computed, or LLVM reckons that it would not pay".to_owned()
        }
    })
}
