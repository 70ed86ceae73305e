"""What tests of processes have around them: a module that leaves processes, descriptors or shared memory fails."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator

import pytest
from tests.leftovers import nothing_left


@pytest.fixture(scope="module", autouse=True)
def _module_leaves_nothing(request: pytest.FixtureRequest) -> Iterator[None]:
    is_ours = sys.platform.startswith("linux")
    with nothing_left(request.node.name) if is_ours else contextlib.nullcontext():
        yield


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_teardown(item: pytest.Function) -> None:
    """Let go of what a test was given, which pytest would have until its module is over."""
    item.funcargs.clear()
