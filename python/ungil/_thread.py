"""`Thread`, which keeps what its target returned and can be asked to stop; `StopToken`, `StopRequested` and `Timer`.

To a program written for `threading`, a `Thread` is a standard one: made, started, reported and shown as such, with the
attributes that subclasses use. What is added asks nothing of a subclass: the outcome is recorded around `run`, whoever
defined it. `_task_group.py` has groups of threads.
"""

from __future__ import annotations

import sys
import threading
from types import BuiltinFunctionType, FunctionType, GenericAlias, MethodType

from ungil._core import Event

# Type checkers know the name: `typing`, which has it, takes longer to import than all the rest.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from types import TracebackType
    from typing import Any, Generic, Protocol

    from typing_extensions import TypeVar

    R = TypeVar("R", covariant=True, default=Any)

    class HasToken(Protocol):
        """What has a stop token."""

        @property
        def stop_token(self) -> StopToken: ...

    class _Standard(threading.Thread, Generic[R]):
        """The standard class, generic in what the target returns, with what its stubs leave out."""

        _target: Callable[..., Any] | None
        _args: Iterable[Any]
        _kwargs: Mapping[str, Any]
        _invoke_excepthook: Callable[[threading.Thread], object]
        _started: threading.Event
        _tstate_lock: object

        def __init__(
            self,
            group: None = None,
            target: Callable[..., R] | None = None,
            name: str | None = None,
            args: Iterable[Any] = (),
            kwargs: Mapping[str, Any] | None = None,
            *,
            daemon: bool | None = None,
            **options: Any,
        ) -> None: ...

        def _bootstrap_inner(self) -> None: ...
        def _wait_for_tstate_lock(self, block: bool, timeout: float) -> None: ...

else:
    R = None

    class _Standard(threading.Thread):
        # As `queue.Queue` has it: a real `Generic` would leave `class Worker(Generic[T], Thread)` without an order of
        # bases.
        __class_getitem__ = classmethod(GenericAlias)


__all__ = ("StopRequested", "StopToken", "Thread", "Timer", "with_token")


class StopRequested(BaseException):
    """Raised by `StopToken.raise_if_stopped` in a thread that was asked to stop.

    A thread may let it pass: it then ends without a report by `threading.excepthook`, and `Thread.result` raises it. It
    is no `Exception`, so that a worker's `except Exception` does not keep the worker from stopping.

    Example:
        >>> from ungil.threading import StopRequested, StopToken
        >>> token = StopToken()
        >>> token.request_stop()
        >>> try:
        ...     token.raise_if_stopped()
        ... except StopRequested as reason:
        ...     print(reason)
        a stop was requested
    """


class StopToken:
    """Tells those who look at it that they were asked to stop.

    A request is made once and for all. Any number of threads may share a token, and each of them may call all methods.

    Example:
        >>> from ungil.threading import StopToken, Thread
        >>> def pump(token: StopToken) -> str:
        ...     while not token.wait(0.01):
        ...         pass  # a turn's work
        ...     return "stopped"
        >>> thread = Thread(target=pump)
        >>> thread.start()
        >>> thread.stop()
        >>> thread.result()
        'stopped'
    """

    __slots__ = ("__weakref__", "_event")

    def __init__(self) -> None:
        self._event = Event()

    def __repr__(self) -> str:
        state = "stop requested" if self.stop_requested else "no stop requested"
        return f"<ungil.{type(self).__name__} at {id(self):#x}: {state}>"

    @property
    def stop_requested(self) -> bool:
        """Whether a stop was requested.

        Example:
            >>> from ungil.threading import StopToken
            >>> StopToken().stop_requested
            False
        """
        return self._event.is_set()

    def request_stop(self) -> None:
        """Ask for a stop, and wake those who `wait`; a further request changes nothing.

        Example:
            >>> from ungil.threading import StopToken
            >>> token = StopToken()
            >>> token.request_stop()
            >>> token.stop_requested
            True
        """
        self._event.set()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until a stop is requested: the `time.sleep` of a thread that can be stopped.

        Args:
            timeout: the most seconds to wait; None waits without end.

        Returns:
            Whether a stop was requested.

        Example:
            >>> from ungil.threading import StopToken
            >>> StopToken().wait(timeout=0.001)
            False
        """
        return self._event.wait(timeout)

    def raise_if_stopped(self) -> None:
        """Raise if a stop was requested, and do nothing otherwise.

        Raises:
            StopRequested: a stop was requested.

        Example:
            >>> from ungil.threading import StopToken
            >>> StopToken().raise_if_stopped()
        """
        if self._event.is_set():
            raise StopRequested("a stop was requested")


class _Own:
    """An attribute of a thread that is made when it is first asked for, unless a subclass has set one of its name."""

    def __init__(self, make: Callable[[], object]) -> None:
        self._make = make

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, thread: Thread[Any] | None, owner: type) -> Any:
        return self if thread is None else vars(thread).setdefault(self._name, self._make())


class Thread(_Standard[R]):
    """A `threading.Thread`, made as such, that has a result and can be asked to stop.

    A target asks for the thread's `StopToken` by a parameter that is annotated with it (`StopToken`, or `StopToken |
    None`; where annotations are text, the name counts), that neither `args` nor `kwargs` fill, and that has no default,
    or None. The token is passed by its name, or as the next argument if the parameter is positional only. A subclass
    that overrides `run` finds it in `self.stop_token`.

    For a type checker, `Thread[int]` is a thread whose result is an `int`.

    Attributes:
        stop_token: the thread's token. Before the start, another may be put in its place.

    Example:
        >>> from ungil.threading import Thread
        >>> thread = Thread(target=sum, args=([1, 2, 3],))
        >>> thread.start()
        >>> thread.result()
        6
    """

    stop_token: StopToken = _Own(StopToken)  # type: ignore[assignment]  # which is what it gives
    # The thread writes these before its end, and they are read after it. The names are mangled, since subclasses have
    # a `_value` or a `_failure` of their own.
    __over = _Own(Event)
    __value: Any = None
    __failure: BaseException | None = None
    __traceback: TracebackType | None = None
    __own_run: Callable[[], Any] | None = None

    def run(self) -> Any:
        """Call the target with its arguments; a subclass may override it, with or without calling this one.

        Returns:
            What the target returned.

        Example:
            >>> from ungil.threading import Thread
            >>> class Doubled(Thread):
            ...     def run(self):
            ...         return 2 * super().run()
            >>> thread = Doubled(target=max, args=(3, 4))
            >>> thread.start()
            >>> thread.result()
            8
        """
        try:
            if self._target is not None:
                self.__value = self._target(*self._args, **self._kwargs)
        finally:
            # As in the standard class: what they refer to may refer to the thread.
            del self._target, self._args, self._kwargs
        return self.__value

    def result(self, timeout: float | None = None) -> R:
        """Wait for the thread's end, and return what it returned or raise what it raised.

        May be called again, and from any thread but itself. The exception is the same object each time, with the
        traceback that it had in the thread.

        Args:
            timeout: the most seconds to wait; None waits without end.

        Returns:
            What `run` returned; or, if that is None, what the target returned that `Thread.run` called.

        Raises:
            TimeoutError: the thread was not over in time.
            RuntimeError: the thread was not started, or is the one that asks, or was lost when the process forked.

        Example:
            >>> from ungil.threading import Thread
            >>> thread = Thread(target=len, args=("four",))
            >>> thread.start()
            >>> thread.result(timeout=60)
            4
        """
        # Not `self.join`, which subclasses override with other parameters and results.
        super().join(timeout)
        if super().is_alive():
            raise TimeoutError(f"{self.name} was not over after {timeout} s")
        if not self.__over.is_set():
            raise RuntimeError(f"{self.name} has no result: it was running when the process forked")
        if self.__failure is not None:
            # The traceback is set anew, or it would grow by the frames of each call.
            raise self.__failure.with_traceback(self.__traceback)
        value: R = self.__value
        return value

    def stop(self) -> None:
        """Ask the thread to stop, and return at once; one that does not look at its token runs on.

        May be called before the start, after the end, and from any thread.

        Example:
            >>> from ungil.threading import Thread
            >>> thread = Thread()
            >>> thread.stop()
            >>> thread.stop_token.stop_requested
            True
        """
        self.stop_token.request_stop()

    def _bootstrap_inner(self) -> None:
        # From here the standard class calls `self.run()`, whoever defined it: this once it finds `__record`.
        self.__own_run = vars(self).get("run")
        vars(self)["run"] = self.__record
        try:
            super()._bootstrap_inner()
            if isinstance(self.__failure, (StopRequested, SystemExit)):
                # An end that was meant needs no traceback, whose frames hold the thread and what it worked with.
                self.__failure.__traceback__ = self.__traceback = None
        finally:
            self.__over.set()

    def __record(self) -> None:
        """Call `run`, and keep what becomes of it."""
        del vars(self)["run"]
        if self.__own_run is not None:
            vars(self)["run"] = self.__own_run
        try:
            target = vars(self).get("_target")
            if target is not None:
                self._args, self._kwargs = with_token(self, target, self._args, self._kwargs)
            value = self.run()
            if value is not None:
                self.__value = value
        except BaseException as failure:
            # The traceback's frames hold the thread, so that one that failed is freed by the collector, not at once.
            self.__failure = failure
            self.__traceback = failure.__traceback__ and failure.__traceback__.tb_next  # without this frame
            if not isinstance(failure, StopRequested):
                raise

    if sys.version_info < (3, 13):

        def _wait_for_tstate_lock(self, block: bool = True, timeout: float = -1) -> None:
            # `join` and `is_alive` look here for the end. The standard method takes the thread for over when Ctrl-C
            # interrupts it, so it is asked after the end only, or when a fork took the thread and with it the lock.
            patience = 0 if not block else None if timeout < 0 else timeout
            if self._tstate_lock is None or self.__over.wait(patience):
                super()._wait_for_tstate_lock(block, timeout)


class Timer(Thread):
    """A thread that calls a function after some time, as `threading.Timer`; its result is what the function returned.

    The function may ask for the thread's `StopToken`, as the target of a `Thread`.

    Attributes:
        interval: the seconds to wait.
        function: what is called.
        args: its positional arguments.
        kwargs: its keyword arguments.
        finished: an event that is set when the timer is cancelled or the function has returned.

    Example:
        >>> from ungil.threading import Timer
        >>> timer = Timer(0.001, max, args=[3, 4])
        >>> timer.start()
        >>> timer.result()
        4
    """

    def __init__(
        self,
        interval: float,
        function: Callable[..., object],
        args: Iterable[Any] | None = None,
        kwargs: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__()
        self.interval = interval
        self.function = function
        self.args = args if args is not None else []
        self.kwargs = kwargs if kwargs is not None else {}
        self.finished = Event()

    def cancel(self) -> None:
        """Keep the function from being called, if it has not been; the result is then None.

        Example:
            >>> from ungil.threading import Timer
            >>> timer = Timer(3600, print)
            >>> timer.start()
            >>> timer.cancel()
            >>> timer.join()
        """
        self.finished.set()

    def stop(self) -> None:
        """Cancel the timer, and ask its function to stop if that runs already.

        Example:
            >>> from ungil.threading import Timer
            >>> timer = Timer(3600, print)
            >>> timer.start()
            >>> timer.stop()
            >>> timer.join()
        """
        super().stop()
        self.cancel()

    def run(self) -> Any:
        """Wait, and call the function unless the timer is cancelled.

        Returns:
            What the function returned, or None.
        """
        self.finished.wait(self.interval)
        value = None
        if not self.finished.is_set():
            args, kwargs = with_token(self, self.function, self.args, self.kwargs)
            value = self.function(*args, **kwargs)
        self.finished.set()
        return value


def with_token(
    owner: HasToken, target: Callable[..., object], args: Iterable[Any], kwargs: Mapping[str, Any]
) -> tuple[Iterable[Any], Mapping[str, Any]]:
    """Return the arguments of a target, and the owner's stop token among them if the target asks for one.

    Args:
        owner: what has the token, which is read only if it is asked for.
        target: what is to be called; `Thread` says how it asks.
        args: its positional arguments.
        kwargs: its keyword arguments.

    Returns:
        The same two, if the target does not ask; or else others.
    """
    # Most targets that do not are known without `inspect`, which takes long to import. Of the annotations it is enough
    # that there are some: Python 3.14 evaluates them when they are read, which may fail.
    if isinstance(target, BuiltinFunctionType):
        return args, kwargs
    if isinstance(target, (FunctionType, MethodType)) and not (
        getattr(target, "__annotate__", None) or getattr(target, "__annotations__", True)
    ):
        return args, kwargs
    import inspect

    options: dict[str, Any] = {}
    if sys.version_info >= (3, 14):
        from annotationlib import Format

        options["annotation_format"] = Format.FORWARDREF
    args = tuple(args)
    try:
        signature = inspect.signature(target, **options)
        filled = signature.bind_partial(*args, **kwargs).arguments
        asking = [
            (position, parameter)
            for position, parameter in enumerate(signature.parameters.values())
            if parameter.name not in filled
            and (parameter.default is parameter.empty or parameter.default is None)
            and _is_token(parameter.annotation)
        ]
    except Exception:
        # There is no signature, or the arguments do not fit, which the call itself will say.
        return args, kwargs
    for position, parameter in asking:
        if parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
            kwargs = {**kwargs, parameter.name: owner.stop_token}
        elif parameter.kind is parameter.POSITIONAL_ONLY and position == len(args):
            args = (*args, owner.stop_token)
    return args, kwargs


def _is_token(annotation: object) -> bool:
    """Return whether an annotation means a `StopToken`, or that or None."""
    text = getattr(annotation, "__forward_arg__", annotation)
    if not isinstance(text, str):
        return annotation is StopToken or annotation == (StopToken | None)
    for sign in "[]|,'\"":
        text = text.replace(sign, " ")
    names = {name.rpartition(".")[2] for name in text.split()}
    return "StopToken" in names and names <= {"StopToken", "None", "Optional", "Union"}


for _public in (StopRequested, StopToken, Thread, Timer):
    _public.__module__ = "ungil.threading"
