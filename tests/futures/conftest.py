"""What the child programs of the tests of futures begin with, and the mark of tests that only ours pass.

The tests are run with the standard library's futures, too: `UNGIL_CONFORMANCE=standard python -m pytest tests/futures`
shows that a test which ours fail asks for nothing that the standard ones do not give.
"""

from __future__ import annotations

import pytest
from implementation import IS_UNGIL, futures

PRELUDE = f"""
import gc, os, signal, sys, threading, time
import concurrent.futures as standard
from {futures.__name__} import *

def until(is_so):
    guard = time.monotonic() + 60
    while not is_so():
        assert time.monotonic() < guard, "waited in vain"
        time.sleep(0.001)
"""


@pytest.fixture
def prelude() -> str:
    return PRELUDE


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "ours_only(reason): the standard library does otherwise, or has nothing of it")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what only ours pass, when the standard library is tested."""
    for item in items:
        mark = item.get_closest_marker("ours_only")
        if mark is not None and not IS_UNGIL:
            item.add_marker(pytest.mark.skip(reason=mark.kwargs["reason"]))
