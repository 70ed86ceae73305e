"""What other processes do with queues, in the tests of these. Each start method imports it by name."""

from __future__ import annotations

import os
import signal
import threading
from typing import Any


def die() -> None:
    """End at once."""
    os.kill(os.getpid(), signal.SIGKILL)


def put_all(queue: Any, items: list[Any]) -> None:
    """Put items, and end."""
    for item in items:
        queue.put(item)


def put_numbers(queue: Any, which: int, n: int, padding: int) -> None:
    """Put numbers that say who they are from, some of them with much beside them."""
    for number in range(n):
        queue.put((which, number, bytes(padding if number % 50 == 7 else 0)))


def put_for_ever(queue: Any, padding: int) -> None:
    """Put until killed."""
    number = 0
    while True:
        queue.put((number, bytes([number % 256]) * (padding if number % 3 else 10)))
        number += 1


def move(source: Any, to: Any) -> None:
    """Take items until there is a `None`, and put them elsewhere."""
    while (item := source.get()) is not None:
        to.put(item)
    to.put(None)


def take_for_ever(queue: Any) -> None:
    """Take until killed."""
    while True:
        queue.get()


def put_and_die(queue: Any, item: Any) -> None:
    """Put what does not fit, and be killed while it is on its way."""
    threading.Timer(0.2, die).start()
    queue.put(item)
    threading.Event().wait()


def work(queue: Any, results: Any) -> None:
    """Work on tasks until there are no more."""
    while (task := queue.get()) is not None:
        results.put(task * task)
        queue.task_done()
    queue.task_done()


def put_and_leave(queue: Any, item: Any) -> None:
    """Put what does not fit, and end without waiting for it."""
    queue.cancel_join_thread()
    queue.put(item)
