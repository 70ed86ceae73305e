"""Descriptors within calls and results: of sockets and connections, as `multiprocessing` passes them on.

The pickle has a number instead of the descriptor. The process that has pickled it keeps a copy, and hands that out,
once, to whoever asks for the number (`multiprocessing.resource_sharer`).
"""

from __future__ import annotations

import os
import socket
from collections import ChainMap
from multiprocessing import connection, reduction, resource_sharer
from multiprocessing.process import current_process

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ("Descriptor", "reducers")


class Descriptor:
    """A descriptor on its way to a process that may not know the key by which the other one is asked."""

    def __init__(self, address: Any, number: int, authkey: bytes) -> None:
        self._asked = address, number, authkey

    def detach(self) -> int:
        """Take it from the process that has pickled it. A second time it has none."""
        address, number, authkey = self._asked
        with connection.Client(address, authkey=authkey) as sharer:
            sharer.send((number, os.getpid()))
            return reduction.recv_handle(sharer)


def reducers(found: list[object], is_trial: bool) -> ChainMap[type, Any]:
    """Return how a pickler reduces what has descriptors, and what else has registered with `multiprocessing`.

    Args:
        found: what of it there is in a pickle is added to this.
        is_trial: whether only to see if it can be pickled; no descriptor is copied, and nobody can read the pickle.
    """

    def descriptor(shared: Any) -> tuple[Any, ...]:
        found.append(shared)
        return Descriptor, (*shared._id, bytes(current_process().authkey))

    def nothing(owner: object) -> tuple[Any, ...]:
        found.append(owner)
        return object, ()

    # Those of all who have registered by now.
    registered = reduction.ForkingPickler._extra_reducers  # type: ignore[attr-defined]
    own: dict[type, Any]
    if is_trial:
        own = {kind: nothing for kind in registered if issubclass(kind, (socket.socket, connection._ConnectionBase))}
    else:
        own = {resource_sharer.DupFd: descriptor}
    return ChainMap(own, registered)
