"""A future as an object, and the private parts of it that other people's code touches."""

from __future__ import annotations

import concurrent.futures
import copy
import pickle
import threading
import weakref
from concurrent.futures._base import CANCELLED, CANCELLED_AND_NOTIFIED, FINISHED, PENDING, RUNNING
from types import GenericAlias
from typing import Any

import pytest
from implementation import futures
from states import STATES, made

Future = futures.Future


class TestObject:
    @pytest.mark.parametrize(
        ("state", "text"),
        [(PENDING, "pending"), (RUNNING, "running"), (CANCELLED, "cancelled"), (CANCELLED_AND_NOTIFIED, "cancelled")],
    )
    def test_repr(self, state: str, text: str) -> None:
        future = made(state)
        assert repr(future) == f"<Future at {id(future):#x} state={text}>"

    def test_repr_of_one_that_is_finished(self) -> None:
        future = made(FINISHED, [1, 2])
        assert repr(future) == f"<Future at {id(future):#x} state=finished returned list>"
        future = made(FINISHED, exception=OSError())
        assert repr(future) == f"<Future at {id(future):#x} state=finished raised OSError>"

    def test_repr_has_the_name_of_the_class(self) -> None:
        Mine = type("Mine", (Future,), {})
        assert repr(Mine()).startswith("<Mine at 0x")

    def test_a_subclass_with_an_init_and_attributes(self) -> None:
        class Named(Future):
            def __init__(self, name: str) -> None:
                super().__init__()
                self.name = name

            def result(self, timeout: float | None = None) -> object:
                return f"{self.name}: {super().result(timeout)}"

        future = Named("mine")
        future.set_result(1)
        assert (future.name, future.result()) == ("mine", "mine: 1")

    def test_a_subclass_with_slots(self) -> None:
        class Slotted(Future):
            __slots__ = ("extra",)

        future = Slotted()
        future.extra = 1
        future.set_result(2)
        assert (future.extra, future.result()) == (1, 2)

    def test_a_method_may_be_overridden(self) -> None:
        class Counting(Future):
            n_cancels = 0

            def cancel(self) -> bool:
                self.n_cancels += 1
                return super().cancel()

        future = Counting()
        assert future.cancel()
        assert future.n_cancels == 1

    def test_attributes_may_be_set(self) -> None:
        future = Future()
        future.note = "mine"
        assert future.note == "mine"
        assert vars(future)["note"] == "mine"
        del future.note
        assert not hasattr(future, "note")

    def test_it_is_hashable_and_only_equal_to_itself(self) -> None:
        one, other = Future(), Future()
        assert one == one
        assert one != other
        assert len({one, other, one}) == 2
        assert bool(one)

    def test_a_weak_reference_ends_with_it(self) -> None:
        future = Future()
        calls: list[object] = []
        reference = weakref.ref(future, calls.append)
        assert reference() is future
        del future
        assert reference() is None
        assert calls == [reference]

    @pytest.mark.parametrize("state", STATES)
    def test_it_cannot_be_pickled_or_copied(self, state: str) -> None:
        future = made(state)
        for call in (pickle.dumps, copy.deepcopy):
            with pytest.raises(TypeError, match=r"cannot pickle '.*' object"):
                call(future)

    def test_its_class_takes_parameters(self) -> None:
        alias = Future[int]
        assert isinstance(alias, GenericAlias)
        assert (alias.__origin__, alias.__args__) == (Future, (int,))
        assert isinstance(alias(), Future)

    def test_it_is_a_standard_future(self) -> None:
        assert isinstance(Future(), concurrent.futures.Future)
        assert issubclass(Future, concurrent.futures.Future)
        assert isinstance(futures.ThreadPoolExecutor(1).submit(print, end=""), Future)


class TestInside:
    """What other people's code touches though it is private."""

    def test_the_attributes_of_a_new_one(self) -> None:
        future = Future()
        assert (future._state, future._result, future._exception) == (PENDING, None, None)
        assert list(future._waiters) == []
        assert list(future._done_callbacks) == []
        with future._condition:
            future._condition.notify_all()

    def test_the_result_and_the_exception(self) -> None:
        error = ValueError()
        assert made(FINISHED, "result")._result == "result"
        assert made(FINISHED, exception=error)._exception is error

    def test_the_callbacks(self) -> None:
        future = Future()
        future.add_done_callback(print)
        assert list(future._done_callbacks) == [print]

    @pytest.mark.parametrize("state", STATES)
    def test_the_state_may_be_set(self, state: str) -> None:
        """As CPython's own tests do."""
        future = Future()
        future._state = state
        assert future.done() is (state not in (PENDING, RUNNING))
        assert future.running() is (state == RUNNING)

    def test_a_finished_one_may_be_made_by_hand(self) -> None:
        future = Future()
        future._result = 42
        future._state = FINISHED
        assert future.result() == 42
        future = Future()
        future._exception = error = OSError()
        future._state = FINISHED
        assert future.exception() is error

    @pytest.mark.parametrize(
        ("end", "method"),
        [("set_result", "add_result"), ("set_exception", "add_exception"), ("cancel", "add_cancelled")],
    )
    def test_waiters_are_told(self, end: str, method: str) -> None:
        class Waiter:
            def __init__(self) -> None:
                self.told: list[tuple[str, object]] = []

            def __getattr__(self, name: str) -> Any:
                return lambda future: self.told.append((name, future))

        waiter, future = Waiter(), Future()
        with future._condition:
            future._waiters.append(waiter)
        if end == "cancel":
            future.cancel()
            assert not waiter.told  # which `set_running_or_notify_cancel` is for
            future.set_running_or_notify_cancel()
        else:
            getattr(future, end)(ValueError())
        assert waiter.told == [(method, future)]
        assert future._waiters == [waiter]

    def test_a_result_waits_for_who_holds_the_condition(self, threads: Any) -> None:
        future, order = Future(), []
        with future._condition:
            threads.start(lambda: (future.set_result(1), order.append("set")))
            order.append("held")
        threads.join()
        assert order == ["held", "set"]
        assert future.result() == 1

    @pytest.mark.parametrize("ask", ["result", "exception"])
    def test_who_finishes_it_by_hand_wakes_those_who_wait(self, ask: str, threads: Any, until: Any) -> None:
        """As one of CPython's own tests does."""
        future, answers = Future(), []
        begun = threading.Event()

        def wait() -> None:
            begun.set()
            try:
                answers.append(getattr(future, ask)())
            except OSError as error:
                answers.append(error)

        threads.start(wait)
        begun.wait()
        with future._condition:
            future._state = FINISHED
            future._exception = error = OSError()
            future._condition.notify_all()
        threads.join()
        assert answers == [error]

    def test_its_condition_is_notified(self, threads: Any) -> None:
        future = Future()
        with future._condition:
            threads.start(future.set_result, 1)
            assert future._condition.wait_for(future.done, timeout=60)
        threads.join()
