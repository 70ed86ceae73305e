"""What draws from the iterables of `map` and `imap`, and has a call made with each of their elements or chunks.

Only so much is on its way at a time: of an `imap` so many calls, so that its iterable is drawn from as the calls are
made; and of each only so many bytes, which lie in shared memory. Who submits a `map` draws as long as there is room,
and leaves the rest to a thread; an `imap` has a thread from the start, as its iterable may wait.
"""

from __future__ import annotations

import threading
from functools import partial

from ungil._future import Future
from ungil._thread_start import start_thread

TYPE_CHECKING = False
if TYPE_CHECKING:
    import concurrent.futures
    from collections.abc import Callable, Iterator
    from typing import Any

    from ungil._mp_pool.crew import Crew

__all__ = ("Feeding",)

# Calls of so many bytes and more are counted by their bytes, of which so many may be on their way, and one more call.
_LARGE = 1 << 16
_MOST_BYTES = 1 << 26


class Feeding:
    """Draws from an iterable until it is empty, or the pool is no more.

    Args:
        crew: what makes the calls.
        fn: what is called.
        arguments: its arguments, call by call.
        take: told the future of each call.
        end: told when there are no more.
        most: the most calls that are on their way, or None for any number.
        n_ahead: the most calls of which nobody has taken the result, or None for any number.

    Attributes:
        is_bounded: whether `n_ahead` is a number.
    """

    def __init__(
        self,
        crew: Crew,
        fn: Callable[..., Any],
        arguments: Iterator[tuple[Any, ...]],
        take: Callable[[concurrent.futures.Future[Any]], None],
        end: Callable[[], None],
        most: int | None,
        n_ahead: int | None = None,
    ) -> None:
        self._crew = crew
        self._fn = fn
        self._arguments = arguments
        self._take = take
        self._end = end
        self._most = most
        self._n_ahead = n_ahead
        self.is_bounded = n_ahead is not None
        self._n_untaken = 0
        self._n_calls = 0
        self._n_bytes = 0
        self._is_finished = False
        self._room = threading.Condition(threading.RLock())

    def start(self) -> None:
        """Go on in a thread."""
        start_thread(threading.Thread(target=self._run, name="ungil-pool-feeder", daemon=True))

    def run_while_room(self) -> None:
        """Draw as long as there is room; a thread does the rest."""
        try:
            if not self._draw(may_wait=False):
                self.start()
                return
        except BaseException:
            self._finish()
            raise
        self._finish()

    def note_taken(self) -> None:
        """Somebody has taken the result of a call."""
        with self._room:
            self._n_untaken -= 1
            self._room.notify()

    def open_up(self) -> None:
        """Have any number of results that nobody takes."""
        with self._room:
            self._n_ahead = None
            self._room.notify()

    def stop(self, failure: BaseException | None = None) -> None:
        """Draw no more, at once: the iterable may never give what is waited for.

        Args:
            failure: what comes instead of the results that there will not be; None if nobody waits for them.
        """
        with self._room:
            if failure is not None:
                self._give(_failed(failure))
            self._finish()
            self._room.notify()

    def _run(self) -> None:
        try:
            self._draw(may_wait=True)
        except BaseException as failure:
            # An iterable may raise what is no error; who takes the results is not to take them for all.
            self._give(_failed(failure))
        finally:
            self._finish()

    def _finish(self) -> None:
        with self._room:
            if self._is_finished:
                return
            self._is_finished = True
            # An iterable may hold what is not to be held for longer.
            self._arguments = iter(())
            self._end()
        self._crew.end_feeding(self)

    def _draw(self, may_wait: bool) -> bool:
        """Submit calls; false if there is no room for more, and this may not wait."""
        crew, fn, arguments = self._crew, self._fn, self._arguments
        while True:
            if (self._most is not None or self._n_bytes >= _MOST_BYTES) and not self._has_room():
                if not may_wait:
                    return False
                with self._room:
                    self._room.wait_for(self._has_room)
            try:
                args = next(arguments, None)
            except Exception as failure:
                self._give(_failed(failure))
                return True
            if args is None or self._is_finished:
                return True
            try:
                future, n_bytes = crew.submit(fn, args, {})
            except Exception as failure:
                # The pool takes no more.
                self._give(_failed(failure))
                return True
            if self._most is not None or n_bytes >= _LARGE:
                self._count(future, n_bytes)
            self._give(future)
            # Not until the next one, which may be long in coming.
            del future, args

    def _give(self, future: concurrent.futures.Future[Any]) -> None:
        # One that comes after the end has failed with the pool.
        if not self._is_finished:
            self._take(future)

    def _has_room(self) -> bool:
        if self._is_finished:
            return True
        is_full = self._most is not None and self._n_calls >= self._most
        is_ahead = self._n_ahead is not None and self._n_untaken >= self._n_ahead
        return not is_full and not is_ahead and self._n_bytes < _MOST_BYTES

    def _count(self, future: concurrent.futures.Future[Any], n_bytes: int) -> None:
        with self._room:
            self._n_calls += 1
            self._n_untaken += 1
            self._n_bytes += n_bytes
        future.add_done_callback(partial(self._note_end, n_bytes))

    def _note_end(self, n_bytes: int, _: concurrent.futures.Future[Any]) -> None:
        with self._room:
            self._n_calls -= 1
            self._n_bytes -= n_bytes
            self._room.notify()


def _failed(failure: BaseException) -> Future[Any]:
    future: Future[Any] = Future()
    future.set_running_or_notify_cancel()
    future.set_exception(failure)
    return future
