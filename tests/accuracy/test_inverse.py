"""The arc functions, measured over the whole range against mpmath, at a hundred thousand points each."""

import math
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mpmath  # type: ignore[import-untyped]
import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))

import inverse_points as points
from prelude_files import load

arcsine = load("math_arcsine")
arctangent = load("math_arctangent")

# To 1/2 one method, beyond it another; tiny arguments; towards the ends.
UNIT = points.both_signs(
    points.uniform(0.0, 1.0, 40_000)
    + points.sized(points.LEAST, 1.0, 30_000)
    + points.near(0.5, 10_000)
    + [1.0 - x for x in points.sized(2.0**-53, 0.5, 20_000)]
) + [sign * x for x in points.EDGES if x <= 1.0 for sign in (1.0, -1.0)]

TAN_PI_8 = 0.41421356237309503
ALL = (
    points.both_signs(
        points.uniform(0.0, 8.0, 40_000)
        + points.sized(points.LEAST, points.GREATEST, 30_000)
        + points.near(TAN_PI_8, 15_000)
        + points.near(1.0 / TAN_PI_8, 10_000)
        + points.near(1.0, 10_000)
    )
    + points.EDGES
)


def test_the_measure_knows_errors_that_are_known() -> None:
    with mpmath.workprec(points.PRECISION):
        two = mpmath.mpf(2)
        assert points.ulps(1.0, 1 + two**-53) == 0.5
        assert points.ulps(1.0, 1 - two**-54) == 0.5
        assert points.ulps(points.LEAST, two**-1075) == 0.5
        assert points.ulps(math.inf, two**1024) == 0.0
        assert points.ulps(0.0, two * 0) == 0.0
        for got in (math.inf, math.nan):
            assert points.ulps(got, two) == math.inf


@pytest.mark.parametrize(
    ("function", "exact", "where", "bound"),
    [
        (arcsine.asin, mpmath.asin, UNIT, 0.65),
        (arcsine.acos, mpmath.acos, UNIT, 0.65),
        (arctangent.atan, mpmath.atan, ALL, 0.7),
    ],
    ids=["asin", "acos", "atan"],
)
def test_error_is_bounded(
    function: Callable[[float], float], exact: Callable[[Any], Any], where: list[float], bound: float
) -> None:
    assert len(where) >= 100_000
    error, at = points.largest_error(function, exact, where)
    assert error <= bound, at


def test_error_of_atan2_is_bounded() -> None:
    rng = np.random.default_rng(5)
    angles = rng.uniform(-math.pi, math.pi, 60_000)
    lengths = np.array(points.sized(1e-300, 1e300, 60_000))
    pairs = list(zip((lengths * np.sin(angles)).tolist(), (lengths * np.cos(angles)).tolist(), strict=True))
    ys = points.both_signs(points.sized(points.LEAST, points.GREATEST, 40_000, seed=6))
    xs = points.both_signs(points.sized(points.LEAST, points.GREATEST, 40_000, seed=7))
    pairs += zip(ys, reversed(xs), strict=True)
    pairs += [(y, x) for y in points.EDGES if y for x in points.EDGES if x]
    assert len(pairs) >= 100_000
    error, at = points.largest_error(arctangent.atan2, mpmath.atan2, pairs)
    assert error <= 0.7, at


@pytest.mark.parametrize(
    ("function", "at"),
    [
        (arcsine.asin, [(0.0, 0.0), (-0.0, -0.0), (1.0, math.pi / 2), (-1.0, -math.pi / 2), (1 + 2**-52, math.nan)]),
        (arcsine.asin, [(-2.0, math.nan), (math.inf, math.nan), (-math.inf, math.nan), (math.nan, math.nan)]),
        (arcsine.acos, [(1.0, 0.0), (-1.0, math.pi), (0.0, math.pi / 2), (-0.0, math.pi / 2), (2.0, math.nan)]),
        (arcsine.acos, [(math.inf, math.nan), (-math.inf, math.nan), (math.nan, math.nan)]),
        (arctangent.atan, [(0.0, 0.0), (-0.0, -0.0), (math.inf, math.pi / 2), (-math.inf, -math.pi / 2)]),
        (arctangent.atan, [(math.nan, math.nan)]),
    ],
)
def test_special_values(function: Callable[[float], float], at: list[tuple[float, float]]) -> None:
    for x, want in at:
        assert points.same(function(x), want), (x, function(x))


def test_atan2_has_the_c_library_s_special_values() -> None:
    special = [0.0, 1.0, points.LEAST, points.GREATEST, math.inf, math.nan]
    special = [sign * x for x in special for sign in (1.0, -1.0)]
    for y in special:
        for x in special:
            assert points.same(arctangent.atan2(y, x), math.atan2(y, x)), (y, x)
