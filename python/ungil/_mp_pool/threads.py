"""The workers of a `ThreadPool`: threads of a `ungil.futures.ThreadPoolExecutor`."""

from __future__ import annotations

import threading
from concurrent.futures import CancelledError
from concurrent.futures.thread import BrokenThreadPool

from ungil._thread_pool import ThreadPoolExecutor

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future
    from typing import Any

__all__ = ("Threads",)


class Threads:
    """Makes calls in threads, as `Processes` in processes.

    Args:
        count: how many.
        initializer: what each calls first; or None.
        initargs: its arguments.
    """

    is_ended_at_once = False

    def __init__(self, count: int, initializer: Callable[..., object] | None, initargs: tuple[Any, ...]) -> None:
        self._executor = ThreadPoolExecutor(count, "ThreadPool", initializer, initargs)
        # Calls that each need a thread, until all are there: as the standard library's, threads do not wait for work.
        self._gathering = threading.Barrier(count)
        try:
            for _ in range(count):
                self._executor.submit(self._gathering.wait).add_done_callback(self._note_gathered)
        except BrokenThreadPool:
            # The initializer has raised already. Calls will tell of it.
            self._gathering.abort()
        except BaseException:
            # No further thread can be started.
            self._gathering.abort()
            self._executor.shutdown()
            raise

    def submit(self, fn: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Future[Any], int]:
        """Have a call made; as `Workers`."""
        return self._executor.submit(fn, *args, **kwargs), 0

    def for_many(self, fn: Callable[..., Any]) -> Any:
        """Return what stands for a function in many calls; as `Workers`."""
        return fn

    def close(self) -> None:
        """Take no more calls; as `Workers`."""
        self._executor.shutdown(wait=False)

    def terminate(self) -> None:
        """Cancel the calls that have not begun; as `Workers`. Nothing ends those that have."""
        self._executor.shutdown(wait=False, cancel_futures=True)

    def refusal(self) -> Exception:
        """Return what calls fail with that are not made any more; as `Workers`."""
        return CancelledError("the pool was terminated before the call was made")

    def join(self) -> None:
        """Wait until no thread is left; as `Workers`."""
        self._executor.shutdown()

    def fill(self) -> None:
        """All threads have been there from the beginning; as `Workers`."""

    def listed(self) -> list[threading.Thread]:
        """Return the threads; as `Workers`."""
        return list(self._executor._threads)

    def count(self) -> int:
        """Return how many there are; as `Workers`."""
        return len(self._executor._threads)

    def _note_gathered(self, future: Future[Any]) -> None:
        if future.cancelled() or future.exception() is not None:
            # One will not come.
            self._gathering.abort()
