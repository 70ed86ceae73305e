"""The index of a loop as a float is exact, also beside constants that `fastmath` may move about."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ungil import njit, prange


def offset(n: int) -> float:
    total = 0.0
    for i in range(n):
        x = i + 0.3
        total += x * x
    return total


def midpoints(n: int) -> float:
    total = 0.0
    for i in range(n):
        x = (i + 0.5) * 0.1
        total += x * x
    return total


def differences(n: int) -> float:
    total = 0.0
    for i in prange(n):
        total += (i - 0.7) - (0.1 - i) * 3.0
    return total


def of_a_thousand() -> float:
    total = 0.0
    for i in range(1000):
        x = (i + 0.3) * 0.001
        total += x * x
    return total


def squares(n: int) -> float:
    total = 0.0
    for i in range(n):
        for j in range(3):
            total += (i + 0.3) * (j + 0.7)
    return total


@pytest.mark.parametrize("function", [offset, midpoints, differences, squares])
@pytest.mark.parametrize("parallel", [False, True])
@pytest.mark.parametrize("n", [1, 31, 1000, 200_003])
def test_sums_over_the_index(function: Callable[[int], float], parallel: bool, n: int) -> None:
    want = function(n)
    assert njit(function, fastmath=True, parallel=parallel)(n) == pytest.approx(want, rel=1e-11)
    assert njit(function, parallel=parallel)(n) == pytest.approx(want, rel=1e-12)


@pytest.mark.parametrize("fastmath", [False, True])
def test_a_loop_of_a_length_that_is_known(fastmath: bool) -> None:
    assert njit(of_a_thousand, fastmath=fastmath)() == pytest.approx(of_a_thousand(), rel=1e-12)

    @njit(fastmath=fastmath)
    def calls() -> float:
        return offset_compiled(1000)

    offset_compiled = njit(offset, fastmath=fastmath)
    assert calls() == pytest.approx(offset(1000), rel=1e-12)
