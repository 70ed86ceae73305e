"""What is called wrongly fails as in the standard library: by the same type, and with the same words."""

from __future__ import annotations

import logging
import math
import re
import sys
from collections.abc import Callable
from concurrent.futures.thread import BrokenThreadPool
from types import SimpleNamespace
from typing import Any

import pytest
from implementation import futures, queue, standard_futures, standard_queue, standard_threading, threading

FUTURES = ("Executor", "Future", "ThreadPoolExecutor", "as_completed", "wait")
STANDARD = SimpleNamespace(**vars(standard_threading) | vars(standard_queue))
STANDARD.__dict__.update({name: getattr(standard_futures, name) for name in FUTURES})
OURS = SimpleNamespace(**{name: getattr(threading, name) for name in standard_threading.__all__})
OURS.__dict__.update({name: getattr(queue, name) for name in standard_queue.__all__})
OURS.__dict__.update({name: getattr(futures, name) for name in FUTURES})

Misuse = Callable[[Any], object]


def in_another_thread(call: Callable[[], object]) -> None:
    """Call in a thread, and wait for its end."""
    thread = standard_threading.Thread(target=call)
    thread.start()
    thread.join()


def release_of_anothers_rlock(m: Any) -> None:
    lock = m.RLock()
    in_another_thread(lock.acquire)
    lock.release()


def action_that_fails(m: Any) -> None:
    m.Barrier(1, action=lambda: 1 // 0).wait()


def wait_at_a_broken_barrier(m: Any) -> None:
    barrier = m.Barrier(1)
    barrier.abort()
    barrier.wait()


def start_twice(m: Any) -> None:
    thread = m.Thread()
    thread.start()
    try:
        thread.start()
    finally:
        thread.join()


def daemon_after_start(m: Any) -> None:
    event = m.Event()
    thread = m.Thread(target=event.wait)
    thread.start()
    try:
        thread.daemon = True
    finally:
        event.set()
        thread.join()


def join_of_oneself(m: Any) -> None:
    errors: list[RuntimeError] = []

    def run() -> None:
        try:
            thread.join()
        except RuntimeError as error:
            errors.append(error)

    thread = m.Thread(target=run)
    thread.start()
    thread.join()
    raise errors[0]


def without_init(m: Any) -> None:
    class Countdown(m.Thread):  # type: ignore[misc]
        def __init__(self) -> None:
            self.n = 3

    Countdown().start()


def full(m: Any, maxsize: int = 1) -> Any:
    filled = m.Queue(maxsize)
    filled.put("item")
    return filled


def incomparable(m: Any) -> None:
    ordered = m.PriorityQueue()
    ordered.put((1, "text"))
    ordered.put((1, None))


def finished(m: Any) -> Any:
    future = m.Future()
    future.set_result(1)
    return future


def words_without_the_address(call: Callable[[Any], object]) -> Misuse:
    """Raise the same with the place in memory left out, which is another for each future."""

    def misuse(m: Any) -> None:
        try:
            call(m)
        except Exception as error:
            raise type(error)(re.sub("0x[0-9a-f]+", "0x", str(error))) from None

    return misuse


def pool(m: Any, call: Callable[[Any], object]) -> object:
    with m.ThreadPoolExecutor(1) as executor:
        return call(executor)


def submit_after_shutdown(m: Any) -> None:
    executor = m.ThreadPoolExecutor(1)
    executor.shutdown()
    executor.submit(print)


def submit_to_a_broken_pool(m: Any) -> None:
    logger = logging.getLogger("concurrent.futures")
    logger.disabled = True
    try:
        with m.ThreadPoolExecutor(1, initializer=lambda: 1 // 0) as executor:
            standard_futures.wait([executor.submit(print)])
            executor.submit(print)
    finally:
        logger.disabled = False


def join_of_ones_own_pool(m: Any) -> None:
    with m.ThreadPoolExecutor(1) as executor:
        executor.submit(executor.shutdown).result()


MISUSES: dict[str, tuple[type[Exception], Misuse]] = {
    "release of a lock that nobody has": (RuntimeError, lambda m: m.Lock().release()),
    "lock: timeout that is not waited for": (ValueError, lambda m: m.Lock().acquire(False, 1)),
    "lock: negative timeout": (ValueError, lambda m: m.Lock().acquire(timeout=-2)),
    "lock: timeout nan": (ValueError, lambda m: m.Lock().acquire(timeout=math.nan)),
    "release of an RLock that nobody has": (RuntimeError, lambda m: m.RLock().release()),
    "release of another's RLock": (RuntimeError, release_of_anothers_rlock),
    "RLock: _release_save of what nobody has": (RuntimeError, lambda m: m.RLock()._release_save()),
    "RLock: timeout that is not waited for": (ValueError, lambda m: m.RLock().acquire(False, 1)),
    "RLock: negative timeout": (ValueError, lambda m: m.RLock().acquire(timeout=-2)),
    "condition: wait without the lock": (RuntimeError, lambda m: m.Condition().wait()),
    "condition: wait without the lock, no time": (RuntimeError, lambda m: m.Condition().wait(0)),
    "condition: wait_for without the lock": (RuntimeError, lambda m: m.Condition().wait_for(lambda: False)),
    "condition: notify without the lock": (RuntimeError, lambda m: m.Condition().notify()),
    "condition: notify_all without the lock": (RuntimeError, lambda m: m.Condition().notify_all()),
    "condition with a Lock: notify without it": (RuntimeError, lambda m: m.Condition(m.Lock()).notify()),
    "condition: release without the lock": (RuntimeError, lambda m: m.Condition().release()),
    "condition: no lock": (AttributeError, lambda m: m.Condition("lock")),
    "semaphore: negative value": (ValueError, lambda m: m.Semaphore(-1)),
    "semaphore: timeout that is not waited for": (ValueError, lambda m: m.Semaphore().acquire(False, 1)),
    "semaphore: release of none": (ValueError, lambda m: m.Semaphore().release(0)),
    "bounded semaphore: negative value": (ValueError, lambda m: m.BoundedSemaphore(-1)),
    "bounded semaphore: one release too many": (ValueError, lambda m: m.BoundedSemaphore().release()),
    "bounded semaphore: release of none": (ValueError, lambda m: m.BoundedSemaphore().release(0)),
    "barrier: an action that fails": (ZeroDivisionError, action_that_fails),
    "barrier: wait when it is broken": (standard_threading.BrokenBarrierError, wait_at_a_broken_barrier),
    "barrier: nobody else comes": (standard_threading.BrokenBarrierError, lambda m: m.Barrier(2).wait(0)),
    "barrier: negative timeout": (standard_threading.BrokenBarrierError, lambda m: m.Barrier(2).wait(-1)),
    "thread: a group": (AssertionError, lambda m: m.Thread(group=1)),
    "thread: start twice": (RuntimeError, start_twice),
    "thread: join before start": (RuntimeError, lambda m: m.Thread().join()),
    "thread: join of itself": (RuntimeError, join_of_oneself),
    "thread: daemon after start": (RuntimeError, daemon_after_start),
    "thread: __init__ forgotten": (RuntimeError, without_init),
    "queue: get, negative timeout": (ValueError, lambda m: m.Queue().get(timeout=-1)),
    "queue: get though there is something, negative timeout": (ValueError, lambda m: full(m).get(timeout=-1)),
    "queue: put, negative timeout": (ValueError, lambda m: full(m).put(1, timeout=-1)),
    "queue: put though there is room, negative timeout": (ValueError, lambda m: m.Queue(1).put(1, timeout=-1)),
    "queue: get of nothing": (standard_queue.Empty, lambda m: m.Queue().get_nowait()),
    "queue: get of nothing, no time": (standard_queue.Empty, lambda m: m.Queue().get(timeout=0)),
    "queue: get of nothing, negative time that does not count": (
        standard_queue.Empty,
        lambda m: m.Queue().get(False, timeout=-1),
    ),
    "queue: put in a full one": (standard_queue.Full, lambda m: full(m).put_nowait(1)),
    "queue: put in a full one, no time": (standard_queue.Full, lambda m: full(m).put(1, timeout=0)),
    "queue: task_done of nothing": (ValueError, lambda m: m.Queue().task_done()),
    "priority queue: what has no order": (TypeError, incomparable),
    "simple queue: get, negative timeout": (ValueError, lambda m: m.SimpleQueue().get(timeout=-1)),
    "simple queue: get of nothing": (standard_queue.Empty, lambda m: m.SimpleQueue().get_nowait()),
    "simple queue: get of nothing, no time": (standard_queue.Empty, lambda m: m.SimpleQueue().get(timeout=0)),
}
STATES = ("PENDING", "RUNNING", "CANCELLED", "CANCELLED_AND_NOTIFIED", "FINISHED")


def in_state(m: Any, state: str) -> Any:
    """Return a future that is in this state by the ways that lead to it."""
    future = m.Future()
    if state.startswith("CANCELLED"):
        future.cancel()
    if state in ("RUNNING", "CANCELLED_AND_NOTIFIED"):
        future.set_running_or_notify_cancel()
    if state == "FINISHED":
        future.set_result(1)
    assert future._state == state
    return future


MISUSES |= {
    f"future: {method} when {state}": (
        standard_futures.InvalidStateError,
        words_without_the_address(
            lambda m, state=state, method=method: getattr(in_state(m, state), method)(  # type: ignore[misc]
                ValueError() if method == "set_exception" else 1
            )
        ),
    )
    for method in ("set_result", "set_exception")
    for state in ("CANCELLED", "CANCELLED_AND_NOTIFIED", "FINISHED")
}
MISUSES |= {
    "future: result of a cancelled one": (
        standard_futures.CancelledError,
        lambda m: in_state(m, "CANCELLED").result(),
    ),
    "future: exception of a cancelled one": (
        standard_futures.CancelledError,
        lambda m: in_state(m, "CANCELLED_AND_NOTIFIED").exception(),
    ),
    "future: result, no time": (TimeoutError, lambda m: m.Future().result(0)),
    "future: result, negative timeout": (TimeoutError, lambda m: m.Future().result(timeout=-1)),
    "future: exception, no time": (TimeoutError, lambda m: m.Future().exception(0)),
    "pool: no workers": (ValueError, lambda m: m.ThreadPoolExecutor(0)),
    "pool: fewer than none": (ValueError, lambda m: m.ThreadPoolExecutor(max_workers=-1)),
    "pool: an initializer that is none": (TypeError, lambda m: m.ThreadPoolExecutor(1, initializer="text")),
    "pool: submit after shutdown": (RuntimeError, submit_after_shutdown),
    "pool: submit when broken": (BrokenThreadPool, submit_to_a_broken_pool),
    "pool: shutdown in its own thread": (RuntimeError, join_of_ones_own_pool),
    "executor: its submit": (NotImplementedError, lambda m: m.Executor().submit(print)),
    "executor: its map": (NotImplementedError, lambda m: m.Executor().map(print, [1])),
    "wait: until what is not known": (
        ValueError,
        lambda m: m.wait([m.Future()], return_when="LAST_COMPLETED"),
    ),
    "as_completed: no time": (TimeoutError, lambda m: list(m.as_completed([m.Future(), finished(m)], timeout=0))),
}
if sys.version_info >= (3, 13):
    MISUSES["barrier: nobody"] = (ValueError, lambda m: m.Barrier(0))

# Those whose words are the interpreter's own, of the machinery that takes arguments.
ILL_TYPED: dict[str, tuple[type[Exception], Misuse]] = {
    "lock: an argument": (TypeError, lambda m: m.Lock(1)),
    "lock: too many arguments": (TypeError, lambda m: m.Lock().acquire(True, 1, 1)),
    "lock: an unknown argument": (TypeError, lambda m: m.Lock().acquire(wait=True)),
    "lock: a timeout of text": (TypeError, lambda m: m.Lock().acquire(timeout="1")),
    "lock: a timeout of None": (TypeError, lambda m: m.Lock().acquire(timeout=None)),
    "lock: timeout too large": (OverflowError, lambda m: m.Lock().acquire(timeout=m.TIMEOUT_MAX + 1)),
    "lock: timeout far too large": (OverflowError, lambda m: m.Lock().acquire(timeout=1e100)),
    "RLock: a timeout of text": (TypeError, lambda m: m.RLock().acquire(timeout="1")),
    "RLock: timeout too large": (OverflowError, lambda m: m.RLock().acquire(timeout=m.TIMEOUT_MAX + 1)),
    "semaphore: a value of text": (TypeError, lambda m: m.Semaphore("1")),
    "semaphore: release of text": (TypeError, lambda m: m.Semaphore().release("1")),
    "event: a timeout of text": (TypeError, lambda m: m.Event().wait("1")),
    "barrier: a timeout of text": (TypeError, lambda m: m.Barrier(2).wait("1")),
    "barrier: no number": (TypeError, lambda m: m.Barrier()),
    "queue: a timeout of text": (TypeError, lambda m: m.Queue().get(timeout="1")),
    "queue: nothing to put": (TypeError, lambda m: m.Queue().put()),
    "simple queue: an argument": (TypeError, lambda m: m.SimpleQueue(1)),
    "simple queue: a timeout of text": (TypeError, lambda m: m.SimpleQueue().get(timeout="1")),
    "future: a timeout of text": (TypeError, lambda m: m.Future().result("1")),
    "future: timeout too large": (OverflowError, lambda m: m.Future().result(m.TIMEOUT_MAX + 1)),
    "future: timeout without end": (OverflowError, lambda m: m.Future().result(math.inf)),
    "wait: timeout without end": (OverflowError, lambda m: m.wait([m.Future()], math.inf)),
    "future: a callback too many": (TypeError, lambda m: m.Future().add_done_callback(print, print)),
    "future: cancel with an argument": (TypeError, lambda m: m.Future().cancel(1)),
    "future: an argument": (TypeError, lambda m: m.Future(1)),
    "pool: nothing to submit": (TypeError, lambda m: pool(m, lambda executor: executor.submit())),
    "pool: fn by its name": (TypeError, lambda m: pool(m, lambda executor: executor.submit(fn=print))),
    "pool: max_workers of text": (TypeError, lambda m: m.ThreadPoolExecutor("4")),
    "pool: shutdown with two by position": (TypeError, lambda m: m.ThreadPoolExecutor(1).shutdown(True, True)),
    "pool: map over what is not iterable": (TypeError, lambda m: pool(m, lambda executor: executor.map(print, 1))),
    "pool: map of nothing": (TypeError, lambda m: pool(m, lambda executor: executor.map())),
    "wait: for what is not iterable": (TypeError, lambda m: m.wait(1)),
    "wait: a timeout of text": (TypeError, lambda m: m.wait([m.Future()], timeout="1")),
    "as_completed: of what is not iterable": (TypeError, lambda m: list(m.as_completed(1))),
    "as_completed: a timeout of text": (TypeError, lambda m: list(m.as_completed([m.Future()], timeout="1"))),
    "simple queue: timeout too large": (OverflowError, lambda m: m.SimpleQueue().get(timeout=m.TIMEOUT_MAX + 1)),
}


@pytest.mark.parametrize("name", MISUSES)
def test_a_misuse_fails_by_the_same_type_and_words(name: str) -> None:
    expected, misuse = MISUSES[name]
    standard, ours = failure(misuse, STANDARD), failure(misuse, OURS)
    assert type(standard) is expected
    assert (type(ours), str(ours)) == (expected, str(standard))


@pytest.mark.parametrize("name", ILL_TYPED)
def test_a_wrong_argument_fails_by_the_same_type(name: str) -> None:
    expected, misuse = ILL_TYPED[name]
    assert [type(failure(misuse, modules)) for modules in (STANDARD, OURS)] == [expected, expected]


def failure(misuse: Misuse, modules: Any) -> Exception:
    """Return what it raises."""
    with pytest.raises(Exception) as caught:
        misuse(modules)
    error: Exception = caught.value
    return error
