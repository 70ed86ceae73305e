"""Futures and pools of threads, beside those of `concurrent.futures`: what a call costs, in time and in memory.

Alone, the shortest of the rounds; between threads, the median. The lecture's integral, unchanged, is compiled by
ungil's pool where the standard one has it interpreted.
"""

from __future__ import annotations

import concurrent.futures
import math
import resource
import statistics
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from time import perf_counter
from typing import Any

from report import Line, parse, show
from turns import Timer, compare, statement

import ungil.futures
from ungil.cli.lecture import integrate

SIDES: dict[str, Any] = {"ungil": ungil.futures, "standard": concurrent.futures}

WORKERS = 4
TASKS = 50_000
COMPLETED = 10_000
PENDING = 1_000_000
STEPS = 10**6

# A program that prints how many bytes the process has grown by for each call that waits. The argument is the package.
PENDING_CALLS = f"""
import importlib, sys, threading
module = importlib.import_module(sys.argv[1])

def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1])

gate = threading.Event()
executor = module.ThreadPoolExecutor(1)
executor.submit(gate.wait)
made = [None] * {PENDING}
before = resident()
for n in range({PENDING}):
    made[n] = executor.submit(abs, n)
print((resident() - before) * {{page}} / {PENDING})
executor.shutdown(wait=False, cancel_futures=True)
gate.set()
"""


def main() -> None:
    """Measure everything that has a budget."""
    repeat = (options := parse(__doc__)).repeat
    # Each of their turns lasts as long as all turns of the others.
    few = max(3, repeat // 4)
    lines = [
        *creation(repeat),
        *round_trip(repeat),
        *between(f"{TASKS:,} calls by submit, each", submit_all, TASKS, few, 4),
        *between(f"{TASKS:,} calls by map, each", map_all, TASKS, few, 4),
        *between(f"as_completed over {COMPLETED:,} calls, each", complete_all, COMPLETED, few, 4),
        *between(f"as_completed over {COMPLETED:,} that are done, each", complete_done, COMPLETED, few, 4),
        memory(),
        *integral(few),
    ]
    show("futures", lines, as_json=options.json)


def creation(repeat: int) -> list[Line]:
    """Time the making of a future."""
    timers = {side: statement("x()", partial(getattr, module, "Future")) for side, module in SIDES.items()}
    return compare("Future()", timers, repeat, least_ratios={"standard": 5})


def round_trip(repeat: int) -> list[Line]:
    """Time a call's way to a thread that waits for one, and the way of its result back."""
    executors = {side: module.ThreadPoolExecutor(WORKERS) for side, module in SIDES.items()}
    timers = {
        side: statement("x.submit(int).result()", lambda executor=executor: executor)  # type: ignore[misc]
        for side, executor in executors.items()
    }
    name = "x.submit(int).result()"
    lines = compare(name, timers, repeat, least_ratios={"standard": 2}, summary=statistics.median)
    for executor in executors.values():
        executor.shutdown()
    return lines


def between(name: str, work: Callable[[Any], float], n: int, repeat: int, least_ratio: float) -> list[Line]:
    """Time what a package does with so many calls."""

    def timer(module: Any) -> Timer:
        return lambda: work(module) / n

    timers = {side: timer(module) for side, module in SIDES.items()}
    least_ratios = {"standard": least_ratio}
    return compare(name, timers, repeat, least_ratios=least_ratios, summary=statistics.median)


def nothing(*_: object) -> None:
    """Do nothing: what is measured is all around it."""


def submit_all(module: Any) -> float:
    """Submit calls one by one; return the seconds until all are made."""
    start = perf_counter()
    with module.ThreadPoolExecutor(WORKERS) as executor:
        for _ in range(TASKS):
            executor.submit(nothing)
    return perf_counter() - start


def map_all(module: Any) -> float:
    """Submit calls by `map`; return the seconds until all results are taken."""
    start = perf_counter()
    with module.ThreadPoolExecutor(WORKERS) as executor:
        for _ in executor.map(nothing, range(TASKS)):
            pass
    return perf_counter() - start


def complete_all(module: Any) -> float:
    """Submit calls; return the seconds until all have come out of `as_completed`."""
    with module.ThreadPoolExecutor(WORKERS) as executor:
        start = perf_counter()
        made = [executor.submit(nothing) for _ in range(COMPLETED)]
        for _ in module.as_completed(made):
            pass
        return perf_counter() - start


def complete_done(module: Any) -> float:
    """Return the seconds that `as_completed` needs for futures that are done."""
    made = [module.Future() for _ in range(COMPLETED)]
    for future in made:
        future.set_result(None)
    start = perf_counter()
    for _ in module.as_completed(made):
        pass
    return perf_counter() - start


def memory() -> Line:
    """Measure what a call takes up that waits for its thread, in a process of each package's own."""
    taken = {side: bytes_of_a_pending_call(module.__name__) for side, module in SIDES.items()}
    peer = "standard"
    return Line(
        f"memory of {PENDING:,} calls that wait, each", taken["ungil"], peer, taken[peer], least_ratio=2, unit="B"
    )


def bytes_of_a_pending_call(package: str) -> float:
    """Run the program that measures it."""
    program = PENDING_CALLS.format(page=resource.getpagesize())
    output = subprocess.run([sys.executable, "-c", program, package], check=True, capture_output=True, text=True)  # noqa: S603
    return float(output.stdout)


def lectures(package: Any, **options: bool) -> Callable[..., float]:
    """Return the lecture's `integrate_async` with the package's names, and these options of its pool."""
    as_completed = package.as_completed
    ThreadPoolExecutor = partial(package.ThreadPoolExecutor, **options)  # noqa: N806 -- as the lecture has it

    def integrate_async(f: Any, a: float, b: float, *, n_jobs: int, n_iter: int = 1000) -> float:
        executor = ThreadPoolExecutor(max_workers=n_jobs)
        spawn = partial(executor.submit, integrate, f, n_iter=n_iter // n_jobs)
        step = (b - a) / n_jobs
        fs = [spawn(a + i * step, a + (i + 1) * step) for i in range(n_jobs)]
        return sum(f.result() for f in as_completed(fs))  # type: ignore[no-any-return]

    return integrate_async


def integral(repeat: int) -> list[Line]:
    """Time the lecture's integral under a pool that compiles and a standard one, which give the same to the bit."""
    ways = {"ungil": lectures(ungil.futures, compile=True), "standard": lectures(concurrent.futures)}
    calls = {side: partial(way, math.cos, 0, math.pi / 2, n_jobs=2, n_iter=STEPS) for side, way in ways.items()}
    # Two parts have one sum in either order. The first call compiles.
    answers = {call().hex() for call in calls.values() for _ in range(2)}
    assert len(answers) == 1, answers

    def timer(call: Callable[[], float]) -> Timer:
        def time() -> float:
            start = perf_counter()
            call()
            return perf_counter() - start

        return time

    timers = {side: timer(call) for side, call in calls.items()}
    name = f"integrate_async(cos), {STEPS:,} steps, compile=True"
    return compare(name, timers, repeat, least_ratios={"standard": 20}, summary=statistics.median)


if __name__ == "__main__":
    main()
