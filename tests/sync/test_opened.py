"""Queues whose insides a program uses: `mutex`, `queue`, the conditions, and hooks of a subclass."""

from __future__ import annotations

import heapq
import threading
import time
from collections import deque
from typing import Any

import pytest

from ungil.queue import Empty, Full, LifoQueue, PriorityQueue, Queue, ShutDown

KINDS = [Queue, LifoQueue, PriorityQueue]


def drained(queue: Any) -> list[Any]:
    items = []
    while not queue.empty():
        items.append(queue.get())
    return items


@pytest.mark.parametrize("kind", KINDS)
def test_clear_under_the_mutex(kind: Any) -> None:
    queue = kind()
    queue.put_many(range(5))
    with queue.mutex:
        queue.queue.clear()
    assert (queue.qsize(), queue.empty()) == (0, True)
    with pytest.raises(Empty):
        queue.get_nowait()
    queue.put(7)
    assert queue.get() == 7


@pytest.mark.parametrize("kind", KINDS)
def test_len_and_first_item(kind: Any) -> None:
    queue = kind()
    queue.put_many([3, 1, 2])
    assert len(queue.queue) == 3
    assert queue.queue[0] == (1 if kind is PriorityQueue else 3)
    assert isinstance(queue.queue, deque if kind is Queue else list)
    queue.put(0)
    assert len(queue.queue) == 4
    assert queue.get() == (3 if kind is Queue else 0)


@pytest.mark.parametrize("kind", KINDS)
def test_the_recipe_that_clears_a_queue_and_ends_its_joins(kind: Any, threads: Any, until: Any) -> None:
    queue = kind(3)
    queue.put_many(range(3))
    for _ in range(2):
        threads.start(queue.join)
    until(lambda: queue.statistics().waiters == 2)
    with queue.mutex:
        queue.queue.clear()
        queue.all_tasks_done.notify_all()
        queue.unfinished_tasks = 0
    threads.join()
    queue.put(9)
    assert drained(queue) == [9]
    assert queue.unfinished_tasks == 1


@pytest.mark.parametrize("kind", KINDS)
def test_tasks_are_counted_on_when_the_queue_is_opened(kind: Any, threads: Any) -> None:
    queue = kind()
    queue.put_many([1, 2, 3])
    queue.get()
    queue.task_done()
    assert len(queue.queue) == 2
    assert queue.unfinished_tasks == 2
    for left in (1, 0):
        queue.get()
        queue.task_done()
        assert queue.unfinished_tasks == left
    threads.start(queue.join)
    threads.join()
    with pytest.raises(ValueError, match="too many times"):
        queue.task_done()


def test_what_was_set_before_is_there_after_the_opening() -> None:
    queue: Queue[int] = Queue(2)
    queue.put(1)
    queue.unfinished_tasks = 5
    queue.maxsize = 4
    queue.shutdown()
    assert list(queue.queue) == [1]
    assert (queue.unfinished_tasks, queue.maxsize, queue.is_shutdown) == (5, 4, True)
    with pytest.raises(ShutDown):
        queue.put(2)
    assert queue.get() == 1
    with pytest.raises(ShutDown):
        queue.get()


def test_the_conditions_share_the_mutex() -> None:
    queue: Queue[int] = Queue()
    for condition in (queue.not_empty, queue.not_full, queue.all_tasks_done):
        with condition:
            assert queue.mutex.locked()
            assert not queue.mutex.acquire(False)
        assert not queue.mutex.locked()
    assert queue.mutex is queue.mutex
    assert queue.queue is queue.queue


def test_a_program_that_waits_for_the_conditions_itself(threads: Any, until: Any) -> None:
    queue: Queue[int] = Queue()
    seen: list[int] = []

    def peek() -> None:
        with queue.not_empty:
            while not queue.queue:
                queue.not_empty.wait()
            seen.append(queue.queue[0])

    threads.start(peek)
    until(lambda: queue.not_empty.statistics().waiters)
    queue.put(3)
    threads.join()
    assert (seen, queue.get()) == ([3], 3)


def test_whoever_holds_the_mutex_holds_up_everybody(threads: Any, until: Any) -> None:
    queue: Queue[int] = Queue()
    with queue.mutex:
        threads.start(queue.put, 1)
        threads.start(queue.get)
        until(lambda: queue.mutex.statistics().waiters == 2)
        assert not queue.queue
    threads.join()
    assert queue.empty()


@pytest.mark.parametrize("attribute", ["mutex", "queue", "not_full", "all_tasks_done"])
@pytest.mark.parametrize("kind", KINDS)
def test_threads_that_wait_go_on_when_the_queue_is_opened(kind: Any, attribute: str, threads: Any, until: Any) -> None:
    empty, full = kind(), kind(1)
    got: list[int] = []
    full.put(0)
    for timeout in (None, 60):
        threads.start(lambda timeout=timeout: got.append(empty.get(timeout=timeout)))
        threads.start(lambda timeout=timeout: full.put(1, timeout=timeout))
    threads.start(lambda: got.extend(empty.get_many(1)))
    threads.start(full.put_many, [2, 3])
    until(lambda: empty.statistics().waiters == 3 and full.statistics().waiters == 3)
    getattr(empty, attribute)
    getattr(full, attribute)
    empty.put_many([5, 6, 7])
    items = [full.get(timeout=60) for _ in range(5)]
    assert items[0] == 0
    assert sorted(items) == [0, 1, 1, 2, 3]
    threads.join()
    assert sorted(got) == [5, 6, 7]
    assert (full.unfinished_tasks, empty.unfinished_tasks) == (5, 3)


def test_who_joins_goes_on_when_the_queue_is_opened(threads: Any, until: Any) -> None:
    queue: Queue[int] = Queue()
    queue.put_many([1, 2])
    for _ in range(3):
        threads.start(queue.join)
    until(lambda: queue.statistics().waiters == 3)
    queue.get()
    queue.task_done()
    assert len(queue.queue) == 1
    queue.get()
    queue.task_done()
    threads.join(10)


def test_statistics_count_those_who_wait_for_an_opened_queue(threads: Any, until: Any) -> None:
    queue: Queue[int] = Queue()
    threads.start(queue.get)
    until(lambda: queue.statistics().waiters == 1)
    condition = queue.not_empty
    until(lambda: condition.statistics().waiters == 1)
    try:
        assert queue.statistics().waiters == 1
    finally:
        queue.put(1)


@pytest.mark.parametrize("kind", KINDS)
def test_threads_that_open_a_queue_at_once_see_the_same(kind: Any, threads: Any) -> None:
    for _ in range(50):
        queue = kind()
        queue.put_many([2, 1, 3])
        together = threading.Barrier(4)
        seen: list[Any] = []

        def open_it() -> None:
            together.wait(60)
            seen.append((queue.mutex, queue.queue, queue.not_empty, queue.not_full, queue.all_tasks_done))

        def use_it() -> None:
            together.wait(60)
            queue.put(4)
            queue.task_done()

        for target in (open_it, open_it, open_it, use_it):
            threads.start(target)
        threads.join()
        assert len({tuple(map(id, each)) for each in seen}) == 1
        assert sorted(drained(queue)) == [1, 2, 3, 4]
        assert queue.unfinished_tasks == 3


def test_a_queue_is_opened_while_threads_hammer_it(threads: Any) -> None:
    for kind in KINDS:
        queue = kind(10)
        got: list[list[int]] = [[], []]

        def put(start: int) -> None:
            for number in range(start, start + 2000):
                queue.put(number)

        def get(mine: list[int]) -> None:
            for _ in range(2000):
                mine.append(queue.get())

        for number in range(2):
            threads.start(put, number * 2000)
            threads.start(get, got[number])
        with queue.mutex:
            assert len(queue.queue) <= 10
        threads.join()
        assert sorted(got[0] + got[1]) == list(range(4000))


def test_an_opened_priority_queue_keeps_the_order_of_the_heap() -> None:
    queue: PriorityQueue[int] = PriorityQueue()
    queue.put_many([5, 3, 8, 1, 9, 2])
    heap: list[int] = []
    for item in [5, 3, 8, 1, 9, 2]:
        heapq.heappush(heap, item)
    assert queue.queue == heap
    queue.put_many([4, 0])
    assert drained(queue) == [0, 1, 2, 3, 4, 5, 8, 9]
    queue.queue = [3, 1, 2]
    heapq.heapify(queue.queue)
    assert drained(queue) == [1, 2, 3]


class SetQueue(Queue[Any]):
    """As people write it: every item once."""

    def _init(self, maxsize: int) -> None:
        self.queue = set()

    def _put(self, item: Any) -> None:
        self.queue.add(item)

    def _get(self) -> Any:
        return self.queue.pop()


class Everywhere(Queue[Any]):
    """All hooks overridden, the container under another name."""

    def _init(self, maxsize: int) -> None:
        self.items: list[Any] = []

    def _qsize(self) -> int:
        return len(self.items)

    def _put(self, item: Any) -> None:
        self.items.insert(0, item)

    def _get(self) -> Any:
        return self.items.pop()


def test_a_subclass_that_keeps_a_set() -> None:
    queue = SetQueue(2)
    queue.put_many([1, 1, 1, 2])
    assert queue.qsize() == 2
    with pytest.raises(Full):
        queue.put_nowait(3)
    assert queue.unfinished_tasks == 4
    assert sorted(drained(queue)) == [1, 2]
    queue.put(1)
    queue.shutdown(immediate=True)
    assert queue.empty()
    with pytest.raises(ShutDown):
        queue.get()


def test_a_subclass_with_all_hooks(threads: Any) -> None:
    queue = Everywhere()
    for number in range(4):
        threads.start(lambda number=number: [queue.put((at, number)) for at in range(200)])
    got = [queue.get(timeout=60) for _ in range(800)]
    threads.join()
    assert len(set(got)) == 800
    for number in range(4):
        assert [at for at, producer in got if producer == number] == list(range(200))
    assert queue.items == []


def test_a_subclass_that_extends_the_hooks_of_its_base() -> None:
    class Counts(PriorityQueue[Any]):
        n_put = n_got = 0

        def _put(self, item: Any) -> None:
            super()._put(item)
            self.n_put += 1

        def _get(self) -> Any:
            self.n_got += 1
            return super()._get()

    queue = Counts()
    queue.put_many([3, 1, 2])
    assert drained(queue) == [1, 2, 3]
    assert (queue.n_put, queue.n_got) == (3, 3)


@pytest.mark.parametrize("kind", KINDS)
def test_hooks_of_a_queue_itself(kind: Any, threads: Any, until: Any) -> None:
    """As the standard class has it, which looks for them on the instance; also when somebody waits already."""
    queue = kind()
    queue.put(1)
    seen: list[Any] = []

    def put(item: int) -> None:
        seen.append(item)
        kind._put(queue, item)

    queue._put = put
    queue.put(2)
    assert (seen, sorted(queue.queue), queue.unfinished_tasks) == ([2], [1, 2], 2)
    del queue._put
    queue.put(3)
    assert seen == [2]
    assert sorted(drained(queue)) == [1, 2, 3]
    other = kind()
    got: list[Any] = []
    threads.start(lambda: got.append(other.get()))
    until(lambda: other.statistics().waiters == 1)
    other._get = lambda: (kind._get(other), "hooked")
    other.put(4)
    threads.join()
    assert got == [(4, "hooked")]
    other.other = "attribute"
    assert vars(other).keys() == {"_get", "other"}
    with pytest.raises(AttributeError):
        del other.missing


def test_a_subclass_may_set_its_hooks_before_it_is_made() -> None:
    class Logged(Queue[Any]):
        def __init__(self, maxsize: int) -> None:
            self.sizes: list[int] = []
            self._init = self.sizes.append
            super().__init__(maxsize)

    queue = Logged(2)
    assert (queue.sizes, queue.maxsize) == ([2], 2)
    queue.put(1)
    queue.put(2)
    assert queue.full()


def test_a_hook_that_raises_leaves_the_mutex_free(threads: Any) -> None:
    class Raises(Queue[Any]):
        def _put(self, item: Any) -> None:
            if item is None:
                raise KeyError(item)
            super()._put(item)

    queue = Raises(1)
    for _ in range(3):
        with pytest.raises(KeyError):
            queue.put(None)
    assert not queue.mutex.locked()
    assert queue.unfinished_tasks == 0
    queue.put(1)
    assert queue.get() == 1


def test_a_subclass_that_overrides_put_and_get_only() -> None:
    class Logs(Queue[Any]):
        def __init__(self, log: list[Any], maxsize: int = 0) -> None:
            super().__init__(maxsize)
            self.log = log

        def put(self, item: Any, block: bool = True, timeout: float | None = None) -> None:
            self.log.append(("put", item, block, timeout))
            super().put(item, block, timeout)

        def get(self, block: bool = True, timeout: float | None = None) -> Any:
            self.log.append(("get", block, timeout))
            return super().get(block, timeout)

    log: list[Any] = []
    queue = Logs(log, maxsize=1)
    queue.put(1)
    with pytest.raises(Full):
        queue.put_nowait(2)
    assert queue.get(timeout=1) == 1
    with pytest.raises(Empty):
        queue.get_nowait()
    queue.put(3)
    queue.shutdown()
    assert list(queue) == [3]
    assert not queue._is_open
    assert log == [
        ("put", 1, True, None),
        ("put", 2, False, None),
        ("get", True, 1),
        ("get", False, None),
        ("put", 3, True, None),
        ("get", True, None),
        ("get", True, None),
    ]


@pytest.mark.parametrize("timeout", [0, 0.05])
def test_timeouts_of_an_opened_queue(timeout: float) -> None:
    queue: Queue[int] = Queue(1)
    assert len(queue.queue) == 0
    begin = time.monotonic()
    with pytest.raises(Empty):
        queue.get(timeout=timeout)
    queue.put(1)
    with pytest.raises(Full):
        queue.put(2, timeout=timeout)
    assert time.monotonic() - begin >= 2 * timeout
    assert queue.get() == 1
