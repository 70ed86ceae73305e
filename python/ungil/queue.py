"""Queues between threads: the standard `queue` under its own names, some twenty times faster.

They behave as those of CPython 3.13 on every Python. `Empty`, `Full` and `ShutDown` are the standard library's own
exceptions (where it has no `ShutDown`, ungil's). New here: `get_many` and `put_many`, iteration until the queue is shut
down, `await q.aget()` and `await q.aput(item)` between threads and asyncio.

>>> import threading
>>> from ungil.queue import Queue
>>> tasks, results = Queue(), Queue()
>>> def worker():
...     for number in tasks:
...         results.put(number**2)
>>> thread = threading.Thread(target=worker)
>>> thread.start()
>>> tasks.put_many(range(4))
>>> tasks.shutdown()
>>> thread.join()
>>> results.get_many(10)
[0, 1, 4, 9]
"""

from __future__ import annotations

import queue as _queue
from queue import Empty, Full
from typing import TYPE_CHECKING

from ungil._core import LifoQueue, PriorityQueue, Queue, SimpleQueue
from ungil._core import ShutDown as _ShutDown

if TYPE_CHECKING:
    ShutDown = _ShutDown
else:
    ShutDown = getattr(_queue, "ShutDown", _ShutDown)

__all__ = [
    "Empty",
    "Full",
    "LifoQueue",
    "PriorityQueue",
    "Queue",
    "ShutDown",
    "SimpleQueue",
]
