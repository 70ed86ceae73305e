"""`Parallel`s inside of tasks: which backend they have, how many run at once, and that they may be of any kind."""

from __future__ import annotations

import os
from typing import Any

import pytest
import tasks

from ungil.parallel import Parallel, cpu_count, delayed, effective_n_jobs, parallel_config


def levels(depth: int) -> list[tuple[str, int | None]]:
    with Parallel(n_jobs=2) as parallel:
        backend = parallel._backend
        here = [(type(backend).__name__, backend.nesting_level)]
        if depth == 0:
            return here
        inner: list[tuple[str, int | None]] = parallel([delayed(levels)(depth - 1)])[0]
        return here + inner


@pytest.mark.parametrize("backend", ["processes", "threading"])
def test_threads_are_inside_and_then_none(backend: str) -> None:
    with parallel_config(backend, n_jobs=2):
        found = levels(3)
    outer = {"processes": "ProcessesBackend", "threading": "ThreadingBackend"}[backend]
    assert found == [(outer, 0), ("ThreadingBackend", 1), ("SequentialBackend", 2), ("SequentialBackend", 2)]


def inner(backend: str | None) -> int:
    return sum(Parallel(n_jobs=2, backend=backend)(delayed(tasks.square)(i) for i in range(10)))


@pytest.mark.parametrize("outside", ["auto", "processes", "threading", "sequential"])
@pytest.mark.parametrize("inside", [None, "auto", "processes", "threading", "sequential"])
def test_any_inside_any(outside: str, inside: str | None) -> None:
    assert Parallel(2, outside)(delayed(inner)(inside) for _ in range(4)) == [285] * 4


def counts() -> tuple[int, int, int]:
    return effective_n_jobs(-1), effective_n_jobs(None), Parallel(n_jobs=-1, backend="processes")._effective_n_jobs()


@pytest.mark.parametrize("backend", ["processes", "threading"])
@pytest.mark.parametrize("n_jobs", [2, 3])
def test_all_processors_are_those_that_are_left(backend: str, n_jobs: int) -> None:
    share = max(cpu_count() // n_jobs, 1)
    assert Parallel(n_jobs, backend)(delayed(counts)() for _ in range(3)) == [(share, 1, share)] * 3


def test_settings_are_those_from_before_when_a_task_is_over() -> None:
    with parallel_config("threading", n_jobs=2):
        Parallel()(delayed(counts)() for _ in range(3))
        assert type(Parallel()._backend).__name__ == "ThreadingBackend"
        assert Parallel()._backend.nesting_level == 0


def thread_limits() -> tuple[str | None, list[int]]:
    import numpy as np
    import threadpoolctl

    np.dot(np.ones((50, 50)), np.ones((50, 50)))
    return os.environ.get("OMP_NUM_THREADS"), [pool["num_threads"] for pool in threadpoolctl.threadpool_info()]


@pytest.mark.parametrize("limit", [None, 1, 2])
def test_libraries_have_their_share_of_threads(limit: int | None, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("threadpoolctl")
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    share = max(cpu_count() // 2, 1) if limit is None else limit
    with parallel_config("processes", n_jobs=2, inner_max_num_threads=limit):
        found: list[Any] = Parallel()(delayed(thread_limits)() for _ in range(2))
    for variable, pools in found:
        assert variable == str(share)
        assert all(n <= share for n in pools)
