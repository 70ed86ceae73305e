"""CPython's own tests of the running interpreter, from its `test` package, with the chosen modules put in.

`classes("test_queue")` executes a copy of `test.test_queue` in which `import threading` and `import queue` found the
modules of `implementation.py`, and returns its classes of tests for a file of ours to have among its globals, where
pytest finds them. The interpreter's modules themselves stay as they are, and none of their text is here.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
import unittest
from types import ModuleType
from typing import Any
from unittest import mock

import pytest
from implementation import IS_UNGIL, queue, threading
from instead import instead
from left_out import LEFT_OUT

__all__ = ("classes", "load", "tests_of")


def classes(name: str) -> dict[str, type[unittest.TestCase]]:
    """Return the classes of `test.<name>` that have tests, with those left out marked to be skipped."""
    module = load(name)
    found = {key: value for key, value in vars(module).items() if _is_class_of_tests(value)}
    if IS_UNGIL:
        for key, case in found.items():
            _leave_out(f"{name}.{key}", case)
    return found


def load(name: str) -> ModuleType:
    """Execute a copy of `test.<name>` with the chosen modules put in; skip the tests of who asks if there is none."""
    try:
        # Whatever else the module needs is imported here, with the standard modules, which it keeps.
        importlib.import_module(f"test.{name}")
        test = importlib.import_module("test")
        helper = importlib.import_module("test.support.import_helper")
    except ModuleNotFoundError as error:
        python = f"Python {sys.version.split()[0]}"
        pytest.skip(f"{python} has come without its tests (Debian: libpython3.x-testsuite): {error}", allow_module_level=True)
    import_fresh = helper.import_fresh_module

    def import_fresh_module(module: str, **options: Any) -> ModuleType:
        # `test_queue` tests the standard library's queues twice: with what it has in C, of which ours take the place,
        # and without it (`blocked`). The latter stay, made with our locks and conditions.
        return queue if module == "queue" and "blocked" not in options else import_fresh(module, **options)

    with (
        instead({"threading": threading, "queue": queue}),
        mock.patch.object(helper, "import_fresh_module", import_fresh_module),
        # What `from test import lock_tests` finds.
        mock.patch.object(test, "lock_tests", _execute("test.lock_tests"), create=True),
    ):
        return _execute(f"test.{name}")


def tests_of(case: type[unittest.TestCase]) -> list[str]:
    """Return the names of the tests of a class."""
    return list(unittest.defaultTestLoader.getTestCaseNames(case))


def _execute(name: str) -> ModuleType:
    """Execute a copy of a module, which no import will find."""
    spec = importlib.util.find_spec(name)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _is_class_of_tests(value: object) -> bool:
    return isinstance(value, type) and issubclass(value, unittest.TestCase) and bool(tests_of(value))


def _leave_out(path: str, case: type[unittest.TestCase]) -> None:
    """Mark the class's tests that are left out: the class itself may be, or some of its functions."""
    for name in tests_of(case):
        entry = LEFT_OUT.get(path) or LEFT_OUT.get(f"{path}.{name}")
        if entry is not None and entry.is_here:
            setattr(case, name, unittest.skip(f"left out: {entry.reason}")(getattr(case, name)))
