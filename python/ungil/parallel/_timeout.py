"""What is raised when a task takes too long; apart, since it brings `multiprocessing`."""

from __future__ import annotations

import builtins
import multiprocessing

__all__ = ("TaskTimeoutError",)


class TaskTimeoutError(multiprocessing.TimeoutError, builtins.TimeoutError):
    """A task was not over in time: the exception of `multiprocessing`, which joblib raises, and Python's own."""


TaskTimeoutError.__module__ = "ungil.parallel"
TaskTimeoutError.__name__ = TaskTimeoutError.__qualname__ = "TimeoutError"
