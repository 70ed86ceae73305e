//! [`ExactCode`]: a Python function that is compiled where that gives the interpreter's own answers, and otherwise left to it.
//!
//! A call is *answered* by compiled code, or *handed back*: then whoever called runs the function as Python does. Code
//! hands back by raising, whatever it raises; it has no effects, so nothing was done twice. Invariants:
//!
//! - Before code runs, everything that its compilation read of the program is found to be still so, on one thread that
//!   stays attached in between.
//! - A fault of the compiler hands back, with its reason on record.
//! - No lock is held while Python runs, while anything is compiled, or while references are dropped.

mod captures;
mod library;
mod record;
mod refusals;
mod values;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use pyo3::exceptions::PyException;
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;
use pyo3::types::{
    PyCFunction, PyCode, PyComplex, PyDict, PyFloat, PyFunction, PyInt, PyList, PyModule, PyNotImplemented,
    PyTuple, PyType,
};
use ungil_ir::effects::effects;
use ungil_ir::{Type, ir};
use ungil_jit::{Raised, RaisedKind};

use crate::dispatcher::Dispatcher;
use crate::errors::UnsupportedError;
use crate::overload::Overload;
use crate::{call, compile, raise, typeof_};

pub(crate) use captures::{Capture, contents, global};
pub(crate) use refusals::Refusals;

use captures::Captures;
use record::Record;
use refusals::Refusal;

/// How often what a function captured may have changed before it is left to the interpreter for good.
const MOST_RENEWALS: u32 = 32;

/// For so many combinations of argument types a function is compiled, or found not to be compiled.
const MOST_VERSIONS: usize = 64;

/// What belongs to a compiled version of an exact function.
pub(crate) struct Exactly {
    pub(crate) captures: Captures,
    record: Record,
}

impl Exactly {
    pub(crate) fn new(captures: Vec<Capture>) -> Self {
        Self { captures: Captures::new(captures), record: Record::default() }
    }
}

/// Compiled code for a function, with the answers of the interpreter; `ungil._exact.Exact` is made of it.
#[pyclass(frozen, module = "ungil._core")]
pub(crate) struct ExactCode {
    function: Py<PyFunction>,
    /// None before the first call, and while what it was made from is no longer so.
    generation: Mutex<Option<Py<Generation>>>,
    n_generations: AtomicU32,
    /// Why the last call went to the interpreter without a version being tried, if it did.
    note: Mutex<Option<String>>,
}

/// The compiled versions of one state of the function.
#[pyclass(frozen, module = "ungil._core")]
struct Generation {
    /// The function's own code and defaults, by which arguments are bound.
    own: Captures,
    dispatcher: Py<Dispatcher>,
}

#[pymethods]
impl Generation {
    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.own.traverse(visit)?;
        visit.call(&self.dispatcher)
    }

    fn __clear__(&self) {
        drop(self.own.take());
    }
}

#[pymethods]
impl ExactCode {
    #[new]
    fn new(function: Bound<'_, PyFunction>) -> Self {
        Self {
            function: function.unbind(),
            generation: Mutex::new(None),
            n_generations: AtomicU32::new(0),
            note: Mutex::new(None),
        }
    }

    /// The result of `function(*args, **kwargs)`, or `NotImplemented` if the interpreter must run that.
    fn attempt<'py>(
        &self,
        py: Python<'py>,
        args: &Bound<'py, PyTuple>,
        kwargs: &Bound<'py, PyDict>,
    ) -> PyResult<Bound<'py, PyAny>> {
        // A panic is a fault of the compiler, and no concern of the program's.
        let answer = catch_unwind(AssertUnwindSafe(|| self.answer(py, args, kwargs)));
        match answer {
            Ok(Ok(Some(object))) => Ok(object),
            Ok(Ok(None)) => Ok(PyNotImplemented::get(py).to_owned().into_any()),
            Ok(Err(error)) if error.is_instance_of::<PyException>(py) => {
                self.note(format!("the compiler failed, which is a fault of ungil: {error}"));
                Ok(PyNotImplemented::get(py).to_owned().into_any())
            }
            // An interrupt.
            Ok(Err(error)) => Err(error),
            Err(_) => {
                self.note("the compiler panicked, which is a fault of ungil".into());
                Ok(PyNotImplemented::get(py).to_owned().into_any())
            }
        }
    }

    /// What became of each combination of argument types: `(types, compiled, handed_back, passed_over, why)`, with -1 for all
    /// counts where there is no code.
    fn versions<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        let all = PyList::empty(py);
        let Some(generation) = self.lock().as_ref().map(|known| known.clone_ref(py)) else { return Ok(all) };
        let dispatcher = generation.get().dispatcher.get();
        let spell = |types: &[Type]| {
            let names: Vec<String> = types.iter().map(|ty| spell(py, dispatcher, ty)).collect();
            names.join(", ")
        };
        let mut versions: Vec<&Overload> = dispatcher.table.iter().collect();
        versions.reverse();
        for version in versions {
            let Some(exactly) = &version.exactly else { continue };
            let counts = exactly.record.counts();
            let types = spell(&version.signature.args);
            all.append((
                types,
                counts.compiled as i64,
                counts.handed_back as i64,
                counts.passed_over as i64,
                counts.why,
            ))?;
        }
        for refusal in dispatcher.refusals.all() {
            all.append((spell(&refusal.types), -1, -1, -1, refusal.why.clone()))?;
        }
        Ok(all)
    }

    /// Why the last call that no version was tried for was not; `None` if there was none.
    #[getter(note)]
    fn last_note(&self) -> Option<String> {
        self.note.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.function)?;
        // The collector may not wait. While another thread holds the lock, the object counts as reachable.
        let Ok(generation) = self.generation.try_lock() else { return Ok(()) };
        generation.as_ref().map_or(Ok(()), |generation| visit.call(generation))
    }

    fn __clear__(&self) {
        let generation = self.lock().take();
        drop(generation);
    }
}

impl ExactCode {
    fn answer<'py>(
        &self,
        py: Python<'py>,
        args: &Bound<'py, PyTuple>,
        kwargs: &Bound<'py, PyDict>,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        let mut given: Vec<*mut pyo3::ffi::PyObject> = args.iter().map(|arg| arg.as_ptr()).collect();
        let n_args = given.len();
        let keywords = if kwargs.is_empty() {
            None
        } else {
            given.extend(kwargs.iter().map(|(_, value)| value.as_ptr()));
            Some(PyTuple::new(py, kwargs.keys())?)
        };
        loop {
            let Some(generation) = self.generation(py)? else { return Ok(None) };
            let generation = generation.bind(py).get();
            let callable = generation.dispatcher.bind(py);
            let this = callable.get();
            // What does not bind is a `TypeError`, which Python words.
            let Some(bound) = this.parameters.bind(py, &given, n_args, keywords.as_ref())? else {
                return Ok(None);
            };
            let objects: Vec<Bound<'py, PyAny>> = bound
                .args()
                .iter()
                // SAFETY: the caller's arguments, the defaults and `bound` keep them alive.
                .map(|arg| unsafe { Bound::from_borrowed_ptr(py, *arg) })
                .collect();
            let version = match self.version(callable, &objects)? {
                Found::Version(version) => version,
                Found::Nothing => return Ok(None),
                Found::Refusal(refusal) if refusal.captures.hold(py)? => return Ok(None),
                Found::Refusal(_) => {
                    self.retire(py, generation);
                    continue;
                }
            };
            let Some(exactly) = &version.exactly else { return Ok(None) };
            if !(generation.own.hold(py)? && exactly.captures.hold(py)?) {
                self.retire(py, generation);
                continue;
            }
            if !exactly.record.may_try() {
                return Ok(None);
            }
            let words = boxed(py, this, version, &objects)?;
            // SAFETY: the arguments of the version's types have been written.
            return unsafe { run(py, this, version, exactly, words.as_ptr().cast()) };
        }
    }

    /// The version for these arguments, compiled now if need be; none where the interpreter must run the call.
    fn version<'a>(
        &self,
        callable: &'a Bound<'_, Dispatcher>,
        args: &[Bound<'_, PyAny>],
    ) -> PyResult<Found<'a>> {
        let this = callable.get();
        let mut types = Vec::with_capacity(args.len());
        for (index, arg) in args.iter().enumerate() {
            let Some(ty) = values::argument_type(callable, arg)? else {
                let name = this.parameters.name(callable.py(), index);
                let class = arg.get_type().qualname()?;
                self.note(format!("the argument `{name}` is a `{class}` that compiled code does not take"));
                return Ok(Found::Nothing);
            };
            types.push(ty);
        }
        if let Some(version) = this.table.iter().find(|version| version.signature.args == types) {
            return Ok(Found::Version(version));
        }
        if let Some(refusal) = this.refusals.find(&types) {
            return Ok(Found::Refusal(refusal));
        }
        if this.table.iter().count() + this.refusals.all().len() >= MOST_VERSIONS {
            self.note(format!(
                "it was called with more than {MOST_VERSIONS} combinations of types or functions"
            ));
            return Ok(Found::Nothing);
        }
        // A panic must be on record for these types, too, or each call would panic anew.
        match catch_unwind(AssertUnwindSafe(|| compile::overload_for(callable, &types, None))) {
            Ok(Ok(version)) => Ok(Found::Version(version)),
            Ok(Err(error)) if error.is_instance_of::<PyException>(callable.py()) => Ok(Found::Nothing),
            Ok(Err(error)) => Err(error),
            Err(_) => {
                this.refusals.add(
                    &types,
                    "the compiler panicked, which is a fault of ungil".into(),
                    Vec::new(),
                );
                Ok(Found::Nothing)
            }
        }
    }

    /// The versions of the function as it is now; none if it has changed too often.
    fn generation(&self, py: Python<'_>) -> PyResult<Option<Py<Generation>>> {
        if let Some(known) = self.lock().as_ref() {
            return Ok(Some(known.clone_ref(py)));
        }
        // Relaxed: a limit, which two threads may pass at once.
        if self.n_generations.load(Ordering::Relaxed) > MOST_RENEWALS {
            self.note(format!("what it captures has changed {MOST_RENEWALS} times"));
            return Ok(None);
        }
        let function = self.function.bind(py);
        let generation = Generation {
            own: Captures::new(vec![Capture::function(function)?]),
            dispatcher: Dispatcher::exact(function)?.unbind(),
        };
        let generation = Py::new(py, generation)?;
        let mut slot = self.lock();
        // Another thread may have been quicker.
        if let Some(known) = slot.as_ref() {
            let known = known.clone_ref(py);
            drop(slot);
            return Ok(Some(known));
        }
        *slot = Some(generation.clone_ref(py));
        self.n_generations.fetch_add(1, Ordering::Relaxed);
        Ok(Some(generation))
    }

    /// Takes versions whose captures have changed out of use.
    fn retire(&self, py: Python<'_>, generation: &Generation) {
        let mut slot = self.lock();
        let is_it = slot.as_ref().is_some_and(|known| std::ptr::eq(known.bind(py).get(), generation));
        let old = if is_it { slot.take() } else { None };
        drop(slot);
        drop(old);
    }

    fn note(&self, text: String) {
        *self.note.lock().unwrap_or_else(PoisonError::into_inner) = Some(text);
    }

    fn lock(&self) -> MutexGuard<'_, Option<Py<Generation>>> {
        // Nothing panics between two related writes, so what a panicking thread left is whole.
        self.generation.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What there is for some arguments.
enum Found<'a> {
    Version(&'a Overload),
    Refusal(Arc<Refusal>),
    Nothing,
}

/// Runs a version; none if the interpreter must run the call.
///
/// # Safety
///
/// `args` points at a struct of the version's argument types.
unsafe fn run<'py>(
    py: Python<'py>,
    this: &Dispatcher,
    version: &Overload,
    exactly: &Exactly,
    args: *const u8,
) -> PyResult<Option<Bound<'py, PyAny>>> {
    let finish = |ret: *const u8| {
        // SAFETY: the result lies there, of the version's type.
        if unsafe { values::holds_nan(version.compiled.ret(), ret) } {
            return None;
        }
        // SAFETY: as above.
        Some(unsafe { version.boxer.make(py, &this.objects, ret) })
    };
    // SAFETY: the contract is handed on; `finish` reads a result of the version's type.
    match unsafe { call::enter(py, this, version, args, finish) } {
        Ok(Some(object)) => {
            exactly.record.answered();
            // SAFETY: a new reference, or null with an exception set.
            unsafe { Bound::from_owned_ptr_or_err(py, object) }.map(Some)
        }
        Ok(None) => {
            exactly.record.handed_back("the result is not a number (NaN)".into());
            Ok(None)
        }
        Err((raised, held)) if raised.kind == RaisedKind::Host => {
            Err(raise::to_exception(py, raised, &this.objects, held))
        }
        Err((raised, _)) => {
            exactly.record.handed_back(in_words(&raised));
            Ok(None)
        }
    }
}

/// Why code handed a call back: what it raised, and where.
fn in_words(raised: &Raised) -> String {
    let RaisedKind::Exception { class, args } = &raised.kind else { return "it was stopped".into() };
    let name = match class {
        ir::ExceptionClass::Builtin(name) | ir::ExceptionClass::Object { name, .. } => name,
    };
    let what = match args.first() {
        Some(ir::RaiseArg::Str(text)) if &**name == "OverflowError" => text.to_string(),
        Some(ir::RaiseArg::Str(text)) => format!("{name}: {text}"),
        _ => name.to_string(),
    };
    match raised.sites.first() {
        Some(site) => format!("{what} ({}:{})", site.file, site.line),
        None => what,
    }
}

/// The arguments as a struct of the version's types, which are theirs.
fn boxed(
    py: Python<'_>,
    this: &Dispatcher,
    version: &Overload,
    objects: &[Bound<'_, PyAny>],
) -> PyResult<Vec<u128>> {
    let compiled = &version.compiled;
    let mut words = vec![0_u128; compiled.args_layout().size.div_ceil(size_of::<u128>())];
    let mut bytes = vec![0_u8; words.len() * size_of::<u128>()];
    for (index, (object, (ty, offset))) in
        objects.iter().zip(compiled.params().iter().zip(compiled.offsets())).enumerate()
    {
        typeof_::write(object, ty, &mut bytes[*offset..], this.parameters.name(py, index))?;
    }
    for (word, chunk) in words.iter_mut().zip(bytes.chunks_exact(size_of::<u128>())) {
        *word = u128::from_ne_bytes(chunk.try_into().expect("chunks of that size"));
    }
    Ok(words)
}

/// Refuses a module whose calls from outside would not be the interpreter's.
pub(crate) fn check(module: &ir::Module) -> PyResult<()> {
    if effects(module).iter().any(|function| function.recursive) {
        return Err(UnsupportedError::new_err(
            "a function calls itself, and how deep it may go is the interpreter's to know",
        ));
    }
    let entry = module.entry.map(|entry| &module.functions[entry.0 as usize]);
    if let Some(entry) = entry.filter(|entry| !values::is_result(&entry.ret)) {
        return Err(UnsupportedError::new_err(format!(
            "`{}` returns something else than numbers, bools, `None` and tuples of these",
            entry.name
        )));
    }
    Ok(())
}

/// Whether an object that a name stands for is of a plain class: a subclass of `int` or a function that `jit` compiles has
/// a meaning of its own.
pub(crate) fn is_plain(object: &Bound<'_, PyAny>) -> bool {
    let is_number = object.is_instance_of::<PyInt>()
        || object.is_instance_of::<PyFloat>()
        || object.is_instance_of::<PyComplex>();
    if is_number {
        return object.is_exact_instance_of::<PyInt>()
            || object.is_exact_instance_of::<PyFloat>()
            || object.is_exact_instance_of::<pyo3::types::PyBool>()
            || object.is_exact_instance_of::<PyComplex>();
    }
    if object.is_instance_of::<PyModule>() {
        return object.is_exact_instance_of::<PyModule>();
    }
    object.is_none()
        || object.is_exact_instance_of::<PyFunction>()
        || object.is_instance_of::<PyCFunction>()
        || object.is_instance_of::<PyType>()
        || object.is_exact_instance_of::<pyo3::types::PyString>()
        || object.is_exact_instance_of::<PyTuple>()
}

/// Whether a function that the compiler knows by `name` is for the interpreter what it is for compiled code.
pub(crate) fn agrees(object: &Bound<'_, PyAny>, name: &str) -> PyResult<bool> {
    name.strip_prefix("math.").map_or(Ok(true), |name| library::agrees(object, name))
}

/// Whether `code` is what the interpreter makes of some function in `text`.
pub(crate) fn is_source_of(text: &str, code: &Bound<'_, PyCode>) -> PyResult<bool> {
    let holds = code.py().import("ungil._exact")?.getattr("_is_source_of")?;
    holds.call1((text, code))?.extract()
}

/// A type for people: a function by its name.
fn spell(py: Python<'_>, dispatcher: &Dispatcher, ty: &Type) -> String {
    match ty {
        Type::Object(id, _) => {
            let object = dispatcher.objects.get(py, *id);
            let name = object.and_then(|object| object.getattr("__qualname__").ok());
            name.map_or_else(|| "function".into(), |name| name.to_string())
        }
        Type::None => "None".into(),
        Type::Int(_) => "int".into(),
        Type::Float(_) => "float".into(),
        Type::Tuple(parts) => {
            let parts: Vec<String> = parts.iter().map(|part| spell(py, dispatcher, part)).collect();
            format!("({})", parts.join(", "))
        }
        other => other.to_string(),
    }
}
