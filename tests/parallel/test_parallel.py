"""`Parallel`: results and their order, what it draws, its settings, what it tells."""

from __future__ import annotations

import inspect
import json
import os
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from math import sqrt
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest
import tasks
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.conftest import wait_until

import ungil.parallel
from ungil import futures
from ungil.parallel import (
    Parallel,
    _active,
    _processes,
    delayed,
    effective_n_jobs,
    parallel_backend,
    parallel_config,
    register_parallel_backend,
    wrap_non_picklable_objects,
)


@pytest.mark.parametrize("return_as", ["list", "generator", "generator_unordered"])
@pytest.mark.parametrize("batch_size", ["auto", 1, 7])
@pytest.mark.parametrize("pre_dispatch", ["2 * n_jobs", "all", 1])
@pytest.mark.parametrize("n_jobs", [1, 2, 3])
def test_results(backend: str, return_as: Any, batch_size: Any, pre_dispatch: Any, n_jobs: int) -> None:
    parallel = Parallel(n_jobs, backend, return_as, batch_size=batch_size, pre_dispatch=pre_dispatch)
    for n in (0, 1, 2, 100):
        results = list(parallel(delayed(tasks.square)(i) for i in range(n)))
        if return_as == "generator_unordered":
            results.sort()
        assert results == [i * i for i in range(n)]


@given(
    numbers=st.lists(st.integers()),
    n_jobs=st.integers(1, 5),
    batch_size=st.one_of(st.just("auto"), st.integers(1, 50)),
    pre_dispatch=st.one_of(st.just("all"), st.integers(1, 30), st.just("n_jobs")),
    backend=st.sampled_from(["auto", "threading", "sequential"]),
    ordered=st.booleans(),
)
@settings(max_examples=60, deadline=None)
def test_it_is_map(
    numbers: list[int], n_jobs: int, batch_size: Any, pre_dispatch: Any, backend: str, ordered: bool
) -> None:
    parallel = Parallel(
        n_jobs,
        backend,
        "generator" if ordered else "generator_unordered",
        batch_size=batch_size,
        pre_dispatch=pre_dispatch,
    )
    results = list(parallel(delayed(tasks.square)(i) for i in numbers))
    expected = [tasks.square(i) for i in numbers]
    assert results == expected if ordered else sorted(results) == sorted(expected)


def test_lambdas_and_closures(busy_backend: str) -> None:
    offset = 3
    assert Parallel(2, busy_backend)(delayed(lambda x: x + offset)(i) for i in range(50)) == list(range(3, 53))


def test_keyword_arguments(backend: str) -> None:
    assert Parallel(2, backend)(delayed(int)("z", base=36) for _ in range(3)) == [35] * 3


def test_what_forgot_delayed_is_told(backend: str) -> None:
    with pytest.raises(TypeError, match=r"write delayed\(f\)\(x\)"):
        Parallel(2, backend)(sqrt(i) for i in range(5))


def test_processes_are_others(here: int) -> None:
    found = set(Parallel(2, "processes")(delayed(tasks.pid)(i) for i in range(20)))
    assert found
    assert here not in found
    assert set(Parallel(2, "threading")(delayed(tasks.pid)(i) for i in range(20))) == {here}


@pytest.mark.parametrize("busy", ["processes", "threading"])
def test_as_many_run_at_once_as_were_asked_for(busy: str, tmp_path: Path) -> None:
    expected = ["0", "1", "2"]
    assert Parallel(3, busy)(delayed(tasks.meet)(str(tmp_path), str(i), 3) for i in range(3)) == [expected] * 3


def test_no_more_is_drawn_than_was_said() -> None:
    drawn = 0
    may_go_on = threading.Event()

    def source() -> Iterator[Any]:
        nonlocal drawn
        for _ in range(100):
            drawn += 1
            yield delayed(may_go_on.wait)()

    results = Parallel(2, "threading", "generator", batch_size=1, pre_dispatch=3)(source())
    wait_until(lambda: drawn >= 3)
    assert drawn == 3
    may_go_on.set()
    assert list(results) == [True] * 100
    assert drawn == 100


def test_tasks_are_drawn_as_results_come() -> None:
    events: list[str] = []

    def source() -> Iterator[Any]:
        for i in range(6):
            events.append(f"drawn {i}")
            yield delayed(done)(i)

    def done(i: int) -> None:
        events.append(f"done {i}")

    Parallel(2, "threading", batch_size=1, pre_dispatch=3)(source())
    assert events[:3] == ["drawn 0", "drawn 1", "drawn 2"] or "done" in "".join(events[:4])
    assert events.index("drawn 3") > min(events.index(f"done {i}") for i in range(3))


def test_workers_stay_from_call_to_call() -> None:
    first = set(Parallel(2, "processes")(delayed(tasks.pid)(i) for i in range(50)))
    second = set(Parallel(2, "processes")(delayed(tasks.pid)(i) for i in range(50)))
    assert len(first | second) <= 2


def test_workers_are_new_when_the_environment_is(monkeypatch: pytest.MonkeyPatch) -> None:
    Parallel(2, "processes")(delayed(tasks.pid)(i) for i in range(5))
    monkeypatch.setenv("OF_THIS_TEST", "set")
    assert Parallel(2, "processes")(delayed(os.environ.get)("OF_THIS_TEST") for _ in range(3)) == ["set"] * 3


def test_the_pool_of_a_with_block_is_one() -> None:
    with Parallel(2, "processes") as parallel:
        first = set(parallel(delayed(tasks.pid)(i) for i in range(50)))
        # It is not lent meanwhile.
        others = set(Parallel(2, "processes")(delayed(tasks.pid)(i) for i in range(50)))
        second = set(parallel(delayed(tasks.pid)(i) for i in range(50)))
    assert len(first | second) <= 2
    assert not others & (first | second)


def test_a_second_call_is_refused(busy_backend: str) -> None:
    parallel = Parallel(2, busy_backend, "generator")
    results = parallel(delayed(tasks.square)(i) for i in range(10))
    with pytest.raises(RuntimeError, match="already running"):
        parallel(delayed(tasks.square)(i) for i in range(10))
    assert list(results) == [i * i for i in range(10)]
    assert list(parallel(delayed(tasks.square)(i) for i in range(3))) == [0, 1, 4]


def test_several_threads_call_at_once(busy_backend: str) -> None:
    def call(offset: int) -> list[int]:
        return Parallel(2, busy_backend)(delayed(tasks.identity)(i + offset) for i in range(200))

    with ThreadPoolExecutor(4) as pool:
        for offset, results in zip(range(4), pool.map(call, range(4)), strict=True):
            assert results == list(range(offset, offset + 200))


def test_an_initializer_is_called_in_each_worker() -> None:
    results = Parallel(2, "processes", initializer=os.putenv, initargs=("X", "1"))(
        delayed(tasks.square)(i) for i in range(5)
    )
    assert results == [0, 1, 4, 9, 16]
    with pytest.raises(TypeError, match="initialiser"):
        Parallel(2, "processes", initialiser=abs)([delayed(abs)(1)])


@pytest.mark.parametrize("name", ["fork", "spawn", "forkserver"])
def test_a_context_of_multiprocessing_is_a_backend(name: str) -> None:
    assert Parallel(2, get_context(name))(delayed(tasks.square)(i) for i in range(10)) == [i * i for i in range(10)]


def test_an_executor_is_a_backend() -> None:
    with futures.ThreadPoolExecutor(2) as executor:
        assert Parallel(2, executor)(delayed(tasks.square)(i) for i in range(10)) == [i * i for i in range(10)]
        with pytest.raises(ValueError, match="task 3"):
            Parallel(2, executor)(delayed(tasks.FailsAt(3))(i) for i in range(10))
        # It is somebody else's.
        assert executor.submit(abs, -1).result() == 1
    with ThreadPoolExecutor(2) as standard, parallel_config(standard, n_jobs=2):
        assert Parallel()(delayed(tasks.square)(i) for i in range(10)) == [i * i for i in range(10)]


def test_a_backend_of_joblib_is_a_backend() -> None:
    theirs = pytest.importorskip("joblib.parallel")
    for made in (theirs.ThreadingBackend(), theirs.LokyBackend(), theirs.MultiprocessingBackend()):
        assert Parallel(2, made)(delayed(tasks.square)(i) for i in range(30)) == [i * i for i in range(30)]
        with pytest.raises(ValueError, match="task 3"):
            Parallel(2, made)(delayed(tasks.FailsAt(3))(i) for i in range(10))


def test_a_registered_backend() -> None:
    before = dict(_active.BACKENDS)
    try:
        register_parallel_backend("of this test", lambda **_: ThreadPoolExecutor(2), make_default=True)
        parallel = Parallel(2)
        assert type(parallel._backend).__name__ == "ExecutorBackend"
        assert parallel(delayed(tasks.square)(i) for i in range(5)) == [0, 1, 4, 9, 16]
    finally:
        _active.default("auto")
        _active.BACKENDS.clear()
        _active.BACKENDS.update(before)


def test_settings_hold_for_their_block_and_thread() -> None:
    with parallel_config("threading", n_jobs=3, verbose=0):
        assert effective_n_jobs(None) == 3
        assert Parallel().n_jobs == 3
        with parallel_backend("processes", n_jobs=2):
            assert type(Parallel()._backend).__name__ == "ProcessesBackend"
        assert type(Parallel()._backend).__name__ == "ThreadingBackend"
        seen: list[int] = []
        thread = threading.Thread(target=lambda: seen.append(Parallel().n_jobs))
        thread.start()
        thread.join()
        assert seen == [1]
    assert type(Parallel()._backend).__name__ == "AutoBackend"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"backend": "none such"}, "Invalid backend"),
        ({"backend": 3}, "Invalid backend"),
        ({"n_jobs": "many"}, "could not be converted"),
        ({"return_as": "tuple"}, "return_as"),
        ({"batch_size": 0}, "batch_size"),
        ({"max_nbytes": "much"}, "max_nbytes"),
        ({"prefer": "fibers"}, "prefer"),
        ({"require": "speed"}, "require"),
        ({"prefer": "processes", "require": "sharedmem"}, "inconsistent"),
        ({"backend": "processes", "require": "sharedmem"}, "shared memory"),
    ],
)
def test_what_is_out_of_range_is_told_at_once(options: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Parallel(**options)


def test_what_no_backend_takes_is_told() -> None:
    with pytest.raises(ValueError, match="backend is not given"):
        parallel_config(inner_max_num_threads=2)
    with pytest.raises(ValueError, match="inner_max_num_threads"):
        parallel_config("threading", inner_max_num_threads=2)
    with pytest.raises(ValueError, match="mmap_mode"):
        Parallel(2, "processes", mmap_mode="x")([delayed(abs)(1)] * 3)


def test_a_requirement_overrules_the_settings(capsys: pytest.CaptureFixture[str]) -> None:
    with parallel_config("processes", n_jobs=2):
        parallel = Parallel(require="sharedmem", verbose=10)
        assert type(parallel._backend).__name__ == "ThreadingBackend"
        assert parallel.n_jobs == 1
    assert "ThreadingBackend instead of ProcessesBackend" in capsys.readouterr().out


def test_verbose_says_what_joblib_says(capsys: pytest.CaptureFixture[str]) -> None:
    joblib = pytest.importorskip("joblib")

    def said(parallel: Any, make: Any) -> list[str]:
        parallel([make(tasks.square)(i) for i in range(40)])
        lines = capsys.readouterr().err.splitlines()
        # Times differ.
        return [line.partition("|")[0] for line in lines]

    for n_jobs, verbose in ((1, 1), (1, 5), (1, 11), (2, 1), (2, 5), (2, 11)):
        options: dict[str, Any] = {"n_jobs": n_jobs, "verbose": verbose, "backend": "threading", "batch_size": 1}
        ours, theirs = said(Parallel(**options), delayed), said(joblib.Parallel(**options), joblib.delayed)
        assert ours[0] == theirs[0]
        assert ours[-1] == theirs[-1]
        if n_jobs == 1:
            assert ours == theirs


def test_high_verbose_goes_to_standard_output(capsys: pytest.CaptureFixture[str]) -> None:
    Parallel(2, "threading", verbose=51)(delayed(abs)(i) for i in range(4))
    captured = capsys.readouterr()
    assert captured.err == ""
    assert "Using backend ThreadingBackend with 2 concurrent workers." in captured.out


def test_print_progress_may_be_overridden(backend: str) -> None:
    class Mine(Parallel):
        def print_progress(self) -> None:
            seen.append(self.n_completed_tasks)

    seen: list[int] = []
    Mine(2, backend)(delayed(abs)(i) for i in range(20))
    assert seen == sorted(seen)
    assert seen[-1] == 20


def test_progress_is_shown(backend: str, capsys: pytest.CaptureFixture[str]) -> None:
    Parallel(2, backend, progress=True)([delayed(abs)(i) for i in range(20)])
    assert "20/20" in capsys.readouterr().err
    with pytest.raises(ValueError, match="task 3"):
        Parallel(2, backend, progress=True)([delayed(tasks.FailsAt(3))(i) for i in range(20)])
    assert "failed=1" in capsys.readouterr().err


def test_a_trace_has_every_task(busy_backend: str, tmp_path: Path) -> None:
    path = tmp_path / "trace.json"
    Parallel(2, busy_backend, trace=path)(delayed(tasks.square)(i) for i in range(25))
    events = json.loads(path.read_text())["traceEvents"]
    assert [event["name"] for event in events] == ["square"] * 25
    assert all(event["ts"] >= 0 and event["dur"] >= 0 for event in events)
    for return_as in ("list", "generator"):
        parallel = Parallel(2, busy_backend, return_as, trace=tmp_path / "nowhere" / "trace.json")
        for _ in range(2):
            with pytest.raises(OSError, match="nowhere"):
                parallel([delayed(abs)(1)] * 3)


def test_statistics(busy_backend: str) -> None:
    parallel = Parallel(2, busy_backend)
    with pytest.raises(RuntimeError, match="there was none"):
        parallel.statistics()
    parallel(delayed(tasks.square)(i) for i in range(1000))
    told = parallel.statistics()
    assert (told.dispatched, told.completed, told.failed, told.n_jobs) == (1000, 1000, 0, 2)
    assert told.mean_run is not None
    assert told.elapsed > 0
    with pytest.raises(ValueError, match="task 0"):
        parallel(delayed(tasks.FailsAt(0))(i) for i in range(1000))
    assert parallel.statistics().failed == 1


def test_wrapped_objects_go_by_value() -> None:
    import pickle

    wrapped = wrap_non_picklable_objects(lambda x: x + 1)
    assert pickle.loads(pickle.dumps(wrapped))(1) == 2
    assert pickle.loads(pickle.dumps(wrap_non_picklable_objects(lambda x: x + 1, keep_wrapper=False)))(1) == 2

    @wrap_non_picklable_objects
    class Local:
        def __init__(self, value: int) -> None:
            self.value = value

    assert pickle.loads(pickle.dumps(Local(3))).value == 3
    assert Parallel(2, "processes")(delayed(wrapped)(i) for i in range(3)) == [1, 2, 3]


def test_a_forked_child_has_workers_of_its_own() -> None:
    Parallel(2, "processes")(delayed(tasks.pid)(i) for i in range(5))
    assert _processes._IDLE
    pid = os.fork()
    if pid == 0:
        is_right = not _processes._IDLE and Parallel(2, "processes")([delayed(abs)(-1)] * 3) == [1] * 3
        os._exit(0 if is_right else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


@pytest.mark.parametrize(
    "name",
    [
        "Parallel",
        "cpu_count",
        "delayed",
        "effective_n_jobs",
        "parallel_backend",
        "parallel_config",
        "register_parallel_backend",
        "wrap_non_picklable_objects",
    ],
)
def test_it_is_called_as_joblibs(name: str) -> None:
    joblib = pytest.importorskip("joblib")
    ours = inspect.signature(getattr(ungil.parallel, name)).parameters.values()
    theirs = inspect.signature(getattr(joblib, name)).parameters.values()
    new = {"progress", "trace"}
    assert [(each.name, each.kind) for each in ours if each.name not in new] == [
        (each.name, each.kind) for each in theirs
    ]
    for our, their in zip((each for each in ours if each.name not in new), theirs, strict=True):
        # What stands for a value that was not given says which it is.
        assert getattr(our.default, "default", our.default) == getattr(their.default, "default_value", their.default)
