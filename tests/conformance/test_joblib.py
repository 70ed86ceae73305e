"""joblib's tests of `Parallel`, with ours, which left_out_of_joblib.py says more of."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from joblib_suite import load
from left_out_of_joblib import LEFT_OUT

from ungil.parallel import _active

if not sys.platform.startswith("linux"):
    pytest.skip("pools of processes are the standard library's here", allow_module_level=True)


def found() -> dict[str, Callable[..., Any]]:
    """Return the tests. Those that joblib is known to fail are not expected to be failed by ours."""
    before = dict(_active.BACKENDS)
    tests = {name: value for name, value in vars(load()).items() if name.startswith("test_")}
    registered.update({name: value for name, value in _active.BACKENDS.items() if name not in before})
    for name in registered:
        del _active.BACKENDS[name]
    for test in tests.values():
        test.pytestmark = [mark for mark in getattr(test, "pytestmark", []) if mark.name != "xfail"]
    return tests


# What joblib's module registers when it is loaded.
registered: dict[str, Callable[..., Any]] = {}
globals().update(found())


@pytest.fixture(scope="module", autouse=True)
def _with_their_backends() -> Iterator[None]:
    before = dict(_active.BACKENDS)
    _active.BACKENDS.update(registered)
    yield
    _active.BACKENDS.clear()
    _active.BACKENDS.update(before)


def test_what_is_left_out_of_joblib_exists() -> None:
    tests = [name for name in globals() if name.startswith("test_")]
    assert [key for key in LEFT_OUT if key.partition("[")[0] not in tests] == []
