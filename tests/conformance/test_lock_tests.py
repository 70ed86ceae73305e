"""CPython's test.lock_tests once more, with ours and the standard library's locks and conditions in one another."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from implementation import standard_threading, threading
from suite import load

lock_tests = load("lock_tests")


class UsersLock:
    """A lock as somebody may write one: it can be acquired and released, and no more."""

    def __init__(self) -> None:
        self._lock = standard_threading.Lock()

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
        return self._lock.acquire(blocking, timeout)

    def release(self) -> None:
        self._lock.release()

    def __enter__(self) -> bool:
        return self.acquire()

    def __exit__(self, *error: object) -> None:
        self.release()


def condition(made_by: Any, lock_by: Callable[[], object]) -> dict[str, Any]:
    """Return what the tests of conditions and of locks ask for: one, by default with a lock of this kind."""
    factory = staticmethod(lambda lock=None: made_by(lock_by() if lock is None else lock))
    return {"condtype": factory, "locktype": factory}


ours_with_standard = condition(threading.Condition, standard_threading.RLock)
standard_with_ours = condition(standard_threading.Condition, threading.RLock)
ours_with_users = condition(threading.Condition, UsersLock)

OursWithStandard = type("OursWithStandard", (lock_tests.ConditionTests,), ours_with_standard)
StandardWithOurs = type("StandardWithOurs", (lock_tests.ConditionTests,), standard_with_ours)
OursWithUsers = type(
    "OursWithUsers",
    (lock_tests.ConditionTests,),
    ours_with_users | {"test_acquire": None},  # acquires it twice, which this lock is not made for
)

# Conditions have an RLock's methods, when it is one that they are made with.
without_count = {"test_recursion_count": None}  # but for this one
OursWithStandardAsRLock = type("OursWithStandardAsRLock", (lock_tests.RLockTests,), ours_with_standard | without_count)
StandardWithOursAsRLock = type("StandardWithOursAsRLock", (lock_tests.RLockTests,), standard_with_ours | without_count)


def test_a_users_lock_is_the_conditions() -> None:
    lock = UsersLock()
    condition = threading.Condition(lock)
    with condition:
        assert not lock.acquire(False)
    assert lock.acquire(False)
    assert not condition.acquire(False)
    lock.release()
