"""Pickles for another process: of protocol 5, with large buffers beside them, by cloudpickle where that is needed.

What the other process cannot import, it is sent by value: lambdas, closures, and what `__main__` or a notebook defines.
Where something cannot be pickled, the message says which part.
"""

from __future__ import annotations

import copyreg
import io
import pickle
import types
from collections import ChainMap
from pickle import dumps
from sys import modules

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    Table = dict[type, Callable[[Any], Any]]

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


def pickled(obj: object, table: Table | None = None) -> tuple[bytes, list[Any] | None, list[Any] | None]:
    """Return the pickle of an object, and the buffers that are not in it, if there are any.

    The third is what has to be kept until the other process has read the pickle, if there is something.

    Args:
        obj: the object.
        table: how objects of some types are reduced, by the types, where that is not as always.

    Raises:
        Exception: what the pickler raised; `explained` says more.
    """
    buffers = _Buffers()
    shared = modules.get("ungil.shared")
    if shared is not None:
        with shared._keeping() as kept:
            return _dumps(obj, buffers, table), buffers or None, kept or None
    return _dumps(obj, buffers, table), buffers or None, None


def _dumps(obj: object, buffers: _Buffers, table: Table | None) -> bytes:
    try:
        data = dumps(obj, 5, buffer_callback=buffers) if table is None else _with_table(obj, buffers, table)
        is_enough = b"__main__" not in data
    except Exception:
        # It refuses, or has looked for a function in modules of which one raises.
        is_enough = False
    if is_enough:
        return data
    buffers.clear()
    return _by_value(obj, buffers, table)


def _with_table(obj: object, buffers: _Buffers, table: Table) -> bytes:
    file = io.BytesIO()
    pickler = pickle.Pickler(file, 5, buffer_callback=buffers)
    pickler.dispatch_table = {**copyreg.dispatch_table, **table}
    pickler.dump(obj)
    return file.getvalue()


def _by_value(obj: object, buffers: _Buffers | None = None, table: Table | None = None) -> bytes:
    import cloudpickle  # type: ignore[import-untyped]

    if table is None:
        data: bytes = cloudpickle.dumps(obj, protocol=5, buffer_callback=buffers)
        return data
    file = io.BytesIO()
    # A pickler looks at its class when it is made.
    namespace = {"dispatch_table": ChainMap(table, cloudpickle.Pickler.dispatch_table)}
    type("Pickler", (cloudpickle.Pickler,), namespace)(file, 5, buffer_callback=buffers).dump(obj)
    return file.getvalue()


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
    data, buffers, kept = pickled(fn)
    if buffers or kept:
        return fn
    return Carried(data) if _goes_by_value(fn) else fn


def _goes_by_value(fn: object) -> bool:
    try:
        return b"__main__" in dumps(fn, 5)
    except Exception:
        return True


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
        _by_value(obj, _Buffers())
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
