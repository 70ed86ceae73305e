"""`fmod` and `remainder` of compiled code are CPython's to the bit, which are exact."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import numpy as np
import pytest
from inverse_points import EDGES, GREATEST, LEAST, same, sized

import ungil

N_POINTS = 100_000
SPECIAL = [0.0, math.inf, math.nan]


@ungil.njit
def fmod(x: float, y: float) -> float:
    """What a division rounded towards zero leaves."""
    return math.fmod(x, y)


@ungil.njit
def remainder(x: float, y: float) -> float:
    """What a division rounded to nearest leaves."""
    return math.remainder(x, y)


def pairs() -> Iterator[tuple[float, float]]:
    """Quotients of every size, and such as are next to integers or to halves."""
    rng = np.random.default_rng(8)
    share = N_POINTS // 4
    signs = rng.choice([-1.0, 1.0], (2, share))
    xs, ys = (np.array(sized(LEAST, GREATEST, share, seed)) for seed in (1, 2))
    yield from zip((xs * signs[0]).tolist(), (ys * signs[1]).tolist(), strict=True)
    # Exponents that are near, so that quotients are moderate.
    with np.errstate(over="ignore", under="ignore"):
        xs = np.minimum(ys * np.exp2(rng.uniform(-3.0, 60.0, share)), GREATEST)
        yield from zip((xs * signs[1]).tolist(), (ys * signs[0]).tolist(), strict=True)
        # Multiples of halves of the divisor, rounded, and their neighbours.
        halves = np.floor(np.exp2(rng.uniform(0.0, 54.0, share)))
        ys = np.array(sized(LEAST, 1e290, share, 3))
        xs = np.nextafter(ys * (0.5 * halves), rng.choice([0.0, np.inf, np.nan], share))
        xs = np.where(np.isnan(xs), ys * (0.5 * halves), xs)
        yield from zip((xs * signs[0]).tolist(), ys.tolist(), strict=True)
    # The same of small integers, where they are exact.
    ys = rng.integers(1, 1 << 20, share).astype(float)
    halves = rng.integers(0, 1 << 30, share).astype(float)
    yield from zip((signs[0] * ys * (0.5 * halves)).tolist(), (signs[1] * ys).tolist(), strict=True)
    ends = [sign * x for x in EDGES + SPECIAL for sign in (1.0, -1.0)]
    yield from ((x, y) for x in ends for y in ends)


@pytest.mark.parametrize(
    ("function", "want"), [(fmod, math.fmod), (remainder, math.remainder)], ids=["fmod", "remainder"]
)
def test_remainders_are_cpython_s(
    function: Callable[[float, float], float], want: Callable[[float, float], float]
) -> None:
    count = 0
    for x, y in pairs():
        count += 1
        try:
            exact = want(x, y)
        except ValueError:
            exact = math.nan
        assert same(function(x, y), exact), (x, y, function(x, y), exact)
    assert count >= N_POINTS


@pytest.mark.parametrize("name", ["fmod", "remainder"])
def test_remainders_in_a_loop_are_those_of_single_calls(name: str) -> None:
    function = getattr(math, name)

    @ungil.njit
    def total(low: float, step: float, n: int, y: float) -> float:
        result = 0.0
        for i in range(n):
            result += function(low + i * step, y)
        return result

    for low, step, y in [(-20.0, 0.125, 1.5), (1e15, 3.0, 0.75), (1e18, 2.0**20, -1.25)]:
        assert total(low, step, 1001, y) == sum(function(low + i * step, y) for i in range(1001))
