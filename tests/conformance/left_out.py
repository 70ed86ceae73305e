"""The tests of CPython that are not run with ungil's modules, each with its reason.

A test is named by its module, class and function, or a whole class by module and class. The suite shows each as skipped
with its reason, and `test_suite.py` fails when one that the running Python should have does not exist.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass

__all__ = ("LEFT_OUT", "LeftOut")

_Version = tuple[int, int] | tuple[int, int, int]


@dataclass(frozen=True)
class LeftOut:
    """Why a test is left out, and which versions of Python have it: from `since` on, and none from `before` on."""

    reason: str
    since: _Version = (3, 11)
    before: _Version = (4, 0)

    @property
    def is_here(self) -> bool:
        """Whether the running Python has the test."""
        return self.since <= sys.version_info[:3] < self.before


_SUBINTERPRETER = "an extension made with PyO3 is not loaded in a subinterpreter, where nothing of ours would be run"

LEFT_OUT: dict[str, LeftOut] = {
    "test_threading.EventTests.test_at_fork_reinit": LeftOut(
        "reaches into `Event._cond`; ours is no condition inside. test_own.py has the test without it"
    ),
    "test_threading.PyRLockTests": LeftOut(
        "the standard library's fallback in Python, `threading._PyRLock`, has nothing of ours in it"
    ),
    "test_threading.ThreadTests.test_disallow_instantiation": LeftOut(
        "`type(Lock())` makes no locks before 3.13; our `Lock` is the class itself, as it is since then", before=(3, 13)
    ),
    "test_threading.SubinterpThreadingTests": LeftOut(_SUBINTERPRETER),
}
