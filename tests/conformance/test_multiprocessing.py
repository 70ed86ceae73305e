"""CPython's tests in test._test_multiprocessing, with ours in them, for each start method.

Ours are pipes, primitives, queues and pools; the tests of pools of threads run once. They are the interpreter's own
classes, and not copies: the processes that they start import them by name.
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
    pytest.skip("all of this is the standard library's here", allow_module_level=True)

tests: Any = pytest.importorskip("test._test_multiprocessing")
chosen: Any = importlib.import_module("ungil.multiprocessing") if IS_UNGIL else multiprocessing

OF_PIPES = ("_TestConnection", "_TestPoll", "_TestPicklingConnections", "_TestPollEintr", "TestWait", "TestIgnoreEINTR")
OF_PRIMITIVES = (
    "_TestLock",
    "_TestSemaphore",
    "_TestCondition",
    "_TestEvent",
    "_TestBarrier",
    "_TestValue",
    "_TestArray",
)

OF_QUEUES = ("_TestQueue", "TestSimpleQueue")
OF_POOLS = ("_TestPool", "_TestPoolWorkerErrors", "_TestPoolWorkerLifetime")

# What is put in for the functions of these names, both of the module and of the classes.
NAMES = (
    "Array",
    "Barrier",
    "BoundedSemaphore",
    "Condition",
    "Event",
    "JoinableQueue",
    "Lock",
    "Pipe",
    "Pool",
    "Queue",
    "RLock",
    "RawArray",
    "RawValue",
    "Semaphore",
    "SimpleQueue",
    "Value",
)


def with_ours(name: str, method: str) -> type[unittest.TestCase]:
    """Return CPython's class of tests, run with ours and this start method."""
    base = getattr(tests, name)
    bases = (base,) if issubclass(base, unittest.TestCase) else (base, tests.ProcessesMixin, unittest.TestCase)
    context = chosen.get_context(method)
    ours = {each: getattr(context, each) for each in NAMES}

    class Case(*bases):  # type: ignore[misc]
        @classmethod
        def setUpClass(cls) -> None:
            # First of all, as what is set up may start processes.
            before = multiprocessing.get_start_method(allow_none=True)
            multiprocessing.set_start_method(method, force=True)
            cls.addClassCleanup(multiprocessing.set_start_method, before, force=True)
            patch = mock.patch.multiple(multiprocessing, **ours)
            patch.start()
            cls.addClassCleanup(patch.stop)
            super().setUpClass()

        def check_invariant(self, cond: Any) -> None:
            """Hold that nobody sleeps; CPython's looks at the semaphores that a standard condition consists of."""
            if not IS_UNGIL:
                super().check_invariant(cond)
                return
            assert len(cond._waiters) == 0

    for each, function in ours.items():
        setattr(Case, each, staticmethod(function))
    Case.__name__ = Case.__qualname__ = f"{name.strip('_')}By{method.capitalize()}"
    Case.__module__ = __name__
    return Case


for _method in ("fork", "spawn", "forkserver"):
    for _name in OF_PIPES + OF_PRIMITIVES + OF_QUEUES + OF_POOLS:
        _case = with_ours(_name, _method)
        globals()[_case.__name__] = _case


class TestPoolOfThreads(tests._TestPool, tests.ThreadsMixin, unittest.TestCase):  # type: ignore[misc]
    """CPython's tests of pools, with our pool of threads."""

    Pool = staticmethod(importlib.import_module(f"{chosen.__name__}.pool").ThreadPool)
