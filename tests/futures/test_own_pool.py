"""Calls that wait for calls of their own executor: when no thread is left, there is one more."""

from __future__ import annotations

import pytest

from ungil.futures import Future, ThreadPoolExecutor, as_completed, wait
from ungil.threading import Event

MESSAGE = r"all 1 threads .* wait for calls that were submitted to their own executor"


def test_a_call_that_waits_for_another_gets_a_further_thread() -> None:
    with ThreadPoolExecutor(max_workers=1) as executor:

        def outer() -> int:
            with pytest.warns(RuntimeWarning, match=MESSAGE):
                return executor.submit(pow, 2, 5).result()

        assert executor.submit(outer).result() == 32
        assert len(executor._threads) == 2


def test_so_does_a_chain_and_the_warning_comes_once() -> None:
    with ThreadPoolExecutor(max_workers=1) as executor:

        def chain(n: int) -> int:
            return 0 if n == 0 else 1 + executor.submit(chain, n - 1).result()

        with pytest.warns(RuntimeWarning) as warnings:
            assert executor.submit(chain, 20).result() == 20
    assert len(warnings) == 1


@pytest.mark.parametrize("wait_for", [lambda futures: wait(futures), lambda futures: list(as_completed(futures))])
def test_so_do_waits_for_several(wait_for: object) -> None:
    assert callable(wait_for)
    with ThreadPoolExecutor(max_workers=1) as executor:

        def outer() -> list[int]:
            futures = [executor.submit(pow, 2, n) for n in range(5)]
            wait_for(futures)
            return [future.result() for future in futures]

        with pytest.warns(RuntimeWarning, match=MESSAGE):
            assert executor.submit(outer).result() == [1, 2, 4, 8, 16]


def test_a_call_that_comes_when_all_threads_wait_gets_one_too() -> None:
    with ThreadPoolExecutor(max_workers=1) as executor:
        awaited: Future[str] = Future()
        # It takes the executor's future for its own, as far as waiting goes.
        begun = Event()

        def outer() -> str:
            inner = executor.submit(lambda: begun.set() or awaited.result())
            return inner.result()

        with pytest.warns(RuntimeWarning, match=MESSAGE):
            future = executor.submit(outer)
            begun.wait()
            awaited.set_result("from outside")
            assert future.result() == "from outside"


def test_there_is_no_further_thread_where_one_is_free(recwarn: pytest.WarningsRecorder) -> None:
    with ThreadPoolExecutor(max_workers=2) as executor:
        assert executor.submit(lambda: executor.submit(pow, 2, 5).result()).result() == 32
        assert len(executor._threads) == 2
    assert not recwarn


def test_the_surplus_thread_leaves() -> None:
    with ThreadPoolExecutor(max_workers=1) as executor:
        with pytest.warns(RuntimeWarning, match=MESSAGE):
            executor.submit(lambda: executor.submit(pow, 2, 5).result()).result()
        executor.submit(pow, 2, 5).result()
        while executor.statistics().workers != 1:
            executor.submit(pow, 2, 5).result()


def test_a_warning_that_is_an_error_is_raised_where_the_call_waits() -> None:
    with ThreadPoolExecutor(max_workers=1) as executor:
        with pytest.raises(RuntimeWarning, match=MESSAGE):
            executor.submit(lambda: executor.submit(pow, 2, 5).result()).result()
        assert executor.submit(pow, 2, 5).result() == 32
