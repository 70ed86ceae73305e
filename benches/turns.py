"""How the benchmarks of locks and of queues time ungil and its peers: in turn, round after round, in one process."""

from __future__ import annotations

import threading
import timeit
from collections.abc import Callable, Iterable, Mapping
from time import perf_counter

from report import Line

__all__ = ("Timer", "compare", "statement", "together")

# Does something once, and returns the seconds that it took.
Timer = Callable[[], float]

# A turn lasts at least so long, and at most about twice, whatever a side needs for one statement: a slow side that had
# longer turns would not get through one without being interrupted, and would look slower than it is.
_SECONDS = 0.001
# The statement stands so many times in the loop's body, where the loop itself is a small part of what is measured.
_COPIES = 10


def compare(
    name: str,
    timers: Mapping[str, Timer],
    rounds: int,
    *,
    least_ratios: Mapping[str, float] | None = None,
    summary: Callable[[Iterable[float]], float] = min,
) -> list[Line]:
    """Give every timer a turn in each round; a line for each peer sets it beside the one called "ungil".

    `least_ratios` are the budgets that ungil has to keep against a peer. `summary` makes one figure of a timer's turns:
    the shortest, where what else the machine does only ever adds; the median, where threads fall in with one another in
    better and in worse ways.
    """
    times: dict[str, list[float]] = {side: [] for side in timers}
    for _ in range(rounds):
        for side, timer in timers.items():
            times[side].append(timer())
    seconds = {side: summary(turns) for side, turns in times.items()}
    least = least_ratios or {}
    return [
        Line(name, seconds["ungil"], peer, seconds[peer], least_ratio=least.get(peer))
        for peer in timers
        if peer != "ungil"
    ]


def statement(code: str, make: Callable[[], object]) -> Timer:
    """Return what times `code`, in which `x` is a local variable with what `make` makes."""
    timer = timeit.Timer("\n".join([code] * _COPIES), setup="x = make()", globals={"make": make})
    loops = 1
    while timer.timeit(loops) < _SECONDS:
        loops *= 2
    return lambda: timer.timeit(loops) / (loops * _COPIES)


def together(*functions: Callable[[], object]) -> float:
    """Call the functions in threads of their own, which begin together; return the seconds until all are over."""
    begin = threading.Barrier(len(functions) + 1)

    def call(function: Callable[[], object]) -> None:
        begin.wait()
        function()

    threads = [threading.Thread(target=call, args=(function,)) for function in functions]
    for thread in threads:
        thread.start()
    start = perf_counter()
    begin.wait()
    for thread in threads:
        thread.join()
    return perf_counter() - start
