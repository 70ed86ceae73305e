"""What an exact function reads from outside of itself may change between two calls, as in the interpreter."""

from __future__ import annotations

import builtins
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import ungil
from ungil._exact import Exact

FACTOR = 2


def helper(x):
    return x * FACTOR


def scaled(x):
    return helper(x) + FACTOR


def with_defaults(a, b=10, *, c=100):
    return a + b + c


def cosine(x):
    return math.cos(x)


def magnitude(x):
    return abs(x)


def identity(x):
    return x


def counted(exact: Exact[..., Any]) -> tuple[int, int, int]:
    """How many calls code answered, how many it handed back, and for how many types there is none."""
    versions = exact.versions
    refused = sum(not version.is_compiled for version in versions)
    return sum(v.compiled for v in versions), sum(v.handed_back for v in versions), refused


def test_what_was_captured_may_change(monkeypatch: pytest.MonkeyPatch) -> None:
    exact = Exact(scaled)
    assert exact(5) == 12
    monkeypatch.setitem(globals(), "FACTOR", 3)
    assert exact(5) == scaled(5) == 18
    monkeypatch.setitem(globals(), "FACTOR", 0.5)
    assert exact(5) == scaled(5) == 3.0
    monkeypatch.setitem(globals(), "helper", lambda x: x - FACTOR)
    assert exact(5) == scaled(5) == 5.0
    monkeypatch.delitem(globals(), "helper")
    with pytest.raises(NameError, match="helper"):
        exact(5)
    monkeypatch.undo()
    assert exact(5) == 12
    assert counted(exact) == (1, 0, 0)


def test_an_equal_number_is_the_same_capture(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(globals(), "FACTOR", 10**9)
    exact = Exact(scaled)
    exact(1)
    monkeypatch.setitem(globals(), "FACTOR", int("1000000000"))
    exact(1)
    assert counted(exact) == (2, 0, 0)
    monkeypatch.setitem(globals(), "FACTOR", 1e9)
    assert type(exact(1)) is float


def test_code_and_defaults_of_a_called_function_may_change(monkeypatch: pytest.MonkeyPatch) -> None:
    exact = Exact(scaled)
    assert exact(5) == 12
    monkeypatch.setattr(helper, "__code__", identity.__code__)
    assert exact(5) == scaled(5) == 7


def test_its_own_code_and_defaults_may_change(monkeypatch: pytest.MonkeyPatch) -> None:
    exact = Exact(with_defaults)
    assert exact(1) == 111
    monkeypatch.setattr(with_defaults, "__defaults__", (20,))
    assert exact(1) == 121
    monkeypatch.setitem(with_defaults.__kwdefaults__, "c", 200)
    assert exact(1) == 221
    monkeypatch.setattr(with_defaults, "__kwdefaults__", {"c": 0.5})
    assert exact(1) == 21.5
    monkeypatch.setattr(with_defaults, "__code__", (lambda a, b, *, c: a * b).__code__)
    assert exact(3) == 60


def test_builtins_and_attributes_of_modules_may_change(monkeypatch: pytest.MonkeyPatch) -> None:
    exact, absolute = Exact(cosine), Exact(magnitude)
    assert exact(0.0) == 1.0
    assert absolute(-3) == 3
    monkeypatch.setattr(math, "cos", helper)
    assert exact(4.0) == 8.0
    monkeypatch.setitem(globals(), "abs", identity)
    assert absolute(-3) == -3
    monkeypatch.delitem(globals(), "abs")
    monkeypatch.setattr(builtins, "abs", helper)
    assert absolute(-3) == -6


def test_cells_may_change() -> None:
    def outer() -> tuple[Callable[[int], Any], Callable[[Any], None]]:
        kept = 1

        def inner(x):
            return x + kept

        def put(value):
            nonlocal kept
            kept = value

        return inner, put

    inner, put = outer()
    exact = Exact(inner)
    assert exact(1) == 2
    put(2.5)
    assert exact(1) == 3.5
    put([])
    with pytest.raises(TypeError, match="unsupported operand"):
        exact(1)


def test_what_changes_all_the_time_is_left_to_the_interpreter(monkeypatch: pytest.MonkeyPatch) -> None:
    exact = Exact(scaled)
    for factor in range(100):
        monkeypatch.setitem(globals(), "FACTOR", factor)
        assert exact(1) == 2 * factor
    assert "has changed" in exact.reason


def test_captured_subclasses_are_left_to_the_interpreter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(globals(), "FACTOR", np.float64(3))
    exact = Exact(helper)
    assert type(exact(2)) is np.float64
    assert counted(exact) == (0, 0, 1)
    monkeypatch.setitem(globals(), "helper", ungil.njit(identity))
    assert Exact(scaled)(2) == 5.0


class Mangling:
    @staticmethod
    def method(x):
        return __scale(x)  # type: ignore[name-defined]  # noqa: F821 - it is `_Mangling__scale`


def test_private_names_are_left_to_the_interpreter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(globals(), "__scale", identity)
    monkeypatch.setitem(globals(), "_Mangling__scale", helper)
    assert Exact(Mangling.method)(5) == 10
