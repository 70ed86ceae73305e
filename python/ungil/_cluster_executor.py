"""`ClusterExecutor`: what the executors of Dask and of Ray have in common, which is the bookkeeping of their calls."""

from __future__ import annotations

import abc
import threading

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

__all__ = ("ClusterExecutor",)


class ClusterExecutor(Executor, abc.ABC):
    """Makes calls on a cluster, which a subclass speaks to.

    Args:
        is_own: whether the connection was made for this executor, and ends with it.
    """

    def __init__(self, is_own: bool) -> None:
        self._is_own = is_own
        self._lock = _core.Lock()
        # What the cluster calls a call, by our futures. Who is gone from here was told.
        self._pending: dict[Any, Any] = {}
        self._is_shut_down = False

    # What a subclass has.

    @abc.abstractmethod
    def _send(self, fn: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Have a call made, and return what the cluster calls it."""

    @abc.abstractmethod
    def _follow(self, theirs: Any, future: Future[Any]) -> None:
        """End a future when the cluster's call ends, with what comes of it."""

    @abc.abstractmethod
    def _take_back(self, theirs: Any) -> None:
        """Cancel a call."""

    @abc.abstractmethod
    def _disconnect(self) -> None:
        """End the connection that is the executor's own."""

    # What an executor has.

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        """Have `fn(*args, **kwargs)` called by a worker of the cluster.

        Args:
            fn: what is called.
            *args: its positional arguments; one that is the cluster's own handle of a value is that value, there.
            **kwargs: its keyword arguments.

        Returns:
            The future of what comes of it.

        Raises:
            RuntimeError: the executor was shut down, or the connection was closed.
        """
        if self._is_shut_down:
            raise RuntimeError("cannot schedule new futures after shutdown")
        future: Future[T] = Future()
        theirs = self._send(fn, args, kwargs)
        with self._lock:
            self._pending[future] = theirs
        future.add_done_callback(self._forget)
        self._follow(theirs, future)
        return future

    def _forget(self, future: concurrent.futures.Future[Any]) -> None:
        with self._lock:
            theirs = self._pending.pop(future, None)
        if theirs is not None and future.cancelled():
            self._take_back(theirs)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Take no more calls; those that were taken are made. A connection that was made for it ends then.

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
            start_thread(threading.Thread(target=self._finish, args=(pending,), name="ungil-cluster", daemon=True))

    def _finish(self, pending: list[Future[Any]]) -> None:
        ungil_wait(pending)
        if self._is_own:
            self._disconnect()
