"""Calls with options: deadlines, further attempts, priorities, stop tokens, context variables, a bounded backlog."""

from __future__ import annotations

import contextvars
import gc
import logging
import queue
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import ungil
from ungil.futures import CancelledError, Options, Retry, ThreadPoolExecutor, wait
from ungil.threading import Event, StopRequested, StopToken


@pytest.fixture
def executor() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(max_workers=2) as executor:
        yield executor


def until(condition: Callable[[], object]) -> None:
    while not condition():
        time.sleep(0.001)


def pump(token: StopToken) -> None:
    while not token.wait(0.001):
        pass
    token.raise_if_stopped()


def test_a_view_without_options_makes_plain_calls(executor: ThreadPoolExecutor) -> None:
    view = executor.options()
    assert view.submit(pow, 2, 10).result() == 1024
    assert list(view.map(pow, [1, 2, 3], [2, 2, 2])) == [1, 4, 9]
    with pytest.raises(ValueError, match="invalid literal"):
        view.submit(int, "x").result()


def test_a_view_of_a_view_changes_some_options(executor: ThreadPoolExecutor) -> None:
    view = executor.options(name="load", priority=3).options(priority=4)
    assert isinstance(view, Options)
    assert "name='load'" in repr(view)
    assert "priority=4" in repr(view)


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"timeout": -1}, ValueError),
        ({"timeout": float("nan")}, ValueError),
        ({"retry": -1}, ValueError),
        ({"retry": "often"}, TypeError),
        ({"priority": 1.5}, TypeError),
        ({"speed": 1}, TypeError),
    ],
)
def test_wrong_options_are_refused(
    executor: ThreadPoolExecutor, options: dict[str, Any], error: type[Exception]
) -> None:
    with pytest.raises(error):
        executor.options(**options)


def test_a_deadline_ends_the_future_and_asks_the_call_to_stop(executor: ThreadPoolExecutor) -> None:
    stopped = Event()

    def work(token: StopToken) -> None:
        token.wait()
        stopped.set()

    future = executor.options(timeout=0.02, stop_token=True, name="work of the test").submit(work)
    with pytest.raises(TimeoutError, match=r"work of the test was not over within its timeout of 0\.02 s"):
        future.result()
    stopped.wait()
    assert not future.cancelled()


def test_a_deadline_counts_from_the_beginning_of_the_call() -> None:
    with ThreadPoolExecutor(max_workers=1) as executor:
        gate = Event()
        executor.submit(gate.wait)
        future = executor.options(timeout=0.5).submit(pow, 2, 2)
        time.sleep(0.6)
        gate.set()
        assert future.result() == 4


def test_a_call_that_is_in_time_is_left_alone(executor: ThreadPoolExecutor) -> None:
    tokens: list[StopToken] = []
    executor.options(timeout=0.5, stop_token=True).submit(lambda stop_token: tokens.append(stop_token)).result()
    time.sleep(0.6)
    assert not tokens[0].stop_requested


def test_cancel_asks_a_running_call_to_stop(executor: ThreadPoolExecutor) -> None:
    future = executor.options(stop_token=True).submit(pump)
    until(future.running)
    assert not future.cancel(), "it is not cancelled yet"
    with pytest.raises(CancelledError):
        future.result()
    assert future.cancelled()
    assert future.cancel()


def test_a_call_that_does_not_stop_keeps_its_result(executor: ThreadPoolExecutor) -> None:
    gate = Event()
    future = executor.options().submit(lambda: gate.wait() and "done")
    until(future.running)
    future.cancel()
    gate.set()
    assert future.result() == "done"


def test_who_raises_stop_requested_unasked_has_failed(executor: ThreadPoolExecutor) -> None:
    def work() -> None:
        raise StopRequested("by itself")

    future = executor.options().submit(work)
    with pytest.raises(StopRequested, match="by itself"):
        future.result()


def test_a_plain_submit_means_what_it_always_meant(executor: ThreadPoolExecutor) -> None:
    gate = Event()
    future = executor.submit(lambda: gate.wait() and "done")
    until(future.running)
    assert not future.cancel()
    gate.set()
    assert future.result() == "done"


@ungil.njit
def run_for_ever(x: int) -> int:
    turns = 0
    while x > 0:
        turns += 1
    return turns


@ungil.njit(parallel=True)
def run_for_long(n: int) -> float:
    total = 0.0
    for i in ungil.prange(n):
        for j in range(n):
            total += 1.0 / (i + j + 1.0)
    return total


@pytest.mark.parametrize(("function", "argument"), [(run_for_ever, 1), (run_for_long, 10**9)])
def test_cancel_stops_compiled_code_that_runs(executor: ThreadPoolExecutor, function: Any, argument: int) -> None:
    function(0)
    future = executor.options().submit(function, argument)
    until(future.running)
    time.sleep(0.02)
    future.cancel()
    with pytest.raises(CancelledError):
        future.result()


def test_a_deadline_stops_compiled_code_that_runs(executor: ThreadPoolExecutor) -> None:
    run_for_ever(0)
    future = executor.options(timeout=0.05).submit(run_for_ever, 1)
    with pytest.raises(TimeoutError):
        future.result()
    until(lambda: executor.statistics().idle == 1)


def test_a_call_is_made_again_for_the_exceptions_that_were_named(executor: ThreadPoolExecutor) -> None:
    attempts: list[int] = []

    def flaky(n_failures: int, error: type[Exception]) -> int:
        attempts.append(len(attempts))
        if len(attempts) <= n_failures:
            raise error(len(attempts))
        return len(attempts)

    view = executor.options(retry=Retry(3, OSError))
    assert view.submit(flaky, 2, OSError).result() == 3
    attempts.clear()
    with pytest.raises(ValueError, match="1"):
        view.submit(flaky, 2, ValueError).result()
    attempts.clear()
    with pytest.raises(OSError, match="4"):
        view.submit(flaky, 9, OSError).result()
    attempts.clear()
    with pytest.raises(ValueError, match="2"):
        executor.options(retry=1).submit(flaky, 9, ValueError).result()


def test_attempts_are_apart_as_the_retry_says() -> None:
    retry = Retry(4, backoff=0.1, factor=3, max_backoff=1)
    assert [retry.delay(attempt) for attempt in range(4)] == pytest.approx([0.1, 0.3, 0.9, 1.0])
    assert Retry(10**6, backoff=1.0).delay(10**5) == 60.0
    for wrong in ({"backoff": -1.0}, {"factor": 0.5}, {"backoff": float("nan")}):
        with pytest.raises(ValueError, match="backoff"):
            Retry(1, **wrong)


def test_a_cancel_ends_the_wait_for_a_further_attempt(executor: ThreadPoolExecutor) -> None:
    future = executor.options(retry=Retry(1, backoff=60)).submit(int, "x")
    until(future.running)
    future.cancel()
    with pytest.raises(ValueError, match="invalid literal"):
        future.result()


def test_calls_of_higher_priority_are_made_first() -> None:
    order: list[int] = []
    with ThreadPoolExecutor(max_workers=1) as executor:
        gate = Event()
        executor.submit(gate.wait)
        for priority in (0, 5, -3, 9, 0, 5):
            executor.options(priority=priority).submit(order.append, priority)
        executor.submit(order.append, 0)
        gate.set()
    assert order == [9, 5, 5, 0, 0, 0, -3]


variable = contextvars.ContextVar("variable", default="default")


def test_context_variables_travel_if_they_are_asked_to(executor: ThreadPoolExecutor) -> None:
    variable.set("of the submitter")
    assert executor.options(context=True).submit(variable.get).result() == "of the submitter"
    assert executor.options().submit(variable.get).result() == "default"
    executor.options(context=True).submit(variable.set, "of the call").result()
    assert variable.get() == "of the submitter"


def test_a_failure_that_nobody_fetches_is_logged_if_asked_for(
    executor: ThreadPoolExecutor, caplog: pytest.LogCaptureFixture
) -> None:
    view = executor.options(log_unfetched=True)
    with caplog.at_level(logging.ERROR, "concurrent.futures"):
        fetched = view.submit(int, "fetched")
        wait([fetched, view.submit(int, "not fetched"), executor.submit(int, "not asked for")])
        assert fetched.exception() is not None
        del fetched
        until(lambda: gc.collect() == 0)
    texts = [str(record.exc_info[1]) for record in caplog.records if record.exc_info is not None]
    assert texts == ["invalid literal for int() with base 10: 'not fetched'"]


def test_a_full_backlog_makes_submit_wait_or_refuse() -> None:
    gate = Event()
    with ThreadPoolExecutor(max_workers=1, max_pending=2) as executor:
        futures = [executor.submit(gate.wait) for _ in range(3)]
        with pytest.raises(queue.Full, match="max_pending"):
            executor.options(block=False).submit(pow, 2, 2)
        threading.Timer(0.02, gate.set).start()
        assert executor.submit(pow, 2, 2).result() == 4
        assert all(future.done() for future in futures)


def test_a_shutdown_ends_the_wait_for_room() -> None:
    gate = Event()
    executor = ThreadPoolExecutor(max_workers=1, max_pending=1)
    for _ in range(2):
        executor.submit(gate.wait)
    threading.Timer(0.02, executor.shutdown, kwargs={"wait": False}).start()
    with pytest.raises(RuntimeError, match="cannot schedule new futures after shutdown"):
        executor.submit(pow, 2, 2)
    gate.set()
    executor.shutdown()


def test_a_call_may_submit_to_its_own_full_executor() -> None:
    with ThreadPoolExecutor(max_workers=1, max_pending=1) as executor:
        inner = executor.submit(lambda: [executor.submit(pow, 2, n) for n in range(5)]).result()
        assert [future.result() for future in inner] == [1, 2, 4, 8, 16]


@pytest.mark.parametrize("max_pending", [0, -1])
def test_a_backlog_has_room_for_one_at_least(max_pending: int) -> None:
    with pytest.raises(ValueError, match="max_pending must be 1 or more"):
        ThreadPoolExecutor(max_pending=max_pending)


def test_many_submitters_wait_for_room_and_none_is_forgotten() -> None:
    done = []
    with ThreadPoolExecutor(max_workers=2, max_pending=3) as executor:

        def submit(first: int) -> None:
            for number in range(first, first + 500):
                executor.submit(done.append, number)

        threads = [threading.Thread(target=submit, args=(first,)) for first in range(0, 2000, 500)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sorted(done) == list(range(2000))
