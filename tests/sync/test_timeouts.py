"""Timeouts: none ends early, and what numbers are taken, and how, is as in the standard classes."""

from __future__ import annotations

import queue as standard_queue
import threading as standard_threading
import time
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from ungil import queue, threading

# How each waits in vain, for so long.
WAITS: dict[str, Callable[[Any, Any, Any], object]] = {
    "Lock": lambda t, _, timeout: held(t.Lock()).acquire(timeout=timeout),
    "RLock": lambda t, _, timeout: held_by_another(t.RLock()).acquire(timeout=timeout),
    "Semaphore": lambda t, _, timeout: t.Semaphore(0).acquire(timeout=timeout),
    "BoundedSemaphore": lambda t, _, timeout: held(t.BoundedSemaphore(1)).acquire(True, timeout),
    "Event": lambda t, _, timeout: t.Event().wait(timeout),
    "Condition": lambda t, _, timeout: held(t.Condition()).wait(timeout),
    "Condition.wait_for": lambda t, _, timeout: held(t.Condition()).wait_for(lambda: 0, timeout),
    "Barrier": lambda t, _, timeout: t.Barrier(2).wait(timeout),
    "Barrier's own": lambda t, _, timeout: t.Barrier(2, None, timeout).wait(),
    "Queue.get": lambda _, q, timeout: q.Queue().get(timeout=timeout),
    "Queue.put": lambda _, q, timeout: filled(q.Queue(1)).put(2, timeout=timeout),
    "PriorityQueue.get": lambda _, q, timeout: q.PriorityQueue().get(True, timeout),
    "SimpleQueue.get": lambda _, q, timeout: q.SimpleQueue().get(timeout=timeout),
}
OPENED = {
    "opened Queue.get": lambda _, q, timeout: opened(q.Queue()).get(timeout=timeout),
    "opened Queue.put": lambda _, q, timeout: filled(opened(q.Queue(1))).put(2, timeout=timeout),
}


def held(lock: Any) -> Any:
    lock.acquire()
    return lock


def held_by_another(lock: Any) -> Any:
    thread = standard_threading.Thread(target=lock.acquire)
    thread.start()
    thread.join()
    return lock


def filled(queue: Any) -> Any:
    queue.put(1)
    return queue


def opened(queue: Any) -> Any:
    assert len(queue.queue) == 0
    return queue


def outcome(wait: Callable[[Any, Any, Any], object], t: Any, q: Any, timeout: object) -> object:
    try:
        return wait(t, q, timeout)
    except (TypeError, ValueError, OverflowError):
        # In which words and by which of them is the subject of the tests of misuse.
        return "refused"
    except Exception as error:
        return type(error)


@pytest.mark.parametrize("timeout", [0.05, 0.0501, 1e-9])
@pytest.mark.parametrize("name", WAITS | OPENED)
def test_no_wait_ends_early(name: str, timeout: float) -> None:
    wait = (WAITS | OPENED)[name]
    begin = time.monotonic()
    outcome(wait, threading, queue, timeout)
    assert time.monotonic() - begin >= timeout


# Nothing tiny but positive: the standard `SimpleQueue` of 3.11 may wait for ever then.
NUMBERS = [
    0,
    0.0,
    -0.0,
    False,
    -0.25,
    -1,
    -3,
    np.float64(0.001),
    np.int64(0),
    np.int8(-2),
    Fraction(1, 1000),
    Fraction(-1, 2),
    Decimal("0.001"),
    0j,
    "1",
    float("-inf"),
]

# Where the standard lock waits for ever.
FOR_EVER = {("Lock", -1), ("RLock", -1)}


@pytest.mark.parametrize("timeout", NUMBERS, ids=lambda number: f"{type(number).__name__} {number}")
@pytest.mark.parametrize("name", WAITS | OPENED)
def test_a_number_is_taken_as_the_standard_class_takes_it(name: str, timeout: Any) -> None:
    if (name, timeout) in FOR_EVER:
        pytest.skip("it is for ever")
    wait = (WAITS | OPENED)[name]
    theirs = outcome(wait, standard_threading, standard_queue, timeout)
    assert outcome(wait, threading, queue, timeout) == theirs


@pytest.mark.parametrize("timeout", [threading.TIMEOUT_MAX, threading.TIMEOUT_MAX * 2, 1e300, float("inf"), 10**400])
@pytest.mark.parametrize("name", WAITS)
def test_a_huge_timeout_is_waited_for_or_refused(name: str, timeout: float, threads: Any, until: Any) -> None:
    """As much as the standard lock takes is waited for; more is refused, and not taken for something short."""
    made: list[Any] = []

    class Noted:
        def __init__(self, module: Any) -> None:
            self.module = module

        def __getattr__(self, kind: str) -> Any:
            def make(*arguments: Any) -> Any:
                made.append(getattr(self.module, kind)(*arguments))
                return made[-1]

            return make

    result: list[object] = []
    thread = threads.start(
        lambda: result.append(outcome(WAITS[name], Noted(threading), Noted(queue), timeout)),
    )
    until(lambda: result or (made and made[-1].statistics().waiters))
    if timeout > threading.TIMEOUT_MAX:
        assert result == ["refused"]
        return
    assert not result
    assert thread.is_alive()
    thing = made[-1]
    if name.startswith("Condition"):
        with thing:
            thing.notify()
        if name.endswith("wait_for"):
            # It looks, finds nothing and waits on: it ends with the process.
            threads.threads.remove(thread)
    elif name.endswith("put"):
        thing.get()
    elif name.endswith("get"):
        thing.put(1)
    elif name == "Event":
        thing.set()
    elif name.startswith("Barrier"):
        thing.abort()
    elif name == "RLock":
        thing._at_fork_reinit()
        threads.threads.remove(thread)  # nobody is there who could release it
    else:
        thing.release()
