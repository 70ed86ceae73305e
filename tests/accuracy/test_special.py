"""The error function and its complement, measured over the whole range against mpmath."""

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

error_functions = load("math_error")

# To 3/4 one method, beyond it another; where one result reaches 1 or 2, and the other becomes subnormal and then 0.
ALL = (
    points.both_signs(
        points.uniform(0.0, 2.0, 40_000)
        + points.uniform(0.0, 6.5, 20_000)
        + points.uniform(6.5, 28.0, 10_000)
        + points.sized(points.LEAST, 32.0, 20_000)
        + points.near(0.75, 10_000)
    )
    + points.uniform(26.5, 27.3, 2_000)
    + [x for x in points.EDGES if x <= 32.0]
)


@pytest.mark.parametrize(
    ("function", "exact", "bound"),
    [(error_functions.erf, mpmath.erf, 0.95), (error_functions.erfc, mpmath.erfc, 0.9)],
    ids=["erf", "erfc"],
)
def test_error_is_bounded(function: Callable[[float], float], exact: Callable[[Any], Any], bound: float) -> None:
    assert len(ALL) >= 100_000
    error, at = points.largest_error(function, exact, ALL)
    assert error <= bound, at


@pytest.mark.parametrize(
    ("function", "at"),
    [
        (error_functions.erf, [(0.0, 0.0), (-0.0, -0.0), (math.inf, 1.0), (-math.inf, -1.0), (math.nan, math.nan)]),
        (error_functions.erf, [(6.0, 1.0), (-1e308, -1.0)]),
        (error_functions.erfc, [(0.0, 1.0), (-0.0, 1.0), (math.inf, 0.0), (-math.inf, 2.0), (math.nan, math.nan)]),
        (error_functions.erfc, [(27.3, 0.0), (1e308, 0.0), (-6.0, 2.0), (-1e308, 2.0)]),
    ],
)
def test_special_values(function: Callable[[float], float], at: list[tuple[float, float]]) -> None:
    for x, want in at:
        assert points.same(function(x), want), (x, function(x))
