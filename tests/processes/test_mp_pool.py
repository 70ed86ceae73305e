"""`ungil.multiprocessing.Pool` and `ThreadPool`: what calls return and raise, what ends them, and what is left."""

from __future__ import annotations

import contextlib
import gc
import inspect
import multiprocessing
import os
import pickle
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError
from multiprocessing import TimeoutError as StandardTimeout
from pathlib import Path
from typing import Any

import numpy as np
import pool_calls
import pytest
from tests.conftest import Threads, wait_until

if not sys.platform.startswith("linux"):
    pytest.skip("the pools are the standard library's here", allow_module_level=True)

import ungil.multiprocessing.pool
from ungil.futures import BrokenProcessPool, WorkerDied
from ungil.multiprocessing import Pool, Queue, get_context
from ungil.multiprocessing.pool import (
    AsyncResult,
    IMapIterator,
    MapResult,
    MaybeEncodingError,
    RemoteTraceback,
    ThreadPool,
)

OutputOf = Callable[..., str]
METHODS = ("fork", "spawn", "forkserver")


@pytest.fixture
def pool() -> Iterator[Any]:
    with Pool(2) as made:
        yield made


@pytest.fixture
def single() -> Iterator[Any]:
    with Pool(1) as made:
        yield made


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> list[BaseException | None]:
    """What threads have raised."""
    raised: list[BaseException | None] = []
    monkeypatch.setattr(threading, "excepthook", lambda args: raised.append(args.exc_value))
    return raised


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def descriptors() -> list[str]:
    links = []
    for path in Path("/proc/self/fd").iterdir():
        # The folder's own is gone by now.
        with contextlib.suppress(FileNotFoundError):
            links.append(str(path.readlink()).split(":")[0])
    return sorted(links)


def pids_of(pool: Any) -> list[int]:
    return [worker.pid for worker in pool._pool]


class Drawn:
    """An iterable of numbers that counts how many were drawn."""

    def __init__(self, n: int) -> None:
        self.n = n
        self.count = 0

    def __iter__(self) -> Iterator[int]:
        for self.count in range(1, self.n + 1):
            yield self.count


class TestCalls:
    @pytest.mark.parametrize("method", METHODS)
    def test_calls_return_what_the_built_in_map_gives(self, method: str) -> None:
        numbers, pairs = list(range(-50, 50)), [(2, 3), (3, 2), (10, 0)]
        with get_context(method).Pool(2) as pool:
            assert pool.apply(pow, (2, 10)) == 1024
            assert pool.apply(dict, ([("a", 1)],), {"b": 2}) == {"a": 1, "b": 2}
            for chunksize in (None, 1, 7, 1000):
                assert pool.map(abs, numbers, chunksize) == list(map(abs, numbers))
                assert pool.starmap(pow, pairs, chunksize) == [8, 9, 1]
            assert pool.map_async(abs, numbers).get() == list(map(abs, numbers))
            assert pool.starmap_async(pow, iter(pairs)).get() == [8, 9, 1]
            for size in (1, 7):
                assert list(pool.imap(abs, numbers, size)) == list(map(abs, numbers))
                assert sorted(pool.imap_unordered(abs, numbers, size)) == sorted(map(abs, numbers))

    def test_it_is_a_standard_pool_and_its_results_are_standard_results(self, pool: Any) -> None:
        assert isinstance(pool, multiprocessing.pool.Pool)
        assert isinstance(pool.apply_async(abs, (1,)), multiprocessing.pool.AsyncResult)
        assert isinstance(pool.map_async(abs, [1]), multiprocessing.pool.MapResult)
        assert isinstance(pool.imap(abs, [1]), multiprocessing.pool.IMapIterator)
        assert AsyncResult[int] and MapResult[int] and IMapIterator[int]

    @pytest.mark.parametrize("kind", ["Pool", "ThreadPool", "ApplyResult", "MapResult", "IMapIterator"])
    def test_methods_are_called_as_the_standard_ones(self, kind: str) -> None:
        standard, ours = getattr(multiprocessing.pool, kind), getattr(ungil.multiprocessing.pool, kind)
        public = {name for name in dir(standard) if not name.startswith("_") and name != "Process"}
        made = {"Pool": {"__init__"}, "ThreadPool": {"__init__"}}.get(kind, set())
        for name in public | made:
            theirs = list(inspect.signature(getattr(standard, name)).parameters.values())
            mine = list(inspect.signature(getattr(ours, name)).parameters.values())
            assert [(each.name, each.kind, each.default) for each in theirs] == [
                (each.name, each.kind, each.default) for each in mine[: len(theirs)]
            ]
            assert all(each.default is not each.empty for each in mine[len(theirs) :])
            assert vars(ours).get(name) is not vars(standard).get(name) or name not in vars(standard)
        context = inspect.signature(multiprocessing.get_context().Pool), inspect.signature(get_context("fork").Pool)
        assert list(context[0].parameters) == list(context[1].parameters)

    def test_repr_and_what_other_code_looks_at(self) -> None:
        with Pool(2) as pool:
            assert repr(pool) == "<ungil.multiprocessing.pool.Pool state=RUN pool_size=2>"
            assert pool._processes == 2
            assert len(set(pids_of(pool))) == 2
        assert repr(pool) == "<ungil.multiprocessing.pool.Pool state=TERMINATE pool_size=0>"

    def test_chunks_are_four_for_each_worker(self, pool: Any) -> None:
        for n, size in ((1, 1), (8, 1), (9, 2), (100, 13)):
            result = pool.map_async(abs, range(n))
            result.wait()
            assert (result._chunksize, result._n_chunks) == (size, -(-n // size))
            assert result._number_left == 0

    def test_lambdas_and_closures_go_by_value(self, pool: Any) -> None:
        n = 3
        assert pool.map(lambda x: x + n, range(3)) == [3, 4, 5]
        assert pool.apply(lambda: lambda: n)() == 3

    def test_arrays_come_back_as_they_are(self, pool: Any) -> None:
        arrays = [np.full(100_000, float(n)) for n in range(300)]
        for sent, back in zip(arrays, pool.imap(pool_calls.double, arrays), strict=True):
            assert back[0] == back[-1] == sent[0] * 2

    def test_of_more_than_may_be_on_its_way_nothing_is_lost(self, pool: Any) -> None:
        # A quarter of a gigabyte.
        results = pool.map(len, [bytes(1 << 20)] * 256, 1)
        assert results == [1 << 20] * 256

    def test_a_map_of_very_many(self, pool: Any) -> None:
        n = 200_000
        assert pool.map(abs, range(-n, 0)) == list(range(n, 0, -1))
        assert sum(pool.imap_unordered(abs, range(-n, 0), 1000)) == n * (n + 1) // 2

    def test_of_nothing_comes_nothing(self, pool: Any) -> None:
        called: list[Any] = []
        assert pool.map(abs, []) == pool.starmap(pow, ()) == list(pool.imap(abs, [])) == []
        assert list(pool.imap_unordered(abs, iter(()), 3)) == []
        result = pool.map_async(abs, [], callback=called.append)
        assert result.get() == []
        assert result.successful() and called == [[]]

    def test_two_threads_at_once(self, pool: Any, threads: Threads) -> None:
        def use(k: int) -> None:
            for _ in range(20):
                assert pool.map(abs, range(-k, 0)) == list(range(k, 0, -1))
                assert pool.apply(pow, (k, 2)) == k * k
                assert list(pool.imap(abs, range(k))) == list(range(k))

        for k in (5, 50):
            threads.start(use, k)
        threads.join()

    def test_a_worker_may_have_a_pool(self, single: Any) -> None:
        assert single.apply(pool_calls.use_a_pool, (3,)) == [3, 2, 1]

    def test_it_does_not_go_to_a_worker(self, single: Any) -> None:
        with pytest.raises(NotImplementedError, match="pool objects cannot be passed between processes or pickled"):
            pickle.dumps(single)
        with pytest.raises(NotImplementedError):
            single.apply(id, (single,))


class TestArguments:
    def test_what_cannot_be(self) -> None:
        for processes in (0, -1):
            with pytest.raises(ValueError, match="Number of processes must be at least 1"):
                Pool(processes)
        for most in (0, -1, 0.5, "12"):
            with pytest.raises(ValueError, match="maxtasksperchild must be a positive int or None"):
                Pool(1, maxtasksperchild=most)  # type: ignore[arg-type]
        with pytest.raises(TypeError, match="initializer must be a callable"):
            Pool(1, initializer=1)  # type: ignore[arg-type]
        with Pool(1) as pool:
            for size in (0, -2):
                for method in (pool.map, pool.imap, pool.imap_unordered, pool.starmap_async):
                    with pytest.raises(ValueError, match="Chunksize must be 1"):
                        method(abs, [1], size)
            with pytest.raises(ValueError, match="buffersize must be 1"):
                pool.imap(abs, [1], buffersize=0)

    def test_a_process_is_replaced_after_so_many_tasks(self) -> None:
        with Pool(1, maxtasksperchild=3) as pool:
            pids = [pool.apply(os.getpid) for _ in range(9)]
        assert [pids.count(pid) for pid in dict.fromkeys(pids)] == [3, 3, 3]

    @pytest.mark.parametrize("method", METHODS)
    def test_all_processes_call_the_initializer_when_they_start(
        self, method: str, tmp_path: Path, until: Callable[..., None]
    ) -> None:
        with get_context(method).Pool(3, pool_calls.note_start, (str(tmp_path),)) as pool:
            until(lambda: len(list(tmp_path.iterdir())) == 3)
            assert {path.name for path in tmp_path.iterdir()} == {str(pid) for pid in pids_of(pool)}

    def test_initargs_may_hold_queues(self) -> None:
        queue = Queue()
        with Pool(2, queue.put, ("started",)):
            assert [queue.get(timeout=60) for _ in range(2)] == ["started"] * 2

    def test_by_a_fork_initargs_need_not_be_pickled(self) -> None:
        lock = threading.Lock()
        with get_context("fork").Pool(1, pool_calls.hold, (lock,)) as pool:
            assert pool.apply(pool_calls.read_held) is False
        with pytest.raises(TypeError, match=r"initargs\[0\] cannot be pickled"):
            get_context("forkserver").Pool(1, pool_calls.hold, (lock,))

    def test_an_initializer_that_raises_fails_the_calls(self) -> None:
        with Pool(1, pool_calls.fail_to_initialise) as pool, pytest.raises(BrokenProcessPool, match="no such thing"):
            pool.apply(abs, (1,))

    def test_an_initializer_that_raised_is_called_again(self, tmp_path: Path) -> None:
        path = tmp_path / "there"
        with Pool(1, pool_calls.fail_unless, (str(path),)) as pool:
            with pytest.raises(BrokenProcessPool, match="No such file"):
                pool.apply(abs, (1,))
            path.touch()
            assert pool.apply(abs, (-1,)) == 1

    @pytest.mark.parametrize("code", [0, 3])
    def test_processes_that_only_end_end_the_pool(self, code: int) -> None:
        with Pool(2, os._exit, (code,)) as pool, pytest.raises(BrokenProcessPool):
            pool.map(abs, range(100), 1)


class TestStartMethods:
    def test_forks_have_the_parents_globals_as_at_the_pools_beginning(self) -> None:
        pool_calls.STATE.append("before")
        try:
            with get_context("fork").Pool(1) as pool:
                pool_calls.STATE.append("after")
                assert pool.apply(pool_calls.state) == ["before"]
            with get_context("forkserver").Pool(1) as pool:
                assert pool.apply(pool_calls.state) == []
        finally:
            pool_calls.STATE.clear()

    @pytest.mark.parametrize("method", METHODS)
    def test_what_an_initializer_sets_in_the_main_module_is_there_in_the_calls(
        self, method: str, output_of: OutputOf
    ) -> None:
        source = f"""
from ungil.multiprocessing import get_context
data = None
class Box:
    def __init__(self, content):
        self.content = content
class Full(Exception):
    pass
def initialise(value):
    global data
    data = value
def read(n):
    return Box(data + n)
def fill():
    raise Full(data)
if __name__ == "__main__":
    def later(n):
        return n + 1
    with get_context("{method}").Pool(2, initialise, (10,)) as pool:
        boxes = [*pool.map(read, [1, 2]), pool.apply(read, (3,)), pool.apply(lambda: read(4)), *pool.imap(read, [5])]
        print([box.content for box in boxes if type(box) is Box], data)
        print(pool.apply(later, (1,)))
        try:
            pool.apply(fill)
        except Full as full:
            print(full)
"""
        assert output_of(source) == "[11, 12, 13, 14, 15] None\n2\n10\n"

    def test_a_program_without_the_guard_is_not_run_again(self, output_of: OutputOf) -> None:
        source = """
from ungil.multiprocessing import Pool
print("once")
factor = 3
def times(n):
    return n * factor
with Pool(2) as pool:
    print(pool.map(times, range(3)))
"""
        assert output_of(source) == "once\n[0, 3, 6]\n"

    def test_a_main_module_that_cannot_be_imported_fails_the_calls_that_need_it(self, output_of: OutputOf) -> None:
        source = """
from ungil.multiprocessing import Pool
def double(n):
    return n * 2
if __name__ != "__main__":
    raise LookupError("not here")
if __name__ == "__main__":
    with Pool(1) as pool:
        print(pool.apply(abs, (-1,)))
        try:
            pool.apply(double, (1,))
        except ImportError as failure:
            print(failure)
"""
        out = output_of(source)
        assert out.startswith("1\nthe main module /")
        assert out.endswith("defines: LookupError: not here\n")

    def test_a_program_that_makes_pools_while_it_is_imported_is_told_so(self, output_of: OutputOf) -> None:
        source = """
from ungil.multiprocessing import Pool
def double(n):
    return n * 2
pool = Pool(1)
if __name__ == "__main__":
    try:
        pool.apply(double, (1,))
    except ImportError as failure:
        print("bootstrapping phase" in str(failure))
    pool.terminate()
"""
        assert output_of(source) == "True\n"

    @pytest.mark.parametrize(("method", "name"), [("fork", "Fork"), ("spawn", "Spawn"), ("forkserver", "ForkServer")])
    def test_workers_are_known_to_multiprocessing(self, method: str, name: str) -> None:
        with get_context(method).Pool(2) as pool:
            found = {pool.apply(pool_calls.identity) for _ in range(20)}
        assert found <= {(f"{name}PoolWorker-{n}", n, os.getpid()) for n in (1, 2)}

    @pytest.mark.parametrize("method", METHODS)
    def test_finalizers_of_workers_run_at_their_end(self, method: str, tmp_path: Path) -> None:
        path = tmp_path / "cleaned"
        pool = get_context(method).Pool(1, pool_calls.clean_up_by, (str(path),))
        assert pool.apply(abs, (-1,)) == 1
        assert not path.exists()
        pool.close()
        pool.join()
        assert path.exists()


class TestResults:
    def test_timeouts_and_states(self, single: Any, tmp_path: Path) -> None:
        path = tmp_path / "go"
        for submit in (
            lambda: single.apply_async(pool_calls.wait_and_return, (str(path), 7)),
            lambda: single.map_async(lambda p: pool_calls.wait_and_return(p, 7), [str(path)]),
        ):
            result = submit()
            result.wait(0.01)
            assert not result.ready()
            for timeout in (0, 0.01):
                with pytest.raises(StandardTimeout):
                    result.get(timeout)
            with pytest.raises(ValueError, match="not ready"):
                result.successful()
            path.touch()
            assert result.get() in (7, [7])
            assert result.get(0) in (7, [7])
            assert result.ready() and result.successful()
            path.unlink()

    def test_what_a_call_raises_is_raised_again_and_again(self, pool: Any) -> None:
        result = pool.apply_async(pool_calls.raise_custom)
        for _ in range(2):
            with pytest.raises(pool_calls.Custom) as caught:
                result.get(60)
        assert (caught.value.code, caught.value.detail) == (3, "deep")
        assert isinstance(caught.value.__cause__, RemoteTraceback)
        assert "in raise_custom" in str(caught.value.__cause__)
        assert result.ready() and not result.successful()

    def test_a_timeout_that_a_call_raises_is_its_own(self, single: Any) -> None:
        def raise_timeout() -> None:
            raise TimeoutError("of the call")

        result = single.apply_async(raise_timeout)
        with pytest.raises(TimeoutError, match="of the call"):
            result.get(60)
        iterator = single.imap(lambda _: raise_timeout(), [1])
        with pytest.raises(TimeoutError, match="of the call"):
            iterator.next(60)

    def test_a_map_raises_what_the_first_of_its_elements_raised_when_all_have_ended(
        self, pool: Any, tmp_path: Path
    ) -> None:
        path = tmp_path / "go"

        def work(n: int) -> int:
            if n == 0:
                pool_calls.wait_for(str(path))
                raise LookupError("the first")
            raise ArithmeticError("the second")

        result = pool.map_async(work, [0, 1], 1)
        result.wait(0.1)
        assert not result.ready()
        path.touch()
        with pytest.raises(LookupError, match="the first"):
            result.get()

    def test_callbacks_have_been_called_when_a_result_is_ready(self, pool: Any) -> None:
        called: list[Any] = []
        for _ in range(50):
            called.clear()
            assert pool.apply_async(abs, (-1,), callback=called.append).get() == 1
            assert called == [1]
            called.clear()
            pool.map_async(abs, [-1, -2], 1, callback=called.append, error_callback=called.append).wait()
            assert called == [[1, 2]]
            called.clear()
            result = pool.map_async(int, ["1", "x"], 1, callback=called.append, error_callback=called.append)
            with pytest.raises(ValueError, match="invalid literal"):
                result.get()
            assert [type(each) for each in called] == [ValueError]

    def test_a_callback_may_take_a_lock_that_is_held_while_calls_are_submitted(self, pool: Any) -> None:
        lock, called = threading.Lock(), []

        def note(result: int) -> None:
            with lock:
                called.append((result, threading.get_ident()))

        results = []
        for n in range(500):
            with lock:
                results.append(pool.apply_async(abs, (-n,), callback=note))
        for result in results:
            result.wait()
        assert sorted(n for n, _ in called) == list(range(500))
        assert len({ident for _, ident in called}) == 1
        assert threading.get_ident() not in {ident for _, ident in called}

    def test_a_callback_that_raises_is_reported_and_harms_nothing(
        self, pool: Any, said: list[BaseException | None]
    ) -> None:
        def fail(_: object) -> None:
            raise LookupError("in a callback")

        assert pool.apply_async(abs, (-1,), callback=fail).get() == 1
        assert [type(each) for each in said] == [LookupError]
        called: list[int] = []
        assert pool.apply_async(abs, (-2,), callback=called.append).get() == 2
        assert called == [2]

    def test_a_callback_may_use_the_pool(self, single: Any) -> None:
        called: list[Any] = []
        result = single.apply_async(abs, (-1,), callback=lambda n: called.append(single.map(abs, [-n - 1])))
        assert result.get(60) == 1
        assert called == [[2]]

    def test_a_callback_may_close_and_terminate_but_not_join(self, said: list[BaseException | None]) -> None:
        for end in ("close", "terminate"):
            pool = Pool(1)

            def use(_: int, pool: Any = pool, end: str = end) -> None:
                getattr(pool, end)()
                pool.join()

            pool.apply_async(abs, (-1,), callback=use).wait()
            pool.join()
            assert [str(each) for each in said] == ["cannot join current thread"]
            said.clear()


class TestIterators:
    def test_a_timeout_loses_nothing(self, single: Any, tmp_path: Path) -> None:
        path = tmp_path / "go"
        iterator = single.imap(lambda n: pool_calls.wait_and_return(str(path), n), range(5), 2)
        for timeout in (0, 0.01):
            with pytest.raises(StandardTimeout):
                iterator.next(timeout)
        path.touch()
        assert [iterator.next(timeout=60), *iterator] == [0, 1, 2, 3, 4]
        for _ in range(2):
            with pytest.raises(StopIteration):
                next(iterator)

    def test_what_a_call_raises_comes_in_its_place_and_the_others_follow(self, pool: Any) -> None:
        iterator = pool.imap(int, ["0", "x", "2"])
        assert next(iterator) == 0
        with pytest.raises(ValueError, match="invalid literal"):
            next(iterator)
        assert list(iterator) == [2]

    def test_an_iterable_that_raises_raises_to_who_takes_the_results(self, pool: Any) -> None:
        def numbers(n: int) -> Iterator[int]:
            yield from range(n)
            raise LookupError("no more")

        with pytest.raises(LookupError, match="no more") as caught:
            pool.map(abs, numbers(3))
        assert caught.value.__cause__ is None
        for method in (pool.imap, pool.imap_unordered):
            taken = []
            with pytest.raises(LookupError, match="no more"):
                taken.extend(method(abs, numbers(3)))
            iterator = method(abs, numbers(5), 2)
            with pytest.raises(LookupError, match="no more"):
                while True:
                    taken.append(next(iterator))
            assert set(taken) <= {0, 1, 2, 3}

    def test_an_iterable_that_exits_does_not_end_the_results(self, single: Any) -> None:
        def numbers() -> Iterator[int]:
            yield 1
            raise SystemExit(3)

        iterator = single.imap(abs, numbers())
        assert next(iterator) == 1
        with pytest.raises(SystemExit):
            next(iterator)

    def test_a_map_of_less_than_it_said_ends(self, pool: Any) -> None:
        class Short:
            def __len__(self) -> int:
                return 100

            def __iter__(self) -> Iterator[int]:
                yield 1
                raise LookupError("no more")

        with pytest.raises(LookupError, match="no more"):
            pool.map(abs, Short(), 1)

    def test_the_input_is_drawn_as_calls_are_made(self, tmp_path: Path, until: Callable[..., None]) -> None:
        path, drawn = tmp_path / "go", Drawn(10_000)
        with Pool(1) as pool:
            iterator = pool.imap(lambda n: pool_calls.wait_and_return(str(path), n), drawn)
            until(lambda: drawn.count >= 128)
            path.touch()
            # Nobody takes the results.
            until(lambda: drawn.count == 10_000)
            assert next(iterator) == 1
            assert sum(1 for _ in iterator) == 9_999

    def test_no_more_is_drawn_than_may_be_on_its_way(self, tmp_path: Path) -> None:
        path, drawn = tmp_path / "go", Drawn(10_000)
        with Pool(1) as pool:
            iterator = pool.imap(lambda n: pool_calls.wait_and_return(str(path), n), drawn)
            with pytest.raises(StandardTimeout):
                iterator.next(0.3)
            assert drawn.count <= 128

    @pytest.mark.parametrize("name", ["imap", "imap_unordered"])
    def test_with_a_buffersize_the_input_is_drawn_as_results_are_taken(
        self, name: str, pool: Any, until: Callable[..., None]
    ) -> None:
        drawn = Drawn(1000)
        iterator = getattr(pool, name)(abs, drawn, buffersize=5)
        for n in range(1, 1001):
            assert drawn.count <= n + 5
            next(iterator)
        with pytest.raises(StopIteration):
            next(iterator)

    def test_a_bounded_iterator_that_is_dropped_draws_no_more(self, until: Callable[..., None]) -> None:
        drawn = Drawn(1000)
        pool = Pool(1)
        iterator = pool.imap(abs, drawn, buffersize=2)
        assert next(iterator) == 1
        del iterator
        gc.collect()
        pool.close()
        pool.join()
        assert drawn.count < 10

    def test_who_joins_waits_for_no_result_to_be_taken(self) -> None:
        pool = Pool(1)
        iterator = pool.imap(abs, range(1000), buffersize=2)
        pool.close()
        pool.join()
        assert list(iterator) == list(range(1000))

    def test_calls_that_nobody_waits_for_are_made_before_a_closed_pool_ends(self, tmp_path: Path) -> None:
        path = tmp_path / "lines"
        pool = Pool(2)
        pool.imap_unordered(lambda n: pool_calls.append_line(str(path), str(n)), range(500))
        pool.close()
        pool.join()
        assert len(path.read_text().split()) == 500

    def test_one_slow_call_holds_up_no_other(self, pool: Any, tmp_path: Path) -> None:
        path = tmp_path / "go"

        def work(n: int) -> int:
            return pool_calls.wait_and_return(str(path), n) if n == 0 else n

        iterator = pool.imap_unordered(work, range(1000))
        assert {next(iterator) for _ in range(999)} == set(range(1, 1000))
        path.touch()
        assert list(iterator) == [0]

    def test_several_threads_may_take(self, pool: Any, threads: Threads) -> None:
        iterator, taken = pool.imap(abs, range(2000), 3), []

        def take() -> None:
            taken.extend(iterator)

        for _ in range(4):
            threads.start(take)
        threads.join()
        assert sorted(taken) == list(range(2000))


class TestFailures:
    def test_a_killed_worker_fails_the_call_that_it_made_and_nothing_else(self, pool: Any) -> None:
        with pytest.raises(WorkerDied, match="SIGKILL") as caught:
            pool.apply(pool_calls.kill_self)
        assert caught.value.exitcode == -signal.SIGKILL
        results = [pool.apply_async(abs, (-n,)) for n in range(100)]
        results.insert(50, pool.apply_async(os._exit, (3,)))
        with pytest.raises(WorkerDied, match="exit code 3"):
            results.pop(50).get()
        assert [result.get() for result in results] == list(range(100))
        wait_until(lambda: len(pids_of(pool)) == 2)
        assert pool.map(abs, range(-3, 0)) == [3, 2, 1]

    def test_an_idle_worker_that_is_killed_is_replaced(self, pool: Any) -> None:
        before = pids_of(pool)
        for worker in pool._pool:
            worker.kill()
        wait_until(lambda: len(pids_of(pool)) == 2 and not set(before) & set(pids_of(pool)))
        assert pool.apply(abs, (-1,)) == 1

    def test_a_killed_worker_fails_a_map_and_an_imap(self, pool: Any) -> None:
        def work(n: int) -> int:
            if n == 3:
                os._exit(1)
            return n

        with pytest.raises(WorkerDied):
            pool.map(work, range(6), 1)
        iterator = pool.imap(work, range(6))
        assert [next(iterator) for _ in range(3)] == [0, 1, 2]
        with pytest.raises(WorkerDied):
            next(iterator)
        assert list(iterator) == [4, 5]

    def test_an_argument_that_cannot_be_pickled(self, pool: Any) -> None:
        with pytest.raises(TypeError, match=r"argument 0 of id\.inner\['lock'\] cannot be pickled"):
            pool.apply(id, (pool_calls.Holder(),))
        with pytest.raises(RuntimeError, match="not this one") as caught:
            pool.map(id, [1, pool_calls.Unwilling()], 1)
        assert "cannot be pickled" in caught.value.__notes__[0]
        called: list[Any] = []
        result = pool.apply_async(id, (pool_calls.Holder(),), error_callback=called.append)
        result.wait()
        assert [type(each) for each in called] == [TypeError]
        assert pool.apply(abs, (-1,)) == 1

    def test_a_result_that_cannot_be_pickled(self, pool: Any) -> None:
        for _ in range(5):
            with pytest.raises(MaybeEncodingError) as caught:
                pool.apply(pool_calls.return_holder)
            assert "Holder object at" in caught.value.value
            assert "the result of return_holder.inner['lock'] cannot be pickled" in caught.value.exc
            with pytest.raises(MaybeEncodingError):
                pool.map(lambda _: pool_calls.return_holder(), [1, 2, 3])

    def test_a_result_that_cannot_be_unpickled(self, pool: Any) -> None:
        with pytest.raises(pickle.UnpicklingError, match="no number"):
            pool.apply(pool_calls.return_late_load)

    def test_an_exception_that_does_not_come_through(self, pool: Any) -> None:
        with pytest.raises(MaybeEncodingError, match="it has a lock") as caught:
            pool.apply(pool_calls.raise_with_lock)
        assert "cannot be pickled" in caught.value.exc
        with pytest.raises(pickle.UnpicklingError, match="Unreadable"):
            pool.apply(pool_calls.raise_unreadable)
        assert pool.apply(abs, (-1,)) == 1


class TestEnds:
    @pytest.mark.parametrize("method", METHODS)
    def test_a_with_block_leaves_no_process(self, method: str, tmp_path: Path) -> None:
        begun = tmp_path / "begun"
        with get_context(method).Pool(2) as pool:
            pids = pids_of(pool)
            running = pool.apply_async(pool_calls.touch_and_sleep, (str(begun),))
            wait_until(begun.exists)
        assert not any(map(is_alive, pids))
        with pytest.raises(WorkerDied, match="its pool was terminated"):
            running.get()

    def test_terminate_fails_what_has_not_ended_and_calls_nothing_back(self, tmp_path: Path) -> None:
        begun, called = tmp_path / "begun", []
        pool = Pool(1)
        running = pool.apply_async(pool_calls.touch_and_sleep, (str(begun),), error_callback=called.append)
        waiting = [pool.apply_async(abs, (n,)) for n in range(100)]
        mapped = pool.map_async(abs, range(100), 1, error_callback=called.append)
        iterator = pool.imap(abs, iter(int, 1))
        wait_until(begun.exists)
        pool.terminate()
        pool.join()
        for result in (running, *waiting, mapped):
            assert result.ready()
            with pytest.raises(WorkerDied):
                result.get()
        with pytest.raises(WorkerDied):
            next(iterator)
        assert called == []
        pool.terminate()

    def test_terminate_does_not_wait_for_an_iterable(self) -> None:
        never = threading.Event()
        pool = Pool(1)
        iterator = pool.imap(abs, iter(never.wait, None))
        pool.terminate()
        pool.join()
        never.set()
        with pytest.raises((WorkerDied, StopIteration)):
            next(iterator)

    def test_a_closed_pool_makes_the_calls_that_it_has_taken(self) -> None:
        pool = Pool(2)
        with pytest.raises(ValueError, match="Pool is still running"):
            pool.join()
        results = [pool.apply_async(pool_calls.pause_and_return, (0.001, n)) for n in range(100)]
        mapped, iterator = pool.map_async(abs, range(100)), pool.imap(abs, range(1000))
        pids = pids_of(pool)
        pool.close()
        pool.close()
        for method in (pool.apply, pool.apply_async):
            with pytest.raises(ValueError, match="Pool not running"):
                method(abs, (1,))
        for method in (pool.map, pool.map_async, pool.imap, pool.imap_unordered, pool.starmap):
            with pytest.raises(ValueError, match="Pool not running"):
                method(abs, [1])
        with pytest.raises(ValueError, match="Pool not running"):
            pool.__enter__()
        pool.join()
        pool.join()
        assert [result.get() for result in results] == mapped.get() == list(range(100))
        assert list(iterator) == list(range(1000))
        assert not any(map(is_alive, pids))

    def test_a_pool_that_is_dropped_warns_and_ends(self, tmp_path: Path) -> None:
        begun = tmp_path / "begun"
        pool = Pool(2)
        pids = pids_of(pool)
        pool.apply(abs, (-1,))
        with pytest.warns(ResourceWarning, match="unclosed running multiprocessing pool <ungil"):
            del pool
            gc.collect()
        wait_until(lambda: not any(map(is_alive, pids)))
        del begun

    def test_a_result_keeps_its_pool(self) -> None:
        result = Pool(1).apply_async(pool_calls.pause_and_return, (0.1, 5))
        with pytest.warns(ResourceWarning, match="unclosed running"):
            assert result.get() == 5
            gc.collect()
        iterator = Pool(1).imap(abs, range(200))
        with pytest.warns(ResourceWarning, match="unclosed running"):
            assert list(iterator) == list(range(200))
            gc.collect()

    def test_nothing_is_left_in_this_process(self) -> None:
        def use() -> None:
            with Pool(2) as pool:
                pool.map(pool_calls.double, [np.ones(100_000)] * 10)
                list(pool.imap_unordered(abs, range(100)))
                pool.apply_async(abs, (1,), callback=abs).wait()
                with pytest.raises(WorkerDied):
                    pool.apply(os._exit, (1,))
            pool.join()

        def what_there_is() -> tuple[list[str], int]:
            # What a call has raised has the frames that have the pool.
            gc.collect()
            gc.collect()
            return descriptors(), threading.active_count()

        use()
        before = what_there_is()
        for _ in range(3):
            use()
        assert what_there_is() == before

    def test_ctrl_c_ends_a_map_and_leaves_nothing(self, output_of: OutputOf) -> None:
        source = """
import os, signal, sys, threading, time
sys.path.insert(0, "tests/processes")
import pool_calls
from ungil.multiprocessing import Pool
os.setpgrp()
if __name__ == "__main__":
    folder = os.path.dirname(sys.argv[0])
    paths = [os.path.join(folder, str(n)) for n in range(2)]
    def interrupt():
        while not all(map(os.path.exists, paths)):
            time.sleep(0.01)
        os.killpg(os.getpgrp(), signal.SIGINT)
    threading.Thread(target=interrupt).start()
    with Pool(2) as pool:
        pids = [worker.pid for worker in pool._pool]
        try:
            pool.map(pool_calls.touch_and_sleep, paths, 1)
        except KeyboardInterrupt:
            print("interrupted")
        print(pool.apply(abs, (-1,)))
    print([os.path.exists(f"/proc/{pid}") for pid in pids])
"""
        assert output_of(source) == "interrupted\n1\n[False, False]\n"

    def test_the_end_of_the_interpreter_waits_for_no_call(self, output_of: OutputOf) -> None:
        source = """
import os, sys, time
sys.path.insert(0, "tests/processes")
import pool_calls
from ungil.multiprocessing import Pool
if __name__ == "__main__":
    path = os.path.join(os.path.dirname(sys.argv[0]), "begun")
    pool = Pool(2)
    pool.apply_async(pool_calls.touch_and_sleep, (path,), callback=print, error_callback=print)
    iterator = pool.imap(abs, iter(int, 1))
    while not os.path.exists(path):
        time.sleep(0.01)
    print("at the end")
"""
        assert output_of(source) == "at the end\n"

    def test_a_module_may_keep_a_pool_to_the_end(self, output_of: OutputOf) -> None:
        source = """
from ungil.multiprocessing import Pool
class Holder:
    def __init__(self):
        self.pool = Pool(1)
holder = None
if __name__ == "__main__":
    holder = Holder()
    print(holder.pool.map(float, (1, 2)))
"""
        assert output_of(source) == "[1.0, 2.0]\n"

    def test_in_a_forked_child_a_pool_fails_and_waits_for_nothing(self, tmp_path: Path) -> None:
        begun, go = tmp_path / "begun", tmp_path / "go"
        with Pool(1) as pool:
            arguments = (pool_calls.touch_and_wait, (str(begun), str(go)))
            plain = pool.apply_async(*arguments)
            told = pool.apply_async(*arguments, callback=print)
            wait_until(begun.exists)
            pid = os.fork()
            if pid == 0:
                status = 1
                try:
                    for call in (plain.get, told.get, lambda: pool.apply(abs, (1,)), lambda: pool.map(abs, [1])):
                        with pytest.raises((BrokenProcessPool, CancelledError)):
                            call()
                    pool.terminate()
                    status = 0
                finally:
                    os._exit(status)
            assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
            go.touch()
            assert plain.get() == "waited"
            assert told.get() == "waited"


class TestThreadPool:
    @pytest.fixture
    def pool(self) -> Iterator[Any]:
        with ThreadPool(2) as made:
            yield made
        made.join()

    def test_nothing_is_copied_or_pickled(self, pool: Any) -> None:
        thing = threading.Lock()
        assert pool.apply(lambda: thing) is thing
        assert pool.map(id, [thing] * 3) == [id(thing)] * 3
        assert [each is thing for each in pool.imap(lambda each: each, [thing])] == [True]
        assert len(pool._pool) == 2
        assert repr(pool) == "<ungil.multiprocessing.pool.ThreadPool state=RUN pool_size=2>"
        assert isinstance(pool, multiprocessing.pool.Pool)

    def test_exceptions_are_the_calls_own(self, pool: Any) -> None:
        failure = LookupError("here")

        def fail(_: object) -> None:
            raise failure

        with pytest.raises(LookupError) as caught:
            pool.map(fail, [1])
        assert caught.value is failure
        assert failure.__cause__ is None

    def test_all_threads_call_the_initializer_at_once(self) -> None:
        barrier = threading.Barrier(3)
        with ThreadPool(3, barrier.wait, (60,)) as pool:
            assert pool.apply(abs, (-1,)) == 1
        pool.join()
        assert not barrier.broken

    def test_terminate_cancels_what_has_not_begun(self) -> None:
        begun, go = threading.Event(), threading.Event()

        def work() -> str:
            begun.set()
            go.wait()
            return "made"

        pool = ThreadPool(1)
        running, waiting = pool.apply_async(work), pool.map_async(abs, range(3))
        begun.wait()
        pool.terminate()
        with pytest.raises(CancelledError):
            waiting.get()
        assert not running.ready()
        go.set()
        assert running.get() == "made"
        pool.join()

    def test_an_initializer_that_raises_fails_the_calls(self, caplog: pytest.LogCaptureFixture) -> None:
        from ungil.futures import BrokenThreadPool

        with ThreadPool(2, pool_calls.fail_to_initialise) as pool, pytest.raises(BrokenThreadPool):
            pool.apply(time.sleep, (0,))
        pool.join()
