"""CPython's tests of connections in test._test_multiprocessing, with our pipes in them, for each start method.

They are the interpreter's own classes, and not copies: the processes that they start import them by name.
"""

from __future__ import annotations

import importlib
import multiprocessing
import sys
import unittest
from typing import Any
from unittest import mock

import pytest
from implementation import IS_UNGIL

if not sys.platform.startswith("linux"):
    pytest.skip("pipes are the standard library's here", allow_module_level=True)

tests: Any = pytest.importorskip("test._test_multiprocessing")
Pipe = importlib.import_module("ungil.multiprocessing").Pipe if IS_UNGIL else multiprocessing.Pipe

OF_PIPES = ("_TestConnection", "_TestPoll", "_TestPicklingConnections", "_TestPollEintr", "TestWait", "TestIgnoreEINTR")


def with_ours(name: str, method: str) -> type[unittest.TestCase]:
    """Return CPython's class of tests, run with our pipes and this start method."""
    base = getattr(tests, name)
    bases = (base,) if issubclass(base, unittest.TestCase) else (base, tests.ProcessesMixin, unittest.TestCase)

    class Case(*bases):  # type: ignore[misc]
        Pipe = staticmethod(Pipe)

        @classmethod
        def setUpClass(cls) -> None:
            super().setUpClass()
            before = multiprocessing.get_start_method(allow_none=True)
            multiprocessing.set_start_method(method, force=True)
            cls.addClassCleanup(multiprocessing.set_start_method, before, force=True)
            patch = mock.patch.object(multiprocessing, "Pipe", Pipe)
            patch.start()
            cls.addClassCleanup(patch.stop)

    Case.__name__ = Case.__qualname__ = f"{name.strip('_')}By{method.capitalize()}"
    Case.__module__ = __name__
    return Case


for _method in ("fork", "spawn", "forkserver"):
    for _name in OF_PIPES:
        _case = with_ours(_name, _method)
        globals()[_case.__name__] = _case
