"""`Executor.map`: order, errors, timeouts, how it draws from its iterables, and that it keeps nothing."""

from __future__ import annotations

import gc
import itertools
import sys
import threading
import weakref
from collections.abc import Iterator
from typing import Any

import pytest
from implementation import IS_UNGIL, futures

ThreadPoolExecutor = futures.ThreadPoolExecutor
buffered = pytest.mark.skipif(not IS_UNGIL and sys.version_info < (3, 14), reason="new in Python 3.14")


class Drawn:
    """An iterator that notes what was drawn from it."""

    def __init__(self, items: Any) -> None:
        self.items = iter(items)
        self.n = 0

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        item = next(self.items)
        self.n += 1
        return item


@pytest.fixture
def executor() -> Any:
    with ThreadPoolExecutor(3) as made:
        yield made


@pytest.fixture
def gate() -> Any:
    event = threading.Event()
    yield event
    event.set()


class TestResults:
    def test_they_come_in_the_order_of_the_arguments(self, executor: Any) -> None:
        assert list(executor.map(abs, range(-500, 0))) == list(range(500, 0, -1))

    def test_the_shortest_iterable_ends_it(self, executor: Any) -> None:
        assert list(executor.map(pow, [2, 3, 4], itertools.count(1), iter([5, 7, 11, 13]))) == [2, 2, 9]

    def test_no_arguments(self, executor: Any) -> None:
        assert list(executor.map(abs, [])) == []
        assert list(executor.map(abs)) == []
        assert list(executor.map(pow, [], [1])) == []

    @pytest.mark.parametrize("chunksize", [1, 2, 1000, 0, -1])
    def test_chunksize_means_nothing_to_threads(self, executor: Any, chunksize: int) -> None:
        assert list(executor.map(abs, [-1, -2], chunksize=chunksize)) == [1, 2]

    def test_an_element_that_is_a_tuple_is_one_argument(self, executor: Any) -> None:
        assert list(executor.map(len, [(1, 2), ()])) == [2, 0]

    def test_an_exception_comes_in_its_place(self, executor: Any) -> None:
        results = executor.map(divmod, [7, 7, 7], [2, 0, 3])
        assert next(results) == (3, 1)
        with pytest.raises(ZeroDivisionError):
            next(results)
        with pytest.raises(StopIteration):
            next(results)

    def test_a_stop_iteration_does_not_end_it_silently(self, executor: Any) -> None:
        with pytest.raises(RuntimeError, match="generator raised StopIteration") as raised:
            list(executor.map(next, [iter([])]))
        assert isinstance(raised.value.__cause__, StopIteration)

    @pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, GeneratorExit])
    def test_what_is_no_exception_comes_in_its_place(self, executor: Any, error: type[BaseException]) -> None:
        def fail(n: int) -> int:
            if n:
                raise error
            return n

        results = executor.map(fail, [0, 1])
        assert next(results) == 0
        with pytest.raises(error):
            next(results)

    def test_after_an_exception_the_rest_is_cancelled(self, gate: threading.Event) -> None:
        calls: list[int] = []

        def work(n: int) -> None:
            if n == 0:
                raise ValueError
            gate.wait()
            calls.append(n)

        with ThreadPoolExecutor(1) as executor:
            results = executor.map(work, range(10))
            with pytest.raises(ValueError):
                next(results)
            gate.set()
        assert calls in ([], [1])

    def test_it_returns_before_the_results_are_there(self, executor: Any, gate: threading.Event) -> None:
        results = executor.map(lambda _: gate.wait(), range(5))
        gate.set()
        assert list(results) == [True] * 5

    def test_the_iterator_may_outlive_the_executor(self) -> None:
        executor = ThreadPoolExecutor(2)
        results = executor.map(abs, [-1, -2, -3])
        del executor
        assert list(results) == [1, 2, 3]

    def test_one_that_was_not_begun_cancels_nothing(self) -> None:
        """The submissions are what counts for those who want no results."""
        calls: list[int] = []
        with ThreadPoolExecutor(1) as executor:
            executor.map(calls.append, range(10)).close()
        assert calls == list(range(10))

    def test_one_that_was_begun_and_is_closed_cancels_the_rest(self, gate: threading.Event) -> None:
        calls: list[int] = []
        with ThreadPoolExecutor(1) as executor:
            results = executor.map(lambda n: n and (gate.wait(), calls.append(n)), range(10))
            assert next(results) == 0
            results.close()
            gate.set()
        assert calls in ([], [1])

    def test_one_that_was_begun_and_is_dropped_cancels_the_rest(self, gate: threading.Event) -> None:
        calls: list[int] = []
        with ThreadPoolExecutor(1) as executor:
            results = executor.map(lambda n: n and (gate.wait(), calls.append(n)), range(10))
            assert next(results) == 0
            del results
            gc.collect()
            gate.set()
        assert calls in ([], [1])


class TestTimeout:
    def test_not_in_time(self, gate: threading.Event) -> None:
        with ThreadPoolExecutor(1) as executor:
            results = executor.map(lambda n: n and gate.wait(), [0, 1], timeout=0.05)
            # On a busy machine the first may come late as well.
            with pytest.raises(TimeoutError):
                list(results)
            gate.set()

    def test_no_time_at_all(self, gate: threading.Event) -> None:
        with ThreadPoolExecutor(1) as executor:
            for timeout in (0, -1):
                with pytest.raises(futures.TimeoutError):
                    next(executor.map(lambda _: gate.wait(), [1], timeout=timeout))
            gate.set()

    def test_in_time(self, executor: Any) -> None:
        assert list(executor.map(abs, [-1, -2], timeout=60)) == [1, 2]

    def test_what_was_not_in_time_is_cancelled(self, gate: threading.Event) -> None:
        calls: list[int] = []
        with ThreadPoolExecutor(1) as executor:
            begun = threading.Event()
            executor.submit(lambda: (begun.set(), gate.wait()))
            begun.wait()
            results = executor.map(calls.append, range(5), timeout=0)
            with pytest.raises(TimeoutError):
                next(results)
            gate.set()
        assert calls == []


class TestDrawing:
    def test_without_a_buffer_all_is_drawn_at_once(self, executor: Any) -> None:
        drawn = Drawn(range(100))
        results = executor.map(abs, drawn)
        assert drawn.n == 100
        assert len(list(results)) == 100

    def test_an_error_of_an_iterable_goes_to_the_caller(self, executor: Any) -> None:
        def items() -> Iterator[int]:
            yield 1
            raise KeyError("of the iterable")

        with pytest.raises(KeyError, match="of the iterable"):
            executor.map(abs, items())

    @buffered
    def test_with_a_buffer_as_much_is_drawn_as_fits(self, executor: Any) -> None:
        drawn, second = Drawn(range(100)), Drawn(itertools.count())
        results = executor.map(max, drawn, second, buffersize=7)
        assert (drawn.n, second.n) == (7, 7)
        for taken in range(1, 94):
            assert next(results) == taken - 1
            assert drawn.n == taken + 7
        assert list(results) == list(range(93, 100))

    @buffered
    def test_a_buffer_larger_than_what_there_is(self, executor: Any) -> None:
        assert list(executor.map(abs, [-1, -2], buffersize=1000)) == [1, 2]
        assert list(executor.map(abs, [], buffersize=3)) == []
        assert list(executor.map(abs, buffersize=3)) == []

    @buffered
    def test_a_buffer_of_one(self, executor: Any) -> None:
        drawn = Drawn(range(5))
        results = executor.map(abs, drawn, buffersize=1)
        assert drawn.n == 1
        assert next(results) == 0
        assert drawn.n == 2
        assert list(results) == [1, 2, 3, 4]

    @buffered
    def test_what_has_no_end_can_be_mapped(self, executor: Any) -> None:
        results = executor.map(abs, itertools.count(), buffersize=4)
        assert list(itertools.islice(results, 1000)) == list(range(1000))
        results.close()

    @buffered
    def test_at_most_so_many_wait(self, gate: threading.Event) -> None:
        begun: list[int] = []
        with ThreadPoolExecutor(8) as executor:
            results = executor.map(lambda n: (begun.append(n), gate.wait()), itertools.count(), buffersize=3)
            gate.set()
            next(results)
            results.close()
        assert len(begun) <= 4

    @buffered
    def test_a_timeout_with_a_buffer(self, gate: threading.Event) -> None:
        with ThreadPoolExecutor(1) as executor:
            results = executor.map(lambda _: gate.wait(), itertools.count(), timeout=0, buffersize=2)
            with pytest.raises(TimeoutError):
                next(results)
            with pytest.raises(StopIteration):
                next(results)
            gate.set()

    @buffered
    def test_an_error_of_an_iterable_comes_when_it_is_drawn(self, executor: Any) -> None:
        def items() -> Iterator[int]:
            yield from (1, 2)
            raise KeyError("of the iterable")

        results = executor.map(abs, items(), buffersize=2)
        with pytest.raises(KeyError, match="of the iterable"):
            next(results)

    @buffered
    def test_the_executor_may_be_gone_when_more_should_be_drawn(self) -> None:
        executor = ThreadPoolExecutor(2)
        results = executor.map(abs, range(100), buffersize=5)
        del executor
        gc.collect()
        assert list(results) == [0, 1, 2, 3, 4]

    @buffered
    def test_the_executor_may_be_shut_down_when_more_should_be_drawn(self) -> None:
        executor = ThreadPoolExecutor(2)
        results = executor.map(abs, range(100), buffersize=5)
        executor.shutdown()
        with pytest.raises(RuntimeError, match="cannot schedule new futures after shutdown"):
            next(results)

    @buffered
    @pytest.mark.parametrize("buffersize", ["1", 1.0, [1]])
    def test_a_buffersize_of_a_wrong_type(self, executor: Any, buffersize: Any) -> None:
        drawn = Drawn([1])
        with pytest.raises(TypeError, match=r"^buffersize must be an integer or None$"):
            executor.map(abs, drawn, buffersize=buffersize)
        assert drawn.n == 0

    @buffered
    @pytest.mark.parametrize("buffersize", [0, -1, False])
    def test_a_buffersize_that_is_too_small(self, executor: Any, buffersize: int) -> None:
        drawn = Drawn([1])
        with pytest.raises(ValueError, match=r"^buffersize must be None or > 0$"):
            executor.map(abs, drawn, buffersize=buffersize)
        assert drawn.n == 0


class TestKeepsNothing:
    def test_a_result_that_was_taken(self, executor: Any) -> None:
        class Result:
            def __init__(self, _: int) -> None:
                pass

        for result in executor.map(Result, range(20)):
            reference = weakref.ref(result)
            del result
            gc.collect()
            assert reference() is None

    def test_an_exception_that_was_raised(self, executor: Any) -> None:
        """Freed without the collector: its trace does not lead back to the future that has it."""

        class OfMine(Exception):
            pass

        def fail(_: int) -> None:
            raise OfMine

        gc.collect()
        gc.disable()
        try:
            try:
                list(executor.map(fail, [1]))
            except OfMine as error:
                reference = weakref.ref(error)
            executor.submit(int).result()
            executor.shutdown()  # so that no thread has it in hand
            assert reference() is None
        finally:
            gc.enable()
