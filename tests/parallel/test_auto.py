"""`backend="auto"`: where it runs which tasks; what follows from which figures is in test_decisions.py."""

from __future__ import annotations

import math
import os
import threading
import time
from pathlib import Path
from typing import Any

import pytest
import tasks

from ungil import njit
from ungil.parallel import Parallel, delayed


def route(parallel: Parallel) -> str:
    return parallel.statistics().route


def test_tiny_tasks_run_in_line(here: int) -> None:
    parallel = Parallel(2)
    results = parallel(delayed(tasks.square)(i) for i in range(10_000))
    assert results == [i * i for i in range(10_000)]
    assert route(parallel) == "in line"
    assert "less than it costs" in parallel.explain()


def test_tasks_that_sleep_run_in_threads(here: int) -> None:
    parallel = Parallel(4)
    assert set(parallel(delayed(sleeper)() for _ in range(12))) == {here}
    assert route(parallel) == "threads"


def sleeper() -> int:
    time.sleep(0.02)
    return os.getpid()


def test_tasks_in_python_run_in_processes(here: int) -> None:
    parallel = Parallel(2)
    pids = parallel(delayed(tasks.spin)(0.05) for _ in range(6))
    assert route(parallel) == "processes"
    # The first was measured here.
    assert pids[0] == here
    assert set(pids[1:]) - {here}


@njit(nogil=True)
def summed(n: int) -> float:
    total = 0.0
    for i in range(n):
        total += math.sqrt(i)
    return total


def test_compiled_tasks_run_in_threads() -> None:
    expected = summed(2_000_000)
    parallel = Parallel(2)
    assert parallel(delayed(summed)(2_000_000) for _ in range(20)) == [expected] * 20
    assert route(parallel) == "threads"
    assert "compiled" in parallel.explain()


def test_long_tasks_after_tiny_ones_do_not_stay_in_line(here: int) -> None:
    parallel = Parallel(2)
    results: list[Any] = parallel(delayed(tasks.spin)(0 if i < 5000 else 0.02) for i in range(5020))
    assert len(results) == 5020
    assert route(parallel) == "processes"
    assert parallel.explain().count("the tasks") == 2


def test_what_was_taken_back_is_made_once(tmp_path: Any) -> None:
    parallel = Parallel(2, return_as="generator")
    # A round of several tasks is measured of which the first goes on for long.
    results = list(parallel(delayed(slow_then_fast)(str(tmp_path), i) for i in range(30)))
    assert results == list(range(30))
    assert len(list(tmp_path.iterdir())) == 30


def slow_then_fast(folder: str, i: int) -> int:
    if i == 1:
        time.sleep(0.1)
    assert not Path(folder, str(i)).exists()
    return tasks.counted(folder, i)


def test_the_caller_takes_part_in_compiled_tasks(tmp_path: Any) -> None:
    for n in range(1, 30):
        parallel = Parallel(2)
        assert parallel(delayed(summed)(i) for i in range(n)) == [summed(i) for i in range(n)]
        assert parallel.statistics().completed == n


def test_a_compiled_task_that_raises_ends_the_call() -> None:
    for at in (0, 1, 5):
        with pytest.raises(ZeroDivisionError):
            Parallel(2)(delayed(inverse)(0 if i == at else 1) for i in range(6))


@njit
def inverse(n: int) -> float:
    return 1 / n


def test_what_a_call_has_learnt_serves_the_next(here: int) -> None:
    squares = [i * i for i in range(10_000)]
    with Parallel(2) as parallel:
        parallel(delayed(tasks.spin)(0.02) for _ in range(6))
        assert "earlier" not in parallel.explain()
        pids = parallel(delayed(tasks.spin)(0.02) for _ in range(6))
        assert "as an earlier call has shown" in parallel.explain()
        # Not even the first was measured here.
        assert here not in pids
        # Another function is another matter.
        assert parallel(delayed(tasks.square)(i) for i in range(10_000)) == squares
        assert (route(parallel), "earlier" in parallel.explain()) == ("in line", False)
        assert parallel(delayed(tasks.square)(i) for i in range(10_000)) == squares
        assert (route(parallel), "earlier" in parallel.explain()) == ("in line", True)


def test_what_was_learnt_is_looked_at_with_other_arguments(here: int) -> None:
    parallel = Parallel(2)
    parallel(delayed(spin_beside)(0.02, None) for _ in range(6))
    assert route(parallel) == "processes"
    # These have no pickles.
    lock = threading.Lock()
    assert set(parallel(delayed(spin_beside)(0.02, lock) for _ in range(4))) == {here}
    assert route(parallel) == "threads"


def spin_beside(seconds: float, _: Any) -> int:
    return tasks.spin(seconds)


def test_tasks_that_are_not_what_they_were_are_measured_anew() -> None:
    parallel = Parallel(2)
    parallel(delayed(tasks.square)(i) for i in range(10_000))
    assert route(parallel) == "in line"
    parallel(delayed(tasks.spin)(0) for _ in range(10_000))
    # They turn out to be long while they are made here.
    parallel(delayed(tasks.spin)(0.02) for _ in range(8))
    assert route(parallel) == "processes"
    parallel(delayed(tasks.spin)(0.02) for _ in range(8))
    assert (route(parallel), "earlier" in parallel.explain()) == ("processes", False)


def test_nothing_is_learnt_from_a_call_that_failed() -> None:
    parallel = Parallel(2)
    for _ in range(2):
        with pytest.raises(ValueError, match="task 900"):
            parallel(delayed(tasks.FailsAt(900))(i) for i in range(1000))
        assert "earlier" not in parallel.explain()
