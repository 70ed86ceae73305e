"""How the benchmarks time loops of several packages in one process: in alternating rounds, each alone in its turn."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from time import perf_counter

__all__ = ("alternate",)

# Threads of OpenMP, which numba's loops run on, look for more work for some 20 ms after a loop before they sleep. While
# they do, whoever comes next has that many processors less.
_PAUSE = 0.05
# Calls in a row in a turn: the first find the caches as the other package left them, and their threads asleep.
_UNTIMED = 2
_TIMED = 5


def alternate(calls: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, list[float]]:
    """Time every call, five times in a row in each round; the seconds of all its turns, by name.

    A noisy minute so hits all of them, and none pays for what another leaves behind.
    """
    times: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(rounds):
        for name, call in calls.items():
            time.sleep(_PAUSE)
            for _ in range(_UNTIMED):
                call()
            for _ in range(_TIMED):
                start = perf_counter()
                call()
                times[name].append(perf_counter() - start)
    return times
