"""Tasks that processes import by name, and what waits for them."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

__all__ = ("FailsAt", "counted", "identity", "kill_self", "meet", "pid", "spin", "square", "unpicklable", "write_to")


def square(x: int) -> int:
    return x * x


def identity(x: Any) -> Any:
    return x


def pid(_: Any = None) -> int:
    return os.getpid()


def spin(seconds: float) -> int:
    """Hold the GIL for so many seconds of this thread's own."""
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        pass
    return os.getpid()


class FailsAt:
    """A task that raises for one of its arguments."""

    def __init__(self, at: int) -> None:
        self.at = at

    def __call__(self, x: int) -> int:
        if x == self.at:
            raise ValueError(f"task {x}")
        return x


def kill_self(x: int, at: int) -> int:
    if x == at:
        os.kill(os.getpid(), 9)
    return x


def unpicklable(x: int) -> Any:
    return (lambda: x) if x == 3 else _Refusing() if x == 5 else x


class _Refusing:
    def __reduce__(self) -> Any:
        raise TypeError("this is not sent")


def write_to(array: Any, value: float) -> float:
    array[0] = value
    return float(array[0])


def counted(folder: str, x: int) -> int:
    """Leave a file that says it was made."""
    Path(folder, str(x)).touch()
    return x


def meet(folder: str, name: str, n: int) -> list[str]:
    """Wait until so many tasks are here at once."""
    Path(folder, name).touch()
    guard = time.monotonic() + 60
    while len(list(Path(folder).iterdir())) < n:
        assert time.monotonic() < guard, "the others do not come"
        time.sleep(0.001)
    return sorted(path.name for path in Path(folder).iterdir())
