"""The functions of `math` keep the bounds that their reference promises."""

from __future__ import annotations

import math

import pytest
from inverse_points import same
from points import HUGE, LEAST, N_TURNS, PAIR_ROWS, ROWS, PairRow, Row, compiled, compiled_in_loop
from prelude_files import load
from write_reference import REFERENCE, rows_of

import ungil


@pytest.mark.parametrize("row", [*ROWS, *PAIR_ROWS], ids=lambda row: row.title.replace("`", ""))
def test_error_is_bounded(row: Row | PairRow) -> None:
    error, at = row.largest_error()
    assert error <= row.bound, (row.title, at, error)


def test_the_reference_promises_what_is_tested() -> None:
    promised = rows_of(REFERENCE.read_text())
    assert [cells[:2] for cells in promised] == [[row.title, f"{row.bound:g}"] for row in (*ROWS, *PAIR_ROWS)]
    for _, bound, measured, _ in promised:
        assert float(measured) <= float(bound)


@ungil.njit
def sine(x: float) -> float:
    """The sine, without a liberty."""
    return math.sin(x)


@ungil.njit
def cosine(x: float) -> float:
    """The cosine, without a liberty."""
    return math.cos(x)


@ungil.njit
def tangent(x: float) -> float:
    """The tangent, without a liberty."""
    return math.tan(x)


@pytest.mark.parametrize("function", [sine, cosine, tangent], ids=["sin", "cos", "tan"])
def test_infinities_have_no_angle(function) -> None:
    assert all(math.isnan(function(x)) for x in (math.inf, -math.inf, math.nan))


def test_the_sine_keeps_signs_of_zeros() -> None:
    assert all(math.copysign(1.0, sine(x)) == math.copysign(1.0, x) for x in (0.0, -0.0, LEAST, -LEAST))


@ungil.njit(fastmath=True)
def fast_sine(x: float) -> float:
    """The sine, with every liberty."""
    return math.sin(x)


@ungil.njit(fastmath=True)
def fast_cosine(x: float) -> float:
    """The cosine, with every liberty."""
    return math.cos(x)


def test_the_runtime_reduces_huge_angles_as_the_prelude_does() -> None:
    angles = [math.ldexp(1 + k / 977, 31 + k) for k in range(990)] + [6381956970095103 * 2.0**797, 1e22, 1.7e308]
    plain, fast, tan = load("math_sine"), load("math_sine_fast"), load("math_tangent").tan
    pairs = [(sine, plain.sin), (cosine, plain.cos), (tangent, tan)]
    for in_code, interpreted in [*pairs, (fast_sine, fast.sin_fast), (fast_cosine, fast.cos_fast)]:
        assert [in_code(x) for x in angles] == [interpreted(x) for x in angles]


LOOPED = ["exp", "exp2", "expm1", "sinh", "tan", "erfc", "log", "log1p", "asinh", "gamma", "lgamma"]


@pytest.mark.parametrize("name", LOOPED)
@pytest.mark.parametrize("fast", [False, True])
def test_loops_compute_what_single_calls_do(name: str, fast: bool) -> None:
    function, single = getattr(math, name), compiled(name, fast)

    @ungil.njit(fastmath={"afn"} if fast else False)
    def total(low: float, step: float, n: int) -> float:
        result = 0.0
        for i in range(n):
            result += function(low + i * step)
        return result

    # To the zeros of `lgamma` and across them, to its and gamma's poles, to subnormal and to infinite results.
    for low, step, n in [(0.1, 0.01, 1000), (-20.05, 0.013, 1500), (-3.0001, 0.001, 700), (-999.9, 0.7, 2000)]:
        want = 0.0
        for i in range(n):
            want += single(low + i * step)
        assert same(total(low, step, n), want), (low, step, n)


FAST = ["sin", "cos", "tan", "asin", "acos", "atan", "sinh", "cosh", "tanh", "erf", "erfc", "exp", "exp2", "expm1"]
FAST += ["log", "log2", "log10", "log1p", "asinh", "acosh", "atanh"]
SPECIAL = [0.0, LEAST, 2.0**-1022, 1.0, 750.0, 1100.0, HUGE, math.inf, math.nan]


@pytest.mark.parametrize("name", FAST)
def test_fast_functions_have_the_special_values_of_the_others(name: str) -> None:
    fast, plain = compiled(name, True), compiled(name, False)
    for x in [sign * x for x in SPECIAL for sign in (1.0, -1.0)]:
        got, want = fast(x), plain(x)
        # The signs of zeros may differ.
        assert same(abs(got), abs(want)) or math.isclose(got, want, rel_tol=1e-15), (x, got, want)


def test_fast_functions_of_two_have_the_special_values_of_the_others() -> None:
    @ungil.njit(fastmath={"afn"})
    def fast(x: float, y: float) -> tuple[float, float]:
        return math.hypot(x, y), math.atan2(x, y)

    @ungil.njit
    def plain(x: float, y: float) -> tuple[float, float]:
        return math.hypot(x, y), math.atan2(x, y)

    special = [sign * x for x in (*SPECIAL, 2 * LEAST, 3 * LEAST, 7 * LEAST) for sign in (1.0, -1.0)]
    for x in special:
        for y in special:
            for got, want in zip(fast(x, y), plain(x, y), strict=True):
                assert same(got, want) or math.isclose(got, want, rel_tol=1e-15), (x, y, got, want)


def test_fast_roots_in_loops_have_the_special_values_of_single_ones() -> None:
    fast, plain = compiled_in_loop("sqrt"), compiled("sqrt", False)
    for x in [sign * x for x in SPECIAL for sign in (1.0, -1.0)]:
        want = plain(x)
        for _ in range(N_TURNS):
            got = fast(x)
            assert same(got, want) or (0.0 < want < math.inf and math.isclose(got, want, rel_tol=3e-16)), (x, got, want)


@pytest.mark.parametrize("fastmath", [True, {"afn", "reassoc", "contract"}])
def test_powers_of_halves_in_loops_are_near(fastmath) -> None:
    @ungil.njit(fastmath=fastmath)
    def total(low: float, step: float, n: int) -> float:
        result = 0.0
        for i in range(n):
            result += math.pow(low + i * step, 1.5) - (low + i * step) ** -0.5
        return result

    # What common and small numbers have; a sum of numbers that no `float32` holds.
    for low, step, n in [(0.001, 0.37, 1003), (1e-130, 1e-131, 1003), (1e60, 1e59, 1003)]:
        want = math.fsum(x**1.5 - x**-0.5 for x in (low + i * step for i in range(n)))
        assert math.isclose(total(low, step, n), want, rel_tol=1e-14)


@pytest.mark.parametrize(
    ("name", "x", "want"),
    [
        *[("cos", 0.0, 1.0), ("sin", math.pi / 2, 1.0), ("exp", 0.0, 1.0), ("exp2", -7.0, 1 / 128), ("cosh", 0.0, 1.0)],
        *[("asin", 1.0, math.pi / 2), ("acos", -1.0, math.pi), ("acos", 1.0, 0.0), ("acos", 0.0, math.pi / 2)],
        *[("atan", 1.0, math.pi / 4), ("atan", HUGE, math.pi / 2), ("tanh", 20.0, 1.0), ("expm1", -50.0, -1.0)],
        *[("erf", 6.0, 1.0), ("erfc", 0.0, 1.0), ("erfc", -7.0, 2.0)],
        *[("log", 1.0, 0.0), ("log2", 2.0**-37, -37.0), ("log10", 1.0, 0.0), ("acosh", 1.0, 0.0)],
    ],
)
def test_fast_functions_are_exact_where_all_expect_it(name: str, x: float, want: float) -> None:
    assert compiled(name, True)(x) == want


def test_the_fast_tangent_stays_within_one() -> None:
    fast = compiled("tanh", True)
    assert max(fast(15.0 + k / 10_000) for k in range(60_000)) == 1.0
