"""Where the accuracy tests look: arguments by the hundred thousand, and the error of a result in ULP.

Arguments come from a seeded generator: `uniform` in an interval where a function is interesting, `sized` evenly over
the exponents of an interval (so that tiny and huge arguments are as frequent as middling ones), `near` on both sides of
a point where a function changes its method or has a zero, and the edges of `float64`.
"""

import math
import sys
from collections.abc import Callable, Iterable
from typing import Any

import mpmath  # type: ignore[import-untyped]
import numpy as np
from mpmath import libmp

# Bits of the reference: what is left of them after a cancellation is still far more than the 53 of a result.
PRECISION = 80
LEAST = 5e-324
LEAST_NORMAL = sys.float_info.min
GREATEST = sys.float_info.max
EDGES = [0.0, LEAST, 3 * LEAST, LEAST_NORMAL - LEAST, LEAST_NORMAL, 1e-300, 2.0**-54, 2.0**-27, 0.5, 1 - 2**-53, 1.0]
EDGES += [1 + 2**-52, math.sqrt(0.5), math.sqrt(2.0), 2.0, 10.0, 2.0**26, 2.0**52, 2.0**53, 1e300, GREATEST]


def uniform(low: float, high: float, n: int, seed: int = 1) -> list[float]:
    """Evenly spread numbers."""
    return np.random.default_rng(seed).uniform(low, high, n).tolist()


def sized(low: float, high: float, n: int, seed: int = 2) -> list[float]:
    """Positive numbers, spread evenly over the bits, and so over the exponents, from `low` to `high`."""
    first, last = np.array([low, high]).view(np.int64)
    return np.random.default_rng(seed).integers(first, last, n, endpoint=True).view(np.float64).tolist()


def near(point: float, n: int, seed: int = 3) -> list[float]:
    """Numbers on both sides of a point that is not 0, at distances of every size, and the point's neighbours."""
    distances = np.array(sized(2.0**-52, 0.25, n, seed)) * abs(point)
    signs = np.where(np.arange(n) % 2 == 0, 1.0, -1.0)
    return [math.nextafter(point, -math.inf), point, math.nextafter(point, math.inf), *(point + signs * distances)]


def both_signs(points: Iterable[float]) -> list[float]:
    """Every other number negated."""
    return [-x if i % 2 else x for i, x in enumerate(points)]


def ulps(got: float, want: Any) -> float:
    """How far `got` is from the exact `want`, in units of the last place of a `float64` near `want`."""
    # mpmath's inner functions take a quarter of the time that its operators do.
    exact = want._mpf_
    nearest = libmp.to_float(exact)
    if not math.isfinite(nearest) or not math.isfinite(got):
        return 0.0 if got == nearest or (got != got and nearest != nearest) else math.inf
    _, mantissa, exponent, bits = exact
    if not mantissa:
        return 0.0 if got == 0.0 else math.inf
    # The exponent as of a number from 1/2 to 1; below the least normal the unit stays as it is.
    exponent = max(exponent + bits, -1021)
    return abs(libmp.to_float(libmp.mpf_shift(libmp.mpf_sub(libmp.from_float(got), exact, 53, "n"), 53 - exponent)))


def largest_error(
    function: Callable[..., float], exact: Callable[..., Any], points: Iterable[Any]
) -> tuple[float, Any]:
    """The largest error over the points (numbers, or tuples of arguments), and where."""
    worst: tuple[float, Any] = (0.0, None)
    with mpmath.workprec(PRECISION):
        for point in points:
            arguments = point if isinstance(point, tuple) else (point,)
            error = ulps(function(*arguments), exact(*map(mpmath.mpf, arguments)))
            # A NaN is never less: it would be the largest.
            if not error <= worst[0]:
                worst = (error, point)
    return worst


def same(got: float, want: float) -> bool:
    """Equal with its sign, any NaN to any."""
    return (got == want and math.copysign(1.0, got) == math.copysign(1.0, want)) or (got != got and want != want)
