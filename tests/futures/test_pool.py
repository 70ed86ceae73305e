"""A pool of threads: how it grows, what its threads are called, and what it calls."""

from __future__ import annotations

import concurrent.futures
import itertools
import os
import re
import threading
from typing import Any

import pytest
from implementation import futures

ThreadPoolExecutor = futures.ThreadPoolExecutor


@pytest.fixture
def gate() -> Any:
    """An event that tasks wait for; it is set at the end in any case."""
    event = threading.Event()
    yield event
    event.set()


class TestGrowth:
    def test_a_new_pool_has_no_threads(self) -> None:
        with ThreadPoolExecutor(4) as executor:
            assert len(executor._threads) == 0

    def test_it_grows_with_what_waits_up_to_max_workers(self, gate: threading.Event) -> None:
        with ThreadPoolExecutor(3) as executor:
            for n_threads in (1, 2, 3, 3, 3):
                executor.submit(gate.wait)
                assert len(executor._threads) == n_threads
            assert executor._work_queue.qsize() in (2, 3, 4, 5)  # by how many the threads have begun
            gate.set()

    def test_an_idle_thread_is_used_again(self) -> None:
        with ThreadPoolExecutor(8) as executor:
            names = {executor.submit(lambda: threading.current_thread().name).result() for _ in range(20)}
            # A future is done before its thread is idle: the next call may come between the two.
            assert len(names) == len(executor._threads) <= 3

    def test_as_many_run_at_once_as_there_are_workers(self) -> None:
        barrier = threading.Barrier(5)
        with ThreadPoolExecutor(5) as executor:
            assert sorted(executor.map(lambda _: barrier.wait(60), range(5))) == [0, 1, 2, 3, 4]

    def test_never_more_than_max_workers_run(self, until: Any) -> None:
        lock, running, most = threading.Lock(), 0, 0

        def work() -> None:
            nonlocal running, most
            with lock:
                running += 1
                most = max(most, running)
            for _ in range(100):
                os.sched_yield()
            with lock:
                running -= 1

        with ThreadPoolExecutor(3) as executor:
            for _ in range(300):
                executor.submit(work)
        assert running == 0
        assert 1 <= most <= 3
        assert len(executor._threads) == 3

    def test_one_worker_keeps_the_order(self) -> None:
        order: list[int] = []
        with ThreadPoolExecutor(1) as executor:
            for n in range(1000):
                executor.submit(order.append, n)
        assert order == list(range(1000))

    def test_max_workers_by_default(self) -> None:
        count = getattr(os, "process_cpu_count", os.cpu_count)
        assert ThreadPoolExecutor()._max_workers == min(32, (count() or 1) + 4)
        assert ThreadPoolExecutor(max_workers=None)._max_workers == min(32, (count() or 1) + 4)
        assert ThreadPoolExecutor(7)._max_workers == 7

    def test_max_workers_set_afterwards_hold_for_the_calls_to_come(self, gate: threading.Event) -> None:
        with ThreadPoolExecutor(1) as executor:
            first = executor.submit(gate.wait)
            executor._max_workers = 3
            assert executor._max_workers == 3
            # A barrier of two is passed while the first call waits.
            barrier = threading.Barrier(2)
            futures = [executor.submit(barrier.wait, 10) for _ in range(2)]
            assert {future.result(10) for future in futures} == {0, 1}
            gate.set()
            assert first.result(10)

    def test_max_workers_far_more_than_needed(self) -> None:
        with ThreadPoolExecutor(10**6) as executor:
            assert executor.submit(pow, 2, 3).result() == 8
            assert len(executor._threads) == 1


class TestNames:
    def test_a_prefix(self, gate: threading.Event) -> None:
        with ThreadPoolExecutor(3, "mine") as executor:
            for _ in range(3):
                executor.submit(gate.wait)
            assert sorted(thread.name for thread in executor._threads) == ["mine_0", "mine_1", "mine_2"]
            gate.set()

    def test_none_is_counted(self) -> None:
        names = []
        for _ in range(2):
            with ThreadPoolExecutor(1, thread_name_prefix="") as executor:
                names.append(executor.submit(lambda: threading.current_thread().name).result())
        numbers = [int(re.fullmatch(r"ThreadPoolExecutor-(\d+)_0", name)[1]) for name in names]
        assert numbers[1] == numbers[0] + 1

    def test_its_threads_are_the_standard_librarys_threads(self) -> None:
        with ThreadPoolExecutor(1) as executor:
            thread = executor.submit(threading.current_thread).result()
            assert isinstance(thread, threading.Thread)
            assert executor._threads == {thread}
            assert thread in threading.enumerate()
            assert thread.is_alive()
        assert not thread.is_alive()
        assert not thread.daemon


class TestSubmit:
    def test_arguments_go_as_they_are(self) -> None:
        def capture(*args: object, **kwargs: object) -> object:
            return args, kwargs

        with ThreadPoolExecutor(1) as executor:
            assert executor.submit(capture).result() == ((), {})
            assert executor.submit(capture, 1, [2], a=3).result() == ((1, [2]), {"a": 3})
            assert executor.submit(capture, self=1, fn=2, args=3, kwargs=4, executor=5).result() == (
                (),
                {"self": 1, "fn": 2, "args": 3, "kwargs": 4, "executor": 5},
            )
            item = object()
            assert executor.submit(capture, item).result()[0][0] is item

    @pytest.mark.parametrize("what", [dict, int, [].append, "text".upper, threading.Lock])
    def test_whatever_can_be_called(self, what: Any) -> None:
        arguments = (1,) if getattr(what, "__name__", "") == "append" else ()
        with ThreadPoolExecutor(1) as executor:
            assert type(executor.submit(what, *arguments).result()) is type(what(*arguments))

    def test_what_cannot_be_called_fails_in_its_future(self) -> None:
        with ThreadPoolExecutor(1) as executor:
            with pytest.raises(TypeError, match="not callable"):
                executor.submit(None).result()

    @pytest.mark.parametrize("error", [ValueError("one"), KeyboardInterrupt(), SystemExit(3), GeneratorExit()])
    def test_what_a_task_raises_reaches_its_future_and_no_more(self, error: BaseException) -> None:
        def fail() -> None:
            raise error

        with ThreadPoolExecutor(1) as executor:
            future = executor.submit(fail)
            assert future.exception() is error
            assert executor.submit(pow, 2, 2).result() == 4
            assert len(executor._threads) == 1

    def test_the_trace_shows_where_it_was_raised(self) -> None:
        def fail_by_name() -> None:
            raise ValueError

        with ThreadPoolExecutor(1) as executor:
            error = executor.submit(fail_by_name).exception()
        names = []
        trace = error.__traceback__
        while trace is not None:
            names.append(trace.tb_frame.f_code.co_name)
            trace = trace.tb_next
        assert names[-1] == "fail_by_name"

    def test_a_task_that_was_cancelled_is_not_run(self, gate: threading.Event) -> None:
        calls: list[int] = []
        with ThreadPoolExecutor(1) as executor:
            begun = threading.Event()
            first = executor.submit(lambda: (begun.set(), gate.wait()))
            begun.wait()
            waiting = [executor.submit(calls.append, n) for n in range(10)]
            assert first.cancel() is False
            assert [future.cancel() for future in waiting[::2]] == [True] * 5
            gate.set()
        assert calls == [1, 3, 5, 7, 9]
        assert {future._state for future in waiting[::2]} == {"CANCELLED_AND_NOTIFIED"}
        assert all(future.result() is None for future in waiting[1::2])

    def test_a_future_is_running_while_its_task_runs(self, gate: threading.Event) -> None:
        begun = threading.Event()
        with ThreadPoolExecutor(1) as executor:
            running = executor.submit(lambda: (begun.set(), gate.wait()))
            pending = executor.submit(print)
            begun.wait()
            assert (running.running(), running.done()) == (True, False)
            assert (pending.running(), pending.done()) == (False, False)
            gate.set()

    def test_a_task_may_submit(self) -> None:
        def countdown(n: int) -> int:
            if n:
                order.append(executor.submit(countdown, n - 1))
            return n

        order: list[Any] = []
        with ThreadPoolExecutor(1) as executor:
            executor.submit(countdown, 100).result()
            while len(order) < 100:
                os.sched_yield()
            order[99].result()
        assert sorted(future.result() for future in order) == list(range(100))

    def test_a_callback_may_submit(self) -> None:
        made: list[Any] = []
        with ThreadPoolExecutor(2) as executor:
            future = executor.submit(pow, 2, 3)
            callback_done = threading.Event()
            future.add_done_callback(
                lambda done: (made.append(executor.submit(pow, done.result(), 2)), callback_done.set())
            )
            callback_done.wait()
            assert made[0].result() == 64

    def test_a_callback_runs_in_the_thread_of_the_task(self, gate: threading.Event) -> None:
        names: list[str] = []
        with ThreadPoolExecutor(1, "mine") as executor:
            executor.submit(gate.wait).add_done_callback(lambda _: names.append(threading.current_thread().name))
            gate.set()
        assert names == ["mine_0"]

    def test_many_threads_may_submit(self, threads: Any) -> None:
        count = itertools.count()
        made: list[Any] = []

        def submit() -> None:
            made.extend([executor.submit(next, count) for _ in range(500)])

        with ThreadPoolExecutor(4) as executor:
            for _ in range(6):
                threads.start(submit)
            threads.join()
        assert sorted(future.result() for future in made) == list(range(3000))

    def test_a_pool_in_a_task_of_a_pool(self) -> None:
        def inner(n: int) -> int:
            with ThreadPoolExecutor(2) as executor:
                return sum(executor.map(abs, range(-n, 0)))

        with ThreadPoolExecutor(2) as executor:
            assert list(executor.map(inner, range(5))) == [0, 1, 3, 6, 10]


class TestObject:
    def test_it_is_a_standard_executor(self) -> None:
        executor = ThreadPoolExecutor(1)
        assert isinstance(executor, concurrent.futures.Executor)
        assert isinstance(executor, concurrent.futures.ThreadPoolExecutor)
        assert isinstance(executor, futures.Executor)

    def test_a_subclass_with_its_own_submit(self) -> None:
        class Counting(ThreadPoolExecutor):
            n_submitted = 0

            def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Any:
                self.n_submitted += 1
                return super().submit(fn, *args, **kwargs)

        with Counting(2) as executor:
            assert list(executor.map(abs, [-1, -2, -3])) == [1, 2, 3]
            assert executor.submit(abs, -4).result() == 4
            assert executor.n_submitted == 4

    def test_a_subclass_with_its_own_init(self) -> None:
        class Mine(ThreadPoolExecutor):
            def __init__(self) -> None:
                super().__init__(2, "mine")
                self.extra = 1

        with Mine() as executor:
            assert executor.submit(lambda: threading.current_thread().name).result() == "mine_0"
            assert executor.extra == 1

    def test_an_executor_of_ones_own(self) -> None:
        class Here(futures.Executor):
            def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Any:
                future = futures.Future()
                try:
                    future.set_result(fn(*args, **kwargs))
                except Exception as error:
                    future.set_exception(error)
                return future

        with Here() as executor:
            assert list(executor.map(pow, [2, 3], [3, 2])) == [8, 9]
            with pytest.raises(ZeroDivisionError):
                list(executor.map(divmod, [1, 1], [1, 0]))
