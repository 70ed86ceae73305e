"""What tests of processes share: start methods. A module that leaves processes, descriptors or shared memory fails."""

from __future__ import annotations

import contextlib
import sys
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from tests.leftovers import nothing_left

# The start methods that tests of processes are run with.
METHODS = ("fork", "spawn", "forkserver")


@pytest.fixture(params=METHODS)
def context(request: pytest.FixtureRequest) -> Any:
    """Return the context of each start method, of ours."""
    from ungil.multiprocessing import get_context

    return get_context(request.param)


@pytest.fixture
def start(context: Any) -> Iterator[Callable[..., Any]]:
    """Start processes that are over when the test is."""
    processes = []

    def started(target: Any, *args: Any) -> Any:
        # Of a fork beside threads, as later versions of Python do.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            process = context.Process(target=target, args=args)
            process.start()
        processes.append(process)
        return process

    yield started
    for process in processes:
        process.join(60)
        assert not process.is_alive()


@pytest.fixture(scope="module", autouse=True)
def _module_leaves_nothing(request: pytest.FixtureRequest) -> Iterator[None]:
    is_ours = sys.platform.startswith("linux")
    with nothing_left(request.node.name) if is_ours else contextlib.nullcontext():
        yield


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_teardown(item: pytest.Function) -> None:
    """Let go of what a test was given, which pytest would have until its module is over."""
    item.funcargs.clear()
