"""What an executor tells of its calls: statistics, traces, progress bars."""

from __future__ import annotations

import builtins
import json
import os
import time
from pathlib import Path
from typing import Any

import pytest

from ungil.futures import ProcessPoolExecutor, ThreadPoolExecutor, WorkerDied, as_completed
from ungil.threading import Event


def events(path: Path, phase: str) -> list[dict[str, Any]]:
    return [event for event in json.loads(path.read_text())["traceEvents"] if event["ph"] == phase]


def test_statistics_count_calls_and_threads() -> None:
    executor = ThreadPoolExecutor(max_workers=2)
    statistics = executor.statistics()
    assert (statistics.workers, statistics.done, statistics.mean_wait, statistics.mean_run) == (0, 0, None, None)
    gate = Event()
    for _ in range(2):
        executor.submit(gate.wait)
    pending = [executor.submit(int, "x") for _ in range(3)]
    pending[0].cancel()
    statistics = executor.statistics()
    assert (statistics.workers, statistics.idle, statistics.pending) == (2, 0, 3)
    time.sleep(0.01)
    gate.set()
    executor.shutdown()
    statistics = executor.statistics()
    assert (statistics.workers, statistics.idle, statistics.pending) == (0, 0, 0)
    assert (statistics.done, statistics.failed, statistics.cancelled) == (4, 2, 1)
    assert statistics.mean_wait is not None
    assert statistics.mean_run is not None
    assert statistics.mean_run >= 0.005
    assert statistics.mean_wait > 0


def test_a_trace_has_each_call_with_its_process(tmp_path: Path) -> None:
    path = tmp_path / "trace.json"
    with ProcessPoolExecutor(max_workers=1) as executor:
        executor.submit(pow, 2, 2).result()
        with executor.trace(path) as trace:
            executor.submit(time.sleep, 0.01).result()
            executor.options(name="a name").submit(int, "x").exception()
            assert list(executor.map(lambda x: x, range(4), chunksize=2)) == [0, 1, 2, 3]
            assert list(executor.map(abs, range(1))) == [0]
            assert isinstance(executor.submit(os._exit, 1).exception(), WorkerDied)
            (pid,) = [executor.submit(os.getpid).result()]
        executor.submit(pow, 2, 2).result()
        with pytest.raises(FileNotFoundError):
            executor.trace(tmp_path / "not" / "there.json")
    assert trace.closed
    calls = events(path, "X")
    assert [call["name"].rpartition(".")[2] for call in calls] == [
        "sleep", "a name", "<lambda>", "<lambda>", "abs", "_exit", "getpid",
    ]  # fmt: skip
    assert [call["args"]["ending"] for call in calls] == [
        *["returned", "raised"],
        *["returned"] * 3,
        "raised",
        "returned",
    ]
    assert calls[0]["dur"] >= 10_000
    names = {event["tid"]: event["args"]["name"] for event in events(path, "M")}
    assert names[calls[-1]["tid"]] == f"worker process {pid}" != names[calls[0]["tid"]]


def test_a_trace_has_each_call_with_its_thread(tmp_path: Path) -> None:
    path = tmp_path / "trace.json"
    with ThreadPoolExecutor(max_workers=2, thread_name_prefix="pool") as executor:
        executor.submit(pow, 2, 2).result()
        with executor.trace(path) as trace:
            executor.submit(time.sleep, 0.01).result()
            executor.options(name="a name").submit(int, "x").exception()
        executor.submit(pow, 2, 2).result()
    assert trace.closed
    calls = events(path, "X")
    assert [call["name"] for call in calls] == ["sleep", "a name"]
    assert [call["args"]["ending"] for call in calls] == ["returned", "raised"]
    assert calls[0]["dur"] >= 10_000
    names = {event["tid"]: event["args"]["name"] for event in events(path, "M")}
    assert all(names[call["tid"]].startswith("pool_") for call in calls)
    assert {call["pid"] for call in calls} == {os.getpid()}


def test_a_shutdown_writes_the_trace(tmp_path: Path) -> None:
    path = tmp_path / "trace.json"
    with ThreadPoolExecutor(max_workers=1) as executor:
        executor.trace(str(path))
        executor.submit(len, "abc")
    assert [call["name"] for call in events(path, "X")] == ["len"]


def test_there_is_one_trace_at_a_time_and_its_file_can_be_written(tmp_path: Path) -> None:
    with ThreadPoolExecutor(max_workers=1) as executor:
        with executor.trace(tmp_path / "one.json"), pytest.raises(RuntimeError, match="is traced already"):
            executor.trace(tmp_path / "two.json")
        with pytest.raises(FileNotFoundError):
            executor.trace(tmp_path / "nowhere" / "trace.json")
        with executor.trace(tmp_path / "three.json"):
            pass


def test_progress_is_shown_and_changes_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with ThreadPoolExecutor(max_workers=2) as executor:
        assert list(executor.map(len, ["a", "bb"], progress=True)) == [1, 2]
        assert "2/2" in capsys.readouterr().err
        futures = [executor.submit(pow, 2, n) for n in range(3)]
        assert {future.result() for future in as_completed(futures, progress=True)} == {1, 2, 4}
        assert "3/3" in capsys.readouterr().err


def test_progress_without_tqdm_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    imported = builtins.__import__

    def refuse(name: str, *args: Any, **options: Any) -> Any:
        if name.startswith("tqdm"):
            raise ImportError(name)
        return imported(name, *args, **options)

    monkeypatch.setattr(builtins, "__import__", refuse)
    with ThreadPoolExecutor(max_workers=1) as executor, pytest.raises(ImportError, match="pip install tqdm"):
        executor.map(len, ["a"], progress=True)
