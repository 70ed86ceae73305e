"""Calls that are made elsewhere: the standard `concurrent.futures` under its own names, several times faster.

Futures are `concurrent.futures.Future`s and executors are `concurrent.futures.Executor`s, so that asyncio, the standard
`wait` and everybody else's code take them. They behave as those of CPython 3.14 on every Python.

>>> from ungil.futures import ThreadPoolExecutor, as_completed
>>> with ThreadPoolExecutor(max_workers=4) as executor:
...     futures = [executor.submit(pow, 2, n) for n in range(5)]
...     sum(future.result() for future in as_completed(futures))
31
"""

from __future__ import annotations

import importlib
import sys
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
    from concurrent.futures.process import BrokenProcessPool as BrokenProcessPool

    from ungil._dask_executor import DaskExecutor as DaskExecutor
    from ungil._process_pool.executor import ProcessPoolExecutor as ProcessPoolExecutor
    from ungil._process_pool.worker_process import WorkerDied as WorkerDied
    from ungil._ray_executor import RayExecutor as RayExecutor

__all__ = [
    "ALL_COMPLETED",
    "FIRST_COMPLETED",
    "FIRST_EXCEPTION",
    "BrokenExecutor",
    "BrokenProcessPool",
    "BrokenThreadPool",
    "CancelledError",
    "DaskExecutor",
    "Executor",
    "Future",
    "InvalidStateError",
    "Options",
    "ProcessPoolExecutor",
    "RayExecutor",
    "Retry",
    "Statistics",
    "TaskGroup",
    "ThreadPoolExecutor",
    "TimeoutError",
    "Trace",
    "WorkerDied",
    "as_completed",
    "wait",
]


# Of processes, which bring `multiprocessing`: loaded by who wants them.
_OF_PROCESSES = frozenset({"BrokenProcessPool", "ProcessPoolExecutor", "WorkerDied"})

# Of clusters, whose packages are optional.
_OF_CLUSTERS = {"DaskExecutor": "ungil._dask_executor", "RayExecutor": "ungil._ray_executor"}


def __getattr__(name: str) -> object:
    """Return what has to do with processes, here or elsewhere."""
    if name in _OF_CLUSTERS:
        return getattr(importlib.import_module(_OF_CLUSTERS[name]), name)
    if name in _OF_PROCESSES:
        if sys.platform != "linux":
            # The standard pool; it has no `WorkerDied`.
            module = importlib.import_module("concurrent.futures.process")
        elif name == "ProcessPoolExecutor":
            module = importlib.import_module("ungil._process_pool.executor")
        else:
            module = importlib.import_module("ungil._process_pool.worker_process")
        return getattr(module, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
