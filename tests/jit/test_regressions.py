"""Small programs that were once compiled wrong, or for ever."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

import ungil
from ungil import prange


def below(a, b):
    return a < b, a <= b, a == b, b > a


def test_a_bool_is_compared_with_an_unsigned_integer_by_value() -> None:
    compiled = ungil.njit(below)
    assert compiled(np.uint64(2**64 - 1), True) == (False, False, False, False)
    assert compiled(False, np.uint64(2**63)) == (True, True, False, True)
    assert compiled(np.uint64(1), True) == (False, True, True, False)


def zips(a):
    r = range(a)
    r = zip(r, r); r = zip(r, r); r = zip(r, r); r = zip(r, r); r = zip(r, r); r = zip(r, r); r = zip(r, r)  # fmt: skip
    r = zip(r, r); r = zip(r, r); r = zip(r, r); r = zip(r, r); r = zip(r, r); r = zip(r, r); r = zip(r, r)  # fmt: skip
    r = zip(r, r); r = zip(r, r); r = zip(r, r); r = zip(r, r); r = zip(r, r); r = zip(r, r); r = zip(r, r)  # fmt: skip
    r = zip(r, r); r = zip(r, r); r = zip(r, r); r = zip(r, r); r = zip(r, r); r = zip(r, r); r = zip(r, r)  # fmt: skip
    r = zip(r, r); r = zip(r, r); r = zip(r, r); r = zip(r, r); r = zip(r, r); r = zip(r, r); r = zip(r, r)  # fmt: skip
    return a


def more_arguments(*t):
    return more_arguments(*t, *t)


def deeper_arguments(t):
    return deeper_arguments((t, t))


def captures(g, h, n):
    return captures(lambda: g() + h(), lambda: g() - h(), n) if n else g()


def captures_from(a):
    return captures(lambda: a, lambda: a, a)


@pytest.mark.timeout(60)
@pytest.mark.parametrize("function", [zips, more_arguments, deeper_arguments, captures_from])
def test_what_grows_without_end_is_refused(function) -> None:
    with pytest.raises((ungil.UnsupportedError, ungil.TypingError)):
        ungil.njit(function)(1)


def later_of_equals(n, acc):
    for i in prange(n):
        acc = max(0.0 * i, acc)
    return acc


def earlier_of_equals(n, acc):
    for i in prange(n):
        acc = min(acc, 0.0 * i)
    return acc


@pytest.mark.parametrize("function", [later_of_equals, earlier_of_equals])
def test_a_parallel_extremum_keeps_the_zero_that_the_serial_one_keeps(function) -> None:
    compiled = ungil.njit(parallel=True)(function)
    for n in (0, 1, 5, 1000):
        for acc in (0.0, -0.0):
            assert math.copysign(1, compiled(n, acc)) == math.copysign(1, function(n, acc)), (n, acc)


def least_with_fastmath(a, n):
    r = 0.5
    s = 2.0
    for i in ungil.prange(n):
        q = a
        for _ in range(4):
            s = min(s, q + a)
        r = min(r, q - a)
    return r, s


def greatest_with_fastmath(a, n):
    r = -0.5
    s = -2.0
    for i in ungil.prange(n):
        q = a
        for _ in range(4):
            s = max(s, q - a)
        r = max(r, q + a)
    return r, s


@pytest.mark.parametrize("function", [least_with_fastmath, greatest_with_fastmath])
@pytest.mark.parametrize("type_", [np.float64, np.float32])
def test_a_parallel_loop_brings_no_infinity_to_code_that_assumes_there_are_none(function, type_) -> None:
    compiled = ungil.njit(parallel=True, fastmath=True)(function)
    for a, turns in itertools.product((-0.5, 0.0), (0, 1, 200)):
        assert compiled(type_(a), turns) == function(a, turns)


def recurrence(n):
    last = 0.0
    for i in range(n):
        last = last / 3.0 + i
    return last


def test_the_compiler_keeps_its_remarks_to_itself(capfd) -> None:
    compiled = ungil.njit(recurrence)
    assert compiled(1000) == recurrence(1000)
    assert compiled.inspect_llvm() and capfd.readouterr() == ("", "")
