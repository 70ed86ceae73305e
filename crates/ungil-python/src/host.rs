//! [`PythonHost`]: answers the front end's questions about names from the live function: its closure, its globals, the
//! builtins.
//!
//! It lives for one compilation, attached throughout. An exception of Python's that a question meets is kept, and
//! reported after the compilation.

use std::cell::RefCell;
use std::sync::Arc;

use pyo3::exceptions::PyBaseException;
use pyo3::prelude::*;
use pyo3::types::{
    PyBool, PyCFunction, PyCode, PyComplex, PyComplexMethods, PyDict, PyFloat, PyFunction, PyInt, PyModule,
    PyString, PyTuple, PyType,
};
use ungil_front::host::{BodyRange, Constant, Definition, Host, Object, Semantics};
use ungil_ir::{IntTy, ObjectId, Type};

use crate::dispatcher::Dispatcher;
use crate::exact::{self, Capture};
use crate::source;
use crate::types::PyType_;

/// The surroundings of a dispatcher's function.
pub(crate) struct PythonHost<'py> {
    dispatcher: Bound<'py, Dispatcher>,
    error: RefCell<Option<PyErr>>,
    /// Whether what it answers must be Python's to the letter, and is written down.
    is_exact: bool,
    captures: RefCell<Vec<Capture>>,
}

/// The longest tuple that is taken as a constant; a guess at what is meant as data to be indexed rather than looped over.
const LONGEST_CONSTANT: usize = 1000;

impl<'py> PythonHost<'py> {
    /// A host for one compilation of `dispatcher`.
    pub(crate) fn new(dispatcher: &Bound<'py, Dispatcher>) -> Self {
        let is_exact = dispatcher.get().options.semantics == Semantics::Python;
        let dispatcher = dispatcher.clone();
        Self { dispatcher, error: RefCell::default(), is_exact, captures: RefCell::default() }
    }

    /// The exception that a question met, if one did.
    pub(crate) fn take_error(&self) -> PyResult<()> {
        self.error.take().map_or(Ok(()), Err)
    }

    /// What it was asked for and answered, if it is to be written down.
    pub(crate) fn take_captures(&self) -> Vec<Capture> {
        self.captures.take()
    }

    /// The Python object of an id.
    pub(crate) fn object_of(&self, id: ObjectId) -> Option<Bound<'py, PyAny>> {
        let this = self.dispatcher.get();
        if id == this.id {
            return Some(self.dispatcher.clone().into_any());
        }
        this.objects.get(self.dispatcher.py(), id)
    }

    fn id(&self, object: &Bound<'py, PyAny>) -> PyResult<ObjectId> {
        let this = self.dispatcher.get();
        if object.is(&self.dispatcher) { Ok(this.id) } else { this.objects.id(object) }
    }

    fn py(&self) -> Python<'py> {
        self.dispatcher.py()
    }

    /// The answer, or none and the exception kept.
    fn keep<T>(&self, result: PyResult<Option<T>>) -> Option<T> {
        result.unwrap_or_else(|error| {
            self.error.borrow_mut().get_or_insert(error);
            None
        })
    }

    /// What `object` is to compiled code.
    fn classify(&self, object: &Bound<'py, PyAny>) -> PyResult<Object> {
        if self.is_exact && !exact::is_plain(object) {
            return Ok(Object::Other { description: describe(object)? });
        }
        if let Some(constant) = self.constant(object)? {
            return Ok(Object::Const(constant));
        }
        if let Ok(ty) = object.cast::<PyType_>() {
            return Ok(Object::Type(ty.get().ty.clone()));
        }
        if object.is_instance_of::<Dispatcher>() || object.is_exact_instance_of::<PyFunction>() {
            let own = self.builtin_name(object)?;
            if let Some(name) = own.filter(|name| name.starts_with("ungil.")) {
                return Ok(Object::Builtin(name.into()));
            }
            let name: String = object.getattr("__name__")?.extract()?;
            return Ok(Object::Function { id: self.id(object)?, name: name.into() });
        }
        if let Ok(module) = object.cast::<PyModule>() {
            return Ok(Object::Module { id: self.id(object)?, name: module.name()?.to_str()?.into() });
        }
        if let Ok(class) = object.cast::<PyType>() {
            if class.is_subclass_of::<PyBaseException>()? {
                let builtin = class.module()? == "builtins";
                return Ok(Object::Exception {
                    id: self.id(object)?,
                    name: class.name()?.to_str()?.into(),
                    builtin,
                });
            }
            if class.module()? == "numpy"
                && let Some(ty) = Type::from_name(class.name()?.to_str()?)
            {
                return Ok(Object::Type(ty));
            }
            if let Some(name) = self.builtin_name(object)? {
                return Ok(Object::Builtin(name.into()));
            }
            return Ok(Object::Other { description: format!("the class `{}`", class.name()?) });
        }
        if object.is_instance_of::<PyCFunction>()
            && let Some(name) = self.builtin_name(object)?
        {
            if self.is_exact && !exact::agrees(object, &name)? {
                let description = format!("`{name}`, which here is not the C library's");
                return Ok(Object::Other { description });
            }
            return Ok(Object::Builtin(name.into()));
        }
        Ok(Object::Other { description: describe(object)? })
    }

    fn constant(&self, object: &Bound<'py, PyAny>) -> PyResult<Option<Constant>> {
        if object.is_none() {
            return Ok(Some(Constant::None));
        }
        if let Ok(value) = object.cast_exact::<PyBool>() {
            return Ok(Some(Constant::Bool(value.extract()?)));
        }
        if let Ok(value) = object.cast::<PyFloat>() {
            return Ok(Some(Constant::Float(value.extract()?)));
        }
        if object.is_instance_of::<PyInt>() {
            let fits = |value: &i128| (IntTy::I64.min()..=IntTy::U64.max()).contains(value);
            return Ok(object.extract::<i128>().ok().filter(fits).map(Constant::Int));
        }
        if let Ok(value) = object.cast::<PyComplex>() {
            return Ok(Some(Constant::Complex(value.real(), value.imag())));
        }
        if let Ok(value) = object.cast_exact::<PyString>() {
            // A lone surrogate has no UTF-8; no constant then.
            return Ok(value.to_str().ok().map(|text| Constant::Str(text.into())));
        }
        if let Ok(tuple) = object.cast_exact::<PyTuple>() {
            if tuple.len() > LONGEST_CONSTANT {
                return Ok(None);
            }
            let parts = tuple.iter().map(|part| self.classify(&part)).collect::<PyResult<_>>()?;
            return Ok(Some(Constant::Tuple(parts)));
        }
        let class = object.get_type();
        if class.module()? == "numpy"
            && let Some(ty) = Type::from_name(class.name()?.to_str()?)
        {
            let value = self.constant(&object.call_method0("item")?)?;
            return Ok(value.map(|value| Constant::Typed(ty, value.into())));
        }
        Ok(None)
    }

    /// `"module.name"`, if the object is what a module that the compiler may know holds under that name.
    fn builtin_name(&self, object: &Bound<'py, PyAny>) -> PyResult<Option<String>> {
        let Ok(module) = object.getattr("__module__").and_then(|module| module.extract::<String>()) else {
            return Ok(None);
        };
        let known = ["builtins", "math", "cmath", "_operator"].contains(&&*module)
            || module == "ungil"
            || module.starts_with("ungil.");
        if !known {
            return Ok(None);
        }
        let Ok(name) = object.getattr("__name__").and_then(|name| name.extract::<String>()) else {
            return Ok(None);
        };
        let public = if module.starts_with("ungil") { "ungil" } else { &*module };
        let held = self.py().import(public)?.getattr_opt(&*name)?;
        let is_held = held.is_some_and(|held| held.is(object));
        Ok(is_held.then(|| format!("{}.{name}", public.trim_start_matches('_'))))
    }

    fn find_global(&self, function: ObjectId, name: &str) -> PyResult<Option<Object>> {
        let Some(function) = self.function_of(function) else { return Ok(None) };
        if self.is_exact {
            let found = self.read_global(&function, name)?;
            return found.map(|found| self.classify(&found)).transpose();
        }
        let code = function.getattr("__code__")?;
        if let Ok(cells) = function.getattr("__closure__")?.cast::<PyTuple>() {
            let free = code.getattr("co_freevars")?;
            for (free, cell) in free.cast::<PyTuple>()?.iter().zip(cells.iter()) {
                if free.eq(name)? {
                    // A cell that nothing has been put into yet has no contents.
                    let contents = cell.getattr("cell_contents").ok();
                    return contents.map(|contents| self.classify(&contents)).transpose();
                }
            }
        }
        let globals = function.getattr("__globals__")?;
        let found = match globals.cast::<PyDict>()?.get_item(name)? {
            Some(found) => Some(found),
            None => builtins(self.py(), globals.cast::<PyDict>()?)?.getattr_opt(name)?,
        };
        found.map(|found| self.classify(&found)).transpose()
    }

    /// As [`Self::find_global`], as the function's own code would find it; written down.
    fn read_global(
        &self,
        function: &Bound<'py, PyFunction>,
        name: &str,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        let py = self.py();
        let name = PyString::new(py, name);
        if let Ok(cells) = function.getattr("__closure__")?.cast::<PyTuple>() {
            let free = function.getattr("__code__")?.getattr("co_freevars")?;
            for (free, cell) in free.cast::<PyTuple>()?.iter().zip(cells.iter()) {
                if free.eq(&name)? {
                    let found = exact::contents(&cell);
                    let value = found.clone().map(Bound::unbind);
                    self.captures.borrow_mut().push(Capture::Cell { cell: cell.unbind(), value });
                    return Ok(found);
                }
            }
        }
        let found = exact::global(function, &name)?;
        let value = found.clone().map(Bound::unbind);
        let function = function.clone().unbind();
        self.captures.borrow_mut().push(Capture::Global { function, name: name.unbind(), value });
        Ok(found)
    }

    /// What a module's attribute is; written down if that is wanted.
    fn read_attribute(&self, module: &Bound<'py, PyAny>, name: &str) -> PyResult<Option<Object>> {
        let found = module.getattr_opt(name)?;
        if self.is_exact {
            let value = found.clone().map(Bound::unbind);
            let name = PyString::new(self.py(), name).unbind();
            self.captures.borrow_mut().push(Capture::Attribute {
                module: module.clone().unbind(),
                name,
                value,
            });
        }
        found.map(|found| self.classify(&found)).transpose()
    }

    /// The names that a function may mean: what it captured, its globals, the builtins.
    fn find_names(&self, function: ObjectId) -> PyResult<Vec<String>> {
        let Some(function) = self.function_of(function) else { return Ok(Vec::new()) };
        let mut names: Vec<String> = function.getattr("__code__")?.getattr("co_freevars")?.extract()?;
        let globals = function.getattr("__globals__")?;
        let globals = globals.cast::<PyDict>()?;
        names.extend(globals.keys().iter().filter_map(|name| name.extract::<String>().ok()));
        names.extend(public_names(&builtins(self.py(), globals)?)?);
        Ok(names)
    }

    fn find_definition(&self, id: ObjectId) -> PyResult<Result<Definition, String>> {
        let py = self.py();
        let Some(object) = self.object_of(id) else { return Ok(Err("the function is gone".into())) };
        let options = object.cast::<Dispatcher>().ok().map(|dispatcher| dispatcher.get().options);
        let Some(function) = self.function_of(id) else {
            return Ok(Err(format!("{} has no source in Python", describe(&object)?)));
        };
        if self.is_exact {
            self.captures.borrow_mut().push(Capture::function(&function)?);
        }
        let code = function.getattr("__code__")?;
        let code = code.cast::<PyCode>()?;
        let file_name: String = code.getattr("co_filename")?.extract()?;
        let file = match source::file(py, &file_name, &function.getattr("__globals__")?)? {
            Ok(file) => file,
            Err(problem) => return Ok(Err(problem)),
        };
        if self.is_exact && !exact::is_source_of(file.text(), code)? {
            return Ok(Err(format!("`{file_name}` holds another text than the code was made from")));
        }
        let name: String = code.getattr("co_name")?.extract()?;
        let qualname: String = function.getattr("__qualname__")?.extract()?;
        let line = code.getattr("co_firstlineno")?.extract()?;
        let body = if name == "<lambda>" { body_range(code)? } else { None };
        Ok(Ok(Definition {
            file,
            line,
            name: name.into(),
            qualname: qualname.into(),
            body,
            defaults: self.defaults(&function, code)?,
            options,
        }))
    }

    fn defaults(
        &self,
        function: &Bound<'py, PyFunction>,
        code: &Bound<'py, PyCode>,
    ) -> PyResult<Vec<(Arc<str>, Object)>> {
        let mut found = Vec::new();
        if let Ok(values) = function.getattr("__defaults__")?.cast::<PyTuple>() {
            let n_positional = code.getattr("co_argcount")?.extract::<usize>()?;
            let names = code.getattr("co_varnames")?;
            let names = names.cast::<PyTuple>()?.iter().take(n_positional).skip(n_positional - values.len());
            for (name, value) in names.zip(values.iter()) {
                found.push((name.extract::<String>()?.into(), self.classify(&value)?));
            }
        }
        if let Ok(values) = function.getattr("__kwdefaults__")?.cast::<PyDict>() {
            for (name, value) in values.iter() {
                found.push((name.extract::<String>()?.into(), self.classify(&value)?));
            }
        }
        Ok(found)
    }

    /// The Python function behind an id, if it is one's.
    fn function_of(&self, id: ObjectId) -> Option<Bound<'py, PyFunction>> {
        let object = self.object_of(id)?;
        match object.cast::<Dispatcher>() {
            Ok(dispatcher) => Some(dispatcher.get().function(self.py()).clone()),
            Err(_) => object.cast_into::<PyFunction>().ok(),
        }
    }
}

impl Host for PythonHost<'_> {
    fn object(&self, id: ObjectId) -> Object {
        let gone = || Object::Other { description: "an object that is gone".into() };
        let Some(object) = self.object_of(id) else { return gone() };
        self.keep(self.classify(&object).map(Some)).unwrap_or_else(gone)
    }

    fn global(&self, function: ObjectId, name: &str) -> Option<Object> {
        self.keep(self.find_global(function, name))
    }

    fn attribute(&self, module: ObjectId, name: &str) -> Option<Object> {
        let module = self.object_of(module)?;
        self.keep(self.read_attribute(&module, name))
    }

    fn names(&self, function: ObjectId) -> Vec<String> {
        self.find_names(function).unwrap_or_default()
    }

    fn members(&self, module: ObjectId) -> Vec<String> {
        self.object_of(module).map_or(Vec::new(), |module| public_names(&module).unwrap_or_default())
    }

    fn definition(&self, function: ObjectId) -> Result<Definition, String> {
        self.keep(self.find_definition(function).map(Some))
            .unwrap_or_else(|| Err("its source cannot be read".into()))
    }
}

/// The module of builtins that `globals` name, or Python's.
fn builtins<'py>(py: Python<'py>, globals: &Bound<'py, PyDict>) -> PyResult<Bound<'py, PyAny>> {
    match globals.get_item("__builtins__")? {
        Some(module) if module.is_instance_of::<PyModule>() => Ok(module),
        _ => Ok(py.import("builtins")?.into_any()),
    }
}

/// The names in a module that do not begin with an underscore.
fn public_names(module: &Bound<'_, PyAny>) -> PyResult<Vec<String>> {
    let names = module.dir()?.iter().filter_map(|name| name.extract::<String>().ok());
    Ok(names.filter(|name| !name.starts_with('_')).collect())
}

/// Where the body of a lambda lies: from the first to the last place that its instructions come from.
fn body_range(code: &Bound<'_, PyCode>) -> PyResult<Option<BodyRange>> {
    let mut range: Option<BodyRange> = None;
    for position in code.call_method0("co_positions")?.try_iter()? {
        let position: [Option<u32>; 4] = position?.extract()?;
        let [Some(start_line), Some(end_line), Some(start_column), Some(end_column)] = position else {
            continue;
        };
        if (start_line, start_column) == (end_line, end_column) {
            continue;
        }
        let whole = range.get_or_insert(BodyRange { start_line, start_column, end_line, end_column });
        if (start_line, start_column) < (whole.start_line, whole.start_column) {
            (whole.start_line, whole.start_column) = (start_line, start_column);
        }
        if (end_line, end_column) > (whole.end_line, whole.end_column) {
            (whole.end_line, whole.end_column) = (end_line, end_column);
        }
    }
    Ok(range)
}

/// What an object is, for a diagnostic.
fn describe(object: &Bound<'_, PyAny>) -> PyResult<String> {
    let class = object.get_type();
    let (module, name) = (class.module()?, class.qualname()?);
    let article = if name.to_str()?.starts_with(['a', 'e', 'i', 'o', 'u']) { "an" } else { "a" };
    Ok(if module == "builtins" { format!("{article} `{name}`") } else { format!("a `{module}.{name}`") })
}
