"""Functions that are called after some time, which one thread waits for in the whole process.

What holds: an alarm that may still be due is in `_alarms`, a heap by time, under `_condition`; the thread runs while
there is one, and ends when there has been none for a while.
"""

from __future__ import annotations

import heapq
import itertools
import os
import sys
import threading
import time

from ungil._core import Condition
from ungil._thread_start import start_thread

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ("Alarm", "call_later")

# How long the thread stays when there is nothing to wait for, in seconds: it is not to be started anew for each of
# several calls in a row.
_LINGER = 1.0


class Alarm:
    """A function that is to be called at some time, unless it is cancelled before."""

    __slots__ = ("_function", "_number", "_time")

    def __init__(self, at: float, number: int, function: Callable[[], object]) -> None:
        self._time = at
        self._number = number
        self._function: Callable[[], object] | None = function

    def __lt__(self, other: Alarm) -> bool:
        return (self._time, self._number) < (other._time, other._number)

    def cancel(self) -> None:
        """Keep the function from being called, unless that has begun."""
        # The alarm itself stays in the heap, until its time or until half of all are like it.
        self._function = None


_condition = Condition()
_alarms: list[Alarm] = []
# At how many those are let go of that were cancelled.
_room = 64
_numbers = itertools.count()
_thread: threading.Thread | None = None


def call_later(delay: float, function: Callable[[], object]) -> Alarm:
    """Have a function called, in a thread of its own.

    Args:
        delay: after how many seconds.
        function: what is called, without arguments.

    Returns:
        The alarm, by which it can be cancelled.

    Raises:
        RuntimeError: the system has no thread for the timer.
    """
    global _room, _thread
    alarm = Alarm(time.monotonic() + delay, next(_numbers), function)
    with _condition:
        if _thread is None:
            thread = threading.Thread(target=_run, name="ungil-timer", daemon=True)
            # It waits for the condition, and finds the alarm.
            start_thread(thread)
            _thread = thread
        if len(_alarms) >= _room:
            _alarms[:] = [each for each in _alarms if each._function is not None]
            heapq.heapify(_alarms)
            _room = 64 + 2 * len(_alarms)
        heapq.heappush(_alarms, alarm)
        if _alarms[0] is alarm:
            _condition.notify()
    return alarm


def _run() -> None:
    """Have what is due called, until there has been nothing for a while."""
    while True:
        alarm = _next()
        if alarm is None:
            return
        function = alarm._function
        if function is not None:
            _call(function)


def _call(function: Callable[[], object]) -> None:
    """Call a function in a thread of its own: it may take its time, or wait for another alarm."""
    try:
        threading.Thread(target=function, name="ungil-alarm", daemon=True).start()
    except RuntimeError:
        # The system has no thread for it.
        try:
            function()
        except BaseException:
            threading.excepthook(threading.ExceptHookArgs((*sys.exc_info(), threading.current_thread())))


def _next() -> Alarm | None:
    """Wait for the first alarm, and return it when it is due; None if the thread is to end."""
    global _thread
    with _condition:
        while True:
            while _alarms and _alarms[0]._function is None:
                heapq.heappop(_alarms)
            if not _alarms:
                if not _condition.wait(_LINGER) and not _alarms:
                    _thread = None
                    return None
                continue
            left = _alarms[0]._time - time.monotonic()
            if left <= 0:
                return heapq.heappop(_alarms)
            _condition.wait(min(left, threading.TIMEOUT_MAX))


def _forget() -> None:
    """Let a forked child begin anew: the thread is the parent's, and so are the calls that it watches."""
    global _condition, _thread
    _condition = Condition()
    _alarms.clear()
    _thread = None


os.register_at_fork(after_in_child=_forget)
