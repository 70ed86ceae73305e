"""`Connection` and `Pipe`: the standard library's, over shared memory.

Messages go through a ring in memory that both processes have mapped (`ungil-ipc`), and nobody is woken who is awake. A
connection may be passed to another process in all the ways in which a standard one may, and waited for with `select`
and `multiprocessing.connection.wait`.
"""

from __future__ import annotations

import pickle
from multiprocessing import BufferTooShort, connection, reduction

from ungil._core import _Channel

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType
    from typing import Any, NoReturn, Self

    from typing_extensions import Buffer

    # A descriptor of a channel, and the number of the ring that it belongs to.
    Way = tuple[int, int] | None


__all__ = ("Connection", "Pipe")

# No message is longer.
_MOST = 2**63 - 1

# Objects of these types are pickled alike by everybody.
_PLAIN = frozenset({bytes, str, int, float, bool, type(None)})


class Connection(connection.Connection):
    """One end of a pipe: it sends and receives objects, and bytes.

    Unlike the standard class, threads may send, or receive, at the same time: each message stays whole. A message whose
    sending a signal handler ends by an exception ends the connection; the standard class leaves the rest to be taken
    for the next message.

    Attributes:
        closed: whether this end is closed.
        readable: whether it receives.
        writable: whether it sends.

    Example:
        >>> from ungil.multiprocessing import Pipe
        >>> a, b = Pipe()
        >>> a.send({"x": 1})
        >>> b.recv()
        {'x': 1}
        >>> a.close()
        >>> b.recv()
        Traceback (most recent call last):
        EOFError
    """

    def __init__(self, channel: _Channel) -> None:  # made by `Pipe`, not from a descriptor
        self._channel = channel
        self._readable = channel.readable
        self._writable = channel.writable

    def __del__(self) -> None:
        """Leave the descriptors to the channel, which closes them."""

    @property
    def _handle(self) -> int | None:
        """What the standard class keeps its descriptor in."""
        return None if self._channel.closed else self._channel.fileno()

    @property
    def closed(self) -> bool:
        """Whether this end is closed."""
        return self._channel.closed

    def fileno(self) -> int:
        """Return a descriptor that is readable when there is something to receive, the end included.

        From the first call on, the other end makes a system call for each message. It is for waiting alone: nothing is
        to be read from it.
        """
        return self._channel.fileno()

    def close(self) -> None:
        """Give up this end. The other one learns of it once no process has this one any more."""
        self._channel.close()

    def send(self, obj: Any) -> None:
        """Send an object, which is pickled."""
        self._check_open_for("write")
        pickled: Buffer
        if type(obj) in _PLAIN:
            pickled = pickle.dumps(obj, pickle.HIGHEST_PROTOCOL)
        else:
            pickled = reduction.ForkingPickler.dumps(obj)
        self._channel.send(pickled)

    def recv(self) -> Any:
        """Receive an object, waiting for it."""
        if not self._readable:
            self._check_open_for("read")
        return pickle.loads(self._channel.receive())  # noqa: S301 -- from a process that is trusted, as documented

    def send_bytes(self, buf: Buffer, offset: int = 0, size: int | None = None) -> None:
        """Send a message of bytes: the buffer's from `offset` on, all or `size` of them."""
        self._check_open_for("write")
        view = memoryview(buf)
        if view.ndim != 1 or view.format != "B":
            view = view.cast("B")
        if offset == 0 and size is None:
            self._channel.send(view)
            return
        n = len(view)
        if offset < 0:
            raise ValueError("offset is negative")
        if n < offset:
            raise ValueError("buffer length < offset")
        if size is None:
            size = n - offset
        elif size < 0:
            raise ValueError("size is negative")
        elif offset + size > n:
            raise ValueError("buffer length < offset + size")
        self._channel.send(view[offset : offset + size])

    def recv_bytes(self, maxlength: int | None = None) -> bytes:
        """Receive a message of bytes, waiting for it.

        Raises:
            EOFError: nobody has the other end any more, and all that it sent has been received.
            OSError: the message has more than `maxlength` bytes; that ends the connection.
        """
        self._check_open_for("read")
        if maxlength is not None and maxlength < 0:
            raise ValueError("negative maxlength")
        try:
            return self._channel.receive(None if maxlength is None else min(maxlength, _MOST))
        except OSError as error:
            if error.args == ("bad message length",):
                self._end_receiving()
            raise

    def recv_bytes_into(self, buf: Buffer, offset: int = 0) -> int:
        """Receive a message of bytes into a buffer, from `offset` on, and return how many they are.

        Raises:
            BufferTooShort: they are too many; the message is in `error.args[0]`.
        """
        self._check_open_for("read")
        # Given back at the end, by an exception too: its traceback keeps what the frame has.
        with memoryview(buf) as whole, whole.cast("B") as view:
            if offset < 0:
                raise ValueError("negative offset")
            if offset > len(view):
                raise ValueError("offset too large")
            message = self._channel.receive()
            if len(message) > len(view) - offset:
                raise BufferTooShort(message)
            view[offset : offset + len(message)] = message
            return len(message)

    def poll(self, timeout: float | None = 0.0) -> bool:
        """Whether there is something to receive, the end included, or will be within `timeout` seconds.

        None is for ever.
        """
        self._check_open_for("read")
        return self._channel.poll(timeout)

    def __enter__(self) -> Self:
        """Return the connection."""
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        """Close it."""
        self.close()

    def _check_open_for(self, use: str) -> None:
        if self._channel.closed:
            raise OSError("handle is closed")
        if use == "write" and not self._writable:
            raise OSError("connection is read-only")
        if use == "read" and not self._readable:
            raise OSError("connection is write-only")

    def _end_receiving(self) -> None:
        """As the standard class: an end that only receives is closed."""
        if self._writable:
            self._readable = False
        else:
            self.close()

    def __reduce__(self) -> NoReturn:
        """Refuse: a copy would keep the connection open, whoever has it."""
        raise TypeError(
            "a Connection is pickled by multiprocessing alone, for the process that it is passed to: as an argument of"
            " a Process, or through another connection"
        )


def Pipe(duplex: bool = True) -> tuple[Connection, Connection]:  # noqa: N802 -- the standard library's name
    """Return two ends of a pipe.

    With `duplex` each sends and receives; otherwise the first receives what the second sends.

    Example:
        >>> from ungil.multiprocessing import Pipe
        >>> receiver, sender = Pipe(duplex=False)
        >>> sender.send_bytes(b"ping")
        >>> receiver.recv_bytes()
        b'ping'
    """
    first, second = _Channel.pair(duplex)
    return Connection(first), Connection(second)


def _reduced(end: Connection) -> tuple[Callable[..., Connection], tuple[Any, ...]]:
    memory, incoming, outgoing = end._channel.parts()
    copies = [memory, *(way[0] for way in (incoming, outgoing) if way)]
    numbers = [way and way[1] for way in (incoming, outgoing)]
    return _rebuilt, ([reduction.DupFd(fd) for fd in copies], numbers)


def _rebuilt(copies: list[Any], numbers: list[int | None]) -> Connection:
    memory, *sockets = (copy.detach() for copy in copies)
    ways: list[Way] = [None if number is None else (sockets.pop(0), number) for number in numbers]
    return Connection(_Channel.from_parts(memory, *ways))


reduction.register(Connection, _reduced)
