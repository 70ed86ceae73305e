"""What locks and queues refer to: cycles are freed, weak references work, and no reference is lost or kept too long."""

from __future__ import annotations

import functools
import gc
import sys
import types
import weakref
from collections.abc import Callable
from typing import Any

import pytest

from ungil.queue import Empty, Full, LifoQueue, PriorityQueue, Queue, ShutDown, SimpleQueue
from ungil.threading import Barrier, BoundedSemaphore, Condition, Event, Lock, RLock, Semaphore

BOUNDED = [Queue, LifoQueue, PriorityQueue]
QUEUES = [*BOUNDED, SimpleQueue]
WITH_ATTRIBUTES: list[Any] = [Event, Semaphore, BoundedSemaphore, Condition, lambda: Barrier(2), *BOUNDED]


class Item:
    """An item that can be in any queue, and that a test can watch."""

    def __init__(self, key: int = 0) -> None:
        self.key = key

    def __lt__(self, other: Any) -> bool:
        return self.key < other.key


class Boom(Exception):
    pass


def is_freed(make: Callable[[float], object]) -> bool:
    """Whether what is made is gone after a collection, with the payload that it was given.

    A payload that the collector does not know cannot be cleared, only dropped: its count of references tells.
    """
    payload = float("1.5")
    gc.collect()
    before = sys.getrefcount(payload)
    alive = {id(each) for each in gc.get_objects()}
    made = make(payload)
    kind = type(made)
    during = sys.getrefcount(payload)
    assert during > before, "the payload was not kept"
    del made
    gc.collect()
    left = [each for each in gc.get_objects() if type(each) is kind and id(each) not in alive]
    return sys.getrefcount(payload) == before and not left


# Cycles.


@pytest.mark.parametrize("make", WITH_ATTRIBUTES)
def test_an_attribute_that_leads_back_is_freed(make: Callable[[], Any]) -> None:
    def cycle(payload: float) -> object:
        thing = make()
        thing.me, thing.payload = thing, payload
        return thing

    assert is_freed(cycle)


@pytest.mark.parametrize("make", WITH_ATTRIBUTES)
def test_an_attribute_is_dropped_with_its_object(make: Callable[[], Any]) -> None:
    item = Item()
    before = sys.getrefcount(item)
    thing = make()
    thing.item = item
    assert sys.getrefcount(item) == before + 1
    del thing
    assert sys.getrefcount(item) == before


@pytest.mark.parametrize("kind", [Event, Semaphore, BoundedSemaphore, Condition, RLock, *QUEUES])
def test_an_attribute_of_a_subclass_that_leads_back_is_freed(kind: Any) -> None:
    class Sub(kind):
        pass

    def cycle(payload: float) -> object:
        thing = Sub()
        thing.me, thing.payload = thing, payload
        return thing

    assert is_freed(cycle)


@pytest.mark.parametrize("kind", QUEUES)
def test_a_queue_that_is_in_itself_is_freed(kind: Any) -> None:
    def cycle(payload: float) -> object:
        queue = kind()
        # A priority queue compares tuples only until they differ.
        queue.put((1, queue))
        queue.put((2, payload))
        return queue

    assert is_freed(cycle)


@pytest.mark.parametrize("kind", QUEUES)
def test_queues_that_are_in_one_another_are_freed(kind: Any) -> None:
    def cycle(payload: float) -> object:
        first, second = kind(), kind()
        first.put((1, second))
        second.put((1, first))
        second.put((2, payload))
        return first

    assert is_freed(cycle)


@pytest.mark.parametrize("kind", BOUNDED)
def test_an_opened_queue_that_is_in_itself_is_freed(kind: Any) -> None:
    def cycle(payload: float) -> object:
        queue = kind()
        queue.put((1, queue))
        assert len(queue.queue) == 1
        queue.put((2, payload))
        queue.not_empty.queue = queue
        return queue

    assert is_freed(cycle)


@pytest.mark.parametrize("attribute", ["queue", "unfinished_tasks", "maxsize", "is_shutdown"])
def test_an_opened_queue_whose_attribute_leads_back_is_freed(attribute: str) -> None:
    def cycle(payload: float) -> object:
        queue: Any = Queue()
        queue.mutex
        setattr(queue, attribute, [queue, payload])
        return queue

    assert is_freed(cycle)


def test_a_condition_under_a_lock_that_leads_back_is_freed() -> None:
    class Guarded:
        def __init__(self, payload: float) -> None:
            self.payload = payload
            self.condition = Condition(self)

        def acquire(self) -> bool:
            return True

        def release(self) -> None:
            pass

    assert is_freed(Guarded)


def test_a_condition_that_is_in_its_own_lock_is_freed() -> None:
    class Own(Condition):
        def __init__(self, payload: float) -> None:
            # Neither a bound method nor a partial can be cleared by the collector.
            call = functools.partial(self.work, payload)
            super().__init__(types.SimpleNamespace(acquire=call, release=call))

        def work(self, payload: float) -> bool:
            return True

    assert is_freed(Own)


def test_a_barrier_whose_action_leads_back_is_freed() -> None:
    class Work:
        def __init__(self, payload: float) -> None:
            self.payload = payload
            self.barrier = Barrier(2, action=self.run)

        def run(self) -> None:
            pass

    assert is_freed(Work)


def test_a_barrier_whose_action_is_its_own_method_is_freed() -> None:
    class Own(Barrier):
        def __init__(self, payload: float) -> None:
            super().__init__(2, action=types.MethodType(lambda this, _=payload: None, self))

    assert is_freed(Own)


def test_a_barrier_whose_action_holds_it_by_a_variable_is_freed() -> None:
    class Own(Barrier):
        def __init__(self, payload: float) -> None:
            super().__init__(2, action=lambda: (self, payload))

    assert is_freed(Own)


def test_a_generic_alias_and_an_iterator_keep_nothing() -> None:
    def cycle(payload: float) -> object:
        queue: Any = Queue()
        queue.put((payload, iter(queue)))
        return queue

    assert is_freed(cycle)


@pytest.mark.parametrize("kind", QUEUES)
def test_a_long_chain_of_queues_is_dropped(kind: type, ended: Any) -> None:
    """As a long chain of the standard queues is: without a recursion that the stack cannot hold."""
    done = ended(f"""
    queue = {kind.__name__}()
    for _ in range(100_000):
        outer = {kind.__name__}()
        outer.put(queue)
        queue = outer
    del queue, outer
    print("dropped")
    """)
    assert (done.returncode, done.stdout, done.stderr) == (0, "dropped\n", "")


@pytest.mark.parametrize(
    "link",
    [
        "outer = Event(); outer.inner = inner",
        "outer = Condition(inner)",
        "outer = Barrier(1, inner.__repr__)",
        "outer = Barrier(1, timeout=inner)",
    ],
)
def test_a_long_chain_of_other_objects_is_dropped(link: str, ended: Any) -> None:
    done = ended(f"""
    inner = Condition()
    for _ in range(100_000):
        {link}
        inner = outer
    del inner, outer
    print("dropped")
    """)
    assert (done.returncode, done.stdout, done.stderr) == (0, "dropped\n", "")


# Weak references.


@pytest.mark.parametrize(
    "make", [Lock, RLock, Event, Semaphore, BoundedSemaphore, Condition, lambda: Barrier(1), *QUEUES]
)
def test_a_weak_reference_ends_with_its_object(make: Callable[[], Any]) -> None:
    thing = make()
    dead: list[object] = []
    reference = weakref.ref(thing, dead.append)
    proxies = weakref.WeakSet([thing])
    assert reference() is thing
    assert not dead
    del thing
    assert reference() is None
    assert dead == [reference]
    assert not proxies


@pytest.mark.parametrize("kind", QUEUES)
def test_a_waiting_thread_keeps_the_queue_alive(kind: type, threads: Any, until: Any) -> None:
    queue: Any = kind()
    reference = weakref.ref(queue)
    got: list[object] = []
    thread = threads.start(lambda get: got.append(get()), queue.get)
    until(lambda: reference().statistics().waiters)
    del queue
    gc.collect()
    reference().put("item")
    thread.join(60)
    threads.join()
    assert got == ["item"]


# References to items.


@pytest.mark.parametrize("kind", QUEUES)
@pytest.mark.parametrize("is_open", [False, True])
def test_put_and_get_keep_the_count_of_references(kind: Any, is_open: bool) -> None:
    if is_open and kind is SimpleQueue:
        pytest.skip("it cannot be opened")
    queue = kind()
    item = Item()
    if is_open:
        assert len(queue.queue) == 0
    before = sys.getrefcount(item)
    for put in (
        lambda: queue.put(item),
        lambda: queue.put_nowait(item),
        lambda: queue.put(item, True, 1),
        lambda: queue.put(item=item, block=False),
        lambda: queue.put_many([item]),
    ):
        put()
        assert sys.getrefcount(item) == before + 1
        for get in (queue.get, queue.get_nowait, lambda: queue.get(True, 1), lambda: queue.get_many(5)[0]):
            got = get()
            assert got is item
            assert sys.getrefcount(item) == before + 1
            del got
            assert sys.getrefcount(item) == before
            queue.put(item)
        queue.get()
    assert sys.getrefcount(item) == before


@pytest.mark.parametrize("kind", QUEUES)
def test_the_items_of_an_empty_queue_are_dropped_with_it(kind: Any) -> None:
    item = Item()
    before = sys.getrefcount(item)
    queue = kind()
    for _ in range(100):
        queue.put(item)
    assert sys.getrefcount(item) == before + 100
    del queue
    assert sys.getrefcount(item) == before


@pytest.mark.parametrize("kind", BOUNDED)
@pytest.mark.parametrize("is_open", [False, True])
def test_a_put_that_fails_keeps_nothing(kind: Any, is_open: bool) -> None:
    queue = kind(1)
    item = Item()
    if is_open:
        assert len(queue.queue) == 0
    before = sys.getrefcount(item)
    queue.put(Item())
    for arguments in ((False,), (True, 0), (True, 0.001)):
        with pytest.raises(Full):
            queue.put(item, *arguments)
        assert sys.getrefcount(item) == before
    with pytest.raises(Full):
        queue.put_nowait(item)
    with pytest.raises(ValueError):
        queue.put(item, timeout=-1)
    with pytest.raises(TypeError):
        queue.put(item, timeout="text")
    with pytest.raises(TypeError):
        queue.put(item, nothing=1)
    queue.shutdown()
    for arguments in ((), (False,), (True, 0)):
        with pytest.raises(ShutDown):
            queue.put(item, *arguments)
    with pytest.raises(ShutDown):
        queue.put_nowait(item)
    assert sys.getrefcount(item) == before


@pytest.mark.parametrize("is_quick", [True, False])
def test_a_put_whose_comparison_raises_keeps_nothing(is_quick: bool) -> None:
    class Raises:
        def __lt__(self, other: object) -> bool:
            raise Boom

    queue: PriorityQueue[Any] = PriorityQueue()
    first, second = Raises(), Raises()
    queue.put(first)
    before = sys.getrefcount(first), sys.getrefcount(second)
    for _ in range(10):
        with pytest.raises(Boom):
            queue.put(second) if is_quick else queue.put(second, True, 1)
    assert (sys.getrefcount(first), sys.getrefcount(second)) == before


def test_a_get_whose_comparison_raises_keeps_nothing() -> None:
    is_armed = False

    class Raises:
        def __lt__(self, other: object) -> bool:
            if is_armed:
                raise Boom
            return False

    queue: PriorityQueue[Any] = PriorityQueue()
    items = [Raises() for _ in range(5)]
    for item in items:
        queue.put(item)
    before = [sys.getrefcount(item) for item in items]
    is_armed = True
    for get in (queue.get, queue.get_nowait, lambda: queue.get(timeout=1), lambda: queue.get_many(3)):
        with pytest.raises(Boom):
            get()
    assert [sys.getrefcount(item) for item in items] == before


@pytest.mark.parametrize("kind", BOUNDED)
@pytest.mark.parametrize("is_open", [False, True])
def test_a_put_that_waited_and_one_that_timed_out(kind: Any, is_open: bool, threads: Any, until: Any) -> None:
    queue = kind(1)
    if is_open:
        assert len(queue.queue) == 0
    item = Item()
    before = sys.getrefcount(item)
    queue.put(Item())
    threads.start(queue.put, item)
    threads.start(queue.put, item, True, 60)
    for _ in range(2):
        queue.get(timeout=60)
    assert queue.get(timeout=60) is item
    threads.join()
    until(lambda: sys.getrefcount(item) == before)


@pytest.mark.parametrize("kind", [*BOUNDED, SimpleQueue])
def test_an_item_that_is_handed_to_a_waiting_thread(kind: Any, threads: Any, until: Any) -> None:
    queue = kind()
    item = Item()
    before = sys.getrefcount(item)
    is_it: list[bool] = []
    threads.start(lambda: is_it.append(queue.get() is item))
    until(lambda: queue.statistics().waiters)
    queue.put(item)
    threads.join()
    assert is_it == [True]
    until(lambda: sys.getrefcount(item) == before)


@pytest.mark.parametrize("kind", BOUNDED)
@pytest.mark.parametrize("is_open", [False, True])
def test_a_shutdown_drops_the_items_or_keeps_them(kind: Any, is_open: bool) -> None:
    item = Item()
    before = sys.getrefcount(item)
    queue = kind()
    if is_open:
        assert len(queue.queue) == 0
    for _ in range(5):
        queue.put(item)
    queue.shutdown()
    assert sys.getrefcount(item) == before + 5
    assert queue.get() is item
    queue.shutdown(immediate=True)
    assert sys.getrefcount(item) == before
    with pytest.raises(ShutDown):
        queue.get()
    assert queue.unfinished_tasks == 1


@pytest.mark.parametrize("kind", BOUNDED)
def test_opening_moves_the_items(kind: Any) -> None:
    items = [Item(key) for key in range(5)]
    before = [sys.getrefcount(item) for item in items]
    queue = kind()
    queue.put_many(items)
    during = [sys.getrefcount(item) for item in items]
    assert sorted(item.key for item in queue.queue) == list(range(5))
    gc.collect()
    assert [sys.getrefcount(item) for item in items] == during
    queue.queue.clear()
    assert [sys.getrefcount(item) for item in items] == before


# Many at once.


@pytest.mark.parametrize("is_open", [False, True])
@pytest.mark.parametrize("kind", BOUNDED)
def test_put_many_that_finds_no_room_tells_what_is_left(kind: Any, is_open: bool) -> None:
    queue = kind(3)
    if is_open:
        assert len(queue.queue) == 0
    items = [Item(key) for key in range(5)]
    before = [sys.getrefcount(item) for item in items]
    with pytest.raises(Full) as raised:
        queue.put_many(iter(items), timeout=0)
    assert raised.value.items == items[3:]  # type: ignore[attr-defined]
    assert (queue.qsize(), queue.unfinished_tasks) == (3, 3)
    del raised
    got = queue.get_many(10)
    assert sorted(got) == items[:3] if kind is not PriorityQueue else got == items[:3]
    del got
    gc.collect()
    assert [sys.getrefcount(item) for item in items] == before


@pytest.mark.parametrize("is_open", [False, True])
@pytest.mark.parametrize("kind", BOUNDED)
def test_put_many_into_a_queue_that_was_shut_down_tells_what_is_left(kind: Any, is_open: bool) -> None:
    queue = kind()
    if is_open:
        assert len(queue.queue) == 0
    queue.shutdown()
    items = [Item(key) for key in range(3)]
    with pytest.raises(ShutDown) as raised:
        queue.put_many(items)
    assert raised.value.items == items  # type: ignore[attr-defined]


@pytest.mark.parametrize("is_open", [False, True])
def test_put_many_whose_comparison_raises_tells_what_is_left(is_open: bool) -> None:
    class Raises(Item):
        def __lt__(self, other: object) -> bool:
            raise Boom

    queue: PriorityQueue[Any] = PriorityQueue()
    if is_open:
        assert len(queue.queue) == 0
    items = [Item(1), Item(2), Raises(), Item(3)]
    with pytest.raises(Boom) as raised:
        queue.put_many(items)
    assert raised.value.items == items[2:]  # type: ignore[attr-defined]
    assert queue.unfinished_tasks == 2


def test_put_many_from_an_iterable_that_raises_puts_nothing() -> None:
    item = Item()
    before = sys.getrefcount(item)

    def items() -> Any:
        yield item
        raise Boom

    for kind in QUEUES:
        queue: Any = kind()
        with pytest.raises(Boom):
            queue.put_many(items())
        assert queue.empty()
        assert sys.getrefcount(item) == before


def test_put_many_from_an_iterable_that_uses_the_queue() -> None:
    for kind in QUEUES:
        queue: Any = kind()

        def items() -> Any:
            for key in range(3):
                queue.put(10 + key)
                yield key

        queue.put_many(items())
        assert sorted(queue.get_many(10)) == [0, 1, 2, 10, 11, 12]


@pytest.mark.parametrize("kind", QUEUES)
def test_get_many_takes_what_is_there(kind: Any) -> None:
    queue = kind()
    items = [Item(key) for key in range(5)]
    before = [sys.getrefcount(item) for item in items]
    queue.put_many(items)
    assert queue.get_many(0) == []
    first = queue.get_many(2)
    rest = queue.get_many(100)
    assert sorted(first + rest) == items
    assert len(first) == 2
    with pytest.raises(Empty):
        queue.get_many(1, timeout=0)
    del first, rest
    assert [sys.getrefcount(item) for item in items] == before


def test_items_of_none_and_of_odd_classes_come_back_as_they_were() -> None:
    class Odd:
        def __eq__(self, other: object) -> bool:
            raise Boom

        def __bool__(self) -> bool:
            raise Boom

        __hash__ = None  # type: ignore[assignment]

    odd = Odd()
    for kind in (Queue, LifoQueue, SimpleQueue):
        queue: Any = kind()
        for item in (None, odd, NotImplemented, queue, kind, ...):
            queue.put(item)
            assert queue.get() is item
