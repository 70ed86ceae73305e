"""Dask, on a real cluster of two processes: every outcome reaches its future, and nothing runs in this process."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from concurrent.futures import BrokenExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tasks
from tests.conftest import PATIENCE, wait_until

from ungil.futures import DaskExecutor, as_completed
from ungil.parallel import Parallel, delayed, effective_n_jobs, parallel_config

distributed = pytest.importorskip("distributed")
# Its own: of descriptors that it closes late, and of its configuration.
pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as made:
        yield made


@pytest.fixture(scope="module")
def client(cluster: Any) -> Iterator[Any]:
    with distributed.Client(cluster) as made:
        yield made


@pytest.fixture(params=["client", "address", "name"])
def backend(request: pytest.FixtureRequest, client: Any, cluster: Any) -> Any:
    return {"client": client, "address": cluster.scheduler_address, "name": "dask"}[request.param]


@pytest.mark.parametrize("return_as", ["list", "generator", "generator_unordered"])
def test_results(backend: Any, return_as: Any, here: int) -> None:
    for n in (0, 1, 500):
        results = Parallel(-1, backend, return_as)(delayed(tasks.square)(i) for i in range(n))
        assert sorted(results) == [i * i for i in range(n)]
    assert here not in Parallel(2, backend)(delayed(tasks.pid)() for _ in range(10))


def test_one_job_runs_there_too(client: Any, here: int) -> None:
    assert here not in Parallel(1, client)(delayed(tasks.pid)() for _ in range(3))


def test_all_jobs_are_those_of_the_cluster(client: Any) -> None:
    with parallel_config("dask", client=client):
        assert effective_n_jobs(-1) == 2
        assert Parallel().n_jobs == -1
        assert Parallel()(delayed(lambda x: x + 1)(i) for i in range(10)) == list(range(1, 11))


def test_failures(client: Any) -> None:
    parallel = Parallel(2, client)
    with pytest.raises(ValueError, match="task 30"):
        parallel(delayed(tasks.FailsAt(30))(i) for i in range(100))
    assert parallel(delayed(tasks.square)(i) for i in range(5)) == [0, 1, 4, 9, 16]


def test_a_generator_that_is_dropped_takes_its_tasks_back(client: Any, tmp_path: Path) -> None:
    results = Parallel(2, client, "generator", batch_size=1)(
        delayed(slow_count)(str(tmp_path), i) for i in range(10_000)
    )
    assert next(results) == 0
    with pytest.warns(UserWarning, match="cancelled|not used"):
        results.close()
    wait_until(lambda: not client.processing() or not any(client.processing().values()))
    assert len(list(tmp_path.iterdir())) < 10_000


def slow_count(folder: str, i: int) -> int:
    time.sleep(0.001)
    return tasks.counted(folder, i)


def test_a_large_array_is_placed_once(client: Any) -> None:
    array = np.arange(300_000, dtype=float)
    parallel = Parallel(2, client, batch_size=1)
    assert parallel(delayed(np.sum)(array) for _ in range(10)) == [array.sum()] * 10
    assert parallel.statistics().shared_bytes == array.nbytes
    assert parallel(delayed(np.sum)(np.full(200_000, i)) for i in range(5)) == [200_000 * i for i in range(5)]


def test_progress_and_trace(client: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "trace.json"
    Parallel(2, client, progress=True, trace=path)([delayed(abs)(i) for i in range(20)])
    assert "20/20" in capsys.readouterr().err
    assert path.read_text().count('"abs"') == 20


def test_the_executor(cluster: Any, here: int) -> None:
    with DaskExecutor(cluster.scheduler_address) as executor:
        futures = [executor.submit(pow, 2, n) for n in range(10)]
        assert sorted(future.result(PATIENCE) for future in as_completed(futures)) == [2**n for n in range(10)]
        assert list(executor.map(tasks.square, range(10))) == [n * n for n in range(10)]
        assert executor.submit(tasks.pid).result() != here
        # The same call is made again.
        assert executor.submit(time.perf_counter_ns).result() != executor.submit(time.perf_counter_ns).result()
        blocking = [executor.submit(time.sleep, 0.2) for _ in range(2)]
        waiting = executor.submit(tasks.square, 3)
        assert waiting.cancel()
        assert [future.result() for future in blocking] == [None, None]
        assert (
            executor.submit(int, "x").exception().args == ValueError(*executor.submit(int, "x").exception().args).args
        )
    with pytest.raises(RuntimeError, match="after shutdown"):
        executor.submit(abs, -1)


def test_a_worker_that_is_killed_in_the_middle_loses_nothing(client: Any, tmp_path: Path) -> None:
    results = Parallel(2, client, "generator", batch_size=1)(delayed(slow_pid)(str(tmp_path), i) for i in range(20))
    wait_until(lambda: any(tmp_path.iterdir()))
    os.kill(int(next(tmp_path.iterdir()).name), signal.SIGKILL)
    assert list(results) == list(range(20))
    client.wait_for_workers(2, timeout=PATIENCE)


def slow_pid(folder: str, i: int) -> int:
    Path(folder, str(os.getpid())).touch()
    time.sleep(0.05)
    return i


def test_a_task_that_kills_its_workers_fails(client: Any) -> None:
    with pytest.raises(distributed.KilledWorker):
        Parallel(2, client)(delayed(tasks.kill_self)(i, 2) for i in range(4))
    client.wait_for_workers(2, timeout=PATIENCE)
    assert Parallel(2, client)(delayed(tasks.square)(i) for i in range(5)) == [0, 1, 4, 9, 16]


def test_a_client_that_is_closed_fails_what_is_pending(cluster: Any) -> None:
    other = distributed.Client(cluster, set_as_default=False)
    executor = DaskExecutor(other)
    futures = [executor.submit(time.sleep, 0.5) for _ in range(6)]
    other.close()
    for future in futures:
        assert isinstance(future.exception(PATIENCE), BrokenExecutor | None)
    with pytest.raises(RuntimeError, match="closed"):
        executor.submit(abs, -1)
