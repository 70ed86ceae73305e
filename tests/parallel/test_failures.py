"""What fails: a clear error each, no wait that never ends, nothing left running, and the next call is fine."""

from __future__ import annotations

import contextlib
import itertools
import multiprocessing
import os
import pickle
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import tasks
from tests.conftest import PATIENCE, wait_until

from ungil.futures import BrokenProcessPool, WorkerDied
from ungil.parallel import Parallel, delayed

pytestmark = pytest.mark.usefixtures("no_workers_but_idle")


def is_fine(parallel: Parallel) -> bool:
    return sorted(parallel(delayed(tasks.square)(i) for i in range(20))) == [i * i for i in range(20)]


@pytest.mark.parametrize("return_as", ["list", "generator", "generator_unordered"])
@pytest.mark.parametrize("batch_size", ["auto", 1])
def test_task_5000_of_10000_raises(backend: str, return_as: Any, batch_size: Any) -> None:
    parallel = Parallel(2, backend, return_as, batch_size=batch_size)
    for _ in range(2):
        with pytest.raises(ValueError, match="task 5000"):
            list(parallel(delayed(tasks.FailsAt(5000))(i) for i in range(10_000)))
    assert is_fine(parallel)


def test_the_traceback_is_that_of_the_worker() -> None:
    with pytest.raises(ValueError, match="task 3") as caught:
        Parallel(2, "processes")(delayed(tasks.FailsAt(3))(i) for i in range(10))
    assert 'raise ValueError(f"task {x}")' in str(caught.value.__cause__)


def test_errors_in_a_with_block_leave_it_usable(busy_backend: str) -> None:
    with Parallel(2, busy_backend) as parallel:
        for at in (0, 7):
            with pytest.raises(ValueError, match=f"task {at}"):
                parallel(delayed(tasks.FailsAt(at))(i) for i in range(10))
            assert is_fine(parallel)


@pytest.mark.parametrize("return_as", ["list", "generator"])
def test_the_callers_iterator_is_closed(backend: str, return_as: Any) -> None:
    closed: list[bool] = []

    def source() -> Iterator[Any]:
        try:
            for i in range(10_000):
                yield delayed(tasks.FailsAt(50))(i)
        finally:
            closed.append(True)

    with pytest.raises(ValueError, match="task 50"):
        list(Parallel(2, backend, return_as)(source()))
    assert closed == [True]


@pytest.mark.parametrize("at", [0, 1, 5, 5000])
@pytest.mark.parametrize("return_as", ["list", "generator", "generator_unordered"])
def test_the_callers_iterator_raises(backend: str, return_as: Any, at: int) -> None:
    class Mine(Exception):
        pass

    def source() -> Iterator[Any]:
        for i in range(10_000):
            if i == at:
                raise Mine(f"at {i}")
            yield delayed(tasks.square)(i)

    parallel = Parallel(2, backend, return_as)
    with pytest.raises(Mine, match=f"at {at}"):
        list(parallel(source()))
    assert is_fine(parallel)


def test_an_iterator_whose_end_raises_hides_nothing(busy_backend: str) -> None:
    def source() -> Iterator[Any]:
        try:
            # Without an end: a worker may make a hundred others before the first failure of its fellow is told.
            for i in itertools.count():
                yield delayed(tasks.FailsAt(5))(i)
        finally:
            raise KeyError("of the end")

    with pytest.raises(ValueError, match="task 5"):
        Parallel(2, busy_backend, batch_size=1)(source())


@pytest.mark.parametrize("return_as", ["list", "generator", "generator_unordered"])
def test_a_killed_worker(return_as: Any) -> None:
    parallel = Parallel(2, "processes", return_as)
    with pytest.raises(WorkerDied) as caught:
        list(parallel(delayed(tasks.kill_self)(i, 500) for i in range(1000)))
    assert isinstance(caught.value, BrokenProcessPool)
    assert caught.value.exitcode == -signal.SIGKILL
    assert is_fine(parallel)


def test_a_worker_that_is_killed_from_outside() -> None:
    parallel = Parallel(2, "processes", "generator", batch_size=1)
    results = parallel(delayed(time.sleep if i else tasks.pid)(60 if i else None) for i in range(10))
    os.kill(next(results), signal.SIGKILL)
    assert parallel._background is not None
    # That one has answered, and makes the next task, or none: only its end is certain.
    with contextlib.suppress(WorkerDied), pytest.warns(UserWarning, match="cancelled"):
        results.close()
    assert is_fine(parallel)


@pytest.mark.parametrize("batch_size", ["auto", 1])
def test_what_cannot_be_pickled(batch_size: Any) -> None:
    class Refusing:
        def __reduce__(self) -> Any:
            raise RuntimeError("not this")

    parallel = Parallel(2, "processes", batch_size=batch_size)
    with pytest.raises(pickle.PicklingError, match="argument 0 of identity"):
        parallel(delayed(tasks.identity)(Refusing()) for _ in range(10))
    with pytest.raises((TypeError, pickle.PicklingError), match="cannot be pickled"):
        parallel(delayed(tasks.unpicklable)(i) for i in range(10))
    assert is_fine(parallel)


def test_auto_runs_in_threads_what_cannot_be_pickled() -> None:
    lock = multiprocessing.Lock()

    def with_lock(i: int) -> int:
        with lock:
            tasks.spin(0.003)
        return i

    parallel = Parallel(2)
    assert parallel(delayed(with_lock)(i) for i in range(8)) == list(range(8))
    assert "threads" in parallel.explain()


def test_the_time_of_a_result_is_limited(busy_backend: str) -> None:
    for return_as in ("list", "generator", "generator_unordered"):
        parallel = Parallel(2, busy_backend, return_as, timeout=0.05)
        with pytest.raises(multiprocessing.TimeoutError) as caught:
            list(parallel(delayed(time.sleep)(1.0) for _ in range(4)))
        assert isinstance(caught.value, TimeoutError)
        assert "0.05 s" in str(caught.value)
    assert is_fine(Parallel(2, busy_backend, timeout=PATIENCE))


def test_a_limit_where_nobody_waits_is_told() -> None:
    with pytest.warns(UserWarning, match="does not support timeout"):
        assert is_fine(Parallel(1, timeout=1))


def test_a_task_that_ends_its_process(tmp_path: Path) -> None:
    with pytest.raises(WorkerDied) as caught:
        Parallel(2, "processes")(delayed(os._exit)(3) for _ in range(4))
    assert caught.value.exitcode == 3


def test_a_recursion_without_end_ends(busy_backend: str) -> None:
    def again() -> Any:
        return Parallel(2, busy_backend if busy_backend == "auto" else None)(delayed(again)() for _ in range(2))

    with pytest.raises(RecursionError):
        again()


PROGRAM = """
import os, sys, time
from ungil.parallel import Parallel, delayed

def long(i):
    open(os.path.join({folder!r}, str(os.getpid())), "w").close()
    {task}

if __name__ == "__main__":
    try:
        results = Parallel(2, {backend!r}, {return_as!r})(delayed(long)(i) for i in range(100))
        list(results)
    except KeyboardInterrupt:
        print("interrupted", flush=True)
"""

SPIN = "end = time.monotonic() + 60\n    while time.monotonic() < end: pass"


@pytest.mark.parametrize("to_group", [True, False])
@pytest.mark.parametrize("return_as", ["list", "generator"])
@pytest.mark.parametrize("backend", ["processes", "auto"])
def test_ctrl_c(backend: str, return_as: str, to_group: bool, tmp_path: Path, until: Callable[..., None]) -> None:
    folder = tmp_path / "workers"
    folder.mkdir()
    file = tmp_path / "program.py"
    # A thread that spins cannot be stopped; one that sleeps would have its process wait for it.
    task = SPIN if backend == "processes" else "time.sleep(0.3)"
    file.write_text(PROGRAM.format(folder=str(folder), backend=backend, return_as=return_as, task=task))
    process = subprocess.Popen(
        [sys.executable, str(file)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    try:
        until(lambda: len(list(folder.iterdir())) >= (2 if backend == "processes" else 1))
        if to_group:
            os.killpg(process.pid, signal.SIGINT)
        else:
            os.kill(process.pid, signal.SIGINT)
        out, err = process.communicate(timeout=PATIENCE)
    finally:
        process.kill()
    assert out == "interrupted\n", err
    assert process.returncode == 0
    workers = [int(path.name) for path in folder.iterdir()]
    wait_until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in workers))
