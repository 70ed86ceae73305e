//! Finding a function in its file, and what a broken file says.

use std::sync::Arc;

use ungil_front::host::{BodyRange, Definition};
use ungil_front::parse;
use ungil_front::program::Program;
use ungil_ir::SourceFile;

use crate::support::attempt;

fn definition(text: &str, name: &str, line: u32) -> Definition {
    Definition {
        file: Arc::new(SourceFile::new("test.py", text)),
        line,
        name: name.into(),
        qualname: name.into(),
        body: None,
        defaults: Vec::new(),
        options: None,
    }
}

/// The names of the parameters of what is found.
fn params(definition: &Definition) -> String {
    let nothing = Program::new("empty.py", "").unwrap();
    let function = attempt(definition, &nothing).unwrap_or_else(|| panic!("{}", error(definition)));
    function.params.iter().map(|param| function.file.slice(param.span)).collect::<Vec<_>>().join(" ")
}

fn error(definition: &Definition) -> String {
    parse::function(definition).expect_err("it is not there").to_string()
}

#[test]
fn by_line_and_name() {
    let text = "def f(one): pass\nclass A:\n    @staticmethod\n    @print\n    def f(two):\n        def f(three): pass\n";
    assert_eq!(params(&definition(text, "f", 1)), "one");
    assert_eq!(params(&definition(text, "f", 3)), "two");
    assert_eq!(params(&definition(text, "f", 5)), "two");
    assert_eq!(params(&definition(text, "f", 6)), "three");
    assert!(error(&definition(text, "f", 2)).contains("no `def f` begins on line 2"));
    assert!(error(&definition(text, "g", 1)).contains("the source of `g` is not where it was defined"));
    assert!(error(&definition("", "g", 7)).contains("not where it was defined"));
}

#[test]
fn in_a_file_that_is_not_python_elsewhere() {
    let text =
        "%matplotlib inline\nimport os\n!ls (\n\nif True:\n    def f(été, b):\n        return b\n\nx = = 3\n";
    assert_eq!(params(&definition(text, "f", 6)), "été b");
    let unclosed = "x = (\n\"\"\"\ndef f(a):\n    return a\n";
    assert_eq!(params(&definition(unclosed, "f", 3)), "a");
}

#[test]
fn in_an_indented_snippet() {
    let text = "    @jit\n    def f(a,\n  b):\n        '''\ntext'''\n        return a\n";
    assert_eq!(params(&definition(text, "f", 1)), "a b");
}

#[test]
fn an_error_inside_is_told_at_its_place() {
    let message = error(&definition("def f(a):\n    return a +\n\ndef g(): pass\n", "f", 1));
    assert!(
        message.contains("not Python: expected an expression") && message.contains("test.py:2:"),
        "{message}"
    );
    assert_eq!(params(&definition("def f(a):\n    return a +\n\ndef g(x): pass\n", "g", 4)), "x");
}

#[test]
fn lambdas_by_their_bodies() {
    let text = "f = (lambda a: a + 1), (lambda b:\n    b)\nlambda c: lambda d: d\n";
    let lambda = |line, start: (u32, u32), end: (u32, u32)| Definition {
        body: Some(BodyRange {
            start_line: start.0,
            start_column: start.1,
            end_line: end.0,
            end_column: end.1,
        }),
        ..definition(text, "<lambda>", line)
    };
    assert_eq!(params(&lambda(1, (1, 15), (1, 20))), "a");
    assert_eq!(params(&lambda(1, (2, 4), (2, 5))), "b");
    assert_eq!(params(&lambda(3, (3, 10), (3, 21))), "c");
    assert_eq!(params(&lambda(3, (3, 20), (3, 21))), "d");
    assert!(error(&definition(text, "<lambda>", 1)).contains("two lambdas begin on this line"));
    assert_eq!(params(&definition("\nf = lambda x, y: x\n", "<lambda>", 2)), "x y");
    assert!(error(&definition(text, "<lambda>", 2)).contains("the lambda is not where it was defined"));
}

#[test]
fn a_file_is_parsed_again_when_it_is_another() {
    for name in ["a", "b", "c"] {
        assert_eq!(params(&definition(&format!("def f({name}): pass\n"), "f", 1)), name);
    }
}
