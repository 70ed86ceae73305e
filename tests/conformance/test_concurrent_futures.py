"""CPython's test.test_concurrent_futures, a module or since 3.12 a package, with our futures and pools of threads.

Its semaphores and events are ours as well. What it has of pools of processes is left out.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest
from suite import classes, load_all

for module in load_all("test_concurrent_futures"):
    globals().update(classes(module))


@pytest.fixture(autouse=True)
def _records_on_standard_error() -> Iterator[None]:
    """Two tests look for a record on standard error, where `logging` writes what has no handler."""
    logger, handler = logging.getLogger("concurrent.futures"), logging.lastResort
    assert handler is not None
    logger.addHandler(handler)
    yield
    logger.removeHandler(handler)
