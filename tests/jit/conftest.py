"""How compiled functions are compared with the interpreter: same result of the same type, or the same exception."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any, Protocol

import pytest

import ungil


class Agrees(Protocol):
    """Compares `function`, compiled with `options`, with itself in CPython, once for each tuple of arguments."""

    def __call__(
        self, function: Callable[..., Any], calls: Iterable[tuple[Any, ...]], *, rel: float = 0.0, **options: Any
    ) -> None: ...


@pytest.fixture
def agrees() -> Agrees:
    """Return the comparison; `rel` allows floats a relative difference."""
    return _agrees


def _agrees(
    function: Callable[..., Any], calls: Iterable[tuple[Any, ...]], *, rel: float = 0.0, **options: Any
) -> None:
    compiled = ungil.njit(**options)(function)
    wrong = []
    for args in calls:
        expected, found = outcome(function, args), outcome(compiled, args)
        if not same(expected, found, rel):
            wrong.append(f"{function.__name__}{args}: CPython {expected}, ungil {found}")
    assert not wrong, "\n".join(wrong)


def outcome(function: Callable[..., Any], args: tuple[Any, ...]) -> tuple[str, Any, Any]:
    """Call, and tell what came of it."""
    try:
        return ("returned", function(*args), None)
    except ZeroDivisionError:
        # Its words change from one Python to the next.
        return ("raised", ZeroDivisionError, None)
    except Exception as error:
        return ("raised", type(error), error.args)


def same(expected: Any, found: Any, rel: float) -> bool:
    """Whether two values are of one type and equal: zeros by their sign too, and NaNs to each other."""
    if type(expected) is not type(found):
        return False
    if isinstance(expected, tuple):
        return len(expected) == len(found) and all(map(same, expected, found, [rel] * len(expected)))
    if isinstance(expected, complex):
        return same(expected.real, found.real, rel) and same(expected.imag, found.imag, rel)
    if isinstance(expected, float):
        if math.isnan(expected) or math.isnan(found):
            return math.isnan(expected) and math.isnan(found)
        if rel and expected != 0.0 and math.isfinite(expected):
            return math.isclose(expected, found, rel_tol=rel)
        return expected == found and math.copysign(1.0, expected) == math.copysign(1.0, found)
    return bool(expected == found)
