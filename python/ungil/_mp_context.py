"""The contexts of `ungil.multiprocessing`: the standard library's start methods, with what is ours.

The default is `forkserver` where there is one, and never `fork`: the child of a process that has threads may wait for
ever for a lock that one of them held. CPython 3.14 made the same choice.
"""

from __future__ import annotations

import multiprocessing as standard
import sys
from multiprocessing import context, process

if sys.platform == "linux":
    from ungil import _mp_queues as queues
    from ungil import _mp_synchronize as synchronize
    from ungil._connection import Connection, Pipe
else:
    from multiprocessing import Pipe, queues, synchronize
    from multiprocessing.connection import Connection

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

__all__ = ("DEFAULT", "Connection", "Context", "Pipe", "Process")


class Context:
    """What the contexts of all start methods have in common: the standard library's, but for what is ours."""

    def Pipe(self, duplex: bool = True) -> tuple[Connection, Connection]:  # noqa: N802 -- the standard library's name
        """Return two ends of a pipe; `ungil.multiprocessing.Pipe`."""
        return Pipe(duplex)

    def Lock(self) -> Any:  # noqa: N802 -- as above
        """Return a lock; `ungil.multiprocessing.Lock`."""
        return synchronize.Lock(ctx=self.get_context())

    def RLock(self) -> Any:  # noqa: N802 -- as above
        """Return a recursive lock; `ungil.multiprocessing.RLock`."""
        return synchronize.RLock(ctx=self.get_context())

    def Condition(self, lock: Any = None) -> Any:  # noqa: N802 -- as above
        """Return a condition; `ungil.multiprocessing.Condition`."""
        return synchronize.Condition(lock, ctx=self.get_context())

    def Semaphore(self, value: int = 1) -> Any:  # noqa: N802 -- as above
        """Return a semaphore; `ungil.multiprocessing.Semaphore`."""
        return synchronize.Semaphore(value, ctx=self.get_context())

    def BoundedSemaphore(self, value: int = 1) -> Any:  # noqa: N802 -- as above
        """Return a semaphore that refuses what is too much; `ungil.multiprocessing.BoundedSemaphore`."""
        return synchronize.BoundedSemaphore(value, ctx=self.get_context())

    def Event(self) -> Any:  # noqa: N802 -- as above
        """Return a flag; `ungil.multiprocessing.Event`."""
        return synchronize.Event(ctx=self.get_context())

    def Barrier(self, parties: int, action: Any = None, timeout: float | None = None) -> Any:  # noqa: N802 -- as above
        """Return a barrier; `ungil.multiprocessing.Barrier`."""
        return synchronize.Barrier(parties, action, timeout, ctx=self.get_context())

    def Queue(self, maxsize: int = 0) -> Any:  # noqa: N802 -- as above
        """Return a queue; `ungil.multiprocessing.Queue`."""
        return queues.Queue(maxsize, ctx=self.get_context())

    def JoinableQueue(self, maxsize: int = 0) -> Any:  # noqa: N802 -- as above
        """Return a queue of tasks; `ungil.multiprocessing.JoinableQueue`."""
        return queues.JoinableQueue(maxsize, ctx=self.get_context())

    def SimpleQueue(self) -> Any:  # noqa: N802 -- as above
        """Return a queue without a bound; `ungil.multiprocessing.SimpleQueue`."""
        return queues.SimpleQueue(ctx=self.get_context())

    def Pool(  # noqa: N802 -- as above
        self,
        processes: int | None = None,
        initializer: Callable[..., object] | None = None,
        initargs: Iterable[Any] = (),
        maxtasksperchild: int | None = None,
    ) -> Any:
        """Return a pool of processes; `ungil.multiprocessing.pool.Pool`."""
        from ungil.multiprocessing.pool import Pool

        return Pool(processes, initializer, initargs, maxtasksperchild, context=self.get_context())

    def get_context(self, method: str | None = None) -> Any:
        """Return the context of a start method, or this one."""
        if method is None:
            return self
        try:
            made = _CONTEXTS[method]
        except KeyError:
            raise ValueError(f"cannot find context for {method!r}") from None
        made._check_available()
        return made


class ForkContext(Context, context.ForkContext):
    """Children are forks of this process."""


class SpawnContext(Context, context.SpawnContext):
    """Children are new interpreters."""


class ForkServerContext(Context, context.ForkServerContext):
    """Children are forks of a process that has no threads."""


_CONTEXTS: dict[str, Any] = {"fork": ForkContext(), "spawn": SpawnContext(), "forkserver": ForkServerContext()}


class Process(process.BaseProcess):
    """A process, started by the default start method, which is its own too; `multiprocessing.Process`."""

    _start_method: str | None = None

    @staticmethod
    def _Popen(process_obj: Any) -> Any:  # noqa: N802 -- the standard library's name
        before = standard.get_start_method(allow_none=True)
        process_obj._parents_method = DEFAULT.get_start_method()
        try:
            return DEFAULT.get_context().Process._Popen(process_obj)
        finally:
            if before is None:
                # What tells a child how it is started asks the standard library, and so settles its default.
                standard.set_start_method(None, force=True)

    @staticmethod
    def _after_fork() -> None:
        DEFAULT.get_context().Process._after_fork()

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Take over, in the child, the start method of the parent."""
        vars(self).update(state)
        if DEFAULT.get_start_method(allow_none=True) is None:
            DEFAULT.set_start_method(vars(self)["_parents_method"])


class DefaultContext(Context, context.BaseContext):
    """The context that is asked for by no name; its start method may be set once."""

    Process = Process

    def __init__(self) -> None:
        methods = standard.get_all_start_methods()
        self._default = _CONTEXTS["forkserver" if "forkserver" in methods else "spawn"]
        self._actual: Any = None

    def get_context(self, method: str | None = None) -> Any:
        """Return the context of a start method; of the default one, which is settled by that."""
        if method is not None:
            return super().get_context(method)
        if self._actual is None:
            self._actual = self._default
        return self._actual

    def set_start_method(self, method: str | None, force: bool = False) -> None:
        """Set the default start method, once, or again with `force`; None unsets it.

        Raises:
            RuntimeError: it is settled already.
            ValueError: there is no such start method here.
        """
        if self._actual is not None and not force:
            raise RuntimeError("context has already been set")
        self._actual = None if method is None and force else self.get_context(method)

    def get_start_method(self, allow_none: bool = False) -> Any:
        """Return the name of the default start method, which is settled by that unless `allow_none`."""
        if self._actual is None:
            if allow_none:
                return None
            self._actual = self._default
        return self._actual._name

    def get_all_start_methods(self) -> list[str]:
        """Return the start methods that there are here, the default one first."""
        methods = standard.get_all_start_methods()
        return sorted(methods, key=lambda name: name != self._default._name)


DEFAULT = DefaultContext()
