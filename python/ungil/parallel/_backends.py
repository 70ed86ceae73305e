"""Backends: what each can do, how many tasks it runs at once, and the engine that runs them.

A backend is a record of capabilities with a method that opens an `Engine`. `Parallel` also takes those that were
written for joblib, and executors: `as_backend` makes backends of them.

    name                                  | class
    --------------------------------------+--------------------
    auto                                  | AutoBackend
    processes, loky, multiprocessing      | ProcessesBackend
    threading                             | ThreadingBackend
    sequential                            | SequentialBackend
    dask, ray                             | of _clusters.py

A task's own `Parallel`s use threads, and those of their tasks none: each level has its share of the processors.
"""

from __future__ import annotations

import contextlib
import importlib
from types import MappingProxyType

from ungil.parallel import _active
from ungil.parallel._cpu_count import cpu_count, n_jobs_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    import concurrent.futures
    from collections.abc import Callable, Mapping
    from typing import Any

    from ungil.parallel._engines import Engine

__all__ = (
    "AutoBackend",
    "Backend",
    "ExecutorBackend",
    "ForeignBackend",
    "ProcessesBackend",
    "SequentialBackend",
    "ThreadingBackend",
    "adapted",
    "as_backend",
    "known",
    "made",
)


class Backend:
    """What runs tasks, and what it can do.

    Args:
        nesting_level: how many `Parallel`s are around it; None until that is known.
        inner_max_num_threads: the most threads of each BLAS and OpenMP pool in worker processes; None for their share.
        **backend_kwargs: what its engine is made with.

    Attributes:
        default_n_jobs: the number of jobs of who asks for none.
        uses_threads: whether tasks run in threads of this process.
        uses_processes: whether they run in processes of this machine.
        supports_sharedmem: whether tasks see the caller's own objects.
        supports_timeout: whether it can be waited for results with a limit.
        supports_return_generator: whether results can be had one by one.
        supports_inner_max_num_threads: whether that has a meaning.
        batches: whether several short tasks go together.
        runs_elsewhere: whether the caller's thread makes no tasks even if only one runs at once.
        n_processors: how many processors there are for it; None for all of this process.
        n_jobs: how many tasks run at once in the call that is under way.
    """

    # Also of subclasses that do not call `__init__`.
    nesting_level: int | None = None
    inner_max_num_threads: int | None = None
    backend_kwargs: Mapping[str, Any] = MappingProxyType({})

    default_n_jobs = 1
    uses_threads = False
    uses_processes = False
    supports_sharedmem = False
    supports_timeout = True
    supports_return_generator = True
    supports_inner_max_num_threads = False
    batches = True
    runs_elsewhere = False
    n_processors: int | None = None
    n_jobs = 1

    # The nested backend, and for how many jobs it is: to count the processors takes several system calls.
    _nested: tuple[int, Any] | None = None

    def __init__(
        self, nesting_level: int | None = None, inner_max_num_threads: int | None = None, **backend_kwargs: Any
    ) -> None:
        self.nesting_level = nesting_level
        self.inner_max_num_threads = inner_max_num_threads
        self.backend_kwargs = backend_kwargs

    def effective_n_jobs(self, n_jobs: int | None) -> int:
        """Return how many tasks run at once; negative numbers count from the processors that there are for it.

        Args:
            n_jobs: what is asked for.

        Raises:
            ValueError: it is 0.
        """
        if n_jobs is not None and n_jobs > 0:
            # There is nothing to count.
            return n_jobs
        return n_jobs_of(n_jobs, self.n_processors or cpu_count())

    def get_nested_backend(self) -> Any:
        """Return the backend of the `Parallel`s of a task, if they ask for none, and their number of jobs.

        A subclass may return the backend alone.
        """
        if self._nested is None or self._nested[0] != self.n_jobs:
            level = (self.nesting_level or 0) + 1
            nested = ThreadingBackend(nesting_level=level) if level == 1 else SequentialBackend(nesting_level=level)
            nested.n_processors = max((self.n_processors or cpu_count()) // self.n_jobs, 1)
            self._nested = self.n_jobs, nested
        return self._nested[1], None

    def retrieval_context(self) -> contextlib.AbstractContextManager[Any]:
        """Return what is entered while results are waited for."""
        return contextlib.nullcontext()

    def open(self, n_jobs: int, options: dict[str, Any]) -> Engine:
        """Return what runs tasks, so many at once.

        Args:
            n_jobs: how many.
            options: what `Parallel` was made with, by the names of its arguments.
        """
        raise NotImplementedError(f"{type(self).__name__} has no engine")


class SequentialBackend(Backend):
    """The caller's thread makes the tasks, one after the other."""

    uses_threads = True
    supports_sharedmem = True
    supports_timeout = False

    def effective_n_jobs(self, n_jobs: int | None) -> int:
        """Return 1."""
        n_jobs_of(n_jobs, 1)
        return 1

    def get_nested_backend(self) -> Any:
        """Return what holds here: nothing runs beside a task."""
        from ungil.parallel._config import get_active_backend

        return get_active_backend()


class ThreadingBackend(Backend):
    """Threads of this process, which take turns unless tasks let go of the GIL.

    Tasks are never put together: they may wait for one another.
    """

    uses_threads = True
    supports_sharedmem = True
    batches = False

    def open(self, n_jobs: int, options: dict[str, Any]) -> Engine:
        """Return a pool of threads."""
        from ungil.parallel._engines import ThreadEngine

        del options
        return ThreadEngine(n_jobs)


class ProcessesBackend(Backend):
    """Processes of this machine, which stay for the next call; large arrays are shared with them.

    Below other `Parallel`s there are no more of them than the processors that are left to a task.
    """

    uses_processes = True
    supports_inner_max_num_threads = True

    def effective_n_jobs(self, n_jobs: int | None) -> int:
        """Return how many tasks run at once; inside of a task, at most as many as it has processors."""
        count = super().effective_n_jobs(n_jobs)
        return min(count, self.n_processors or cpu_count()) if self.nesting_level else count

    def open(self, n_jobs: int, options: dict[str, Any]) -> Engine:
        """Return a pool of processes: the one that was used last, if it is of the same kind."""
        from ungil.parallel._processes import ProcessEngine

        n_threads = self.inner_max_num_threads
        n_processors = self.n_processors or cpu_count()
        return ProcessEngine(n_jobs, {**self.backend_kwargs, **options}, n_threads, max(n_processors // n_jobs, 1))


class AutoBackend(ProcessesBackend):
    """In line, threads or processes, whichever measuring the first tasks shows to be best."""

    uses_processes = False


class ExecutorBackend(Backend):
    """An executor of `concurrent.futures`, ours or another, that somebody else has made and shuts down.

    Args:
        executor: the executor.
        nesting_level: as for `Backend`.
    """

    def __init__(self, executor: concurrent.futures.Executor, nesting_level: int | None = None) -> None:
        super().__init__(nesting_level)
        self.executor = executor
        self.default_n_jobs = getattr(executor, "_max_workers", None) or cpu_count()

    def open(self, n_jobs: int, options: dict[str, Any]) -> Engine:
        """Return the executor."""
        from ungil.parallel._engines import Engine

        del options
        return Engine(self.executor, n_jobs)


class ForeignBackend(Backend):
    """A backend that was written for joblib.

    Args:
        backend: the backend.
    """

    def __init__(self, backend: Any) -> None:
        super().__init__(backend.nesting_level)
        self.backend = backend
        self.default_n_jobs = backend.default_n_jobs
        self.uses_threads = getattr(backend, "uses_threads", False)
        self.supports_sharedmem = getattr(backend, "supports_sharedmem", False)
        self.supports_timeout = backend.supports_timeout
        self.supports_return_generator = backend.supports_return_generator
        self.supports_inner_max_num_threads = backend.supports_inner_max_num_threads

    def effective_n_jobs(self, n_jobs: int | None) -> int:
        """Return how many tasks the backend runs at once."""
        count: int = self.backend.effective_n_jobs(n_jobs)
        return count

    def retrieval_context(self) -> contextlib.AbstractContextManager[Any]:
        """Return the backend's own."""
        context: contextlib.AbstractContextManager[Any] = self.backend.retrieval_context()
        return context

    def open(self, n_jobs: int, options: dict[str, Any]) -> Engine:
        """Return the backend, configured."""
        from ungil.parallel._engines import ForeignEngine

        return ForeignEngine(self.backend, n_jobs, options)


def as_backend(given: Any, nesting_level: int | None) -> Any:
    """Return a backend for what `Parallel` was given as one, which is no name.

    Args:
        given: a backend, of ours or written for joblib; an executor; a context of `multiprocessing`; a client of Dask.
        nesting_level: how many `Parallel`s are around it.

    Raises:
        ValueError: it is none of these.
    """
    if isinstance(given, Backend):
        if given.nesting_level is None:
            given.nesting_level = nesting_level
        return given
    if hasattr(given, "effective_n_jobs") and hasattr(given, "configure"):
        # Written for joblib; `adapted` makes ours of it when it is used.
        if given.nesting_level is None:
            given.nesting_level = nesting_level
        return given
    if hasattr(given, "Pool") and hasattr(given, "Lock"):
        return ProcessesBackend(nesting_level, context=given)
    if hasattr(given, "submit") and hasattr(given, "scheduler"):
        return made("dask", client=given, nesting_level=nesting_level)
    if hasattr(given, "submit"):
        return ExecutorBackend(given, nesting_level)
    raise ValueError(
        f"Invalid backend: {given!r}, expected one of {sorted(_active.BACKENDS)}, a backend, an executor, or a context"
        " of multiprocessing"
    )


def adapted(backend: Any) -> Backend:
    """Return a backend of ours for one that was written for joblib; ours as it is."""
    return backend if isinstance(backend, Backend) else ForeignBackend(backend)


def known(name: Any) -> str:
    """Return the name of a backend, or the address of a scheduler of Dask.

    Raises:
        ValueError: there is none of this name.
    """
    if "://" not in str(name) and name not in _active.BACKENDS and name not in CLUSTERS:
        raise ValueError(f"Invalid backend: {name}, expected one of {sorted({*_active.BACKENDS, *CLUSTERS})}")
    return str(name)


def made(name: str, nesting_level: int | None = None, **params: Any) -> Any:
    """Return the backend of this name, made anew; or that of the Dask cluster whose scheduler has this address."""
    if nesting_level is not None:
        params["nesting_level"] = nesting_level
    if "://" in name:
        name, params["client"] = "dask", name
    factory = _active.BACKENDS.get(name) or CLUSTERS[name]
    return as_backend(factory(**params), nesting_level)


def _of_cluster(name: str) -> Callable[..., Any]:
    """Return what makes a backend that brings another package."""

    def make(**params: Any) -> Any:
        return getattr(importlib.import_module("ungil.parallel._clusters"), name)(**params)

    return make


# Apart from the others, which need nothing and nobody.
CLUSTERS: dict[str, Callable[..., Any]] = {"dask": _of_cluster("DaskBackend"), "ray": _of_cluster("RayBackend")}

_active.BACKENDS |= {
    "auto": AutoBackend,
    "loky": ProcessesBackend,
    "multiprocessing": ProcessesBackend,
    "processes": ProcessesBackend,
    "sequential": SequentialBackend,
    "threading": ThreadingBackend,
}
