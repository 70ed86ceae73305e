"""What CPython's tests have around them: shown warnings, a folder to write into, children with the chosen modules."""

from __future__ import annotations

import contextlib
import gc
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import TestCase

import pytest
from children import with_ours
from implementation import IS_UNGIL
from left_out import why_left_out
from left_out_of_joblib import why_left_out as left_out_of_joblib
from tests.leftovers import nothing_left

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark CPython's tests, and among them those that are left out."""
    for item in items:
        if item.path == HERE / "test_joblib.py":
            # joblib runs them so.
            item.add_marker(pytest.mark.filterwarnings("default"))
            if (why := left_out_of_joblib(item.name)) is not None:
                item.add_marker(pytest.mark.skip(reason=why))
            continue
        case = getattr(item, "cls", None)
        if item.path.parent != HERE or case is None or not issubclass(case, TestCase):
            continue
        # CPython runs them with warnings shown, and some warn: of a fork beside threads, of an error in a `__del__`.
        item.add_marker(pytest.mark.filterwarnings("default"))
        reason = why_left_out(item.path.stem, case.__name__, item.name, with_ungil=IS_UNGIL)
        if reason is not None:
            item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(scope="module", autouse=True)
def _collector_leaves_the_rest_alone() -> Iterator[None]:
    """CPython's tests run the collector hundreds of times, made for a process that has not all of pytest's in it."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.fixture(scope="module", autouse=True)
def _processes_leave_nothing(request: pytest.FixtureRequest) -> Iterator[None]:
    starts_processes = request.path.stem in ("test_multiprocessing", "test_process_pools")
    with nothing_left(request.path.name) if starts_processes else contextlib.nullcontext():
        yield


@pytest.fixture(autouse=True)
def _folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture(autouse=True)
def _children_have_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    popen = subprocess.Popen

    def start(command: list[str], *arguments: Any, **options: Any) -> subprocess.Popen[Any]:
        runs_a_program = command[0] == sys.executable and "-c" in command
        return popen(with_ours(command) if runs_a_program else command, *arguments, **options)

    if IS_UNGIL:
        monkeypatch.setattr(subprocess, "Popen", start)
