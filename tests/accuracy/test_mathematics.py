"""The functions of `math` keep the bounds that their reference promises."""

from __future__ import annotations

import math

import pytest
from inverse_points import same
from points import LEAST, PAIR_ROWS, ROWS, PairRow, Row, compiled
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


@pytest.mark.parametrize("name", ["exp2", "expm1", "gamma", "lgamma"])
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
