"""Pickles for another process: of protocol 5, with large buffers beside them, by cloudpickle where that is needed.

What the other process cannot import, it is sent by value: lambdas, closures, and what `__main__` or a notebook defines.
Sockets and connections are passed on as `descriptors` says.
Where something cannot be pickled, the message says which part.
"""

from __future__ import annotations

import pickle
import types
from pickle import dumps
from sys import modules

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

__all__ = ("Carried", "carried", "explained", "pickled")

# Buffers of so many bytes and more go beside the pickle, in pages of their own.
_LARGE = 1 << 15

# No more go so than a message can tell of.
_MOST_BUFFERS = 1000

# What the pickler raises for what it cannot do.
_REFUSALS = (pickle.PicklingError, AttributeError, TypeError)

# In how many parts of an object, and how deep, the one at fault is looked for.
_MOST_PARTS = 1000
_DEPTH = 12


class _Buffers(list["memoryview"]):
    """The buffers that are not in a pickle; the callback by which the pickler offers them."""

    def __call__(self, buffer: pickle.PickleBuffer) -> bool:
        """Take a buffer; true if it is to be in the pickle."""
        try:
            view = buffer.raw()
        except BufferError:
            # Not in one piece.
            return True
        if view.nbytes < _LARGE or len(self) == _MOST_BUFFERS:
            return True
        self.append(view)
        return False


def pickled(obj: object) -> tuple[bytes, list[Any] | None, list[Any] | None]:
    """Return the pickle of an object, and the buffers that are not in it, if there are any.

    The third is what has to be kept until the other process has read the pickle, if there is something.

    Args:
        obj: the object.

    Raises:
        Exception: what the pickler raised; `explained` says more.
    """
    buffers = _Buffers()
    shared = modules.get("ungil.shared")
    if shared is not None:
        with shared._keeping() as kept:
            data, has_descriptors = _dumps(obj, buffers)
    else:
        kept = []
        data, has_descriptors = _dumps(obj, buffers)
    if has_descriptors:
        # It is this process, which hands them out.
        kept.append(None)
    return data, buffers or None, kept or None


def _dumps(obj: object, buffers: _Buffers) -> tuple[bytes, bool]:
    try:
        data = dumps(obj, 5, buffer_callback=buffers)
        # A standard connection lets itself be pickled, with a number that means nothing elsewhere.
        is_enough = b"__main__" not in data and b"multiprocessing.connection" not in data
    except Exception:
        # It refuses, or has looked for a function in modules of which one raises.
        is_enough = False
    if is_enough:
        return data, False
    buffers.clear()
    return _by_value(obj, buffers)


def _by_value(obj: object, buffers: _Buffers, is_trial: bool = False) -> tuple[bytes, bool]:
    from ungil._process_pool import descriptors  # what this needs takes long to import

    return descriptors.by_value(obj, buffers, is_trial)


class Carried:
    """A function that goes by value, pickled once for many calls. The other process keeps the last that it read."""

    __slots__ = ("_data",)

    def __init__(self, data: bytes) -> None:
        self._data = data

    def __reduce__(self) -> tuple[Any, ...]:
        """Become the function itself, there."""
        return _read_carried, (self._data,)


def carried(fn: object) -> object:
    """Return what stands for a function in many calls: itself, unless it goes by value."""
    # What brings a descriptor serves once.
    if not _goes_by_value(fn) or _by_value(fn, _Buffers(), is_trial=True)[1]:
        return fn
    data, buffers, kept = pickled(fn)
    return fn if buffers or kept else Carried(data)


def _goes_by_value(fn: object) -> bool:
    try:
        data = dumps(fn, 5)
    except Exception:
        return True
    return b"__main__" in data


_read: dict[bytes, object] = {}
_MOST_READ = 64


def _read_carried(data: bytes) -> object:
    fn = _read.get(data)
    if fn is None:
        fn = pickle.loads(data)
        if len(_read) >= _MOST_READ:
            _read.pop(next(iter(_read)), None)
        _read[data] = fn
    return fn


def explained(failure: BaseException, named: dict[str, object]) -> Exception:
    """Return an exception that says which part of some objects cannot be pickled.

    Args:
        failure: what the pickler raised.
        named: the objects, by what they are called.

    Returns:
        An exception of the same type if that is one of the pickler's own; else a `PicklingError`.
    """
    path = next((path for name, obj in named.items() if (path := _culprit(name, obj, _DEPTH))), None)
    text = f"{path or ' and '.join(named)} cannot be pickled: {failure}"
    kinds: dict[type, type[Exception]] = {kind: kind for kind in _REFUSALS}
    return kinds.get(type(failure), pickle.PicklingError)(text).with_traceback(failure.__traceback__)


def _culprit(path: str, obj: object, depth: int) -> str | None:
    """Return the path to the innermost part that cannot be pickled; None if the object can be."""
    if _can_be(obj):
        return None
    if depth > 0:
        for n, (name, part) in enumerate(_parts(obj)):
            if n == _MOST_PARTS:
                break
            if inner := _culprit(path + name, part, depth - 1):
                return inner
    return path


def _can_be(obj: object) -> bool:
    try:
        _by_value(obj, _Buffers(), is_trial=True)
    except Exception:
        return False
    return True


def _parts(obj: object) -> Iterator[tuple[str, object]]:
    """Give the parts of an object, and how they are reached."""
    if isinstance(obj, dict):
        yield from ((f"[{key!r}]", value) for key, value in obj.items())
    elif isinstance(obj, list | tuple):
        yield from ((f"[{index}]", value) for index, value in enumerate(obj))
    elif isinstance(obj, types.MethodType):
        yield ".__self__", obj.__self__
    elif isinstance(obj, types.FunctionType):
        for name, cell in zip(obj.__code__.co_freevars, obj.__closure__ or (), strict=False):
            try:
                yield f"'s variable {name}", cell.cell_contents
            except ValueError:
                continue
        for name in obj.__code__.co_names:
            if name in obj.__globals__:
                yield f"'s global {name}", obj.__globals__[name]
    elif not isinstance(obj, type | types.ModuleType):
        try:
            attributes = vars(obj)
        except TypeError:
            return
        yield from ((f".{name}", value) for name, value in attributes.items())
