"""Queues for tasks of asyncio: `Queue.aget` and `Queue.aput`, which wait without a thread.

A task that must wait leaves a callback with the queue. Whoever then puts or gets, a thread or a task of any loop, calls
it; it wakes the task through the task's own loop. What was handed to a task that is cancelled at that moment goes back.
"""

from __future__ import annotations

import asyncio
from queue import Empty, Full
from typing import Any, Protocol

from ungil._core import Queue

__all__ = ("get", "put")

# How often a task looks at a queue whose insides are open, which calls nobody; a guess at what a loop does not feel.
_POLL = 0.005


class _Pending(Protocol):
    """A wait that a queue ends."""

    def abandon(self) -> None: ...


async def get(queue: Queue[Any]) -> Any:
    """Get the next item."""
    while True:
        try:
            return queue.get_nowait()
        except Empty:
            pass
        wake = _Wake()
        pending = queue._begin_get(wake)
        if await _woken(queue, pending, wake):
            assert pending is not None
            got = pending.finish()
            if got is not None:
                return got[0]


async def put(queue: Queue[Any], item: object) -> None:
    """Put an item."""
    while True:
        try:
            return queue.put_nowait(item)
        except Full:
            pass
        wake = _Wake()
        pending = queue._begin_put(wake)
        if await _woken(queue, pending, wake):
            assert pending is not None
            if pending.finish(item):
                return None


class _Wake:
    """Ends the wait of a task, called from any thread."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.woken = self.loop.create_future()
        self.pending: _Pending | None = None

    def __call__(self) -> None:
        try:
            self.loop.call_soon_threadsafe(self._end)
        except RuntimeError:
            # The loop is closed, and the task will never take what it was given.
            if self.pending is not None:
                self.pending.abandon()

    def _end(self) -> None:
        if not self.woken.done():
            self.woken.set_result(None)


async def _woken(queue: Queue[Any], pending: _Pending | None, wake: _Wake) -> bool:
    """Wait for the callback; false if the task should look at once."""
    if pending is None:
        # There is something to look at, or the queue is open and calls nobody.
        await asyncio.sleep(_POLL if queue._is_open else 0)
        return False
    wake.pending = pending
    try:
        await wake.woken
    except BaseException:
        pending.abandon()
        raise
    return True
