"""What a call of a compiled function costs beyond its body: tiny functions, called from the interpreter.

The table shows the shortest of the rounds, in each of which every function is called many times in a row; the loop
that calls is part of the figure, the same for all.
"""

from __future__ import annotations

import importlib.util
import timeit
from collections.abc import Callable
from functools import partial
from typing import Any

from report import Line, parse, show

import ungil

CALLS = 100_000


def add(a, b):  # type: ignore[no-untyped-def]
    """Add two numbers."""
    return a + b


def nothing():  # type: ignore[no-untyped-def]
    """Return None."""


def main() -> None:
    """Measure calls with floats, with ints, with a keyword, and without arguments."""
    options = parse(__doc__)
    lines = [
        *compare("f(1.0, 2.0)", add, options.repeat, least_ratio=2),
        *compare("f(1, 2)", add, options.repeat),
        *compare("f(1.0, b=2.0)", add, options.repeat),
        *compare("f()", nothing, options.repeat),
    ]
    show("the cost of a call", lines, as_json=options.json)


def compare(spelling: str, function: Callable[..., Any], repeat: int, least_ratio: float | None = None) -> list[Line]:
    """Time the call that `spelling` writes of `function`, compiled by ungil, by numba, and not at all."""
    functions: dict[str, Callable[..., Any]] = {"ungil": ungil.njit(function), "plain Python": function}
    if importlib.util.find_spec("numba"):
        import numba

        functions["numba"] = numba.njit(function)
    timers = {name: timeit.Timer(spelling, globals={"f": f}).timeit for name, f in functions.items()}
    for timer in timers.values():
        timer(1000)
    best = dict.fromkeys(timers, float("inf"))
    for _ in range(repeat):
        for name, timer in timers.items():
            best[name] = min(best[name], timer(CALLS) / CALLS)
    line = partial(Line, spelling, best["ungil"])
    return [line("numba", best.get("numba"), least_ratio=least_ratio), line("plain Python", best["plain Python"])]


if __name__ == "__main__":
    main()
