"""Ray, on a real one of two processes: every outcome reaches its future, and nothing runs in this process."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tasks
from tests.conftest import PATIENCE

from ungil.futures import RayExecutor, as_completed
from ungil.parallel import Parallel, delayed, effective_n_jobs, parallel_config

ray = pytest.importorskip("ray")
# Its own, of descriptors that it closes late.
pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(scope="module")
def executor() -> Iterator[RayExecutor]:
    before = dict(os.environ)
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    # Its workers import what they call, and are given no more room than there is.
    paths = os.pathsep.join([str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")])
    options: dict[str, Any] = {"runtime_env": {"env_vars": {"PYTHONPATH": paths}}, "_node_ip_address": "127.0.0.1"}
    try:
        with RayExecutor(num_cpus=2, object_store_memory=100 << 20, **options) as made:
            yield made
    finally:
        os.environ.clear()
        os.environ.update(before)


@pytest.mark.parametrize("return_as", ["list", "generator", "generator_unordered"])
def test_results(executor: RayExecutor, return_as: Any, here: int) -> None:
    for n in (0, 1, 500):
        results = Parallel(-1, "ray", return_as)(delayed(tasks.square)(i) for i in range(n))
        assert sorted(results) == [i * i for i in range(n)]
    assert here not in Parallel(1, "ray")(delayed(tasks.pid)() for _ in range(10))


def test_all_jobs_are_those_of_ray(executor: RayExecutor) -> None:
    with parallel_config("ray"):
        assert effective_n_jobs(-1) == 2
        assert Parallel()(delayed(lambda x: x + 1)(i) for i in range(10)) == list(range(1, 11))


def test_failures(executor: RayExecutor) -> None:
    parallel = Parallel(2, "ray")
    with pytest.raises(ValueError, match="task 30") as caught:
        parallel(delayed(tasks.FailsAt(30))(i) for i in range(100))
    assert type(caught.value) is ValueError
    assert "tasks.py" in str(caught.value.__cause__)
    assert parallel(delayed(tasks.square)(i) for i in range(5)) == [0, 1, 4, 9, 16]


def test_a_large_array_is_placed_once(executor: RayExecutor) -> None:
    array = np.arange(300_000, dtype=float)
    parallel = Parallel(2, "ray", batch_size=1)
    assert parallel(delayed(np.sum)(array) for _ in range(10)) == [array.sum()] * 10
    assert parallel.statistics().shared_bytes == array.nbytes


def test_the_executor(executor: RayExecutor, here: int) -> None:
    futures = [executor.submit(pow, 2, n) for n in range(10)]
    assert sorted(future.result(PATIENCE) for future in as_completed(futures)) == [2**n for n in range(10)]
    assert list(executor.map(tasks.square, range(10))) == [n * n for n in range(10)]
    assert executor.submit(tasks.pid).result() != here
    assert executor.submit(int, "11", base=3).result() == 4
    assert type(executor.submit(int, "x").exception()) is ValueError


def test_a_worker_that_is_killed_in_the_middle_loses_nothing(executor: RayExecutor, tmp_path: Path) -> None:
    results = Parallel(2, "ray", batch_size=1)(delayed(killed_once)(str(tmp_path), i) for i in range(10))
    assert results == list(range(10))


def killed_once(folder: str, i: int) -> int:
    if i == 3 and not Path(folder, "killed").exists():
        Path(folder, "killed").touch()
        os.kill(os.getpid(), 9)
    return i


def test_a_task_that_kills_its_workers_fails(executor: RayExecutor) -> None:
    with pytest.raises(ray.exceptions.WorkerCrashedError):
        Parallel(2, "ray")(delayed(tasks.kill_self)(i, 2) for i in range(4))
    assert Parallel(2, "ray")(delayed(tasks.square)(i) for i in range(5)) == [0, 1, 4, 9, 16]
