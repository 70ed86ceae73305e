"""Pools of processes side by side: round trips, many short calls, large arrays, and the first result of a new pool.

Each peer makes its calls by the way that is its fastest for one call at a time; all have two processes, and all of them
are there, idle, while one is timed.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any

from pool_memory import family, memory_lines
from report import Line
from turns import Timer, compare

__all__ = ("pool_lines",)

N_WORKERS = 2
ROUND_TRIPS = 1_000
CALLS = 20_000
WAVE = 8
WAVES = 100
# Seconds after which a pool has nothing left to do.
REST = 0.3
# A hundred megabytes.
ARRAY = 12_500_000

# How one call is made and waited for, and how many are made one by one.
Pool = tuple[Callable[..., Any], Callable[[Callable[[Any], Any], Any], Any]]


def pool_lines(repeat: int) -> list[Line]:
    """Time all that there is of the pools' work."""
    lines: list[Line] = []
    with every_pool() as pools:
        for call, calls in pools.values():
            # All workers are there, and awake for the first time.
            for _ in range(100):
                call(abs, -1)
            calls(abs, range(-200, 0))
        trips = {side: partial(round_trip, call) for side, (call, _) in pools.items()}
        lines += compare(
            "pool, a call there and back", trips, repeat, least_ratios=at_least(5, pools), summary=statistics.median
        )
        waves = {side: partial(wave, calls) for side, (_, calls) in pools.items()}
        lines += compare(f"pool, {WAVE} calls by map", waves, repeat, summary=statistics.median)
        many = {side: partial(short_calls, calls) for side, (_, calls) in pools.items()}
        lines += compare(
            f"pool, one of {CALLS:,} calls by map", many, repeat, least_ratios=at_least(5, pools),
            summary=statistics.median,
        )  # fmt: skip
        times = {side: partial(processor_time, calls) for side, (_, calls) in pools.items()}
        lines += compare(
            "pool, processor time of one of them", times, max(repeat // 2, 1), least_ratios=at_least(5, pools),
            summary=statistics.median,
        )  # fmt: skip
        lines += array_lines(pools, max(repeat // 2, 1))
    lines += lines_of_pools_alike(repeat)
    lines += first_results(max(repeat // 3, 1))
    lines += memory_lines(max(repeat // 4, 1), CALLS, ARRAY)
    return lines


@contextmanager
def every_pool() -> Iterator[dict[str, Pool]]:
    """Give the pools, of two processes each."""
    import multiprocessing
    from concurrent.futures import ProcessPoolExecutor

    import loky
    import mpire.pool

    import ungil.futures

    with ExitStack() as stack:

        def executor(made: Any) -> Pool:
            entered = stack.enter_context(made)
            return (
                lambda fn, *args: entered.submit(fn, *args).result(),
                lambda fn, items: list(entered.map(fn, items, chunksize=1)),
            )

        pools = {
            "ungil": executor(ungil.futures.ProcessPoolExecutor(N_WORKERS)),
            "ProcessPoolExecutor": executor(
                ProcessPoolExecutor(N_WORKERS, mp_context=multiprocessing.get_context("forkserver"))
            ),
            "loky": executor(loky.ProcessPoolExecutor(N_WORKERS)),
        }
        pools["multiprocessing.Pool"] = by_pool(
            stack.enter_context(multiprocessing.get_context("forkserver").Pool(N_WORKERS))
        )
        # One for each way: after an `apply`, its `map` calls with an argument too many.
        one_by_one, mapping = (
            stack.enter_context(mpire.pool.WorkerPool(N_WORKERS, start_method="forkserver", keep_alive=True))
            for _ in range(2)
        )
        pools["mpire"] = (
            lambda fn, *args: one_by_one.apply(fn, args),
            lambda fn, items: mapping.map(fn, items, iterable_len=len(items), chunk_size=1),
        )
        yield pools


def by_pool(pool: Any) -> Pool:
    """Return the ways of a `multiprocessing.Pool`, ours or the standard one."""
    return lambda fn, *args: pool.apply(fn, args), lambda fn, items: pool.map(fn, items, chunksize=1)


def lines_of_pools_alike(repeat: int) -> list[Line]:
    """Time our `multiprocessing.Pool` beside the standard one: a call of nothing, and each of many."""
    import multiprocessing

    import ungil.multiprocessing

    modules: dict[str, Any] = {"ungil": ungil.multiprocessing, "multiprocessing.Pool": multiprocessing}
    with ExitStack() as stack:
        pools = {
            side: by_pool(stack.enter_context(module.get_context("forkserver").Pool(N_WORKERS)))
            for side, module in modules.items()
        }
        for call, calls in pools.values():
            for _ in range(100):
                call(abs, -1)
            calls(abs, range(-200, 0))
        trips = {side: partial(round_trip, call) for side, (call, _) in pools.items()}
        lines = compare("multiprocessing.Pool, apply", trips, repeat, summary=statistics.median)
        many = {side: partial(short_calls, calls) for side, (_, calls) in pools.items()}
        return lines + compare(
            f"multiprocessing.Pool, one of {CALLS:,} of map, one by one", many, repeat, summary=statistics.median
        )


def at_least(ratio: float, pools: dict[str, Any]) -> dict[str, float]:
    """Return the budget against each of the peers."""
    return {side: ratio for side in pools if side != "ungil"}


def round_trip(call: Callable[..., Any]) -> float:
    """Time a call of nothing and its result."""
    start = perf_counter()
    for _ in range(ROUND_TRIPS):
        call(abs, -1)
    return (perf_counter() - start) / ROUND_TRIPS


def wave(calls: Callable[[Any, Any], Any]) -> float:
    """Time a few calls of nothing that are made, and waited for, together."""
    start = perf_counter()
    for _ in range(WAVES):
        calls(abs, range(WAVE))
    return (perf_counter() - start) / WAVES


def short_calls(calls: Callable[[Any, Any], Any]) -> float:
    """Time one of many calls of nothing."""
    start = perf_counter()
    calls(abs, range(CALLS))
    return (perf_counter() - start) / CALLS


def processor_time(calls: Callable[[Any, Any], Any]) -> float:
    """Return what this process and its descendants have used for one of many calls of nothing.

    All pools are descendants: the one that had its turn before comes to rest first.
    """
    time.sleep(REST)
    start = processor_time_of_all()
    calls(abs, range(CALLS))
    return (processor_time_of_all() - start) / CALLS


def processor_time_of_all() -> float:
    """Return the seconds of processor time of this process and all of its descendants, by the clock that each has."""
    seconds = 0.0
    for pid in family(os.getpid()):
        with suppress(OSError):
            # As `clock_getcpuclockid(3)` makes it.
            seconds += time.clock_gettime((~pid << 3) | 2)
    return seconds


def array_lines(pools: dict[str, Pool], repeat: int) -> list[Line]:
    """Time a large array's way to a call and back, and the same by handle."""
    import numpy as np

    from ungil import shared

    sent = np.ones(ARRAY)
    handle = shared.copy(sent)

    def there_and_back(call: Callable[..., Any], array: Any) -> float:
        start = perf_counter()
        back = call(np.asanyarray, array)
        seconds = perf_counter() - start
        assert back[-1] == 1
        return seconds

    timers: dict[str, Timer] = {side: partial(there_and_back, call, sent) for side, (call, _) in pools.items()}
    lines = compare(
        "pool, 100 MB there and back", timers, repeat, least_ratios=at_least(4, pools), summary=statistics.median
    )
    timers["ungil"] = partial(there_and_back, pools["ungil"][0], handle)
    return lines + compare(
        "pool, 100 MB by handle", timers, repeat, least_ratios=at_least(50, pools), summary=statistics.median
    )


# What a new interpreter does, with the seconds that it prints: the first result of a new pool.
FIRST = """
import json, sys, time
{imports}
if __name__ == "__main__":
    start = time.perf_counter()
    {make}
    {first}
    seconds = time.perf_counter() - start
    print(json.dumps(seconds), flush=True)
"""

MAKERS = {
    "ungil": ("from ungil.futures import ProcessPoolExecutor", "pool = ProcessPoolExecutor(2)"),
    "spawn": (
        "from concurrent.futures import ProcessPoolExecutor; import concurrent.futures.process, multiprocessing",
        "pool = ProcessPoolExecutor(2, mp_context=multiprocessing.get_context('spawn'))",
    ),
    "forkserver": (
        "from concurrent.futures import ProcessPoolExecutor; import concurrent.futures.process, multiprocessing",
        "pool = ProcessPoolExecutor(2, mp_context=multiprocessing.get_context('forkserver'))",
    ),
    "loky": ("from loky import ProcessPoolExecutor", "pool = ProcessPoolExecutor(2)"),
}

NEEDS_SKLEARN = "pool.submit(eval, \"__import__('sklearn.linear_model') and 1\").result()"


def first_results(repeat: int) -> list[Line]:
    """Time the first result of a new pool, and that of one that needs scikit-learn, which the parent has imported."""

    def timer(imports: str, make: str, first: str) -> Timer:
        source = FIRST.format(imports=imports, make=make, first=first)
        return lambda: seconds_of(source)

    plain = {side: timer(*made, "pool.submit(abs, -1).result()") for side, made in MAKERS.items()}
    lines = compare(
        "pool, a new one's first result", plain, repeat, least_ratios=at_least(5, plain), summary=statistics.median
    )
    learning = {
        side: timer(f"{imports}; import sklearn.linear_model", make, NEEDS_SKLEARN)
        for side, (imports, make) in MAKERS.items()
    }
    # The server that starts workers has been there: another pool was used before.
    imports, make = MAKERS["ungil"]
    warm = f"{imports}; import sklearn.linear_model"
    before = f"{make}; {NEEDS_SKLEARN}; start = time.perf_counter(); {make}"
    learning["ungil"] = timer(warm, before, NEEDS_SKLEARN)
    return lines + compare(
        "pool, with scikit-learn, a second one's first result", learning, repeat, least_ratios=at_least(20, learning),
        summary=statistics.median,
    )  # fmt: skip


def seconds_of(source: str) -> float:
    """Run a program from a file, as other interpreters have to import it, and return the seconds that it prints."""
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "first.py"
        path.write_text(source)
        done = subprocess.run([sys.executable, str(path)], capture_output=True, text=True, check=True)  # noqa: S603 -- our own
    return float(json.loads(done.stdout))
