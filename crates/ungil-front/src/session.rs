//! One compilation: the functions that it needs, each specialised for the types that it is called with.
//!
//! An *instance* is a function with the types of its arguments and captures and its options. Types are found by
//! emitting: a pass over an instance ([`crate::emit`]) emits typed IR with the types known so far; where a variable or a
//! result turns out wider than assumed, the assumption is widened and the pass repeated. Widths only grow, so this
//! ends; the IR of the last pass, in which nothing changed, is the result. An instance whose callee's result type changes
//! is emitted again; recursion starts from "not known yet".
//!
//! Errors are those of the last pass of the instances that the entry reaches.

mod finish;
mod load;

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use ungil_ir::diagnostic::{Diagnostic, Span};
use ungil_ir::ir::{self, FuncId};
use ungil_ir::{ObjectId, Type};

use crate::emit;
use crate::hir;
use crate::host::{Host, JitOptions, Object, Semantics, fresh_object_id};
use crate::prange::ReduceOp;
use crate::prelude::Prelude;

pub(crate) use finish::called_here;
pub(crate) use load::load;

/// How deep calls of functions not yet emitted may nest. Far beyond real programs; a recursion whose argument types grow
/// with each call (a tuple one longer each time) would never end.
const MAX_DEPTH: usize = 100;

/// Bytes of stack that emitting one function may take, and how many to add where fewer are left; guessed, generously.
const STACK_LEFT: usize = 256 << 10;
const STACK_MORE: usize = 4 << 20;

/// Whose names a function sees.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Owner {
    /// The user's program.
    User,
    /// The prelude.
    Prelude,
}

/// What an [`ObjectId`] stands for.
#[derive(Clone, Debug)]
pub(crate) enum Entity {
    /// What a host said.
    Object(Object),
    /// A function written inside another.
    Nested(Arc<hir::Function>),
    /// The function that joins two partial results of a reduction.
    Combiner,
}

/// A function as it is to be compiled, before types.
#[derive(Clone)]
pub(crate) struct Code {
    /// Its body.
    pub(crate) hir: Arc<hir::Function>,
    /// Whose names it sees.
    pub(crate) owner: Owner,
    /// Values of its defaults, by name.
    pub(crate) defaults: Vec<(Arc<str>, Object)>,
    /// Its own options; none for those of its caller.
    pub(crate) options: Option<JitOptions>,
}

/// What makes an instance: which function, for which types, compiled how.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Key {
    pub(crate) object: ObjectId,
    pub(crate) captures: Arc<[Type]>,
    /// Exact code has one more than the source.
    pub(crate) params: Vec<Type>,
    pub(crate) options: JitOptions,
}

/// A function specialised for types.
pub(crate) struct Instance {
    pub(crate) key: Key,
    pub(crate) code: Code,
    /// What each variable has been found to hold so far.
    pub(crate) var_types: Vec<Option<Type>>,
    /// Where each variable came to hold that.
    pub(crate) widenings: Vec<Vec<emit::Widening>>,
    /// What it has been found to return so far.
    pub(crate) ret: Option<Type>,
    /// The IR of the last pass.
    function: Option<ir::Function>,
    diagnostics: Vec<Diagnostic>,
    /// Where the last pass met a value whose type was not known.
    blocked: Option<Span>,
    callers: BTreeSet<FuncId>,
    /// Where it was first called; none for the entry.
    called: Option<(FuncId, Span)>,
    running: bool,
    dirty: bool,
}

/// A call whose types grow without end.
pub(crate) struct TooDeep;

/// One compilation.
pub(crate) struct Session<'h> {
    user: &'h dyn Host,
    prelude: &'static Prelude,
    entities: HashMap<ObjectId, Entity>,
    /// Ids of objects that hosts describe without an identity of their own.
    interned: Vec<(Object, ObjectId)>,
    nested: HashMap<(*const hir::Function, u32), ObjectId>,
    combiners: HashMap<ReduceOp, ObjectId>,
    /// By function and whether `prange` is parallel in a plain one, which takes its caller's options.
    codes: HashMap<(ObjectId, bool), Result<Code, Vec<Diagnostic>>>,
    owners: HashMap<ObjectId, Owner>,
    instances: Vec<Instance>,
    by_key: HashMap<Key, FuncId>,
    tables: ir::Module,
    depth: usize,
}

/// Compiles `function` for arguments of the types `args`.
///
/// `args` has one type a parameter, in the order of the code object's variables: positional, keyword-only, then the
/// tuple of `*args`. Exact code takes one more, an `int64`: how many calls may be active at once inside of this one.
///
/// # Errors
///
/// Everything found wrong with the function and with what it calls.
pub fn compile(
    host: &dyn Host,
    function: ObjectId,
    args: &[Type],
    options: &JitOptions,
) -> Result<ir::Module, Vec<Diagnostic>> {
    let mut session = Session::new(host);
    let code = session.code(function, Owner::User, options.parallel)?;
    let depth = (options.semantics == Semantics::Python).then_some(Type::INT64);
    let params = args.iter().cloned().chain(depth).collect();
    let key = Key { object: function, captures: Arc::from([]), params, options: *options };
    let Ok(entry) = session.instance(key, &code, None) else { return Err(Vec::new()) };
    session.settle();
    session.finish(entry)
}

impl<'h> Session<'h> {
    fn new(user: &'h dyn Host) -> Self {
        Self {
            user,
            prelude: Prelude::get(),
            entities: HashMap::new(),
            interned: Vec::new(),
            nested: HashMap::new(),
            combiners: HashMap::new(),
            codes: HashMap::new(),
            owners: HashMap::new(),
            instances: Vec::new(),
            by_key: HashMap::new(),
            tables: ir::Module::default(),
            depth: 0,
        }
    }

    /// The host that knows the names of `owner`'s functions.
    pub(crate) fn host(&self, owner: Owner) -> &dyn Host {
        match owner {
            Owner::User => self.user,
            Owner::Prelude => self.prelude,
        }
    }

    /// What `id` stands for.
    pub(crate) fn entity(&self, id: ObjectId) -> Entity {
        self.entities.get(&id).cloned().unwrap_or_else(|| Entity::Object(self.user.object(id)))
    }

    /// The identity of an object that a function of `owner` names.
    pub(crate) fn intern(&mut self, object: Object, owner: Owner) -> ObjectId {
        let id = match &object {
            Object::Function { id, .. } => {
                self.owners.insert(*id, owner);
                *id
            }
            Object::Module { id, .. } | Object::Exception { id, .. } => *id,
            _ => self
                .interned
                .iter()
                .find(|(known, _)| *known == object)
                .map_or_else(fresh_object_id, |(_, id)| *id),
        };
        if !self.entities.contains_key(&id) && !has_identity(&object) {
            self.interned.push((object.clone(), id));
        }
        self.entities.entry(id).or_insert(Entity::Object(object));
        id
    }

    /// The identity of a function written inside `parent`.
    pub(crate) fn nested(&mut self, parent: &Arc<hir::Function>, index: u32, code: &Code) -> ObjectId {
        let key = (Arc::as_ptr(parent), index);
        if let Some(id) = self.nested.get(&key) {
            return *id;
        }
        let id = fresh_object_id();
        let function = Arc::clone(&parent.nested[index as usize]);
        let inner =
            Code { hir: Arc::clone(&function), owner: code.owner, defaults: Vec::new(), options: None };
        self.nested.insert(key, id);
        self.entities.insert(id, Entity::Nested(function));
        self.insert_code(id, &inner);
        id
    }

    /// The identity of the function that joins two partial results of a reduction.
    pub(crate) fn combiner(&mut self, op: ReduceOp) -> ObjectId {
        if let Some(id) = self.combiners.get(&op) {
            return *id;
        }
        let id = fresh_object_id();
        let code =
            Code { hir: Arc::new(op.combiner()), owner: Owner::Prelude, defaults: Vec::new(), options: None };
        self.combiners.insert(op, id);
        self.entities.insert(id, Entity::Combiner);
        self.insert_code(id, &code);
        id
    }

    fn insert_code(&mut self, id: ObjectId, code: &Code) {
        for parallel in [false, true] {
            self.codes.insert((id, parallel), Ok(code.clone()));
        }
    }

    /// The function of the prelude of that name, if there is one.
    pub(crate) fn prelude_function(&mut self, name: &str) -> Option<ObjectId> {
        let id = self.prelude.function(name)?;
        self.owners.insert(id, Owner::Prelude);
        Some(id)
    }

    /// Whether the prelude has a function of that name and number of parameters.
    pub(crate) fn prelude_takes(&mut self, name: &str, count: usize) -> bool {
        let Some(id) = self.prelude_function(name) else { return false };
        self.code(id, Owner::Prelude, false).is_ok_and(|code| code.hir.params.len() == count)
    }

    /// The code of a function, parsed and lowered once; `parallel` is its caller's option, for a function without its own.
    ///
    /// # Errors
    ///
    /// What its source has that the language lacks.
    pub(crate) fn code(
        &mut self,
        id: ObjectId,
        default_owner: Owner,
        parallel: bool,
    ) -> Result<Code, Vec<Diagnostic>> {
        if let Some(known) = self.codes.get(&(id, parallel)) {
            return known.clone();
        }
        let owner = self.owners.get(&id).copied().unwrap_or(default_owner);
        let code = match owner {
            Owner::Prelude => self.prelude.code(id),
            Owner::User => load(self.user, id, owner, parallel),
        };
        self.codes.insert((id, parallel), code.clone());
        code
    }

    /// The instance for `key`; emitted now if it is new. Remembers who calls it.
    ///
    /// # Errors
    ///
    /// When it would be new and calls already nest too deep.
    pub(crate) fn instance(
        &mut self,
        key: Key,
        code: &Code,
        caller: Option<(FuncId, Span)>,
    ) -> Result<FuncId, TooDeep> {
        let id = match self.by_key.get(&key) {
            Some(id) => *id,
            None if self.depth >= MAX_DEPTH => return Err(TooDeep),
            None => {
                let id = FuncId(self.instances.len() as u32);
                self.by_key.insert(key.clone(), id);
                self.instances.push(Instance {
                    key,
                    var_types: vec![None; code.hir.vars.len()],
                    widenings: vec![Vec::new(); code.hir.vars.len()],
                    code: code.clone(),
                    ret: None,
                    function: None,
                    diagnostics: Vec::new(),
                    blocked: None,
                    callers: BTreeSet::new(),
                    called: caller,
                    running: false,
                    dirty: true,
                });
                id
            }
        };
        if let Some((caller, _)) = caller {
            self.instances[id.0 as usize].callers.insert(caller);
        }
        self.depth += 1;
        stacker::maybe_grow(STACK_LEFT, STACK_MORE, || self.emit(id));
        self.depth -= 1;
        Ok(id)
    }

    /// What has been found of an instance so far.
    pub(crate) fn get(&self, id: FuncId) -> &Instance {
        &self.instances[id.0 as usize]
    }

    /// Widens what an instance's variable holds.
    pub(crate) fn widen(&mut self, id: FuncId, var: hir::VarId, widening: emit::Widening) {
        let instance = &mut self.instances[id.0 as usize];
        instance.var_types[var.0 as usize] = Some(widening.ty.clone());
        instance.widenings[var.0 as usize].push(widening);
    }

    /// The index of a thing to raise.
    pub(crate) fn raise(&mut self, raise: ir::Raise) -> ir::RaiseId {
        ir::RaiseId(position_or_push(&mut self.tables.raises, raise))
    }

    /// The index of a thing to print.
    pub(crate) fn print(&mut self, print: ir::Print) -> ir::PrintId {
        ir::PrintId(position_or_push(&mut self.tables.prints, print))
    }

    /// The index of a place in the user's source; none for the prelude's.
    pub(crate) fn site(&mut self, code: &Code, span: Span) -> Option<ir::SiteId> {
        (code.owner == Owner::User).then(|| {
            let site = ir::Site {
                function: Arc::clone(&code.hir.qualname),
                file: Arc::clone(code.hir.file.name()),
                line: code.hir.file.line(span.start),
            };
            ir::SiteId(position_or_push(&mut self.tables.sites, site))
        })
    }

    /// Emits an instance until its own assumptions hold.
    fn emit(&mut self, id: FuncId) {
        let index = id.0 as usize;
        if self.instances[index].running || !self.instances[index].dirty {
            return;
        }
        self.instances[index].running = true;
        loop {
            self.instances[index].dirty = false;
            let outcome = emit::pass(self, id);
            let instance = &mut self.instances[index];
            instance.function = outcome.function;
            instance.diagnostics = outcome.diagnostics;
            instance.blocked = outcome.blocked;
            if outcome.ret != instance.ret {
                instance.ret = outcome.ret;
                for caller in instance.callers.clone() {
                    self.instances[caller.0 as usize].dirty = true;
                }
            } else if !outcome.widened && !self.instances[index].dirty {
                break;
            }
        }
        self.instances[index].running = false;
    }

    /// Emits whatever depends on a type that has changed since, until nothing does.
    fn settle(&mut self) {
        loop {
            while let Some(index) = self.instances.iter().position(|instance| instance.dirty) {
                self.emit(FuncId(index as u32));
            }
            // What never returns and waits for nobody returns nothing; of what is wrong, nothing is known.
            let never_returns = self
                .instances
                .iter()
                .position(|it| it.ret.is_none() && it.blocked.is_none() && it.diagnostics.is_empty());
            let Some(index) = never_returns else { break };
            let instance = &mut self.instances[index];
            instance.ret = Some(Type::None);
            instance.dirty = true;
            for caller in instance.callers.clone() {
                self.instances[caller.0 as usize].dirty = true;
            }
        }
    }
}

/// Whether hosts give the object an id of its own.
const fn has_identity(object: &Object) -> bool {
    matches!(object, Object::Function { .. } | Object::Module { .. } | Object::Exception { .. })
}

fn position_or_push<T: PartialEq>(table: &mut Vec<T>, item: T) -> u32 {
    let position = table.iter().position(|known| *known == item).unwrap_or_else(|| {
        table.push(item);
        table.len() - 1
    });
    position as u32
}
