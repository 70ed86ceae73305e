//! Removes the variables that lowering made in advance and that carry nothing.
//!
//! A variable is *trivial* if every way in sets it to the same value, and that value is visible where it is read: reads
//! become that value. It is *dead* if nothing that has an effect needs what is read from it. What remains are the joins
//! that the program means; each makes the types of its sources one, so none may be left that Python would not notice.

use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};

use crate::hir::{Block, Expr, Function, Item, Source, Stmt, StmtKind, ValueId, VarId};
use crate::host::{Constant, Object};

/// Simplifies a function and those nested in it, in place.
///
/// Afterwards every variable of the function is set and read somewhere, or carried by a loop.
pub fn simplify(function: &mut Function) {
    for nested in &mut function.nested {
        simplify(Arc::make_mut(nested));
    }
    let facts = Facts::of(function);
    let known = facts.trivial();
    rewrite(&mut function.body, &facts, &known);
    let live = Live::of(&function.body);
    sweep(&mut function.body, &live);
    renumber(function);
}

/// What a variable or value is known to be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Known {
    Value(ValueId),
    /// One of the two constants that flags are set to; any two of the same are one.
    Bool(bool),
}

/// Where a value is visible: behind its place, up to the end of its block.
#[derive(Clone, Copy, Default, Debug)]
struct Scope {
    place: u32,
    end: u32,
}

/// What a look at the whole function tells.
struct Facts {
    /// By value.
    scopes: Vec<Scope>,
    constants: FxHashMap<ValueId, bool>,
    /// By variable: its sources.
    sources: Vec<Vec<ValueId>>,
    /// By variable: the values that are read from it.
    gets: Vec<Vec<ValueId>>,
    /// The variable that a value is read from.
    origin: FxHashMap<ValueId, VarId>,
}

impl Facts {
    fn of(function: &Function) -> Self {
        let vars = function.vars.len();
        let mut facts = Self {
            scopes: vec![Scope::default(); function.values.len()],
            constants: FxHashMap::default(),
            sources: vec![Vec::new(); vars],
            gets: vec![Vec::new(); vars],
            origin: FxHashMap::default(),
        };
        facts.visit(&function.body, &mut 1);
        facts
    }

    fn visit(&mut self, block: &Block, place: &mut u32) {
        let mut bound = Vec::new();
        for stmt in block {
            *place += 1;
            match &stmt.kind {
                StmtKind::Let(value, expr) => {
                    self.scopes[value.0 as usize].place = *place;
                    bound.push(*value);
                    match expr {
                        Expr::Get(var) => {
                            self.gets[var.0 as usize].push(*value);
                            self.origin.insert(*value, *var);
                        }
                        Expr::Object(Object::Const(Constant::Bool(bool))) => {
                            self.constants.insert(*value, *bool);
                        }
                        _ => {}
                    }
                }
                StmtKind::Set(var, Source::Value(value)) => self.sources[var.0 as usize].push(*value),
                StmtKind::For(each) => {
                    // Bound in the body, before everything else there.
                    self.scopes[each.element.0 as usize].place = *place;
                    let end = self.visit_nested(&each.body, place);
                    self.scopes[each.element.0 as usize].end = end;
                    continue;
                }
                _ => {}
            }
            for nested in stmt.kind.blocks() {
                self.visit_nested(nested, place);
            }
        }
        *place += 1;
        for value in bound {
            self.scopes[value.0 as usize].end = *place;
        }
    }

    fn visit_nested(&mut self, block: &Block, place: &mut u32) -> u32 {
        self.visit(block, place);
        *place
    }

    /// The variables that are trivial, and what they are.
    fn trivial(&self) -> FxHashMap<VarId, Known> {
        let mut users: FxHashMap<ValueId, Vec<VarId>> = FxHashMap::default();
        for (index, sources) in self.sources.iter().enumerate() {
            for source in sources {
                users.entry(*source).or_default().push(VarId(index as u32));
            }
        }
        let mut known = FxHashMap::default();
        let mut work: Vec<VarId> = (0..self.sources.len() as u32).map(VarId).collect();
        while let Some(var) = work.pop() {
            if known.contains_key(&var) {
                continue;
            }
            if let Some(is) = self.only_source(var, &known) {
                known.insert(var, is);
                for get in &self.gets[var.0 as usize] {
                    work.extend(users.get(get).into_iter().flatten());
                }
            }
        }
        known
    }

    /// What every way in sets a variable to, if that is one thing, and visible at every read.
    fn only_source(&self, var: VarId, known: &FxHashMap<VarId, Known>) -> Option<Known> {
        let mut only = None;
        for source in &self.sources[var.0 as usize] {
            let is = self.resolve(*source, known);
            if let Known::Value(value) = is
                && self.origin.get(&value) == Some(&var)
            {
                continue;
            }
            if *only.get_or_insert(is) != is {
                return None;
            }
        }
        let is = only?;
        let visible = |get: &ValueId| match is {
            Known::Bool(_) => true,
            Known::Value(value) => {
                let Scope { place, end } = self.scopes[value.0 as usize];
                (place..end).contains(&self.scopes[get.0 as usize].place)
            }
        };
        self.gets[var.0 as usize].iter().all(visible).then_some(is)
    }

    /// What a value is, read through trivial variables.
    fn resolve(&self, value: ValueId, known: &FxHashMap<VarId, Known>) -> Known {
        let mut value = value;
        loop {
            if let Some(bool) = self.constants.get(&value) {
                return Known::Bool(*bool);
            }
            match self.origin.get(&value).and_then(|var| known.get(var)) {
                Some(Known::Value(next)) => value = *next,
                Some(bool) => return *bool,
                None => return Known::Value(value),
            }
        }
    }
}

/// Replaces what is read from trivial variables.
fn rewrite(block: &mut Block, facts: &Facts, known: &FxHashMap<VarId, Known>) {
    let is = |value: ValueId| match facts.resolve(value, known) {
        Known::Value(value) => value,
        Known::Bool(_) => value,
    };
    block.retain(|stmt| match &stmt.kind {
        StmtKind::Set(var, _) => !known.contains_key(var),
        StmtKind::CheckBound { flag, .. } => facts.resolve(*flag, known) != Known::Bool(true),
        _ => true,
    });
    for stmt in block {
        if let StmtKind::Let(value, expr @ Expr::Get(_)) = &mut stmt.kind
            && let Known::Bool(bool) = facts.resolve(*value, known)
        {
            *expr = Expr::constant(Constant::Bool(bool));
        }
        if let StmtKind::For(each) = &mut stmt.kind {
            each.carried.retain(|carried| !known.contains_key(&carried.var));
        }
        replace_in_stmt(stmt, is);
        for nested in stmt.kind.blocks_mut() {
            rewrite(nested, facts, known);
        }
    }
}

fn replace_in_stmt(stmt: &mut Stmt, is: impl Fn(ValueId) -> ValueId) {
    match &mut stmt.kind {
        StmtKind::Let(_, expr) => replace_in_expr(expr, is),
        StmtKind::Set(_, Source::Value(value)) | StmtKind::Return(value) => *value = is(*value),
        StmtKind::CheckBound { flag, .. } => *flag = is(*flag),
        StmtKind::If { cond, .. } => *cond = is(*cond),
        StmtKind::For(each) => each.iterable = is(each.iterable),
        StmtKind::Raise { class, args } => {
            *class = is(*class);
            for value in args {
                *value = is(*value);
            }
        }
        StmtKind::Set(_, Source::Unset)
        | StmtKind::Block { .. }
        | StmtKind::Loop { .. }
        | StmtKind::Break(_)
        | StmtKind::Continue(_) => {}
    }
}

fn replace_in_expr(expr: &mut Expr, is: impl Fn(ValueId) -> ValueId) {
    let items = |items: &mut Vec<Item>| {
        for Item::One(value) | Item::Star(value) in items {
            *value = is(*value);
        }
    };
    match expr {
        Expr::Unary(_, a) | Expr::Truth(a) | Expr::Not(a) | Expr::Attribute(a, _) => *a = is(*a),
        Expr::Unpack { value, .. } => *value = is(*value),
        Expr::Binary(_, a, b) | Expr::Compare(_, a, b) | Expr::Index(a, b) => {
            *a = is(*a);
            *b = is(*b);
        }
        Expr::Slice(a, parts) => {
            *a = is(*a);
            parts.iter_mut().flatten().for_each(|value| *value = is(*value));
        }
        Expr::Tuple(parts) => items(parts),
        Expr::Call { func, args, keywords } => {
            *func = is(*func);
            items(args);
            for (_, value) in keywords {
                *value = is(*value);
            }
        }
        Expr::Closure { captures, .. } => captures.iter_mut().for_each(|value| *value = is(*value)),
        Expr::Param(_)
        | Expr::Capture(_)
        | Expr::Object(_)
        | Expr::Get(_)
        | Expr::ThisFunction
        | Expr::Unbound(_)
        | Expr::Error => {}
    }
}

/// What something with an effect needs.
struct Live {
    values: FxHashSet<ValueId>,
    vars: FxHashSet<VarId>,
}

impl Live {
    fn of(body: &Block) -> Self {
        let mut needs = Needs::default();
        needs.visit(body);
        let mut live = Self { values: FxHashSet::default(), vars: FxHashSet::default() };
        while let Some(value) = needs.roots.pop() {
            if live.values.insert(value)
                && let Some(var) = needs.origin.get(&value)
                && live.vars.insert(*var)
            {
                needs.roots.extend(needs.sources.get(var).into_iter().flatten());
            }
        }
        live
    }
}

#[derive(Default)]
struct Needs {
    roots: Vec<ValueId>,
    origin: FxHashMap<ValueId, VarId>,
    sources: FxHashMap<VarId, Vec<ValueId>>,
}

impl Needs {
    fn visit(&mut self, block: &Block) {
        for stmt in block {
            match &stmt.kind {
                StmtKind::Let(value, Expr::Get(var)) => {
                    self.origin.insert(*value, *var);
                }
                StmtKind::Set(var, Source::Value(value)) => {
                    self.sources.entry(*var).or_default().push(*value);
                }
                kind => self.roots.extend(kind.operands()),
            }
            stmt.kind.blocks().into_iter().for_each(|nested| self.visit(nested));
        }
    }
}

/// Drops what nothing needs.
fn sweep(block: &mut Block, live: &Live) {
    sweep_with(block, live, &mut FxHashSet::default());
}

/// `heads` are the values that a loop around names as carried.
fn sweep_with(block: &mut Block, live: &Live, heads: &mut FxHashSet<ValueId>) {
    for stmt in block.iter_mut() {
        if let StmtKind::For(each) = &mut stmt.kind {
            each.carried.retain(|carried| live.vars.contains(&carried.var));
            heads.extend(each.carried.iter().map(|carried| carried.head));
        }
        stmt.kind.blocks_mut().into_iter().for_each(|nested| sweep_with(nested, live, heads));
    }
    block.retain(|stmt| match &stmt.kind {
        StmtKind::Let(value, Expr::Get(_) | Expr::Object(_)) => {
            live.values.contains(value) || heads.contains(value)
        }
        StmtKind::Set(var, _) => live.vars.contains(var),
        _ => true,
    });
}

/// Drops the variables that no statement names any more.
fn renumber(function: &mut Function) {
    let mut used = vec![false; function.vars.len()];
    each_var(&mut function.body, &mut |var| used[var.0 as usize] = true);
    let mut next = 0;
    let renumbered: Vec<VarId> = used
        .iter()
        .map(|used| {
            let id = VarId(next);
            next += u32::from(*used);
            id
        })
        .collect();
    let mut keep = used.iter();
    function.vars.retain(|_| keep.next().copied().unwrap_or(false));
    each_var(&mut function.body, &mut |var| *var = renumbered[var.0 as usize]);
}

fn each_var(block: &mut Block, act: &mut impl FnMut(&mut VarId)) {
    for stmt in block {
        match &mut stmt.kind {
            StmtKind::Let(_, Expr::Get(var)) | StmtKind::Set(var, _) => act(var),
            StmtKind::For(each) => each.carried.iter_mut().for_each(|carried| act(&mut carried.var)),
            _ => {}
        }
        stmt.kind.blocks_mut().into_iter().for_each(|nested| each_var(nested, act));
    }
}
