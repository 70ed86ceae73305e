"""Exact code gives CPython's results to the bit, or hands the call back: on the values where they would come apart."""

from __future__ import annotations

import itertools
import math
import struct
import warnings
from collections.abc import Callable
from typing import Any

import exact_functions
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ungil._exact import Exact

INTS = [0, 1, -1, 2, -7, 10, 63, 64, -63, 2**31, 2**53, 2**53 + 1, -(2**53) - 1, 3037000500, 2**62]
INTS += [2**63 - 1024, 2**63 - 1, -(2**63), -(2**63) + 1, 2**63, 10**20]
FLOATS = [0.0, -0.0, 1.0, -1.0, 0.5, -2.5, 1.5, 0.1, 3.0, 5e-324, -5e-324, 2.2250738585072014e-308, 1e-310, 1e308]
FLOATS += [2.0**53, 2.0**63, -(2.0**63), 1e16, 710.0, -745.3, -1074.5, math.inf, -math.inf, math.nan]
FLOATS += [0.9999999999999999, 9007199254740994.0]
VALUES = [*INTS, *FLOATS, True, False]

# Not compiled for any types, each for its own reason.
LEFT_TO_PYTHON = {"summed", "complexes", "caught", "attributes", "iterated_once"}

ONE_FLOAT = """acos acosh asin asinh atan atanh cbrt ceil cos cosh degrees erf erfc exp exp2 expm1 fabs floor isfinite
isinf isnan log log10 log1p log2 radians sin sinh sqrt tan tanh trunc""".split()
TWO_FLOATS = "atan2 copysign fmod log pow remainder".split()


def shown(value: Any) -> Any:
    """What tells two values apart: the type, and the bits."""
    if type(value) is float:
        return ("float", struct.pack("d", value).hex())
    if type(value) is tuple:
        return tuple(map(shown, value))
    return (type(value).__name__, repr(value))


def outcome(function: Callable[..., Any], args: tuple[Any, ...]) -> Any:
    with warnings.catch_warnings():
        # `~True` warns where Python runs it.
        warnings.simplefilter("ignore", DeprecationWarning)
        try:
            return ("returned", shown(function(*args)))
        except Exception as error:
            return ("raised", type(error), error.args)


def takes_long(function: Callable[..., Any], a: Any, b: Any) -> bool:
    """Whether the interpreter would compute an int of very many digits, or all numbers of a long range."""
    whole = type(a) is not float and type(b) is not float
    return {
        "shift_left": whole and abs(b) > 10_000,
        "power": whole and abs(b) > 300,
        "factorial_and_root": type(a) is not float and abs(a) > 1000,
    }.get(function.__name__, False)


def compare(function: Callable[..., Any], calls: list[tuple[Any, ...]]) -> Exact[..., Any]:
    exact = Exact(function)
    wrong = []
    for args in calls:
        expected, found = outcome(function, args), outcome(exact, args)
        if expected != found:
            wrong.append(f"{function.__name__}{args}: CPython {expected}, exact {found}")
    assert not wrong, "\n".join(wrong)
    return exact


@pytest.mark.parametrize("function", exact_functions.ALL, ids=lambda function: function.__name__)
def test_operations_give_the_interpreters_bits(function: Callable[..., Any]) -> None:
    calls = [args for args in itertools.product(VALUES, VALUES) if not takes_long(function, *args)]
    exact = compare(function, calls)
    answered = sum(version.compiled for version in exact.versions)
    assert (answered == 0) == (function.__name__ in LEFT_TO_PYTHON), exact.explain()


@pytest.mark.parametrize("name", ONE_FLOAT)
def test_math_of_one_gives_the_interpreters_bits(name: str) -> None:
    function = getattr(math, name)
    points = [math.sin(k) * 1.05**k for k in range(1, 2000)] + [k / 512 for k in range(-520, 520)]
    exact = compare(applied_to_one, [(function, value) for value in [*points, *VALUES]])
    assert sum(version.compiled for version in exact.versions) > 500, exact.explain()


@pytest.mark.parametrize("name", TWO_FLOATS)
def test_math_of_two_gives_the_interpreters_bits(name: str) -> None:
    function = getattr(math, name)
    points = [math.sin(k) * 1.3**k for k in range(1, 60)] + [k / 4 for k in range(-9, 9)]
    values = [*points, *FLOATS, 0, 1, -1, 2**53 + 1, True]
    exact = compare(applied_to_two, [(function, *pair) for pair in itertools.product(values, values)])
    assert sum(version.compiled for version in exact.versions) > 500, exact.explain()


def applied_to_one(function, x):
    return function(x)


def applied_to_two(function, x, y):
    return function(x, y)


@pytest.mark.parametrize(
    "name", ["gamma", "lgamma", "fsum", "hypot", "dist", "prod", "comb", "perm", "lcm", "ulp", "nextafter", "isclose"]
)
def test_what_cpython_computes_itself_is_left_to_it(name: str) -> None:
    function = getattr(math, name)
    args = {"fsum": ((1.5, 2.5),), "prod": ((1.5, 2.5),), "dist": ((1.5,), (2.5,)), "gamma": (2.5,), "lgamma": (2.5,)}
    ints = (5, 3) if name in ("comb", "perm", "lcm") else (2.5, 1.5)
    call = args.get(name, (1.5,) if name == "ulp" else ints)
    exact = Exact(applied_to_one if len(call) == 1 else applied_to_two)
    assert shown(exact(function, *call)) == shown(function(*call))
    assert not any(version.is_compiled for version in exact.versions)
    assert "CPython's bits" in exact.reason or "cannot be called with" in exact.reason


NUMBERS = st.one_of(
    st.sampled_from(VALUES),
    st.integers(-(2**64), 2**64),
    st.integers(-20, 20),
    st.floats(allow_nan=True, allow_infinity=True),
    st.booleans(),
)
CHECKED = [function for function in exact_functions.ALL if function.__name__ not in LEFT_TO_PYTHON]
EXACT = {function: Exact(function) for function in CHECKED}


@settings(max_examples=2000, deadline=None, derandomize=True)
@given(st.sampled_from(CHECKED), NUMBERS, NUMBERS)
def test_operations_give_the_interpreters_bits_on_any_numbers(function: Callable[..., Any], a: Any, b: Any) -> None:
    if not takes_long(function, a, b):
        assert outcome(EXACT[function], (a, b)) == outcome(function, (a, b))


def integrate(f, a, b, *, n_iter=1000):
    acc = 0
    step = (b - a) / n_iter
    for i in range(n_iter):
        acc += f(a + i * step) * step
    return acc


def parabola(x):
    return x * x - 1


@pytest.mark.parametrize(
    "f", [math.cos, math.sin, math.exp, math.sqrt, math.atan, parabola, lambda x: math.cos(x) ** 2, abs]
)
@pytest.mark.parametrize(("a", "b"), [(0, math.pi / 2), (0.0, 1.0), (-1, 3), (0, 2**62)])
def test_the_lectures_integral_is_the_interpreters_to_the_bit(f: Callable[[float], float], a: Any, b: Any) -> None:
    exact = Exact(integrate)
    for n_iter in (1, 2, 7, 1000, 20011):
        calls = [lambda integral, n=n_iter: integral(f, a, b, n_iter=n), lambda integral: integral(f, a, b)]
        for call in calls:
            assert outcome(call, (exact,)) == outcome(call, (integrate,))
    assert sum(version.is_compiled for version in exact.versions) == len(exact.versions)


def test_no_turn_leaves_the_int() -> None:
    exact = Exact(integrate)
    assert shown(exact(math.cos, 0, 1.0, n_iter=-5)) == ("int", "0")
    assert exact.versions[0].compiled == 1
    with pytest.raises(ZeroDivisionError):
        exact(math.cos, 0, 1.0, n_iter=0)
    assert exact.versions[0].handed_back == 1
    assert "division by zero" in exact.reason
