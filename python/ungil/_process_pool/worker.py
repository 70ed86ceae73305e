"""What a worker process runs: it takes calls from its link, makes them, and answers.

It imports little: see `server.py`.
"""

from __future__ import annotations

import os
import sys
import time
import types
from _pickle import UnpicklingError, dumps, loads

from ungil import _core
from ungil._process_pool import identity, passing
from ungil._process_pool.pickles import pickled, read_call, read_plain

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal
    from collections.abc import Callable
    from typing import Any

    from ungil._process_pool.main_module import WorkersMain

    Prologue = tuple[Callable[..., object], tuple[Any, ...]]
    # What a message is, its pickle, the buffers that are not in it, and what is to be kept until it is read. Or that it
    # needs no pickle, and the result.
    _Answer = tuple[int, Any, list[Any] | None, list[Any] | None]
else:
    import _signal as signal

__all__ = ("main",)


def main(number: int, fds: list[int], parent: int, prologue: Prologue | None) -> None:
    """Make the calls of a pool until it wants no more.

    Args:
        number: the worker's, in its pool.
        fds: the descriptors of the link's memory, its socket, the arenas of calls and of answers, standard error, a
            file with the executor's settings, and those that are passed on.
        parent: the process with which this one is to end.
        prologue: what is called first, and its arguments, if that has come by a fork.
    """
    memory, doorbell, calls, answers, errors, settings_fd, *passed = fds
    _core._die_with_parent(parent)
    os.dup2(errors, 2)
    os.close(errors)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    # Not by a place in the file, which all workers share.
    settings = loads(os.pread(settings_fd, os.fstat(settings_fd).st_size, 0))
    os.close(settings_fd)
    _settle(settings)
    passing.receive(passed, settings["authkey"])
    link = _core._WorkerLink(memory, doorbell, calls, answers)
    worker = _Worker(link, settings.get("prologue", prologue), settings["main"], settings["is_pool"])
    if settings["is_pool"]:
        identity.assume(settings["name"], number + 1, settings["parent"])
    elif settings["is_fork"]:
        identity.begin_anew()
    worker.run()
    identity.leave()


def _settle(settings: dict[str, Any]) -> None:
    """Make this process look as the parent did when it made the executor."""
    sys.path[:] = settings["path"]
    sys.argv[:] = settings["argv"]
    try:  # noqa: SIM105 -- its import takes long
        os.chdir(settings["cwd"])
    except OSError:
        # It is no more, or not for us.
        pass
    if dict(os.environ) != settings["environ"]:
        os.environ.clear()
        os.environ.update(settings["environ"])
    if not settings["is_fork"]:
        # The server's own is of no use to anybody.
        sys.modules["__main__"] = types.ModuleType("__main__")
    sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115 -- for as long as the process lives
    sys.stderr = open(2, "w", encoding="utf-8", errors="backslashreplace", buffering=1, closefd=False)  # noqa: SIM115
    if "numpy.random" in sys.modules:
        # All workers would draw the same numbers. The standard library sees to its own.
        sys.modules["numpy.random"].seed()
    if settings["max_memory"] is not None:
        import resource

        resource.setrlimit(resource.RLIMIT_DATA, (settings["max_memory"],) * 2)


_CALL, _PLAIN_CALL, _MADE, _FAILED = _core._CALL, _core._PLAIN_CALL, _core._MADE, _core._FAILED
_RETURNED, _PLAIN, _RAISED = _core._RETURNED, _core._PLAIN, _core._RAISED


# What needs no pickle, unless it is too long. A tuple may have anything in it.
_PLAIN_TYPES = frozenset({bool, bytes, float, int, str, type(None)})

# What is received of a call.
_OF_CALLS = frozenset({_CALL, _PLAIN_CALL, _MADE, _FAILED})


class _Worker:
    def __init__(
        self, link: _core._WorkerLink, prologue: bytes | Prologue | None, main: WorkersMain | None, is_pool: bool
    ) -> None:
        self._link = link
        # What it has of the parent's main module.
        self._main = main
        # It is one of a `multiprocessing.Pool`, which begins with the initializer, and has errors of its own.
        self._is_pool = is_pool
        # What is still to be called before the first call, or its pickle.
        self._prologue = prologue
        # Shared memory of answers that the parent may not have read, by the index of a block that it lets go of then.
        self._kept: list[tuple[int, list[Any]]] = []

    def run(self) -> None:
        """Make calls until the pool is no more, or wants no more."""
        signal.signal(signal.SIGINT, self._interrupt)
        if self._is_pool and self._prologue is not None:
            try:  # noqa: SIM105 -- its import takes long
                self._initialise(self._prologue)
            except BaseException:  # noqa: S110 -- as above
                # What it raises now it will raise again, and then there is a call to tell of it.
                pass
        link = self._link
        while True:
            # What goes without pickles it makes itself, but for the times when there is more to be done.
            link.may_call = self._prologue is None and not self._kept
            try:
                kind, number, data, buffers = link.receive()
            except EOFError:
                return None
            if kind not in _OF_CALLS:
                return self._linger()
            kind, data, buffers, kept = self._answer(kind, data, buffers)
            try:  # noqa: SIM105 -- in the shortest time
                # What a call has printed is there before what it returned.
                sys.stdout.flush()
            except (AttributeError, ValueError):
                # There is no standard output, or no more.
                pass
            if self._kept:
                # Before the answer: a block of it may have the index of one that the parent has let go of.
                self._kept = [each for each in self._kept if link.is_lent(each[0])]
            if kept:
                # One more buffer, which the parent lets go of when it has read the pickle.
                buffers = [*(buffers or ()), b"receipt"]
            try:
                if kind == _PLAIN:
                    if link.send_plain(number, data):
                        continue
                    kind, data = _RETURNED, dumps(data, 5)
                index = link.send(kind, number, data, buffers)
            except EOFError:
                return None
            except OSError as failure:
                # There is no memory for it.
                index = link.send(_RAISED, number, _raised(failure))
            if kept and index is not None:
                self._kept.append((index, kept))
            del data, buffers, kept

    def _linger(self) -> None:
        """Stay until the parent has read all answers, since it opens what this process has."""
        while any(self._link.is_lent(index) for index, _ in self._kept):
            time.sleep(0.001)

    def _answer(self, kind: int, data: Any, buffers: Any) -> _Answer:
        """Make a call, if it has not been made, and return what is to be answered; see `_WorkerLink.receive`."""
        try:
            if kind == _FAILED:
                return self._failed(buffers)
            fn, result = (data, buffers) if kind == _MADE else self._make(kind, data, buffers)
            if type(result) in _PLAIN_TYPES:
                return _PLAIN, result, None, None
            try:
                return _RETURNED, *pickled(result, self._main)
            except Exception as failure:
                name = getattr(fn, "__qualname__", repr(fn))
                raise self._refused(failure, f"the result of {name}", result) from None
        except BaseException as failure:
            self._link.may_interrupt = False
            return self._failed(failure)

    def _failed(self, failure: BaseException) -> _Answer:
        # An initializer that has not come to its end is tried again before the next call.
        of_initializer = self._prologue is not None
        return _RAISED, _raised(failure, self._main, of_initializer), None, None

    def _make(self, kind: int, data: Any, buffers: Any) -> tuple[object, object]:
        """Make a call, and return what was called and what it returned."""
        if self._prologue is not None:
            self._initialise(self._prologue)
        if self._main is not None:
            pickle = data[0] if kind == _PLAIN_CALL else data
            if isinstance(pickle, bytes):
                self._main.provide(pickle)
        try:
            fn, args, kwargs = read_plain(data) if kind == _PLAIN_CALL else read_call(data, buffers)
        except Exception as failure:
            raise UnpicklingError(
                f"the call cannot be unpickled in the worker process: {type(failure).__name__}: {failure}"
            ) from failure
        del data, buffers
        self._link.may_interrupt = True
        try:
            return fn, fn(*args, **kwargs)
        finally:
            self._link.may_interrupt = False

    def _refused(self, failure: Exception, name: str, value: object) -> Exception:
        """Return what is raised where something cannot be pickled."""
        from ungil._process_pool.explained import explained

        refusal = explained(failure, {name: value})
        if not self._is_pool:
            return refusal
        from multiprocessing import pool

        unsendable: Exception = pool.MaybeEncodingError(refusal, value)  # type: ignore[attr-defined]
        return unsendable

    def _initialise(self, prologue: bytes | Prologue) -> None:
        if isinstance(prologue, bytes):
            if self._main is not None:
                self._main.provide(prologue)
            read: Prologue = loads(prologue)
            prologue = read
        fn, args = self._prologue = prologue
        self._link.may_interrupt = True
        try:
            fn(*args)
        finally:
            self._link.may_interrupt = False
        self._prologue = None

    def _interrupt(self, number: int, frame: types.FrameType | None) -> None:
        """Raise `KeyboardInterrupt` in a call, and nowhere else: no answer is lost."""
        if self._link.may_interrupt:
            signal.default_int_handler(number, frame)


def _raised(failure: BaseException, main: WorkersMain | None = None, of_initializer: bool = False) -> bytes:
    """Return what is to be answered of an exception: its own pickle or why there is none, its name, its traceback."""
    import traceback

    from ungil._process_pool.explained import explained

    # From the call's own frames on.
    frames = failure.__traceback__
    while frames is not None and frames.tb_frame.f_code.co_filename == __file__:
        frames = frames.tb_next
    text = "".join(traceback.format_exception(type(failure), failure, frames))
    name = f"{type(failure).__module__}.{type(failure).__qualname__}"
    own, problem = None, ""
    # Its frames hold what the call worked with.
    failure.__traceback__ = None
    try:
        own = pickled(failure, main)[0]
    except Exception as refusal:
        problem = str(explained(refusal, {f"the exception {type(failure).__qualname__}": failure}))
    return dumps((own, name, problem, text, of_initializer), 5)
