"""A thousand threads that wait for one thing, and eight that hammer it with an invariant that is checked."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from ungil.queue import LifoQueue, PriorityQueue, Queue, SimpleQueue
from ungil.threading import Barrier, BoundedSemaphore, Condition, Event, Lock, RLock, Semaphore

N_THREADS = 1000


@pytest.fixture(autouse=True)
def _small_stacks() -> Iterator[None]:
    """A thousand threads need little each."""
    before = threading.stack_size(256 * 1024)
    yield
    threading.stack_size(before)


def wait_in(condition: Condition) -> None:
    with condition:
        assert condition.wait(200)


def notify(condition: Condition) -> None:
    with condition:
        condition.notify_all()


def pass_on(lock: Any) -> None:
    with lock:
        pass


CASES: dict[str, tuple[Callable[[], Any], Callable[[Any], object], Callable[[Any], object]]] = {
    "Event": (Event, lambda it: it.wait(), lambda it: it.set()),
    "Condition": (Condition, wait_in, notify),
    "Semaphore": (lambda: Semaphore(0), lambda it: it.acquire(), lambda it: it.release(N_THREADS)),
    "Semaphore, one by one": (
        lambda: Semaphore(0),
        lambda it: it.acquire(),
        lambda it: [it.release() for _ in range(N_THREADS)],
    ),
    "Lock": (Lock, pass_on, lambda it: it.release()),
    "RLock": (RLock, pass_on, lambda it: it.release()),
    "Barrier": (lambda: Barrier(N_THREADS + 1), lambda it: it.wait(), lambda it: it.wait()),
    "Queue.get": (Queue, lambda it: it.get(), lambda it: it.put_many(range(N_THREADS))),
    "SimpleQueue.get": (SimpleQueue, lambda it: it.get(), lambda it: [it.put(0) for _ in range(N_THREADS)]),
    "Queue.get, shut down": (Queue, list, lambda it: it.shutdown()),
}


@pytest.mark.parametrize("name", CASES)
def test_a_thousand_threads_wait_and_all_are_let_go(name: str, threads: Any, until: Any) -> None:
    make, wait, let_go = CASES[name]
    thing = make()
    if name in ("Lock", "RLock"):
        thing.acquire()
    for _ in range(N_THREADS):
        threads.start(wait, thing)
    until(lambda: thing.statistics().waiters == N_THREADS)
    let_go(thing)
    threads.join(200)
    assert thing.statistics().waiters == 0


@pytest.mark.parametrize("make", [Lock, RLock, BoundedSemaphore, Semaphore, Condition])
def test_eight_threads_exclude_one_another(make: Callable[[], Any], threads: Any) -> None:
    lock = make()
    n_turns = 10_000
    total = 0

    def work() -> None:
        nonlocal total
        for _ in range(n_turns):
            with lock:
                # The interpreter may switch between the two.
                seen = total
                total = abs(seen) + 1

    for _ in range(8):
        threads.start(work)
    threads.join(200)
    assert total == 8 * n_turns


def test_eight_threads_at_a_barrier(threads: Any) -> None:
    n_turns = 300
    reached = [0] * 8
    tickets: list[list[int]] = [[] for _ in range(n_turns)]
    acted: list[tuple[int, ...]] = []
    barrier = Barrier(8, action=lambda: acted.append(tuple(reached)))

    def work(me: int) -> None:
        for turn in range(n_turns):
            reached[me] = turn + 1
            tickets[turn].append(barrier.wait(60))

    for number in range(8):
        threads.start(work, number)
    threads.join(200)
    assert acted == [(turn + 1,) * 8 for turn in range(n_turns)]
    assert all(sorted(each) == list(range(8)) for each in tickets)


def test_eight_threads_pass_a_token_under_a_condition(threads: Any) -> None:
    condition = Condition()
    n_turns = 300
    at = 0

    def work(me: int) -> None:
        nonlocal at
        for _ in range(n_turns):
            with condition:
                assert condition.wait_for(lambda: at % 8 == me, 60)
                at += 1
                condition.notify_all()

    for number in range(8):
        threads.start(work, number)
    threads.join(200)
    assert at == 8 * n_turns


def test_eight_threads_and_an_event_that_is_set_and_cleared(threads: Any) -> None:
    """Nobody sleeps through a `set` that is not cleared before everybody has seen it."""
    event = Event()
    n_turns = 200
    seen = Semaphore(0)
    may_go_on = Barrier(9)

    def work() -> None:
        for _ in range(n_turns):
            assert event.wait(60)
            seen.release()
            may_go_on.wait(60)

    for _ in range(8):
        threads.start(work)
    for turn in range(n_turns):
        event.set()
        for _ in range(8):
            assert seen.acquire(timeout=60)
        event.clear()
        may_go_on.wait(60)
    threads.join(200)
    assert seen._value == 0


@pytest.mark.parametrize("kind", [Queue, LifoQueue, PriorityQueue, SimpleQueue])
def test_eight_threads_put_and_get(kind: Any, threads: Any) -> None:
    """Everybody both; what is in the queue and what was got is what was put."""
    queue = kind() if kind is SimpleQueue else kind(50)
    n_turns = 1000 if kind is PriorityQueue else 5000
    got: list[list[int]] = [[] for _ in range(8)]

    def work(me: int) -> None:
        for turn in range(n_turns):
            queue.put(me * n_turns + turn)
            if turn % 3:
                got[me].append(queue.get())
            else:
                got[me] += queue.get_many(2)
            if kind is not SimpleQueue:
                queue.task_done()

    # With what others took more of, nobody waits for ever.
    spare = range(-8 * n_turns, 0)
    unbounded = queue
    if kind is not SimpleQueue:
        unbounded.maxsize = 0
    unbounded.put_many(spare)
    for number in range(8):
        threads.start(work, number)
    threads.join(200)
    items = [item for mine in got for item in mine]
    while not queue.empty():
        items += queue.get_many(1000)
    assert sorted(items) == list(range(-8 * n_turns, 8 * n_turns))
    if kind is not SimpleQueue:
        assert queue.unfinished_tasks == 8 * n_turns
