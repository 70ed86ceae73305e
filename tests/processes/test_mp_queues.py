"""Queues between processes: order, bounds, what does not fit, killed users, and what a closed one does."""

from __future__ import annotations

import gc
import math
import multiprocessing.connection
import pickle
import queue as standard
import signal
import sys
import threading
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import queue_users as users

if not sys.platform.startswith("linux"):
    pytest.skip("queues are the standard library's here", allow_module_level=True)

from ungil import multiprocessing as ours
from ungil.multiprocessing import get_context

# More than a queue's ring holds.
LARGE = 3 << 20

Until = Callable[[Callable[[], object]], None]


class TestItems:
    @pytest.mark.parametrize("kind", ["Queue", "SimpleQueue", "JoinableQueue"])
    def test_all_kinds_come_as_they_went(self, context: Any, start: Any, kind: str) -> None:
        queue = getattr(context, kind)()
        items = [
            None,
            True,
            7,
            -(2**100),
            1.5,
            -0.0,
            math.inf,
            "text",
            "\udcff",
            b"\x80 is what a pickle begins with",
            b"",
            (),
            (1, "two", 3.0, None, False),
            (1, (2, [3])),
            [1, {2: {3}}],
            range(3),
            bytes(LARGE),
            "end",
        ]
        start(users.put_all, queue, items)
        got = [queue.get() for _ in items]
        assert got == items
        assert [type(item) for item in got] == [type(item) for item in items]
        assert math.copysign(1, got[5]) == -1
        assert queue.empty()

    def test_a_subclass_stays_one(self) -> None:
        queue = ours.Queue()
        for item in (signal.SIGTERM, (signal.SIGINT,), standard.Empty(), Path("/").stat()):
            queue.put(item)
            got = queue.get()
            assert type(got) is type(item)
            assert repr(got) == repr(item)
            if isinstance(item, tuple):
                assert type(got[0]) is type(item[0])

    def test_many_producers_and_consumers(self, context: Any, start: Any) -> None:
        queue, out, n = context.Queue(20), context.Queue(), 300
        producers = [start(users.put_numbers, queue, which, n, LARGE // 8) for which in range(2)]
        for _ in range(2):
            start(users.move, queue, out)
        got = [out.get(timeout=60) for _ in range(2 * n)]
        for producer in producers:
            producer.join()
        for _ in range(2):
            queue.put(None)
        assert [out.get(timeout=60) for _ in range(2)] == [None, None]
        assert sorted(item[:2] for item in got) == [(which, number) for which in range(2) for number in range(n)]
        assert all(len(item[2]) == (LARGE // 8 if item[1] % 50 == 7 else 0) for item in got)

    def test_each_producers_order_is_kept_around_what_does_not_fit(self, context: Any, start: Any) -> None:
        queue = context.Queue()
        start(users.put_numbers, queue, 0, 300, LARGE)
        assert [queue.get(timeout=60)[1] for _ in range(300)] == list(range(300))

    def test_what_cannot_be_pickled_is_told_at_once(self) -> None:
        queue = ours.Queue(1)
        for _ in range(2):
            with pytest.raises((pickle.PicklingError, AttributeError, TypeError)):
                queue.put(lambda: None)
        with pytest.raises((pickle.PicklingError, AttributeError, TypeError)):
            queue.put((1, threading.Lock()))
        # It has taken no room.
        queue.put(1, block=False)
        assert queue.get() == 1

    def test_a_subclass_may_want_to_know_in_its_own_way(self) -> None:
        from ungil._mp_queues import Queue

        told = []

        class Told(Queue):
            @staticmethod
            def _on_queue_feeder_error(e: BaseException, obj: object) -> None:
                told.append((e, obj))

        queue = Told(ctx=ours.get_context())
        lock = threading.Lock()
        queue.put(lock)
        assert [obj for _, obj in told] == [lock]
        assert queue.empty()

    def test_a_lock_does_not_go_through_a_queue(self) -> None:
        with pytest.raises(RuntimeError, match="through inheritance"):
            ours.Queue().put(ours.Lock())


class TestBounds:
    def test_of_an_unbounded_queue_nothing_waits(self, context: Any) -> None:
        queue = context.Queue()
        items = [bytes(LARGE), 1, bytes(LARGE), 2]
        for item in items:
            queue.put(item, block=False)
        assert queue.qsize() == 4
        assert not queue.full()
        assert [queue.get(timeout=60) for _ in items] == items
        assert (queue.qsize(), queue.empty()) == (0, True)
        queue.close()
        queue.join_thread()

    def test_of_a_bounded_one(self, context: Any, until: Until) -> None:
        queue = context.Queue(2)
        queue.put(bytes(LARGE), block=False)
        queue.put(1, block=False)
        assert (queue.qsize(), queue.full()) == (2, True)
        for arguments in ((False,), (0,), (1, 0), (True, 0.01), (True, -1), (False, 5)):
            with pytest.raises(standard.Full):
                queue.put(2, *arguments)
        with pytest.raises(standard.Full):
            queue.put_nowait(2)
        assert len(queue.get()) == LARGE
        queue.put(2, timeout=60)
        assert (queue.get(timeout=60), queue.get(timeout=60)) == (1, 2)
        for arguments in ((False,), (0,), (1, 0), (True, 0.01), (True, -1), (False, 5)):
            with pytest.raises(standard.Empty):
                queue.get(*arguments)
        with pytest.raises(standard.Empty):
            queue.get_nowait()

    def test_who_waits_for_room_gets_it(self, context: Any, start: Any) -> None:
        queue = context.Queue(1)
        start(users.put_all, queue, list(range(100)))
        assert [queue.get(timeout=60) for _ in range(100)] == list(range(100))

    def test_a_process_waits_at_its_end_until_all_is_in(self, context: Any, start: Any) -> None:
        queue = context.Queue()
        process = start(users.put_all, queue, [bytes(LARGE), "last"])
        assert len(queue.get(timeout=60)) == LARGE
        assert queue.get(timeout=60) == "last"
        process.join(60)
        assert process.exitcode == 0

    def test_unless_it_is_told_not_to(self, context: Any, start: Any) -> None:
        queue = context.Queue()
        process = start(users.put_and_leave, queue, bytes(LARGE))
        process.join(60)
        assert process.exitcode == 0
        queue.put("after it")
        assert queue.get(timeout=60) == "after it"


class TestKilledUsers:
    def test_a_producer_in_the_middle_of_an_item(self, context: Any, start: Any) -> None:
        queue = context.Queue()
        queue.put("before")
        start(users.put_and_die, queue, bytes(LARGE)).join()
        assert queue.get(timeout=60) == "before"
        # Nothing of it comes, nor is it waited for.
        with pytest.raises(standard.Empty):
            queue.get(timeout=0.2)
        queue.put("after")
        assert queue.get(timeout=60) == "after"

    def test_producers_and_consumers_anywhere(self, context: Any, start: Any) -> None:
        queue = context.Queue(10)
        for padding in (10, LARGE // 8):
            victims = [
                start(users.put_for_ever, queue, padding),
                start(users.put_for_ever, queue, padding),
                start(users.take_for_ever, queue),
            ]
            for victim in victims:
                for _ in range(20):
                    number, rest = queue.get(timeout=60)
                    assert set(rest) <= {number % 256}, "torn"
                if victim is not victims[1]:
                    victim.kill()
            victims[1].kill()
            for victim in victims:
                victim.join()
        with pytest.raises(standard.Empty):
            while True:
                queue.get(timeout=0.2)
        for number in range(10):
            queue.put(number, timeout=60)
        assert [queue.get(timeout=60) for _ in range(10)] == list(range(10))


class TestTasks:
    def test_join_waits_until_all_are_done(self, context: Any, start: Any) -> None:
        queue, results = context.JoinableQueue(), context.Queue()
        for _ in range(2):
            start(users.work, queue, results)
        for number in range(50):
            queue.put(number)
        queue.join()
        assert sorted(results.get() for _ in range(50)) == [number * number for number in range(50)]
        for _ in range(2):
            queue.put(None)
        queue.join()
        with pytest.raises(ValueError, match=r"task_done\(\) called too many times"):
            queue.task_done()

    def test_what_is_not_put_is_no_task(self) -> None:
        queue = ours.JoinableQueue(1)
        queue.put(bytes(LARGE))
        with pytest.raises(standard.Full):
            queue.put(1, block=False)
        with pytest.raises((pickle.PicklingError, AttributeError, TypeError)):
            queue.put(lambda: None)
        queue.get()
        queue.task_done()
        queue.join()


class TestOneProcess:
    def test_they_are_standard_ones(self) -> None:
        assert isinstance(ours.Queue(), multiprocessing.queues.Queue)
        assert isinstance(ours.SimpleQueue(), multiprocessing.queues.SimpleQueue)

    def test_a_closed_one(self) -> None:
        for queue in (ours.Queue(), ours.JoinableQueue()):
            with pytest.raises(AssertionError, match="not closed"):
                queue.join_thread()
            queue.put(1)
            queue.close()
            queue.close()
            queue.join_thread()
            for call in (lambda: queue.put(2), queue.get, queue.get_nowait):
                with pytest.raises(ValueError, match="is closed"):
                    call()
            with pytest.raises(OSError, match="is closed"):
                queue.empty()
        simple = ours.SimpleQueue()
        simple.close()
        simple.close()
        for call in (lambda: simple.put(2), simple.get, simple.empty):
            with pytest.raises(OSError, match="handle is closed"):
                call()

    def test_they_are_not_pickled(self) -> None:
        for queue in (ours.Queue(), ours.SimpleQueue(), ours.JoinableQueue()):
            with pytest.raises(RuntimeError, match=f"{type(queue).__name__} objects should only be shared"):
                pickle.dumps(queue)

    @pytest.mark.parametrize("kind", ["get", "put", "join"])
    def test_ctrl_c_ends_a_wait(self, kind: str) -> None:
        queue = ours.JoinableQueue(1)
        if kind != "get":
            queue.put(1)
        wait = {"get": queue.get, "put": lambda: queue.put(2), "join": queue.join}[kind]
        timer = threading.Timer(0.1, signal.raise_signal, (signal.SIGINT,))
        timer.start()
        with pytest.raises(KeyboardInterrupt):
            wait()
        timer.join()
        if kind != "get":
            assert queue.get() == 1
        queue.put(3)
        assert queue.get() == 3

    def test_threads_take_turns(self) -> None:
        queue, n, got = ours.Queue(5), 500, []

        def take() -> None:
            got.extend(queue.get() for _ in range(n))

        threads = [threading.Thread(target=users.put_numbers, args=(queue, which, n, 100)) for which in range(2)]
        threads += [threading.Thread(target=take) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(item[:2] for item in got) == [(which, number) for which in range(2) for number in range(n)]

    def test_a_simple_one_is_waited_for_beside_others(self, until: Until) -> None:
        queues = [ours.SimpleQueue() for _ in range(2)]
        readers = [queue._reader for queue in queues]
        assert multiprocessing.connection.wait(readers, 0) == []
        queues[1].put("item")
        assert multiprocessing.connection.wait(readers, 60) == [readers[1]]
        assert readers[1].poll()
        assert readers[1].recv() == "item"
        assert multiprocessing.connection.wait(readers, 0) == []
        readers[1].close()
        assert readers[1].closed

    def test_descriptors_and_memory_go_with_it(self) -> None:
        def left() -> tuple[int, int]:
            gc.collect()
            return len(list(Path("/proc/self/fd").iterdir())), Path("/proc/self/maps").read_text().count("memfd:ungil")

        ours.Lock()
        before = left()
        queues = [make() for make in (ours.Queue, ours.JoinableQueue, ours.SimpleQueue) for _ in range(10)]
        assert left() == (before[0] + 40, before[1] + 30)
        del queues
        assert left() == before

    def test_a_forked_child_does_not_put_its_parents_items(self) -> None:
        queue = ours.Queue()
        queue.put(bytes(LARGE))
        queue.put("of the parent")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            process = get_context("fork").Process(target=users.put_all, args=(queue, ["of the child"]))
            process.start()
        got = [queue.get(timeout=60) for _ in range(3)]
        process.join()
        assert sorted(str(item)[:13] for item in got if isinstance(item, str)) == ["of the child", "of the parent"]
        assert queue.empty()

    def test_a_get_that_times_out_leaves_the_queue_as_it_is(self) -> None:
        queue = ours.Queue()
        before = time.monotonic()
        with pytest.raises(standard.Empty):
            queue.get(timeout=0.05)
        assert time.monotonic() - before >= 0.05
        queue.put(1)
        assert queue.get() == 1


def test_standard_pools_take_our_contexts(context: Any) -> None:
    from concurrent.futures import ProcessPoolExecutor

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        with ProcessPoolExecutor(2, mp_context=context) as executor:
            assert list(executor.map(abs, range(-20, 0))) == list(range(20, 0, -1))
        with context.Pool(2) as pool:
            assert pool.map(abs, range(-20, 0)) == list(range(20, 0, -1))
