//! Which types expressions and variables get: source and argument types in, result type or headlines out.

use ungil_front::host::{JitOptions, Semantics};
use ungil_front::program::Program;
use ungil_ir::{Type, verify};

/// The type that the function `f` of `source` returns for arguments of these types, or the headlines of its errors.
fn returns(source: &str, args: &[&str]) -> String {
    outcome(source, args, JitOptions::default())
}

fn outcome(source: &str, args: &[&str], options: JitOptions) -> String {
    let program = match Program::new("test.py", source) {
        Ok(program) => program,
        Err(errors) => return headlines(&errors),
    };
    let function = program.function("f").expect("the source defines `f`");
    let args: Vec<Type> = args.iter().map(|name| Type::from_name(name).expect("a scalar type")).collect();
    match ungil_front::compile(&program, function, &args, &options) {
        Ok(module) => {
            let violations = verify::verify(&module);
            assert_eq!(violations, Ok(()), "{source}\n{module}");
            module.functions[0].ret.to_string()
        }
        Err(errors) => headlines(&errors),
    }
}

fn headlines(errors: &[ungil_ir::Diagnostic]) -> String {
    let lines: Vec<&str> = errors.iter().map(|error| error.headline.as_str()).collect();
    lines.join("\n")
}

fn binary(op: &str, a: &str, b: &str) -> String {
    returns(&format!("def f(a, b):\n    return a {op} b\n"), &[a, b])
}

#[test]
fn integer_arithmetic_is_numbas() {
    assert_eq!(binary("+", "int8", "int8"), "int64");
    assert_eq!(binary("+", "bool", "bool"), "int64");
    assert_eq!(binary("+", "uint8", "uint8"), "uint64");
    assert_eq!(binary("-", "uint32", "uint64"), "uint64");
    assert_eq!(binary("*", "int64", "uint64"), "int64");
    assert_eq!(binary("//", "int8", "uint8"), "int64");
    assert_eq!(binary("%", "uint8", "uint8"), "uint64");
    assert_eq!(binary("**", "int64", "int64"), "int64");
    assert_eq!(binary("/", "int64", "int64"), "float64");
    assert_eq!(binary("<<", "uint8", "int64"), "uint64");
    assert_eq!(binary("&", "bool", "bool"), "bool");
    assert_eq!(binary("|", "bool", "int8"), "int64");
}

#[test]
fn float_arithmetic_is_numpys() {
    assert_eq!(binary("+", "int32", "float32"), "float64");
    assert_eq!(binary("+", "int16", "float32"), "float32");
    assert_eq!(binary("+", "uint16", "float32"), "float64");
    assert_eq!(binary("**", "float32", "int64"), "float32");
    assert_eq!(binary("*", "float32", "float32"), "float32");
    assert_eq!(binary("-", "uint64", "float64"), "float64");
    assert_eq!(binary("//", "float32", "float32"), "float32");
    assert_eq!(binary("%", "float64", "int64"), "float64");
    assert_eq!(binary("**", "float64", "float64"), "float64");
    assert_eq!(binary("*", "complex64", "float32"), "complex64");
    assert_eq!(binary("/", "complex64", "int64"), "complex128");
}

#[test]
fn comparisons_give_bools() {
    for op in ["==", "!=", "<", "<=", ">", ">="] {
        assert_eq!(binary(op, "int64", "uint64"), "bool");
        assert_eq!(binary(op, "float32", "int8"), "bool");
    }
    assert_eq!(binary("==", "complex128", "int64"), "bool");
    assert_eq!(binary("<", "complex128", "int64"), "`<` does not apply to complex128 and int64");
}

#[test]
fn a_variable_is_what_its_ways_in_unify_to() {
    let accumulate = "def f(n):\n    s = 0\n    for i in range(n):\n        s += 0.5\n    return s\n";
    assert_eq!(returns(accumulate, &["int64"]), "float64");
    let branch = "def f(a, b, c):\n    if c:\n        x = a\n    else:\n        x = b\n    return x\n";
    assert_eq!(returns(branch, &["int64", "uint64", "bool"]), "float64");
    assert_eq!(returns(branch, &["int64", "none", "bool"]), "OptionalType(int64)");
    assert_eq!(returns(branch, &["int8", "uint8", "bool"]), "int16");
}

#[test]
fn a_name_may_change_its_type() {
    let source = "def f(a):\n    x = a\n    n = x + 1\n    x = (x, 2.5)\n    for i in range(n):\n        y = i\n    return x\n";
    assert_eq!(returns(source, &["int64"]), "Tuple(int64, float64)");
    let not_carried =
        "def f(n):\n    x = (1, 2)\n    for i in range(n):\n        x = 0.5\n        y = x\n    return n\n";
    assert_eq!(returns(not_carried, &["int64"]), "int64");
}

#[test]
fn calls_are_specialised() {
    let source = "def g(x, k=2):\n    return x * k\n\ndef f(a, b):\n    return g(a), g(b), g(b, k=0.5)\n";
    assert_eq!(returns(source, &["int64", "float32"]), "Tuple(int64, float64, float64)");
    let functions = "import math\n\ndef apply(g, x):\n    return g(x)\n\ndef f(x):\n    return apply(math.sqrt, x) + apply(lambda y: y + 1, x)\n";
    assert_eq!(returns(functions, &["int64"]), "float64");
}

#[test]
fn recursion_needs_a_way_out() {
    let fib = "def f(n):\n    if n < 2:\n        return n\n    return f(n - 1) + f(n - 2)\n";
    assert_eq!(returns(fib, &["int64"]), "int64");
    let even = "def odd(n):\n    if n == 0:\n        return False\n    return f(n - 1)\n\ndef f(n):\n    if n == 0:\n        return True\n    return odd(n - 1)\n";
    assert_eq!(returns(even, &["int64"]), "bool");
    let endless = "def f(n):\n    return f(n - 1) + 1\n";
    assert_eq!(returns(endless, &["int64"]), "the type of this expression in `f` cannot be inferred");
    let growing =
        "def f(n, t=()):\n    if n == 0:\n        return n\n    return f(n - 1, t + (n,))\n\ndef g(): pass\n";
    let program = growing.replace("def f(n, t=())", "def h(n, t)").replace("return f(n", "return h(n")
        + "\ndef f(n):\n    return h(n, ())\n";
    assert!(returns(&program, &["int64"]).contains("never settle on types"));
}

#[test]
fn what_the_types_decide_prunes_branches() {
    let source = "def f(x):\n    if isinstance(x, int):\n        return x // 2\n    return x[0]\n";
    assert_eq!(returns(source, &["int64"]), "int64");
    let optional = "def f(x, y):\n    if y is None:\n        return x\n    return x + y\n";
    assert_eq!(returns(optional, &["int64", "none"]), "int64");
    assert_eq!(returns(optional, &["int64", "float64"]), "float64");
}

#[test]
fn never_returning_is_returning_none() {
    assert_eq!(returns("def f():\n    while True:\n        pass\n", &[]), "none");
    assert_eq!(returns("def f():\n    raise ValueError('no')\n", &[]), "none");
}

#[test]
fn all_errors_are_reported() {
    let source = "def f(x):\n    a = x.foo\n    b = x + None\n    return undefined_name\n";
    let in_lowering = "\nname `undefined_name` is not defined";
    let typed = "def f(x):\n    a = x.foo\n    b = x + None\n    return b\n";
    let in_typing = returns(typed, &["int64"]);
    assert_eq!(returns(source, &["int64"]), format!("{in_typing}{in_lowering}"));
    assert_eq!(
        in_typing,
        "int64 has no attribute `foo` in compiled code\n`+` does not apply to int64 and `None`"
    );
}

const PARALLEL: JitOptions = JitOptions {
    semantics: Semantics::Numba,
    parallel: true,
    fastmath: ungil_ir::ir::FastMath {
        nnan: false,
        ninf: false,
        nsz: false,
        arcp: false,
        contract: false,
        afn: false,
        reassoc: false,
    },
    error_model: ungil_front::host::ErrorModel::Python,
    inline: false,
};

fn prange(body: &str) -> String {
    let source = format!("from ungil import prange\n\ndef f(n, v):\n{body}");
    outcome(&source, &["int64", "float64"], PARALLEL)
}

#[test]
fn prange_accepts_reductions() {
    for update in [
        "s += v * i",
        "s = s + v",
        "s = v + s",
        "s -= v",
        "s = max(s, v)",
        "s = min(v, s)",
        "s *= v",
        "if i > 3:\n            s += v",
        "for j in range(i):\n            s += v",
        "s += v\n        s += 1.0",
    ] {
        let body = format!("    s = 0.0\n    for i in prange(n):\n        {update}\n    return s\n");
        assert_eq!(prange(&body), "float64", "{update}");
    }
    for update in ["s |= i", "s &= i", "s ^= i"] {
        let body = format!("    s = 0\n    for i in prange(n):\n        {update}\n    return s\n");
        assert_eq!(prange(&body), "int64", "{update}");
    }
    for update in ["s = s and i > 3", "s = s or i > 3", "s |= i > 3"] {
        let body = format!("    s = True\n    for i in prange(n):\n        {update}\n    return s\n");
        assert_eq!(prange(&body), "bool", "{update}");
    }
}

#[test]
fn prange_keeps_last_values_and_private_ones() {
    assert_eq!(prange("    x = 1.0\n    for i in prange(n):\n        x = v * i\n    return x\n"), "float64");
    assert_eq!(prange("    for i in prange(n):\n        x = v * i\n    return i\n"), "int64");
}

#[test]
fn prange_rejects_what_depends_on_order() {
    for update in [
        "if v > s:\n            s = v",
        "s = v - s",
        "s = s * v + 1.0",
        "s += v\n        s *= 2.0",
        "s += s",
        "s += v\n        x = s",
        "if i == 3:\n            s = v",
    ] {
        let body = format!(
            "    s = 0.0\n    x = 0.0\n    for i in prange(n):\n        {update}\n    return s + x\n"
        );
        assert!(prange(&body).contains("carries a value"), "{update}: {}", prange(&body));
    }
    let escape = "    for i in prange(n):\n        if i > 3:\n            return 1\n    return 0\n";
    assert_eq!(prange(escape), "a `prange` loop cannot be left early");
}

#[test]
fn a_serial_prange_is_range() {
    let source = "from ungil import prange\n\ndef f(n, v):\n    s = v\n    for i in prange(n):\n        s = s or i\n    return s\n";
    assert_eq!(returns(source, &["int64", "float64"]), "float64");
    assert_eq!(
        outcome(source, &["int64", "float64"], PARALLEL),
        "`s` of type float64 cannot be accumulated by `or` in a `prange` loop"
    );
}

#[test]
fn a_range_is_unsigned_if_its_bounds_are_and_it_goes_up() {
    let element = |range: &str, args: &[&str]| {
        let names = ["a", "b", "c"][..args.len()].join(", ");
        returns(&format!("def f({names}):\n    return {range}[0]\n"), args)
    };
    assert_eq!(element("range(a)", &["uint64"]), "uint64");
    assert_eq!(element("range(a, b, 2)", &["uint64", "uint64"]), "uint64");
    assert_eq!(element("range(a, b, -2)", &["uint64", "uint64"]), "int64");
    assert_eq!(element("range(a, b, c)", &["uint64", "int64", "int64"]), "int64");
    assert_eq!(element("range(0, a)", &["uint64"]), "int64");
    assert_eq!(element("range(a, b)", &["uint8", "int32"]), "int64");
}

#[test]
fn what_has_no_value_is_told() {
    assert_eq!(returns("def f():\n    return max(())\n", &[]), "`max` of an empty tuple");
    assert_eq!(returns("def f(i):\n    return ()[i]\n", &["int64"]), "an empty tuple has nothing to index");
    for call in ["sin(x, x)", "atan2(x)", "hypot(x, x, x, x)", "sin()"] {
        let found = returns(&format!("import math\n\ndef f(x):\n    return math.{call}\n"), &["float64"]);
        assert!(found.contains("cannot be called with"), "{call}: {found}");
    }
}

#[test]
fn tuples_that_double_end_in_a_diagnostic() {
    let source = "def f(n, t):\n    if n == 0:\n        return 0\n    return f(n - 1, (t, t))\n";
    assert!(returns(source, &["int64", "int64"]).contains("is too large to compile"));
}

#[test]
fn a_callees_mistake_tells_who_called() {
    let source =
        "def g(x):\n    return x[0]\n\ndef h(x):\n    return g(x) + 1\n\ndef f(x):\n    return h(x)\n";
    let program = Program::new("test.py", source).expect("it parses");
    let function = program.function("f").expect("the source defines `f`");
    let errors = ungil_front::compile(&program, function, &[Type::INT64], &JitOptions::default())
        .expect_err("an integer has no items");
    let calls = errors[0].secondary.iter().filter(|label| label.text == "called from here");
    let places: Vec<&str> = calls.map(|label| label.file.slice(label.span)).collect();
    assert_eq!(errors[0].primary.file.slice(errors[0].primary.span), "x[0]");
    assert_eq!(places, ["g(x)", "h(x)"]);
}
