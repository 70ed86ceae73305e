"""The prelude, run in CPython over the stand-ins for the machine's operations: against mpmath, CPython and numpy."""

import math
import operator
import random
import struct
import sys
from collections.abc import Callable, Iterator
from typing import Any

import mpmath  # type: ignore[import-untyped]
import numpy as np
import pytest
from prelude_files import DIRECTORY, load

LEAST = -(2**63)
HUGE = sys.float_info.max
N_RANDOM = 1500


sine = load("math_sine")
sine_fast = load("math_sine_fast")
tangent = load("math_tangent")
arcsine = load("math_arcsine")
arctangent = load("math_arctangent")
exponential = load("math_exponential")
logarithm = load("math_logarithm")
power = load("math_power")
hyperbolic = load("math_hyperbolic")
inverse_hyperbolic = load("math_inverse_hyperbolic")
gamma = load("math_gamma")
log_gamma = load("math_log_gamma")
floats = load("math_floats")
integers = load("math_integers")
int_ops = load("operators_integer")
float_ops = load("operators_float")
complex_ops = load("operators_complex")
rounding = load("operators_rounding")

EDGES = [0.0, 5e-324, 2.2250738585072009e-308, 2.2250738585072014e-308, 1e-300, 1e-20, 1e-8, 0.1, 0.5, 1 - 2**-53, 1.0]
EDGES += [1 + 2**-52, 1.5, 2.0, 3.0, math.pi / 4, math.pi / 2, math.pi, 10.0, 709.78, 745.13, 1e5, 2.0**23, 2.0**23 + 1]
EDGES += [2.0**30, 2.0**31, 2.0**52, 2.0**53 + 2, 1e22, 6381956970095103 * 2.0**797, 1e300, sys.float_info.max]
EDGES = [sign * x for x in EDGES for sign in (1.0, -1.0)]
SPECIAL = [math.inf, -math.inf, math.nan]


def same(got: float, want: float) -> bool:
    """Equal to the bit, any NaN to any."""
    return struct.pack("<d", got) == struct.pack("<d", want) or (got != got and want != want)


def ulps(got: float, want: Any) -> float:
    """How far `got` is from the exact `want`, in units of the last place of a `float64` near `want`."""
    nearest = float(want)
    if not math.isfinite(nearest) or not math.isfinite(got):
        return 0.0 if got == nearest or (got != got and nearest != nearest) else math.inf
    _, exponent = mpmath.frexp(want)
    return float(abs(mpmath.mpf(got) - want) / mpmath.ldexp(1, max(int(exponent), -1021) - 53))


def arguments(low: float, high: float, seed: int = 0) -> Iterator[float]:
    """Edges, evenly spread numbers, and numbers of every size, from `low` to `high`."""
    rng = random.Random(seed)
    for x in EDGES:
        if low <= x <= high:
            yield x
    for _ in range(N_RANDOM):
        yield rng.uniform(max(low, -20.0), min(high, 20.0))
    for _ in range(N_RANDOM):
        x = struct.unpack("<d", struct.pack("<Q", rng.getrandbits(64)))[0]
        if low <= x <= high:
            yield x


def multiples_of_half_pi() -> Iterator[float]:
    """Where the sine or the cosine is smallest."""
    for k in [*range(1, 400), 10**5, 5_340_353, 2**22 + 1, 2**29 + 1, 10**12]:
        with mpmath.workprec(200):
            x = float(k * mpmath.pi / 2)
        yield from (x, math.nextafter(x, 0.0), -x)


BOUNDED: list[tuple[Callable[[float], float], Callable[[Any], Any], float, float, float]] = [
    (sine.sin, mpmath.sin, 1.0, -HUGE, HUGE),
    (sine.cos, mpmath.cos, 1.0, -HUGE, HUGE),
    (sine_fast.sin_fast, mpmath.sin, 4.0, -HUGE, HUGE),
    (sine_fast.cos_fast, mpmath.cos, 4.0, -HUGE, HUGE),
    (tangent.tan, mpmath.tan, 1.0, -HUGE, HUGE),
    (exponential.exp, mpmath.exp, 1.0, -800.0, 800.0),
    (logarithm.log, mpmath.log, 1.0, 5e-324, sys.float_info.max),
    (arctangent.atan, mpmath.atan, 1.0, -1e300, 1e300),
    (arcsine.asin, mpmath.asin, 1.0, -1.0, 1.0),
    (arcsine.acos, mpmath.acos, 1.0, -1.0, 1.0),
    (exponential.exp2, lambda x: mpmath.power(2, x), 1.0, -1080.0, 1030.0),
    (exponential.expm1, mpmath.expm1, 1.0, -800.0, 800.0),
    (logarithm.log2, lambda x: mpmath.log(x, 2), 1.0, 5e-324, HUGE),
    (logarithm.log10, mpmath.log10, 1.0, 5e-324, HUGE),
    (logarithm.log1p, mpmath.log1p, 1.0, math.nextafter(-1.0, 0.0), HUGE),
    (hyperbolic.sinh, mpmath.sinh, 1.0, -710.0, 710.0),
    (hyperbolic.cosh, mpmath.cosh, 1.0, -710.0, 710.0),
    (hyperbolic.tanh, mpmath.tanh, 1.0, -800.0, 800.0),
    (power.cbrt, mpmath.cbrt, 1.0, 0.0, HUGE),
    (tangent.degrees, mpmath.degrees, 2.0, -1e300, 1e300),
    (tangent.radians, mpmath.radians, 2.0, -1e300, 1e300),
]


@pytest.mark.parametrize(
    ("function", "exact", "bound", "low", "high"), BOUNDED, ids=lambda v: getattr(v, "__name__", "")
)
def test_error_is_bounded(
    function: Callable[[float], float], exact: Callable[[Any], Any], bound: float, low: float, high: float
) -> None:
    points = list(arguments(low, high))
    if exact in (mpmath.sin, mpmath.cos, mpmath.tan):
        points += [x for x in multiples_of_half_pi() if abs(x) <= high]
    with mpmath.workprec(1200 if high > 1e100 else 200):
        for x in points:
            error = ulps(function(x), exact(mpmath.mpf(x)))
            assert error <= bound, (x, function(x), error)


def same_as_c_library(function: Callable[..., float], name: str, *args: float) -> bool:
    try:
        want = getattr(math, name)(*args)
    except OverflowError:
        return math.isinf(function(*args))
    except ValueError:
        return not math.isfinite(function(*args))
    return same(function(*args), want)


def test_pow_has_the_c_library_s_special_values() -> None:
    for x in EDGES + SPECIAL:
        for y in [*EDGES, *SPECIAL, 4.0, 5.0, -5.0]:
            got = power.pow(x, y)
            if sys.float_info.min <= abs(got) < math.inf and x > 0.0:
                continue
            assert same_as_c_library(power.pow, "pow", x, y), (x, y)


def test_error_of_pow_is_bounded() -> None:
    rng = random.Random(10)
    pairs = [(abs(x), y) for x in EDGES for y in EDGES if x != 0.0]
    for _ in range(N_RANDOM):
        x = 10.0 ** rng.uniform(-300.0, 300.0)
        pairs += [(rng.uniform(0.0, 3.0), rng.uniform(-20.0, 20.0)), (x, rng.uniform(-745.0, 709.0) / math.log(x))]
        pairs += [(1.0 + rng.uniform(-1e-9, 1e-9), rng.uniform(-1e11, 1e11))]
    with mpmath.workprec(300):
        for x, y in pairs:
            if abs(y * math.log(x)) < 709.0:
                error = ulps(power.pow(x, y), mpmath.power(mpmath.mpf(x), mpmath.mpf(y)))
                assert error <= 1.0, (x, y, power.pow(x, y), error)


def test_exact_powers_are_found_exactly() -> None:
    for x in range(1, 60):
        for y in range(-3 if x & (x - 1) == 0 else 0, 10):
            if x ** abs(y) < 2**53:
                assert power.pow(float(x), float(y)) == float(x) ** y, (x, y)
        assert power.pow(float(x * x), 0.5) == x


@pytest.mark.parametrize(
    ("function", "exact"),
    [(arctangent.atan2, mpmath.atan2), (power.hypot, mpmath.hypot)],
    ids=["atan2", "hypot"],
)
def test_error_of_functions_of_two_is_bounded(
    function: Callable[[float, float], float], exact: Callable[[Any, Any], Any]
) -> None:
    rng = random.Random(9)
    pairs = [(x, y) for x in EDGES for y in EDGES]
    for _ in range(N_RANDOM):
        x, scale = rng.uniform(-4.0, 4.0), 10.0 ** rng.uniform(-140.0, 140.0)
        pairs += [(x, rng.uniform(-4.0, 4.0)), (x * scale, rng.uniform(-4.0, 4.0) * scale), (x, x), (x, scale)]
        pairs += [(x, math.nextafter(x, 9.0)), (0.41421356237309503 * x, x)]
    with mpmath.workprec(200):
        for x, y in pairs:
            if x == 0.0 or y == 0.0:
                assert same_as_c_library(function, function.__name__, x, y), (x, y)
            else:
                error = ulps(function(x, y), exact(mpmath.mpf(x), mpmath.mpf(y)))
                assert error <= 1.0, (x, y, function(x, y), error)
        for x, y in [(x, y) for x in SPECIAL for y in EDGES + SPECIAL]:
            assert same_as_c_library(function, function.__name__, x, y), (x, y)
            assert same_as_c_library(function, function.__name__, y, x), (x, y)


@pytest.mark.parametrize(
    ("function", "at"),
    [
        (sine.sin, [(0.0, 0.0), (-0.0, -0.0), (math.inf, math.nan), (math.nan, math.nan)]),
        (sine.cos, [(0.0, 1.0), (-0.0, 1.0), (-math.inf, math.nan), (math.nan, math.nan)]),
        (sine_fast.cos_fast, [(0.0, 1.0), (math.inf, math.nan), (math.nan, math.nan)]),
        (tangent.tan, [(0.0, 0.0), (-0.0, -0.0), (math.inf, math.nan), (math.nan, math.nan)]),
        (exponential.exp, [(0.0, 1.0), (math.inf, math.inf), (-math.inf, 0.0), (math.nan, math.nan)]),
        (exponential.exp, [(709.79, math.inf), (710.0, math.inf), (-745.2, 0.0), (-1e308, 0.0)]),
        (logarithm.log, [(1.0, 0.0), (0.0, -math.inf), (-0.0, -math.inf), (-1.0, math.nan)]),
        (logarithm.log, [(math.inf, math.inf), (-math.inf, math.nan), (math.nan, math.nan)]),
        (logarithm.log2, [(2.0**k, float(k)) for k in range(-1074, 1024)]),
        (logarithm.log10, [(10.0**k, float(k)) for k in range(23)]),
        (logarithm.log2, [(0.0, -math.inf), (-1.0, math.nan), (math.inf, math.inf), (math.nan, math.nan)]),
        (logarithm.log10, [(0.0, -math.inf), (-1.0, math.nan), (math.inf, math.inf), (math.nan, math.nan)]),
        (logarithm.log1p, [(0.0, 0.0), (-0.0, -0.0), (-5e-324, -5e-324), (-1.0, -math.inf), (-1.5, math.nan)]),
        (logarithm.log1p, [(math.inf, math.inf), (-math.inf, math.nan), (math.nan, math.nan)]),
        (power.cbrt, [(0.0, 0.0), (-0.0, -0.0), (math.inf, math.inf), (-math.inf, -math.inf), (math.nan, math.nan)]),
        (power.cbrt, [(float(k**3), float(k)) for k in range(-1000, 1000)]),
        (arctangent.atan, [(0.0, 0.0), (-0.0, -0.0), (math.inf, math.pi / 2), (-math.inf, -math.pi / 2)]),
        (arcsine.acos, [(2.0, math.nan)]),
        (inverse_hyperbolic.atanh, [(1.0, math.inf), (2.0, math.nan)]),
        (gamma.gamma, [(float(n), float(math.factorial(n - 1))) for n in range(1, 24)]),
        (gamma.gamma, [(0.0, math.inf), (-0.0, -math.inf), (math.inf, math.inf), (-math.inf, math.nan)]),
        (gamma.gamma, [(math.nan, math.nan), (-1.0, math.nan), (-184.0, math.nan), (-1e300, math.nan)]),
        (gamma.gamma, [(-184.5, -0.0), (-185.5, 0.0), (-(2.0**51) - 0.5, -0.0), (-(2.0**51) - 1.5, 0.0)]),
        (log_gamma.lgamma, [(1.0, 0.0), (2.0, 0.0), (0.0, math.inf), (-0.0, math.inf), (-1.0, math.inf)]),
        (log_gamma.lgamma, [(math.inf, math.inf), (-math.inf, math.inf), (math.nan, math.nan), (-1e300, math.inf)]),
        (log_gamma.lgamma, [(2.6e305, math.inf), (1e308, math.inf)]),
        (gamma.gamma, [(171.7, math.inf), (1e308, math.inf), (5e-324, math.inf), (-5e-324, -math.inf)]),
    ],
)
def test_special_values(function: Callable[[float], float], at: list[tuple[float, float]]) -> None:
    for x, want in at:
        assert same(function(x), want), (x, function(x), want)


def outcome(function: Callable[..., Any], *args: Any) -> Any:
    """The result, or the exception's class and message."""
    try:
        return function(*args)
    except (ArithmeticError, ValueError) as error:
        return type(error), str(error)


def same_outcome(got: Any, want: Any) -> bool:
    """Equal results, or exceptions of one class: messages differ between releases of CPython."""
    if isinstance(got, tuple) and isinstance(want, tuple):
        return got[0] is want[0]
    if isinstance(got, complex) and isinstance(want, complex):
        return same(got.real, want.real) and same(got.imag, want.imag)
    if isinstance(got, float) and isinstance(want, float):
        return same(got, want)
    return bool(got == want)


@pytest.mark.parametrize(
    ("function", "reference"),
    [(float_ops.float_floordiv, operator.floordiv), (float_ops.float_mod, operator.mod)],
    ids=["floordiv", "mod"],
)
def test_float_division_is_cpython_s(function: Callable[..., Any], reference: Callable[..., Any]) -> None:
    rng = random.Random(1)
    pairs = [(x, y) for x in EDGES + SPECIAL for y in EDGES + SPECIAL]
    for _ in range(3000):
        y = rng.uniform(-10.0, 10.0)
        pairs += [(rng.uniform(-1e3, 1e3), y), (y * rng.randrange(-1000, 1000), y), (rng.uniform(-1e300, 1e300), y)]
    for x, y in pairs:
        got, want = outcome(function, x, y), outcome(reference, x, y)
        assert same_outcome(got, want), (x, y, got, want)


def test_float_division_without_errors_is_numpy_s() -> None:
    with np.errstate(all="ignore"):
        for x in [0.0, -0.0, 1.0, -7.5, math.nan, math.inf]:
            for y in [0.0, -0.0]:
                assert math.isnan(float_ops.float_mod_numpy(x, y))
                assert same(float_ops.float_floordiv_numpy(x, y), float(np.float64(x) / np.float64(y)))


def test_parts_of_floats_are_cpython_s() -> None:
    for x in [*EDGES, *SPECIAL, *arguments(-1e308, 1e308, seed=2)]:
        assert floats.isnan(x) == math.isnan(x)
        assert floats.isinf(x) == math.isinf(x)
        assert floats.isfinite(x) == math.isfinite(x)
        fraction, whole = floats.modf(x)
        assert same(fraction, math.modf(x)[0]), x
        assert same(whole, math.modf(x)[1]), x
        mantissa, exponent = floats.frexp(x)
        assert same(mantissa, math.frexp(x)[0]), x
        assert exponent == math.frexp(x)[1], x


EXPONENTS = [
    0,
    1,
    -1,
    52,
    -53,
    1023,
    1024,
    2046,
    2047,
    2100,
    -1022,
    -1023,
    -1074,
    -1991,
    -2045,
    -2200,
    10**12,
    -(10**12),
]


def test_ldexp_rounds_once() -> None:
    for x in [*EDGES, *SPECIAL, 1.1, 1.9999999999999998]:
        for e in [
            0,
            1,
            -1,
            52,
            -53,
            1023,
            1024,
            2046,
            2047,
            2100,
            -1022,
            -1023,
            -1074,
            -1991,
            -2045,
            -2200,
            10**12,
            -(10**12),
        ]:
            want = outcome(math.ldexp, x, e)
            got = floats.ldexp(x, e)
            assert same(got, want) if isinstance(want, float) else math.isinf(got), (x, e, got, want)


INTEGERS = [0, 1, -1, 2, -2, 3, -3, 7, -7, 10, 63, -64, 2**31, -(2**31) - 1, 10**18, LEAST, LEAST + 1, 2**63 - 1]


def wrapped(value: int, dtype: type[np.int64] | type[np.uint64]) -> int:
    low = value % 2**64
    return low - 2**64 if dtype is np.int64 and low >= 2**63 else low


@pytest.mark.filterwarnings("ignore:overflow encountered:RuntimeWarning")
@pytest.mark.parametrize("dtype", [np.int64, np.uint64])
@pytest.mark.parametrize(
    ("function", "reference"),
    [(int_ops.int_floordiv, operator.floordiv), (int_ops.int_mod, operator.mod)],
    ids=["floordiv", "mod"],
)
def test_integer_division_is_cpython_s(
    function: Callable[..., Any], reference: Callable[..., Any], dtype: type[np.int64] | type[np.uint64]
) -> None:
    rng = random.Random(3)
    numbers = INTEGERS + [rng.randrange(LEAST, 2**63) >> rng.randrange(64) for _ in range(60)]
    numbers = [wrapped(number, dtype) for number in numbers]
    for a in numbers:
        for b in numbers:
            got, want = outcome(function, dtype(a), dtype(b)), outcome(reference, a, b)
            assert same_outcome(got, want if isinstance(want, tuple) else wrapped(want, dtype)), (a, b)
            if not isinstance(want, tuple):
                assert isinstance(got, dtype)


@pytest.mark.parametrize("function", [int_ops.int_floordiv_numpy, int_ops.int_mod_numpy])
def test_integer_division_without_errors(function: Callable[..., Any]) -> None:
    assert function(np.int64(7), np.int64(0)) == 0
    assert function(np.int64(-7), np.int64(2)) == {"f": -4, "m": 1}[function.__name__[4]]


@pytest.mark.filterwarnings("ignore:overflow encountered:RuntimeWarning")
@pytest.mark.parametrize("dtype", [np.int64, np.uint64])
def test_integer_powers_wrap(dtype: type[np.int64] | type[np.uint64]) -> None:
    for a in INTEGERS:
        for b in [0, 1, 2, 3, 5, 31, 62, 63, 64, 65, 1000, 2**40 + 1]:
            a = wrapped(a, dtype)
            assert int_ops.int_pow(dtype(a), dtype(b)) == wrapped(pow(a, b, 2**64), dtype), (a, b)


def test_negative_integer_powers_are_numba_s() -> None:
    one = np.int64
    assert int_ops.int_pow(one(2), one(-1)) == 0
    assert int_ops.int_pow(one(1), one(-5)) == 1
    assert [int_ops.int_pow(one(-1), one(b)) for b in (-1, -2)] == [-1, 1]
    with pytest.raises(ZeroDivisionError, match=r"^0\.0 cannot be raised to a negative power$"):
        int_ops.int_pow(one(0), one(-1))


@pytest.mark.parametrize("dtype", [np.int64, np.uint64])
def test_shifts(dtype: type[np.int64] | type[np.uint64]) -> None:
    for a in INTEGERS:
        a = wrapped(a, dtype)
        for count in [0, 1, 5, 62, 63, 64, 65, 2**62]:
            assert int_ops.int_shl(dtype(a), count) == (wrapped(a << count, dtype) if count < 64 else 0), (a, count)
            assert int_ops.int_shr(dtype(a), count) == a >> count, (a, count)
    for shift in (int_ops.int_shl, int_ops.int_shr):
        with pytest.raises(ValueError, match=r"^negative shift count$"):
            shift(dtype(1), -1)


def test_functions_of_integers_are_cpython_s() -> None:
    rng = random.Random(4)
    small = [*range(-3, 25), 60, 61, 62, 66, 67, 100]
    pairs = [(n, k) for n in small for k in small]
    pairs += [(rng.randrange(-(10**9), 10**9), rng.randrange(-(10**9), 10**9)) for _ in range(200)]
    for n, k in pairs:
        assert integers.gcd(n, k) == math.gcd(n, k)
        assert integers.lcm(n, k) == math.lcm(n, k)
    argument_lists: dict[str, list[tuple[int, ...]]] = {
        "comb": [*pairs[: len(small) ** 2]],
        "perm": [*pairs[: len(small) ** 2]],
        "factorial": [(n,) for n in small],
        "isqrt": [(n,) for n in small + [root * root + by for root in (94906267, 3037000499) for by in (-1, 0, 1)]],
    }
    for name, cases in argument_lists.items():
        for case in cases:
            want = outcome(getattr(math, name), *case)
            if isinstance(want, int) and want >= 2**63:
                want = (OverflowError, "the result is too large for int64")
            assert same_outcome(outcome(getattr(integers, name), *case), want), (name, case)


@pytest.mark.parametrize(
    ("function", "args", "message"),
    [
        (int_ops.int_floordiv, (1, 0), "integer division or modulo by zero"),
        (int_ops.int_mod, (1, 0), "integer modulo by zero"),
        (int_ops.int_pow, (0, -1), "0.0 cannot be raised to a negative power"),
        (float_ops.float_floordiv, (1.0, 0.0), "float floor division by zero"),
        (float_ops.float_mod, (1.0, 0.0), "float modulo"),
        (complex_ops.complex_div, (1j, 0j), "complex division by zero"),
        (complex_ops.complex_pow, (0j, -1 + 0j), "0.0 to a negative or complex power"),
        (integers.factorial, (-1,), "factorial() not defined for negative values"),
        (integers.isqrt, (-1,), "isqrt() argument must be nonnegative"),
        (integers.comb, (-1, 1), "n must be a non-negative integer"),
        (integers.perm, (1, -1), "k must be a non-negative integer"),
        (integers.perm, (30, 30), "the result is too large for int64"),
    ],
)
def test_messages(function: Callable[..., Any], args: tuple[Any, ...], message: str) -> None:
    assert outcome(function, *args)[1] == message


PARTS = [0.0, -0.0, 1.0, -1.0, 0.5, -3.25, 1e200, 1e-200, 5e-324, math.inf, -math.inf, math.nan]
COMPLEXES = [complex(re, im) for re in PARTS for im in PARTS]


@pytest.mark.parametrize(
    ("function", "reference"),
    [(complex_ops.complex_mul, operator.mul), (complex_ops.complex_div, operator.truediv)],
    ids=["mul", "div"],
)
def test_complex_arithmetic_is_cpython_s(function: Callable[..., Any], reference: Callable[..., Any]) -> None:
    if sys.version_info >= (3, 14):
        pytest.skip("CPython 3.14 recovers infinities as C99 annex G does")
    for a in COMPLEXES:
        for b in COMPLEXES:
            got, want = outcome(function, a, b), outcome(reference, a, b)
            assert same_outcome(got, want), (a, b, got, want)


def test_complex_powers_are_cpython_s() -> None:
    rng = random.Random(5)
    finite = [z for z in COMPLEXES if math.isfinite(z.real) and math.isfinite(z.imag)]
    pairs = [(a, b) for a in finite for b in finite]
    for _ in range(300):
        a, b = complex(rng.gauss(0, 2), rng.gauss(0, 2)), complex(rng.gauss(0, 2), rng.gauss(0, 2))
        pairs += [(a, b), (a, complex(rng.randrange(-9, 9)))]
    for a, b in pairs:
        want = outcome(operator.pow, a, b)
        if isinstance(want, tuple) and want[0] is OverflowError:
            continue
        got = outcome(complex_ops.complex_pow, a, b)
        if isinstance(want, complex):
            assert isinstance(got, complex)
            assert got == pytest.approx(want, rel=1e-13, abs=1e-300, nan_ok=True), (a, b)
        elif isinstance(want, tuple):
            assert got[0] is want[0], (a, b)


def test_complex_division_without_errors() -> None:
    got = complex_ops.complex_div_numpy(1 - 2j, 0j)
    assert got == complex(math.inf, -math.inf)
    got = complex_ops.complex_pow_numpy(0j, -1 + 0j)
    assert math.isnan(got.real)


def test_rounding_to_digits_is_cpython_s() -> None:
    rng = random.Random(6)
    ties = [0.5, 1.5, 2.5, 0.125, 0.375, 2.675, 1.005, 5.015, 1234.5, 125.0, 375.0, 1e15 + 0.5, 25.0, 5e15]
    values = [*ties, *EDGES, *SPECIAL, *(rng.uniform(-1e6, 1e6) for _ in range(300)), *arguments(-1e20, 1e20, seed=7)]
    values += [round(rng.uniform(-1e3, 1e3), 3) for _ in range(500)]
    for x in values:
        for digits in [0, 1, 2, 3, 5, 10, 15, 22, -1, -2, -5, -15, -22, -400]:
            got, want = rounding.round_digits(x, digits), outcome(round, x, digits)
            assert same_outcome(got, want), (x, digits, got, want)
    assert rounding.round_digits(1.2345e-25, 27) == pytest.approx(1.23e-25, rel=1e-15)
    assert rounding.round_digits(1e-5, 330) == 1e-5


def test_names_are_unique() -> None:
    names: dict[str, str] = {}
    for path in DIRECTORY.glob("[a-z]*.py"):
        for line in path.read_text().splitlines():
            if line.startswith("def "):
                name = line[4 : line.index("(")]
                assert name not in names, (name, path.name, names[name])
                names[name] = path.name
