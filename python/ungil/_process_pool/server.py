"""The process that forks workers: it has no threads, and has imported what they need.

The parent speaks to it through a socket. Each executor of the parent has a *session*, a socket of its own, which asks
for workers and is told of their beginning and their end. When the parent ends, however it ends, the server does, and
with it the workers.

It imports little, so that the first worker is there soon: `_socket` and its like are all of `socket` that is needed
here, and without `enum` and `re`. Those would take longer than all else that the server does before that.
"""

from __future__ import annotations

import fcntl
import gc
import os
import select
import sys
from _pickle import dumps, loads

from ungil._process_pool import worker

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal
    from socket import SCM_RIGHTS, SOL_SOCKET, socket
    from typing import NoReturn
else:
    import _signal as signal
    from _socket import SCM_RIGHTS, SOL_SOCKET, socket

__all__ = ("MOST", "main", "serve")

# The most bytes of a message.
MOST = 1 << 17

# After how many milliseconds without a message there is time for what is not urgent.
_IDLE = 50

# How many descriptors come with a message at most.
_MOST_FDS = 250

# The bytes of one.
_FD = 4


def main(control: int, parent: int) -> NoReturn:
    """Serve a parent until it ends; in a process of its own.

    Args:
        control: the descriptor of the socket on which it opens sessions.
        parent: its process number.
    """
    # A Ctrl-C in the terminal goes to all of its processes, and this one has nothing to interrupt.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    serve(socket(fileno=_beside_standard(control)), parent)


def _beside_standard(control: int) -> int:
    """Return a descriptor as another number than the standard ones, which are all open then.

    Where the parent has closed one of those, what a worker prints would otherwise go into what has its number.
    """
    null = os.open(os.devnull, os.O_RDWR)
    moved = fcntl.fcntl(control, fcntl.F_DUPFD_CLOEXEC, 3)
    for fd in range(3):
        try:
            is_open = fd != control and bool(os.fstat(fd))
        except OSError:
            is_open = False
        if not is_open:
            os.dup2(null, fd)
    for fd in (null, control):
        if fd > 2:
            os.close(fd)
    return moved


def serve(control: socket, parent: int, prologue: worker.Prologue | None = None) -> NoReturn:
    """Serve a parent until it ends, in a process that has nothing else to do.

    Args:
        control: the socket on which it opens sessions.
        parent: its process number.
        prologue: what workers call first, and its arguments, if that has come by a fork.
    """
    try:
        _Server(control, parent, prologue).run()
    finally:
        os._exit(0)


class _Server:
    def __init__(self, control: socket, parent: int, prologue: worker.Prologue | None) -> None:
        self._control = control
        self._parent = parent
        self._prologue = prologue
        self._sessions: dict[int, socket] = {}
        # Of each worker, by its process number: the session and the worker's number there.
        self._workers: dict[int, tuple[int, int]] = {}
        self._poll = select.poll()

    def run(self) -> None:
        """Do what is asked, until the parent ends."""
        told, tell = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(tell, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        try:
            ended = os.pidfd_open(self._parent)
        except OSError:
            ended = -1
        for fd in (self._control.fileno(), told, ended):
            if fd >= 0:
                self._poll.register(fd, select.POLLIN)
        self._ours = (self._control.fileno(), told, tell, ended)
        is_complete = False
        while os.getppid() == self._parent:
            ready = self._poll.poll(_IDLE if not is_complete else None if ended >= 0 else 500)
            if not ready and not is_complete:
                # Workers to come will need it for what they are sent by value. The first need not wait for that.
                _import("cloudpickle")
                is_complete = True
            for fd, _ in ready:
                if fd == told:
                    os.read(told, 4096)
                    self._reap()
                elif fd == ended:
                    return
                elif fd == self._control.fileno():
                    if not self._hear_control():
                        return
                elif fd in self._sessions and not self._hear_session(fd):
                    self._end_session(fd)

    def _hear_control(self) -> bool:
        """Take a message of the parent's; false at its end."""
        data, fds = _received(self._control)
        if not data:
            return False
        message = loads(data)
        if "path" in message:
            sys.path[:] = message["path"]
        for name in message.get("preload", ()):
            _import(name)
        gc.collect()
        gc.freeze()
        for fd in fds:
            session = socket(fileno=fd)
            self._sessions[fd] = session
            self._poll.register(fd, select.POLLIN)
        return True

    def _hear_session(self, session: int) -> bool:
        """Take a message of an executor's; false at its end."""
        data, fds = _received(self._sessions[session])
        if not data:
            return False
        what, number = loads(data)
        if what == "start":
            self._start(session, number, fds)
        elif what == "kill":
            for pid, whose in self._workers.items():
                if whose == (session, number):
                    os.kill(pid, signal.SIGKILL)
        return bool(what != "close")

    def _start(self, session: int, number: int, fds: list[int]) -> None:
        server = os.getpid()
        try:
            pid = os.fork()
        except OSError as failure:
            self._tell(session, ("failed", number, str(failure)))
        else:
            if pid == 0:
                self._become_worker(number, fds, server)
            self._workers[pid] = (session, number)
            self._tell(session, ("started", number, pid))
        for fd in fds:
            os.close(fd)

    def _become_worker(self, number: int, fds: list[int], server: int) -> NoReturn:
        """Go on as a worker, in the child."""
        try:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            for fd in (*self._ours, *self._sessions):
                if fd >= 0:
                    os.close(fd)
            worker.main(number, fds, server, self._prologue)
        except BaseException:
            sys.excepthook(*sys.exc_info())
            os._exit(1)
        finally:
            os._exit(0)

    def _end_session(self, session: int) -> None:
        """End the workers of an executor that is no more."""
        self._poll.unregister(session)
        for pid, (whose, _) in self._workers.items():
            if whose == session:
                os.kill(pid, signal.SIGKILL)
        self._sessions.pop(session).close()

    def _reap(self) -> None:
        """Tell of the workers that have ended."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            if pid in self._workers:
                session, number = self._workers.pop(pid)
                self._tell(session, ("ended", number, os.waitstatus_to_exitcode(status)))

    def _tell(self, session: int, message: tuple[str, int, object]) -> None:
        if session in self._sessions:
            try:  # noqa: SIM105 -- as the first lines say
                self._sessions[session].send(dumps(message))
            except OSError:
                # One that listens no more will be found to have ended.
                pass


def _import(name: str) -> None:
    """Import what cannot hurt: what cannot be imported here, a call that needs it will tell."""
    if name not in sys.modules:
        try:  # noqa: SIM105 -- as the first lines say
            __import__(name)
        except BaseException:  # noqa: S110 -- as above
            pass


def _received(sender: socket) -> tuple[bytes, list[int]]:
    """Return a message and the descriptors that came with it; no bytes at the end."""
    try:
        data, extra, _, _ = sender.recvmsg(MOST, _MOST_FDS * _FD)
    except ConnectionError:
        return b"", []
    fds = b"".join(content for level, kind, content in extra if (level, kind) == (SOL_SOCKET, SCM_RIGHTS))
    return data, [int.from_bytes(fds[at : at + _FD], sys.byteorder) for at in range(0, len(fds) // _FD * _FD, _FD)]
