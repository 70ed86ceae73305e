//! What a program's text says of the names in it.

use ungil_front::host::{Constant, ErrorModel, Host, Object};
use ungil_front::program::Program;
use ungil_ir::diagnostic::{Style, render};
use ungil_ir::ir::FastMath;
use ungil_ir::{ObjectId, Type};

fn program(text: &str) -> Program {
    Program::new("test.py", text).unwrap_or_else(|errors| panic!("{}", render(&errors, Style::Plain)))
}

fn global(text: &str, name: &str) -> Option<Object> {
    program(text).global(ObjectId(0), name)
}

fn builtin(name: &str) -> Object {
    Object::Builtin(name.into())
}

#[test]
fn imports() {
    assert_eq!(global("from math import cos", "cos"), Some(builtin("math.cos")));
    assert_eq!(global("from math import cos as c", "c"), Some(builtin("math.cos")));
    assert_eq!(global("from numba import prange", "prange"), Some(builtin("ungil.prange")));
    assert_eq!(global("from .a._b import c", "c"), Some(builtin(".a._b.c")));
    assert_eq!(global("from ungil import int8", "int8"), Some(Object::Type(Type::int(8))));
    assert!(
        matches!(global("import numpy as np", "np"), Some(Object::Module { name, .. }) if &*name == "numpy")
    );
    assert!(matches!(global("from numpy import sin", "sin"), Some(Object::Other { .. })));
}

#[test]
fn attributes_of_modules() {
    let program = program("import math as m, ungil, os.path\n");
    let attribute = |module, name| match program.global(ObjectId(0), module) {
        Some(Object::Module { id, .. }) => program.attribute(id, name),
        other => panic!("{module} is {other:?}"),
    };
    assert_eq!(attribute("m", "sin"), Some(builtin("math.sin")));
    assert_eq!(attribute("m", "e"), Some(Object::Const(Constant::Float(std::f64::consts::E))));
    assert_eq!(attribute("m", "sine"), None);
    assert_eq!(attribute("ungil", "njit"), Some(builtin("ungil.njit")));
    assert_eq!(attribute("ungil", "float64"), Some(Object::Type(Type::FLOAT64)));
    assert_eq!(attribute("os", "path"), None);
}

#[test]
fn builtins_and_exceptions_may_be_shadowed() {
    assert_eq!(global("", "abs"), Some(builtin("builtins.abs")));
    assert_eq!(global("abs = 3", "abs"), Some(Object::Const(Constant::Int(3))));
    assert_eq!(global("", "nothing"), None);
    let program = program("");
    let Some(Object::Exception { id, builtin: true, .. }) = program.global(ObjectId(0), "ValueError") else {
        panic!("a builtin exception");
    };
    assert!(matches!(program.object(id), Object::Exception { name, .. } if &*name == "ValueError"));
}

#[test]
fn constants() {
    let text = "import math\nA = -3\nB: float = A\nC, D = (1, 'x'), math.pi / 2\nE = [1]\nF = 1 / 4\nG = -math.inf\nH = open('x')\n";
    let constant = |name| match global(text, name) {
        Some(Object::Const(constant)) => Some(constant),
        _ => None,
    };
    assert_eq!(constant("A"), Some(Constant::Int(-3)));
    assert_eq!(constant("B"), Some(Constant::Int(-3)));
    let parts = vec![Object::Const(Constant::Int(1)), Object::Const(Constant::Str("x".into()))];
    assert_eq!(constant("C"), Some(Constant::Tuple(parts)));
    assert_eq!(constant("D"), Some(Constant::Float(std::f64::consts::FRAC_PI_2)));
    assert_eq!(constant("F"), Some(Constant::Float(0.25)));
    assert_eq!(constant("G"), Some(Constant::Float(f64::NEG_INFINITY)));
    assert_eq!((constant("E"), constant("H")), (None, None));
}

#[test]
fn functions_and_their_options() {
    let text = r#"
import numba
from ungil import njit as nj
K = 4

@numba.jit(nopython=True, parallel=True, fastmath=True, cache=True, error_model="numpy", inline="always")
def f(a, b=K, *, c=2.5): return a

@nj
def g(a): return a

@nj(fastmath={"nnan", "contract"})
def h(a): return a

def plain(a): return a

@print
def other(a): return a

short = lambda x, y=1: x
"#;
    let program = program(text);
    let definition =
        |name| program.definition(program.function(name).expect("it is one")).expect("it is known");
    let f = definition("f");
    assert_eq!((f.line, &*f.name), (6, "f"));
    let options = f.options.expect("it is decorated");
    assert!(options.parallel && options.inline && options.fastmath == FastMath::FAST);
    assert_eq!(options.error_model, ErrorModel::Numpy);
    let int = |value| Object::Const(Constant::Int(value));
    let defaults = vec![("b".into(), int(4)), ("c".into(), Object::Const(Constant::Float(2.5)))];
    assert_eq!(f.defaults, defaults);
    assert!(definition("g").options.is_some_and(|options| !options.parallel));
    let flags = FastMath { nnan: true, contract: true, ..FastMath::default() };
    assert_eq!(definition("h").options.expect("it is decorated").fastmath, flags);
    assert!(definition("plain").options.is_none());
    assert_eq!(definition("short").defaults, [("y".into(), int(1))]);
    assert!(program.function("other").is_none() && program.function("K").is_none());
    assert!(program.definition(ObjectId(0)).is_err());
}

#[test]
fn what_is_wrong_is_told() {
    let text = "from ungil import jit\n@jit(paralel=True)\ndef f(): pass\n@jit(fastmath=1, inline='maybe')\ndef g(): pass\n";
    let errors = Program::new("test.py", text).expect_err("the options are wrong");
    insta::assert_snapshot!(render(&errors, Style::Plain));
    assert!(Program::new("test.py", "def f(:\n").is_err());
}
