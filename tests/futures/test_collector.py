"""What is unreachable is freed: cycles through a future or a pool by the collector, all else at once."""

from __future__ import annotations

import gc
import sys
import threading
import weakref
from typing import Any

import pytest
from implementation import futures

Future, ThreadPoolExecutor = futures.Future, futures.ThreadPoolExecutor


class Thing:
    """Something that can be watched."""

    other: Any = None


class CycleError(Exception):
    other: Any = None


def result_cycle(future: Any, thing: Thing) -> None:
    thing.other = future
    future.set_result(thing)


def exception_cycle(future: Any, thing: Thing) -> None:
    error = CycleError()
    error.other = [future, thing]
    future.set_exception(error)


def callback_cycle(future: Any, thing: Thing) -> None:
    thing.other = future
    future.add_done_callback(lambda _: thing)


def attribute_cycle(future: Any, thing: Thing) -> None:
    thing.other = future
    future.extra = thing


def waiter_cycle(future: Any, thing: Thing) -> None:
    thing.other = future
    with future._condition:
        future._waiters.append(thing)


@pytest.mark.parametrize(
    "make",
    [result_cycle, exception_cycle, callback_cycle, attribute_cycle, waiter_cycle],
    ids=lambda make: make.__name__,
)
def test_a_cycle_through_a_future_is_freed(make: Any) -> None:
    future, thing = Future(), Thing()
    references = weakref.ref(future), weakref.ref(thing)
    make(future, thing)
    del future, thing
    gc.collect()
    assert [reference() for reference in references] == [None, None]


def test_a_cycle_through_a_task_that_waits_is_freed_with_its_pool() -> None:
    """A task that was cancelled is forgotten when a thread comes to it."""
    thing = Thing()
    reference = weakref.ref(thing)
    gate = threading.Event()
    with ThreadPoolExecutor(1) as executor:
        executor.submit(gate.wait)
        thing.other = executor.submit(lambda thing: thing, thing)
        assert thing.other.cancel()
        del thing
        gate.set()
    gc.collect()
    assert reference() is None


def test_a_cycle_through_a_pool_is_freed() -> None:
    thing = Thing()
    thing.other = ThreadPoolExecutor(1)
    thing.other.extra = thing
    thing.other.submit(int).result()
    references = weakref.ref(thing), weakref.ref(thing.other)
    threads = list(thing.other._threads)
    del thing
    gc.collect()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()
    gc.collect()
    assert [reference() for reference in references] == [None, None]


class TestFinalisers:
    """What is freed may use the future or the pool that lets go of it."""

    class Final:
        def __init__(self, call: Any) -> None:
            self.call = call

        def __call__(self, *_: object) -> None:
            pass

        def __del__(self) -> None:
            self.call()

    def test_of_a_result_and_of_arguments(self) -> None:
        answers: list[int] = []
        with ThreadPoolExecutor(1) as executor:

            def use() -> None:
                executor.submit(answers.append, 1)

            for _ in range(50):
                executor.submit(self.Final, use).result()
                executor.submit(lambda *_: None, self.Final(use)).result()
                executor.submit(self.Final(use)).result()
            future = executor.submit(int)
            while len(answers) < 150:
                future = executor.submit(int)
                future.result()
        assert answers == [1] * 150

    def test_of_a_callback(self) -> None:
        answers: list[object] = []
        future, other = Future(), Future()
        future.add_done_callback(self.Final(lambda: answers.append(other.done())))
        future.add_done_callback(lambda _: answers.append("called"))
        future.set_result(1)
        del future
        # The standard future keeps its callbacks to its own end.
        assert answers in ([False, "called"], ["called", False])

    def test_of_a_result_when_its_future_is_freed_in_wait(self) -> None:
        calls: list[int] = []
        for future in futures.as_completed([finished_with(self.Final(lambda: calls.append(1))) for _ in range(3)]):
            del future
        assert calls == [1, 1, 1]

    def test_of_a_call_that_was_cancelled(self, until: Any) -> None:
        calls: list[int] = []
        gate = threading.Event()
        with ThreadPoolExecutor(1) as executor:
            executor.submit(gate.wait)
            for _ in range(10):
                executor.submit(self.Final(lambda: calls.append(1))).cancel()
            gate.set()
            until(lambda: len(calls) == 10)


def finished_with(result: object) -> Any:
    future = Future()
    future.set_result(result)
    return future


class TestWithoutTheCollector:
    @pytest.fixture(autouse=True)
    def _no_collector(self) -> Any:
        gc.collect()
        gc.disable()
        yield
        gc.enable()

    def test_arguments_and_result_of_a_call(self) -> None:
        argument = Thing()
        references = [weakref.ref(argument)]
        with ThreadPoolExecutor(1) as executor:
            future = executor.submit(lambda thing: Thing(), argument)
            references += [weakref.ref(future.result()), weakref.ref(future)]
            del argument, future
        assert [reference() for reference in references] == [None, None, None]

    def test_a_function_and_its_arguments_are_let_go_of_while_the_thread_is_idle(self, until: Any) -> None:
        argument = Thing()
        reference = weakref.ref(argument)
        with ThreadPoolExecutor(1) as executor:
            future = executor.submit(lambda thing: None, argument)
            del argument
            future.result()
            until(lambda: reference() is None)

    def test_a_result_is_let_go_of_while_the_thread_is_idle(self, until: Any) -> None:
        with ThreadPoolExecutor(1) as executor:
            future = executor.submit(Thing)
            reference = weakref.ref(future.result())
            del future
            until(lambda: reference() is None)

    def test_an_exception_and_its_future(self) -> None:
        """The trace of what `result` raises leads to no frame that has the future."""

        def fail() -> None:
            raise CycleError

        with ThreadPoolExecutor(1) as executor:
            future = executor.submit(fail)
            try:
                future.result()
            except CycleError as error:
                references = [weakref.ref(error), weakref.ref(future)]
            del future
        assert [reference() for reference in references] == [None, None]

    def test_an_exception_that_was_set(self) -> None:
        future = Future()
        future.set_exception(CycleError())
        references = [weakref.ref(future), weakref.ref(future.exception())]
        for _ in range(2):
            try:
                future.result()
            except CycleError:
                pass
        del future
        assert [reference() for reference in references] == [None, None]

    def test_a_callback_is_let_go_of_with_its_future(self) -> None:
        thing = Thing()
        reference = weakref.ref(thing)
        future = Future()
        future.add_done_callback(lambda _, thing=thing: None)
        del thing
        future.set_result(1)
        del future
        assert reference() is None

    @pytest.mark.parametrize("state", ["pending", "cancelled", "finished"])
    def test_what_a_future_refers_to_is_counted_right(self, state: str) -> None:
        thing = Thing()
        before = sys.getrefcount(thing)
        for _ in range(100):
            future = Future()
            future.add_done_callback(lambda _, thing=thing: None)
            if state == "cancelled":
                future.cancel()
                future.set_running_or_notify_cancel()
            elif state == "finished":
                future.set_result(thing)
                assert future.result() is thing
        del future
        assert sys.getrefcount(thing) == before

    def test_what_wait_and_as_completed_were_given(self) -> None:
        made = [Future() for _ in range(3)]
        references = [weakref.ref(future) for future in made]
        futures.wait(made, 0)
        order = futures.as_completed(made)
        made[0].set_result(1)
        next(order)
        order.close()
        del made, order
        assert [reference() for reference in references] == [None, None, None]
