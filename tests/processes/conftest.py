"""What tests of processes have around them: a module that leaves processes, descriptors or shared memory fails."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from multiprocessing import RawValue, forkserver, resource_tracker

import pytest
from tests.leftovers import nothing_left

IS_OURS = sys.platform.startswith("linux")


@pytest.fixture(scope="session")
def _what_stays() -> None:
    """Start what one process has one of, from its first use to its end."""
    from ungil.futures import ProcessPoolExecutor
    from ungil.multiprocessing import Lock

    forkserver.ensure_running()
    resource_tracker.ensure_running()
    # The file that the standard library's shared values lie in.
    RawValue("i")
    # The segment that further locks will lie in, and the server that starts workers.
    Lock()
    with ProcessPoolExecutor(1) as executor:
        executor.submit(abs, -1).result()


@pytest.fixture(scope="module", autouse=True)
def _module_leaves_nothing(request: pytest.FixtureRequest) -> Iterator[None]:
    if not IS_OURS:
        yield
        return
    request.getfixturevalue("_what_stays")
    with nothing_left(request.node.name):
        yield
