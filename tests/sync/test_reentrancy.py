"""Queues whose own code is run in the middle of their operations: finalisers, comparisons, tracers, other threads."""

from __future__ import annotations

import gc
import heapq
import sys
import threading
import weakref
from collections.abc import Callable
from typing import Any, ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ungil.queue import Empty, Full, LifoQueue, PriorityQueue, Queue, ShutDown, SimpleQueue

BOUNDED = [Queue, LifoQueue, PriorityQueue]
ALL = [*BOUNDED, SimpleQueue]


class Ordered:
    """An item that calls something whenever it is compared."""

    def __init__(self, key: int, hook: Callable[[], object] = lambda: None) -> None:
        self.key = key
        self.hook = hook

    def __lt__(self, other: Ordered) -> bool:
        self.hook()
        return self.key < other.key


class Last:
    """An item that calls something when it is dropped; no comparison calls anything."""

    def __init__(self, hook: Callable[[], object]) -> None:
        self.hook = hook

    def __lt__(self, other: object) -> bool:
        return False

    def __del__(self) -> None:
        self.hook()


class Boom(Exception):
    pass


def drained(queue: Any) -> list[Any]:
    items = []
    try:
        while True:
            items.append(queue.get_nowait())
    except (Empty, ShutDown):
        return items


# Finalisers.


@pytest.mark.parametrize("kind", BOUNDED)
def test_a_finaliser_uses_the_queue_that_drops_it_at_shutdown(kind: type) -> None:
    queue = kind()
    seen: list[object] = []

    def hook() -> None:
        seen.append((queue.qsize(), queue.empty(), queue.is_shutdown, queue.unfinished_tasks))
        with pytest.raises(ShutDown):
            queue.put(0)
        with pytest.raises(ShutDown):
            queue.get()
        queue.shutdown(immediate=True)

    for _ in range(3):
        queue.put(Last(hook))
    queue.shutdown(immediate=True)
    assert seen == [(0, True, True, 0)] * 3


@pytest.mark.parametrize("kind", BOUNDED)
def test_a_finaliser_opens_the_queue_that_drops_it_at_shutdown(kind: type) -> None:
    queue = kind()
    seen: list[int] = []

    def hook() -> None:
        with queue.mutex:
            seen.append(len(queue.queue))

    queue.put(Last(hook))
    queue.put(Last(hook))
    queue.shutdown(immediate=True)
    assert seen == [0, 0]
    assert queue.is_shutdown


@pytest.mark.parametrize("kind", ALL)
def test_a_finaliser_runs_when_its_queue_dies(kind: type) -> None:
    queue = kind()
    at_queue = weakref.ref(queue)
    seen: list[object] = []
    for _ in range(3):
        queue.put(Last(lambda: seen.append(at_queue())))
    del queue
    assert seen == [None] * 3


@pytest.mark.parametrize("kind", ALL)
def test_a_finaliser_puts_into_the_queue_that_the_collector_clears(kind: type) -> None:
    queue = kind()
    put: list[object] = []

    class Uses:
        def __init__(self, queue: Any) -> None:
            self.queue = queue

        def __lt__(self, other: object) -> bool:
            return False

        __gt__ = __lt__

        def __del__(self) -> None:
            put.append(self.queue.qsize())
            self.queue.put(7)
            put.append(self.queue.qsize())

    queue.put(Uses(queue))
    queue.put(Uses(queue))
    at_queue = weakref.ref(queue)
    del queue
    gc.collect()
    # The finalisers run before anything is cleared, each once.
    assert put == [2, 3, 3, 4]
    # They brought nothing to life, so that it is gone.
    gc.collect()
    assert at_queue() is None


@pytest.mark.parametrize("kind", ALL)
def test_a_finaliser_that_brings_its_queue_back_to_life(kind: type) -> None:
    queue = kind()
    saved: list[Any] = []

    class Saves:
        def __init__(self) -> None:
            self.queue = queue

        def __del__(self) -> None:
            saved.append(self.queue)

    queue.put(Saves())
    del queue
    gc.collect()
    (queue,) = saved
    # What the collector finds alive again it leaves as it was.
    assert isinstance(queue.get_nowait(), Saves)
    queue.put(1)
    assert queue.get_nowait() == 1


def test_a_finaliser_puts_while_its_thread_is_inside_get_of_a_simple_queue(until: Any) -> None:
    queue: SimpleQueue[Any] = SimpleQueue()

    class Puts:
        def __init__(self, number: int) -> None:
            self.number = number
            self.me = self

        def __del__(self) -> None:
            queue.put(self.number)

    threshold = gc.get_threshold()
    gc.collect()
    got = []
    gc.set_threshold(1)
    try:
        for number in range(500):
            Puts(number)
            # The collector runs somewhere in here, and also in the slow `get`, which makes objects.
            try:
                got.append(queue.get(timeout=0.0))
            except Empty:
                pass
    finally:
        gc.set_threshold(*threshold)
    gc.collect()
    got += drained(queue)
    assert sorted(got) == list(range(500))


def test_a_collector_callback_puts_into_a_simple_queue() -> None:
    queue: SimpleQueue[int] = SimpleQueue()
    count = 0

    def callback(phase: str, _: dict[str, int]) -> None:
        nonlocal count
        queue.put(count)
        count += 1

    threshold = gc.get_threshold()
    gc.callbacks.append(callback)
    got = []
    try:
        gc.set_threshold(1)
        for _ in range(200):
            kept = [[], []]  # something for the collector to count
            try:
                got.append(queue.get(True, 0.0))
            except Empty:
                pass
            del kept
    finally:
        gc.callbacks.remove(callback)
        gc.set_threshold(*threshold)
    got += drained(queue)
    assert count > 0
    assert got == list(range(count))


@pytest.mark.parametrize("attribute", ["mutex", "queue", "not_empty"])
def test_a_finaliser_opens_the_queue_that_its_thread_is_just_opening(attribute: str, output_of: Any) -> None:
    # In a process of its own, since the failure is a hang.
    source = f"""
    import faulthandler
    faulthandler.dump_traceback_later(30, exit=True)
    queue = Queue()
    queue.put("item")
    opened = []

    class Opens:
        def __init__(self):
            self.me = self

        def __del__(self):
            opened.append(queue.mutex)

    Queue().mutex  # all modules are there
    gc.disable()
    for _ in range(1000):
        Opens()
    gc.set_threshold(1)
    gc.enable()
    queue.{attribute}
    gc.disable()
    gc.collect()
    assert len(opened) == 1000 and len(set(map(id, opened))) == 1
    print(list(queue.queue))
    """
    assert output_of(source) == "['item']\n"


# Comparisons.


def test_a_comparison_that_uses_its_own_queue_is_refused() -> None:
    queue: PriorityQueue[Ordered] = PriorityQueue()
    raised: list[BaseException] = []

    def try_all() -> None:
        for call in (
            lambda: queue.put(Ordered(0)),
            lambda: queue.put_nowait(Ordered(0)),
            queue.get,
            queue.get_nowait,
            lambda: queue.get(timeout=1),
            lambda: queue.get_many(2),
            lambda: queue.put_many([Ordered(0)]),
            lambda: queue.queue,
            lambda: queue.mutex,
        ):
            try:
                call()
            except BaseException as error:
                raised.append(error)
            else:
                raised.append(AssertionError("it was not refused"))

    for key in (3, 1, 2, 5):
        queue.put(Ordered(key))
    queue.put(Ordered(0, try_all))
    assert raised
    assert {type(error) for error in raised} == {RuntimeError}
    # Asking how many there are is answered.
    assert queue.qsize() == 5
    assert queue.unfinished_tasks == 5
    assert [item.key for item in drained(queue)] == [0, 1, 2, 3, 5]


def test_a_comparison_may_ask_how_many_items_there_are() -> None:
    queue: PriorityQueue[Ordered] = PriorityQueue(10)
    seen: list[object] = []
    for key in (3, 1, 2):
        queue.put(Ordered(key, lambda: seen.append((queue.qsize(), queue.empty(), queue.full(), queue.maxsize))))
    assert [item.key for item in drained(queue)] == [1, 2, 3]
    assert set(seen) <= {(n, False, False, 10) for n in (1, 2, 3)}
    assert seen


@pytest.mark.parametrize("how", ["put", "get"])
def test_a_comparison_that_comes_back_and_fails_leaves_the_queue_whole(how: str) -> None:
    queue: PriorityQueue[Ordered] = PriorityQueue()
    armed = False

    def hook() -> None:
        if armed:
            queue.put(Ordered(99)) if how == "put" else queue.get()

    for key in (4, 2, 6, 1, 3):
        queue.put(Ordered(key, hook))
    armed = True
    with pytest.raises(RuntimeError, match="comparison"):
        queue.put(Ordered(0, hook))
    with pytest.raises(RuntimeError, match="comparison"):
        queue.get()
    armed = False
    assert (queue.qsize(), queue.unfinished_tasks) == (5, 5)
    assert [item.key for item in drained(queue)] == [1, 2, 3, 4, 6]


def test_a_comparison_uses_another_queue() -> None:
    log: SimpleQueue[int] = SimpleQueue()
    other: PriorityQueue[int] = PriorityQueue()
    queue: PriorityQueue[Ordered] = PriorityQueue()

    def hook() -> None:
        log.put(1)
        other.put(-log.qsize())

    for key in (3, 1, 2, 0):
        queue.put(Ordered(key, hook))
    assert [item.key for item in drained(queue)] == [0, 1, 2, 3]
    assert log.qsize() == other.qsize()
    items = drained(other)
    assert items == sorted(items)


@pytest.mark.parametrize("fail_at", range(1, 4))
@pytest.mark.parametrize("how", ["put", "get"])
def test_a_comparison_that_raises_leaves_the_queue_whole(how: str, fail_at: int) -> None:
    """Whichever comparison it is: the least of 13 is compared with three others on its way, and a get compares more."""
    queue: PriorityQueue[Ordered] = PriorityQueue()
    left = -1

    def hook() -> None:
        nonlocal left
        left -= 1
        if left == 0:
            raise Boom

    for key in (9, 4, 8, 2, 7, 1, 6, 3, 5, 0, 11, 10):
        queue.put(Ordered(key, hook))
    left = fail_at
    with pytest.raises(Boom):
        queue.put(Ordered(-1, hook)) if how == "put" else queue.get()
    assert (queue.qsize(), queue.unfinished_tasks) == (12, 12)
    queue.put(Ordered(-2, hook))
    assert [item.key for item in drained(queue)] == [-2, *range(12)]


@pytest.mark.parametrize("is_open", [False, True], ids=["closed", "opened"])
@pytest.mark.parametrize("how", ["put", "get"])
def test_no_item_is_lost_or_gained_when_a_comparison_raises(how: str, is_open: bool) -> None:
    queue: PriorityQueue[Ordered] = PriorityQueue()
    armed = False

    def hook() -> None:
        if armed:
            raise Boom

    for key in (5, 3, 4, 1, 2):
        queue.put(Ordered(key, hook))
    if is_open:
        assert len(queue.queue) == 5
    armed = True
    with pytest.raises(Boom):
        queue.put(Ordered(0, hook)) if how == "put" else queue.get()
    armed = False
    assert (queue.qsize(), queue.unfinished_tasks) == (5, 5)
    assert [item.key for item in drained(queue)] == [1, 2, 3, 4, 5]


def test_an_item_that_cannot_be_compared_is_not_put() -> None:
    queue: PriorityQueue[Any] = PriorityQueue(2)
    queue.put(1)
    for _ in range(5):
        with pytest.raises(TypeError):
            queue.put("text")
    queue.put(0)
    with pytest.raises(Full):
        queue.put_nowait(3)
    assert drained(queue) == [0, 1]
    assert queue.unfinished_tasks == 2


def test_a_truth_that_raises_is_a_comparison_that_raises() -> None:
    class NoTruth:
        def __bool__(self) -> bool:
            raise Boom

    class Compares:
        def __lt__(self, other: object) -> NoTruth:
            return NoTruth()

    queue: PriorityQueue[Any] = PriorityQueue()
    first = Compares()
    queue.put(first)
    with pytest.raises(Boom):
        queue.put(Compares())
    assert drained(queue) == [first]


def test_tasks_done_within_a_comparison_are_those_that_were_put_before() -> None:
    queue: PriorityQueue[Ordered] = PriorityQueue()
    raised: list[BaseException] = []

    def hook() -> None:
        for _ in range(2):
            try:
                queue.task_done()
            except ValueError as error:
                raised.append(error)
        raise Boom

    queue.put(Ordered(1, hook))
    with pytest.raises(Boom):
        queue.put(Ordered(0, hook))
    # One task was put: one may be done, and the item that was not put is none.
    assert len(raised) == 1
    assert queue.unfinished_tasks == 0


def test_unfinished_tasks_are_set_while_a_comparison_fails() -> None:
    queue: PriorityQueue[Ordered] = PriorityQueue()

    def hook() -> None:
        queue.unfinished_tasks = 0
        raise Boom

    queue.put(Ordered(1, hook))
    with pytest.raises(Boom):
        queue.put(Ordered(0, hook))
    assert queue.unfinished_tasks == 0


def test_get_many_does_not_swallow_what_a_comparison_raises() -> None:
    """Ctrl-C may arrive inside of a comparison: neither it nor an item may be lost."""
    queue: PriorityQueue[Ordered] = PriorityQueue()
    comparisons = 0
    fail_at = 0

    def hook() -> None:
        nonlocal comparisons
        comparisons += 1
        if comparisons == fail_at:
            raise KeyboardInterrupt

    for key in range(8):
        queue.put(Ordered(key, hook))
    assert queue.get().key == 0
    one_get = comparisons
    # In the middle of what follows the first item.
    comparisons, fail_at = 0, one_get + 1
    interrupted = 0
    items: list[int] = []
    try:
        items += [item.key for item in queue.get_many(7)]
    except KeyboardInterrupt:
        interrupted += 1
    try:
        items += [item.key for item in drained(queue)]
    except KeyboardInterrupt:
        interrupted += 1
    items += [item.key for item in drained(queue)]
    assert items == list(range(1, 8))
    assert interrupted == 1


@pytest.mark.parametrize("kind", ["closed", "opened", "another container"])
@pytest.mark.parametrize("fail_at", range(1, 30, 4))
def test_get_many_takes_all_or_none(kind: str, fail_at: int) -> None:
    queue: PriorityQueue[Ordered] = PriorityQueue(9)
    left = -1

    def hook() -> None:
        nonlocal left
        left -= 1
        if left == 0:
            raise Boom

    for key in (4, 2, 8, 6, 1, 5, 3, 7, 0):
        queue.put(Ordered(key, hook))
    if kind != "closed":
        assert len(queue.queue) == 9
    before = list(queue.queue) if kind == "opened" else []
    left = fail_at
    try:
        items = queue.get_many(9)
    except Boom as error:
        assert not hasattr(error, "items")
        assert (queue.qsize(), queue.full(), queue.unfinished_tasks) == (9, True, 9)
        assert sorted(before, key=id) == sorted(queue.queue, key=id) or kind != "opened"
        left = -1
        items = queue.get_many(9)
    else:
        assert left > 0
    assert [item.key for item in items] == list(range(9))
    assert queue.empty()


@pytest.mark.parametrize("raises", ["once", "always"])
def test_a_get_many_that_was_handed_an_item_loses_it_neither(raises: str, until: Any) -> None:
    """The item goes back, or comes with the exception, when those that came after it cannot be compared."""
    seen = set()
    for _ in range(50):
        queue: PriorityQueue[Ordered] = PriorityQueue()
        may_raise = True
        got: list[int] = []

        def hook() -> None:
            nonlocal may_raise
            if threading.current_thread() is getter and may_raise:
                may_raise = raises == "always"
                raise Boom

        def get() -> None:
            try:
                got.extend(item.key for item in queue.get_many(10))
                seen.add("got")
            except Boom as error:
                left = getattr(error, "items", [])
                seen.add(("raised", len(left)))
                got.extend(item.key for item in left)

        getter = threading.Thread(target=get)
        getter.start()
        until(lambda: queue.statistics().waiters == 1)
        queue.put_many([Ordered(key, hook) for key in range(6)])
        getter.join()
        assert sorted([*got, *(item.key for item in drained(queue))]) == list(range(6))
    assert ("raised", raises == "always") in seen, seen


def test_a_comparison_that_changes_the_list_of_an_opened_queue_is_refused() -> None:
    """In the words of `heapq`; what it put there stays."""
    for how in ("put", "get"):
        queue: PriorityQueue[Ordered] = PriorityQueue()
        queue.put_many([Ordered(key) for key in range(5)])
        container = queue.queue
        new = Ordered(0)
        # The one that is asked first.
        compared = new if how == "put" else container[1]
        compared.hook = lambda: container.append(Ordered(9))
        with pytest.raises(RuntimeError, match="list changed size"):
            queue.put(new) if how == "put" else queue.get()
        assert len(container) == 6
        compared.hook = lambda: None
        assert [item.key for item in drained(queue)] == [0, 1, 2, 3, 4, 9]


# A comparison that takes its time.


class Slow:
    """A comparison that is held up until the test lets it go."""

    def __init__(self) -> None:
        self.has_begun = threading.Event()
        self.may_go_on = threading.Event()
        self.is_on = False

    def __call__(self) -> None:
        if self.is_on:
            self.has_begun.set()
            assert self.may_go_on.wait(60)


def is_inside(thread: threading.Thread, name: str) -> bool:
    """Whether a thread is in the function of this name, whose last line is a call that blocks."""
    frame = sys._current_frames().get(thread.ident or 0)
    return frame is not None and frame.f_code.co_name == name


@pytest.mark.parametrize("is_put", [True, False], ids=["put", "get"])
def test_others_wait_or_are_answered_while_a_comparison_takes_its_time(is_put: bool, threads: Any, until: Any) -> None:
    slow = Slow()
    queue: PriorityQueue[Ordered] = PriorityQueue()
    for key in (5, 3, 7, 1):
        queue.put(Ordered(key, slow))
    got: list[int] = []
    slow.is_on = True
    threads.start((lambda: queue.put(Ordered(4, slow))) if is_put else (lambda: got.append(queue.get().key)))
    assert slow.has_begun.wait(60)
    slow.is_on = False
    assert queue.qsize() in (4, 5)
    assert not queue.empty()
    assert not queue.full()
    begun = [threading.Event() for _ in range(4)]

    def put_later() -> None:
        begun[0].set()
        queue.put(Ordered(2, slow))

    def get_later() -> None:
        begun[1].set()
        got.append(queue.get().key)

    def get_later_with_a_timeout() -> None:
        begun[2].set()
        got.append(queue.get(timeout=60).key)

    def put_nowait_later() -> None:
        begun[3].set()
        queue.put_nowait(Ordered(9, slow))

    later = (put_later, get_later, get_later_with_a_timeout, put_nowait_later)
    for target in later:
        threads.start(target)
    for event in begun:
        assert event.wait(60)
    assert queue.qsize() in (4, 5)
    slow.may_go_on.set()
    threads.join()
    rest = [item.key for item in drained(queue)]
    assert sorted(got + rest) == sorted([5, 3, 7, 1, 2, 9] + [4] * is_put)
    assert rest == sorted(rest)
    assert queue.unfinished_tasks == 6 + is_put


@pytest.mark.parametrize("immediate", [False, True])
def test_a_shutdown_while_a_comparison_takes_its_time(immediate: bool, threads: Any) -> None:
    slow = Slow()
    queue: PriorityQueue[Ordered] = PriorityQueue()
    for key in (5, 3):
        queue.put(Ordered(key, slow))
    ended: list[object] = []

    def put() -> None:
        try:
            queue.put(Ordered(1, slow))
            ended.append("put")
        except ShutDown:
            ended.append("refused")

    slow.is_on = True
    threads.start(put)
    assert slow.has_begun.wait(60)
    begun = threading.Event()

    def shut_down() -> None:
        begun.set()
        queue.shutdown(immediate)

    threads.start(shut_down)
    assert begun.wait(60)
    slow.is_on = False
    slow.may_go_on.set()
    threads.join()
    keys = [item.key for item in drained(queue)]
    if immediate:
        assert keys == []
        assert queue.unfinished_tasks == 0
    else:
        assert keys == ([1, 3, 5] if ended == ["put"] else [3, 5])
        assert queue.unfinished_tasks == len(keys)
    with pytest.raises(ShutDown):
        queue.put(Ordered(2))
    with pytest.raises(ShutDown):
        queue.get()


def test_the_queue_is_opened_while_a_comparison_takes_its_time(threads: Any) -> None:
    slow = Slow()
    queue: PriorityQueue[Ordered] = PriorityQueue()
    for key in (5, 3, 4):
        queue.put(Ordered(key, slow))
    slow.is_on = True
    threads.start(lambda: queue.put(Ordered(1, slow)))
    assert slow.has_begun.wait(60)
    lengths: list[int] = []
    begun = threading.Event()

    def open_it() -> None:
        begun.set()
        with queue.mutex:
            lengths.append(len(queue.queue))

    threads.start(open_it)
    assert begun.wait(60)
    slow.is_on = False
    slow.may_go_on.set()
    threads.join()
    assert lengths == [4] or lengths == [3]
    assert [item.key for item in drained(queue)] == [1, 3, 4, 5]
    assert queue.unfinished_tasks == 4


def test_a_comparison_opens_its_queue_while_another_thread_opens_it(output_of: Any) -> None:
    # In a process of its own, since the failure is a hang of two threads.
    source = """
    import faulthandler
    faulthandler.dump_traceback_later(30, exit=True)
    queue = PriorityQueue()
    begun = standard.Event()
    result = []

    def open_it():
        me.append(sys._getframe())
        begun.set()
        queue.mutex

    class Item:
        def __lt__(self, other):
            thread = start(open_it)
            begun.wait()
            # Once it is on its last line, with this thread at work, it is inside of `queue.mutex`.
            last = open_it.__code__.co_firstlineno + 3
            until(lambda: me[0].f_lineno == last)
            try:
                queue.mutex
            except RuntimeError as error:
                result.append("refused")
            return False

    me = []
    queue.put(Item())
    queue.put(Item())
    print(*result, len(queue.queue))
    """
    assert output_of(source) == "refused 2\n"


# As `heapq` does it.


class Counted:
    """A key that counts how often it is compared, and with what."""

    log: ClassVar[list[tuple[int, int]]] = []

    def __init__(self, key: int) -> None:
        self.key = key

    def __lt__(self, other: Counted) -> bool:
        Counted.log.append((self.key, other.key))
        return self.key < other.key


@given(st.lists(st.one_of(st.integers(-20, 20), st.none()), max_size=80), st.booleans())
def test_a_priority_queue_is_a_heap_step_by_step(steps: list[int | None], opens: bool) -> None:
    """The same results, ties among them, after the same comparisons; opened, the same list."""
    queue: PriorityQueue[Counted] = PriorityQueue()
    heap: list[Counted] = []
    for at, step in enumerate(steps):
        if step is None and not heap:
            continue
        Counted.log = theirs = []
        item = Counted(at if step is None else step)
        expected = heapq.heappop(heap) if step is None else heapq.heappush(heap, item)
        Counted.log = ours = []
        got = queue.get() if step is None else queue.put(item)
        assert got is expected
        assert ours == theirs
        assert queue.qsize() == len(heap)
        if opens and at == len(steps) // 2:
            assert queue.queue == heap
    assert queue.queue == heap


# Tracers and profilers.


@pytest.mark.parametrize("kind", ALL)
@pytest.mark.parametrize("install", [sys.settrace, sys.setprofile])
def test_a_tracer_uses_the_queue_that_is_traced(install: Callable[[Any], None], kind: type) -> None:
    queue = kind()
    count = 0

    def trace(*_: object) -> Any:
        nonlocal count
        # The interpreter traces nothing while it is here.
        queue.put(-count)
        queue.get()
        count += 1
        return trace

    def work() -> list[int]:
        for number in range(20):
            queue.put(number)
        return [queue.get() for _ in range(20)]

    before = sys.gettrace() if install is sys.settrace else sys.getprofile()
    install(trace)
    try:
        work()
    finally:
        install(before)
    assert count > 0
    # A tracer takes what comes first and puts another in its place.
    assert queue.qsize() == 0


def test_a_comparison_is_traced_and_the_tracer_is_refused() -> None:
    queue: PriorityQueue[Ordered] = PriorityQueue()
    refused = 0

    def trace(*_: object) -> None:
        nonlocal refused
        try:
            queue.put(Ordered(-1))
            queue.get()
        except RuntimeError:
            refused += 1

    queue.put(Ordered(2))
    before = sys.gettrace()
    sys.settrace(trace)
    try:
        queue.put(Ordered(1))
    finally:
        sys.settrace(before)
    assert refused > 0
    assert [item.key for item in drained(queue)] == [1, 2]
