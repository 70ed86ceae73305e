"""The parent's side of worker processes: has them started, hears of their end, and reads what they answer.

A `Keeper` is an executor's; it has a session with the server, and a thread that watches. It knows nothing of the
executor, which may be dropped before its calls are made.
"""

from __future__ import annotations

import contextlib
import errno
import os
import pickle
import signal
import socket
import sys
import threading
import weakref
from concurrent.futures.process import BrokenProcessPool, _RemoteTraceback

from ungil import _core
from ungil._process_pool import server
from ungil._process_pool.fresh import is_fresh
from ungil._process_pool.passing import Passing
from ungil._process_pool.server_process import ServerProcess, to_preload
from ungil._process_pool.worker_process import WorkerDied, how_ended
from ungil._thread_start import start_thread

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

__all__ = ("Keeper",)

# For at most so many seconds the server is waited for, to tell of workers that it was asked to start.
_PATIENCE = 5.0

# What the session says when the server has ended.
_OF_THE_END = frozenset({errno.EBADF, errno.ECONNRESET, errno.ENOTCONN, errno.EPIPE})

# So much of a worker's standard error is kept, for when it dies.
_TAIL = 4096

# So often a dead worker's standard error is read, 64 KiB each time.
_MOST_READS = 64

# After so many servers in a row that ended before they started a worker, there is something wrong with all of them; and
# after so many workers that died before they made a call.
_MOST_ENDED = 3


class _Worker:
    """What is known of a worker."""

    def __init__(self, errors: int) -> None:
        self.pid: int | None = None
        # Its standard error, and the last of it.
        self.errors = errors
        self.tail = b""
        # Why it is to be ended, if it is.
        self.reason: str | None = None


class Keeper:
    """Keeps the workers of an executor.

    Args:
        settings: what workers are to be like; see `worker.py`.
        prologue: what each calls first, and its arguments; or None.
        preload: the modules that the server imports, or None for those that are safe.
        is_fork: whether workers are to be forks of this process, as it is now.
        breaks: whether the death of a worker ends the executor, as that of the standard one.
    """

    def __init__(
        self,
        settings: dict[str, Any],
        prologue: tuple[Any, tuple[Any, ...]] | None,
        preload: Iterable[str] | None,
        is_fork: bool,
        breaks: bool,
    ) -> None:
        # Before it has made a descriptor.
        may_fork = not is_fork and ServerProcess.is_needed() and is_fresh()
        self.pool: _core._ProcessPool  # by the executor, which needs the keeper for it
        self._breaks = breaks
        self._workers: dict[int, _Worker] = {}
        # The processes of all workers that there were, by the workers' numbers.
        self.all_pids: dict[int, int] = {}
        self.is_terminated = False
        # How many workers have died in a row without having made a call, and how many calls were made before.
        self._n_stillborn = 0
        self._n_made = 0
        # Those of them whose link has ended, and of whose own end the server has not told yet.
        self._gone: set[int] = set()
        self._lock = threading.RLock()
        # The server has told of a worker's beginning or end.
        self._told = threading.Condition(self._lock)
        # What is pickled for a process that starts may have descriptors: of pipes, of locks.
        passing = Passing()
        if prologue is not None and not is_fork:
            settings["prologue"] = passing.pickled(*prologue, settings["main"])
        self._fds = passing.fds
        self._settings = _file_of(pickle.dumps(settings))
        self._thread: threading.Thread | None = None
        self._preload = to_preload(preload)
        self._own_server = ServerProcess.forked(prologue) if is_fork else None
        # How many servers have ended since one has started a worker.
        self._n_ended = 0
        self._session = self._open_session(may_fork)
        _ALL.add(self)

    def _open_session(self, may_fork: bool = False) -> socket.socket:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            if self._own_server is not None:
                self._own_server.open(theirs, self._preload)
            else:
                ServerProcess.open_shared(theirs, self._preload, may_fork)
        return ours

    # What the pool calls.

    def start(self, number: int) -> None:
        """Have the worker of this number started."""
        errors, theirs = os.pipe2(os.O_CLOEXEC)
        os.set_blocking(errors, False)
        try:
            fds = self.pool.make_link(number)
        except BaseException:
            os.close(errors)
            os.close(theirs)
            raise
        problem: OSError | None = None
        with self._lock:
            self._workers[number] = _Worker(errors)
            all_fds = [*fds, theirs, self._settings, *self._fds]
            try:
                socket.send_fds(self._session, [pickle.dumps(("start", number))], all_fds)
            except OSError as failure:
                # If the server is no more, the watching thread finds that, and tells so the pool.
                if failure.errno not in _OF_THE_END:
                    problem = failure
        for fd in (*fds, theirs):
            os.close(fd)
        if self.pool.begin_watching():
            self._thread = threading.Thread(target=self._watch, name="ungil-process-pool", daemon=True)
            _KEEPERS.add(self)
            start_thread(self._thread)
        if problem is not None:
            self._break(BrokenProcessPool(f"no worker process can be started: {problem}"))
            self._lose(number, None, str(problem))

    def corrupt(self, number: int) -> None:
        """End a worker that does not keep to the protocol."""
        self.kill(number, "it wrote what cannot be into the memory that it shares with the pool")

    def unreadable(self, failure: Exception) -> Exception:
        """Return what a call raises whose result cannot be unpickled."""
        text = f"the result of the call cannot be unpickled here: {type(failure).__name__}: {failure}"
        refusal = pickle.UnpicklingError(text)
        refusal.__cause__ = failure
        return refusal

    def raised(self, data: bytes) -> BaseException:
        """Read what a call raised: its exact type, with the traceback from there as its cause."""
        own, name, problem, text, of_initializer = pickle.loads(data)
        failure: BaseException
        try:
            if own is None:
                raise pickle.PicklingError(problem)
            failure = pickle.loads(own)
            if not isinstance(failure, BaseException):
                raise TypeError(f"it became {failure!r}, which is no exception")
        except Exception as refusal:
            kind = pickle.PicklingError if own is None else pickle.UnpicklingError
            failure = kind(f"the call raised {name}, which does not come through: {type(refusal).__name__}: {refusal}")
        if of_initializer:
            failure = BrokenProcessPool(f"the initializer of the worker processes failed: {name}: {failure}")
            if self._breaks:
                self._break(failure)
        failure.__cause__ = _RemoteTraceback(f'\n"""\n{text}"""')  # type: ignore[arg-type]
        return failure

    # What the executor calls.

    def kill(self, number: int, reason: str) -> None:
        """Have a worker ended, since it gives no other end to its call."""
        self.pool.retire(number)
        with self._lock, contextlib.suppress(OSError):
            if number in self._workers:
                self._workers[number].reason = reason
            self._session.send(pickle.dumps(("kill", number)))

    def terminate(self) -> None:
        """End all workers; no call is made again."""
        self.is_terminated = True
        for number in list(self._workers):
            self.kill(number, "its executor was told to terminate its workers")

    def release(self) -> None:
        """The executor is no more: what was submitted is done, and nothing else."""
        self.pool.close(False)
        if self.pool.begin_watching():
            # Nothing was submitted.
            self._end()

    def pids(self) -> dict[int, int]:
        """Return the numbers of the processes, by those of the workers; of all that were asked for by now."""
        with self._told:
            self._told.wait_for(lambda: all(worker.pid for worker in self._workers.values()), _PATIENCE)
            return {number: worker.pid for number, worker in self._workers.items() if worker.pid is not None}

    def join(self) -> None:
        """Wait until all calls are made and no worker is left."""
        self.release()
        if self._thread is threading.current_thread():
            # In a callback. This thread sees to what is waited for.
            raise RuntimeError("cannot join current thread")
        self.pool.join()
        if self._thread is not None:
            self._thread.join()

    # What the watching thread does.

    def _watch(self) -> None:
        try:
            while not self.pool.is_over:
                try:
                    self.look(None)
                except BaseException:
                    # What a callback or an option raised, that is no concern of the others.
                    threading.excepthook(threading.ExceptHookArgs((*sys.exc_info(), threading.current_thread())))
        finally:
            self._end()

    def look(self, timeout: float | None) -> None:
        """Wait until there is something to do, and do it; for at most so many seconds."""
        with self._lock:
            errors = {each.errors: number for number, each in self._workers.items() if each.errors >= 0}
        gone, ready = self.pool.watch([self._session.fileno(), *errors], list(self._gone), timeout)
        self._gone.update(gone)
        for fd in ready:
            if fd in errors:
                self._relay(errors[fd])
        if self._session.fileno() in ready:
            self._hear()

    def _hear(self) -> None:
        """Take a message of the server's."""
        try:
            data = self._session.recv(server.MOST, socket.MSG_DONTWAIT)
        except BlockingIOError:
            # A callback that waited for another call has taken it.
            return
        except ConnectionError:
            data = b""
        if not data:
            self._renew_session()
            return
        what, number, value = pickle.loads(data)
        if what == "started":
            self._n_ended = 0
            self.all_pids[number] = value
            with self._told:
                if number in self._workers:
                    self._workers[number].pid = value
                self._told.notify_all()
        elif what == "failed":
            self._lose(number, None, f"no process could be started: {value}")
        else:
            self._lose(number, value, None)

    def _renew_session(self) -> None:
        """The server is no more, and its workers have ended with it: have another one start those to come."""
        text = "the process that starts workers has ended"
        self._n_ended += 1
        with self._lock:
            lost = list(self._workers)
            self._session.close()
            is_hopeless = self._own_server is not None or self._n_ended > _MOST_ENDED
            if is_hopeless:
                # Nobody listens; it says so when something is sent.
                self._session = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            else:
                self._session = self._open_session()
        if is_hopeless:
            self.pool.break_down(text, BrokenProcessPool(text))
        for number in lost:
            self._lose(number, None, text)

    def _relay(self, number: int) -> bool:
        """Pass on what a worker has written to its standard error; false if there is nothing."""
        worker = self._workers.get(number)
        if worker is None or worker.errors < 0:
            return False
        try:
            data = os.read(worker.errors, 1 << 16)
        except BlockingIOError:
            return False
        if not data:
            # It has closed it, or has put something else in its place.
            os.close(worker.errors)
            worker.errors = -1
            return False
        worker.tail = (worker.tail + data)[-_TAIL:]
        written = 0
        with contextlib.suppress(OSError):
            while written < len(data):
                written += os.write(2, data[written:])
        return True

    def _lose(self, number: int, exitcode: int | None, problem: str | None) -> None:
        """Let go of a worker that is no more, and tell so the call that it was making."""
        # Somebody else may go on writing there.
        for _ in range(_MOST_READS):
            if not self._relay(number):
                break
        with self._lock:
            worker = self._workers.pop(number, None)
            self._told.notify_all()
        if worker is None:
            return
        self._gone.discard(number)
        if worker.errors >= 0:
            os.close(worker.errors)
        stderr = worker.tail.decode("utf-8", "backslashreplace")
        text = problem or f"the worker process {worker.pid} {how_ended(exitcode)} while it made the call"
        if worker.reason is not None:
            text += f": {worker.reason}"
        if stderr:
            text += f"; the last of its standard error:\n{stderr}"
        failure = WorkerDied(text, worker.pid, exitcode, stderr)
        if self._breaks and exitcode != 0 and not self.pool.broken:
            self._break(failure)
        n_begun = self.pool.lose(number, failure)
        if worker.reason is None and problem is None and exitcode not in (0, -signal.SIGKILL, -signal.SIGTERM):
            # By itself.
            self._count_death(n_begun, failure)

    def _count_death(self, n_begun: int, failure: BaseException) -> None:
        """End the executor if workers die again and again before they make a call."""
        returned, raised, *_ = self.pool.summary()
        is_stillborn = n_begun == 0 and returned + raised == self._n_made
        self._n_made = returned + raised
        self._n_stillborn = self._n_stillborn + 1 if is_stillborn else 0
        if self._n_stillborn > _MOST_ENDED:
            self._break(failure)

    def _break(self, failure: BaseException) -> None:
        """End the executor with all of its workers."""
        self.pool.break_down(str(failure), failure)
        for number in list(self._workers):
            self.kill(number, "another worker of the pool has died")

    def _end(self) -> None:
        """Let go of the session."""
        with contextlib.suppress(OSError):
            self._session.send(pickle.dumps(("close", 0)))
        self._session.close()
        for fd in (self._settings, *self._fds):
            os.close(fd)
        if self._own_server is not None:
            self._own_server.close()
        _KEEPERS.discard(self)


# Those whose threads watch, for the end of the interpreter; and all, for forked children.
_KEEPERS: set[Keeper] = set()
_ALL: weakref.WeakSet[Keeper] = weakref.WeakSet()


def _file_of(data: bytes) -> int:
    """Return a file in memory with these bytes."""
    fd = os.memfd_create("ungil", os.MFD_CLOEXEC)
    with open(fd, "wb", closefd=False) as file:
        file.write(data)
    return fd


def _close_all() -> None:
    """At the end of the interpreter: take no more calls, and wait for those that were taken."""
    keepers = list(_KEEPERS)
    for keeper in keepers:
        keeper.pool.close(False)
    for keeper in keepers:
        keeper.join()
    ServerProcess.end_shared()


def _forget() -> None:
    """Let a forked child begin anew: servers, workers and threads are the parent's."""
    ServerProcess.forget_shared()
    for keeper in list(_ALL):
        keeper._session.close()
        if keeper._own_server is not None:
            keeper._own_server.forget()
    _KEEPERS.clear()
    _core._forget_process_pools()


os.register_at_fork(after_in_child=_forget)
threading._register_atexit(_close_all)  # type: ignore[attr-defined]
