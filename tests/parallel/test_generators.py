"""Results one by one: as soon as they are there, in their order or as they come, and left half-read."""

from __future__ import annotations

import gc
import threading
import time
import weakref
from collections.abc import Iterator
from typing import Any

import pytest
import tasks
from tests.conftest import wait_until

from ungil.parallel import Parallel, delayed

pytestmark = pytest.mark.usefixtures("no_workers_but_idle")


@pytest.mark.parametrize("return_as", ["generator", "generator_unordered"])
def test_one_that_is_left_half_read(busy_backend: str, return_as: Any) -> None:
    closed: list[bool] = []

    def source() -> Iterator[Any]:
        try:
            for i in range(10_000):
                yield delayed(tasks.square)(i)
        finally:
            closed.append(True)

    parallel = Parallel(2, busy_backend, return_as, batch_size=1)
    results = parallel(source())
    next(results)
    next(results)
    with pytest.warns(UserWarning, match="not used|cancelled"):
        del results
        gc.collect()
    assert closed == [True]
    assert sorted(parallel(delayed(tasks.square)(i) for i in range(10))) == [i * i for i in range(10)]


@pytest.mark.parametrize("return_as", ["generator", "generator_unordered"])
def test_dropping_one_ends_what_runs_and_no_other_call(return_as: Any) -> None:
    results = Parallel(2, "processes", return_as)(delayed(time.sleep)(60) for _ in range(10))
    others = Parallel(2, "processes", return_as)(delayed(tasks.square)(i) for i in range(10))
    with pytest.warns(UserWarning, match="cancelled"):
        del results
        gc.collect()
    assert sorted(others) == [i * i for i in range(10)]


def test_one_that_nobody_reads_goes_on() -> None:
    done: list[int] = []
    results = Parallel(2, "threading", "generator")(delayed(done.append)(i) for i in range(100))
    wait_until(lambda: len(done) == 100)
    assert list(results) == [None] * 100


def test_results_come_in_their_order() -> None:
    first_may_end = threading.Event()

    def task(i: int) -> int:
        if i == 0:
            first_may_end.wait()
        return i

    results = Parallel(2, "threading", "generator")(delayed(task)(i) for i in range(10))
    first_may_end.set()
    assert list(results) == list(range(10))


def test_results_come_as_they_are_done(busy_backend: str, tmp_path: Any) -> None:
    results = Parallel(2, busy_backend, "generator_unordered", batch_size=1)(
        delayed(tasks.meet if i == 1 else tasks.identity)(*((str(tmp_path), "here", 2) if i == 1 else (i,)))
        for i in range(10)
    )
    assert sorted(next(results) for _ in range(9)) == [0, 2, 3, 4, 5, 6, 7, 8, 9]
    (tmp_path / "there").touch()
    assert list(results) == [["here", "there"]]


def test_a_with_block_that_is_left_ends_it(busy_backend: str) -> None:
    with pytest.warns(UserWarning, match="not used|cancelled"):
        with Parallel(2, busy_backend, "generator", batch_size=1) as parallel:
            results = parallel(delayed(time.sleep)(0.01) for _ in range(1000))
            next(results)
        results.close()


def test_an_iterator_that_blocks_does_not_hold_up_who_leaves() -> None:
    may_go_on = threading.Event()

    def source() -> Iterator[Any]:
        yield delayed(abs)(-1)
        may_go_on.wait()

    with Parallel(2, "threading", "generator") as parallel:
        results = parallel(source())
        with pytest.warns(UserWarning, match="cancelled"):
            results.close()
        # The next call has workers of its own, which the end of the first harms in nothing.
        others = parallel(delayed(tasks.square)(i) for i in range(100))
        may_go_on.set()
        assert list(others) == [i * i for i in range(100)]


def test_nothing_is_kept_when_it_is_over() -> None:
    class Thing:
        pass

    things = [Thing() for _ in range(10)]
    references = [weakref.ref(thing) for thing in things]
    parallel = Parallel(2, "threading", "generator")
    results = parallel(delayed(id)(thing) for thing in things)
    assert len(list(results)) == 10
    del things, results
    gc.collect()
    wait_until(lambda: gc.collect() is not None and not any(reference() for reference in references))
