"""`DaskExecutor`: calls made by the workers of a Dask cluster, as an executor of ours.

The cluster's own rules hold: a task whose worker dies is made again by another, as often as its configuration says, and
then fails. Whatever becomes of it reaches its future, also when the connection is lost.
"""

from __future__ import annotations

from concurrent.futures import BrokenExecutor

from ungil._cluster_executor import ClusterExecutor

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ungil._future import Future

__all__ = ("DaskExecutor",)

# What a call is that has ended before, and is to be waited for again.
_AGAIN = frozenset({"lost", "pending"})


class DaskExecutor(ClusterExecutor):
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
        super().__init__(is_own=not isinstance(client, distributed.Client))
        self._client = distributed.Client(client, set_as_default=False) if self._is_own else client

    @property
    def _max_workers(self) -> int:
        """How many calls the cluster makes at once, now."""
        return sum(self._client.nthreads().values())

    def _send(self, fn: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if self._client.status not in ("running", "connecting"):
            raise RuntimeError(f"the client of the Dask cluster is {self._client.status}, and takes no calls")
        # Each call is made, though the same was made before.
        return self._client.submit(fn, *args, pure=False, **kwargs)

    def _follow(self, theirs: Any, future: Future[Any]) -> None:
        theirs.add_done_callback(lambda ended: _settle(future, ended))

    def _take_back(self, theirs: Any) -> None:
        theirs.cancel()

    def _disconnect(self) -> None:
        self._client.close()

    def _place(self, value: Any) -> Any:
        """Put a value where all workers have it; what is returned may be an argument of calls."""
        # On each: the value is not lost with a worker.
        return self._client.scatter(value, broadcast=True, hash=False)


def _settle(future: Future[Any], theirs: Any) -> None:
    """End a future with what has come of the cluster's."""
    if theirs.status in _AGAIN:
        # The result has been lost with its worker since, and the cluster makes it again.
        theirs.add_done_callback(lambda ended: _settle(future, ended))
        return
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
        why = f"the Dask cluster has given up the call, whose state is {theirs.status!r}"
        future.set_exception(BrokenExecutor(f"{why}: its client or its scheduler was closed"))
    except BaseException as failure:
        if future.done():
            raise
        # The result cannot be had: it was lost, or cannot be unpickled here.
        future.set_exception(failure)


DaskExecutor.__module__ = "ungil.futures"
