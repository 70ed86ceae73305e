"""Futures in each of their states, for the tests of one future."""

from __future__ import annotations

from concurrent.futures._base import CANCELLED, CANCELLED_AND_NOTIFIED, FINISHED, PENDING, RUNNING
from typing import Any

from implementation import futures

__all__ = ("STATES", "made")

STATES = (PENDING, RUNNING, CANCELLED, CANCELLED_AND_NOTIFIED, FINISHED)


def made(state: str, result: object = None, exception: BaseException | None = None) -> Any:
    """Make a future that has come to this state by the ways that lead there."""
    future = futures.Future()
    if state.startswith("CANCELLED"):
        assert future.cancel() is True
    if state in (RUNNING, CANCELLED_AND_NOTIFIED, FINISHED):
        assert future.set_running_or_notify_cancel() is (state != CANCELLED_AND_NOTIFIED)
    if exception is not None:
        assert future.set_exception(exception) is None
    elif state == FINISHED:
        assert future.set_result(result) is None
    return future
