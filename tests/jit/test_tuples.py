"""Tuples: nested, unpacked, indexed, compared, iterated, joined."""

from __future__ import annotations

import itertools

import pytest


def make(a, b):
    return (a, (b, a + b), ())


def indexed(t):
    return t[0], t[-1], t[1][0]


def sliced(t):
    return t[1:], t[:-1], t[::2]


def unpacked(t):
    a, (b, c), d = t
    return d, c, b, a


def compared(s, t):
    return s == t, s != t, s < t, s <= t, s > t, s >= t


def joined(s, t):
    return s + t


def iterated(t):
    s = 0
    for x in t:
        s += x
    return s


def variable_index(t, n):
    s = 0.0
    for i in range(n):
        s += t[i]
    return s


def member(t, x):
    return x in t, x not in t


def loop_carried(n):
    pair = (0, 1)
    for _ in range(n):
        pair = (pair[1], pair[0] + pair[1])
    return pair


def lengths(t):
    return len(t), len(t + t)


PAIRS = [(1, 2), (1, 3), (2, 1)]


@pytest.mark.parametrize(
    ("function", "calls"),
    [
        (make, [(1, 2.5), (True, 2)]),
        (indexed, [((1, (2.5, 3), True),)]),
        (sliced, [((1, 2.5, True, None),), ((1, 2, 3),)]),
        (unpacked, [((1, (2.5, 3j), None),)]),
        (compared, itertools.product(PAIRS, PAIRS)),
        (compared, itertools.product([(1, 2.5), (0.5, 2)], [(1, 2.5), (1.0, 2)])),
        (joined, [((1, 2), (3.5,)), ((), (1,))]),
        (iterated, [((1, 2, 3),), ((1.5, 2.5),)]),
        (variable_index, [((1.0, 2.5, 4.0), 3), ((1.0, 2.5, 4.0), 0), ((1.0, 2.5, 4.0), 4)]),
        (member, [((1, 2, 3), 2), ((1, 2, 3), 5), ((1.5, 2.5), 1.5)]),
        (loop_carried, [(0,), (10,)]),
        (lengths, [((1, 2),), ((),)]),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_tuples(agrees, function, calls) -> None:
    agrees(function, calls)


def test_a_long_tuple_comes_and_goes(agrees) -> None:
    agrees(joined, [(tuple(range(100)), tuple(float(i) for i in range(50)))])
