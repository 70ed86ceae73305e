"""One program against its meaning: compiled in each configuration, called with each tuple of arguments."""

from __future__ import annotations

import itertools
import linecache
import math
import os
from collections.abc import Callable
from typing import Any

import numpy as np
from generate import Program
from oracle import Oracle, decorated
from values import IllTyped, Type, convert

import ungil

Outcome = tuple[str, Any]

_numbers = itertools.count()
# More programs than are compiled together.
_KEPT = 50


class Configuration:
    """How a program is compiled and run: `threads` is 0 for serial code, `level` that of LLVM."""

    def __init__(self, threads: int, level: int, cache: bool = False) -> None:
        self.threads = threads
        self.level = level
        self.cache = cache

    def __repr__(self) -> str:
        how = f"parallel with {self.threads} threads" if self.threads else "serial"
        return f"{how}, UNGIL_OPT={self.level}{', cache=True' if self.cache else ''}"


MATRIX = [Configuration(threads, level) for level in (0, 1, 2, 3) for threads in (0, 1, 2, 5)]
# So many at its beginning are of the lowest level.
LOWEST = 4
MATRIX += [Configuration(0, 3, cache=True), Configuration(2, 3, cache=True)]


class Mismatch(Exception):
    """The compiled program does something else; the text says what."""


def expected(program: Program) -> list[Outcome]:
    """What the program does for each call, by the oracle; raises `IllTyped` if it is none."""
    function = Oracle(program.source).function("main", program.types, program.numpy)
    return [
        outcome(function, tuple(convert(value, ty) for value, ty in zip(args, program.types))) for args in program.calls
    ]


def check(program: Program, outcomes: list[Outcome], configurations: list[Configuration]) -> None:
    """Raise `Mismatch` unless the compiled program does the same in every configuration."""
    compiled: dict[Any, Callable[..., Any]] = {}
    for configuration in configurations:
        how = (configuration.threads > 0, configuration.level, configuration.cache)
        if how not in compiled:
            compiled[how] = compile_(program.source, configuration, program.numpy, program.fastmath)
        os.environ["UNGIL_OPT"] = str(configuration.level)
        if configuration.threads:
            ungil.set_num_threads(configuration.threads)
        for args, wanted in zip(program.calls, outcomes):
            typed = tuple(argument(value, ty) for value, ty in zip(args, program.types))
            found = outcome(compiled[how], typed)
            if not same(wanted, found, zeros=not program.fastmath):
                model = ", NumPy's error model" if program.numpy else ", fastmath" if program.fastmath else ""
                called = f"main{args} of {program.types}"
                raise Mismatch(f"{configuration}{model}\n{called}:\n  CPython {wanted}\n  ungil   {found}")


def compile_(
    source: str, configuration: Configuration, numpy: bool = False, fastmath: bool = False
) -> ungil.Dispatcher[..., Any]:
    """The function `main` of a program, to be compiled when it is called."""
    name = f"<fuzz {next(_numbers)}>"
    # The text of those before is not asked for any more.
    for old in [old for old in linecache.cache if old.startswith("<fuzz ")][:-_KEPT]:
        del linecache.cache[old]
    linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)
    namespace: dict[str, Any] = {ty: getattr(ungil, ty) for ty in _TYPES}
    namespace |= {"math": math, "prange": ungil.prange}
    exec(compile(source, name, "exec"), namespace)
    for name in [name for name in namespace if decorated(name)]:
        # A function that is compiled with options of its own, not with its caller's.
        namespace[name] = ungil.njit(namespace[name])
    return ungil.njit(
        parallel=configuration.threads > 0,
        cache=configuration.cache,
        error_model="numpy" if numpy else "python",
        fastmath=fastmath,
    )(namespace["main"])


_TYPES = [f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)]
_TYPES += ["float32", "float64", "complex64", "complex128"]


def argument(value: Any, ty: Type) -> Any:
    """The value as an argument of that very type."""
    with np.errstate(over="ignore"):
        return value if ty == "bool" else np.dtype(ty).type(value)


def outcome(function: Callable[..., Any], args: tuple[Any, ...]) -> Outcome:
    """What a call comes to: a result, or the class and the arguments of an exception."""
    try:
        return "returned", function(*args)
    except (IllTyped, KeyboardInterrupt):
        raise
    # A panic of the compiler is no `Exception`.
    except BaseException as error:
        return type(error).__name__, error.args


def same(wanted: Any, found: Any, zeros: bool = True) -> bool:
    """Whether two values have one type and every bit in common, but for those of a NaN.

    Without `zeros`, zeros of two signs are the same.
    """
    if type(wanted) is not type(found):
        return False
    if isinstance(wanted, tuple):
        return len(wanted) == len(found) and all(same(a, b, zeros) for a, b in zip(wanted, found))
    if isinstance(wanted, complex):
        return same(wanted.real, found.real, zeros) and same(wanted.imag, found.imag, zeros)
    if isinstance(wanted, float):
        if math.isnan(wanted) or math.isnan(found):
            return math.isnan(wanted) and math.isnan(found)
        return wanted == found and (not zeros or math.copysign(1.0, wanted) == math.copysign(1.0, found))
    return bool(wanted == found)
