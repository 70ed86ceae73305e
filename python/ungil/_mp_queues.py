"""The queues of `ungil.multiprocessing`: the standard library's, through a ring in shared memory.

`put` makes bytes of the object and writes them into the ring itself; `get` takes them out itself. Where an item does
not fit, `put` leaves it with a thread of this process (`_Spill`), which writes it when there is room, and ends.
"""

from __future__ import annotations

import threading
import traceback
from collections import deque
from multiprocessing import context, queues, reduction, util

from ungil._core import _Queue

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from typing_extensions import Buffer

__all__ = ("JoinableQueue", "Queue", "SimpleQueue")

# A queue without a bound, as the standard library counts.
_MOST = 2**31 - 1


def _packed(obj: Any) -> Buffer:
    made: Buffer = reduction.ForkingPickler.dumps(obj)
    return made


class _Spill:
    """What did not fit into a queue's ring, in order, and the thread that puts it there."""

    def __init__(self, ring: _Queue) -> None:
        self._ring = ring
        # An item stays here until it is in the ring: as long as there is one, nothing may overtake it.
        self.items: deque[Buffer] = deque()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._at_exit: Any = None
        self._is_waited_for = True

    def add(self, item: Buffer) -> None:
        """Leave an item, for which room has been promised."""
        with self._lock:
            self.items.append(item)
            if self._thread is None:
                self._thread = threading.Thread(target=self._pour, name="QueueFeederThread", daemon=True)
                if self._is_waited_for:
                    self._at_exit = util.Finalize(None, self._thread.join, exitpriority=-5)
                self._thread.start()

    def join(self) -> None:
        """Wait until all is in the ring."""
        thread = self._thread
        if thread is not None:
            thread.join()

    def leave(self) -> None:
        """Do not wait at the end of the process."""
        with self._lock:
            self._is_waited_for = False
            if self._at_exit is not None:
                self._at_exit.cancel()

    def _pour(self) -> None:
        is_over = False
        while not is_over:
            try:
                self._ring.pour(self.items[0], True)
            except OSError:
                # Another process wrote nonsense, and there is nobody to raise it to: the standard class prints, too.
                traceback.print_exc()
            with self._lock:
                self.items.popleft()
                is_over = not self.items
                if is_over:
                    self._thread = None
                    if self._at_exit is not None:
                        self._at_exit.cancel()


class Queue(queues.Queue):  # type: ignore[type-arg]
    """A queue of objects between processes.

    `put` raises at once what pickling an object raises; the standard class prints it, from a thread, later.

    Example:
        >>> from ungil.multiprocessing import Queue
        >>> queue = Queue()
        >>> queue.put({"x": 1})
        >>> queue.get()
        {'x': 1}
    """

    # A subclass may have this function, which is told of an exception and its object in place of the caller.
    _on_queue_feeder_error: Any = None

    def __init__(self, maxsize: int = 0, *, ctx: Any) -> None:  # noqa: ARG002 -- as the standard class
        self._maxsize = maxsize if maxsize > 0 else _MOST
        self._begin(_Queue(self._maxsize, False))

    def _begin(self, ring: _Queue) -> None:
        self._ring = ring
        self._closed = False
        self._is_used = False
        self._spill = _Spill(ring)
        # What this process has not written yet, a forked child has not either.
        util.register_after_fork(self, Queue._forget)

    def _forget(self) -> None:
        self._spill = _Spill(self._ring)

    def __getstate__(self) -> tuple[Any, ...]:  # type: ignore[override]
        context.assert_spawning(self)
        return _passed(self._ring)

    def __setstate__(self, state: tuple[Any, ...]) -> None:  # type: ignore[override]
        self._maxsize = state[0]
        self._begin(_received(*state))

    def put(self, obj: Any, block: bool = True, timeout: float | None = None) -> None:
        """Put an object; where there are as many as there may be, wait for room, if `block`, for `timeout` seconds.

        Raises:
            Full: there has been no room.
            ValueError: the queue is closed in this process.
        """
        if self._closed:
            raise ValueError(f"Queue {self!r} is closed")
        self._is_used = True
        if not self._spill.items and self._put_plain(obj):
            return
        try:
            item = _packed(obj)
        except Exception as error:
            if self._on_queue_feeder_error is None:
                raise
            self._on_queue_feeder_error(error, obj)
            return
        self._put(item, block, timeout)

    def _put_plain(self, obj: Any) -> bool:
        return self._ring.put_plain(obj)

    def _put(self, item: Buffer, block: bool, timeout: float | None) -> None:
        spill = self._spill
        if not self._ring.put(item, not spill.items, block, timeout):
            spill.add(item)

    def get(self, block: bool = True, timeout: float | None = None) -> Any:
        """Take the next object; if there is none, wait for one, if `block`, for `timeout` seconds.

        Raises:
            Empty: there has been none.
            ValueError: the queue is closed in this process.
        """
        if self._closed:
            raise ValueError(f"Queue {self!r} is closed")
        return self._ring.get(block, timeout)

    def put_nowait(self, obj: Any) -> None:
        """Put an object, without waiting for room."""
        self.put(obj, False)

    def get_nowait(self) -> Any:
        """Take the next object, without waiting for one."""
        return self.get(False)

    def qsize(self) -> int:
        """Return how many objects have been put and not been taken."""
        return len(self._ring)

    def empty(self) -> bool:
        """Whether there is nothing to take.

        Raises:
            OSError: the queue is closed in this process, which has put into it.
        """
        if self._closed and self._is_used:
            raise OSError("handle is closed")
        return self._ring.empty()

    def full(self) -> bool:
        """Whether there are as many objects as there may be."""
        return self._ring.full()

    def close(self) -> None:
        """Use the queue no more in this process. What it has put arrives all the same."""
        self._closed = True

    def join_thread(self) -> None:
        """Wait until all that was put is in shared memory, after `close`; the process does so at its end."""
        assert self._closed, f"Queue {self!r} not closed"
        self._spill.join()

    def cancel_join_thread(self) -> None:
        """Let the process end without waiting until all that was put is in shared memory; what is not is lost."""
        self._spill.leave()


class JoinableQueue(Queue):
    """A queue whose items are tasks: `join` waits until `task_done` has been called for each.

    Example:
        >>> from ungil.multiprocessing import JoinableQueue
        >>> queue = JoinableQueue()
        >>> queue.put("task")
        >>> queue.get()
        'task'
        >>> queue.task_done()
        >>> queue.join()
    """

    def _put_plain(self, obj: Any) -> bool:
        # Before it can be taken.
        self._ring.begin_task()
        is_put = False
        try:
            is_put = self._ring.put_plain(obj)
        finally:
            if not is_put:
                self._ring.task_done()
        return is_put

    def _put(self, item: Buffer, block: bool, timeout: float | None) -> None:
        self._ring.begin_task()
        try:
            super()._put(item, block, timeout)
        except BaseException:
            self._ring.task_done()
            raise

    def task_done(self) -> None:
        """Say that a task that was taken is done.

        Raises:
            ValueError: there is none that is not.
        """
        if not self._ring.task_done():
            raise ValueError("task_done() called too many times")

    def join(self) -> None:
        """Wait until all tasks are done."""
        self._ring.join()


class SimpleQueue(queues.SimpleQueue):  # type: ignore[type-arg]
    """A queue of objects between processes, without a bound; `put` waits while there is no room in shared memory.

    Example:
        >>> from ungil.multiprocessing import SimpleQueue
        >>> queue = SimpleQueue()
        >>> queue.put("item")
        >>> queue.get(), queue.empty()
        ('item', True)
    """

    def __init__(self, *, ctx: Any) -> None:  # noqa: ARG002 -- as the standard class
        self._ring: _Queue | None = _Queue(_MOST, True)

    def __getstate__(self) -> tuple[Any, ...]:  # type: ignore[override]
        context.assert_spawning(self)
        return _passed(self._open())

    def __setstate__(self, state: tuple[Any, ...]) -> None:  # type: ignore[override]
        self._ring = _received(*state)

    @property
    def _reader(self) -> _Reader:
        """What the standard library's executors wait for."""
        return _Reader(self)

    def _open(self) -> _Queue:
        if self._ring is None:
            raise OSError("handle is closed")
        return self._ring

    def put(self, obj: Any) -> None:
        """Put an object."""
        ring = self._open()
        if not ring.put_plain(obj):
            ring.pour(_packed(obj), False)

    def get(self) -> Any:
        """Take the next object, waiting for one."""
        return self._open().get(True, None)

    def empty(self) -> bool:
        """Whether there is nothing to take."""
        return self._open().empty()

    def close(self) -> None:
        """Give the queue up in this process."""
        self._ring = None


class _Reader:
    """A simple queue as the connection that the standard class reads from."""

    def __init__(self, queue: SimpleQueue) -> None:
        self._queue = queue

    def fileno(self) -> int:
        """Return a descriptor that is readable when there is something to take."""
        return self._queue._open().fileno()

    def recv(self) -> Any:
        """Take the next object, waiting for one."""
        return self._queue.get()

    def poll(self) -> bool:
        """Whether there is something to take."""
        return not self._queue.empty()

    def close(self) -> None:
        """Give the queue up in this process."""
        self._queue.close()

    @property
    def closed(self) -> bool:
        """Whether that has been done."""
        return self._queue._ring is None


def _passed(ring: _Queue) -> tuple[Any, ...]:
    most, memory, bell = ring.parts()
    return (most, reduction.DupFd(memory), None if bell is None else reduction.DupFd(bell))


def _received(most: int, memory: Any, bell: Any) -> _Queue:
    return _Queue.from_parts(most, memory.detach(), None if bell is None else bell.detach())
