"""A future alone: its states, what may be asked of it in each, and what it answers to those who wait."""

from __future__ import annotations

import logging
from concurrent.futures import CancelledError, InvalidStateError
from concurrent.futures._base import CANCELLED, CANCELLED_AND_NOTIFIED, FINISHED, PENDING, RUNNING
from typing import Any

import pytest
from implementation import futures
from states import STATES, made

Future = futures.Future


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
