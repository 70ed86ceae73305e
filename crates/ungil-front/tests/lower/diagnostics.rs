//! One snapshot a thing that the language lacks: what the user reads.

use insta::assert_snapshot;

use crate::support::errors;

macro_rules! snapshots {
    ($($name:ident: $source:expr;)*) => {
        $(#[test]
        fn $name() {
            assert_snapshot!(errors($source));
        })*
    };
}

snapshots! {
    unknown_name: "def f(x): return x + missing\n";
    all_are_collected: "def f(x):\n    y = [x]\n    with x:\n        z = 1\n    return y[0] + z + {1: 2}\n";
    statements: "def f(x):\n    try:\n        pass\n    except ValueError:\n        pass\n    match x:\n        case 1:\n            pass\n    class A: pass\n    import os\n    from os import path\n    async def g(): pass\n";
    globals_and_nonlocals: "def f(x):\n    global y\n    def g():\n        nonlocal x\n        x = 1\n    return g()\n";
    expressions: "def f(x):\n    a = [i for i in x]\n    b = {1}\n    c = sum(i for i in x)\n    d = f'{x}'\n    e = b'x'\n    g = x[1:2, 3]\n    h = x is ...\n    return a, b, c, d, e, g, h\n";
    targets: "def f(x):\n    x[0] = 1\n    x.y = 2\n    a, *b = x\n    x[1] += 1\n    del x[0]\n    for x[2] in x: pass\n    () = x\n    return b\n";
    large_integers: "def f(): return 2**64 + 10**30\n";
    keyword_unpacking: "def f(g, x, **rest): return g(**x)\n";
    raising: "def f(x):\n    if x: raise\n    if x > 1: raise ValueError(x=1)\n    if x > 2: raise ValueError(*x)\n    raise ValueError from x()\n";
    break_outside_a_loop: "def f(x):\n    if x: break\n    if not x: continue\n";
    captured_changes: "def f(a):\n    g = lambda x: x + a\n    a = 2\n    return g(1)\n";
    captured_changes_in_a_loop: "def f(n):\n    g = lambda x: x\n    for i in range(n):\n        g(1)\n        g = lambda x: x + i\n";
    captured_changes_through_others: "def f(a, c):\n    g = lambda x: x + a\n    h = g if c else (lambda x: g(x))\n    a += 1\n    return h(1)\n";
    captured_itself_changes: "def f(n):\n    def down(k): return k if k < 1 else down(k - 1)\n    old = down\n    down = lambda k: 7\n    return old(n)\n";
    captured_unbound: "def f(a):\n    def even(n): return n == 0 or odd(n - 1)\n    def odd(n): return n != 0 and even(n - 1)\n    return even(a)\n";
    nested_defaults_and_decorators: "def f(a):\n    @a\n    def g(x=a): return x\n    return g()\n";
    coroutine: "async def f(x): return x\n";
    generator: "def f(x):\n    for i in x:\n        yield i\n";
    not_python: "def f(x):\n    return x +\n";
    too_deep_blocks: deep("if x:", 250).as_str();
    too_deep_expressions: &format!("def f(x): return {}x{}\n", "-(".repeat(250), ")".repeat(250));
    too_deep_to_parse: &format!("def f(x): return {}x\n", "~".repeat(100_000));
}

/// Blocks in blocks.
fn deep(header: &str, levels: usize) -> String {
    let mut text = String::from("def f(x):\n");
    for level in 1..=levels {
        text.extend([&*" ".repeat(level), header, "\n"]);
    }
    text + &format!("{}pass\n", " ".repeat(levels + 1))
}

#[test]
fn long_sums_and_long_chains_are_not_deep() {
    let sum = vec!["x"; 400].join(" + ");
    let source = format!("def f(x):\n    return {sum}\n");
    assert!(crate::support::lowered(&source).is_ok());
}
