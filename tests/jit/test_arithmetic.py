"""Operators on scalars: CPython's results wherever they fit, wrapped modulo 2**64 where they do not."""

from __future__ import annotations

import itertools
import math
import operator
from collections.abc import Callable
from typing import Any

import pytest

import ungil

INTS = [0, 1, -1, 2, -2, 3, 7, -7, 10, 63, 64, -100, 2**31, -(2**31), 2**53 + 1, 2**62, 2**63 - 1, -(2**63)]
FLOATS = [
    0.0, -0.0, 1.0, -1.0, 0.5, -0.5, 1.5, 2.5, -2.5, 0.1, 3.0, -7.25, 1e-320, 5e-324, 1e16, 1e308, -1e308,
    math.inf, -math.inf, math.nan,
]  # fmt: skip
COMPLEXES = [0j, 1 + 0j, 1j, -1j, 1 + 2j, -3.5 + 0.25j, complex(-0.0, 0.0), complex(1e200, 1e200)]


def add(a, b):
    return a + b


def sub(a, b):
    return a - b


def mul(a, b):
    return a * b


def truediv(a, b):
    return a / b


def floordiv(a, b):
    return a // b


def mod(a, b):
    return a % b


def both(a, b):
    return divmod(a, b)


def and_(a, b):
    return a & b


def or_(a, b):
    return a | b


def xor(a, b):
    return a ^ b


def lshift(a, b):
    return a << b


def rshift(a, b):
    return a >> b


def power(a, b):
    return a**b


def neg(a):
    return -a


def pos(a):
    return +a


def invert(a):
    return ~a


def not_(a):
    return not a


def eq(a, b):
    return a == b


def ne(a, b):
    return a != b


def lt(a, b):
    return a < b


def le(a, b):
    return a <= b


def gt(a, b):
    return a > b


def ge(a, b):
    return a >= b


def chain(a, b, c):
    return a < b <= c != a


COMPARISONS = [eq, ne, lt, le, gt, ge]


def wrapped(value: Any) -> Any:
    """The value as `int64` holds it."""
    if type(value) is int:
        return (value + 2**63) % 2**64 - 2**63
    if isinstance(value, tuple):
        return tuple(map(wrapped, value))
    return value


def wrapping(function: Callable[..., Any]) -> Callable[..., Any]:
    """CPython's result, wrapped."""

    def call(*args: Any) -> Any:
        return wrapped(function(*args))

    return call


@pytest.mark.parametrize("function", [add, sub, mul, and_, or_, xor])
def test_integers_wrap(function: Callable[..., Any]) -> None:
    compiled = ungil.njit(function)
    for a, b in itertools.product(INTS, INTS):
        assert compiled(a, b) == wrapped(function(a, b)), (a, b)


@pytest.mark.parametrize("function", [neg, pos, invert])
def test_integers_wrap_alone(function: Callable[..., Any]) -> None:
    compiled = ungil.njit(function)
    for a in INTS:
        assert compiled(a) == wrapped(function(a)), a


@pytest.mark.parametrize("function", [floordiv, mod, both, truediv])
def test_integer_division_has_pythons_signs_and_errors(agrees, function: Callable[..., Any]) -> None:
    # The one quotient that does not fit wraps; it has a test of its own.
    pairs = [pair for pair in itertools.product(INTS, INTS) if pair != (-(2**63), -1)]
    if function is truediv:
        # Both operands become floats first, as numba's do; CPython divides integers beyond 2**53 more precisely.
        pairs = [(a, b) for a, b in pairs if abs(a) <= 2**53 and abs(b) <= 2**53]
    agrees(function, pairs)


def test_the_least_integer_divided_by_minus_one_wraps() -> None:
    assert ungil.njit(floordiv)(-(2**63), -1) == -(2**63)
    assert ungil.njit(mod)(-(2**63), -1) == 0


@pytest.mark.parametrize("function", [lshift, rshift])
def test_shifts(function: Callable[..., Any]) -> None:
    compiled = ungil.njit(function)
    for a, b in itertools.product(INTS, [0, 1, 5, 62, 63]):
        assert compiled(a, b) == wrapped(function(a, b)), (a, b)


def test_shifts_beyond_the_width() -> None:
    assert ungil.njit(lshift)(1, 64) == 0
    assert ungil.njit(rshift)(-1, 64) == -1
    assert ungil.njit(rshift)(1, 100) == 0
    with pytest.raises(ValueError, match="negative shift count"):
        ungil.njit(lshift)(1, -1)


def test_integer_powers_wrap_and_are_integers_below_zero() -> None:
    compiled = ungil.njit(power)
    for a, b in itertools.product(INTS, range(70)):
        assert compiled(a, b) == wrapped(a**b), (a, b)
    assert compiled(2, -1) == 0
    assert compiled(1, -5) == 1
    assert compiled(-1, -5) == -1
    assert type(compiled(2, -1)) is int


@pytest.mark.parametrize("function", [add, sub, mul, truediv, floordiv, mod, both])
def test_floats_are_cpythons_to_the_bit(agrees, function: Callable[..., Any]) -> None:
    agrees(function, itertools.product(FLOATS, FLOATS))


@pytest.mark.parametrize("function", [add, sub, mul, truediv, floordiv, mod])
def test_a_float_and_an_integer(agrees, function: Callable[..., Any]) -> None:
    small = [n for n in INTS if abs(n) <= 2**53]
    agrees(function, itertools.product(FLOATS, small))
    agrees(function, itertools.product(small, FLOATS))


def test_float_powers(agrees) -> None:
    pairs = [
        (a, b)
        for a, b in itertools.product(FLOATS, FLOATS)
        # CPython gives a complex number, or raises, where C's `pow` gives nan and inf.
        if not (a < 0 and math.isfinite(a) and math.isfinite(b) and not b.is_integer())
    ]
    agreeing = [pair for pair in pairs if not _raises(operator.pow, *pair)]
    agrees(power, agreeing, rel=1e-15)
    assert math.isnan(ungil.njit(power)(-8.0, 1 / 3))
    assert ungil.njit(power)(10.0, 400.0) == math.inf


def test_float_powers_of_integers(agrees) -> None:
    agrees(power, [(x, n) for x in [0.5, 2.0, -3.0, 1.0, 1e10] for n in [-3, -1, 0, 1, 2, 3, 7, 20]], rel=1e-15)


def _raises(function: Callable[..., Any], *args: Any) -> bool:
    try:
        function(*args)
    except (OverflowError, ZeroDivisionError):
        return True
    return False


@pytest.mark.parametrize("function", [add, sub, mul, truediv])
def test_complex_numbers(agrees, function: Callable[..., Any]) -> None:
    agrees(function, itertools.product(COMPLEXES, COMPLEXES))


@pytest.mark.parametrize("function", [eq, ne])
def test_complex_numbers_compare(agrees, function: Callable[..., Any]) -> None:
    agrees(function, itertools.product(COMPLEXES, [*COMPLEXES, 1, 1.0, True]))


def test_complex_powers(agrees) -> None:
    agrees(power, [(a, b) for a in [1j, 1 + 2j, -3.5 + 0.25j] for b in [0.5, 1j, 2 + 1j, -1.5]], rel=1e-13)
    agrees(power, [(a, b) for a in [1j, 1 + 2j, -3.5 + 0.25j] for b in [0, 1, 2, 3, -1, 7]], rel=1e-13)


@pytest.mark.parametrize("function", [neg, pos, not_])
def test_complex_numbers_alone(agrees, function: Callable[..., Any]) -> None:
    agrees(function, [(value,) for value in COMPLEXES])


@pytest.mark.parametrize("function", [neg, pos, not_])
def test_floats_alone(agrees, function: Callable[..., Any]) -> None:
    agrees(function, [(value,) for value in FLOATS])


@pytest.mark.parametrize("function", COMPARISONS)
def test_comparisons(agrees, function: Callable[..., Any]) -> None:
    agrees(function, itertools.product(INTS, INTS))
    agrees(function, itertools.product(FLOATS, FLOATS))
    agrees(function, itertools.product([n for n in INTS if abs(n) <= 2**53], FLOATS))
    agrees(function, itertools.product([True, False], [True, False, 0, 1, 2, 0.5]))


def test_a_chain_of_comparisons(agrees) -> None:
    agrees(chain, itertools.product([0, 1, 2], [0, 1, 2], [0, 1, 2]))
    agrees(chain, itertools.product([0.0, 1.5, math.nan], [0, 1], [1.5, 2.0]))


@pytest.mark.parametrize("function", [add, sub, mul, floordiv, truediv, and_, or_, xor])
def test_bools_count_as_integers(agrees, function: Callable[..., Any]) -> None:
    agrees(function, itertools.product([True, False], [True, False]))


def test_division_by_zero_in_numpys_model() -> None:
    divide = ungil.njit(error_model="numpy")(truediv)
    assert divide(1.0, 0.0) == math.inf
    assert divide(-1, 0) == -math.inf
    assert math.isnan(divide(0.0, 0.0))
    assert ungil.njit(error_model="numpy")(floordiv)(1, 0) == 0
    assert ungil.njit(error_model="numpy")(mod)(1, 0) == 0


def test_division_by_zero_raises_cpythons_error(agrees) -> None:
    calls = [(1, 0), (1.0, 0.0), (1, 0.0), (1j, 0j), (1j, 0)]
    agrees(truediv, calls)
    agrees(floordiv, calls[:3])
    agrees(mod, calls[:3])


def inplace(a, b):
    x = a
    x += b
    x -= 1
    x *= b
    x //= 3
    x %= 1000
    x **= 2
    return x


def inplace_bits(a, b):
    x = a
    x &= 0xFF
    x |= b
    x ^= 5
    x <<= 2
    x >>= 1
    return x


def test_augmented_assignment(agrees) -> None:
    agrees(inplace, itertools.product([0, 5, -17], [1, 2, 100]))
    agrees(inplace, itertools.product([0.5, -3.25], [1.5, 2]))
    agrees(inplace_bits, itertools.product([0, 5, 1000], [1, 2, 64]))


@pytest.mark.parametrize("power", [0.5, -0.5, 1.5, 2.0, -2.5, 3.5, 4.5])
def test_fastmath_multiplies_small_constant_powers_out_within_four_ulps(power):
    def raised(x):
        return x**power

    def by_name(x):
        return math.pow(x, power)

    for compiled in (ungil.njit(fastmath=True)(raised), ungil.njit(fastmath=True)(by_name)):
        for x in (1e-60, 0.1, 0.75, 1.0, 1.5, 2.0, 3.1, 1e10, 1.7e60):
            expected = x**power
            assert abs(compiled(x) - expected) <= 4 * math.ulp(expected)
