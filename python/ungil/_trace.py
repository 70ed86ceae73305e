"""What an executor tells of its calls: `Statistics` in numbers, and `Trace` as a timeline."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType
    from typing import Any, Self

__all__ = ("Statistics", "Trace", "Traced")


@dataclass(frozen=True, slots=True)
class Statistics:
    """An executor at one moment.

    Attributes:
        workers: how many threads or processes it has.
        idle: how many of them wait for a call.
        pending: how many calls wait for one of them.
        done: how many calls were made.
        failed: how many of them raised.
        cancelled: how many calls were found to be cancelled when their turn came.
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


class Traced:
    """An executor that can be traced."""

    _trace: Trace | None = None

    def _begin_trace(self) -> int:
        """Begin to keep each call; the clock."""
        raise NotImplementedError

    def _end_trace(self) -> list[tuple[object, int, str, int, int, int]]:
        """Give the calls that were kept: what was called, by which worker, how it ended, and three times."""
        raise NotImplementedError

    def _worker_names(self) -> dict[int, str]:
        """Give what the workers are called, by their numbers."""
        raise NotImplementedError

    def trace(self, path: str | os.PathLike[str]) -> Trace:
        """Begin to keep each call, for a file that shows when which worker made it.

        The file is in Chrome's format for traces: https://ui.perfetto.dev and chrome://tracing show it.

        Args:
            path: the file, which is written at the end of the trace's `with` block, by its `close`, or by the
                executor's `shutdown`; calls that are not over by then are not in it. Not by a forked child.

        Returns:
            The trace.

        Raises:
            RuntimeError: the executor is traced already.

        Example:
            >>> import json, os, tempfile
            >>> from ungil.futures import ThreadPoolExecutor
            >>> path = os.path.join(tempfile.mkdtemp(), "trace.json")
            >>> with ThreadPoolExecutor(max_workers=2) as executor, executor.trace(path):
            ...     results = list(executor.map(len, ["one", "three"]))
            >>> with open(path) as file:
            ...     [event["name"] for event in json.load(file)["traceEvents"] if event["ph"] == "X"]
            ['len', 'len']
        """
        if self._trace is not None and not self._trace.closed:
            raise RuntimeError(f"{self!r} is traced already, to {self._trace.path}")
        self._trace = Trace(self, path)
        return self._trace

    def _close_trace(self) -> None:
        if self._trace is not None:
            self._trace.close()


class Trace:
    """Keeps each call that an executor makes, and writes them to a file; made by an executor's `trace`.

    Attributes:
        path: the file.
        closed: whether it was written.
    """

    def __init__(self, executor: Traced, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self.closed = False
        self._executor = executor
        # So that a path which cannot be written is told now, and not when the calls are made.
        self._write([])
        self._process = os.getpid()
        self._start = executor._begin_trace()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Write the file with the calls that were made since the trace began; nothing, the second time."""
        process = os.getpid()
        if self.closed or process != self._process:
            # In a forked child it is the parent's.
            return
        self.closed = True
        events: list[dict[str, Any]] = [
            {"name": "thread_name", "ph": "M", "pid": process, "tid": number, "args": {"name": name}}
            for number, name in sorted(self._executor._worker_names().items(), key=lambda each: each[1])
        ]
        for called, worker, ending, submitted, begun, ended in self._executor._end_trace():
            # Microseconds, as the format has it.
            events.append(
                {
                    "name": called if isinstance(called, str) else getattr(called, "__qualname__", repr(called)),
                    "cat": "call",
                    "ph": "X",
                    "pid": process,
                    "tid": worker,
                    "ts": (begun - self._start) / 1000,
                    "dur": (ended - begun) / 1000,
                    "args": {"ending": ending, "waited_us": (begun - submitted) / 1000},
                }
            )
        self._write(events)

    def _write(self, events: list[dict[str, Any]]) -> None:
        text = json.dumps({"traceEvents": events, "displayTimeUnit": "ms"})
        self.path.write_text(text, encoding="utf-8")


Statistics.__module__ = Trace.__module__ = "ungil.futures"
