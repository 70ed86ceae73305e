"""What is said about threads that wait for one another's locks; `ungil._core` finds them, and calls this."""

from __future__ import annotations

import sys
import threading
import traceback
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import Protocol

from ungil._core import Lock

__all__ = ("describe", "is_told", "report")


_NOT_THE_PROGRAM = {__file__, str(Path(__file__).with_name("_thread.py")), threading.__file__}


_UNLESS = " unless another thread releases one of their plain Locks, which any thread may"


class _Lock(Protocol):
    """What a report asks of a lock."""

    @property
    def _made_at(self) -> str | None: ...


def is_told(threads: Sequence[int]) -> bool:
    """Whether a circle of threads that has lasted is reported or raised.

    A thread that waits for a plain `Lock` that it holds itself may be waiting for another thread to release it, as
    programs do that signal with locks. That is told only when no other thread is there that could. Of several threads
    it is, though a plain `Lock` among theirs may be released by another: `describe` says so.
    """
    return len(threads) > 1 or threading.active_count() == 1


def describe(threads: Sequence[int], locks: Sequence[_Lock]) -> str:
    """Tell which threads wait in a circle: `threads[i]` for `locks[i]`, which the next one holds."""
    frames = sys._current_frames()
    names = {thread.ident: thread.name for thread in threading.enumerate()}
    called = [f"thread {names.get(ident, 'unknown')!r} ({ident})" for ident in threads]
    count = "A thread waits for itself" if len(threads) == 1 else f"{len(threads)} threads wait for one another"
    is_sure = len(threads) == threading.active_count() or not any(isinstance(lock, Lock) for lock in locks)
    parts = [f"{count}, and none of them can go on{_UNLESS if not is_sure else ''}."]
    for at, (ident, lock) in enumerate(zip(threads, locks, strict=True)):
        made = f" (made at {lock._made_at})" if lock._made_at else ""
        parts.append(f"\n{called[at]} waits for {lock!r}{made}, held by {called[(at + 1) % len(called)]}:")
        if ident in frames:
            parts.append(_stack(frames[ident]))
    return "\n".join(parts)


def _stack(frame: FrameType) -> str:
    """Where a thread is, without what started it and what looks at it."""
    lines = [line for line in traceback.extract_stack(frame) if line.filename not in _NOT_THE_PROGRAM]
    return "".join(traceback.format_list(lines)).rstrip()


def report(text: str) -> None:
    """Write it to standard error, if there is one."""
    if sys.stderr is not None:
        sys.stderr.write(f"ungil: deadlock: {text}\n")
        sys.stderr.flush()
