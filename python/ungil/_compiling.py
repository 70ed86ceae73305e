"""Which functions an executor compiles of those that it is given, and the compiled ones, for the whole process."""

from __future__ import annotations

import dis
import threading
from collections import Counter
from functools import lru_cache
from types import CodeType, FunctionType

from ungil._exact import Exact

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

__all__ = ("explained", "prepared")

# How many functions are remembered with their code.
_MOST_FUNCTIONS = 256
# How many functions that are made of the same `def` are compiled: what one captures, another may capture otherwise.
_MOST_CLOSURES = 4
# How far a function without loops is followed to those that it calls.
_DEPTH = 3

_lock = threading.Lock()
_n_made: Counter[CodeType] = Counter()


def prepared(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return what to call in place of a function: its compiled form, or itself.

    Args:
        function: what was submitted.

    Returns:
        A callable that gives the same answers.
    """
    if type(function) is not FunctionType or _why_left(function) is not None:
        return function
    return _compiled(function)


def explained(function: Callable[..., Any]) -> str:
    """Tell whether a function is compiled, or why not.

    Args:
        function: what was submitted, or might be.

    Returns:
        A line or more.
    """
    if type(function) is not FunctionType:
        return Exact(function).explain()
    why = _why_left(function)
    if why is not None:
        return f"{function.__qualname__}: left to the interpreter: {why}"
    return _compiled(function).explain()


def _compiled(function: FunctionType) -> Exact[..., Any]:
    # Two threads that come with the same function get the same, and it is compiled once.
    with _lock:
        return _made(function)


@lru_cache(maxsize=_MOST_FUNCTIONS)
def _made(function: FunctionType) -> Exact[..., Any]:
    if function.__closure__ is not None:
        _n_made[function.__code__] += 1
    return Exact(function)


def _why_left(function: FunctionType) -> str | None:
    """Return why a function is not even tried."""
    if not _has_loop(function, _DEPTH):
        return "it has no loop, and is over before compiling it would pay"
    if _n_made[function.__code__] >= _MOST_CLOSURES and function.__closure__ is not None:
        return "it captures variables, and is made anew for each call"
    return None


def _has_loop(function: FunctionType, depth: int) -> bool:
    """Return whether a function has a loop, or one that it calls by a global name."""
    code = function.__code__
    if _loops(code):
        return True
    called = (function.__globals__.get(name) for name in code.co_names) if depth else ()
    return any(type(each) is FunctionType and _has_loop(each, depth - 1) for each in called)


@lru_cache(maxsize=4 * _MOST_FUNCTIONS)
def _loops(code: CodeType) -> bool:
    return any("BACKWARD" in instruction.opname for instruction in dis.get_instructions(code))
