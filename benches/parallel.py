"""Parallel loops side by side: ungil beside each backend of joblib, and mpire.

All have two workers. Those that can keep them have them, idle, while one is timed: joblib's and ungil's are in a `with`
block, and so is mpire's pool. Each figure is the median of the rounds.
"""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from time import perf_counter
from typing import Any

import joblib
import mpire
import numpy as np
from report import Line, parse, show
from turns import Timer, compare

import ungil
import ungil.parallel
from ungil.cli.lecture import integrate

N_JOBS = 2
TINY = 10_000
LONG = 0.25
# A hundred megabytes, and how many tasks read it.
ARRAY = 12_500_000
READERS = 64
STEPS = 10**6
IN_A_ROW = 5
# What takes a second on two processors, where nothing is in the way.
PIECES = 40

# A loop: calls a function with each of some tuples of arguments, and returns the list of the results.
Loop = Callable[[Callable[..., Any], list[tuple[Any, ...]]], list[Any]]

JOBLIB = ("loky", "threading", "multiprocessing")


def main() -> None:
    """Measure everything that has a budget."""
    repeat = (options := parse(__doc__)).repeat
    lines: list[Line] = []
    with every_loop() as loops:
        lines += tiny_lines(loops, repeat)
        lines += long_lines(loops, repeat)
        lines += integrate_lines(loops, repeat)
        lines += decision_lines(repeat)
    lines += array_lines(repeat)
    lines += search_lines(repeat)
    show("parallel loops", lines, as_json=options.json)


@contextmanager
def every_loop() -> Iterator[dict[str, Loop]]:
    """Give the loops; ungil's by the backends that it has."""
    with ExitStack() as stack:
        loops: dict[str, Loop] = {}
        for name, backend in (("ungil", "auto"), ("ungil, processes", "processes"), ("ungil, threading", "threading")):
            ours = stack.enter_context(ungil.parallel.Parallel(N_JOBS, backend))
            loops[name] = partial(looped, ours, ungil.parallel.delayed)
        for backend in JOBLIB:
            theirs = stack.enter_context(joblib.Parallel(N_JOBS, backend))
            loops[f"joblib, {backend}"] = partial(looped, theirs, joblib.delayed)
        pool = stack.enter_context(mpire.WorkerPool(N_JOBS, keep_alive=True))
        loops["mpire"] = lambda function, items: list(pool.map(function, items, iterable_len=len(items)))
        for loop in loops.values():
            # All workers are there.
            for _ in range(3):
                loop(busy, [(0.01,)] * 8)
        yield loops


def looped(
    parallel: Any, delayed: Callable[..., Any], function: Callable[..., Any], items: list[tuple[Any, ...]]
) -> list[Any]:
    """Call it as both packages are called."""
    results: list[Any] = parallel(delayed(function)(*item) for item in items)
    return results


def peers(loops: dict[str, Any], ratio: float, of: str = "") -> dict[str, float]:
    """Return the budget against each of the peers, or those of a package."""
    return {side: ratio for side in loops if not side.startswith("ungil") and side.startswith(of)}


def with_only(loops: dict[str, Loop], ours: str) -> dict[str, Loop]:
    """Return one of ours, as "ungil", and the peers."""
    return {"ungil": loops[ours], **{side: loop for side, loop in loops.items() if not side.startswith("ungil")}}


def timed(loop: Loop, function: Callable[..., Any], items: list[tuple[Any, ...]]) -> float:
    """Time a loop."""
    start = perf_counter()
    loop(function, items)
    return perf_counter() - start


def timed_in_a_row(loop: Loop, function: Callable[..., Any], items: list[tuple[Any, ...]]) -> float:
    """Time one of a few loops in a row: the first of less than a millisecond is as long as it takes to wake up."""
    start = perf_counter()
    for _ in range(IN_A_ROW):
        loop(function, items)
    return (perf_counter() - start) / IN_A_ROW


def square(x: int) -> int:
    """Return the square: a task that takes no time."""
    return x * x


def busy(seconds: float) -> float:
    """Compute in Python for so many seconds of processor time."""
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        pass
    return seconds


def tiny_lines(loops: dict[str, Loop], repeat: int) -> list[Line]:
    """Time many tasks that take no time."""
    items = [(i,) for i in range(TINY)]
    lines = []
    for ours, budget in (("ungil", 5.0), ("ungil, processes", None)):
        timers: dict[str, Timer] = {
            side: partial(timed, loop, square, items) for side, loop in with_only(loops, ours).items()
        }
        name = f"{TINY:,} tiny tasks" + ours.removeprefix("ungil")
        least = None if budget is None else peers(timers, budget)
        lines += compare(name, timers, repeat, least_ratios=least, summary=statistics.median)
    return lines


def long_lines(loops: dict[str, Loop], repeat: int) -> list[Line]:
    """Time four long tasks on two workers: what is over the ideal is what the loop costs."""
    lines = []
    items = [(LONG,)] * (2 * N_JOBS)
    ideal = LONG * len(items) / N_JOBS
    for ours in ("ungil", "ungil, processes"):
        timers: dict[str, Timer] = {
            side: partial(timed, loop, time.sleep, items) for side, loop in with_only(loops, ours).items()
        }
        name = f"{len(items)} tasks of {LONG} s" + ours.removeprefix("ungil")
        found = compare(name, timers, repeat, summary=statistics.median)
        lines += [
            Line(line.name, line.seconds, line.peer, line.peer_seconds, most_seconds=ideal + 0.02) for line in found
        ]
    return lines


@ungil.njit(fastmath=True, nogil=True)
def compiled_integrate(a: float, b: float, n_iter: int) -> float:
    """The lecture's integral of the cosine, compiled."""
    acc = 0.0
    step = (b - a) / n_iter
    for i in range(n_iter):
        acc += math.cos(a + i * step) * step
    return acc


def plain_integrate(a: float, b: float, n_iter: int) -> float:
    """The lecture's integral of the cosine, interpreted."""
    return float(integrate(math.cos, a, b, n_iter=n_iter))


def integrate_lines(loops: dict[str, Loop], repeat: int) -> list[Line]:
    """Time the lecture's integral in two parts: in Python everywhere, then compiled for ungil, several in a row."""
    half = math.pi / 4
    items = [(0.0, half, STEPS // 2), (half, 2 * half, STEPS // 2)]
    lines = []
    for ours in ("ungil", "ungil, processes"):
        timers: dict[str, Timer] = {
            side: partial(timed, loop, plain_integrate, items) for side, loop in with_only(loops, ours).items()
        }
        name = "integrate, in Python" + ours.removeprefix("ungil")
        lines += compare(name, timers, repeat, least_ratios=peers(timers, 1, of="joblib"), summary=statistics.median)
    compiled_integrate(0.0, half, 10)
    functions = dict.fromkeys(timers, plain_integrate) | {"ungil": compiled_integrate}
    for side, loop in with_only(loops, "ungil").items():
        timers[side] = partial(timed_in_a_row, loop, functions[side], items)
    return lines + compare(
        "integrate, compiled", timers, repeat, least_ratios=peers(timers, 50, of="joblib"), summary=statistics.median
    )


def decision_lines(repeat: int) -> list[Line]:
    """Time a second of work that `auto` decides about, and the same where it is told; the workers are there."""
    items = [(LONG * 8 / PIECES,)] * PIECES

    def anew(backend: str) -> float:
        # One that was used before would know its tasks.
        return timed(partial(looped, ungil.parallel.Parallel(N_JOBS, backend), ungil.parallel.delayed), busy, items)

    timers: dict[str, Timer] = {
        "ungil": partial(anew, "auto"),
        "ungil, processes": partial(anew, "processes"),
    }
    return compare(
        "a second of work, decided by auto", timers, repeat, least_ratios={"ungil, processes": 1 / 1.05},
        summary=statistics.median,
    )  # fmt: skip


def element(array: Any, index: int) -> float:
    """Return an element: what reads the array, and no more."""
    return float(array[index])


def shared_element(array: Any, index: int) -> float:
    """Do the same with mpire's shared object, which comes first."""
    return float(array[index])


def array_lines(repeat: int) -> list[Line]:
    """Time a large array's way to many tasks, in new `Parallel`s with workers that are there; mpire's are forks."""
    array = np.ones(ARRAY)
    items = [(array, i) for i in range(READERS)]

    def by(make: Callable[[], Any], delayed: Callable[..., Any]) -> float:
        start = perf_counter()
        results = make()(delayed(element)(*item) for item in items)
        seconds = perf_counter() - start
        assert results == [1.0] * READERS
        return seconds

    def by_mpire() -> float:
        start = perf_counter()
        with mpire.WorkerPool(N_JOBS, shared_objects=array, start_method="fork") as pool:
            results = pool.map(shared_element, range(READERS), iterable_len=READERS)
        seconds = perf_counter() - start
        assert results == [1.0] * READERS
        return seconds

    lines = []
    for ours in ("auto", "processes"):
        timers: dict[str, Timer] = {
            "ungil": partial(by, partial(ungil.parallel.Parallel, N_JOBS, ours), ungil.parallel.delayed)
        }
        for backend in JOBLIB:
            timers[f"joblib, {backend}"] = partial(by, partial(joblib.Parallel, N_JOBS, backend), joblib.delayed)
        timers["mpire"] = by_mpire
        name = f"100 MB to {READERS} tasks" + ("" if ours == "auto" else f", {ours}")
        least = peers(timers, 5) if ours == "auto" else None
        lines += compare(name, timers, repeat, least_ratios=least, summary=statistics.median)
    return lines


def search_lines(repeat: int) -> list[Line]:
    """Time scikit-learn's search of a grid on digits, by joblib with its own processes and with ours."""
    from sklearn.datasets import load_digits
    from sklearn.model_selection import GridSearchCV
    from sklearn.svm import SVC

    data, target = load_digits(return_X_y=True)
    ungil.parallel.register()

    def search(backend: str) -> float:
        grid = {"C": [0.1, 1.0, 10.0], "gamma": [0.0005, 0.001, 0.002]}
        start = perf_counter()
        with joblib.parallel_config(backend, n_jobs=N_JOBS):
            GridSearchCV(SVC(), grid, cv=5).fit(data, target)
        return perf_counter() - start

    timers: dict[str, Timer] = {"ungil": partial(search, "ungil"), "joblib, loky": partial(search, "loky")}
    for timer in timers.values():
        timer()
    return compare(
        "GridSearchCV on digits", timers, repeat, least_ratios={"joblib, loky": 1}, summary=statistics.median
    )


if __name__ == "__main__":
    main()
