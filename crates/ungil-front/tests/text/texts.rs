//! Texts of all kinds, from words of Python in any order to bytes.

use std::fs;
use std::path::Path;
use std::sync::LazyLock;

use proptest::prelude::*;
use proptest::sample::{Index, select};

const HEAD: &str = "import math\nfrom math import cos, pi\nfrom ungil import njit, prange\n";

const WORDS: [&str; 97] = [
    "def f(a, b):\n",
    "def g(*a, **k):\n",
    "@njit\n",
    "@njit(parallel=True)\n",
    "class A:\n",
    "lambda x: ",
    "lambda: ",
    "\n",
    "\n    ",
    "\n        ",
    "\n\t",
    ":\n        ",
    ";",
    "if ",
    "elif ",
    "else:",
    "for ",
    "in ",
    "while ",
    "return ",
    "yield ",
    "await ",
    "async ",
    "break",
    "continue",
    "pass",
    "raise ",
    "assert ",
    "del ",
    "global ",
    "nonlocal ",
    "with ",
    "as ",
    "try:",
    "except ",
    "finally:",
    "import ",
    "from ",
    "match ",
    "case ",
    "type ",
    "not ",
    "and ",
    "or ",
    "is ",
    "None",
    "True",
    "False",
    "...",
    "_",
    "a",
    "b",
    "f",
    "g",
    "x",
    "math",
    "math.sin",
    "prange",
    "range",
    "len",
    "zip",
    "enumerate",
    "print",
    "int",
    "min",
    "sum",
    "tuple",
    "isinstance",
    "f'{a!r:>{b}}'",
    "'''",
    "\"",
    "b''",
    "'\\N{DASH}'",
    "0",
    "1",
    "2**63",
    "1e999",
    "0x_1",
    "1_0j",
    "0777",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    ",",
    ", ",
    ":",
    ":=",
    " = ",
    " += ",
    "*",
    "**",
    " + ",
    " - ",
    " // ",
];

/// Words of the language in any order, some within a function.
pub(crate) fn soup() -> impl Strategy<Value = String> {
    let words = || prop::collection::vec(select(&WORDS[..]), 0..60).prop_map(|words| words.concat());
    prop_oneof![
        words().prop_map(|words| format!("{HEAD}{words}")),
        words().prop_map(|words| format!("{HEAD}def f(a, b):\n    {words}")),
        words().prop_map(|words| format!("{HEAD}def f(a, b):\n    return {}", words.replace('\n', " "))),
        words().prop_map(|words| format!("f = {}", words.replace('\n', " "))),
    ]
}

/// The programs of this project: the library and the examples.
static REAL: LazyLock<Vec<String>> = LazyLock::new(|| {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut paths: Vec<_> = ["python/ungil/prelude", "examples", "python/ungil/cli", "tests/jit"]
        .iter()
        .flat_map(|folder| fs::read_dir(root.join(folder)).expect("the folder is there"))
        .map(|entry| entry.expect("it can be read").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "py"))
        .collect();
    paths.sort();
    paths.iter().map(|path| fs::read_to_string(path).expect("it is text")).collect()
});

/// A part of a real program: cut off somewhere, and perhaps with something else in one place.
pub(crate) fn broken() -> impl Strategy<Value = String> {
    let with = prop_oneof![
        3 => Just(String::new()),
        2 => select(&WORDS[..]).prop_map(str::to_owned),
        1 => "\\PC{0,4}",
    ];
    (any::<Index>(), any::<[Index; 4]>(), with).prop_map(|(which, at, with)| {
        let mut text = which.get(&REAL).clone();
        let place = |text: &str, index: Index| text.floor_char_boundary_of(index.index(text.len() + 1));
        text.truncate(place(&text, at[0]));
        // Most files are longer than what takes a moment.
        let from = place(&text, at[1]).max(text.len().saturating_sub(4000));
        let from = text[..text.floor_char_boundary_of(from)].rfind("\ndef ").map_or(0, |line| line + 1);
        let mut text = text.split_off(from);
        let start = place(&text, at[2]);
        let end = text.floor_char_boundary_of((start + at[3].index(12)).min(text.len()));
        text.replace_range(start..end.max(start), &with);
        text
    })
}

trait CharBoundary {
    /// The last boundary between characters that is not behind `at`.
    fn floor_char_boundary_of(&self, at: usize) -> usize;
}

impl CharBoundary for str {
    fn floor_char_boundary_of(&self, at: usize) -> usize {
        (0..=at).rev().find(|place| self.is_char_boundary(*place)).unwrap_or(0)
    }
}

/// Characters that few programs have, in the places where names, spaces and texts stand.
pub(crate) fn unusual() -> impl Strategy<Value = String> {
    let strange = select(vec![
        "\u{feff}",
        "\0",
        "\r",
        "\r\n",
        "\u{c}",
        "\u{b}",
        "\u{85}",
        "\u{2028}",
        "\u{2029}",
        "\u{a0}",
        "\u{200b}",
        "\u{200d}",
        "\u{202e}",
        "\u{fffd}",
        "\u{ffff}",
        "\u{10ffff}",
        "\u{e000}",
        "é",
        "e\u{301}",
        "ﬁ",
        "ſ",
        "K",
        "𝔣",
        "𝕒",
        "ß",
        "ı",
        "İ",
        "中文",
        "ไ",
        "ا",
        "👩\u{200d}👩",
        "🏳",
        "x\u{300}\u{301}",
        "·",
        "℘",
        "١",
        "²",
        "½",
        "Ⅷ",
        "“",
        "‐",
        "，",
        "（",
        "\\",
        "\u{1}",
        "\u{7f}",
        "$",
        "?",
        "`",
        "a",
        " ",
        "1",
    ]);
    let any_char = any::<char>().prop_map(String::from);
    let piece = prop_oneof![4 => strange.prop_map(str::to_owned), 1 => any_char];
    let pieces = || prop::collection::vec(piece.clone(), 1..5).prop_map(|pieces| pieces.concat());
    (pieces(), pieces(), pieces(), 0..8_u32).prop_map(|(a, b, c, form)| match form {
        0 => format!("{a}{b}{c}"),
        1 => format!("def f({a}):\n    return {a}{b}\n"),
        2 => format!("def f(a):\n    {b} = a\n    return {b} + {c}\n"),
        3 => format!("def f(a):\n    # {b}\n    return a.{a} # {c}\n"),
        4 => format!("{a}def{b}f(a):{c}\n    return a\n"),
        5 => format!("def f(a):\n    assert a, '{b}'\n    print('{a}', f'{{a}}{c}', \"\"\"{b}\n{c}\"\"\")\n    return 𝕒\n"),
        6 => format!("def f(a):\n{a}    x = 1{b}\n\treturn x{c}\n"),
        _ => format!("def {a}(x):\n    return {b}\ndef f(x):\n    return {a}({c}(x)) + {a}.{b}\n"),
    })
}

/// Something within itself, or beside itself, many times over.
pub(crate) fn large() -> impl Strategy<Value = String> {
    let around = select(vec![
        ("(", ")"),
        ("[", "]"),
        ("{", "}"),
        ("(", ",)"),
        ("-", ""),
        ("not ", ""),
        ("~", ""),
        ("lambda: ", ""),
        ("cos(", ")"),
        ("f(", ", 1)"),
        ("a[", "]"),
        ("(a if a else ", ")"),
        ("(a := ", ")"),
        ("a + (", ")"),
        ("a ** ", ""),
        ("f'{", "}'"),
        ("a < (", ")"),
        ("(b and ", ")"),
        ("*", ""),
        ("await ", ""),
        ("", ".real"),
        ("", "[0]"),
        ("", "()"),
        ("(lambda x: ", ")(a)"),
    ]);
    let again = select(vec![
        " + a",
        " * 1.5",
        " < a",
        " and a",
        " or b",
        ", a",
        "; a = a + 1",
        "; a",
        " if a else b",
        " - 1",
        "1",
        "a",
        "\\\n ",
        " ",
        " # a",
        ".real",
        "[0]",
        " == 1",
        " if b else a",
        "'x' ",
        " ** 2",
        " // 3",
    ]);
    let line = select(vec![
        "a = a + 1",
        "if a: b = 1",
        "x = lambda: a",
        "for i in range(a): b += i",
        "a, b = b, a",
        "def h(): return a",
        "a = (a, b)",
        "print(a)",
        "while a: a -= 1",
        "assert a",
        "del b; b = a",
        "r = zip(range(a), range(a))",
        "for i in prange(a): b += i",
        "a = a, a",
    ]);
    let opening = select(vec![
        "if a:",
        "while a:",
        "for i in range(a):",
        "def h(x):",
        "for i in prange(a):",
        "if a: pass\nELSE",
        "with a:",
        "try:",
    ]);
    let count = || prop_oneof![1..40_usize, 40..400_usize, 400..3000_usize];
    prop_oneof![
        3 => (around.clone(), count()).prop_map(|((before, behind), n)| {
            format!("{HEAD}def f(a, b):\n    return {}a{}\n", before.repeat(n), behind.repeat(n))
        }),
        1 => (around, count()).prop_map(|((before, _), n)| format!("{HEAD}def f(a, b):\n    return {}", before.repeat(n))),
        3 => (again, count()).prop_map(|(more, n)| format!("{HEAD}def f(a, b):\n    return a{}\n", more.repeat(n))),
        2 => (line, 1..300_usize).prop_map(|(line, n)| {
            format!("{HEAD}def f(a, b):\n{}    return a\n", format!("    {line}\n").repeat(n))
        }),
        2 => (opening, 1..120_usize).prop_map(|(opening, n)| {
            let lines = numbered(n, |depth| {
                let indent = "  ".repeat(depth + 1);
                format!("{indent}{}\n", opening.replace("\nELSE", &format!("\n{indent}else:")))
            });
            let indent = "  ".repeat(n + 1);
            format!("{HEAD}def f(a, b):\n{lines}{indent}a = 1\n  return a\n")
        }),
        1 => count().prop_map(|n| format!("{HEAD}def f({}):\n    return a0\n", numbered(n, |i| format!("a{i}, ")))),
        // Each function is looked up in the whole file: the time grows with the square of their number.
        1 => (1..150_usize).prop_map(|n| {
            let chain = numbered(n, |i| format!("def g{i}(x): return g{}(x) + 1\n", i + 1));
            format!("{HEAD}{chain}def g{n}(x): return x\ndef f(a, b): return g0(a)\n")
        }),
        1 => count().prop_map(|n| format!("{HEAD}def f(a, b):\n    return '{}'\n", "x".repeat(n * 100))),
        1 => count().prop_map(|n| format!("{HEAD}def f(a, b):\n    return {}\n", "9".repeat(n))),
    ]
}

fn numbered(n: usize, one: impl Fn(usize) -> String) -> String {
    (0..n).map(one).collect()
}
