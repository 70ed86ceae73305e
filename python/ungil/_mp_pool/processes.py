"""The workers of a `Pool`: processes of the pool that `ungil.futures.ProcessPoolExecutor` has, too.

Other than an executor's they are all started at once, and replaced when they end; they begin with the initializer; and
they have the parent's main module (`main_module.py`).
"""

from __future__ import annotations

import os
import pickle
from multiprocessing.pool import MaybeEncodingError, RemoteTraceback  # type: ignore[attr-defined]

from ungil import _core
from ungil._future import Future
from ungil._process_pool.executor import settings_of
from ungil._process_pool.explained import REFUSALS, culprit, explained
from ungil._process_pool.keeper import Keeper
from ungil._process_pool.main_module import ForkedMain, ImportedMain
from ungil._process_pool.pickles import carried, head_of, pickled_call
from ungil._process_pool.worker_process import WorkerDied, WorkerProcess

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ungil._process_pool.main_module import MainModule

__all__ = ("Processes",)

# What worker processes are called, by the start method.
_NAMES = {"fork": "ForkPoolWorker", "spawn": "SpawnPoolWorker", "forkserver": "ForkServerPoolWorker"}


class Processes:
    """Makes calls in processes.

    Args:
        count: how many.
        initializer: what each calls first; or None.
        initargs: its arguments.
        max_tasks: after so many calls a process is replaced; 0 for never.
        method: the start method.
    """

    is_ended_at_once = True

    def __init__(
        self,
        count: int,
        initializer: Callable[..., object] | None,
        initargs: tuple[Any, ...],
        max_tasks: int,
        method: str,
    ) -> None:
        is_fork = method == "fork"
        self._main: MainModule | None = ForkedMain() if is_fork else ImportedMain.find()
        settings = settings_of(is_fork)
        settings |= {"is_pool": True, "main": self._main, "name": _NAMES[method], "parent": os.getpid()}
        prologue = None if initializer is None else (initializer, tuple(initargs))
        self._keeper = _Keeper(settings, prologue, None, is_fork, breaks=False)
        self._pool = self._keeper.pool = _core._ProcessPool(self._keeper, count, 0, max_tasks)
        try:
            self.fill()
        except BaseException:
            self.terminate()
            self.join()
            raise

    def submit(self, fn: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Future[Any], int]:
        """Have a call made; as `Workers`."""
        future: Future[Any] = Future()
        head = None if kwargs else head_of(fn)
        if head is not None and (n_sent := self._pool.submit_plain(future, head, args)):
            return future, n_sent
        try:
            data, buffers, kept = pickled_call(fn, args, kwargs, self._main)
        except Exception as failure:
            future.set_running_or_notify_cancel()
            future.set_exception(_refused(failure, fn, args, kwargs))
            return future, 0
        self._pool.submit(future, data, buffers, kept)
        return future, len(data) if buffers is None else len(data) + sum(buffer.nbytes for buffer in buffers)

    def for_many(self, fn: Callable[..., Any]) -> Any:
        """Return what stands for a function in many calls; as `Workers`."""
        try:
            return carried(fn, self._main)
        except Exception:
            # Each of the calls will tell.
            return fn

    def close(self) -> None:
        """Take no more calls; as `Workers`."""
        self._keeper.release()

    def terminate(self) -> None:
        """Fail all calls and end the processes; as `Workers`."""
        self._pool.break_down("Pool not running", self.refusal())
        self._keeper.terminate()
        self._keeper.release()

    def refusal(self) -> Exception:
        """Return what calls fail with that are not made any more; as `Workers`."""
        return WorkerDied("the pool was terminated before the call was made")

    def join(self) -> None:
        """Wait until no process is left; as `Workers`."""
        self._keeper.join()

    def fill(self) -> None:
        """Start the processes that are missing; as `Workers`."""
        self._pool.fill()

    def listed(self) -> list[WorkerProcess]:
        """Return the processes; as `Workers`."""
        return [WorkerProcess(pid, number, self._keeper) for number, pid in sorted(self._keeper.pids().items())]

    def count(self) -> int:
        """Return how many there are; as `Workers`."""
        return self._pool.census()[0]


class _Keeper(Keeper):
    """Keeps the processes of a `Pool`, which are replaced when they end, and whose errors are the standard ones."""

    def raised(self, data: bytes) -> BaseException:
        """Read what a call raised."""
        own, _, problem, text, of_initializer = pickle.loads(data)  # noqa: S301 -- from our own process
        failure: BaseException
        if own is None and not of_initializer:
            failure = MaybeEncodingError(pickle.PicklingError(problem), text.strip().rpartition("\n")[2])
        else:
            failure = super().raised(data)
        failure.__cause__ = RemoteTraceback(f'\n"""\n{text}"""')
        return failure

    def terminate(self) -> None:
        """End all processes."""
        self.is_terminated = True
        for number in list(self._workers):
            self.kill(number, "its pool was terminated")

    def _lose(self, number: int, exitcode: int | None, problem: str | None) -> None:
        super()._lose(number, exitcode, problem)
        if exitcode == 0 and not self.pool.is_shut_down:
            # Of itself, or since it has made as many calls as it may; the others are counted already.
            text = "the worker processes end, with exit code 0, before they make a call"
            self._count_death(0, WorkerDied(text, exitcode=exitcode))
        if problem is None:
            self.pool.fill()


def _refused(failure: Exception, fn: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Exception:
    """Return what is raised for a call that cannot be pickled: the pickler's exception, or that of an object's own."""
    name = getattr(fn, "__qualname__", repr(fn))
    named: dict[str, object] = {f"the function {name}": fn}
    named |= {f"argument {n} of {name}": arg for n, arg in enumerate(args)}
    named |= {f"argument {key} of {name}": arg for key, arg in kwargs.items()}
    if isinstance(failure, REFUSALS):
        return explained(failure, named)
    failure.add_note(f"{culprit(named)} cannot be pickled")
    return failure
