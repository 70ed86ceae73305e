//! A [`Host`] over source text alone: a module that is read, never run.
//!
//! It understands what the top level of such a program holds: imports of `math`, `ungil` and `numba`, constants, functions
//! with the decorators `jit` and `njit`, and lambdas. A name bound in any other way is an [`Object::Other`], which is an
//! error only where compiled code uses it. As in Python, the last binding of a name counts.

mod constants;
mod names;
mod options;

use std::collections::HashMap;
use std::sync::Arc;

use ruff_python_ast::{Expr, Parameters, Stmt, StmtFunctionDef, StmtImport, StmtImportFrom};
use ruff_text_size::Ranged;
use ungil_ir::diagnostic::Diagnostic;
use ungil_ir::{ObjectId, SourceFile, Span, Type};

use crate::host::{BodyRange, Constant, Definition, Host, Object, fresh_object_id};
use crate::parse;

/// A program's source, with its functions and globals.
#[derive(Debug)]
pub struct Program {
    file: Arc<SourceFile>,
    globals: HashMap<Arc<str>, Object>,
    objects: HashMap<ObjectId, Object>,
    definitions: HashMap<ObjectId, Definition>,
    exceptions: HashMap<&'static str, Object>,
    diagnostics: Vec<Diagnostic>,
}

impl Program {
    /// Reads a program; `name` is the file name that diagnostics show.
    ///
    /// ```
    /// use ungil_front::program::Program;
    /// let program = Program::new("square.py", "def square(x):\n    return x * x\n").unwrap();
    /// assert!(program.function("square").is_some());
    /// ```
    ///
    /// # Errors
    ///
    /// Syntax errors, and options of `jit` that are unknown or not constant.
    pub fn new(name: &str, text: &str) -> Result<Self, Vec<Diagnostic>> {
        let file = Arc::new(SourceFile::new(name, text));
        let tree = parse::module(&file)?;
        let mut program = Self {
            file,
            globals: HashMap::new(),
            objects: HashMap::new(),
            definitions: HashMap::new(),
            exceptions: HashMap::new(),
            diagnostics: Vec::new(),
        };
        for name in names::EXCEPTIONS {
            let object = Object::Exception { id: fresh_object_id(), name: (*name).into(), builtin: true };
            program.remember(&object);
            program.exceptions.insert(name, object);
        }
        for stmt in tree.body() {
            program.stmt(stmt);
        }
        if program.diagnostics.is_empty() { Ok(program) } else { Err(program.diagnostics) }
    }

    /// The function that a global name is bound to.
    pub fn function(&self, name: &str) -> Option<ObjectId> {
        match self.globals.get(name)? {
            Object::Function { id, .. } => Some(*id),
            _ => None,
        }
    }

    fn stmt(&mut self, stmt: &Stmt) {
        match stmt {
            Stmt::Import(import) => self.import(import),
            Stmt::ImportFrom(import) => self.import_from(import),
            Stmt::FunctionDef(def) => self.def(def),
            Stmt::Assign(assign) => {
                for target in &assign.targets {
                    self.assign(target, &assign.value);
                }
            }
            Stmt::AnnAssign(assign) => {
                if let Some(value) = &assign.value {
                    self.assign(&assign.target, value);
                }
            }
            Stmt::ClassDef(class) => {
                self.bind(class.name.as_str(), Object::Other { description: "a class".to_owned() });
            }
            _ => {}
        }
    }

    fn import(&mut self, import: &StmtImport) {
        for alias in &import.names {
            let module = alias.name.as_str();
            let first = module.split('.').next().unwrap_or(module);
            let (bound, module) =
                alias.asname.as_ref().map_or((first, first), |name| (name.as_str(), module));
            let object = Object::Module { id: fresh_object_id(), name: module.into() };
            self.bind(bound, object);
        }
    }

    fn import_from(&mut self, import: &StmtImportFrom) {
        let module = import.module.as_ref().map_or("", |name| name.as_str());
        for alias in &import.names {
            let name = alias.name.as_str();
            let object = if import.level > 0 {
                // Only a host around this one can know what a relative name means.
                Object::Builtin(format!("{}{module}.{name}", ".".repeat(import.level as usize)).into())
            } else {
                member(module, name)
                    .unwrap_or_else(|| Object::Other { description: format!("`{module}.{name}`") })
            };
            self.bind(alias.asname.as_ref().map_or(name, |name| name.as_str()), object);
        }
    }

    fn def(&mut self, def: &StmtFunctionDef) {
        let name = def.name.as_str();
        let mut options = None;
        for decorator in &def.decorator_list {
            options = self.jit_options(&decorator.expression);
            if options.is_none() {
                self.bind(name, Object::Other { description: "a decorated function".to_owned() });
                return;
            }
        }
        let first = def.decorator_list.first().map_or(def.range, |decorator| decorator.range);
        let definition = Definition {
            file: Arc::clone(&self.file),
            line: self.file.line(first.start().to_u32()),
            name: name.into(),
            qualname: name.into(),
            body: None,
            defaults: self.defaults(&def.parameters),
            options,
        };
        self.define(name, definition);
    }

    fn define(&mut self, name: &str, definition: Definition) {
        let id = fresh_object_id();
        let object = Object::Function { id, name: Arc::clone(&definition.name) };
        self.definitions.insert(id, definition);
        self.bind(name, object);
    }

    fn defaults(&self, parameters: &Parameters) -> Vec<(Arc<str>, Object)> {
        let all = parameters.posonlyargs.iter().chain(&parameters.args).chain(&parameters.kwonlyargs);
        all.filter_map(|parameter| {
            let default = parameter.default.as_ref()?;
            Some((Arc::from(parameter.parameter.name.as_str()), self.value(default)))
        })
        .collect()
    }

    fn assign(&mut self, target: &Expr, value: &Expr) {
        match (target, value) {
            (Expr::Name(name), Expr::Lambda(lambda)) => {
                let (start, end) = (lambda.body.range().start().to_u32(), lambda.body.range().end().to_u32());
                let line = |offset| self.file.line(offset);
                let column = |offset| offset - self.file.line_start(line(offset)).unwrap_or_default();
                let body = BodyRange {
                    start_line: line(start),
                    start_column: column(start),
                    end_line: line(end),
                    end_column: column(end),
                };
                let definition = Definition {
                    file: Arc::clone(&self.file),
                    line: line(lambda.range.start().to_u32()),
                    name: "<lambda>".into(),
                    qualname: "<lambda>".into(),
                    body: Some(body),
                    defaults: lambda.parameters.as_ref().map_or(Vec::new(), |all| self.defaults(all)),
                    options: None,
                };
                self.define(name.id.as_str(), definition);
            }
            (Expr::Name(name), _) => {
                let object = self.value(value);
                self.bind(name.id.as_str(), object);
            }
            (Expr::Tuple(targets), Expr::Tuple(values)) if targets.elts.len() == values.elts.len() => {
                for (target, value) in targets.elts.iter().zip(&values.elts) {
                    self.assign(target, value);
                }
            }
            (Expr::Tuple(targets), _) => {
                for target in &targets.elts {
                    if let Expr::Name(name) = target {
                        self.bind(name.id.as_str(), computed());
                    }
                }
            }
            _ => {}
        }
    }

    fn bind(&mut self, name: &str, object: Object) {
        self.remember(&object);
        self.globals.insert(name.into(), object);
    }

    fn remember(&mut self, object: &Object) {
        if let Object::Function { id, .. } | Object::Module { id, .. } | Object::Exception { id, .. } = object
        {
            self.objects.insert(*id, object.clone());
        }
    }

    /// What a name is bound to so far.
    fn lookup(&self, name: &str) -> Option<Object> {
        if let Some(object) = self.globals.get(name) {
            return Some(object.clone());
        }
        if let Some(exception) = self.exceptions.get(name) {
            return Some(exception.clone());
        }
        names::BUILTINS.contains(&name).then(|| Object::Builtin(format!("builtins.{name}").into()))
    }

    fn span(range: ruff_text_size::TextRange) -> Span {
        Span::new(range.start().to_u32(), range.end().to_u32())
    }
}

impl Host for Program {
    fn object(&self, id: ObjectId) -> Object {
        let unknown = || Object::Other { description: "an object of another program".to_owned() };
        self.objects.get(&id).cloned().unwrap_or_else(unknown)
    }

    fn global(&self, _function: ObjectId, name: &str) -> Option<Object> {
        self.lookup(name)
    }

    fn attribute(&self, module: ObjectId, name: &str) -> Option<Object> {
        match self.objects.get(&module)? {
            Object::Module { name: module, .. } => member(module, name),
            _ => None,
        }
    }

    fn names(&self, _function: ObjectId) -> Vec<String> {
        let mut names: Vec<String> = self.globals.keys().map(ToString::to_string).collect();
        // A map's order differs from run to run; a suggestion should not.
        names.sort();
        names.extend(names::BUILTINS.iter().chain(names::EXCEPTIONS).map(ToString::to_string));
        names
    }

    fn members(&self, module: ObjectId) -> Vec<String> {
        let names: Vec<&str> = match self.objects.get(&module) {
            Some(Object::Module { name, .. }) if &**name == "math" => names::MATH
                .iter()
                .copied()
                .chain(names::MATH_CONSTANTS.iter().map(|(name, _)| *name))
                .collect(),
            Some(Object::Module { name, .. }) if matches!(&**name, "ungil" | "numba") => {
                names::UNGIL.to_vec()
            }
            _ => Vec::new(),
        };
        names.into_iter().map(ToOwned::to_owned).collect()
    }

    fn definition(&self, function: ObjectId) -> Result<Definition, String> {
        self.definitions
            .get(&function)
            .cloned()
            .ok_or_else(|| "it is not a function of this program".to_owned())
    }
}

/// What a module's name is bound to, for the modules that are known.
fn member(module: &str, name: &str) -> Option<Object> {
    match module {
        "math" => {
            if let Some((_, value)) = names::MATH_CONSTANTS.iter().find(|(known, _)| *known == name) {
                return Some(Object::Const(Constant::Float(*value)));
            }
            names::MATH.contains(&name).then(|| Object::Builtin(format!("math.{name}").into()))
        }
        "ungil" | "numba" => {
            if names::UNGIL.contains(&name) {
                return Some(Object::Builtin(format!("ungil.{name}").into()));
            }
            type_named(name).map(Object::Type)
        }
        "ungil.types" | "numba.types" => type_named(name).map(Object::Type),
        "builtins" => {
            names::BUILTINS.contains(&name).then(|| Object::Builtin(format!("builtins.{name}").into()))
        }
        _ => None,
    }
}

/// A scalar type by its name.
fn type_named(name: &str) -> Option<Type> {
    Some(match name {
        "int8" => Type::int(8),
        "int16" => Type::int(16),
        "int32" => Type::int(32),
        "int64" => Type::INT64,
        "uint8" => Type::uint(8),
        "uint16" => Type::uint(16),
        "uint32" => Type::uint(32),
        "uint64" => Type::UINT64,
        "float32" => Type::FLOAT32,
        "float64" => Type::FLOAT64,
        "complex64" => Type::COMPLEX64,
        "complex128" => Type::COMPLEX128,
        "boolean" => Type::Bool,
        _ => return None,
    })
}

/// A value that only running the module would tell.
fn computed() -> Object {
    Object::Other { description: "a value computed when the module runs".to_owned() }
}
