"""`RayExecutor`: calls made by the workers of Ray, as an executor of ours.

Ray makes a call again whose worker dies, as often as `max_retries` says, and then it fails. Whatever becomes of it
reaches its future.
"""

from __future__ import annotations

from ungil._cluster_executor import ClusterExecutor

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ungil._future import Future

__all__ = ("RayExecutor",)


class RayExecutor(ClusterExecutor):
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
        super().__init__(is_own=not ray.is_initialized())
        self._ray = ray
        if self._is_own:
            ray.init(address=address, include_dashboard=False, log_to_driver=False, **init_options)
        self._call = ray.remote(_make).options(max_retries=max_retries)

    @property
    def _max_workers(self) -> int:
        """How many calls are made at once, now."""
        return int(self._ray.cluster_resources().get("CPU", 1))

    def _send(self, fn: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        return self._call.remote(fn, kwargs, *args)

    def _follow(self, theirs: Any, future: Future[Any]) -> None:
        theirs.future().add_done_callback(lambda ended: _settle(future, ended))

    def _take_back(self, theirs: Any) -> None:
        self._ray.cancel(theirs)

    def _disconnect(self) -> None:
        if self._ray.is_initialized():
            self._ray.shutdown()

    def _place(self, value: Any) -> Any:
        """Put a value where all workers have it; what is returned may be an argument of calls."""
        return self._ray.put(value)


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
