"""What an executor tells of its calls: `Statistics` in numbers, and `Trace` as a timeline."""

from __future__ import annotations

import json
import os
import threading
from dataclasses import dataclass
from pathlib import Path

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType
    from typing import Any, Protocol, Self

    class _Pool(Protocol):
        """What a trace needs of an executor."""

        _threads: set[threading.Thread]

        def _begin_trace(self) -> int: ...
        def _end_trace(self) -> list[tuple[object, int, str, int, int, int]]: ...


__all__ = ("Statistics", "Trace")


@dataclass(frozen=True, slots=True)
class Statistics:
    """An executor at one moment.

    Attributes:
        workers: how many threads it has.
        idle: how many of them wait for a call.
        pending: how many calls wait for a thread.
        done: how many calls were made.
        failed: how many of them raised.
        cancelled: how many calls were found to be cancelled when a thread came to them.
        mean_wait: for how many seconds a call waited that was made; None if none was.
        mean_run: for how many seconds it ran.
    """

    workers: int
    idle: int
    pending: int
    done: int
    failed: int
    cancelled: int
    mean_wait: float | None
    mean_run: float | None


class Trace:
    """Keeps each call that an executor makes, and writes them to a file; made by `ThreadPoolExecutor.trace`.

    Attributes:
        path: the file.
        closed: whether it was written.
    """

    def __init__(self, executor: _Pool, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self.closed = False
        self._executor = executor
        # So that a path which cannot be written is told now, and not when the calls are made.
        self.path.write_text("", encoding="utf-8")
        self._start = executor._begin_trace()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Write the file with the calls that were made since the trace began; nothing, the second time."""
        if self.closed:
            return
        self.closed = True
        process = os.getpid()
        threads = [thread for thread in self._executor._threads if thread.native_id is not None]
        events: list[dict[str, Any]] = [
            {"name": "thread_name", "ph": "M", "pid": process, "tid": thread.native_id, "args": {"name": thread.name}}
            for thread in sorted(threads, key=lambda thread: thread.name)
        ]
        for called, thread_id, ending, submitted, begun, ended in self._executor._end_trace():
            # Microseconds, as the format has it.
            events.append(
                {
                    "name": called if isinstance(called, str) else getattr(called, "__qualname__", repr(called)),
                    "cat": "call",
                    "ph": "X",
                    "pid": process,
                    "tid": thread_id,
                    "ts": (begun - self._start) / 1000,
                    "dur": (ended - begun) / 1000,
                    "args": {"ending": ending, "waited_us": (begun - submitted) / 1000},
                }
            )
        text = json.dumps({"traceEvents": events, "displayTimeUnit": "ms"})
        self.path.write_text(text, encoding="utf-8")


Statistics.__module__ = Trace.__module__ = "ungil.futures"
