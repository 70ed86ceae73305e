"""Queues between threads: the standard `queue` under its own names, some twenty times faster.

They behave as those of CPython 3.13 on every Python. `Empty`, `Full` and `ShutDown` are the standard library's own exceptions (where it has
no `ShutDown`, ungil's). New here: `get_many` and `put_many`, iteration until the queue is shut down, `await q.aget()` and
`await q.aput(item)` between threads and asyncio.
"""

from __future__ import annotations

from queue import Empty, Full

from ungil._core import LifoQueue, PriorityQueue, Queue, ShutDown, SimpleQueue

__all__ = [
    "Empty",
    "Full",
    "LifoQueue",
    "PriorityQueue",
    "Queue",
    "ShutDown",
    "SimpleQueue",
]
