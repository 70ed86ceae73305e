"""The thread of a pool that calls back.

Callbacks run there and nowhere else, one after the other, in the order in which the calls have ended. So one may take a
lock that somebody holds while submitting a call. What one raises is reported, and ends nothing.
"""

from __future__ import annotations

import os
import queue
import sys
import threading
import weakref

from ungil._thread_start import start_thread

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    class Told(Protocol):
        """What has callbacks."""

        def tell(self) -> None:
            """Call back."""

        def be_told(self) -> None:
            """Be as if that had been done."""


__all__ = ("Callbacks",)


class Callbacks:
    """Calls back for the results of a pool."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._ended: queue.SimpleQueue[Told | None] = queue.SimpleQueue()
        # Those that are to be told, and have not been.
        self._waiting: set[Told] = set()
        self._thread: threading.Thread | None = None
        self._is_closed = False
        self._is_silent = False
        _ALL.add(self)

    def expect(self, result: Told) -> None:
        """A result is to be told of its end."""
        with self._lock:
            self._waiting.add(result)
            if self._thread is not None:
                return
            self._thread = threading.Thread(target=self._run, name="ungil-pool-callbacks", daemon=True)
            start_thread(self._thread)

    def put(self, result: Told) -> None:
        """Have a result told that was expected: its calls have ended."""
        self._ended.put(result)

    def close(self, is_silent: bool) -> None:
        """Expect no more; if `is_silent`, call nothing back any more, and only let go of who waits."""
        self._is_closed = True
        self._is_silent = self._is_silent or is_silent
        self._ended.put(None)

    def is_current(self) -> bool:
        """Return whether this is within a callback."""
        return self._thread is threading.current_thread()

    def join(self) -> None:
        """Wait until all that were expected have been told, after `close`.

        Raises:
            RuntimeError: this is within a callback.
        """
        if self._thread is not None:
            self._thread.join()

    def forget(self) -> None:
        """In a forked child, where there is no thread: nobody is told any more."""
        self._thread = None
        self._lock = threading.RLock()
        self._ended = queue.SimpleQueue()
        waiting, self._waiting = self._waiting, set()
        for result in waiting:
            result.be_told()

    def _run(self) -> None:
        while not (self._is_closed and not self._waiting):
            result = self._ended.get()
            if result is None:
                continue
            try:
                if not self._is_silent:
                    result.tell()
            except BaseException:
                threading.excepthook(threading.ExceptHookArgs((*sys.exc_info(), threading.current_thread())))
            finally:
                with self._lock:
                    self._waiting.discard(result)
                result.be_told()
                # Not until the next one.
                del result


_ALL: weakref.WeakSet[Callbacks] = weakref.WeakSet()


def _forget() -> None:
    for each in list(_ALL):
        each.forget()


os.register_at_fork(after_in_child=_forget)
