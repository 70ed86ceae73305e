"""What counts what tests leave: that it finds each kind of thing, and waits for what ends late."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

if not sys.platform.startswith("linux"):
    pytest.skip("it reads what Linux tells of processes", allow_module_level=True)

from tests.leftovers import NAMED, nothing_left

from ungil.multiprocessing import SimpleQueue


@contextlib.contextmanager
def a_child() -> Iterator[Any]:
    with subprocess.Popen(["sleep", "600"]) as process:
        yield process
        process.kill()


@contextlib.contextmanager
def an_orphan() -> Iterator[Any]:
    """Its parent has ended."""
    pid = int(subprocess.run(["sh", "-c", "sleep 600 >&- & echo $!"], stdout=subprocess.PIPE).stdout)
    yield pid
    os.kill(pid, signal.SIGKILL)


@contextlib.contextmanager
def a_descriptor() -> Iterator[Any]:
    with Path(os.devnull).open() as file:
        yield file


@contextlib.contextmanager
def a_mapping() -> Iterator[Any]:
    yield SimpleQueue()


@contextlib.contextmanager
def a_name() -> Iterator[Any]:
    path = Path(NAMED, f"ungil-{os.getpid()}")
    path.touch()
    yield path
    path.unlink()


@pytest.mark.parametrize(
    ("thing", "told"),
    [
        (a_child, "process: sleep ###"),
        (an_orphan, "process: sleep ###"),
        (a_descriptor, "descriptor: /dev/null"),
        (a_mapping, "mapping: /memfd:ungil"),
        (a_name, f"shared memory: {NAMED}/ungil-{os.getpid()}"),
    ],
)
def test_what_is_left_is_found_and_named(thing: Any, told: str) -> None:
    with contextlib.ExitStack() as stack:
        with (
            pytest.raises(pytest.fail.Exception, match=rf"(?s)the test has left.*1 × {told}"),
            nothing_left("the test", 0),
        ):
            kept = stack.enter_context(thing())
        assert kept


def test_what_ends_late_is_waited_for() -> None:
    with nothing_left("the test"):
        process = subprocess.Popen(["sleep", "600"])
        timer = threading.Timer(0.2, lambda: (process.kill(), process.wait()))
        timer.start()
    assert process.returncode == -signal.SIGKILL
    timer.join()
