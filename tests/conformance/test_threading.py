"""CPython's test.test_threading, which has the classes of test.lock_tests with `threading`'s classes in them."""

from __future__ import annotations

from typing import Any
from unittest import TestCase

import pytest
from implementation import threading
from suite import classes

# CPython runs its tests with warnings shown; in some of them a warning is what happens.
pytestmark = pytest.mark.filterwarnings("default")

found = classes("test_threading")
# CPython calls the class by a private name, which in ours leads to CPython's own.
found["CRLockTests"].locktype = staticmethod(threading.RLock)  # type: ignore[attr-defined]
globals().update(found)


@pytest.fixture(autouse=True)
def _names_of_our_modules(monkeypatch: pytest.MonkeyPatch) -> None:
    """`test__all__` looks for what is public by the modules it may come from: let it know ours."""
    import test.support

    check = test.support.check__all__

    def check__all__(case: TestCase, module: Any, names: tuple[str, ...], **options: Any) -> None:
        check(case, module, (*names, "ungil", "ungil.threading", "ungil._core"), **options)

    monkeypatch.setattr(test.support, "check__all__", check__all__)
