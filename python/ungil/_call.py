"""Calls with options: a deadline, further attempts, a priority, a name, a stop token, context variables.

`Options` is what an executor's `options` returns, and `Call` what such a submission has a thread call in place of the
function itself.
"""

from __future__ import annotations

import contextvars
import math
import weakref
from concurrent.futures import InvalidStateError
from dataclasses import dataclass, replace
from functools import partial

from ungil import _timer
from ungil._executor import Executor
from ungil._future import Future
from ungil._thread import StopRequested, StopToken, with_token

TYPE_CHECKING = False
if TYPE_CHECKING:
    import concurrent.futures
    from collections.abc import Callable, Iterable, Mapping
    from typing import Any, Protocol, TypeVar

    T = TypeVar("T")

    class _Pool(Protocol):
        """What options need of an executor."""

        def _submit_with(
            self, settings: Settings, fn: Callable[..., T], args: tuple[Any, ...], kwargs: dict[str, Any]
        ) -> Future[T]: ...
        def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None: ...


__all__ = ("Call", "Options", "Retry", "Settings")


@dataclass(frozen=True, slots=True)
class Retry:
    """How often, for which exceptions and how soon a call is made again that has raised.

    The first further attempt comes after `backoff` seconds, and each later one after `factor` times as long as the one
    before, up to `max_backoff`. What the last attempt raises is what the call raises.

    Attributes:
        count: how many further attempts there are at most.
        exceptions: the class of exceptions, or a tuple of classes, after which there is one.
        backoff: the seconds before the first of them.
        factor: what they are multiplied by from one to the next.
        max_backoff: the most seconds.

    Example:
        >>> from ungil.futures import Retry
        >>> [Retry(5, backoff=0.1, max_backoff=0.5).delay(attempt) for attempt in range(5)]
        [0.1, 0.2, 0.4, 0.5, 0.5]
    """

    count: int
    exceptions: type[BaseException] | tuple[type[BaseException], ...] = Exception
    backoff: float = 0.0
    factor: float = 2.0
    max_backoff: float = 60.0

    def __post_init__(self) -> None:
        if self.count < 0:
            raise ValueError(f"count must be 0 or more, got {self.count}")
        if not (0 <= self.backoff < math.inf and self.factor >= 1 and 0 <= self.max_backoff < math.inf):
            raise ValueError(
                f"backoff and max_backoff must be 0 or more and finite, and factor 1 or more, got {self!r}"
            )

    def delay(self, attempt: int) -> float:
        """Return the seconds before a further attempt.

        Args:
            attempt: its number, from 0.

        Returns:
            The seconds.
        """
        try:
            return min(self.backoff * self.factor**attempt, self.max_backoff)
        except OverflowError:
            return self.max_backoff


@dataclass(frozen=True, slots=True)
class Settings:
    """The options of a call, as `ThreadPoolExecutor.options` has them."""

    timeout: float | None = None
    retry: Retry | None = None
    priority: int = 0
    name: str | None = None
    stop_token: bool = False
    context: bool = False
    block: bool = True
    log_unfetched: bool = False


class Options(Executor):
    """An executor with options: a light view, made by the `options` of the executors.

    It submits to the executor that it was made from, and ends nothing of it.
    """

    def __init__(self, executor: _Pool, settings: Settings) -> None:
        self._executor = executor
        self._settings = settings

    def __repr__(self) -> str:
        return f"<ungil.Options of {self._executor!r}: {self._settings!r}>"

    def options(self, **changed: Any) -> Options:
        """Return a view with some options changed.

        Args:
            **changed: as for `ThreadPoolExecutor.options`.

        Returns:
            The view.

        Raises:
            TypeError: there is no such option, or its value is of a wrong type.
            ValueError: its value is out of range.
        """
        if isinstance(changed.get("retry"), int):
            changed["retry"] = Retry(changed["retry"])
        settings = replace(self._settings, **changed)
        if settings.timeout is not None and not settings.timeout >= 0:
            raise ValueError(f"timeout must be 0 seconds or more, or None, got {settings.timeout!r}")
        if not isinstance(settings.priority, int):
            raise TypeError(f"priority must be an int, got {settings.priority!r}")
        if not isinstance(settings.retry, Retry | None):
            raise TypeError(f"retry must be an int, a Retry or None, got {settings.retry!r}")
        return Options(self._executor, settings)

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        """Have `fn(*args, **kwargs)` called by the executor, with the options.

        Args:
            fn: what is called.
            *args: its positional arguments.
            **kwargs: its keyword arguments.

        Returns:
            The future of what comes of it. Its `cancel`, while the call runs, asks for a stop.

        Raises:
            RuntimeError: the executor was shut down.
            queue.Full: as many calls wait as may, and `block` is false.
        """
        return self._executor._submit_with(self._settings, fn, args, kwargs)

    def _weakly(self) -> Callable[[], Options | None]:
        executor_reference, settings = weakref.ref(self._executor), self._settings

        def view() -> Options | None:
            executor = executor_reference()
            return None if executor is None else Options(executor, settings)

        return view

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Shut the executor down that this is a view of.

        Args:
            wait: as for `Executor.shutdown`.
            cancel_futures: as for `Executor.shutdown`.
        """
        self._executor.shutdown(wait, cancel_futures=cancel_futures)


class Call:
    """A call with options, to be made by a thread of an executor."""

    __slots__ = ("_args", "_context", "_fn", "_future", "_kwargs", "_name", "_settings", "stop_token")

    def __init__(
        self,
        fn: Callable[..., object],
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
        settings: Settings,
        future: concurrent.futures.Future[Any],
    ) -> None:
        self._fn = fn
        self._name = settings.name or getattr(fn, "__qualname__", repr(fn))
        self._args: Iterable[Any] = args
        self._kwargs = kwargs
        self._settings = settings
        self._future: concurrent.futures.Future[Any] | None = future
        self._context = contextvars.copy_context() if settings.context else None
        self.stop_token = StopToken()
        if settings.stop_token:
            self._args, self._kwargs = with_token(self, fn, args, kwargs)
            if self._args is args and self._kwargs is kwargs:
                # It asks for none by an annotation.
                self._kwargs = {**kwargs, "stop_token": self.stop_token}

    def prepare(self, prepared: Callable[..., Any]) -> None:
        """Have what `prepared` makes of the function called in its place."""
        self._fn = prepared(self._fn)

    @property
    def _trace_name(self) -> object:
        return self._name

    def __call__(self) -> object:
        timeout = self._settings.timeout
        # What the call raises has its frames, and must not keep the future, which has what it raises.
        future, self._future = self._future, None
        if timeout is None or timeout == math.inf:
            del future
            return self._attempts()
        assert future is not None
        alarm = _timer.call_later(timeout, partial(self._time_out, future))
        del future
        try:
            return self._attempts()
        finally:
            alarm.cancel()

    def _attempts(self) -> object:
        retry = self._settings.retry
        for attempt in range(retry.count) if retry is not None else ():
            assert retry is not None
            try:
                return self._once()
            except StopRequested:
                raise
            except retry.exceptions:
                # Nobody waits for one that was cancelled or has come to its deadline meanwhile.
                if self.stop_token.wait(retry.delay(attempt)):
                    raise
        return self._once()

    def _once(self) -> object:
        if self._context is None:
            return self._fn(*self._args, **self._kwargs)
        return self._context.run(self._fn, *self._args, **self._kwargs)

    def _time_out(self, future: concurrent.futures.Future[Any]) -> None:
        try:
            future.set_exception(
                TimeoutError(f"{self._name} was not over within its timeout of {self._settings.timeout} s")
            )
        except InvalidStateError:
            # It came to its end at the last moment.
            return
        except BaseException:
            # From a callback; the future has its end.
            self.stop_token.request_stop()
            raise
        # Not before, or the call might end as one that was stopped.
        self.stop_token.request_stop()


Options.__module__ = Retry.__module__ = "ungil.futures"
