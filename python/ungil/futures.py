"""Calls that are made elsewhere: the standard `concurrent.futures` under its own names, several times faster.

Futures are `concurrent.futures.Future`s and executors are `concurrent.futures.Executor`s, so that asyncio, the standard
`wait` and everybody else's code take them. They behave as those of CPython 3.14 on every Python. `ProcessPoolExecutor`
is the standard one.

>>> from ungil.futures import ThreadPoolExecutor, as_completed
>>> with ThreadPoolExecutor(max_workers=4) as executor:
...     futures = [executor.submit(pow, 2, n) for n in range(5)]
...     sum(future.result() for future in as_completed(futures))
31
"""

from __future__ import annotations

from concurrent.futures import (
    ALL_COMPLETED,
    FIRST_COMPLETED,
    FIRST_EXCEPTION,
    BrokenExecutor,
    CancelledError,
    InvalidStateError,
    TimeoutError,  # noqa: A004 - the standard module's name
)
from concurrent.futures.thread import BrokenThreadPool

from ungil._call import Options, Retry
from ungil._executor import Executor
from ungil._future import Future
from ungil._future_group import TaskGroup
from ungil._thread_pool import ThreadPoolExecutor
from ungil._trace import Statistics, Trace
from ungil._waiting import as_completed, wait

TYPE_CHECKING = False
if TYPE_CHECKING:
    from concurrent.futures import ProcessPoolExecutor as ProcessPoolExecutor

__all__ = [
    "ALL_COMPLETED",
    "FIRST_COMPLETED",
    "FIRST_EXCEPTION",
    "BrokenExecutor",
    "BrokenThreadPool",
    "CancelledError",
    "Executor",
    "Future",
    "InvalidStateError",
    "Options",
    "ProcessPoolExecutor",
    "Retry",
    "Statistics",
    "TaskGroup",
    "ThreadPoolExecutor",
    "TimeoutError",
    "Trace",
    "as_completed",
    "wait",
]


def __getattr__(name: str) -> object:
    """Return the standard pool of processes, which is loaded by who wants one."""
    if name == "ProcessPoolExecutor":
        from concurrent.futures import ProcessPoolExecutor

        return ProcessPoolExecutor
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
