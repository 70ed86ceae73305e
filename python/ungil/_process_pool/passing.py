"""What goes to a worker when it starts: objects of `multiprocessing` may be pickled for it, and bring descriptors.

Locks, queues, pipes and shared values refuse to be pickled at any other time. They ask `multiprocessing` for the
process that is being started, which is a `Passing` here, and give it their descriptors.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ungil._process_pool.main_module import MainModule

__all__ = ("Passing", "receive")


class Passing:
    """The start of a process, as what is pickled for it sees it; it collects descriptors.

    Attributes:
        fds: copies of them, which belong to who has made this.
    """

    method = "forkserver"

    def __init__(self) -> None:
        self.fds: list[int] = []

    def duplicate_for_child(self, fd: int) -> int:
        """Take a descriptor, and return the number by which the child asks for it."""
        self.fds.append(os.dup(fd))
        return len(self.fds) - 1

    @staticmethod
    def DupFd(number: int) -> object:  # noqa: N802 -- the standard library's name
        """Return what becomes the descriptor there."""
        from multiprocessing.popen_forkserver import _DupFd

        return _DupFd(number)

    def pickled(self, fn: Callable[..., object], args: tuple[Any, ...], main: MainModule | None) -> bytes:
        """Return the pickle of a function and its arguments, for a process that starts.

        Args:
            fn: the function.
            args: its arguments.
            main: what the process will have of `__main__`; None for nothing.

        Raises:
            Exception: it cannot be pickled; the message says which part.
        """
        from multiprocessing.context import set_spawning_popen

        from ungil._process_pool.explained import explained
        from ungil._process_pool.picklers import by_value

        set_spawning_popen(self)  # type: ignore[arg-type]
        try:
            return by_value((fn, args), None, main)[0]
        except Exception as failure:
            raise explained(failure, {"initializer": fn, "initargs": args}) from None
        finally:
            set_spawning_popen(None)


def receive(fds: list[int], authkey: bytes | None) -> None:
    """Have what was pickled so find its descriptors, in the process that starts.

    Args:
        fds: the descriptors, by their numbers.
        authkey: what the parent and its managers know one another by; None if it has none.
    """
    # What is not needed takes long to import.
    if authkey is not None:
        from multiprocessing import current_process

        current_process().authkey = authkey
    if fds:
        from multiprocessing import forkserver

        forkserver._forkserver._inherited_fds = fds  # type: ignore[attr-defined]
