"""What tests of parallel calls share: the backends of this machine, and that nothing is left running."""

from __future__ import annotations

import gc
import os
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.conftest import wait_until

if not sys.platform.startswith("linux"):
    collect_ignore_glob = ["test_*.py"]

ALL = ("auto", "processes", "threading", "sequential")
SEVERAL_AT_ONCE = ("auto", "processes", "threading")


@pytest.fixture(params=ALL)
def backend(request: pytest.FixtureRequest) -> str:
    """Return each backend."""
    return str(request.param)


@pytest.fixture(params=SEVERAL_AT_ONCE)
def busy_backend(request: pytest.FixtureRequest) -> str:
    """Return each backend with several tasks at once."""
    return str(request.param)


def children(of: int) -> set[int]:
    found = set()
    for task in Path(f"/proc/{of}/task").iterdir():
        try:
            found |= set(map(int, (task / "children").read_text().split()))
        except OSError:
            continue
    return found


@pytest.fixture
def no_workers_but_idle() -> Iterator[None]:
    """Fails if a worker is still busy, or there are more than those that are kept, when the test is over."""
    yield
    from ungil.parallel import _processes

    def is_quiet() -> bool:
        kept = [executor for _, executor in _processes._IDLE]
        census = [executor._pool.census() for executor in kept]
        return all(workers == idle and pending == 0 for workers, idle, pending in census)

    wait_until(is_quiet)


@pytest.fixture(scope="package", autouse=True)
def _idle_workers_end() -> Iterator[None]:
    """Ends the workers that are kept for a next call, so that other tests count descriptors of their own alone."""
    yield
    from ungil.parallel import _processes

    while _processes._IDLE:
        _processes._IDLE.pop()[1].shutdown()
    gc.collect()


@pytest.fixture(autouse=True)
def no_threads_left() -> Iterator[None]:
    """Fails if a thread of a call is left when the test is over."""
    yield

    def names() -> list[str]:
        return [thread.name for thread in threading.enumerate() if thread.name.startswith("ungil-parallel")]

    wait_until(lambda: not names())


@pytest.fixture
def here() -> int:
    """Return the number of this process."""
    return os.getpid()
