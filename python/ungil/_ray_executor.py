"""`RayExecutor`: calls made by the workers of Ray, as an executor of ours.

Ray makes a call again whose worker dies, as often as `max_retries` says, and then it fails. Whatever becomes of it
reaches its future.
"""

from __future__ import annotations

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

__all__ = ("RayExecutor",)


class RayExecutor(Executor):
    """Makes calls by Ray: by the one that is running or, if there is none, by one on this machine, started for it.

    Args:
        address: of a cluster that is joined if this process is in none; None starts one here.
        max_retries: how often a call is made again whose worker has died.
        **init_options: what `ray.init` is given if it is called.

    Raises:
        ImportError: `ray` is not installed: `pip install ungil[ray]`.

    Example:
        >>> from ungil.futures import RayExecutor
        >>> with RayExecutor(num_cpus=1, _node_ip_address="127.0.0.1") as executor:
        ...     executor.submit(pow, 2, 3).result()
        8
    """

    def __init__(self, address: str | None = None, *, max_retries: int = 3, **init_options: Any) -> None:
        try:
            import ray
        except ImportError as missing:
            raise ImportError("Ray is not installed: pip install ungil[ray]") from missing
        self._ray = ray
        self._is_own = not ray.is_initialized()
        if self._is_own:
            ray.init(address=address, include_dashboard=False, log_to_driver=False, **init_options)
        self._call = ray.remote(_make).options(max_retries=max_retries)
        self._lock = _core.Lock()
        self._pending: dict[Any, Any] = {}
        self._is_shut_down = False

    @property
    def _max_workers(self) -> int:
        """How many calls are made at once, now."""
        return int(self._ray.cluster_resources().get("CPU", 1))

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        """Have `fn(*args, **kwargs)` called by a worker of Ray.

        Args:
            fn: what is called.
            *args: its positional arguments; a reference of Ray's is replaced by its object, there.
            **kwargs: its keyword arguments.

        Returns:
            The future of what comes of it.

        Raises:
            RuntimeError: the executor was shut down.
        """
        if self._is_shut_down:
            raise RuntimeError("cannot schedule new futures after shutdown")
        future: Future[T] = Future()
        reference = self._call.remote(fn, kwargs, *args)
        with self._lock:
            self._pending[future] = reference
        future.add_done_callback(self._forget)
        reference.future().add_done_callback(lambda ended: _settle(future, ended))
        return future

    def _forget(self, future: concurrent.futures.Future[Any]) -> None:
        with self._lock:
            reference = self._pending.pop(future, None)
        if reference is not None and future.cancelled():
            self._ray.cancel(reference)

    def _place(self, value: Any) -> Any:
        """Put a value where all workers have it; what is returned may be an argument of calls."""
        return self._ray.put(value)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Take no more calls; those that were taken are made. A Ray that was started for it is ended.

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
            start_thread(threading.Thread(target=self._finish, args=(pending,), name="ungil-ray", daemon=True))

    def _finish(self, pending: list[Future[Any]]) -> None:
        """End what is our own when nothing is pending any more."""
        ungil_wait(pending)
        if self._is_own and self._ray.is_initialized():
            self._ray.shutdown()


def _make(fn: Callable[..., Any], kwargs: dict[str, Any], *args: Any) -> Any:
    """Make a call; references among the arguments are objects by now."""
    return fn(*args, **kwargs)


def _settle(future: Future[Any], theirs: Any) -> None:
    """End a future with what has come of Ray's."""
    if not future.set_running_or_notify_cancel():
        return
    failure = theirs.exception()
    if failure is None:
        future.set_result(theirs.result())
        return
    cause = getattr(failure, "cause", None)
    if isinstance(cause, BaseException):
        # What the call raised, with the traceback from there as its cause.
        cause.__cause__ = failure
        failure = cause
    future.set_exception(failure)


RayExecutor.__module__ = "ungil.futures"
