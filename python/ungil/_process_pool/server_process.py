"""The parent's side of the process that starts workers (`server.py`): how it is started, and what it is told."""

from __future__ import annotations

import contextlib
import os
import pickle
import signal
import socket
import sys
import threading

from ungil._process_pool import server
from ungil._process_pool.fresh import become_as_new, has_one_thread

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any, NoReturn

__all__ = ("ServerProcess", "to_preload")

# Packages that are imported once by the server if the parent has imported them: they take long, start no threads that
# a fork would lose, and hold nothing that processes must not share.
_SAFE = frozenset({"numpy", "pandas", "scipy", "sklearn"})


class ServerProcess:
    """A process that starts workers: one for all executors, but for those whose workers are forks of this process."""

    _lock = threading.RLock()
    _shared: ServerProcess | None = None

    def __init__(self, pid: int, control: socket.socket) -> None:
        self._pid = pid
        self._control = control

    @classmethod
    def is_needed(cls) -> bool:
        """Return whether there is none for all yet."""
        return cls._shared is None

    @classmethod
    def open_shared(cls, session: socket.socket, preload: Iterable[str], may_fork: bool) -> None:
        """Open a session with the one for all, which is started if it does not run.

        Args:
            session: the server's end of it.
            preload: as `open` has it.
            may_fork: whether a fork of this process may be the server (`fresh.py`); not if it has threads by now.
        """
        with cls._lock:
            if cls._shared is not None:
                try:
                    return cls._shared.open(session, preload)
                except OSError:
                    # It has ended.
                    cls._shared.close()
                    cls._shared = None
            ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            with theirs:
                pid = _forked(theirs, ours) if may_fork and has_one_thread() else _started(theirs)
                cls._shared = cls(pid, ours)
            cls._shared._send({"path": sys.path})
            return cls._shared.open(session, preload)

    @classmethod
    def forked(cls, prologue: tuple[Any, tuple[Any, ...]] | None) -> ServerProcess:
        """Start one that is a fork of this process; `prologue` is what its workers call first, and its arguments."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        for stream in (sys.stdout, sys.stderr):
            # What is in their buffers would be written twice.
            with contextlib.suppress(AttributeError, ValueError):
                stream.flush()
        with theirs:
            return cls(_fork(lambda parent: server.serve(theirs, parent, prologue), ours), ours)

    @classmethod
    def end_shared(cls) -> None:
        """Have the one for all end, if there is one, and wait for that."""
        if cls._shared is not None:
            cls._shared.close()
            cls._shared = None

    @classmethod
    def forget_shared(cls) -> None:
        """In a forked child: the one for all is the parent's."""
        cls._lock = threading.RLock()
        if cls._shared is not None:
            cls._shared.forget()
            cls._shared = None

    def open(self, session: socket.socket, preload: Iterable[str]) -> None:
        """Open a session, after importing some modules."""
        self._send({"preload": list(preload)}, session.fileno())

    def close(self) -> None:
        """Have it end, and wait for that."""
        self._control.close()
        with contextlib.suppress(ChildProcessError):
            os.waitpid(self._pid, 0)

    def forget(self) -> None:
        """In a forked child: it is the parent's."""
        self._control.close()

    def _send(self, message: dict[str, Any], *fds: int) -> None:
        socket.send_fds(self._control, [pickle.dumps(message)], list(fds))


def _started(control: socket.socket) -> int:
    """Start a server in a new interpreter, and return the number of its process."""
    from multiprocessing.util import _args_from_interpreter_flags, spawnv_passfds  # type: ignore[attr-defined]

    source = f"from ungil._process_pool.server import main; main({control.fileno()}, {os.getpid()})"
    executable = os.fsencode(sys.executable)
    args = [executable, *map(os.fsencode, _args_from_interpreter_flags()), b"-c", os.fsencode(source)]
    pid: int = spawnv_passfds(executable, args, [control.fileno()])
    return pid


def _forked(control: socket.socket, ours: socket.socket) -> int:
    """Start a server in a fork of this process, and return the number of its process."""

    def serve(parent: int) -> NoReturn:
        become_as_new(control.fileno())
        server.serve(control, parent)

    return _fork(serve, ours)


def _fork(serve: Callable[[int], NoReturn], ours: socket.socket) -> int:
    """Return the number of a child that serves this process, whose number is told."""
    parent = os.getpid()
    try:
        pid = os.fork()
        if pid == 0:
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            ours.close()
            serve(parent)
        return pid
    finally:
        if os.getpid() != parent:
            # It was interrupted before it ignored that: what called us must not go on here.
            os._exit(1)


def to_preload(preload: Iterable[str] | None) -> list[str]:
    """Return what the server is to import: what was asked for, or what this process has imported and is safe."""
    if preload is not None:
        return [preload] if isinstance(preload, str) else list(preload)
    return [name for name in list(sys.modules) if name.partition(".")[0] in _SAFE]
