"""`DaskExecutor`: calls made by the workers of a Dask cluster, as an executor of ours.

The cluster's own rules hold: a task whose worker dies is made again by another, as often as its configuration says, and
then fails. Whatever becomes of it reaches its future, also when the connection is lost.
"""

from __future__ import annotations

import threading
from concurrent.futures import BrokenExecutor

from ungil import _core
from ungil._executor import Executor
from ungil._future import Future
from ungil._thread_start import start_thread
from ungil._waiting import wait as ungil_wait

TYPE_CHECKING = False
if TYPE_CHECKING:
    import concurrent.futures
    from collections.abc import Callable
    from typing import Any, TypeVar

    T = TypeVar("T")

__all__ = ("DaskExecutor",)


class DaskExecutor(Executor):
    """Makes calls on a Dask cluster. Calls that are cancelled are taken back, unless a worker makes them already.

    Args:
        client: a `distributed.Client`, which stays open; or the address of a scheduler, such as "tcp://host:8786".

    Raises:
        ImportError: `distributed` is not installed: `pip install ungil[dask]`.
        OSError: there is no scheduler at the address.

    Example:
        >>> from distributed import LocalCluster
        >>> from ungil.futures import DaskExecutor
        >>> with LocalCluster(n_workers=1, processes=False, dashboard_address=None) as cluster:
        ...     with DaskExecutor(cluster.scheduler_address) as executor:
        ...         executor.submit(pow, 2, 3).result()
        8
    """

    def __init__(self, client: Any) -> None:
        try:
            import distributed
        except ImportError as missing:
            raise ImportError("Dask's `distributed` is not installed: pip install ungil[dask]") from missing
        self._is_own = not isinstance(client, distributed.Client)
        self._client = distributed.Client(client, set_as_default=False) if self._is_own else client
        self._lock = _core.Lock()
        # Of the cluster; by ours. Who is gone from here was told.
        self._pending: dict[Any, Any] = {}
        self._is_shut_down = False

    @property
    def _max_workers(self) -> int:
        """How many calls the cluster makes at once, now."""
        return sum(self._client.nthreads().values())

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        """Have `fn(*args, **kwargs)` called by a worker of the cluster.

        Args:
            fn: what is called.
            *args: its positional arguments; a future of Dask's is replaced by its result, there.
            **kwargs: its keyword arguments.

        Returns:
            The future of what comes of it.

        Raises:
            RuntimeError: the executor was shut down, or the client was closed.
        """
        if self._is_shut_down:
            raise RuntimeError("cannot schedule new futures after shutdown")
        if self._client.status not in ("running", "connecting"):
            raise RuntimeError(f"the client of the Dask cluster is {self._client.status}, and takes no calls")
        future: Future[T] = Future()
        # Each call is made, though the same was made before.
        theirs = self._client.submit(fn, *args, pure=False, **kwargs)
        with self._lock:
            self._pending[future] = theirs
        future.add_done_callback(self._forget)
        theirs.add_done_callback(lambda ended: _settle(future, ended))
        return future

    def _forget(self, future: concurrent.futures.Future[Any]) -> None:
        with self._lock:
            theirs = self._pending.pop(future, None)
        if theirs is not None and future.cancelled():
            theirs.cancel()

    def _place(self, value: Any) -> Any:
        """Put a value where all workers have it; what is returned may be an argument of calls."""
        # On each: the value is not lost with a worker.
        return self._client.scatter(value, broadcast=True, hash=False)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Take no more calls; those that were taken are made.

        Args:
            wait: whether to return only when they are made.
            cancel_futures: whether to cancel them.
        """
        self._is_shut_down = True
        with self._lock:
            pending = list(self._pending)
        if cancel_futures:
            for future in pending:
                future.cancel()
        if wait:
            self._finish(pending)
        elif self._is_own:
            start_thread(threading.Thread(target=self._finish, args=(pending,), name="ungil-dask", daemon=True))

    def _finish(self, pending: list[Future[Any]]) -> None:
        """Close what is our own when nothing is pending any more."""
        ungil_wait(pending)
        if self._is_own:
            self._client.close()


def _settle(future: Future[Any], theirs: Any) -> None:
    """End a future with what has come of the cluster's."""
    if not future.set_running_or_notify_cancel():
        return
    try:
        if theirs.status == "finished":
            future.set_result(theirs.result())
            return
        if theirs.status == "error":
            failure = theirs.exception()
            future.set_exception(failure.with_traceback(theirs.traceback()))
            return
        why = f"the Dask cluster has lost the call, whose state is {theirs.status!r}"
        future.set_exception(BrokenExecutor(f"{why}: its client or its scheduler was closed, or workers took it along"))
    except BaseException as failure:
        if future.done():
            raise
        # The result cannot be had: it was lost, or cannot be unpickled here.
        future.set_exception(failure)


DaskExecutor.__module__ = "ungil.futures"
