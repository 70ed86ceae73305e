"""Descriptors within calls and results: of sockets and connections, as `multiprocessing` passes them on.

The pickle has a number instead of the descriptor. The process that has pickled it keeps a copy, and hands that out,
once, to whoever asks for the number (`multiprocessing.resource_sharer`).
"""

from __future__ import annotations

import io
import os
import pickle
import socket
from collections import ChainMap
from multiprocessing import connection, reduction, resource_sharer
from multiprocessing.process import current_process

import cloudpickle  # type: ignore[import-untyped]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

__all__ = ("Descriptor", "by_value")


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


def by_value(
    obj: object, buffers: Callable[[pickle.PickleBuffer], Any] | None = None, is_trial: bool = False
) -> tuple[bytes, bool]:
    """Pickle an object: what cannot be imported by value, and what has descriptors as `multiprocessing` does.

    Args:
        obj: the object.
        buffers: what is offered large buffers; or None.
        is_trial: whether only to see if it can be done; no descriptor is copied, and nobody can read the pickle.

    Returns:
        The pickle, and whether it brings descriptors.

    Raises:
        Exception: what the pickler raised.
    """
    found: list[object] = []

    def descriptor(shared: Any) -> tuple[Any, ...]:
        found.append(shared)
        return Descriptor, (*shared._id, bytes(current_process().authkey))

    def nothing(owner: object) -> tuple[Any, ...]:
        found.append(owner)
        return object, ()

    # Those of all who have registered by now.
    reducers = reduction.ForkingPickler._extra_reducers  # type: ignore[attr-defined]
    own: dict[type, Any]
    if is_trial:
        own = {kind: nothing for kind in reducers if issubclass(kind, (socket.socket, connection._ConnectionBase))}
    else:
        own = {resource_sharer.DupFd: descriptor}
    file = io.BytesIO()
    # A pickler looks at its class when it is made.
    table = {"dispatch_table": ChainMap(own, reducers, cloudpickle.Pickler.dispatch_table)}
    type("Pickler", (cloudpickle.Pickler,), table)(file, 5, buffer_callback=buffers).dump(obj)
    return file.getvalue(), bool(found)
