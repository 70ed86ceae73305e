"""Builtin functions and those of `math`."""

from __future__ import annotations

import itertools
import math

import pytest

import ungil

NUMBERS = [0, 1, -1, 7, -8, 2**40, 0.0, -0.0, 0.5, -1.5, 2.5, 3.5, 1e10, True, False]
FLOATS = [0.0, -0.0, 0.1, -0.5, 1.0, 1.5, -2.25, 10.0, 100.75, 1e-5, 1e5]


def absolute(x):
    return abs(x)


def least(a, b):
    return min(a, b)


def greatest(a, b, c):
    return max(a, b, c)


def of_tuple(a, b):
    return min((a, b)), max((b, a))


def rounded(x):
    return round(x)


def rounded_to(x, n):
    return round(x, n)


def to_int(x):
    return int(x)


def to_float(x):
    return float(x)


def to_bool(x):
    return bool(x)


def to_complex(a, b):
    return complex(a, b), complex(a)


def powers(a, b):
    return pow(a, b)


def lengths(t):
    return len(t)


def enumerated(a, b):
    s = 0
    for i, x in enumerate((a, b, a)):
        s += i * x
    for i, x in enumerate(range(3), 10):
        s += i * x
    return s


def zipped(a, n):
    s = 0
    for x, y in zip(range(n), range(a, 100)):
        s += x * y
    for x, y, z in zip((a, n), (1, 2), (3, 4)):
        s += x * y * z
    return s


def backwards(n):
    s = 0
    for i in reversed(range(n)):
        s = s * 7 + i
    for i in reversed(range(1, n, 3)):
        s = s * 7 + i
    for x in reversed((1, 2, n)):
        s = s * 7 + x
    return s


def range_parts(n):
    r = range(1, n, 2)
    return len(r), r.start, r.stop, r.step


def kinds(x):
    return (
        isinstance(x, int),
        isinstance(x, float),
        isinstance(x, (int, complex)),
        isinstance(x, bool),
        isinstance(x, tuple),
    )


@pytest.mark.parametrize(
    ("function", "calls"),
    [
        (absolute, [(x,) for x in [*NUMBERS, 3 + 4j, -1j]]),
        (least, [(a, b) for a, b in itertools.product(NUMBERS, NUMBERS) if type(a) is type(b)]),
        (greatest, itertools.product([1, 2, 3], repeat=3)),
        (greatest, itertools.product([1.5, -2.5, 3.0], repeat=3)),
        (of_tuple, [(1, 2), (2.5, 1.5)]),
        (rounded, [(x,) for x in FLOATS]),
        (rounded, [(x,) for x in [0.5, 1.5, 2.5, -0.5, -1.5, 0.49999999999999994, 4503599627370497.5]]),
        (rounded_to, itertools.product(FLOATS, [0, 1, 2, 5])),
        (to_int, [(x,) for x in NUMBERS]),
        (to_float, [(x,) for x in NUMBERS]),
        (to_bool, [(x,) for x in [*NUMBERS, math.nan, 0j, 1j, None]]),
        (to_complex, [(1, 2), (1.5, -0.5), (True, 2)]),
        (powers, [(2, 10), (2.0, 0.5), (3, 3)]),
        (lengths, [((),), ((1,),), ((1, (2, 3), 4.0),)]),
        (enumerated, [(2, 5), (1.5, 0.25)]),
        (zipped, [(2, 5), (90, 20)]),
        (backwards, [(0,), (1,), (9,)]),
        (range_parts, [(0,), (10,), (3,)]),
        (kinds, [(1,), (1.5,), (True,), (2j,), ((1, 2),), (None,)]),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_builtins(agrees, function, calls) -> None:
    agrees(function, calls)


def prints(x):
    print("x is", x, 1.5, None, (x, True), sep="; ", end="!\n")
    print()
    print(x + 0.5)


def test_print_prints_what_cpython_does(capsys) -> None:
    prints(3)
    expected = capsys.readouterr().out
    ungil.njit(prints)(3)
    assert capsys.readouterr().out == expected


def test_print_hands_its_exception_on(monkeypatch) -> None:
    class Closed:
        def write(self, text):
            raise OSError("no room")

        def flush(self):
            pass

    monkeypatch.setattr("sys.stdout", Closed())
    with pytest.raises(OSError, match="no room"):
        ungil.njit(prints)(3)


UNARY = [
    "acos acosh asin asinh atan atanh cos cosh degrees exp expm1 fabs log log10 log1p log2 radians sin sinh "
    "sqrt tan tanh isnan isinf isfinite"
][0].split()


@pytest.mark.parametrize("name", UNARY)
def test_functions_of_math(name: str) -> None:
    function = getattr(math, name)
    compiled = ungil.njit(lambda f, x: f(x))
    for x in FLOATS:
        try:
            expected = function(x)
        except ValueError:
            # Outside of its domain a compiled function gives what IEEE 754 has for it.
            assert not math.isfinite(compiled(function, x))
            continue
        except OverflowError:
            assert math.isinf(compiled(function, x))
            continue
        found = compiled(function, x)
        assert found == pytest.approx(expected, rel=4e-16, abs=0), (name, x)
        assert type(found) is type(expected)


def of_two(x, y):
    return math.atan2(x, y), math.hypot(x, y), math.copysign(x, y), math.pow(abs(x), y)


def test_functions_of_math_with_two_arguments() -> None:
    compiled = ungil.njit(of_two)
    for x, y in itertools.product(FLOATS, FLOATS):
        try:
            expected = of_two(x, y)
        except (ValueError, OverflowError):
            continue
        assert compiled(x, y) == pytest.approx(expected, rel=1e-15, abs=0), (x, y)


def whole_numbers(a, b):
    return math.gcd(a, b)


def constants():
    return math.pi, math.e, math.tau, math.inf


def test_gcd_and_constants(agrees) -> None:
    agrees(whole_numbers, itertools.product([0, 1, 12, -18, 2**40], [0, 7, 30, -6]))
    agrees(constants, [()])


def test_square_root_of_a_negative_number_is_nan() -> None:
    assert math.isnan(ungil.njit(lambda x: math.sqrt(x))(-1.0))


@pytest.mark.parametrize("function", [int, round])
def test_what_no_integer_is_raises_as_in_cpython(agrees, function) -> None:
    agrees(lambda x: function(x), [(math.inf,), (-math.inf,), (math.nan,), (-2.5,), (1e18,)])


def rounded(x):
    return math.floor(x), math.ceil(x), math.trunc(x)


def test_functions_of_math_that_round_raise_nothing(agrees) -> None:
    agrees(rounded, [(x,) for x in [*FLOATS, 1e18, -(2.0**63)] if -(2.0**63) <= x < 2.0**63])
    compiled = ungil.njit(rounded)
    for x in (math.inf, -math.inf, 1e300, -1e300, 2.0**63, math.nan):
        assert compiled(x) == (-(2**63),) * 3
    assert ungil.njit(lambda n: sum_of_floors(n))(1000) == sum_of_floors(1000)


def sum_of_floors(n):
    total = 0
    for i in range(n):
        total += math.floor(-i * 0.3) + math.ceil(i * 0.3) - math.trunc(i * 0.7)
    return total


@pytest.mark.parametrize("call", [lambda x: math.sin(x, x), lambda x: math.atan2(x), lambda x: max(())])
def test_wrong_counts_of_arguments_are_told(call) -> None:
    with pytest.raises(ungil.errors.TypingError):
        ungil.njit(call)(1.0)
