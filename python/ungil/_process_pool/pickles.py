"""Pickles for another process: of protocol 5, with large buffers beside them, by cloudpickle where that is needed.

What the other process cannot import, it is sent by value: lambdas, closures, and what `__main__` or a notebook defines,
unless it has that `__main__` (`main_module.py`).
Where something cannot be pickled, the message says which part.
"""

from __future__ import annotations

import io
import pickle
import types
from pickle import dumps
from sys import modules

from ungil._process_pool.main_module import MARK

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from ungil._process_pool.main_module import MainModule

__all__ = ("REFUSALS", "Carried", "by_value_pickler", "carried", "culprit", "explained", "pickled")

# Buffers of so many bytes and more go beside the pickle, in pages of their own.
_LARGE = 1 << 15

# No more go so than a message can tell of.
_MOST_BUFFERS = 1000

# What the pickler raises for what it cannot do.
REFUSALS = (pickle.PicklingError, AttributeError, TypeError)

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


def pickled(obj: object, main: MainModule | None = None) -> tuple[bytes, list[Any] | None, list[Any] | None]:
    """Return the pickle of an object, and the buffers that are not in it, if there are any.

    The third is what has to be kept until the other process has read the pickle, if there is something.

    Args:
        obj: the object.
        main: what the other process has of `__main__`; None for nothing.

    Raises:
        Exception: what the pickler raised; `explained` says more.
    """
    buffers = _Buffers()
    shared = modules.get("ungil.shared")
    if shared is not None:
        with shared._keeping() as kept:
            return _dumps(obj, buffers, main), buffers or None, kept or None
    return _dumps(obj, buffers, main), buffers or None, None


def _dumps(obj: object, buffers: _Buffers, main: MainModule | None) -> bytes:
    try:
        data = dumps(obj, 5, buffer_callback=buffers)
        if MARK not in data:
            return data
        if main is not None:
            buffers.clear()
            return _by_name(obj, buffers, main)
    except Exception:  # noqa: S110 -- cloudpickle says it better
        # It refuses, or has looked for a function in modules of which one raises.
        pass
    buffers.clear()
    return _by_value(obj, buffers, main)


class _ByNamePickler(pickle.Pickler):
    """Refuses what the other process does not have of `__main__`."""

    main: MainModule

    def reducer_override(self, obj: Any) -> Any:
        """Look at what goes by name."""
        if isinstance(obj, type | types.FunctionType) and obj.__module__ == "__main__" and not self.main.has(obj):
            raise pickle.PicklingError("the other process does not have it")
        return NotImplemented


def _by_name(obj: object, buffers: _Buffers, main: MainModule) -> bytes:
    file = io.BytesIO()
    pickler = _ByNamePickler(file, 5, buffer_callback=buffers)
    pickler.main = main
    pickler.dump(obj)
    return file.getvalue()


def _by_value(obj: object, buffers: _Buffers | None = None, main: MainModule | None = None) -> bytes:
    file = io.BytesIO()
    by_value_pickler(main)(file, 5, buffer_callback=buffers).dump(obj)
    return file.getvalue()


def by_value_pickler(main: MainModule | None) -> Any:
    """Return cloudpickle's class of picklers; one that sends by name what the other process has of `__main__`."""
    import cloudpickle  # type: ignore[import-untyped]

    if main is None:
        return cloudpickle.Pickler
    has = main.has

    class Pickler(cloudpickle.Pickler):  # type: ignore[misc]
        def reducer_override(self, obj: Any) -> Any:
            """Reduce a class or function."""
            if isinstance(obj, type | types.FunctionType) and obj.__module__ == "__main__" and has(obj):
                return NotImplemented
            return super().reducer_override(obj)

    return Pickler


class Carried:
    """A function that goes by value, pickled once for many calls. The other process keeps the last that it read."""

    __slots__ = ("_data",)

    def __init__(self, data: bytes) -> None:
        self._data = data

    def __reduce__(self) -> tuple[Any, ...]:
        """Become the function itself, there."""
        return _read_carried, (self._data,)


def carried(fn: object, main: MainModule | None = None) -> object:
    """Return what stands for a function in many calls: itself, unless it goes by value."""
    data, buffers, kept = pickled(fn, main)
    if buffers or kept:
        return fn
    return Carried(data) if _goes_by_value(fn, main) else fn


def _goes_by_value(fn: object, main: MainModule | None) -> bool:
    try:
        if MARK not in dumps(fn, 5):
            return False
        if main is not None:
            _by_name(fn, _Buffers(), main)
            # What takes longer to pickle is pickled once.
            return False
    except Exception:
        return True
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
    text = f"{culprit(named)} cannot be pickled: {failure}"
    kinds: dict[type, type[Exception]] = {kind: kind for kind in REFUSALS}
    return kinds.get(type(failure), pickle.PicklingError)(text).with_traceback(failure.__traceback__)


def culprit(named: dict[str, object]) -> str:
    """Return the path to the innermost part of some objects that cannot be pickled."""
    path = next((path for name, obj in named.items() if (path := _culprit(name, obj, _DEPTH))), None)
    return path or " and ".join(named)


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
