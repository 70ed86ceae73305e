"""`Crew`: what a pool, its results and its threads share. It knows nothing of the pool, which may be dropped."""

from __future__ import annotations

import threading
from multiprocessing.pool import CLOSE, RUN, TERMINATE

from ungil._mp_pool.callbacks import Callbacks
from ungil._mp_pool.feeding import Feeding

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from concurrent.futures import Future
    from typing import Any, Protocol

    class Workers(Protocol):
        """What makes calls: processes, or threads.

        Attributes:
            is_ended_at_once: whether `terminate` ends those that make a call.
        """

        is_ended_at_once: bool

        def submit(
            self, fn: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
        ) -> tuple[Future[Any], int]:
            """Have a call made, and return its future and of how many bytes it is."""

        def for_many(self, fn: Callable[..., Any]) -> Any:
            """Return what stands for a function in many calls."""

        def close(self) -> None:
            """Take no more calls."""

        def terminate(self) -> None:
            """Fail all calls that have not ended, and end the workers; without waiting for that."""

        def refusal(self) -> Exception:
            """Return what calls fail with that are not made any more."""

        def join(self) -> None:
            """Wait until no worker is left."""

        def fill(self) -> None:
            """Start the workers that are missing."""

        def listed(self) -> list[Any]:
            """Return the workers."""

        def count(self) -> int:
            """Return how many there are."""


__all__ = ("Crew",)


class Crew:
    """Has calls made while the pool runs, and ends when it is to.

    Args:
        workers: what makes them.
    """

    def __init__(self, workers: Workers) -> None:
        self.workers = workers
        self.submit = workers.submit
        self.callbacks = Callbacks()
        self.state = RUN
        self._lock = threading.RLock()
        self._is_idle = threading.Condition(self._lock)
        self._feedings: set[Feeding] = set()

    def check_running(self) -> None:
        """Raise a ValueError unless the pool takes calls."""
        if self.state != RUN:
            raise ValueError("Pool not running")

    def feed(
        self,
        fn: Callable[..., Any],
        arguments: Iterator[tuple[Any, ...]],
        take: Callable[[Future[Any]], None],
        end: Callable[[], None],
        most: int | None = None,
        n_ahead: int | None = None,
    ) -> Feeding:
        """Return what will draw from an iterable (`Feeding`), and until then keeps the workers from ending."""
        feeding = Feeding(self, fn, arguments, take, end, most, n_ahead)
        with self._lock:
            self.check_running()
            self._feedings.add(feeding)
        return feeding

    def end_feeding(self, feeding: Feeding) -> None:
        """One has come to its end."""
        with self._lock:
            self._feedings.discard(feeding)
            if self.state != RUN and not self._feedings:
                self.workers.close()
            self._is_idle.notify_all()

    def close(self) -> None:
        """Take no more calls; what was taken is done."""
        with self._lock:
            if self.state != RUN:
                return
            self.state = CLOSE
            if not self._feedings:
                self.workers.close()

    def terminate(self) -> None:
        """Take no more calls, and fail those that have not ended; without waiting for that."""
        with self._lock:
            if self.state == TERMINATE:
                return
            self.state = TERMINATE
            feedings = list(self._feedings)
        for feeding in feedings:
            feeding.stop(self.workers.refusal())
        self.callbacks.close(is_silent=True)
        self.workers.terminate()

    def join(self) -> None:
        """Wait until all is done and no worker is left, after one of these.

        Raises:
            RuntimeError: this is within a callback.
        """
        if self.callbacks.is_current():
            raise RuntimeError("cannot join current thread")
        with self._is_idle:
            for feeding in self._feedings:
                # Who would take results waits here.
                feeding.open_up()
            self._is_idle.wait_for(lambda: not self._feedings)
        self.workers.join()
        self.callbacks.close(is_silent=False)
        self.callbacks.join()
