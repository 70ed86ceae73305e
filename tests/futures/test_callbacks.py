"""Callbacks of a future: when they are called, in which order, and what becomes of their errors."""

from __future__ import annotations

import logging
from concurrent.futures import InvalidStateError
from concurrent.futures._base import CANCELLED, CANCELLED_AND_NOTIFIED, FINISHED
from typing import Any

import pytest
from implementation import futures
from states import made

Future = futures.Future


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
