"""The executor of processes: calls and what comes of them, what fails one and harms no other, and what is left."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import gc
import multiprocessing
import os
import pickle
import queue
import random
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pool_calls
import pytest
from tests.conftest import wait_until
from tests.leftovers import descriptors, is_alive

if not sys.platform.startswith("linux"):
    pytest.skip("the executor is the standard library's here", allow_module_level=True)

from ungil.futures import BrokenProcessPool, Future, ProcessPoolExecutor, Retry, WorkerDied, as_completed, wait

OutputOf = Callable[..., str]


@pytest.fixture
def executor() -> Iterator[ProcessPoolExecutor]:
    with ProcessPoolExecutor(2) as made:
        yield made


@pytest.fixture
def single() -> Iterator[ProcessPoolExecutor]:
    with ProcessPoolExecutor(1) as made:
        yield made


class TestCalls:
    def test_a_call_is_made_in_another_process(self, executor: ProcessPoolExecutor) -> None:
        future = executor.submit(os.getpid)
        assert isinstance(future, concurrent.futures.Future)
        assert isinstance(executor, concurrent.futures.ProcessPoolExecutor)
        assert future.result() != os.getpid()
        assert executor.submit(dict, [("a", 1)], b=2).result() == {"a": 1, "b": 2}

    def test_at_most_so_many_processes_make_them(self) -> None:
        with ProcessPoolExecutor(3) as executor:
            pids = set(executor.map(pool_calls.pause_and_return, [0.05] * 12, [0] * 12))
            assert pids == {0}
            assert executor.statistics().workers <= 3
            assert len(executor._processes) == executor.statistics().workers

    def test_functions_that_cannot_be_imported_go_by_value(self, executor: ProcessPoolExecutor) -> None:
        base = 10

        def add(x: int) -> int:
            return base + x

        class Local:
            def __init__(self, x: int) -> None:
                self.x = x

        assert executor.submit(lambda: base * 2).result() == 20
        assert list(executor.map(add, range(100))) == list(range(10, 110))
        assert list(executor.map(add, range(100), chunksize=7)) == list(range(10, 110))
        made = executor.submit(Local, 4).result()
        assert type(made) is Local and made.x == 4

    def test_what_main_defines_goes_there_and_back(self, output_of: OutputOf, tmp_path: Path) -> None:
        source = """
from dataclasses import dataclass
from ungil.futures import ProcessPoolExecutor

@dataclass
class Point:
    x: int

scale = 3

def scaled(point):
    return Point(point.x * scale)

# Without a guard: nobody imports this again.
with ProcessPoolExecutor(2) as executor:
    points = list(executor.map(scaled, map(Point, range(3))))
    print(points, all(type(point) is Point for point in points))
    print(executor.submit(scaled, Point(5)).result())
"""
        assert output_of(source) == "[Point(x=0), Point(x=3), Point(x=6)] True\nPoint(x=15)\n"

    def test_many_calls_give_their_results_in_order(self, executor: ProcessPoolExecutor) -> None:
        assert list(executor.map(pool_calls.double, range(20_000))) == list(range(0, 40_000, 2))

    def test_a_long_call_among_short_ones_holds_up_none(self, executor: ProcessPoolExecutor, tmp_path: Path) -> None:
        assert list(executor.map(abs, range(500))) == list(range(500))
        long = executor.submit(pool_calls.wait_for, str(tmp_path / "there"))
        # Given ahead behind the long one or not, the idle worker makes them.
        short = [executor.submit(abs, -n) for n in range(200)]
        assert [future.result(60) for future in short] == list(range(200))
        assert not long.done()
        (tmp_path / "there").touch()
        assert long.result(60) is None

    def test_no_call_stays_behind_a_long_one_with_which_it_gathered(
        self, executor: ProcessPoolExecutor, tmp_path: Path
    ) -> None:
        for turn in range(10):
            # So many in a row that one worker is awake and the other is not.
            before = [executor.submit(abs, -n) for n in range(500)]
            long = executor.submit(pool_calls.wait_for, str(tmp_path / f"{turn}"))
            after = [executor.submit(abs, -n) for n in range(5)]
            assert [future.result(60) for future in before + after] == [*range(500), *range(5)]
            assert not long.done()
            (tmp_path / f"{turn}").touch()
            assert long.result(60) is None

    def test_threads_submit_and_wait_at_once(self, executor: ProcessPoolExecutor) -> None:
        wrong: list[Any] = []

        def use(base: int) -> None:
            for n in range(300):
                if executor.submit(pool_calls.double, base + n).result() != 2 * (base + n):
                    wrong.append((base, n))

        threads = [threading.Thread(target=use, args=(base * 1000,)) for base in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert wrong == []

    def test_callbacks_and_groups_and_asyncio_are_told(self, executor: ProcessPoolExecutor) -> None:
        told: queue.Queue[Any] = queue.Queue()
        executor.submit(pool_calls.pause_and_return, 0.05, 1).add_done_callback(lambda f: told.put(f.result()))
        assert told.get(timeout=60) == 1
        futures = [executor.submit(pool_calls.double, n) for n in range(20)]
        assert sum(future.result() for future in as_completed(futures)) == 380
        done, not_done = wait([executor.submit(time.sleep, 0.01) for _ in range(4)])
        assert (len(done), len(not_done)) == (4, 0)

        async def use() -> list[int]:
            loop = asyncio.get_running_loop()
            return await asyncio.gather(*(loop.run_in_executor(executor, pool_calls.double, n) for n in range(10)))

        assert asyncio.run(use()) == list(range(0, 20, 2))

    def test_a_callback_may_submit(self, executor: ProcessPoolExecutor) -> None:
        n_left = 500
        is_over = threading.Event()

        def more(_: Any) -> None:
            nonlocal n_left
            n_left -= 1
            if n_left == 0:
                is_over.set()
            else:
                executor.submit(abs, -1).add_done_callback(more)

        executor.submit(abs, -1).add_done_callback(more)
        assert is_over.wait(60)

    def test_a_callback_may_take_a_lock_of_who_submits(self, executor: ProcessPoolExecutor) -> None:
        lock = threading.Lock()
        pending: set[Any] = set()
        told: list[int] = []
        is_over = threading.Event()

        def forget(future: Any) -> None:
            with lock:
                pending.remove(future)
                told.append(1)
                if len(told) == 5000:
                    is_over.set()

        for n in range(5000):
            with lock:
                # On the way it finds what came of the calls before.
                future = executor.submit(abs, -n)
                pending.add(future)
            future.add_done_callback(forget)
        assert is_over.wait(60)

    def test_a_callback_may_wait_for_other_calls(self, executor: ProcessPoolExecutor) -> None:
        told: queue.Queue[Any] = queue.Queue()
        futures = [executor.submit(abs, -n) for n in range(200)]
        threads = set()

        def add_next(n: int) -> None:
            threads.add(threading.current_thread().name)
            told.put(futures[(n + 1) % 200].result())

        for n, future in enumerate([executor.submit(abs, -n) for n in range(200)]):
            future.add_done_callback(lambda _, n=n: add_next(n))
        assert sorted(told.get(timeout=60) for _ in range(200)) == list(range(200))
        # Those that had ended already when they were given their callback call it at once.
        assert threads <= {"ungil-process-pool", "MainThread"}

    def test_a_callback_may_wait_for_a_call_whose_worker_dies(self, executor: ProcessPoolExecutor) -> None:
        told: queue.Queue[Any] = queue.Queue()

        def submit_more(_: Any) -> None:
            with pytest.raises(TimeoutError):
                executor.submit(time.sleep, 0.3).result(0.01)
            told.put(executor.submit(pool_calls.kill_self).exception())
            told.put(executor.submit(abs, -7).result())

        executor.submit(abs, -1).add_done_callback(submit_more)
        assert isinstance(told.get(timeout=60), WorkerDied)
        assert told.get(timeout=60) == 7

    def test_the_callback_of_a_call_whose_worker_dies_is_called(self, single: ProcessPoolExecutor) -> None:
        told: queue.Queue[Any] = queue.Queue()
        future = single.submit(pool_calls.kill_self)
        future.add_done_callback(lambda future: told.put(future.exception()))
        assert isinstance(told.get(timeout=60), WorkerDied)

    def test_the_end_waits_for_callbacks(self) -> None:
        told: list[int] = []
        with ProcessPoolExecutor(2) as executor:
            for n in range(50):
                executor.submit(abs, -n).add_done_callback(lambda f: (time.sleep(0.005), told.append(f.result())))
        assert sorted(told) == list(range(50))

    def test_initializers_are_called_first(self) -> None:
        with ProcessPoolExecutor(2, initializer=pool_calls.initialise, initargs=("ready",)) as executor:
            assert list(executor.map(lambda _: pool_calls.state(), range(10))) == [["ready"]] * 10

    def test_the_process_looks_like_the_parent(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("UNGIL_TEST", "set")
        monkeypatch.chdir(tmp_path)
        monkeypatch.syspath_prepend(str(tmp_path))
        (tmp_path / "only_here.py").write_text("value = 5\n")
        with ProcessPoolExecutor(1) as executor:
            assert executor.submit(os.getenv, "UNGIL_TEST").result() == "set"
            assert executor.submit(os.getcwd).result() == str(tmp_path)
            assert executor.submit(eval, "__import__('only_here').value").result() == 5
            assert executor.submit(eval, "__import__('sys').argv").result() == sys.argv

    def test_a_process_is_replaced_after_so_many_calls(self) -> None:
        with ProcessPoolExecutor(1, max_tasks_per_child=3) as executor:
            pids = [executor.submit(os.getpid).result() for _ in range(9)]
        assert [pids.count(pid) for pid in dict.fromkeys(pids)] == [3, 3, 3]

    def test_workers_may_be_forks_of_this_process(self) -> None:
        pool_calls.STATE.append("of the parent")
        try:
            context = multiprocessing.get_context("fork")
            with ProcessPoolExecutor(2, mp_context=context) as executor:
                assert executor.submit(pool_calls.state).result() == ["of the parent"]
        finally:
            pool_calls.STATE.clear()
        with ProcessPoolExecutor(2) as executor:
            assert executor.submit(pool_calls.state).result() == []

    def test_forks_of_this_process_send_large_results(self) -> None:
        with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("fork")) as executor:
            assert executor.submit(pool_calls.double, "x" * 2**20).result() == "x" * 2**21

    def test_processes_draw_other_random_numbers(self) -> None:
        with ProcessPoolExecutor(2, preload=["numpy", "random"]) as executor:
            futures = [executor.submit(pool_calls.pause_and_return, 0.2, 0) for _ in range(2)]
            wait(futures)

            def draw() -> tuple[int, float, float]:
                time.sleep(0.1)
                return os.getpid(), random.random(), float(np.random.random())

            drawn = {future.result() for future in [executor.submit(draw) for _ in range(2)]}
        assert len({pid for pid, _, _ in drawn}) == len({x for _, x, _ in drawn}) == len({y for _, _, y in drawn}) == 2


class TestData:
    def test_large_buffers_go_by_value(self, single: ProcessPoolExecutor) -> None:
        array = np.arange(1_000_000, dtype=np.float64)
        future = single.submit(pool_calls.change_and_sum, array)
        assert future.result() == array.sum() + array.size
        assert array[0] == 0
        made = single.submit(pool_calls.make_array, 1_000_000).result()
        made += 1
        assert np.array_equal(made, array + 1)
        assert single.submit(pool_calls.make_array, 10).result().sum() == 45

    def test_what_is_sent_is_what_was_there_when_it_was_submitted(self, single: ProcessPoolExecutor) -> None:
        single.submit(time.sleep, 0.1)
        array = np.ones(100_000)
        future = single.submit(pool_calls.double, array)
        array[:] = 5
        assert (future.result() == 2).all()

    def test_what_a_worker_keeps_stays_as_it_was(self, single: ProcessPoolExecutor) -> None:
        for n in range(20):
            single.submit(pool_calls.keep, np.full(50_000, float(n))).result()
        assert single.submit(pool_calls.sum_of_kept).result() == 50_000 * sum(range(20))

    def test_what_the_parent_keeps_stays_as_it_was(self, single: ProcessPoolExecutor) -> None:
        kept = [single.submit(np.full, 50_000, float(n)).result() for n in range(20)]
        assert [array.sum() for array in kept] == [50_000.0 * n for n in range(20)]

    @pytest.mark.parametrize("n", [0, 1, 32_000, 32_768, 40_000, 300_000, 20_000_000])
    def test_pickles_of_every_length_pass(self, single: ProcessPoolExecutor, n: int) -> None:
        data = random.Random(n).randbytes(n)
        assert single.submit(pool_calls.double, data).result() == data * 2

    def test_arrays_of_all_kinds_pass(self, single: ProcessPoolExecutor) -> None:
        big = np.arange(60_000).reshape(200, 300)
        frozen = np.arange(60_000.0)
        frozen.flags.writeable = False
        strings = np.array(["text"] * 20_000, dtype=object)
        for array in (big, big.T, big[::2, ::3], np.asfortranarray(big), frozen, strings, np.array(3.0), np.zeros(0)):
            back = single.submit(pool_calls.pause_and_return, 0, array).result()
            assert np.array_equal(back, array) and back.dtype == array.dtype
        many = [np.full(5000, n) for n in range(1500)]
        assert all(map(np.array_equal, single.submit(pool_calls.pause_and_return, 0, many).result(), many))

    def test_blocks_are_given_back(self, single: ProcessPoolExecutor) -> None:
        for _ in range(50):
            single.submit(pool_calls.double, np.ones(100_000)).result()
        wait_until(lambda: single._pool.n_blocks() <= 1)

    def test_there_is_no_memory_beyond_max_memory(self) -> None:
        with ProcessPoolExecutor(1, max_memory=400 << 20) as executor:
            assert executor.submit(pool_calls.allocate, 100 << 20).result() == 100 << 20
            with pytest.raises(MemoryError):
                executor.submit(pool_calls.allocate, 600 << 20).result()
            with pytest.raises(MemoryError):
                executor.submit(len, bytes(600 << 20)).result()
            assert executor.submit(abs, -1).result() == 1


class TestFailures:
    def test_an_exception_keeps_its_type_and_has_the_traceback_from_there(self, single: ProcessPoolExecutor) -> None:
        failure = single.submit(pool_calls.raise_custom).exception()
        assert type(failure) is pool_calls.Custom
        assert (failure.code, failure.detail) == (3, "deep")
        assert "in raise_custom" in str(failure.__cause__)

    @pytest.mark.parametrize(
        ("submit", "kind", "text"),
        [
            (lambda e: e.submit(abs, pool_calls.Holder()), TypeError, "argument 0 of abs.inner['lock'] cannot"),
            (lambda e: e.submit(dict, k=[1, pool_calls.Holder()]), TypeError, "argument k of dict[1].inner['lock'] c"),
            (lambda e: e.submit(pool_calls.return_holder), TypeError, "result of return_holder.inner['lock'] cannot"),
            (lambda e: e.submit(pool_calls.raise_with_lock), pickle.PicklingError, "exception ValueError.lock cannot"),
            (lambda e: e.submit(pool_calls.raise_unreadable), pickle.UnpicklingError, "pool_calls.Unreadable, which"),
            (lambda e: e.submit(abs, pool_calls.LateLoad()), pickle.UnpicklingError, "in the worker process: Value"),
            (lambda e: e.submit(pool_calls.return_late_load), pickle.UnpicklingError, "unpickled here: ValueError"),
        ],
    )  # fmt: skip
    def test_what_does_not_come_through_fails_its_own_call(
        self, single: ProcessPoolExecutor, submit: Any, kind: type, text: str
    ) -> None:
        pid = single.submit(os.getpid).result()
        failure = submit(single).exception(60)
        assert type(failure) is kind and text in str(failure)
        assert single.submit(os.getpid).result() == pid

    def test_a_closure_is_named(self, single: ProcessPoolExecutor) -> None:
        lock = threading.Lock()
        failure = single.submit(lambda: lock).exception()
        assert "'s variable lock cannot be pickled" in str(failure)
        with pytest.raises(TypeError, match="'s variable lock cannot be pickled"):
            single.map(lambda _: lock, range(3))

    def test_an_initializer_that_fails_fails_each_call(self, tmp_path: Path) -> None:
        with ProcessPoolExecutor(2, initializer=pool_calls.fail_to_initialise) as executor:
            failures = [future.exception() for future in [executor.submit(abs, 1) for _ in range(5)]]
            assert all(type(failure) is BrokenProcessPool for failure in failures)
            assert "LookupError: no such thing" in str(failures[0])
            assert "in fail_to_initialise" in str(failures[0].__cause__)
        path = tmp_path / "there"
        with ProcessPoolExecutor(1, initializer=pool_calls.fail_unless, initargs=(str(path),)) as executor:
            assert isinstance(executor.submit(abs, 1).exception(), BrokenProcessPool)
            path.touch()
            assert executor.submit(abs, -1).result() == 1

    def test_an_initializer_that_cannot_be_pickled_is_told_at_once(self) -> None:
        with pytest.raises(TypeError, match=r"initargs\[0\] cannot be pickled"):
            ProcessPoolExecutor(1, initializer=print, initargs=(threading.Lock(),))

    @pytest.mark.parametrize(
        ("call", "exitcode", "text"),
        [
            ((os._exit, 3), 3, "ended with exit code 3"),
            ((os._exit, 0), 0, "ended with exit code 0"),
            ((pool_calls.kill_self,), -signal.SIGKILL, "was ended by SIGKILL"),
            ((pool_calls.kill_self, signal.SIGTERM), -signal.SIGTERM, "was ended by SIGTERM"),
            ((pool_calls.segfault,), -signal.SIGSEGV, "was ended by SIGSEGV"),
            ((os.abort,), -signal.SIGABRT, "was ended by SIGABRT"),
            ((pool_calls.complain_and_die,), 7, "the last words"),
        ],
    )
    def test_a_worker_that_dies_fails_its_call_alone(
        self, executor: ProcessPoolExecutor, call: Any, exitcode: int, text: str
    ) -> None:
        others = [executor.submit(pool_calls.pause_and_return, 0.02, n) for n in range(4)]
        future = executor.submit(*call)
        more = [executor.submit(pool_calls.pause_and_return, 0.02, n) for n in range(4)]
        failure = future.exception(60)
        assert isinstance(failure, WorkerDied) and isinstance(failure, concurrent.futures.process.BrokenProcessPool)
        assert failure.exitcode == exitcode and text in str(failure)
        assert failure.pid is not None and not is_alive(failure.pid)
        assert [future.result(60) for future in others + more] == [0, 1, 2, 3] * 2
        copy = pickle.loads(pickle.dumps(failure))
        assert (str(copy), copy.pid, copy.exitcode, copy.stderr) == (
            str(failure), failure.pid, exitcode, failure.stderr,
        )  # fmt: skip

    def test_an_idle_worker_that_dies_is_replaced(self, single: ProcessPoolExecutor) -> None:
        pid = single.submit(os.getpid).result()
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: pid not in single._processes)
        assert single.submit(os.getpid).result(60) != pid

    def test_the_standard_behaviour_can_be_had(self) -> None:
        with ProcessPoolExecutor(2, on_worker_death="break") as executor:
            futures = [executor.submit(time.sleep, 0.05) for _ in range(10)]
            futures.append(executor.submit(os._exit, 1))
            futures += [executor.submit(time.sleep, 0.05) for _ in range(10)]
            assert isinstance(futures[10].exception(60), BrokenProcessPool)
            assert all(isinstance(f.exception(60), BrokenProcessPool) for f in futures[12:])
            with pytest.raises(BrokenProcessPool):
                executor.submit(abs, 1)
            assert executor._broken

    def test_nobody_dies_twice(self, executor: ProcessPoolExecutor) -> None:
        """No call is made again that a dead worker may have begun."""
        for _ in range(10):
            assert isinstance(executor.submit(os._exit, 1).exception(60), WorkerDied)
        assert executor.submit(abs, -1).result() == 1

    @pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
    def test_ctrl_c_while_a_result_is_read_is_not_the_result(self, single: ProcessPoolExecutor) -> None:
        class Interrupting:
            def __init__(self, pid: int) -> None:
                self.pid = pid

            def __reduce__(self) -> Any:
                return _interrupt_in, (self.pid,)

        READINGS.clear()
        future = single.submit(Interrupting, os.getpid())
        # It is raised in the thread that reads, whichever that is.
        with contextlib.suppress(KeyboardInterrupt):
            future.result(60)
        assert future.result(60) == 2

    @pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
    def test_options_that_fail_do_not_lose_the_call(self, single: ProcessPoolExecutor) -> None:
        class Odd(Retry):
            def delay(self, attempt: int) -> float:
                raise ArithmeticError("no delay")

        future = single.options(retry=Odd(3)).submit(int, "x")
        wait([future], timeout=60)
        assert isinstance(future.exception(0), ValueError)
        assert single.submit(abs, -1).result(60) == 1

    def test_workers_that_die_before_they_make_a_call_end_the_executor(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("ungil._process_pool.keeper._file_of", lambda _: os.memfd_create("none"))
        with ProcessPoolExecutor(1) as executor:
            failure = executor.submit(abs, 1).exception(60)
            assert isinstance(failure, BrokenProcessPool) and "EOFError" in str(failure)
            with pytest.raises(BrokenProcessPool):
                executor.submit(abs, 1)


READINGS: list[int] = []


def _interrupt_in(pid: int) -> int:
    """Raise `KeyboardInterrupt` at the first reading in the parent; return how many there were."""
    if os.getpid() != pid:
        return 0
    READINGS.append(1)
    if len(READINGS) == 1:
        raise KeyboardInterrupt
    return len(READINGS)


class TestOptions:
    def test_a_deadline_ends_the_worker_and_frees_its_place(self, single: ProcessPoolExecutor) -> None:
        pid = single.submit(os.getpid).result()
        future = single.options(timeout=0.1, name="nap").submit(time.sleep, 60)
        after = single.submit(os.getpid)
        assert str(future.exception(60)) == "nap was not over within its timeout of 0.1 s"
        assert after.result(60) != pid
        assert single.options(timeout=30).submit(abs, -1).result() == 1

    def test_retries(self, executor: ProcessPoolExecutor, tmp_path: Path) -> None:
        path = tmp_path / "attempts"

        def once_more(n: int) -> int:
            with path.open("a+") as file:
                file.write("x")
                file.seek(0)
                count = len(file.read())
            if count == n - 1:
                os._exit(1)
            if count < n:
                raise OSError(count)
            return count

        assert executor.options(retry=5).submit(once_more, 4).result(60) == 4
        path.unlink()
        assert isinstance(executor.options(retry=1).submit(once_more, 4).exception(60), OSError | WorkerDied)
        path.unlink()
        only = Retry(5, exceptions=KeyError)
        assert isinstance(executor.options(retry=only).submit(once_more, 4).exception(60), OSError)
        path.unlink()
        assert executor.options(retry=Retry(5, backoff=0.01)).submit(once_more, 3).result(60) == 3

    def test_a_retry_that_waits_is_made_before_the_end(self, tmp_path: Path) -> None:
        path = str(tmp_path / "there")
        executor = ProcessPoolExecutor(1)
        future = executor.options(retry=Retry(2, backoff=0.3)).submit(pool_calls.fail_once_more, path)
        executor.shutdown()
        assert future.result(0) == "made"

    def test_what_waits_behind_a_deadline_does_not_die_with_it(self, single: ProcessPoolExecutor) -> None:
        for _ in range(100):
            single.submit(abs, 1).result()
        late = single.options(timeout=0.1).submit(time.sleep, 60)
        others = [single.submit(abs, -n) for n in range(50)]
        assert isinstance(late.exception(60), TimeoutError)
        assert [future.result(60) for future in others] == list(range(50))

    def test_priorities(self, single: ProcessPoolExecutor, tmp_path: Path) -> None:
        path = str(tmp_path / "order")
        futures = [single.submit(pool_calls.append_line, path, "first", 1)]
        for priority in (0, 1, -1, 5):
            futures.append(single.options(priority=priority).submit(pool_calls.append_line, path, str(priority), 0.1))
        wait(futures)
        assert Path(path).read_text().split() == ["first", "5", "1", "0", "-1"]

    def test_a_bounded_backlog(self) -> None:
        with ProcessPoolExecutor(1, max_pending=2) as executor:
            started = executor.submit(time.sleep, 1)
            executor.submit(abs, 1)
            executor.submit(abs, 1)
            with pytest.raises(queue.Full):
                executor.options(block=False).submit(abs, 1)
            assert not started.done()
            assert executor.submit(abs, -2).result(60) == 2
            assert started.done()

    def test_stop_tokens_are_refused(self, single: ProcessPoolExecutor) -> None:
        with pytest.raises(TypeError):
            single.options(stop_token=True)  # type: ignore[call-arg]

    @pytest.mark.parametrize(
        ("arguments", "kind", "text"),
        [
            ({"max_workers": 0}, ValueError, "max_workers must be greater than 0"),
            ({"initializer": 1}, TypeError, "initializer must be a callable"),
            ({"max_tasks_per_child": 0}, ValueError, "max_tasks_per_child must be >= 1"),
            ({"max_tasks_per_child": 1.0}, TypeError, "max_tasks_per_child must be an integer"),
            ({"max_pending": 1.5}, TypeError, "max_pending must be a whole number"),
            ({"max_pending": 0}, ValueError, "max_pending must be 1 or more"),
            ({"max_memory": 0}, ValueError, "max_memory must be 1 or more"),
            ({"on_worker_death": "ignore"}, ValueError, "must be 'replace' or 'break'"),
        ],
    )
    def test_wrong_arguments(self, arguments: Any, kind: type[Exception], text: str) -> None:
        with pytest.raises(kind, match=text):
            ProcessPoolExecutor(**arguments)


class TestEnd:
    def test_after_a_shutdown_nothing_is_taken_and_nothing_is_lost(self) -> None:
        executor = ProcessPoolExecutor(2)
        futures = [executor.submit(pool_calls.pause_and_return, 0.01, n) for n in range(20)]
        executor.shutdown()
        assert [future.result(0) for future in futures] == list(range(20))
        with pytest.raises(RuntimeError, match="cannot schedule new futures after shutdown"):
            executor.submit(abs, 1)
        executor.shutdown()

    def test_calls_that_have_not_begun_are_cancelled(self) -> None:
        executor = ProcessPoolExecutor(1)
        # The worker is there, and begins the first at once.
        executor.submit(abs, 1).result()
        futures = [executor.submit(time.sleep, 2)]
        time.sleep(0.1)
        futures += [executor.submit(time.sleep, 0.2) for _ in range(4)]
        executor.shutdown(cancel_futures=True)
        assert futures[0].exception() is None
        assert all(future.cancelled() for future in futures[1:])

    def test_calls_that_wait_can_be_cancelled(self, single: ProcessPoolExecutor) -> None:
        running = single.submit(time.sleep, 1)
        waiting = single.submit(abs, 1)
        assert waiting.cancel() and not running.cancel()
        assert running.result() is None
        assert single.statistics().cancelled == 1 or single.submit(abs, 1).result() == 1

    def test_an_executor_that_is_dropped_makes_its_calls(self) -> None:
        executor = ProcessPoolExecutor(1)
        futures = [executor.submit(pool_calls.pause_and_return, 0.02, n) for n in range(5)]
        pids = list(executor._processes)
        del executor
        gc.collect()
        assert [future.result(60) for future in futures] == list(range(5))
        wait_until(lambda: not any(map(is_alive, pids)))

    def test_terminated_calls_are_not_made_again(self, tmp_path: Path) -> None:
        path = tmp_path / "begun"
        executor = ProcessPoolExecutor(1)
        future = executor.options(retry=5).submit(pool_calls.append_line, str(path), "", 60.0)
        wait_until(path.exists)
        executor.terminate_workers()
        assert isinstance(future.exception(0), WorkerDied)

    def test_a_callback_may_not_wait_for_the_end_in_the_thread_that_sees_to_it(self) -> None:
        executor = ProcessPoolExecutor(1)
        told: queue.Queue[Any] = queue.Queue()

        def end(_: Any) -> None:
            try:
                executor.shutdown()
            except RuntimeError as failure:
                told.put(str(failure))

        executor.submit(time.sleep, 0.2).add_done_callback(end)
        assert told.get(timeout=60) == "cannot join current thread"
        executor.shutdown()

    def test_forks_of_this_process_do_not_hold_one_another(self) -> None:
        context = multiprocessing.get_context("fork")
        first, second = (ProcessPoolExecutor(1, mp_context=context) for _ in range(2))
        first.shutdown()
        assert second.submit(abs, -1).result(60) == 1
        second.shutdown()

    def test_a_large_backlog_that_is_cancelled_leaves_nothing_hanging(self) -> None:
        for _ in range(5):
            executor = ProcessPoolExecutor(1)
            for _ in range(50):
                executor.submit(abs, 1).result()
            first = executor.submit(time.sleep, 0.02)
            futures = [executor.submit(len, bytes(32_000)) for _ in range(20)]
            executor.shutdown(cancel_futures=True)
            assert first.done() and all(future.done() for future in futures)

    def test_a_result_in_shared_memory_outlives_its_worker(self) -> None:
        with ProcessPoolExecutor(2, max_tasks_per_child=1) as executor:
            for n in range(1, 30):
                assert executor.submit(_shared_ones, n).result().sum() == n

    def test_locks_and_pipes_may_be_given_to_initializers(self) -> None:
        ours, theirs = multiprocessing.Pipe()
        lock = multiprocessing.get_context("spawn").Lock()
        initargs = (theirs, lock)
        with ProcessPoolExecutor(1, initializer=pool_calls.take_end, initargs=initargs) as executor:
            executor.submit(pool_calls.send_there, "hello").result(60)
            assert ours.poll(10) and ours.recv() == "hello"

    def test_a_worker_may_put_something_else_in_the_place_of_standard_error(self, tmp_path: Path) -> None:
        path = str(tmp_path / "log")
        with ProcessPoolExecutor(1, initializer=pool_calls.redirect_stderr, initargs=(path,)) as executor:
            executor.submit(os.system, "echo logged >&2").result(60)
            before = time.process_time()
            time.sleep(0.5)
            # The thread that watches the pool sleeps.
            assert time.process_time() - before < 0.4
            assert Path(path).read_text() == "logged\n"
            assert isinstance(executor.submit(os._exit, 1).exception(60), WorkerDied)

    def test_workers_can_be_terminated(self, tmp_path: Path) -> None:
        executor = ProcessPoolExecutor(2)
        path = tmp_path / "begun"
        futures = [executor.submit(pool_calls.append_line, str(path), "", 60.0) for _ in range(4)]
        wait_until(lambda: path.exists() and len(path.read_text()) == 2)
        executor.terminate_workers()
        assert all(isinstance(future.exception(), WorkerDied) for future in futures[:2])
        assert all(future.cancelled() for future in futures[2:])

    def test_the_end_of_the_interpreter_waits_for_calls(self, output_of: OutputOf) -> None:
        source = """
import time
from ungil.futures import ProcessPoolExecutor
def work(n):
    time.sleep(0.05)
    print(n, flush=True)
executor = ProcessPoolExecutor(1)
for n in range(3):
    executor.submit(work, n)
"""
        assert output_of(source) == "0\n1\n2\n"

    def test_what_calls_print_is_there_before_their_results(self, output_of: OutputOf) -> None:
        source = """
from ungil.futures import ProcessPoolExecutor
with ProcessPoolExecutor(1) as executor:
    for n in range(3):
        executor.submit(print, "call", n).result()
        print("result", n, flush=True)
"""
        assert output_of(source) == "".join(f"call {n}\nresult {n}\n" for n in range(3))

    def test_standard_error_comes_through(self, output_of: OutputOf) -> None:
        source = """
import os, sys
from ungil.futures import ProcessPoolExecutor
r, w = os.pipe()
os.dup2(w, 2)
with ProcessPoolExecutor(1) as executor:
    executor.submit(eval, "print('to stderr', file=__import__('sys').stderr)").result()
print(os.read(r, 100))
"""
        assert output_of(source) == "b'to stderr\\n'\n"

    def test_ctrl_c_ends_calls_and_leaves_nothing(self, output_of: OutputOf) -> None:
        source = """
import os, signal, sys, threading, time
sys.path.insert(0, "tests/processes")
import pool_calls
from ungil.futures import ProcessPoolExecutor
os.setpgrp()
executor = ProcessPoolExecutor(2)
paths = [os.path.join(os.path.dirname(sys.argv[0]), str(n)) for n in range(2)]
futures = [executor.submit(pool_calls.interruptible, path) for path in paths]
while not all(map(os.path.exists, paths)):
    time.sleep(0.01)
time.sleep(0.2)
pids = list(executor._processes)
threading.Timer(0.2, os.killpg, (os.getpgrp(), signal.SIGINT)).start()
try:
    futures[0].result()
    time.sleep(10)
except KeyboardInterrupt:
    print("interrupted")
print([future.result() for future in futures])
print(executor.submit(abs, -1).result())
executor.shutdown()
print([os.path.exists(f"/proc/{pid}") for pid in pids])
"""
        assert output_of(source) == "interrupted\n['interrupted', 'interrupted']\n1\n[False, False]\n"

    def test_nothing_is_left_in_this_process(self) -> None:
        def use() -> None:
            with ProcessPoolExecutor(2) as executor:
                list(executor.map(pool_calls.double, [np.ones(100_000)] * 10))
                executor.submit(os._exit, 1).exception()

        use()
        gc.collect()
        files, threads, shm = Counter(descriptors()), threading.active_count(), set(Path("/dev/shm").iterdir())
        for _ in range(3):
            use()
        gc.collect()
        # Others may have been closed late.
        assert not Counter(descriptors()) - files
        assert threading.active_count() <= threads
        assert set(Path("/dev/shm").iterdir()) <= shm

    def test_forks_leave_the_children_of_the_parent_alone(self, capfd: pytest.CaptureFixture[str]) -> None:
        context = multiprocessing.get_context("fork")
        child = context.Process(target=time.sleep, args=(60,), daemon=True)
        child.start()
        try:
            with ProcessPoolExecutor(1, mp_context=context, on_worker_death="break") as executor:
                assert executor.submit(abs, -1).result(60) == 1
            assert child.is_alive()
        finally:
            child.kill()
            child.join()
        assert capfd.readouterr().err == ""

    def test_a_server_that_is_killed_is_replaced(self, single: ProcessPoolExecutor, tmp_path: Path) -> None:
        from ungil._process_pool.server_process import ServerProcess

        path = tmp_path / "begun"
        future = single.submit(pool_calls.append_line, str(path), "", 60)
        wait_until(path.exists)
        server = ServerProcess._shared
        assert server is not None
        os.kill(server._pid, signal.SIGKILL)
        assert isinstance(future.exception(60), WorkerDied)
        assert single.submit(abs, -2).result(60) == 2
        with ProcessPoolExecutor(1) as another:
            assert another.submit(abs, -1).result(60) == 1

    def test_in_a_forked_child_the_pool_is_the_parents(self, executor: ProcessPoolExecutor) -> None:
        running = executor.submit(pool_calls.pause_and_return, 0.5, 1)
        read, write = os.pipe()
        pid = os.fork()
        if pid == 0:
            try:
                told = [type(running.exception(10)).__name__]
                try:
                    executor.submit(abs, 1)
                except BrokenProcessPool:
                    told.append("refused")
                with ProcessPoolExecutor(1) as own:
                    told.append(str(own.submit(abs, -3).result(60)))
                os.write(write, " ".join(told).encode())
            finally:
                os._exit(0)
        os.close(write)
        os.waitpid(pid, 0)
        assert os.read(read, 100).decode() == "BrokenProcessPool refused 3"
        os.close(read)
        assert running.result(60) == 1


def _shared_ones(n: int) -> Any:
    from ungil import shared

    return shared.copy(np.ones(n))


class TestChaos:
    N = 2000

    @staticmethod
    @contextlib.contextmanager
    def killing(executor: ProcessPoolExecutor, every: float) -> Iterator[list[int]]:
        """Kill a worker at each moment of that many seconds."""
        is_over = threading.Event()
        killed: list[int] = []

        def kill() -> None:
            while not is_over.wait(every):
                pids = list(executor._processes)
                if pids:
                    pid = random.choice(pids)
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)
                        killed.append(pid)

        thread = threading.Thread(target=kill)
        thread.start()
        try:
            yield killed
        finally:
            is_over.set()
            thread.join()

    def test_with_retries_every_result_comes_once_and_is_right(self) -> None:
        # A worker that had to import them would be at its first call, which was killed before, for most of its life.
        preload = [pool_calls.__name__]
        with ProcessPoolExecutor(2, preload=preload) as executor, self.killing(executor, 0.05) as killed:
            view = executor.options(retry=10)
            futures = [view.submit(pool_calls.pause_and_return, 0.002, n) for n in range(self.N)]
            told = 0

            def tell(_: Future[Any]) -> None:
                nonlocal told
                told += 1

            for future in futures:
                future.add_done_callback(tell)
            assert [future.result(60) for future in futures] == list(range(self.N))
        assert len(killed) > 5 and told == self.N

    def test_without_exactly_the_calls_on_killed_workers_fail(self, tmp_path: Path) -> None:
        begun, ended = str(tmp_path / "begun"), str(tmp_path / "ended")

        def work(n: int) -> int:
            pool_calls.append_line(begun, str(n))
            time.sleep(0.002)
            pool_calls.append_line(ended, str(n))
            return n

        with ProcessPoolExecutor(2) as executor, self.killing(executor, 0.05) as killed:
            futures = list(map(executor.submit, [work] * self.N, range(self.N)))
            failures = [future.exception(60) for future in futures]
        failed = {n for n, failure in enumerate(failures) if failure is not None}
        assert all(isinstance(failures[n], WorkerDied) for n in failed)
        assert all(future.result() == n for n, future in enumerate(futures) if n not in failed)
        n_begun = Path(begun).read_text().split()
        # None was made twice, and each that failed was with a worker that was killed.
        assert len(n_begun) == len(set(n_begun))
        assert 0 < len(failed) <= len(set(killed))
        made = set(map(int, Path(ended).read_text().split()))
        assert made >= set(range(self.N)) - failed
