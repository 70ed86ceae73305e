//! [`Dispatcher`]: what `ungil.jit` makes of a function, a callable that compiles for the types that it is called with.
//!
//! This file holds the class and what Python sees of it; `call.rs` is the way of a call.

use std::sync::atomic::{AtomicBool, Ordering};

use pyo3::exceptions::{PyKeyError, PyValueError};
use pyo3::ffi;
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyFunction, PyList, PyString, PyTuple};
use ungil_front::host::{JitOptions, Semantics, fresh_object_id};
use ungil_ir::{ObjectId, Type};
use ungil_jit::{Cache, CacheOutcome};

use crate::bind::Parameters;
use crate::compile::{self, Compiling};
use crate::exact::Refusals;
use crate::objects::Objects;
use crate::overload::{Overload, Table};
use crate::types::{Signature, to_signature, type_tuple};
use crate::{call, explain, options};

/// A function that is compiled for each combination of argument types that it is called with.
///
/// Calling it calls the compiled code. `jit` and `njit` make it; it may be called from any number of threads at once.
#[pyclass(frozen, dict, weakref, module = "ungil", immutable_type)]
pub(crate) struct Dispatcher {
    /// What CPython calls, found by `tp_vectorcall_offset`.
    vectorcall: ffi::vectorcallfunc,
    pub(crate) table: Table,
    pub(crate) parameters: Parameters,
    pub(crate) objects: Objects,
    pub(crate) is_nogil: bool,
    /// Whether compiled code is kept on disk.
    pub(crate) is_cached: bool,
    /// Set when only the versions that are there may be called.
    is_sealed: AtomicBool,
    pub(crate) options: JitOptions,
    pub(crate) id: ObjectId,
    pub(crate) compiling: Compiling,
    /// Why an exact function was not compiled for some types.
    pub(crate) refusals: Refusals,
    function: Py<PyFunction>,
    /// The options as the user wrote them.
    target_options: Py<PyDict>,
}

#[pymethods]
impl Dispatcher {
    #[new]
    #[pyo3(signature = (py_func, /, *, parallel=false, fastmath=None, error_model="python", inline="never", nogil=false, cache=false, targetoptions=None))]
    #[expect(clippy::too_many_arguments, reason = "the options of `jit`, each by its name")]
    fn new(
        py: Python<'_>,
        py_func: Bound<'_, PyFunction>,
        parallel: bool,
        fastmath: Option<&Bound<'_, PyAny>>,
        error_model: &str,
        inline: &str,
        nogil: bool,
        cache: bool,
        targetoptions: Option<Bound<'_, PyDict>>,
    ) -> PyResult<Self> {
        let fastmath = fastmath.map(options::fastmath).transpose()?.unwrap_or_default();
        let options = JitOptions {
            parallel,
            fastmath,
            error_model: options::error_model(error_model)?,
            inline: options::inline(inline)?,
            semantics: Semantics::Numba,
        };
        let target_options = targetoptions.unwrap_or_else(|| PyDict::new(py));
        Ok(Self { is_nogil: nogil, is_cached: cache, ..Self::make(py_func, options, target_options)? })
    }

    /// The function as it was written.
    #[getter]
    fn py_func(&self, py: Python<'_>) -> Py<PyFunction> {
        self.function.clone_ref(py)
    }

    /// The argument types of each compiled version, in the order of compilation.
    #[getter]
    fn signatures<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        let mut all = self
            .in_order()
            .map(|overload| type_tuple(py, &overload.signature.args))
            .collect::<PyResult<Vec<_>>>()?;
        all.reverse();
        PyList::new(py, all)
    }

    /// The signature of each compiled version, in the order of compilation.
    #[getter]
    fn nopython_signatures(&self) -> Vec<Signature> {
        let mut all: Vec<Signature> =
            self.in_order().map(|overload| Signature { parsed: overload.signature.clone() }).collect();
        all.reverse();
        all
    }

    /// The compiled versions: from argument types to signatures.
    #[getter]
    fn overloads<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyDict>> {
        let this = slf.get();
        let all = PyDict::new(slf.py());
        for (types, signature) in this.signatures(slf.py())?.iter().zip(this.nopython_signatures()) {
            all.set_item(types, Bound::new(slf.py(), signature)?)?;
        }
        Ok(all)
    }

    /// The options that the function was decorated with.
    #[getter]
    fn targetoptions(&self, py: Python<'_>) -> Py<PyDict> {
        self.target_options.clone_ref(py)
    }

    /// The folder of the disk cache, and which versions came from it and which did not; no folder and two empty dicts
    /// without `cache=True`.
    #[getter]
    fn stats<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let folder = self.is_cached.then(Cache::from_environment).flatten().map(|cache| cache.to_string());
        let (hits, misses) = (PyDict::new(py), PyDict::new(py));
        for overload in self.in_order() {
            let counts = match overload.compiled.cache_outcome() {
                Some(CacheOutcome::Found(_)) => &hits,
                Some(CacheOutcome::Stored(_) | CacheOutcome::NotStored(..)) => &misses,
                None => continue,
            };
            counts.set_item(type_tuple(py, &overload.signature.args)?, 1)?;
        }
        py.import("ungil._stats")?.getattr("Stats")?.call1((folder, hits, misses))
    }

    /// Compiles for a signature: a text, a `Signature`, or a tuple of types.
    fn compile(slf: &Bound<'_, Self>, sig: &Bound<'_, PyAny>) -> PyResult<()> {
        let signature = to_signature(sig)?;
        let this = slf.get();
        if signature.args.len() != this.parameters.len() {
            let name = this.function(slf.py()).getattr("__qualname__")?;
            return Err(PyValueError::new_err(format!(
                "the signature has {} arguments, and `{name}` takes {}",
                signature.args.len(),
                this.parameters.len()
            )));
        }
        compile::overload_for(slf, &signature.args, signature.ret.as_ref()).map(|_| ())
    }

    /// Compiles every version anew, with what globals and closure variables hold now.
    fn recompile(slf: &Bound<'_, Self>) -> PyResult<()> {
        let this = slf.get();
        let mut signatures: Vec<_> = this.table.iter().map(|overload| overload.signature.clone()).collect();
        signatures.reverse();
        this.table.retire();
        for signature in signatures {
            compile::overload_for(slf, &signature.args, signature.ret.as_ref())?;
        }
        Ok(())
    }

    /// From now on no further version is compiled (or again may be, with `False`).
    #[pyo3(signature = (val=true))]
    fn disable_compile(&self, val: bool) {
        // Relaxed: a flag of its own; a call that runs at the same time may see either.
        self.is_sealed.store(val, Ordering::Relaxed);
    }

    /// Prints the typed form of each compiled version to `file`, or to standard output.
    #[pyo3(signature = (file=None))]
    fn inspect_types(&self, py: Python<'_>, file: Option<Bound<'_, PyAny>>) -> PyResult<()> {
        let options = PyDict::new(py);
        options.set_item("file", file)?;
        let print = py.import("builtins")?.getattr("print")?;
        let mut all: Vec<_> = self.in_order().collect();
        all.reverse();
        for overload in all {
            let signature = Signature { parsed: overload.signature.clone() };
            let name = self.function(py).getattr("__qualname__")?;
            let text = format!("{name} {}\n{}", signature.text(), overload.compiled.module());
            print.call((text,), Some(&options))?;
        }
        Ok(())
    }

    /// Tells in words what became of a version, or without a signature of all: which loops vectorised and how wide, which
    /// are parallel, what was inlined, where the GIL is held, what the cache did, how long each stage took.
    #[pyo3(signature = (signature=None))]
    fn explain<'py>(
        &self,
        py: Python<'py>,
        signature: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let mut versions: Vec<&Overload> = match signature {
            Some(signature) => vec![self.version(&signature)?],
            None => self.in_order().collect(),
        };
        versions.reverse();
        explain::explain(self, py, &versions)
    }

    /// LLVM's IR of a version, after optimisation; without a signature a dict of those of all versions.
    #[pyo3(signature = (signature=None))]
    fn inspect_llvm<'py>(
        &self,
        py: Python<'py>,
        signature: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        self.inspect(py, signature, |overload| overload.compiled.llvm(true))
    }

    /// The machine code of a version, as assembly; without a signature a dict of those of all versions.
    #[pyo3(signature = (signature=None))]
    fn inspect_asm<'py>(
        &self,
        py: Python<'py>,
        signature: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        self.inspect(py, signature, |overload| overload.compiled.assembly())
    }

    #[getter(__defaults__)]
    fn function_defaults<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.function(py).getattr("__defaults__")
    }

    #[getter(__kwdefaults__)]
    fn function_kwdefaults<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.function(py).getattr("__kwdefaults__")
    }

    #[getter(__code__)]
    fn function_code<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.function(py).getattr("__code__")
    }

    /// Binds as a function does: looked up through an instance it is a method.
    fn __get__<'py>(
        slf: &Bound<'py, Self>,
        instance: &Bound<'py, PyAny>,
        _owner: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        if instance.is_none() {
            return Ok(slf.clone().into_any());
        }
        slf.py().import("types")?.getattr("MethodType")?.call1((slf, instance))
    }

    /// Never used for calls, which take CPython's quicker way; here for `operator.call` and the like.
    #[pyo3(signature = (*args, **kwargs))]
    fn __call__<'py>(
        slf: &Bound<'py, Self>,
        args: &Bound<'py, PyTuple>,
        kwargs: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let kwargs = kwargs.map_or(std::ptr::null_mut(), Bound::as_ptr);
        // SAFETY: a dispatcher has the vectorcall slot; a tuple, and a dict or null.
        let result = unsafe { ffi::PyVectorcall_Call(slf.as_ptr(), args.as_ptr(), kwargs) };
        // SAFETY: a new reference, or null with an exception set.
        unsafe { Bound::from_owned_ptr_or_err(slf.py(), result) }
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let function = self.function(py);
        let name = function.getattr("__qualname__")?;
        let parameters = py.import("inspect")?.call_method1("signature", (function,))?;
        let count = self.in_order().count();
        let mut text = format!("<ungil.Dispatcher {name}{parameters}: {count} signature");
        if count != 1 {
            text.push('s');
        }
        let mut comma = ", ";
        for (option, value) in self.target_options.bind(py).iter() {
            if !value.is_truthy()? {
                continue;
            }
            text.push_str(comma);
            text.push_str(&option.str()?.to_string_lossy());
            if !value.is_instance_of::<pyo3::types::PyBool>() {
                text.push('=');
                text.push_str(&value.repr()?.to_string_lossy());
            }
            comma = " ";
        }
        text.push('>');
        Ok(text)
    }

    /// Pickles by name, as functions do: the name must lead to this object.
    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.function(py).getattr("__qualname__")
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.function)?;
        visit.call(&self.target_options)?;
        self.parameters.traverse(visit)?;
        self.table.traverse(visit)?;
        self.refusals.traverse(visit)?;
        self.objects.traverse(visit)
    }

    fn __clear__(&self) {
        // The function stays, so that a finaliser may still call: that compiles anew, for the versions knew the objects.
        self.table.retire();
        drop(self.objects.take());
        drop(self.table.take_captures());
        drop(self.refusals.take_captures());
    }
}

impl Dispatcher {
    fn make(
        function: Bound<'_, PyFunction>,
        options: JitOptions,
        target_options: Bound<'_, PyDict>,
    ) -> PyResult<Self> {
        Ok(Self {
            vectorcall: call::vectorcall,
            table: Table::default(),
            parameters: Parameters::new(&function)?,
            objects: Objects::default(),
            is_nogil: false,
            is_cached: false,
            is_sealed: AtomicBool::new(false),
            options,
            id: fresh_object_id(),
            compiling: Compiling::default(),
            refusals: Refusals::default(),
            function: function.unbind(),
            target_options: target_options.unbind(),
        })
    }

    /// One that compiles `function` to give the interpreter's answers; for `exact` alone, which knows what its exceptions mean.
    pub(crate) fn exact<'py>(function: &Bound<'py, PyFunction>) -> PyResult<Bound<'py, Self>> {
        let py = function.py();
        let options = JitOptions { semantics: Semantics::Python, ..JitOptions::default() };
        let dispatcher = Bound::new(py, Self::make(function.clone(), options, PyDict::new(py))?)?;
        show_to_collector(&dispatcher);
        Ok(dispatcher)
    }

    /// The function as it was written.
    pub(crate) fn function<'a, 'py>(&'a self, py: Python<'py>) -> &'a Bound<'py, PyFunction> {
        self.function.bind(py)
    }

    /// Whether only the versions that are there may be called.
    pub(crate) fn is_sealed(&self) -> bool {
        // Relaxed: as in `disable_compile`.
        self.is_sealed.load(Ordering::Relaxed)
    }

    /// The type of an argument that is a function, a class or a type; none for anything else.
    pub(crate) fn object_type(
        &self,
        this: &Bound<'_, Self>,
        object: &Bound<'_, PyAny>,
    ) -> PyResult<Option<Type>> {
        let is_object = object.is_instance_of::<Self>()
            || object.is_instance_of::<PyFunction>()
            || object.is_instance_of::<pyo3::types::PyCFunction>()
            || object.is_instance_of::<pyo3::types::PyType>()
            || object.is_instance_of::<crate::types::PyType_>();
        if !is_object {
            return Ok(None);
        }
        let id = if object.is(this) { self.id } else { self.objects.id(object)? };
        Ok(Some(Type::object(id)))
    }

    /// The versions in use, the newest first.
    fn in_order(&self) -> impl Iterator<Item = &Overload> {
        self.table.iter()
    }

    /// The version in use for the argument types of `signature`.
    fn version(&self, signature: &Bound<'_, PyAny>) -> PyResult<&Overload> {
        let wanted = to_signature(signature)?;
        let found = self.table.iter().find(|overload| overload.signature.args == wanted.args);
        found.ok_or_else(|| PyKeyError::new_err("no version was compiled for these types"))
    }

    fn inspect<'py>(
        &self,
        py: Python<'py>,
        signature: Option<Bound<'py, PyAny>>,
        show: impl Fn(&Overload) -> Result<String, ungil_codegen::Error>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let show = |overload| {
            show(overload).map_err(|error| pyo3::exceptions::PyRuntimeError::new_err(error.to_string()))
        };
        if let Some(signature) = signature {
            return Ok(PyString::new(py, &show(self.version(&signature)?)?).into_any());
        }
        let all = PyDict::new(py);
        let mut overloads: Vec<_> = self.table.iter().collect();
        overloads.reverse();
        for overload in overloads {
            all.set_item(type_tuple(py, &overload.signature.args)?, show(overload)?)?;
        }
        Ok(all.into_any())
    }
}

/// Gives `dispatcher` the name, the documentation and the attributes of its function, as `functools.update_wrapper` does.
#[pyfunction]
pub(crate) fn _adopt(dispatcher: &Bound<'_, Dispatcher>) -> PyResult<()> {
    let py = dispatcher.py();
    let function = dispatcher.get().function(py);
    let own = dispatcher.getattr("__dict__")?.cast_into::<PyDict>()?;
    for name in ["__module__", "__name__", "__qualname__", "__doc__", "__annotations__", "__type_params__"] {
        if let Some(value) = function.getattr_opt(name)? {
            own.set_item(name, value)?;
        }
    }
    own.update(function.getattr("__dict__")?.cast::<PyDict>()?.as_mapping())?;
    own.set_item("__wrapped__", function)?;
    show_to_collector(dispatcher);
    Ok(())
}

/// Lets the garbage collector see a complete dispatcher.
fn show_to_collector(dispatcher: &Bound<'_, Dispatcher>) {
    // SAFETY: the object is live and its class is collected; it is complete, as `allocate` waited for.
    if unsafe { ffi::PyObject_GC_IsTracked(dispatcher.as_ptr()) } == 0 {
        // SAFETY: as above, and it is not tracked yet.
        unsafe { ffi::PyObject_GC_Track(dispatcher.as_ptr().cast()) };
    }
}

/// Allocates a dispatcher that the garbage collector does not see before [`show_to_collector`] shows it.
///
/// CPython 3.11 makes the object's `__dict__` between its allocation and the writing of its fields, and may collect
/// then, which would read them.
///
/// # Safety
///
/// As CPython's `tp_alloc` says: the thread is attached, and `class` is a complete class.
unsafe extern "C" fn allocate(class: *mut ffi::PyTypeObject, n_items: ffi::Py_ssize_t) -> *mut ffi::PyObject {
    // SAFETY: the contract is handed on.
    let object = unsafe { ffi::PyType_GenericAlloc(class, n_items) };
    if !object.is_null() {
        // SAFETY: a new object of a class that is collected.
        unsafe { ffi::PyObject_GC_UnTrack(object.cast()) };
    }
    object
}

/// Gives the class what PyO3 has no words for: the vectorcall slot, by which CPython calls dispatchers directly, and
/// [`allocate`].
///
/// # Errors
///
/// When a first dispatcher, which tells where the slot is, cannot be made.
pub(crate) fn complete_class(py: Python<'_>) -> PyResult<()> {
    let probe = py.eval(c"lambda: None", None, None)?.cast_into::<PyFunction>().map_err(PyErr::from)?;
    let probe = Dispatcher::new(py, probe, false, None, "python", "never", false, false, None)?;
    let probe = Bound::new(py, probe)?;
    let slot = (&raw const probe.get().vectorcall) as usize - probe.as_ptr() as usize;
    let class = py.get_type::<Dispatcher>();
    let class: *mut ffi::PyTypeObject = class.as_type_ptr();
    // SAFETY: the class is complete, has no subclasses (nor may it), and has one instance, `probe`, which is never
    // called; no other thread knows the class yet. The slot lies at that offset in every instance, for instances have
    // one layout.
    let slots = unsafe { &mut *class };
    slots.tp_vectorcall_offset = slot as ffi::Py_ssize_t;
    slots.tp_call = Some(ffi::PyVectorcall_Call);
    slots.tp_alloc = Some(allocate);
    add_flags(slots, ffi::Py_TPFLAGS_HAVE_VECTORCALL | ffi::Py_TPFLAGS_METHOD_DESCRIPTOR);
    // SAFETY: the class is one, and the thread is attached.
    unsafe { ffi::PyType_Modified(class) };
    Ok(())
}

#[cfg(not(Py_GIL_DISABLED))]
fn add_flags(class: &mut ffi::PyTypeObject, flags: std::ffi::c_ulong) {
    class.tp_flags |= flags;
}

#[cfg(Py_GIL_DISABLED)]
fn add_flags(class: &mut ffi::PyTypeObject, flags: std::ffi::c_ulong) {
    // Relaxed: no other thread knows the class yet.
    class.tp_flags.fetch_or(flags, std::sync::atomic::Ordering::Relaxed);
}
