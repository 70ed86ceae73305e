"""What the parent's programs see of a worker process: `WorkerProcess`, and its death, `WorkerDied`."""

from __future__ import annotations

import contextlib
import os
import signal
from concurrent.futures.process import BrokenProcessPool

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ungil._process_pool.keeper import Keeper

__all__ = ("WorkerDied", "WorkerProcess", "how_ended")


class WorkerDied(BrokenProcessPool):
    """A worker process has died while it made the call, which may have been made in part.

    Attributes:
        pid: the number of the process, or None.
        exitcode: what it ended with: the negative number of the signal that ended it, or its exit code; None if nobody
            knows.
        stderr: the last that it wrote to its standard error.

    Example:
        >>> import os
        >>> from ungil.futures import ProcessPoolExecutor
        >>> with ProcessPoolExecutor(max_workers=1) as executor:
        ...     future = executor.submit(os._exit, 3)
        ...     future.exception().exitcode, executor.submit(abs, -1).result()
        (3, 1)
    """

    def __init__(self, message: str, pid: int | None = None, exitcode: int | None = None, stderr: str = "") -> None:
        super().__init__(message)
        self.pid = pid
        self.exitcode = exitcode
        self.stderr = stderr

    def __reduce__(self) -> tuple[Any, ...]:
        """Keep the attributes."""
        return type(self), (str(self), self.pid, self.exitcode, self.stderr)


class WorkerProcess:
    """A worker, as `executor._processes` shows it: what other people's code does with one of the standard library."""

    def __init__(self, pid: int, number: int, keeper: Keeper) -> None:
        self.pid = pid
        self._number = number
        self._keeper = keeper

    def __repr__(self) -> str:
        return f"<WorkerProcess {self.pid}, {'alive' if self.is_alive() else 'ended'}>"

    def is_alive(self) -> bool:
        """Return whether it has not ended, as far as is known."""
        return self._keeper.pids().get(self._number) == self.pid

    def kill(self) -> None:
        """End it, by SIGKILL."""
        self._signal(signal.SIGKILL)

    def terminate(self) -> None:
        """Ask it to end, by SIGTERM."""
        self._signal(signal.SIGTERM)

    def _signal(self, number: int) -> None:
        if self.is_alive():
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)


def how_ended(exitcode: int | None) -> str:
    """Return in words what a process ended with; as `WorkerDied.exitcode`."""
    if exitcode is None:
        return "has ended"
    if exitcode >= 0:
        return f"ended with exit code {exitcode}"
    try:
        name = signal.Signals(-exitcode).name
    except ValueError:
        name = f"signal {-exitcode}"
    return f"was ended by {name}" + (" (the system may be out of memory)" if exitcode == -signal.SIGKILL else "")


WorkerDied.__module__ = "ungil.futures"
