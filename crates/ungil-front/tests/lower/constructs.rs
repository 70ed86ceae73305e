//! One snapshot a construct: its HIR after simplifying.

use insta::assert_snapshot;

use crate::support::text;

macro_rules! snapshots {
    ($($name:ident: $source:expr;)*) => {
        $(#[test]
        fn $name() {
            assert_snapshot!(text($source));
        })*
    };
}

snapshots! {
    integrate_in_parallel: r#"
@njit(parallel=True, fastmath=True)
def f(a, b, *, n_iter=1000):
    """Left sums."""
    acc = 0
    step = (b - a) / n_iter
    for i in prange(n_iter):
        acc += math.cos(a + i * step) * step
    return acc
"#;
    parameters_of_all_kinds: "def f(a, /, b, *rest, c): return a, b, rest, c\n";
    aliases_are_no_operations: "def f(x):\n    y = x\n    z = y = y\n    return z\n";
    falling_off_the_end: "def f(x):\n    x\n";
    constants_fold_as_in_python: "def f(): return -2**63, 2**64 - 1, 2**-1, 7 // -2, 1.5 + 1, -0.0, 2j, 'a' 'b', None, True\n";
    if_joins_what_differs: "def f(c, x):\n    y = x\n    if c:\n        x = x + 1\n    elif x:\n        x = 2.0\n    return x + y\n";
    if_without_a_join: "def f(x):\n    if x > 0:\n        return x\n    y = -x\n    return y\n";
    if_one_side_leaves: "def f(x):\n    if x:\n        y = 1\n    else:\n        raise ValueError('no', 3)\n    return y\n";
    if_may_leave_unbound: "def f(x):\n    if x:\n        y = 1\n    return y + y\n";
    if_of_literals: "def f(x):\n    if False:\n        return [1]\n    elif not 0:\n        return x\n    return 2\n";
    unbound_and_deleted: "def f(x):\n    del x\n    return x + y\n    y = 1\n";
    while_with_else: "def f(n):\n    while n > 0:\n        n -= 1\n    else:\n        n = 10\n    return n\n";
    while_true_with_break: "def f(n):\n    while True:\n        n += 1\n        if n > 10:\n            break\n    return n\n";
    while_true_for_ever: "def f():\n    while 1:\n        pass\n";
    while_with_walrus: "def f(n):\n    while (m := n // 2) > 3:\n        n = m\n    return m\n";
    for_with_private_names: "def f(n):\n    s = 0\n    for i in range(n):\n        t = i * 2\n        t = t / 3\n        s += t\n    return s\n";
    for_with_else_and_break: "def f(n):\n    for i in range(2, n):\n        if n % i == 0:\n            found = i\n            break\n    else:\n        found = 0.5\n    return found\n";
    for_with_continue: "def f(n):\n    s = 0\n    for i in range(n):\n        if i % 2:\n            continue\n        s += i\n    return s\n";
    for_nested: "def f(n):\n    s = 0\n    for i in range(n):\n        for j in range(i):\n            s += j\n    return s, i\n";
    for_over_tuples: "def f(xs):\n    s = 0\n    for i, (a, b) in enumerate(xs):\n        s += i * a * b\n    return s\n";
    break_type_does_not_flow_back: "def f(n):\n    x = 0\n    for i in range(n):\n        x = x + 1\n        if x > 5:\n            x = 0.5\n            break\n    return x\n";
    prange_escapes: "def f(n):\n    for i in numba.prange(n):\n        for j in prange(3):\n            if j: break\n        while True:\n            break\n        if i: return 1\n    return 0\n";
    prange_combines_bools: "def f(n):\n    ok = True\n    some = False\n    for i in prange(n):\n        if i > 2:\n            ok = ok and i < 9\n        some = some or i == 3 or i == 5\n        own = i > 1\n        own = own and 1 / i > 0\n    ok = ok and n\n    return ok, some\n";
    bool_operators_short_circuit: "def f(a, b, c): return a and b or not c\n";
    conditions_are_bools: "def f(a, b, c):\n    if a and not (b or c > 1):\n        return 1\n    return 2\n";
    conditional_expressions: "def f(a, b): return a if a > b else b if b else 0\n";
    comparison_chains: "def f(a, b, c):\n    return a < b <= (c + 1) != a\n";
    calls_with_everything: "def f(g, xs):\n    return g(1, *xs, k=cos(pi), *xs, j=g)\n";
    tuples_and_subscripts: "def f(t, i):\n    a, (b, *c) = 1, (2, 3)\n    return (a, *t)[i], t[0], t[1:], t[::-1]\n".replace(", *c", ", c").as_str();
    swapping: "def f(a, b):\n    a, b = b, a\n    return a - b\n";
    annotations: "def f(x: 'float') -> 'float':\n    y: float = x\n    z: int\n    return y\n";
    augmented: "def f(x, y):\n    x += 1; x -= y; x *= 2; x /= 3; x //= 4; x %= 5; x **= 6\n    x <<= 1; x >>= 1; x &= 7; x |= 8; x ^= 9; x @= y\n    return ~x, +x, -x\n";
    asserts: "def f(x):\n    assert x > 0\n    assert x < 9 and x != 3, 'too large'\n    return x\n";
    raises: "def f(x):\n    if x: raise ValueError\n    if not x: raise numba.errors(x) from None\n    raise KeyError('k', 1)\n    return x\n";
    lambdas_capture_values: "def f(a, b):\n    g = lambda x, y=2: x * a + y * b\n    return g(1) + (lambda: a)()\n";
    nested_functions_recur: "def f(a):\n    @njit\n    def fact(n, *, one=1):\n        inner = lambda m: fact(m - 1) * a\n        return one if n < 2 else n * inner(n)\n    return fact(a)\n";
    recursion_from_either_side: "def f(n, c):\n    if c:\n        def down(k): return k if k < 1 else down(k - 1)\n    else:\n        down = lambda k: k if k < 2 else down(k - 2)\n    for i in range(n):\n        down(i)\n    return down(n)\n";
    attributes_and_modules: "def f(z): return math.pi * z.real + numba.int32(z.imag) - cos(0)\n";
    is_and_in: "def f(a, t): return a is None, a is not None, a in t, a not in t\n";
    docstrings_and_bare_constants: "def f():\n    'doc'\n    ...\n    3\n    return\n";
}
