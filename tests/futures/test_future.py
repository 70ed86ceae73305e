"""A future alone: its states and what may be asked of it in each, its callbacks, and how it is as an object."""

from __future__ import annotations

import concurrent.futures
import copy
import logging
import pickle
import threading
import weakref
from concurrent.futures import CancelledError, InvalidStateError
from concurrent.futures._base import CANCELLED, CANCELLED_AND_NOTIFIED, FINISHED, PENDING, RUNNING
from types import GenericAlias
from typing import Any

import pytest
from implementation import futures

Future = futures.Future
STATES = (PENDING, RUNNING, CANCELLED, CANCELLED_AND_NOTIFIED, FINISHED)


def made(state: str, result: object = None, exception: BaseException | None = None) -> Any:
    """Make a future that has come to this state by the ways that lead there."""
    future = Future()
    if state.startswith("CANCELLED"):
        assert future.cancel() is True
    if state in (RUNNING, CANCELLED_AND_NOTIFIED, FINISHED):
        assert future.set_running_or_notify_cancel() is (state != CANCELLED_AND_NOTIFIED)
    if exception is not None:
        assert future.set_exception(exception) is None
    elif state == FINISHED:
        assert future.set_result(result) is None
    return future


class TestStates:
    @pytest.mark.parametrize("state", STATES)
    def test_what_a_state_is_called(self, state: str) -> None:
        assert made(state)._state == state

    @pytest.mark.parametrize(
        ("state", "cancelled", "running", "done"),
        [
            (PENDING, False, False, False),
            (RUNNING, False, True, False),
            (CANCELLED, True, False, True),
            (CANCELLED_AND_NOTIFIED, True, False, True),
            (FINISHED, False, False, True),
        ],
    )
    def test_what_is_answered_in_each(self, state: str, cancelled: bool, running: bool, done: bool) -> None:
        future = made(state)
        assert (future.cancelled(), future.running(), future.done()) == (cancelled, running, done)

    @pytest.mark.parametrize(
        ("state", "answer", "after"),
        [
            (PENDING, True, CANCELLED),
            (RUNNING, False, RUNNING),
            (CANCELLED, True, CANCELLED),
            (CANCELLED_AND_NOTIFIED, True, CANCELLED_AND_NOTIFIED),
            (FINISHED, False, FINISHED),
        ],
    )
    def test_cancel_in_each(self, state: str, answer: bool, after: str) -> None:
        future = made(state, "result")
        assert future.cancel() is answer
        assert future._state == after

    def test_set_running_begins_what_is_pending(self) -> None:
        future = Future()
        assert future.set_running_or_notify_cancel() is True
        assert future.running()

    def test_set_running_notes_that_it_was_cancelled(self) -> None:
        future = made(CANCELLED)
        assert future.set_running_or_notify_cancel() is False
        assert future._state == CANCELLED_AND_NOTIFIED

    @pytest.mark.parametrize("state", [RUNNING, CANCELLED_AND_NOTIFIED, FINISHED])
    def test_set_running_of_what_has_begun_is_an_error_that_is_logged(
        self, state: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        future = made(state)
        with pytest.raises(RuntimeError, match=r"^Future in unexpected state$"):
            future.set_running_or_notify_cancel()
        assert future._state == state
        (record,) = caplog.records
        assert (record.name, record.levelno) == ("concurrent.futures", logging.CRITICAL)
        assert record.getMessage() == f"Future {id(future)} in unexpected state: {state}"

    @pytest.mark.parametrize("state", [PENDING, RUNNING])
    def test_a_result_may_be_set_once(self, state: str) -> None:
        future = made(state)
        future.set_result("first")
        with pytest.raises(InvalidStateError) as error:
            future.set_result("second")
        assert str(error.value) == f"FINISHED: {future!r}"
        with pytest.raises(InvalidStateError):
            future.set_exception(ValueError())
        assert future.result() == "first"
        assert future.exception() is None

    @pytest.mark.parametrize("state", [PENDING, RUNNING])
    def test_an_exception_may_be_set_once(self, state: str) -> None:
        future = made(state)
        error = ValueError("first")
        future.set_exception(error)
        with pytest.raises(InvalidStateError):
            future.set_exception(ValueError("second"))
        with pytest.raises(InvalidStateError):
            future.set_result("second")
        assert future.exception() is error
        with pytest.raises(ValueError, match="first") as raised:
            future.result()
        assert raised.value is error

    @pytest.mark.parametrize("state", [CANCELLED, CANCELLED_AND_NOTIFIED])
    def test_what_is_cancelled_takes_no_result(self, state: str) -> None:
        future = made(state)
        with pytest.raises(InvalidStateError, match=f"^{state}: <Future at 0x[0-9a-f]+ state=cancelled>$"):
            future.set_result(1)
        with pytest.raises(InvalidStateError):
            future.set_exception(ValueError())
        assert future.cancelled()


class TestResults:
    @pytest.mark.parametrize("result", [None, 0, "text", [1], ValueError("as a result"), Future])
    def test_a_result_is_the_object_that_was_set(self, result: object) -> None:
        future = made(FINISHED, result)
        assert future.result() is result
        assert future.result(timeout=0) is result
        assert future.exception() is None
        assert future.exception(timeout=0) is None

    @pytest.mark.parametrize("error", [ValueError("of it"), KeyboardInterrupt(), SystemExit(3), GeneratorExit()])
    def test_an_exception_of_any_class(self, error: BaseException) -> None:
        future = made(FINISHED, exception=error)
        assert future.exception() is error
        for timeout in (None, 0, 1.5):
            with pytest.raises(type(error)) as raised:
                future.result(timeout)
            assert raised.value is error

    def test_the_trace_of_an_exception_does_not_grow(self) -> None:
        """Each `result` adds its own frames, as any `raise` does, and no frame twice."""

        def n_frames() -> int:
            with pytest.raises(ValueError) as raised:
                future.result()
            return len(raised.traceback)

        future = made(FINISHED, exception=ValueError())
        first = n_frames()
        added = n_frames() - first
        assert n_frames() - first == 2 * added

    def test_an_exception_set_to_none_is_no_exception(self) -> None:
        future = Future()
        future.set_exception(None)
        assert future.done()
        assert future.exception() is None
        assert future.result() is None

    def test_a_class_of_exceptions_is_raised_as_any_raise_does(self) -> None:
        future = Future()
        future.set_exception(KeyError)
        assert future.exception() is KeyError
        with pytest.raises(KeyError):
            future.result()

    def test_what_is_no_exception_cannot_be_raised(self) -> None:
        future = Future()
        future.set_exception("text")
        assert future.exception() == "text"
        with pytest.raises(TypeError, match="exceptions must derive from BaseException"):
            future.result()

    @pytest.mark.ours_only(reason="before 3.14 it asks whether the exception is true")
    def test_an_exception_that_counts_as_false(self) -> None:
        class NoError(Exception):
            def __bool__(self) -> bool:
                return False

        future = Future()
        future.set_exception(error := NoError())
        assert future.exception() is error
        assert repr(future).endswith("raised NoError>")
        with pytest.raises(NoError):
            future.result()

    def test_the_cause_of_an_exception_stays(self) -> None:
        error, cause, context = ValueError(), KeyError(), IndexError()
        error.__cause__, error.__context__ = cause, context
        future = made(FINISHED, exception=error)
        try:
            raise OSError
        except OSError:
            with pytest.raises(ValueError) as raised:
                future.result()
        assert raised.value.__cause__ is cause

    @pytest.mark.parametrize("state", [PENDING, RUNNING])
    @pytest.mark.parametrize("timeout", [0, 0.0, -1, -0.5, 0.001])
    def test_no_result_in_time(self, state: str, timeout: float) -> None:
        future = made(state)
        with pytest.raises(TimeoutError) as error:
            future.result(timeout)
        assert error.value.args == ()
        with pytest.raises(futures.TimeoutError):
            future.exception(timeout=timeout)
        assert future._state == state

    @pytest.mark.parametrize("state", [CANCELLED, CANCELLED_AND_NOTIFIED])
    def test_no_result_when_cancelled(self, state: str) -> None:
        future = made(state)
        for ask in (future.result, future.exception):
            with pytest.raises(CancelledError) as error:
                ask()
            assert error.value.args == ()
            with pytest.raises(futures.CancelledError):
                ask(timeout=0)

    @pytest.mark.parametrize("ask", ["result", "exception"])
    @pytest.mark.parametrize("end", ["set_result", "set_exception", "cancel"])
    @pytest.mark.parametrize("timeout", [None, 60])
    def test_a_wait_ends_when_the_future_does(
        self, ask: str, end: str, timeout: float | None, threads: Any, until: Any
    ) -> None:
        future = Future()
        answers: list[object] = []

        def wait() -> None:
            try:
                answers.append(getattr(future, ask)(timeout))
            except (ValueError, CancelledError) as error:
                answers.append(type(error))

        for _ in range(3):
            threads.start(wait)
        error = ValueError()
        if end == "set_result":
            future.set_result("result")
        elif end == "set_exception":
            future.set_exception(error)
        else:
            future.cancel()
        threads.join()
        expected = {
            ("result", "set_result"): "result",
            ("exception", "set_result"): None,
            ("result", "set_exception"): ValueError,
            ("exception", "set_exception"): error,
        }.get((ask, end), CancelledError)
        assert answers == [expected] * 3


class TestCallbacks:
    def test_they_are_called_in_order_with_the_future(self) -> None:
        future = Future()
        calls: list[tuple[int, object]] = []
        for n in range(5):
            assert future.add_done_callback(lambda done, n=n: calls.append((n, done))) is None
        assert not calls
        future.set_result(1)
        assert calls == [(n, future) for n in range(5)]

    @pytest.mark.parametrize("end", ["result", "exception", "cancel"])
    def test_each_end_calls_them_once(self, end: str) -> None:
        future = Future()
        calls: list[Any] = []
        future.add_done_callback(calls.append)
        if end == "result":
            future.set_result(1)
        elif end == "exception":
            future.set_exception(ValueError())
        else:
            future.cancel()
            future.cancel()
            future.set_running_or_notify_cancel()
        assert calls == [future]

    @pytest.mark.parametrize("state", [CANCELLED, CANCELLED_AND_NOTIFIED, FINISHED])
    def test_one_that_comes_late_is_called_at_once(self, state: str) -> None:
        future = made(state)
        calls: list[Any] = []
        future.add_done_callback(calls.append)
        future.add_done_callback(calls.append)
        assert calls == [future, future]

    def test_the_same_may_be_added_twice(self) -> None:
        future, calls = Future(), []
        future.add_done_callback(calls.append)
        future.add_done_callback(calls.append)
        future.set_result(None)
        assert calls == [future, future]

    def test_the_state_is_the_new_one_when_they_are_called(self) -> None:
        future = Future()
        seen: list[object] = []
        future.add_done_callback(lambda done: seen.append((done.done(), done.result(timeout=0))))
        future.set_result("result")
        assert seen == [(True, "result")]

    def test_one_that_raises_is_logged_and_the_others_run(self, caplog: pytest.LogCaptureFixture) -> None:
        future = Future()
        calls: list[str] = []

        def fail(_: object) -> None:
            calls.append("fails")
            raise ValueError("of the callback")

        future.add_done_callback(lambda _: calls.append("before"))
        future.add_done_callback(fail)
        future.add_done_callback(lambda _: calls.append("after"))
        future.set_result(1)
        assert calls == ["before", "fails", "after"]
        (record,) = caplog.records
        assert (record.name, record.levelno) == ("concurrent.futures", logging.ERROR)
        assert record.getMessage() == f"exception calling callback for {future!r}"
        assert record.exc_info is not None
        assert str(record.exc_info[1]) == "of the callback"

    def test_a_late_one_that_raises_is_logged(self, caplog: pytest.LogCaptureFixture) -> None:
        future = made(FINISHED)
        future.add_done_callback(lambda _: 1 // 0)
        (record,) = caplog.records
        assert record.getMessage() == f"exception calling callback for {future!r}"

    @pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
    def test_what_is_no_exception_goes_to_the_caller(self, error: type[BaseException]) -> None:
        def fail(_: object) -> None:
            raise error

        future = Future()
        future.add_done_callback(fail)
        with pytest.raises(error):
            future.set_result(1)
        assert future.result() == 1
        with pytest.raises(error):
            future.add_done_callback(fail)

    def test_one_may_add_another(self) -> None:
        future, calls = Future(), []
        future.add_done_callback(lambda done: done.add_done_callback(lambda _: calls.append("inner")))
        future.add_done_callback(lambda _: calls.append("outer"))
        future.set_result(1)
        assert calls == ["inner", "outer"]

    def test_one_may_use_the_future_in_every_way(self) -> None:
        future, answers = Future(), []

        def ask(done: Any) -> None:
            answers.extend([done.cancel(), done.running(), repr(done), done.exception()])
            with pytest.raises(InvalidStateError):
                done.set_result(2)

        future.add_done_callback(ask)
        future.set_result(1)
        assert answers == [False, False, repr(future), None]

    def test_one_that_cannot_be_called_is_logged(self, caplog: pytest.LogCaptureFixture) -> None:
        future = Future()
        future.add_done_callback(None)
        future.set_result(1)
        (record,) = caplog.records
        assert record.exc_info is not None
        assert isinstance(record.exc_info[1], TypeError)


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
