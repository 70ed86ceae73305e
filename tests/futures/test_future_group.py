"""`TaskGroup` over an executor."""

from __future__ import annotations

import concurrent.futures
import os
import signal
import threading
import time
from collections.abc import Iterator

import pytest

from ungil.futures import TaskGroup, ThreadPoolExecutor
from ungil.threading import Event, StopRequested, StopToken


@pytest.fixture
def executor() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(max_workers=3) as executor:
        yield executor


def pump(token: StopToken) -> None:
    token.wait()
    token.raise_if_stopped()


def boom(text: str) -> None:
    raise ValueError(text)


def test_the_block_waits_for_all_calls(executor: ThreadPoolExecutor) -> None:
    with TaskGroup(executor) as group:
        futures = [group.submit(time.sleep, 0.01) for _ in range(5)]
    assert all(future.done() for future in futures)
    assert "over" in repr(group)


def test_it_takes_standard_executors() -> None:
    with concurrent.futures.ThreadPoolExecutor(2) as executor, TaskGroup(executor) as group:
        futures = [group.submit(pow, 2, n) for n in range(5)]
    assert [future.result() for future in futures] == [1, 2, 4, 8, 16]


def test_a_failure_stops_the_others(executor: ThreadPoolExecutor) -> None:
    with pytest.raises(ExceptionGroup) as raised, TaskGroup(executor.options(stop_token=True)) as group:
        pumping = group.submit(pump)
        group.submit(lambda stop_token: boom("one"))
    assert [str(failure) for failure in raised.value.exceptions] == ["one"]
    assert pumping.cancelled()


def test_a_failure_cancels_what_has_not_begun() -> None:
    with ThreadPoolExecutor(max_workers=1) as executor:
        gate = Event()
        with pytest.raises(ExceptionGroup), TaskGroup(executor) as group:
            group.submit(gate.wait)
            failing = group.submit(boom, "one")
            pending = [group.submit(pow, 2, 2) for _ in range(3)]
            gate.set()
            failing.exception()
        assert all(future.done() for future in pending)
        assert pending[-1].cancelled()


def test_a_failure_of_the_block_stops_the_calls(executor: ThreadPoolExecutor) -> None:
    with pytest.raises(ExceptionGroup) as raised, TaskGroup(executor.options(stop_token=True)) as group:
        pumping = group.submit(pump)
        while not pumping.running():
            time.sleep(0.001)
        boom("of the block")
    assert [str(failure) for failure in raised.value.exceptions] == ["of the block"]
    assert pumping.cancelled()


def test_a_group_that_is_stopping_submits_nothing(executor: ThreadPoolExecutor) -> None:
    with pytest.raises(ExceptionGroup), TaskGroup(executor) as group:
        group.submit(boom, "one").exception()
        while True:
            group.submit(pow, 2, 2)


def test_a_group_serves_one_block(executor: ThreadPoolExecutor) -> None:
    group = TaskGroup(executor)
    with pytest.raises(RuntimeError, match="this one is new"):
        group.submit(pow, 2, 2)
    with group:
        pass
    with pytest.raises(RuntimeError, match="this one is over"):
        group.submit(pow, 2, 2)
    with pytest.raises(RuntimeError, match="serves one `with` block"), group:
        pass


def test_calls_may_submit_to_their_group(executor: ThreadPoolExecutor) -> None:
    results = []

    def tree(depth: int) -> None:
        results.append(depth)
        if depth:
            for _ in range(2):
                group.submit(tree, depth - 1)

    with TaskGroup(executor) as group:
        group.submit(tree, 4)
    assert len(results) == 31


def test_who_asks_for_a_failed_call_in_another_fails_with_it_once(executor: ThreadPoolExecutor) -> None:
    with pytest.raises(ExceptionGroup) as raised, TaskGroup(executor) as group:
        failing = group.submit(boom, "one")
        try:
            group.submit(failing.result)
        except StopRequested:
            pass
    assert len(raised.value.exceptions) == 1


def test_ctrl_c_at_the_end_cancels_and_is_raised(executor: ThreadPoolExecutor) -> None:
    with pytest.raises(KeyboardInterrupt), TaskGroup(executor.options(stop_token=True)) as group:
        pumping = group.submit(pump)
        threading.Timer(0.05, os.kill, [os.getpid(), signal.SIGINT]).start()
    assert pumping.cancelled()
