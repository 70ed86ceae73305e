//! Which version of a function a call gets: one that is there, one that its types convert to, or a new one, compiled once.
//!
//! Invariant: of several threads that first call with the same types, one compiles and the others wait, detached. No lock
//! is held while Python runs, while LLVM works, or while the interpreter is waited for.

use std::ffi::CString;
use std::process;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use pyo3::exceptions::PyException;
use pyo3::prelude::*;
use ungil_front::host::Semantics;
use ungil_ir::{FloatTy, Type};
use ungil_jit::{CACHE_DIR, Cache, CacheOutcome, Compiled};

use crate::boxing::Boxer;
use crate::dispatcher::Dispatcher;
use crate::errors::{CacheWarning, TypingError, from_jit};
use crate::exact::{self, Exactly};
use crate::gil;
use crate::host::PythonHost;
use crate::options;
use crate::overload::{Overload, Unboxer};
use crate::signature::Parsed;

/// The version for a call with arguments of these types.
pub(crate) fn overload_for_call<'a>(
    callable: &'a Bound<'_, Dispatcher>,
    types: &[Type],
) -> PyResult<&'a Overload> {
    let this = callable.get();
    if let Some(overload) = version(this, types) {
        return Ok(overload);
    }
    if this.is_sealed() {
        return convertible(this, types).ok_or_else(|| no_match(callable, types));
    }
    overload_for(callable, types, None)
}

/// The version for exactly these types, compiled now if there is none; `ret` is the result's type if that is asked for.
pub(crate) fn overload_for<'a>(
    callable: &'a Bound<'_, Dispatcher>,
    types: &[Type],
    ret: Option<&Type>,
) -> PyResult<&'a Overload> {
    let this = callable.get();
    let _flight = loop {
        if let Some(overload) = version(this, types) {
            return Ok(overload);
        }
        match this.compiling.enter(types) {
            Turn::Compile(flight) => break flight,
            Turn::Wait(flight) => gil::detached(callable.py(), || flight.wait()),
        }
    };
    // It may have been added between the look at the table and the turn.
    if let Some(overload) = version(this, types) {
        return Ok(overload);
    }
    if this.options.semantics != Semantics::Python {
        return compile(callable, &PythonHost::new(callable), types, ret);
    }
    // Under the turn, so that who waited for it finds what it ended with.
    if let Some(why) = this.refusals.why(types) {
        return Err(TypingError::new_err(why));
    }
    let host = PythonHost::new(callable);
    compile(callable, &host, types, ret).inspect_err(|error| {
        if error.is_instance_of::<PyException>(callable.py()) {
            this.refusals.add(types, error.value(callable.py()).to_string(), host.take_captures());
        }
    })
}

fn compile<'a>(
    callable: &'a Bound<'_, Dispatcher>,
    host: &PythonHost<'_>,
    types: &[Type],
    ret: Option<&Type>,
) -> PyResult<&'a Overload> {
    let py = callable.py();
    let this = callable.get();
    let is_exact = this.options.semantics == Semantics::Python;
    let opt_level = options::opt_level()?;
    let lowered = ungil_jit::lower(host, this.id, types, &this.options);
    host.take_error()?;
    let lowered = lowered.map_err(|error| from_jit(&error))?;
    if is_exact {
        exact::check(lowered.module())?;
    }
    let cache = if this.is_cached { Cache::from_environment() } else { None };
    let compiled = gil::detached(py, || ungil_jit::generate(lowered, opt_level, cache.as_ref()));
    let compiled = compiled.map_err(|error| from_jit(&error))?;

    let boxer = Boxer::new(compiled.ret(), ret).map_err(|problem| {
        TypingError::new_err(format!("`{}` cannot be compiled: {problem}", compiled.function().name))
    })?;
    let ret = ret.unwrap_or(compiled.ret()).clone();
    let signature = Parsed { ret: Some(ret), args: types.to_vec() };
    let address = |ty: &Type| match ty {
        Type::Object(id, _) => host.object_of(*id).map_or(std::ptr::null_mut(), |object| object.as_ptr()),
        _ => std::ptr::null_mut(),
    };
    let params = types.iter().map(|ty| Unboxer::new(ty, &address)).collect();
    let is_detached = this.is_nogil || compiled.is_long();
    let exactly = is_exact.then(|| Box::new(Exactly::new(host.take_captures())));
    let overload = this.table.add(Overload::new(compiled, signature, params, boxer, is_detached, exactly));
    if this.is_cached {
        warn_if_not_cached(py, &overload.compiled)?;
    }
    Ok(overload)
}

/// Code that could not be kept is used all the same.
fn warn_if_not_cached(py: Python<'_>, compiled: &Compiled) -> PyResult<()> {
    let why = match compiled.cache_outcome() {
        Some(CacheOutcome::Found(_) | CacheOutcome::Stored(_)) => return Ok(()),
        Some(CacheOutcome::NotStored(path, error)) => {
            format!("{} cannot be written: {error}", path.display())
        }
        None => format!("there is no folder for caches; name one in the environment, as {CACHE_DIR}"),
    };
    let name = &compiled.function().name;
    let text = format!("the compiled code of `{name}` is not cached, and will be compiled again: {why}");
    let text = CString::new(text.replace('\0', "")).expect("no NUL is left");
    PyErr::warn(py, &py.get_type::<CacheWarning>(), &text, 1)
}

fn version<'a>(this: &'a Dispatcher, types: &[Type]) -> Option<&'a Overload> {
    this.table.iter().find(|overload| overload.signature.args == types)
}

/// The version whose parameters `types` convert to at the least cost; the earliest of several.
fn convertible<'a>(this: &'a Dispatcher, types: &[Type]) -> Option<&'a Overload> {
    let costs =
        this.table.iter().filter_map(|overload| Some((cost_of(types, &overload.signature.args)?, overload)));
    // The table lists the newest first, and of equal ones the last is taken.
    costs.reduce(|best, other| if other.0 <= best.0 { other } else { best }).map(|(_, overload)| overload)
}

fn cost_of(from: &[Type], to: &[Type]) -> Option<u32> {
    if from.len() != to.len() {
        return None;
    }
    from.iter().zip(to).map(|(from, to)| cost(from, to)).sum()
}

/// How far `from` is from `to`: 0 the same, 1 the same kind and wider, 100 another kind, 10,000 the same kind and narrower
/// (the value decides whether it fits); none if values do not convert.
fn cost(from: &Type, to: &Type) -> Option<u32> {
    const WIDER: u32 = 1;
    const OTHER: u32 = 100;
    const NARROWER: u32 = 10_000;
    Some(match (from, to) {
        _ if from == to => 0,
        (&Type::Int(from), &Type::Int(to)) if from.min() >= to.min() && from.max() <= to.max() => WIDER,
        (Type::Int(_), Type::Int(_)) => NARROWER,
        (Type::Float(FloatTy::F32), Type::Float(FloatTy::F64)) => WIDER,
        (Type::Float(_), Type::Float(_)) | (Type::Complex(_), Type::Complex(_)) => NARROWER,
        (Type::Bool, Type::Int(_) | Type::Float(_) | Type::Complex(_)) => OTHER,
        (Type::Int(_), Type::Float(to) | Type::Complex(to)) | (Type::Float(_), Type::Complex(to)) => {
            OTHER + u32::from(*to == FloatTy::F32)
        }
        (Type::Tuple(from), Type::Tuple(to)) => cost_of(from, to)?,
        (Type::None, Type::Optional(_)) => WIDER,
        (from, Type::Optional(to)) => WIDER + cost(from, to)?,
        _ => return None,
    })
}

fn no_match(callable: &Bound<'_, Dispatcher>, types: &[Type]) -> PyErr {
    let list = |types: &[Type]| types.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let this = callable.get();
    let mut known: Vec<String> =
        this.table.iter().map(|overload| format!("({})", list(&overload.signature.args))).collect();
    known.reverse();
    TypingError::new_err(format!(
        "No matching definition for argument type(s) {}; the definitions are {}",
        list(types),
        known.join(", ")
    ))
}

/// The compilations that are going on.
#[derive(Default)]
pub(crate) struct Compiling {
    flights: Mutex<Vec<Arc<Flight>>>,
}

enum Turn<'a> {
    /// The caller compiles; others wait until this is dropped.
    Compile(Guard<'a>),
    /// Another thread compiles.
    Wait(Arc<Flight>),
}

/// One compilation.
struct Flight {
    types: Vec<Type>,
    /// The process that it goes on in: a forked child has no thread that would end it.
    process: u32,
    is_over: Mutex<bool>,
    over: Condvar,
}

impl Compiling {
    fn enter(&self, types: &[Type]) -> Turn<'_> {
        let process = process::id();
        let mut flights = lock(&self.flights);
        flights.retain(|flight| flight.process == process);
        if let Some(flight) = flights.iter().find(|flight| flight.types == types) {
            return Turn::Wait(Arc::clone(flight));
        }
        let flight = Arc::new(Flight {
            types: types.to_vec(),
            process,
            is_over: Mutex::new(false),
            over: Condvar::new(),
        });
        flights.push(Arc::clone(&flight));
        Turn::Compile(Guard { compiling: self, flight })
    }
}

impl Flight {
    fn wait(&self) {
        let mut is_over = lock(&self.is_over);
        while !*is_over {
            is_over = self.over.wait(is_over).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

struct Guard<'a> {
    compiling: &'a Compiling,
    flight: Arc<Flight>,
}

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        lock(&self.compiling.flights).retain(|flight| !Arc::ptr_eq(flight, &self.flight));
        *lock(&self.flight.is_over) = true;
        self.flight.over.notify_all();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing panics between two related writes, so what a panicking thread left is whole.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
