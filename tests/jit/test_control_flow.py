"""Statements: branches, loops with `else`, early returns, assertions, assignments of every form."""

from __future__ import annotations

import itertools

import pytest

import ungil


def branches(a, b):
    if a < b:
        x = 1
    elif a == b:
        x = 2
    else:
        x = 3
    return x * 10


def nested(a, b):
    if a:
        if b:
            return "both" == "both"
        return False
    return not b


def while_else(n, stop):
    i = 0
    while i < n:
        if i == stop:
            break
        i += 1
    else:
        return -i
    return i


def for_else(n, stop):
    found = 0
    for i in range(n):
        if i == stop:
            found = i
            break
    else:
        found = -1
    return found


def continues(n):
    s = 0
    for i in range(n):
        if i % 3 == 0:
            continue
        s += i
    return s


def steps(start, stop, step):
    s = 0
    count = 0
    for i in range(start, stop, step):
        s = s * 31 + i
        count += 1
    return s, count


def last_index(n):
    i = -1
    for i in range(n):
        pass
    return i


def index_changed(n):
    s = 0
    for i in range(n):
        s += i
        i = 100
    return s


def loops_in_loops(n, m):
    s = 0
    for i in range(n):
        for j in range(m):
            if j > i:
                break
            if (i + j) % 2:
                continue
            s += i * j + 1
        else:
            s += 1000
    return s


def while_true(n):
    i = 0
    while True:
        i += 2
        if i > n:
            return i


def returns_nothing(n):
    if n > 3:
        return
    n += 1


def mixed_none(n):
    if n > 3:
        return None
    return n


def short_circuit(a, b):
    return (a != 0 and b // a > 1) or b == 7


def values_of_and_or(a, b):
    return (a and b), (a or b)


def conditional(a, b):
    return a if a > b else b if b > 0 else 0


def chained(n):
    a = b = n
    a += 1
    return a, b


def swapped(a, b):
    a, b = b, a
    (c, d), e = (a, b), a
    return a, b, c, d, e


def annotated(x: int) -> float:
    """A docstring is no statement of its own."""
    y: float = x * 0.5
    z: int
    z = 3
    return y + z


def asserted(x):
    assert x > 0
    assert x < 10, "too large"
    return x


def named(n):
    s = 0
    while (n := n - 1) > 0:
        s += n
    return s


def collatz(n):
    steps = 0
    while n != 1:
        n = n // 2 if n % 2 == 0 else 3 * n + 1
        steps += 1
    return steps


def passes():
    pass


SMALL = [-3, -1, 0, 1, 2, 3, 4, 7, 10]


@pytest.mark.parametrize(
    ("function", "calls"),
    [
        (branches, itertools.product(SMALL, SMALL)),
        (nested, itertools.product([True, False, 0, 2], [True, False])),
        (while_else, itertools.product(SMALL, SMALL)),
        (for_else, itertools.product(SMALL, SMALL)),
        (continues, [(n,) for n in SMALL]),
        (last_index, [(n,) for n in SMALL]),
        (index_changed, [(n,) for n in SMALL]),
        (loops_in_loops, itertools.product(SMALL, SMALL)),
        (while_true, [(n,) for n in SMALL]),
        (returns_nothing, [(1,), (5,)]),
        (mixed_none, [(1,), (5,)]),
        (short_circuit, itertools.product(SMALL, SMALL)),
        (values_of_and_or, itertools.product(SMALL, SMALL)),
        (values_of_and_or, itertools.product([0.0, 1.5], [0.0, -2.5])),
        (conditional, itertools.product(SMALL, SMALL)),
        (chained, [(3,)]),
        (swapped, [(1, 2), (1.5, 2)]),
        (annotated, [(3,)]),
        (named, [(n,) for n in SMALL]),
        (collatz, [(n,) for n in [1, 2, 3, 7, 27, 97]]),
        (passes, [()]),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_statements(agrees, function, calls) -> None:
    agrees(function, calls)


def test_ranges_with_any_step(agrees) -> None:
    steps_ = [1, 2, 3, -1, -2, -7, 100]
    agrees(steps, itertools.product([-5, 0, 7], [-6, 0, 1, 8], steps_))
    agrees(steps, [(0, 10, 0)])
    compiled = ungil.njit(steps)
    for args in [(2**63 - 5, 2**63 - 1, 3), (-(2**63) + 3, -(2**63), -2), (0, 2**63 - 1, 2**62)]:
        total, count = steps(*args)
        assert compiled(*args) == ((total + 2**63) % 2**64 - 2**63, count)


def test_assertions() -> None:
    compiled = ungil.njit(asserted)
    assert compiled(5) == 5
    # pytest gives the interpreter's assertions words of its own, so that the two cannot be compared here.
    with pytest.raises(AssertionError) as bare:
        compiled(0)
    assert bare.value.args == ()
    with pytest.raises(AssertionError) as telling:
        compiled(10)
    assert telling.value.args == ("too large",)


def unset(flag):
    if flag:
        x = 1
    return x


def test_a_variable_that_may_be_unset() -> None:
    compiled = ungil.njit(unset)
    try:
        assert compiled(True) == 1
    except (ungil.TypingError, ungil.UnsupportedError) as error:
        assert "`x`" in str(error)
        return
    with pytest.raises(UnboundLocalError):
        compiled(False)
