"""Who comes first is served first, items keep their order, none is lost, and queues do as the standard ones do."""

from __future__ import annotations

import queue as standard
import threading
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ungil.queue import LifoQueue, PriorityQueue, Queue, ShutDown, SimpleQueue
from ungil.threading import BoundedSemaphore, Condition, Lock, RLock, Semaphore

N_ITEMS = 100_000


@pytest.mark.parametrize("kind", [Queue, LifoQueue, PriorityQueue, SimpleQueue])
def test_getters_are_served_in_the_order_in_which_they_came(kind: Any, threads: Any, until: Any) -> None:
    queue = kind()
    got: dict[int, int] = {}

    def get(number: int) -> None:
        got[number] = queue.get() if number % 2 else queue.get(timeout=60)

    for number in range(10):
        threads.start(get, number)
        until(lambda: queue.statistics().waiters == number + 1)
    for item in range(10):
        queue.put(item)
    threads.join()
    assert got == {number: number for number in range(10)}


@pytest.mark.parametrize("kind", [Queue, LifoQueue, PriorityQueue])
def test_putters_are_served_in_the_order_in_which_they_came(kind: Any, threads: Any, until: Any) -> None:
    queue = kind(1)
    queue.put(-1)
    for number in range(10):
        threads.start(queue.put, number, True, None if number % 2 else 60)
        until(lambda: queue.statistics().waiters == number + 1)
    assert [queue.get(timeout=60) for _ in range(11)] == list(range(-1, 10))


@pytest.mark.parametrize("kind", [Queue, LifoQueue, PriorityQueue])
def test_a_newcomer_does_not_take_the_room_of_who_waits(kind: Any, threads: Any, until: Any) -> None:
    queue = kind(1)
    queue.put(0)
    threads.start(queue.put, 1)
    until(lambda: queue.statistics().waiters == 1)
    assert queue.get() == 0
    # Whether the waiter has come to itself or not: there is room for one, and it is its own.
    with pytest.raises(standard.Full):
        queue.put_nowait(2)
    assert queue.get(timeout=60) == 1


@pytest.mark.parametrize("make", [Lock, RLock, Semaphore, BoundedSemaphore])
def test_waiters_for_a_lock_are_served_in_the_order_in_which_they_came(
    make: Callable[[], Any], threads: Any, until: Any
) -> None:
    lock = make()
    order: list[int] = []

    def acquire(number: int) -> None:
        with lock:
            order.append(number)

    lock.acquire()
    for number in range(8):
        threads.start(acquire, number)
        until(lambda: lock.statistics().waiters == number + 1)
    lock.release()
    threads.join()
    # Others may come between, but here there are none.
    assert order == list(range(8))


@pytest.mark.parametrize("lock", [None, Lock, threading.Lock])
def test_notifications_go_to_who_came_first(lock: Callable[[], Any] | None, threads: Any, until: Any) -> None:
    condition = Condition(lock() if lock else None)
    order: list[int] = []

    def wait(number: int) -> None:
        with condition:
            assert condition.wait(60)
            order.append(number)

    for number in range(9):
        threads.start(wait, number)
        until(lambda: condition.statistics().waiters == number + 1)
    for n in (1, 2, 3):
        with condition:
            condition.notify(n)
        until(lambda: len(order) == n * (n + 1) // 2)
        assert sorted(order) == list(range(len(order)))
    with condition:
        condition.notify_all()
    threads.join()
    assert sorted(order) == list(range(9))


@pytest.mark.parametrize("make", [Lock, RLock, Semaphore])
def test_a_waiter_gets_its_turn_from_a_thread_that_acquires_again_and_again(
    make: Callable[[], Any], threads: Any, until: Any
) -> None:
    """Five times in a row; the other thread never stops before."""
    lock = make()
    stop = threading.Event()
    begun = threading.Event()

    def hog() -> None:
        while not stop.is_set():
            lock.acquire()
            begun.set()
            lock.release()

    threads.start(hog)
    assert begun.wait(60)
    try:
        for _ in range(5):
            assert lock.acquire(timeout=60)
            lock.release()
    finally:
        stop.set()


@pytest.mark.parametrize("maxsize", [0, 1, 7])
@pytest.mark.parametrize("kind", [Queue, SimpleQueue])
def test_one_producer_and_one_consumer_keep_the_order(kind: Any, maxsize: int, threads: Any) -> None:
    if kind is SimpleQueue and maxsize:
        pytest.skip("it has no bound")
    queue = kind(maxsize) if maxsize else kind()
    n_items = N_ITEMS // 10 if maxsize else N_ITEMS
    got: list[int] = []

    def consume() -> None:
        for _ in range(n_items):
            got.append(queue.get())

    threads.start(consume)
    for number in range(n_items):
        queue.put(number)
    threads.join()
    assert got == list(range(n_items))


@pytest.mark.parametrize("how", ["one", "many", "opened"])
@pytest.mark.parametrize("kind", [Queue, SimpleQueue, LifoQueue, PriorityQueue])
def test_four_producers_and_four_consumers(kind: Any, how: str, threads: Any) -> None:
    """Each item comes out once; from a FIFO queue, a consumer gets those of one producer in their order."""
    if how == "opened" and kind is SimpleQueue:
        pytest.skip("it cannot be opened")
    # Slow ones get less to do.
    n_each = N_ITEMS // (40 if kind is PriorityQueue or how == "opened" else 4)
    queue = kind() if kind is SimpleQueue else kind(100)
    if how == "opened":
        assert len(queue.queue) == 0
    end = (1 << 60, 0)

    def produce(number: int) -> None:
        items = [(at, number) for at in range(n_each)]
        if how == "many":
            queue.put_many(items)
        else:
            for item in items:
                queue.put(item)

    got: list[list[Any]] = [[] for _ in range(4)]

    def consume(mine: list[Any]) -> None:
        while True:
            items = queue.get_many(7) if how == "many" else [queue.get()]
            mine += items
            ends = mine.count(end) if end in items else 0
            if ends:
                # One end for each consumer; those that are too many go back.
                for _ in range(ends - 1):
                    mine.remove(end)
                    queue.put(end)
                return

    producers = [threading.Thread(target=produce, args=(number,), daemon=True) for number in range(4)]
    for mine in got:
        threads.start(consume, mine)
    for thread in producers:
        thread.start()
    for thread in producers:
        thread.join(120)
        assert not thread.is_alive()
    if kind is LifoQueue:
        # Otherwise an end would come out before what is under it.
        while not queue.empty():
            threading.Event().wait(0.001)
    queue.put_many([end] * 4)
    threads.join()
    counts = Counter(item for mine in got for item in mine)
    assert counts.pop(end) == 4
    assert len(counts) == 4 * n_each
    assert set(counts.values()) == {1}
    if kind in (Queue, SimpleQueue):
        for mine in got:
            for number in range(4):
                of_one = [at for at, producer in mine if producer == number and at < 1 << 60]
                assert of_one == sorted(of_one)


@pytest.mark.parametrize("kind", [Semaphore, BoundedSemaphore])
def test_no_more_threads_hold_a_semaphore_than_it_has_permits(kind: Any, threads: Any) -> None:
    semaphore = kind(3)
    inside, most = 0, 0
    guard = threading.Lock()

    def work() -> None:
        nonlocal inside, most
        for turn in range(1000):
            if turn % 3 == 0:
                semaphore.acquire()
            elif not semaphore.acquire(timeout=0.0001 if turn % 3 == 1 else 60):
                continue
            with guard:
                inside += 1
                most = max(most, inside)
            with guard:
                inside -= 1
            semaphore.release()

    for _ in range(8):
        threads.start(work)
    threads.join()
    assert most <= 3
    assert semaphore._value == 3


def test_a_greater_maxsize_lets_putters_go_on(threads: Any, until: Any) -> None:
    queue: Queue[int] = Queue(1)
    queue.put(0)
    for number in range(1, 6):
        threads.start(queue.put, number)
        until(lambda: queue.statistics().waiters == number)
    queue.maxsize = 3
    until(lambda: queue.qsize() == 3)
    assert queue.statistics().waiters == 3
    queue.maxsize = 2
    assert queue.full()
    # Those who were let in at once may overtake one another.
    assert queue.get() == 0
    assert queue.get() in (1, 2)
    until(lambda: queue.qsize() == 2)
    assert queue.statistics().waiters == 2
    queue.maxsize = 0
    threads.join()
    assert {queue.get() for _ in range(4)} - {1, 2} == {3, 4, 5}


# Step by step beside the standard classes.


def with_shutdown(kind: Any) -> Any:
    """The standard class, with the `shutdown` of CPython 3.13 where it has none."""
    if hasattr(kind, "shutdown"):
        return kind

    class WithShutdown(kind):  # type: ignore[misc]
        is_shutdown = False

        def put(self, item: Any, block: bool = True, timeout: float | None = None) -> None:
            if self.is_shutdown:
                raise ShutDown
            super().put(item, block, timeout)

        def get(self, block: bool = True, timeout: float | None = None) -> Any:
            if self.is_shutdown and not self._qsize():
                raise ShutDown
            return super().get(block, timeout)

        def shutdown(self, immediate: bool = False) -> None:
            self.is_shutdown = True
            while immediate and self._qsize():
                self._get()
                if self.unfinished_tasks > 0:
                    self.unfinished_tasks -= 1

    return WithShutdown


KINDS = {
    "Queue": (Queue, with_shutdown(standard.Queue)),
    "LifoQueue": (LifoQueue, with_shutdown(standard.LifoQueue)),
    "PriorityQueue": (PriorityQueue, with_shutdown(standard.PriorityQueue)),
}

NUMBERS = st.integers(-3, 3)
TIMEOUTS = st.sampled_from([0, 0.0])
STEPS = st.one_of(
    st.tuples(st.just("put"), NUMBERS, st.just(False)),
    st.tuples(st.just("put_nowait"), NUMBERS),
    st.tuples(st.just("put"), NUMBERS, st.just(True), TIMEOUTS),
    st.tuples(st.just("get"), st.just(False)),
    st.tuples(st.just("get_nowait")),
    st.tuples(st.just("get"), st.just(True), TIMEOUTS),
    st.tuples(st.just("get"), st.just(False), TIMEOUTS),
    st.tuples(st.just("task_done")),
    st.tuples(st.just("shutdown"), st.booleans()),
    st.tuples(st.just(".maxsize"), NUMBERS),
    st.tuples(st.just(".unfinished_tasks"), st.integers(0, 3)),
    st.tuples(st.just(".queue")),
)


def outcome(queue: Any, step: tuple[Any, ...]) -> object:
    name, *arguments = step
    try:
        if name == ".queue":
            return list(queue.queue)
        if name.startswith("."):
            return setattr(queue, name[1:], *arguments)
        return getattr(queue, name)(*arguments)
    except (standard.Empty, standard.Full, ShutDown, ValueError) as error:
        return type(error), str(error)


@pytest.mark.parametrize("name", KINDS)
@settings(max_examples=300, deadline=None)
@given(maxsize=NUMBERS, steps=st.lists(STEPS, max_size=40))
def test_every_step_has_the_outcome_of_the_standard_class(
    name: str, maxsize: int, steps: list[tuple[Any, ...]]
) -> None:
    ours, theirs = (kind(maxsize) for kind in KINDS[name])
    theirs.is_shutdown = False
    for step in steps:
        assert outcome(ours, step) == outcome(theirs, step), step
        for attribute in ("unfinished_tasks", "is_shutdown"):
            assert getattr(ours, attribute) == getattr(theirs, attribute), (step, attribute)
        assert (ours.qsize(), ours.empty(), ours.full()) == (theirs.qsize(), theirs.empty(), theirs.full()), step


@pytest.mark.parametrize("size", [-5, -1, 0, 3])
@pytest.mark.parametrize("name", KINDS)
def test_maxsize_is_what_it_was_made_with_or_set_to(name: str, size: int) -> None:
    for queue in (kind(size) for kind in KINDS[name]):
        assert queue.maxsize == size
        queue.maxsize = size - 1
        assert queue.maxsize == size - 1


@pytest.mark.parametrize("is_open", [False, True])
@pytest.mark.parametrize("step", [("get", True, -1), ("put", 1, True, -1)])
@pytest.mark.parametrize("name", KINDS)
def test_a_wrong_timeout_after_the_shutdown(name: str, step: tuple[Any, ...], is_open: bool) -> None:
    ours, theirs = (kind(1) for kind in KINDS[name])
    if is_open:
        assert len(ours.queue) == 0
    for queue in (ours, theirs):
        queue.shutdown()
    assert outcome(ours, step) == outcome(theirs, step)


@settings(max_examples=100, deadline=None)
@given(steps=st.lists(st.one_of(st.just("get"), NUMBERS), max_size=40))
def test_a_simple_queue_does_as_the_standard_one(steps: list[Any]) -> None:
    ours, theirs = SimpleQueue(), standard.SimpleQueue()  # type: ignore[var-annotated]
    for step in steps:
        call = ("get", False) if step == "get" else ("put", step)
        assert outcome(ours, call) == outcome(theirs, call)
        assert (ours.qsize(), ours.empty()) == (theirs.qsize(), theirs.empty())
