"""Copies of a function that mean the same to another compiler: its `prange`, and the functions that it calls."""

from __future__ import annotations

import types
from collections.abc import Callable
from typing import Any

import ungil

__all__ = ("has_prange", "plain_function", "rebind")

Jit = Callable[[Callable[..., Any]], Any]


def plain_function(value: object) -> types.FunctionType | None:
    """Return the Python function that `value` is or was compiled from, or None when it is neither."""
    inner = getattr(value, "py_func", value)
    return inner if isinstance(inner, types.FunctionType) else None


def has_prange(function: types.FunctionType) -> bool:
    """Tell whether the function's own body names `prange`."""
    return "prange" in function.__code__.co_names


def rebind(function: Callable[..., Any], prange: object, jit: Jit) -> types.FunctionType:
    """Copy `function` so that each global `prange` is the one given, and `jit` compiles each function of its module.

    Functions that were not compiled become so too, because not every compiler calls a plain one. Closures are shared
    with the original.

    Raises:
        TypeError: `function` neither is nor was compiled from a Python function.
    """
    original = plain_function(function)
    if original is None:
        raise TypeError(f"{function!r} is no Python function")
    names = original.__globals__
    copies: dict[str, Any] = dict(names)
    for name, value in names.items():
        if _is_prange(value):
            copies[name] = prange
        elif (inner := plain_function(value)) is not None and inner.__globals__ is names:
            copies[name] = jit(_copy(inner, copies))
    return _copy(original, copies)


def _is_prange(value: object) -> bool:
    # numba's is not imported for the sake of a comparison: who uses it has imported it.
    return value is ungil.prange or (
        getattr(value, "__name__", None) == "prange" and str(getattr(value, "__module__", "")).startswith("numba")
    )


def _copy(function: types.FunctionType, names: dict[str, Any]) -> types.FunctionType:
    copy = types.FunctionType(function.__code__, names, function.__name__, function.__defaults__, function.__closure__)
    copy.__kwdefaults__ = function.__kwdefaults__
    copy.__module__ = function.__module__
    copy.__qualname__ = function.__qualname__
    return copy
