"""Locks, semaphores, events and conditions, beside those of `threading`: what an operation costs, alone and contended.

Alone, the shortest of the rounds; between threads, the median.
"""

from __future__ import annotations

import statistics
import threading
from collections.abc import Callable
from functools import partial
from typing import Any

from report import Line, parse, show
from turns import Timer, compare, statement, together

import ungil.threading

SIDES: dict[str, Any] = {"ungil": ungil.threading, "threading": threading}

# At most 0.6 of the standard library's time, and at most 0.75.
LOCK = 1.67
WITH_LOCK = 1.34

# How often two threads hand the turn to each other, and how often all threads together take a lock.
PASSES = 2_000
INCREMENTS = 40_000


def main() -> None:
    """Measure each operation that has a budget, and locks that several threads want."""
    repeat = (options := parse(__doc__)).repeat
    acquire_release = "x.acquire(); x.release()"
    lines = [
        *alone("Lock", acquire_release, repeat, LOCK),
        *alone("Lock", "with x: pass", repeat, WITH_LOCK),
        *alone("RLock", acquire_release, repeat, LOCK),
        *alone("RLock", "with x: pass", repeat, WITH_LOCK),
        *alone("Semaphore", acquire_release, repeat, 15),
        *alone("BoundedSemaphore", acquire_release, repeat, 15),
        *alone("Event", "x.set()", repeat, 1),
        *alone("Event", "x.is_set()", repeat, 1),
        *alone("Event", "x.clear()", repeat, 1),
        *alone("Condition", "with x: x.notify()", repeat, 1),
        *between("Condition", "ping-pong of 2 threads", ping_pong, repeat, 2),
        *between("Lock", "wanted by 2 threads", partial(increments, 2), repeat),
        *between("Lock", "wanted by 4 threads", partial(increments, 4), repeat),
        *between("Semaphore", "wanted by 4 threads", partial(increments, 4), repeat),
    ]
    show("locks, semaphores, events, conditions", lines, as_json=options.json)


def alone(kind: str, code: str, repeat: int, least_ratio: float) -> list[Line]:
    """Time a statement about an `x` of this kind, which no other thread knows."""
    timers = {side: statement(code, getattr(module, kind)) for side, module in SIDES.items()}
    return compare(f"{kind}: {code}", timers, repeat, least_ratios={"threading": least_ratio})


def between(
    kind: str, what: str, work: Callable[[Any], float], repeat: int, least_ratio: float | None = None
) -> list[Line]:
    """Time what several threads do with one object of this kind."""

    def timer(module: Any) -> Timer:
        return lambda: work(getattr(module, kind)())

    timers = {side: timer(module) for side, module in SIDES.items()}
    least_ratios = {} if least_ratio is None else {"threading": least_ratio}
    return compare(f"{kind}, {what}", timers, repeat, least_ratios=least_ratios, summary=statistics.median)


def ping_pong(condition: Any) -> float:
    """Have two threads hand the turn to each other; return the seconds of one pass."""
    turn = 0

    def play(mine: int) -> None:
        nonlocal turn
        for _ in range(PASSES // 2):
            with condition:
                while turn != mine:
                    condition.wait()
                turn = 1 - mine
                condition.notify()

    return together(partial(play, 0), partial(play, 1)) / PASSES


def increments(n_threads: int, lock: Any) -> float:
    """Have threads increment one number under a lock; return the seconds of one increment."""
    value = 0

    def increment() -> None:
        nonlocal value
        for _ in range(INCREMENTS // n_threads):
            with lock:
                value += 1

    seconds = together(*[increment] * n_threads)
    assert value == INCREMENTS // n_threads * n_threads
    return seconds / value


if __name__ == "__main__":
    main()
