"""The beginning and the end of a pool: its initializer, and its shutdown."""

from __future__ import annotations

import gc
import logging
import threading
import weakref
from concurrent.futures.thread import BrokenThreadPool
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


class TestInitializer:
    def test_it_is_called_once_in_each_thread_before_its_tasks(self, gate: threading.Event) -> None:
        local = threading.local()
        calls: list[tuple[object, ...]] = []

        def begin(*args: object) -> None:
            assert not hasattr(local, "name")
            local.name = threading.current_thread().name
            calls.append(args)

        with ThreadPoolExecutor(3, initializer=begin, initargs=(1, "two")) as executor:
            barrier = threading.Barrier(3)
            made = [executor.submit(lambda: (barrier.wait(60), local.name)) for _ in range(3)]
            assert len({future.result()[1] for future in made}) == 3
            executor.submit(lambda: local.name).result()
        assert calls == [(1, "two")] * 3

    def test_it_is_not_called_when_there_is_no_task(self) -> None:
        calls: list[int] = []
        with ThreadPoolExecutor(3, initializer=calls.append, initargs=(1,)):
            pass
        assert not calls

    def test_its_attributes(self) -> None:
        executor = ThreadPoolExecutor(3, "mine", print, (1, 2))
        assert (executor._initializer, executor._initargs) == (print, (1, 2)) or hasattr(
            executor, "_create_worker_context"
        )
        assert executor._thread_name_prefix == "mine"

    def test_one_that_raises_breaks_the_pool_and_is_logged(
        self, gate: threading.Event, caplog: pytest.LogCaptureFixture
    ) -> None:
        def fail() -> None:
            gate.wait()
            raise ValueError("of the initializer")

        executor = ThreadPoolExecutor(1, initializer=fail)
        made = [executor.submit(pow, 2, 2) for _ in range(5)]
        gate.set()
        for future in made:
            with pytest.raises(BrokenThreadPool) as error:
                future.result()
            assert str(error.value) == "A thread initializer failed, the thread pool is not usable anymore"
        with pytest.raises(futures.BrokenExecutor):
            executor.submit(print)
        assert executor._broken
        executor.shutdown()
        (record,) = caplog.records
        assert (record.name, record.levelno) == ("concurrent.futures", logging.CRITICAL)
        assert record.getMessage() == "Exception in initializer:"
        assert str(record.exc_info[1]) == "of the initializer"

    def test_a_broken_pool_is_shut_down_as_any(self, caplog: pytest.LogCaptureFixture) -> None:
        with ThreadPoolExecutor(2, initializer=lambda: 1 // 0) as executor:
            with pytest.raises(BrokenThreadPool):
                executor.submit(print).result()
        assert not any(thread.is_alive() for thread in executor._threads)


class TestShutdown:
    def test_it_waits_for_what_was_submitted(self, gate: threading.Event, threads: Any) -> None:
        calls: list[int] = []
        executor = ThreadPoolExecutor(1)
        executor.submit(gate.wait)
        for n in range(10):
            executor.submit(calls.append, n)
        threads.start(gate.set)
        executor.shutdown()
        assert calls == list(range(10))
        assert not any(thread.is_alive() for thread in executor._threads)

    def test_without_waiting_the_tasks_still_run(self, gate: threading.Event) -> None:
        executor = ThreadPoolExecutor(1)
        executor.submit(gate.wait)
        future = executor.submit(pow, 2, 2)
        executor.shutdown(wait=False)
        assert not future.done()
        gate.set()
        assert future.result() == 4
        for thread in list(executor._threads):
            thread.join()

    @pytest.mark.parametrize("wait", [True, False])
    def test_it_may_cancel_what_waits(self, wait: bool, gate: threading.Event, threads: Any) -> None:
        begun = threading.Event()
        executor = ThreadPoolExecutor(1)
        running = executor.submit(lambda: (begun.set(), gate.wait()))
        waiting = [executor.submit(print) for _ in range(10)]
        begun.wait()
        ended = []
        if wait:
            for future in waiting:
                future.add_done_callback(lambda _: gate.set())
        executor.shutdown(wait=wait, cancel_futures=True)
        assert all(future.cancelled() for future in waiting)
        gate.set()
        assert running.result() == (None, True)
        assert not ended

    def test_nothing_is_taken_afterwards(self) -> None:
        executor = ThreadPoolExecutor(1)
        assert not executor._shutdown
        executor.shutdown()
        assert executor._shutdown
        for call in (lambda: executor.submit(print), lambda: executor.map(print, [1])):
            with pytest.raises(RuntimeError, match=r"^cannot schedule new futures after shutdown$"):
                call()

    def test_it_may_be_called_often_and_by_many(self, threads: Any) -> None:
        executor = ThreadPoolExecutor(2)
        made = [executor.submit(pow, 2, n) for n in range(100)]
        for wait in (True, False, True):
            threads.start(executor.shutdown, wait)
        threads.join()
        executor.shutdown()
        assert [future.result() for future in made] == [2**n for n in range(100)]

    def test_a_block_ends_it_also_when_it_raises(self) -> None:
        with pytest.raises(ZeroDivisionError):
            with ThreadPoolExecutor(1) as executor:
                future = executor.submit(pow, 2, 3)
                1 // 0
        assert future.result() == 8
        assert executor._shutdown

    def test_a_block_gives_the_executor(self) -> None:
        executor = ThreadPoolExecutor(1)
        with executor as given:
            assert given is executor

    def test_a_task_may_not_submit_to_a_pool_that_ended(self, gate: threading.Event) -> None:
        executor = ThreadPoolExecutor(1)
        future = executor.submit(lambda: (gate.wait(), executor.submit(print)))
        executor.shutdown(wait=False)
        gate.set()
        with pytest.raises(RuntimeError, match="after shutdown"):
            future.result()

    def test_a_pool_that_is_dropped_ends_its_threads(self) -> None:
        executor = ThreadPoolExecutor(3)
        assert list(executor.map(abs, range(-5, 0))) == [5, 4, 3, 2, 1]
        threads = list(executor._threads)
        reference = weakref.ref(executor)
        del executor
        gc.collect()
        assert reference() is None
        for thread in threads:
            thread.join(60)
            assert not thread.is_alive()

    def test_a_pool_that_is_dropped_does_its_work_before(self, gate: threading.Event) -> None:
        executor = ThreadPoolExecutor(1)
        executor.submit(gate.wait)
        made = [executor.submit(pow, 2, n) for n in range(10)]
        del executor
        gc.collect()
        gate.set()
        assert [future.result(60) for future in made] == [2**n for n in range(10)]

    def test_its_end_leaves_no_thread(self) -> None:
        # By name: threads of pools that were dropped before may be about to end.
        with ThreadPoolExecutor(8, thread_name_prefix="leaves-none") as executor:
            list(executor.map(abs, range(100)))
        assert not [thread for thread in threading.enumerate() if thread.name.startswith("leaves-none")]

    def test_a_thread_of_the_pool_cannot_wait_for_its_end(self) -> None:
        for _ in range(100):
            with ThreadPoolExecutor(1) as executor:
                error = executor.submit(executor.shutdown).exception(60)
                assert isinstance(error, RuntimeError)
                assert str(error) == "cannot join current thread"
