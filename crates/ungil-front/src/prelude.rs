//! The library that is written in the language itself: `python/ungil/prelude/*.py`, embedded.
//!
//! A function of the prelude is found by its name in any of the files, parsed when it is first needed and then kept
//! for the life of the process.

use std::collections::HashMap;
use std::sync::{Mutex, OnceLock, PoisonError};

use memchr::memmem;
use ungil_ir::ObjectId;
use ungil_ir::diagnostic::Diagnostic;

use crate::host::{Definition, Host, Object};
use crate::program::Program;
use crate::session::{self, Code, Owner};

/// What a function at the top level of a file begins with.
const DEF: &[u8] = b"\ndef ";

/// A file of the prelude.
struct File {
    module: &'static str,
    text: &'static str,
}

macro_rules! files {
    ($($module:literal),* $(,)?) => {
        [$(File {
            module: $module,
            text: include_str!(concat!("../../../python/ungil/prelude/", $module, ".py")),
        }),*]
    };
}

static FILES: &[File] = &files![
    "math_arcsine",
    "math_arcsine_fast",
    "math_arctangent",
    "math_arctangent_fast",
    "math_error",
    "math_error_fast",
    "math_exponential",
    "math_exponential_fast",
    "math_floats",
    "math_gamma",
    "math_hyperbolic",
    "math_hyperbolic_fast",
    "math_integers",
    "math_inverse_hyperbolic",
    "math_inverse_hyperbolic_fast",
    "math_log_gamma",
    "math_log_gamma_zeros",
    "math_logarithm",
    "math_logarithm_fast",
    "math_power",
    "math_power_fast",
    "math_reduction",
    "math_sine",
    "math_sine_fast",
    "math_tangent",
    "math_tangent_fast",
    "operators_complex",
    "operators_float",
    "operators_integer",
    "operators_rounding",
];

/// The prelude; one for the process.
pub(crate) struct Prelude {
    /// Which file defines each function.
    index: HashMap<&'static str, usize>,
    programs: Vec<OnceLock<Program>>,
    codes: Mutex<HashMap<ObjectId, Result<Code, Vec<Diagnostic>>>>,
}

impl Prelude {
    /// The prelude.
    pub(crate) fn get() -> &'static Self {
        static PRELUDE: OnceLock<Prelude> = OnceLock::new();
        PRELUDE.get_or_init(Self::new)
    }

    fn new() -> Self {
        let mut index = HashMap::new();
        for (position, file) in FILES.iter().enumerate() {
            for at in memmem::find_iter(file.text.as_bytes(), DEF) {
                if let Some((name, _)) = file.text[at + DEF.len()..].split_once('(') {
                    index.insert(name, position);
                }
            }
        }
        let programs = FILES.iter().map(|_| OnceLock::new()).collect();
        Self { index, programs, codes: Mutex::default() }
    }

    /// The function of that name.
    pub(crate) fn function(&self, name: &str) -> Option<ObjectId> {
        self.program(*self.index.get(name)?).function(name)
    }

    /// The code of a function of the prelude.
    ///
    /// # Errors
    ///
    /// What is wrong with it: a mistake in the prelude.
    pub(crate) fn code(&self, id: ObjectId) -> Result<Code, Vec<Diagnostic>> {
        if let Some(known) = self.codes.lock().unwrap_or_else(PoisonError::into_inner).get(&id) {
            return known.clone();
        }
        let code = session::load(self, id, Owner::Prelude, false);
        self.codes.lock().unwrap_or_else(PoisonError::into_inner).insert(id, code.clone());
        code
    }

    fn program(&self, position: usize) -> &Program {
        self.programs[position].get_or_init(|| {
            let File { module, text } = &FILES[position];
            Program::new(&format!("<ungil prelude {module}>"), text)
                .unwrap_or_else(|errors| panic!("the prelude's `{module}` does not parse: {errors:?}"))
        })
    }

    fn program_of(&self, function: ObjectId) -> Option<&Program> {
        self.programs.iter().filter_map(OnceLock::get).find(|program| program.definition(function).is_ok())
    }
}

impl Host for Prelude {
    fn object(&self, id: ObjectId) -> Object {
        match self.program_of(id) {
            Some(program) => program.object(id),
            None => Object::Other { description: "an object that the prelude does not know".to_owned() },
        }
    }

    fn global(&self, function: ObjectId, name: &str) -> Option<Object> {
        let found = self.program_of(function)?.global(function, name)?;
        // A relative import names an intrinsic or a function of another file.
        let Object::Builtin(path) = &found else { return Some(found) };
        let Some(path) = path.strip_prefix('.') else { return Some(found) };
        let (module, name) = path.rsplit_once('.')?;
        if module == "_intrinsics" {
            return Some(Object::Builtin(format!("intrinsics.{name}").into()));
        }
        let id = self.function(name)?;
        Some(Object::Function { id, name: name.into() })
    }

    fn attribute(&self, _module: ObjectId, _name: &str) -> Option<Object> {
        None
    }

    fn definition(&self, function: ObjectId) -> Result<Definition, String> {
        self.program_of(function).map_or_else(
            || Err("it is not in the prelude".to_owned()),
            |program| program.definition(function),
        )
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::FILES;

    #[test]
    fn every_file_is_embedded() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../python/ungil/prelude");
        let mut names: Vec<String> = std::fs::read_dir(folder)
            .expect("the prelude's folder")
            .filter_map(|entry| {
                entry.ok()?.file_name().into_string().ok()?.strip_suffix(".py").map(str::to_owned)
            })
            .filter(|name| !name.starts_with('_'))
            .collect();
        names.sort();
        let embedded: Vec<&str> = FILES.iter().map(|file| file.module).collect();
        assert_eq!(names, embedded);
    }
}
