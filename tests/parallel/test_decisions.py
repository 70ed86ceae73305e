"""What a parallel call decides, from data: the size of batches, the route, how far ahead, how many at once."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ungil.parallel._batching import TARGET, Batching
from ungil.parallel._choice import Measurement, choose
from ungil.parallel._cpu_count import cpu_count, n_jobs_of
from ungil.parallel._expression import ahead_of, bytes_of
from ungil.parallel._told import duration, is_quiet_at


def measured(**changed: Any) -> Measurement:
    plain: dict[str, Any] = {
        "n_tasks": 10,
        "seconds": 0.01,
        "held": 0.95,
        "pickle_seconds": 2e-6,
        "n_bytes": 100,
        "has_gil": True,
        "n_jobs": 2,
    }
    return Measurement(**{**plain, **changed})


@pytest.mark.parametrize(
    ("changed", "route"),
    [
        ({}, "processes"),
        ({"seconds": 0.2e-6}, "in line"),
        ({"seconds": 0.2e-6, "has_gil": False}, "in line"),
        ({"has_gil": False}, "threads"),
        ({"held": 0.1}, "threads"),
        ({"held": 0.6}, "processes"),
        ({"held": None}, "processes"),
        ({"pickle_seconds": None}, "threads"),
        # To send it takes a quarter of a second.
        ({"n_bytes": 500_000_000}, "in line"),
        ({"pickle_seconds": 0.01}, "in line"),
        # With more workers there is more to gain, but a task that is not worth sending stays so.
        ({"seconds": 15e-6, "pickle_seconds": 2e-6, "n_jobs": 2}, "in line"),
        ({"seconds": 15e-6, "pickle_seconds": 2e-6, "n_jobs": 64}, "processes"),
    ],
)
def test_the_route_follows_from_what_was_measured(changed: dict[str, Any], route: str) -> None:
    choice = choose(measured(**changed))
    assert choice.route == route
    assert choice.reason.startswith("take ")


def test_the_reason_names_what_decided() -> None:
    assert "95%" in choose(measured()).reason
    assert "10 ms" in choose(measured()).reason
    assert "cannot be pickled" in choose(measured(pickle_seconds=None)).reason


def test_long_tasks_go_one_by_one() -> None:
    batching = Batching(2)
    assert batching.size(None) == 1
    batching.record(1, 0.25)
    assert batching.size(None) == 1


def test_short_tasks_go_together_until_a_batch_takes_its_time() -> None:
    batching = Batching(2)
    sizes = []
    for _ in range(10):
        size = batching.size(None)
        sizes.append(size)
        batching.record(size, size * 1e-6)
    assert sizes[:4] == [1, 8, 64, 512]
    assert sizes[-1] == pytest.approx(TARGET / 1e-6, rel=0.01)


def test_sizes_follow_tasks_that_become_longer() -> None:
    batching = Batching(2)
    for _ in range(10):
        size = batching.size(None)
        batching.record(size, size * 1e-6)
    for _ in range(20):
        size = batching.size(None)
        batching.record(size, size * 0.1)
    assert batching.size(None) == 1


def test_a_size_that_was_asked_for_is_kept() -> None:
    batching = Batching(2, 7)
    batching.record(7, 100.0)
    assert batching.size(3) == 7


@given(n_jobs=st.integers(1, 64), n_left=st.integers(0, 10**6), seconds=st.floats(0, 10))
def test_what_is_left_is_shared_out(n_jobs: int, n_left: int, seconds: float) -> None:
    batching = Batching(n_jobs)
    batching.record(1, seconds)
    batching.record(batching.size(None), seconds)
    size = batching.size(n_left)
    # Each has a part, so that no one waits for one that has all of it.
    assert 1 <= size <= max(1, -(-n_left // n_jobs))


@pytest.mark.parametrize(
    ("written", "ahead"),
    [
        ("all", None),
        (3, 3),
        (3.7, 3),
        ("3", 3),
        ("n_jobs", 4),
        ("2 * n_jobs", 8),
        (" 2*(n_jobs+1) ", 10),
        ("1.5*n_jobs", 6),
        ("n_jobs//3", 1),
        ("-(-n_jobs)", 4),
        ("n_jobs**2 % 5", 1),
        # One is drawn at least: the call has to begin.
        (0, 1),
    ],
)
def test_how_far_is_drawn_ahead(written: Any, ahead: int | None) -> None:
    assert ahead_of(written, 4) == ahead


@pytest.mark.parametrize(
    "written",
    [
        "sin(0)",
        "__import__('os')",
        "n_jobs.real",
        "n_tasks",
        "9**9**9**9",
        "(-1)**0.5",
        "1/0",
        "1e400",
        "",
        "2 *",
        "'2'",
        "True",
        "[1]",
        "n_jobs if n_jobs else 1",
        "+".join(["1"] * 100),
    ],
)
def test_what_is_no_arithmetic_is_refused(written: str) -> None:
    with pytest.raises(ValueError, match="pre_dispatch"):
        ahead_of(written, 4)


@pytest.mark.parametrize(
    ("written", "size"), [(None, None), (17, 17), ("1K", 1024), ("1.5M", 3 << 19), ("2G", 2 << 30)]
)
def test_sizes(written: Any, size: int | None) -> None:
    assert bytes_of(written) == size


@pytest.mark.parametrize("written", ["", "M", "1T", "one", "1"])
def test_what_is_no_size(written: str) -> None:
    with pytest.raises(ValueError, match="max_nbytes"):
        bytes_of(written)


@pytest.mark.parametrize(("n_jobs", "count"), [(None, 1), (1, 1), (5, 5), (-1, 8), (-2, 7), (-8, 1), (-20, 1)])
def test_how_many_at_once(n_jobs: int | None, count: int) -> None:
    assert n_jobs_of(n_jobs, 8) == count


def test_none_at_once_is_refused() -> None:
    with pytest.raises(ValueError, match="n_jobs == 0"):
        n_jobs_of(0, 8)


def test_the_processors_are_limited_by_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOKY_MAX_CPU_COUNT", "1")
    assert cpu_count() == 1
    assert cpu_count(only_physical_cores=True) == 1
    monkeypatch.setenv("LOKY_MAX_CPU_COUNT", "many")
    with pytest.raises(ValueError, match="LOKY_MAX_CPU_COUNT"):
        cpu_count()


def test_there_are_as_many_processors_as_joblib_says() -> None:
    joblib = pytest.importorskip("joblib")
    assert cpu_count() == joblib.cpu_count()
    assert cpu_count(only_physical_cores=True) == joblib.cpu_count(only_physical_cores=True)


def test_lines_come_as_seldom_as_joblibs() -> None:
    theirs = pytest.importorskip("joblib.parallel")
    short_format_time = pytest.importorskip("joblib.logger").short_format_time
    for verbose in range(13):
        for index in range(300):
            # At 0 nothing is told anyhow.
            assert is_quiet_at(index, verbose) == bool(theirs._verbosity_filter(index, verbose))
    for seconds in (0.0, 0.12, 1.0, 59.9, 61.0, 3600.0):
        assert duration(seconds) == short_format_time(seconds)
