"""The standard queue's algorithm, for queues whose insides a program sees (`mutex`, `queue`, the hook `_put`, ...).

A mutex guards a container; three conditions under it tell of items, of room and of finished tasks. `ungil._core` calls
these functions with such a queue; a closed one never comes here.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable
from queue import Empty, Full
from typing import Any

from ungil._core import Condition, LifoQueue, PriorityQueue, Queue
from ungil.queue import ShutDown

__all__ = ("empty", "full", "get", "get_many", "give_back", "join", "put", "put_many", "qsize", "shutdown", "task_done")


def put(queue: Queue[Any], item: object, block: bool, timeout: float | None) -> None:
    """Put an item, when there is room."""
    with queue.not_full:
        if not queue.is_shutdown:
            bounded = queue.maxsize > 0
            _wait(queue.not_full, lambda: queue.is_shutdown or _has_room(queue), block, timeout, bounded=bounded)
        if queue.is_shutdown:
            raise ShutDown
        if not _has_room(queue):
            raise Full
        queue._put(item)
        queue.unfinished_tasks += 1
        queue.not_empty.notify()


def get(queue: Queue[Any], block: bool, timeout: float | None) -> Any:
    """Get the next item, when there is one."""
    with queue.not_empty:
        return _get_held(queue, block, timeout)


def get_many(queue: Queue[Any], most: int, timeout: float | None) -> list[Any]:
    """Get the next item, when there is one, and what else there is; all or none."""
    items: list[Any] = []
    with queue.not_empty:
        try:
            while len(items) < most and (not items or queue._qsize()):
                items.append(_get_held(queue, block=not items, timeout=timeout))
        except BaseException:
            _give_all_back(queue, items)
            raise
    return items


def put_many(queue: Queue[Any], items: Iterable[object], timeout: float | None) -> None:
    """Put all items, each when there is room."""
    left = deque(items)
    try:
        while left:
            put(queue, left[0], block=True, timeout=timeout)
            left.popleft()
    except BaseException as error:
        error.items = list(left)  # type: ignore[attr-defined]
        raise


def give_back(queue: Queue[Any], item: object) -> None:
    """Put an item back that had been got, without counting it again."""
    with queue.mutex:
        _give_back_held(queue, item)


def task_done(queue: Queue[Any]) -> None:
    """Count one task less."""
    with queue.all_tasks_done:
        left = queue.unfinished_tasks - 1
        if left < 0:
            raise ValueError("task_done() called too many times")
        queue.unfinished_tasks = left
        if left == 0:
            queue.all_tasks_done.notify_all()


def join(queue: Queue[Any]) -> None:
    """Wait until no task is unfinished."""
    with queue.all_tasks_done:
        queue.all_tasks_done.wait_for(lambda: not queue.unfinished_tasks)


def qsize(queue: Queue[Any]) -> int:
    """Count the items."""
    with queue.mutex:
        return queue._qsize()


def empty(queue: Queue[Any]) -> bool:
    """Whether there is no item."""
    with queue.mutex:
        return not queue._qsize()


def full(queue: Queue[Any]) -> bool:
    """Whether there is no room."""
    with queue.mutex:
        return 0 < queue.maxsize <= queue._qsize()


def shutdown(queue: Queue[Any], immediate: bool) -> None:
    """Take no more items, and with `immediate` drop those that are there."""
    dropped = []
    with queue.mutex:
        queue.is_shutdown = True
        if immediate:
            while queue._qsize():
                dropped.append(queue._get())
                queue.unfinished_tasks -= queue.unfinished_tasks > 0
            queue.all_tasks_done.notify_all()
        queue.not_empty.notify_all()
        queue.not_full.notify_all()


def _get_held(queue: Queue[Any], block: bool, timeout: float | None) -> Any:
    if not queue.is_shutdown or queue._qsize():
        _wait(queue.not_empty, lambda: queue.is_shutdown or queue._qsize(), block, timeout, bounded=True)
    if not queue._qsize():
        raise ShutDown if queue.is_shutdown else Empty
    item = queue._get()
    queue.not_full.notify()
    return item


def _give_back_held(queue: Queue[Any], item: object) -> None:
    container = queue.queue
    if isinstance(container, deque):
        container.appendleft(item)
    elif isinstance(queue, PriorityQueue):
        PriorityQueue._put(queue, item)
    elif isinstance(queue, LifoQueue):
        container.append(item)
    else:
        queue._put(item)
    queue.not_empty.notify()


def _give_all_back(queue: Queue[Any], items: list[Any]) -> None:
    """Put items back in the order in which they would come again; those that cannot be are the exception's."""
    try:
        while items:
            _give_back_held(queue, items[-1])
            items.pop()
    except BaseException as error:
        error.items = items  # type: ignore[attr-defined]
        raise


def _has_room(queue: Queue[Any]) -> bool:
    return queue.maxsize <= 0 or queue._qsize() < queue.maxsize


def _wait(
    condition: Condition, is_over: Callable[[], object], block: bool, timeout: float | None, *, bounded: bool
) -> None:
    """Wait under the condition until it `is_over`, as long as the caller wants to."""
    if not block or not bounded:
        return
    if timeout is not None and timeout < 0:
        raise ValueError("'timeout' must be a non-negative number")
    deadline = None if timeout is None else time.monotonic() + timeout
    while not is_over():
        left = None if deadline is None else deadline - time.monotonic()
        if left is not None and left <= 0:
            return
        condition.wait(left)
