"""Calls: parameters of every kind, other functions, recursion, functions as values, globals and closures."""

from __future__ import annotations

import itertools
import math

import pytest

import ungil
from ungil import njit

FACTOR = 3
PAIR = (2, (0.5, True))


def integrate(f, a, b, *, n_iter=1000):
    acc = 0
    step = (b - a) / n_iter
    for i in range(n_iter):
        acc += f(a + i * step) * step
    return acc


def defaults(a, b=2, c=2.5, *, d=None, e=(1, 2)):
    if d is None:
        return a + b + c + e[0]
    return a + b + c + d + e[1]


def positional_only(a, b=1, /, c=2):
    return a * 100 + b * 10 + c


def star(*args):
    s = 0
    for x in args:
        s += x
    return len(args), s


def after_star(a, *rest, b=10):
    return a + len(rest) * b


def square(x):
    return x * x


@njit
def compiled_square(x):
    return x * x


def calls_both(x):
    return square(x) + compiled_square(x + 1)


def calls_with_keywords(x):
    return defaults(x, c=1.5) + defaults(x, 5, d=7) + positional_only(x, c=x)


def calls_with_a_star(t):
    return star(*t)


def uses_globals(x):
    return x * FACTOR + PAIR[1][0]


def fib(n):
    return n if n < 2 else fib(n - 1) + fib(n - 2)


def is_even(n):
    return True if n == 0 else is_odd(n - 1)


def is_odd(n):
    return False if n == 0 else is_even(n - 1)


def applies(f, x):
    return f(f(x))


def picks(flag, x):
    f = math.sin
    g = lambda y: y + FACTOR
    return f(x) + g(x)


def inner(x, y):
    def scaled(z):
        return z * y

    return scaled(x) + scaled(1)


def counts_down(n):
    while n > 0:
        n -= 1
    return n


@pytest.mark.parametrize(
    ("function", "calls"),
    [
        (star, [(), (1,), (1.5, 2.5, 0.5), tuple(range(20))]),
        (after_star, [(1,), (1, 2, 3)]),
        (calls_both, [(3,), (2.5,)]),
        (calls_with_keywords, [(3,)]),
        (calls_with_a_star, [((1, 2, 3),), ((),)]),
        (uses_globals, [(3,), (0.25,)]),
        (fib, [(n,) for n in range(15)]),
        (is_even, [(n,) for n in range(5)]),
        (picks, [(True, 0.5)]),
        (inner, [(3, 0.5), (2, 7)]),
        (counts_down, [(5,)]),
        (positional_only, [(1,), (1, 2), (1, 2, 3)]),
        (defaults, [(1,), (1, 2), (1, 2, 3)]),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_calls(agrees, function, calls) -> None:
    agrees(function, calls)


def test_keywords_bind_as_in_python() -> None:
    compiled = njit(defaults)
    for keywords in [
        {},
        {"b": 5},
        {"c": 1},
        {"d": 2},
        {"e": (5, 6)},
        {"d": 1.5, "b": 1},
        {"e": (0.5, 1), "d": 3, "c": 0},
    ]:
        assert compiled(1, **keywords) == defaults(1, **keywords)
    assert compiled(b=3, a=1) == defaults(1, 3)


@pytest.mark.parametrize(
    ("function", "args", "keywords"),
    [
        (defaults, (), {}),
        (defaults, (1, 2, 3, 4), {}),
        (defaults, (1,), {"x": 1}),
        (defaults, (1,), {"a": 1}),
        (positional_only, (), {"a": 1}),
        (positional_only, (1,), {"b": 2}),
        (after_star, (), {}),
        (star, (), {"args": 1}),
    ],
)
def test_a_call_that_does_not_bind_fails_in_pythons_words(function, args, keywords) -> None:
    with pytest.raises(TypeError) as expected:
        function(*args, **keywords)
    with pytest.raises(TypeError) as found:
        njit(function)(*args, **keywords)
    assert str(found.value) == str(expected.value)


def test_the_lectures_integral() -> None:
    compiled = njit(integrate)
    for f in (math.cos, square, lambda x: x**3 - x, math.exp):
        expected = integrate(f, 0, 1.5, n_iter=500)
        assert compiled(f, 0, 1.5, n_iter=500) == pytest.approx(expected, rel=1e-12)
    assert compiled(compiled_square, 0, 1.0) == pytest.approx(integrate(square, 0, 1.0), rel=1e-12)


def test_each_function_specialises_its_caller() -> None:
    compiled = njit(applies)
    assert compiled(square, 3) == 81
    assert compiled(math.sqrt, 16.0) == 2.0
    assert compiled(abs, -3) == 3
    assert compiled(compiled_square, 3) == 81
    assert len(compiled.signatures) == 4
    for _ in range(3):
        assert compiled(lambda x: x + 1, 3) == 5
    # One expression, evaluated three times, is one function to the compiler.
    assert len(compiled.signatures) == 5


def test_lambdas_of_one_line_are_told_apart() -> None:
    fs = (lambda x: x + 1, lambda x: x * 10, lambda y: y - 5, lambda x: x + 1 if x > 3 else x * 2)  # fmt: skip
    for f in fs:
        assert [njit(f)(n) for n in range(6)] == [f(n) for n in range(6)]


def test_a_lambda_over_several_lines() -> None:
    f = njit(
        lambda x: (
            x
            + 1
        ) * 2
    )  # fmt: skip
    assert f(3) == 8


def make_adder(n, f):
    @njit
    def adder(x):
        return f(x) + n

    return adder


def test_closures_hold_constants_and_functions() -> None:
    assert make_adder(3, square)(4) == 19
    assert make_adder(0.5, math.floor)(4.75) == 4.5
    assert make_adder(1, make_adder(2, square))(3) == 12


def test_a_closure_may_call_itself() -> None:
    @njit
    def factorial(n):
        return 1 if n < 2 else n * factorial(n - 1)

    assert factorial(10) == math.factorial(10)


def test_a_global_is_a_constant_until_recompiled() -> None:
    namespace = {"K": 1}
    source = "def f(x):\n    return x + K\n"
    import linecache

    linecache.cache["<constants>"] = (len(source), None, source.splitlines(True), "<constants>")
    exec(compile(source, "<constants>", "exec"), namespace)
    f = njit(namespace["f"])
    assert f(1) == 2
    namespace["K"] = 10
    assert f(1) == 2
    f.recompile()
    assert f(1) == 11


def test_functions_come_back_as_they_were_passed() -> None:
    identity = njit(lambda f: f)
    for f in (math.cos, square, compiled_square):
        assert identity(f) is f


def test_methods_bind() -> None:
    class Holder:
        @njit
        def first(self, x):
            return x

    with pytest.raises(ungil.TypingError, match=r"argument `self` of .*Holder"):
        Holder().first(1)

    class Static:
        double = staticmethod(njit(lambda x: 2 * x))

    assert Static.double(4) == Static().double(4) == 8


def test_deep_recursion_is_an_error_of_pythons() -> None:
    @njit
    def down(n):
        return 0 if n == 0 else 1 + down(n - 1)

    assert down(1000) == 1000
    with pytest.raises(RecursionError, match="maximum recursion depth exceeded"):
        down(10**9)
    assert down(10) == 10


def test_products_of_argument_types() -> None:
    compiled = njit(lambda a, b: (a, b))
    values = [1, 2.5, True, None, 1j, (1, 2), (1.5, (None, 3))]
    for a, b in itertools.product(values, values):
        assert compiled(a, b) == (a, b)
    assert len(compiled.signatures) == len(values) ** 2
