"""The backends of Dask and Ray: their executors, with batches, and large arrays that are placed there once.

Nothing ever runs in this process because a cluster is small, or has shrunk: tasks wait for it.
"""

from __future__ import annotations

import pickle
import sys
import threading
import weakref

from ungil._process_pool.pickles import pickled
from ungil.parallel._backends import Backend
from ungil.parallel._batch import run_pickled
from ungil.parallel._cpu_count import n_jobs_of
from ungil.parallel._engines import Engine

TYPE_CHECKING = False
if TYPE_CHECKING:
    import concurrent.futures
    from collections.abc import Callable
    from typing import Any, TypeVar

    T = TypeVar("T")

__all__ = ("ClusterEngine", "DaskBackend", "RayBackend")


class _ClusterBackend(Backend):
    default_n_jobs = -1
    runs_elsewhere = True
    _executor: Any = None

    def effective_n_jobs(self, n_jobs: int | None) -> int:
        """Return how many tasks run at once; negative numbers count from those that the cluster runs now."""
        if n_jobs is not None and n_jobs > 0:
            return n_jobs
        return n_jobs_of(n_jobs, max(self.executor._max_workers, 1))

    @property
    def executor(self) -> Any:
        """The executor, which is made when it is first needed."""
        raise NotImplementedError

    def open(self, n_jobs: int, options: dict[str, Any]) -> Engine:
        """Return the executor."""
        return ClusterEngine(self.executor, n_jobs, options.get("max_nbytes"))


class DaskBackend(_ClusterBackend):
    """The workers of a Dask cluster.

    Args:
        client: a `distributed.Client`, or the address of a scheduler; None for the client that is current.
        nesting_level: as for `Backend`.
    """

    def __init__(self, client: Any = None, nesting_level: int | None = None) -> None:
        super().__init__(nesting_level)
        self._client = client

    @property
    def executor(self) -> Any:
        """The executor, which is made when it is first needed."""
        if self._executor is None:
            from ungil._dask_executor import DaskExecutor

            client = self._client
            if client is None:
                import distributed

                # There is none: that is its own error, which says so.
                client = distributed.get_client()
            self._executor = DaskExecutor(client)
            weakref.finalize(self, self._executor.shutdown, wait=False)
        return self._executor

    def __reduce__(self) -> Any:
        """Stay here: a worker has no use for it."""
        return Backend, (self.nesting_level,)


class RayBackend(_ClusterBackend):
    """The workers of Ray: of the one that is running, or of one that is started on this machine, and stays.

    Args:
        address: of a cluster that is joined, if this process is in none.
        nesting_level: as for `Backend`.
        **init_options: what `ray.init` is given if it is called.
    """

    def __init__(self, address: str | None = None, nesting_level: int | None = None, **init_options: Any) -> None:
        super().__init__(nesting_level)
        self._address = address
        self._init_options = init_options

    @property
    def executor(self) -> Any:
        """The executor, which is made when it is first needed."""
        if self._executor is None:
            from ungil._ray_executor import RayExecutor

            self._executor = RayExecutor(self._address, **self._init_options)
        return self._executor

    def __reduce__(self) -> Any:
        """Stay here: a worker has no use for it."""
        return Backend, (self.nesting_level,)


class ClusterEngine(Engine):
    """An executor of a cluster, where large arrays are placed once for all tasks.

    Args:
        executor: a `DaskExecutor` or a `RayExecutor`.
        n_jobs: how many batches run at once.
        max_nbytes: from how many bytes on arrays are placed; None for never.
    """

    def __init__(self, executor: Any, n_jobs: int, max_nbytes: int | None) -> None:
        super().__init__(executor, n_jobs)
        self._max_nbytes = max_nbytes
        self._placed: dict[int, tuple[weakref.ref[Any], Any]] = {}

    def submit(self, batch: Callable[[], T]) -> concurrent.futures.Future[T]:
        """Have a batch made."""
        places: list[Any] = []
        data, buffers, _ = pickled(batch, table=self._table(places))
        n_places = len(places)
        own = [bytes(buffer) for buffer in buffers or ()]
        future: concurrent.futures.Future[T] = self._executor.submit(_run, data, n_places, *places, *own)
        return future

    def abort(self) -> None:
        """Let go of what was placed."""
        self._placed.clear()

    close = abort

    def _table(self, places: list[Any]) -> dict[type, Any] | None:
        numpy = sys.modules.get("numpy")
        if self._max_nbytes is None or numpy is None:
            return None
        most = self._max_nbytes
        numbers: dict[int, int] = {}

        def reduced(array: Any) -> Any:
            if array.nbytes < most or array.dtype.hasobject:
                return array.__reduce_ex__(5)
            if id(array) not in numbers:
                numbers[id(array)] = len(places)
                places.append(self._place(array))
            return _taken, (numbers[id(array)],)

        return {numpy.ndarray: reduced, numpy.memmap: reduced}

    def _place(self, array: Any) -> Any:
        known = self._placed.get(id(array))
        if known is not None and known[0]() is array:
            return known[1]
        placed = self._executor._place(array)
        self.n_shared += array.nbytes
        self._placed[id(array)] = weakref.ref(array), placed
        return placed


# The arrays of the batch that this thread reads.
_READING = threading.local()


def _run(data: bytes, n_places: int, *values: Any) -> Any:
    """Make a batch, in the cluster: its arrays are here by now."""
    _READING.arrays = values[:n_places]
    try:
        return run_pickled(data, *map(pickle.PickleBuffer, values[n_places:]))
    finally:
        _READING.arrays = ()


def _taken(number: int) -> Any:
    return _READING.arrays[number]
