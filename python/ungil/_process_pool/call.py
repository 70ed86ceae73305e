"""A call with options, as an executor of processes has it: its deadline, and its further attempts."""

from __future__ import annotations

import math
from concurrent.futures import InvalidStateError

from ungil import _timer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ungil import _core
    from ungil._call import Settings
    from ungil._process_pool.keeper import Keeper

__all__ = ("Call",)


class Call:
    """What the pool tells of a call's beginning, and asks about its end."""

    __slots__ = ("_alarm", "_future", "_keeper", "_n_attempts", "_name", "_settings")

    def __init__(self, name: str, settings: Settings, future: Any, keeper: Keeper) -> None:
        self._name = name
        self._settings = settings
        self._future = future
        self._keeper = keeper
        self._n_attempts = 0
        self._alarm: _timer.Alarm | None = None

    def has_begun(self) -> None:
        """A worker has the call, for the first time or again: the time runs from the first."""
        timeout = self._settings.timeout
        if self._alarm is None and timeout is not None and timeout != math.inf:
            self._alarm = _timer.call_later(timeout, self._time_out)

    def has_ended(self, failure: BaseException | None, attempt: _core._Attempt) -> bool:
        """An attempt is over; true if there will be another one."""
        retry = self._settings.retry
        if (
            failure is not None
            and retry is not None
            and self._n_attempts < retry.count
            and isinstance(failure, retry.exceptions)
            and not self._future.done()
            and not self._keeper.is_terminated
        ):
            delay = retry.delay(self._n_attempts)
            self._n_attempts += 1
            if delay > 0:
                _timer.call_later(delay, attempt.submit)
            else:
                attempt.submit()
            return True
        if self._alarm is not None:
            self._alarm.cancel()
        return False

    def _time_out(self) -> None:
        timeout = self._settings.timeout
        text = f"{self._name} was not over within its timeout of {timeout} s"
        try:
            self._future.set_exception(TimeoutError(text))
        except InvalidStateError:
            # It came to its end at the last moment.
            return
        finally:
            # A worker that has answered makes another call by now.
            self._keeper.pool.pump()
            number = self._keeper.pool.worker_of(self._future)
            if number is not None:
                self._keeper.kill(number, text)
