"""The hyperbolic functions and their inverses, measured over the whole range against mpmath."""

import math
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mpmath  # type: ignore[import-untyped]
import pytest

sys.path.insert(0, str(Path(__file__).parent))

import inverse_points as points
from prelude_files import load

hyperbolic = load("math_hyperbolic")
inverse = load("math_inverse_hyperbolic")

# Where the sine changes from its series to exponentials, where the tangent reaches 1, where the others overflow.
HYPERBOLIC = (
    points.both_signs(
        points.uniform(0.0, 3.0, 40_000)
        + points.uniform(0.0, 25.0, 15_000)
        + points.uniform(0.0, 715.0, 15_000)
        + points.sized(points.LEAST, 1000.0, 20_000)
        + points.near(math.log(2.0) / 2.0, 10_000)
        + points.near(19.0, 2_000)
        + points.near(710.4758600739439, 2_000)
    )
    + [x for x in points.EDGES if x <= 1000.0]
    + [-1000.0]
)
ANY = (
    points.both_signs(
        points.uniform(0.0, 3.0, 40_000)
        + points.sized(points.LEAST, points.GREATEST, 30_000)
        + points.sized(2.0**-30, 2.0**31, 30_000)
        + points.near(2.0**30, 2_000)
    )
    + points.EDGES
)
FROM_ONE = (
    points.uniform(1.0, 4.0, 40_000)
    + points.sized(1.0, points.GREATEST, 20_000)
    + points.sized(1.0, 2.0**31, 10_000)
    + [1.0 + x for x in points.sized(2.0**-52, 1.0, 30_000)]
    + points.near(2.0**30, 2_000)
    + [x for x in points.EDGES if x >= 1.0]
)
UNIT = points.both_signs(
    points.uniform(0.0, 1.0, 40_000)
    + points.sized(points.LEAST, 1.0 - 2.0**-53, 30_000)
    + points.near(0.2, 10_000)
    + [1.0 - x for x in points.sized(2.0**-53, 0.5, 20_000)]
) + [x for x in points.EDGES if x < 1.0]


@pytest.mark.parametrize(
    ("function", "exact", "where", "bound"),
    [
        (hyperbolic.sinh, mpmath.sinh, HYPERBOLIC, 0.8),
        (hyperbolic.cosh, mpmath.cosh, HYPERBOLIC, 0.7),
        (hyperbolic.tanh, mpmath.tanh, HYPERBOLIC, 0.7),
        (inverse.asinh, mpmath.asinh, ANY, 0.55),
        (inverse.acosh, mpmath.acosh, FROM_ONE, 0.55),
        (inverse.atanh, mpmath.atanh, UNIT, 0.55),
    ],
    ids=["sinh", "cosh", "tanh", "asinh", "acosh", "atanh"],
)
def test_error_is_bounded(
    function: Callable[[float], float], exact: Callable[[Any], Any], where: list[float], bound: float
) -> None:
    assert len(where) >= 100_000
    error, at = points.largest_error(function, exact, where)
    assert error <= bound, at


@pytest.mark.parametrize(
    ("function", "at"),
    [
        (hyperbolic.sinh, [(0.0, 0.0), (-0.0, -0.0), (math.inf, math.inf), (-math.inf, -math.inf)]),
        (hyperbolic.sinh, [(711.0, math.inf), (-1e308, -math.inf), (math.nan, math.nan)]),
        (hyperbolic.cosh, [(0.0, 1.0), (-0.0, 1.0), (math.inf, math.inf), (-math.inf, math.inf)]),
        (hyperbolic.cosh, [(711.0, math.inf), (-1e308, math.inf), (math.nan, math.nan)]),
        (hyperbolic.tanh, [(0.0, 0.0), (-0.0, -0.0), (math.inf, 1.0), (-math.inf, -1.0), (math.nan, math.nan)]),
        (hyperbolic.tanh, [(1e308, 1.0), (-20.0, -1.0)]),
        (inverse.asinh, [(0.0, 0.0), (-0.0, -0.0), (math.inf, math.inf), (-math.inf, -math.inf)]),
        (inverse.asinh, [(math.nan, math.nan)]),
        (inverse.acosh, [(1.0, 0.0), (math.inf, math.inf), (1.0 - 2**-53, math.nan), (0.0, math.nan)]),
        (inverse.acosh, [(-1.0, math.nan), (-1e300, math.nan), (-math.inf, math.nan), (math.nan, math.nan)]),
        (inverse.atanh, [(0.0, 0.0), (-0.0, -0.0), (1.0, math.inf), (-1.0, -math.inf), (1 + 2**-52, math.nan)]),
        (inverse.atanh, [(-2.0, math.nan), (math.inf, math.nan), (-math.inf, math.nan), (math.nan, math.nan)]),
    ],
)
def test_special_values(function: Callable[[float], float], at: list[tuple[float, float]]) -> None:
    for x, want in at:
        assert points.same(function(x), want), (x, function(x))
