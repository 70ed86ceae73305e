"""The command line: the rows run, the figures fit together, and wrong requests are refused with a reason."""

from __future__ import annotations

import itertools
import json
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ungil.cli import count, main
from ungil.cli.function import compare, parse_arguments
from ungil.cli.report import Report
from ungil.cli.rows import Benchmark, Family, Row, UnavailableError, run_row
from ungil.cli.table import ratio_text, seconds_text
from ungil.cli.timing import measure

N_ITER = 2000
OURS = {"ungil", "ungil fastmath", "ungil nogil, 2 threads", "ungil parallel fastmath"}


def run(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "ungil", *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=200, check=False)


def test_integrate_prints_a_table_of_every_way() -> None:
    done = run("bench", "integrate", "--n-iter", str(N_ITER), "--repeat", "1", "--threads", "2")
    assert done.returncode == 0, done.stdout + done.stderr
    # No progress bar where stderr is no terminal.
    assert done.stderr == ""
    for name in ("plain Python", "threading, 2 threads", "ProcessPoolExecutor, 2", *OURS, "numba", "Cython"):
        assert name in done.stdout


def test_integrate_as_json_tells_figures_machine_and_command() -> None:
    done = run("bench", "integrate", "--n-iter", "2e3", "--repeat", "1", "--threads", "2", "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads(done.stdout)
    assert report["command"] == "ungil bench integrate --n-iter 2e3 --repeat 1 --threads 2 --json"
    assert report["machine"]["ungil"]
    assert report["machine"]["llvm"].startswith("19.")
    assert report["parameters"] == {"n_iter": N_ITER, "threads": 2}

    rows = {row["name"]: row for row in report["rows"]}
    assert OURS <= {name for name, row in rows.items() if row["ran"]}
    # The left sums of a falling function are too large by half a step.
    half_step = math.pi / 2 / N_ITER / 2
    for row in rows.values():
        if row["ran"]:
            assert row["error"] == pytest.approx(half_step, rel=1e-3), row["name"]
            assert row["min_seconds"] <= row["median_seconds"]
            assert row["samples"] >= 1
        else:
            assert row["reason"], row["name"]
    assert rows["plain Python"]["times_plain_python"] == 1.0
    assert rows["plain Python"]["first_call_seconds"] is None
    assert rows["ungil"]["first_call_seconds"] > 0
    assert rows[report["best_peer"]]["times_best_peer"] == 1.0


@pytest.mark.parametrize(("suffix", "magic"), [(".svg", b"<?xml"), (".png", b"\x89PNG")])
def test_plot_is_written_in_the_format_of_its_suffix(tmp_path: Path, suffix: str, magic: bytes) -> None:
    pytest.importorskip("matplotlib")
    file = tmp_path / f"chart{suffix}"
    source = program(tmp_path)
    done = run("bench", f"{source}:area", "--args", "100", "--repeat", "1", "--plot", str(file))
    assert done.returncode == 0, done.stdout + done.stderr
    assert file.read_bytes().startswith(magic)


def program(folder: Path) -> Path:
    """Write a user's file: a compiled function, which calls a compiled and a plain one."""
    source = folder / "program.py"
    source.write_text(
        "from ungil import njit, prange\n"
        "scale = 2.0\n"
        "@njit\n"
        "def square(x):\n"
        "    return x * x\n"
        "def height(x):\n"
        "    return scale * square(x)\n"
        "@njit(parallel=True)\n"
        "def area(n, *, width=0.5):\n"
        "    total = 0.0\n"
        "    for i in prange(n):\n"
        "        total += height(i * width) * width\n"
        "    return total\n"
        "def refused():\n"
        "    return open('a file')\n"
    )
    return source


def test_a_users_function_is_run_in_every_way(tmp_path: Path) -> None:
    source = program(tmp_path)
    done = run("bench", f"{source}:area", "--args", "1000", "--kwargs", "{'width': 0.25}", "--repeat", "1", "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    rows = {row["name"]: row for row in json.loads(done.stdout)["rows"]}
    assert {"plain Python", "ungil", "ungil fastmath", "ungil parallel fastmath"} <= set(rows)
    assert rows["ungil"]["result"] == rows["plain Python"]["result"]
    assert {row["verdict"] for row in rows.values() if row["ran"]} <= {"equal", "close"}


def test_a_function_that_cannot_be_compiled_is_a_failed_row_with_its_reason(tmp_path: Path) -> None:
    done = run("bench", f"{program(tmp_path)}:refused", "--repeat", "1")
    assert done.returncode == 1
    assert "ungil: failed: " in done.stdout
    assert "Error" in done.stdout


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["bench", "nowhere.py:f"], "no file nowhere.py"),
        (["bench", "integral"], "neither `integrate` nor FILE.py:function"),
        (["bench", "integrate", "--args", "1"], "integrate takes --n-iter"),
        (["bench", "integrate", "--plot", "chart.pdf"], ".svg or .png"),
        (["bench", "integrate", "--plot", "no-such-folder/chart.svg"], "there is no directory"),
    ],
)
def test_a_wrong_request_is_refused(words: list[str], reason: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words) == 2
    assert reason in capsys.readouterr().err


def test_a_file_without_the_function_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = program(tmp_path)
    assert main(["bench", f"{source}:volume"]) == 2
    assert "defines no function volume" in capsys.readouterr().err
    assert main(["bench", f"{source}:area", "--n-iter", "5"]) == 2
    assert "--kwargs" in capsys.readouterr().err


def test_info_describes_the_machine() -> None:
    described: dict[str, Any] = json.loads(run("info", "--json").stdout)
    assert described["llvm"].startswith("19.")
    assert described["threads"] >= 1
    assert described["processor"]
    table = run("info")
    assert table.returncode == 0
    assert described["llvm_cpu"] in table.stdout


@pytest.mark.parametrize(("text", "number"), [("10", 10), ("10**6", 10**6), ("1e6", 10**6), ("1_000", 1000)])
def test_counts_are_read(text: str, number: int) -> None:
    assert count(text) == number


@pytest.mark.parametrize("text", ["0", "-1", "0**-1", "1.5e0", "2**-1", "many", "1.5", "1e400", ""])
def test_other_counts_are_refused(text: str) -> None:
    with pytest.raises(Exception, match="positive whole number"):
        count(text)


def test_arguments_are_literals() -> None:
    assert parse_arguments("1, 2.5", None) == ((1, 2.5), {})
    assert parse_arguments("7", "{'n': 2}") == ((7,), {"n": 2})
    assert parse_arguments(None, None) == ((), {})
    for args, kwargs in (("print()", None), (None, "[1]"), (None, "{1: 2}"), ("1,", "{")):
        with pytest.raises(Exception, match=r"--(kw)?args wants"):
            parse_arguments(args, kwargs)


def test_results_are_compared_by_value_and_type() -> None:
    nan = float("nan")
    assert compare((1, (2.0, nan)), (1, (2.0, nan))) == "equal"
    assert compare(1.0 + 1e-12, 1.0) == "close"
    assert compare(1, 1.0) == "close"
    assert compare((1.0, 2.0), (1.0,)) == "differs"
    assert compare(1.0, 2.0) == "differs"
    assert compare(None, None) == "equal"


def test_times_and_ratios_keep_three_digits() -> None:
    assert [seconds_text(t) for t in (1.5, 0.0123, 4.56e-6, 55e-9)] == ["1.50 s", "12.3 ms", "4.56 µs", "55.0 ns"]
    assert [ratio_text(r) for r in (None, 0.5, 12.34, 1234.0)] == ["-", "0.50×", "12.3×", "1,234×"]


def test_measure_times_the_first_call_apart_and_takes_enough_samples() -> None:
    calls, ticks = itertools.count(1), itertools.count(1)
    timing = measure(lambda: next(calls), 5, lambda: next(ticks))
    assert timing.first >= 0
    assert len(timing.samples) >= 5
    assert next(ticks) == 6
    assert timing.result == next(calls) - 1
    assert timing.minimum <= timing.median


def test_what_is_missing_or_fails_is_a_row_with_a_reason() -> None:
    def missing(_: object) -> Any:
        raise UnavailableError("needs a compiler")

    def failing(_: object) -> Any:
        return lambda: 1 / 0

    rows = (
        Row("plain Python", Family.PYTHON, lambda _: lambda: 2),
        Row("missing", Family.PEER, missing),
        Row("failing", Family.UNGIL, failing),
    )
    benchmark = Benchmark("", rows, "result", compare, {})
    report = Report(benchmark, tuple(run_row(row, 1, lambda: None) for row in rows))
    assert [outcome.reason for outcome in report.outcomes] == [
        None,
        "needs a compiler",
        "ZeroDivisionError: division by zero",
    ]
    assert report.failed
    assert report.best_peer is report.outcomes[0]
    assert report.verdict(report.outcomes[0]) == "equal"
