"""Threads and locks: the standard `threading` under its own names, several times faster, and able to say why it waits.

`from ungil.threading import *` serves a program that imported `threading`. The primitives are ungil's own; `Thread` is
a thin subclass of the standard class; what has no reason to be ours (`local`, `current_thread`, `excepthook`, ...) is
the standard library's own object. New here: `Thread.result` and `Thread.stop`, `StopToken`, `TaskGroup`, `statistics()`
of each primitive, and the report of deadlocks (`deadlock_policy`).

>>> from ungil.threading import Lock, TaskGroup
>>> lock, total = Lock(), []
>>> def add(number):
...     with lock:
...         total.append(number)
>>> with TaskGroup() as group:
...     threads = [group.submit(add, number) for number in range(3)]
>>> sum(total)
3
"""

from __future__ import annotations

import sys
import threading as _threading
from threading import (
    TIMEOUT_MAX,
    BrokenBarrierError,
    ExceptHookArgs,
    active_count,
    current_thread,
    enumerate,  # noqa: A004 - the standard module's name
    get_ident,
    get_native_id,
    getprofile,
    gettrace,
    local,
    main_thread,
    setprofile,
    settrace,
    stack_size,
)
from types import ModuleType
from typing import TYPE_CHECKING as _TYPE_CHECKING
from typing import Any

from ungil._core import (
    Barrier,
    BoundedSemaphore,
    Condition,
    DeadlockError,
    Event,
    Lock,
    RLock,
    Semaphore,
    Statistics,
    deadlock_policy,
)
from ungil._task_group import TaskGroup
from ungil._thread import StopRequested, StopToken, Thread, Timer

if _TYPE_CHECKING:
    from threading import excepthook

__all__ = [
    "TIMEOUT_MAX",
    "Barrier",
    "BoundedSemaphore",
    "BrokenBarrierError",
    "Condition",
    "DeadlockError",
    "Event",
    "ExceptHookArgs",
    "Lock",
    "RLock",
    "Semaphore",
    "Statistics",
    "StopRequested",
    "StopToken",
    "TaskGroup",
    "Thread",
    "Timer",
    "active_count",
    "current_thread",
    "deadlock_policy",
    "enumerate",
    "excepthook",
    "get_ident",
    "get_native_id",
    "getprofile",
    "gettrace",
    "local",
    "main_thread",
    "setprofile",
    "settrace",
    "stack_size",
]
# Names that only later releases have (`settrace_all_threads`, ...).
__all__ += [name for name in _threading.__all__ if name not in __all__]


def __getattr__(name: str) -> Any:
    """Answer for the rest of the standard module: old names, private ones, and those of later releases."""
    return getattr(_threading, name)


class _Module(ModuleType):
    """A module whose other names are the standard module's: programs assign to them, and that module looks at them."""

    def __setattr__(self, name: str, value: object) -> None:
        if name in vars(self):
            super().__setattr__(name, value)
        else:
            setattr(_threading, name, value)

    def __delattr__(self, name: str) -> None:
        if name in vars(self):
            super().__delattr__(name)
        else:
            delattr(_threading, name)

    def __dir__(self) -> list[str]:
        return sorted({*vars(self), *_threading.__all__})


sys.modules[__name__].__class__ = _Module
