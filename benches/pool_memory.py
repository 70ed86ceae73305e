"""The memory that pools of processes take at their peak, parent and workers together, for named jobs.

Each pool does a job in a new interpreter, while this process looks every few milliseconds at what that one and all of
its descendants have: the sum of their proportional set sizes, so that what they share counts once.
"""

from __future__ import annotations

import select
import statistics
import subprocess
import sys
import tempfile
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

from report import Line
from turns import compare

__all__ = ("family", "memory_lines")

# What the parent does; it says when it begins with the job, and when it is through.
PROGRAM = """
import sys
import numpy as np
{imports}
if __name__ == "__main__":
    {make}
    {warm}
    print("begin", flush=True)
    {job}
    print("end", flush=True)
    sys.stdin.readline()
"""

# So often, in milliseconds. A look takes about one.
EVERY = 3
MB = 1_000_000

FROM_STANDARD = (
    "import multiprocessing\nfrom concurrent.futures import ProcessPoolExecutor",
    "pool = ProcessPoolExecutor(2, mp_context=multiprocessing.get_context('forkserver'))",
)
# How a pool is made, how it makes one call, and how it makes many.
EXECUTOR = ("pool.submit({fn}, {arg}).result()", "list(pool.map({fn}, {items}, chunksize=1))")
POOLS = {
    "ungil": ("from ungil.futures import ProcessPoolExecutor", "pool = ProcessPoolExecutor(2)", *EXECUTOR),
    "ProcessPoolExecutor": (*FROM_STANDARD, *EXECUTOR),
    "loky": ("from loky import ProcessPoolExecutor", "pool = ProcessPoolExecutor(2)", *EXECUTOR),
    "multiprocessing.Pool": (
        "import multiprocessing",
        "pool = multiprocessing.get_context('forkserver').Pool(2)",
        "pool.apply({fn}, ({arg},))",
        "pool.map({fn}, {items}, chunksize=1)",
    ),
    "mpire": (
        "from mpire.pool import WorkerPool",
        "pool = WorkerPool(2, start_method='forkserver', keep_alive=True)",
        # After an `apply` its `map` calls with an argument too many.
        "pool.map({fn}, [{arg}], iterable_len=1, chunk_size=1)",
        "pool.map({fn}, {items}, iterable_len=len({items}), chunk_size=1)",
    ),
}


def memory_lines(repeat: int, n_calls: int, n_floats: int) -> list[Line]:
    """Measure a map of so many calls of nothing, and an array's way there and back."""

    def programs(job: str) -> dict[str, str]:
        return {
            side: PROGRAM.format(
                imports=imports,
                make=make,
                warm=many.format(fn="abs", items="range(-200, 0)"),
                job=job.format(
                    one=one.format(fn="np.asanyarray", arg="array"),
                    many=many.format(fn="abs", items=f"range({n_calls})"),
                ),
            )
            for side, (imports, make, one, many) in POOLS.items()
        }

    jobs = {
        f"{n_calls:,} calls by map": programs("{many}"),
        f"{n_floats * 8 // MB} MB there and back": programs(
            f"array = np.ones({n_floats}); back = {{one}}; assert back[-1]"
        ),
    }
    lines = []
    for name, of_sides in jobs.items():
        takers = {side: partial(peak_of, source) for side, source in of_sides.items()}
        lines += compare(f"pool, peak memory, {name}", takers, repeat, summary=statistics.median)
    return [replace(line, unit="MB") for line in lines]


def peak_of(source: str) -> float:
    """Run a program, and return the megabytes that it and its descendants had at the most between its two lines."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "job.py"
        path.write_text(source)
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        with subprocess.Popen([sys.executable, str(path)], text=True, **pipes) as job:  # type: ignore[call-overload]  # noqa: S603 -- our own
            assert job.stdout.readline() == "begin\n"
            peak, is_over = 0, False
            while not is_over:
                is_over = bool(select.select([job.stdout], [], [], EVERY / 1000)[0])
                peak = max(peak, sum(map(proportional_size, family(job.pid))))
            assert job.stdout.readline() == "end\n"
            # The interpreter ends, and the pool with it.
            job.stdin.close()
    return peak / MB


def family(pid: int) -> list[int]:
    """Return a process and its descendants."""
    found = [pid]
    with suppress(FileNotFoundError, ProcessLookupError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text().split():
                found += family(int(child))
    return found


def proportional_size(pid: int) -> int:
    """Return the bytes that a process has, of what it shares its part; 0 of one that has ended."""
    with suppress(FileNotFoundError, ProcessLookupError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    return 0
