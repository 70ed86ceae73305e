"""CPython's test.test_threading, among it the classes of test.lock_tests, with what it finds in `threading` put in."""

from __future__ import annotations

from typing import Any
from unittest import TestCase

import pytest
from implementation import IS_UNGIL, threading
from suite import classes, load

module = load("test_threading")
if IS_UNGIL:
    # CPython takes it by a private name, by which we have CPython's own.
    module.CRLockTests.locktype = staticmethod(threading.RLock)
globals().update(classes(module))


@pytest.fixture(autouse=True)
def _public_names_come_from_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    """`test__all__` compares `__all__` with what comes from the modules it names, ours not among them."""
    check = module.support.check__all__

    def check__all__(case: TestCase, checked: Any, names: tuple[str, ...], **options: Any) -> None:
        check(case, checked, (*names, "ungil", "ungil.threading", "ungil._core"), **options)

    monkeypatch.setattr(module.support, "check__all__", check__all__)
