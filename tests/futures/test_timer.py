"""The thread that watches deadlines."""

from __future__ import annotations

import os
import threading
import time

from ungil import _timer
from ungil.threading import Event


def test_alarms_come_in_the_order_of_their_times() -> None:
    order: list[int] = []
    last = Event()
    _timer.call_later(0.03, lambda: (order.append(3), last.set()))
    _timer.call_later(0.01, lambda: order.append(1))
    _timer.call_later(0.02, lambda: order.append(2))
    last.wait()
    assert order == [1, 2, 3]


def test_a_cancelled_alarm_calls_nothing_and_lets_go() -> None:
    called: list[int] = []
    alarms = [_timer.call_later(3600, lambda: called.append(1)) for _ in range(1000)]
    for alarm in alarms:
        alarm.cancel()
    for _ in range(5000):
        _timer.call_later(3600, lambda: None).cancel()
    assert len(_timer._alarms) < 4000
    assert not called


def test_an_alarm_that_raises_ends_no_other(capsys: object) -> None:
    done = Event()
    reported: list[object] = []
    hook, threading.excepthook = threading.excepthook, reported.append
    try:
        _timer.call_later(0.001, lambda: 1 // 0)
        _timer.call_later(0.01, done.set)
        done.wait()
    finally:
        threading.excepthook = hook
    assert len(reported) == 1


def test_a_forked_child_has_a_timer_of_its_own() -> None:
    done = Event()
    _timer.call_later(0.001, done.set)
    done.wait()
    child = os.fork()
    if child == 0:
        own = Event()
        _timer.call_later(0.001, own.set)
        os._exit(0 if own.wait(60) else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_the_first_alarm_is_kept_to_though_a_later_one_was_waited_for() -> None:
    _timer.call_later(60, lambda: None)
    done = Event()
    begun = time.monotonic()
    _timer.call_later(0.01, done.set)
    done.wait()
    assert time.monotonic() - begun < 30
