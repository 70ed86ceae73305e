"""`wait`, ours and the standard one, over our futures and standard ones."""

from __future__ import annotations

import concurrent.futures as standard
import os
import threading
from collections.abc import Callable
from typing import Any

import pytest
from implementation import futures

ALL_COMPLETED, FIRST_COMPLETED, FIRST_EXCEPTION = (
    futures.ALL_COMPLETED,
    futures.FIRST_COMPLETED,
    futures.FIRST_EXCEPTION,
)

# Which `wait`, and what makes the first future and the second.
MIXES = [
    pytest.param(wait, first, second, id=f"{wait_of} wait, {first_of} and {second_of}")
    for wait_of, wait in (("tested", futures.wait), ("standard", standard.wait))
    for first_of, first in (("tested", futures.Future), ("standard", standard.Future))
    for second_of, second in (("tested", futures.Future), ("standard", standard.Future))
]
mixed = pytest.mark.parametrize(("wait", "first", "second"), MIXES)


def finished(make: Any, result: object = None) -> Any:
    future = make()
    future.set_result(result)
    return future


def failed(make: Any) -> Any:
    future = make()
    future.set_exception(ValueError())
    return future


def cancelled(make: Any) -> Any:
    future = make()
    future.cancel()
    future.set_running_or_notify_cancel()
    return future


def begin(threads: Any, call: Callable[[], object]) -> None:
    """Call in a thread; most likely it waits when this returns. The answers are the same if it does not yet."""
    begun = threading.Event()
    threads.start(lambda: (begun.set(), call()))
    begun.wait()
    for _ in range(100):
        os.sched_yield()


def are_left_clean(*made: Any) -> bool:
    """Whether nothing that waits is noted in them."""
    return all(len(future._waiters) == 0 for future in made)


class TestWhatIsDoneAlready:
    @mixed
    @pytest.mark.parametrize("until", [ALL_COMPLETED, FIRST_COMPLETED, FIRST_EXCEPTION])
    def test_all(self, wait: Any, first: Any, second: Any, until: str) -> None:
        made = {finished(first), cancelled(second), failed(first)}
        answer = wait(made, return_when=until)
        assert (answer.done, answer.not_done) == (made, set())
        assert are_left_clean(*made)

    @mixed
    def test_one(self, wait: Any, first: Any, second: Any) -> None:
        done, pending = finished(first), second()
        assert wait([done, pending], return_when=FIRST_COMPLETED) == ({done}, {pending})
        assert wait([done, pending], 0) == ({done}, {pending})
        assert wait([done, pending], 0, FIRST_EXCEPTION) == ({done}, {pending})
        assert are_left_clean(done, pending)

    @mixed
    def test_an_exception(self, wait: Any, first: Any, second: Any) -> None:
        done, bad, pending = finished(first), failed(second), first()
        assert wait([done, pending, bad], return_when=FIRST_EXCEPTION) == ({done, bad}, {pending})
        assert are_left_clean(done, bad, pending)

    @mixed
    def test_a_cancelled_one_is_no_exception(self, wait: Any, first: Any, second: Any) -> None:
        gone, pending = cancelled(first), second()
        assert wait([gone, pending], 0.001, FIRST_EXCEPTION) == ({gone}, {pending})

    @pytest.mark.parametrize("wait", [futures.wait, standard.wait])
    def test_one_that_was_cancelled_is_done_when_its_executor_knows(self, wait: Any) -> None:
        """The standard rule, for executors that look for work that was cancelled."""
        future = futures.Future()
        future.cancel()
        assert wait([future], 0) == (set(), {future})
        future.set_running_or_notify_cancel()
        assert wait([future], 0) == ({future}, set())

    @pytest.mark.parametrize("wait", [futures.wait, standard.wait])
    def test_none(self, wait: Any) -> None:
        assert wait([]) == (set(), set())
        assert wait(iter(()), timeout=0) == (set(), set())


class TestWaiting:
    @mixed
    def test_for_all(self, wait: Any, first: Any, second: Any, threads: Any) -> None:
        made = [first(), second(), first(), second()]
        answers: list[Any] = []
        begin(threads, lambda: answers.append(wait(made)))
        made[0].set_result(1)
        made[1].set_exception(ValueError())
        made[2].cancel()
        made[2].set_running_or_notify_cancel()
        assert not answers
        made[3].set_result(2)
        threads.join()
        assert answers == [(set(made), set())]
        assert are_left_clean(*made)

    @mixed
    @pytest.mark.parametrize("end", ["result", "exception", "cancel"])
    def test_for_the_first(self, wait: Any, first: Any, second: Any, end: str, threads: Any) -> None:
        made = [first(), second()]
        answers: list[Any] = []
        begin(threads, lambda: answers.append(wait(made, return_when=FIRST_COMPLETED)))
        if end == "result":
            made[1].set_result(1)
        elif end == "exception":
            made[1].set_exception(ValueError())
        else:
            made[1].cancel()
            made[1].set_running_or_notify_cancel()
        threads.join()
        assert answers == [({made[1]}, {made[0]})]
        assert are_left_clean(*made)

    @mixed
    def test_for_an_exception(self, wait: Any, first: Any, second: Any, threads: Any) -> None:
        made = [first(), second(), first()]
        answers: list[Any] = []
        begin(threads, lambda: answers.append(wait(made, return_when=FIRST_EXCEPTION)))
        made[0].set_result(1)
        assert not answers
        made[1].set_exception(ValueError())
        threads.join()
        assert answers == [(set(made[:2]), {made[2]})]
        assert are_left_clean(*made)

    @mixed
    def test_for_an_exception_that_never_comes(self, wait: Any, first: Any, second: Any, threads: Any) -> None:
        made = [first(), second()]
        answers: list[Any] = []
        begin(threads, lambda: answers.append(wait(made, return_when=FIRST_EXCEPTION)))
        for future in made:
            future.set_result(1)
        threads.join()
        assert answers == [(set(made), set())]

    @mixed
    @pytest.mark.parametrize("timeout", [0.001, 0, -1])
    def test_not_in_time(self, wait: Any, first: Any, second: Any, timeout: float) -> None:
        made = [first(), second()]
        for until in (ALL_COMPLETED, FIRST_COMPLETED, FIRST_EXCEPTION):
            assert wait(made, timeout, until) == (set(), set(made))
        assert are_left_clean(*made)

    @mixed
    def test_many_threads_for_the_same(self, wait: Any, first: Any, second: Any, threads: Any) -> None:
        made = [first(), second()]
        answers: list[Any] = []
        for _ in range(5):
            begin(threads, lambda: answers.append(wait(made)))
        for future in made:
            future.set_result(1)
        threads.join()
        assert answers == [(set(made), set())] * 5
        assert are_left_clean(*made)

    @pytest.mark.parametrize("wait", [futures.wait, standard.wait])
    def test_tasks_of_both_pools(self, wait: Any) -> None:
        with futures.ThreadPoolExecutor(2) as ours, standard.ThreadPoolExecutor(2) as theirs:
            made = [executor.submit(pow, 2, n) for n in range(200) for executor in (ours, theirs)]
            assert wait(made) == (set(made), set())
        assert sum(future.result() for future in made) == 2 * (2**200 - 1)
        assert are_left_clean(*made)

    @pytest.mark.parametrize("until", [ALL_COMPLETED, FIRST_COMPLETED, FIRST_EXCEPTION])
    def test_a_race_with_the_end_of_the_tasks(self, until: str) -> None:
        with futures.ThreadPoolExecutor(2) as executor:
            for _ in range(300):
                made = [executor.submit(int) for _ in range(5)]
                done, not_done = futures.wait(made, 60, until)
                assert done | not_done == set(made)
                assert done if until == FIRST_COMPLETED else not not_done
        assert are_left_clean(*made)


class TestArguments:
    def test_duplicates_count_once(self) -> None:
        one, other = finished(futures.Future), finished(futures.Future)
        assert futures.wait([one, other, one, one]) == ({one, other}, set())
        pending = futures.Future()
        assert futures.wait([pending, pending], 0) == (set(), {pending})
        assert are_left_clean(one, pending)

    @pytest.mark.parametrize("made_of", [list, tuple, set, frozenset, iter, dict.fromkeys])
    def test_any_iterable(self, made_of: Any) -> None:
        one = finished(futures.Future)
        assert futures.wait(made_of([one])) == ({one}, set())

    def test_by_names(self) -> None:
        one = finished(futures.Future)
        assert futures.wait(fs=[one], timeout=None, return_when=ALL_COMPLETED) == ({one}, set())

    def test_the_answer_is_a_named_tuple(self) -> None:
        answer = futures.wait([finished(futures.Future)])
        assert type(answer).__name__ == "DoneAndNotDoneFutures"
        assert isinstance(answer, type(standard.wait([])))
        assert answer._fields == ("done", "not_done")
        assert type(answer.done) is type(answer.not_done) is set

    def test_what_is_no_condition(self) -> None:
        pending = futures.Future()
        with pytest.raises(ValueError, match="Invalid return condition: 'NEVER'"):
            futures.wait([pending], return_when="NEVER")
        assert are_left_clean(pending)

    def test_what_is_no_future(self) -> None:
        pending = futures.Future()
        with pytest.raises(AttributeError):
            futures.wait([pending, object()])
        assert are_left_clean(pending)


def test_a_subclass_and_what_only_looks_like_a_future() -> None:
    """Anything with the attributes of a future will do, as for the standard one."""

    class Lookalike:
        def __init__(self) -> None:
            self._condition = threading.Condition()
            self._state = "FINISHED"
            self._result = 1
            self._exception = None
            self._waiters: list[Any] = []

    class Mine(futures.Future):
        pass

    made = [Lookalike(), finished(Mine)]
    assert futures.wait(made) == (set(made), set())
    assert standard.wait(made) == (set(made), set())
