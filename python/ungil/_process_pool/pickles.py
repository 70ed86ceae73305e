"""Pickles for another process: of protocol 5, with large buffers beside them, by cloudpickle where that is needed.

What the other process cannot import, it is sent by value: lambdas, closures, and what `__main__` or a notebook defines,
unless it has that `__main__` (`main_module.py`); `picklers.py` sees to that.
Sockets and connections are passed on as `descriptors.py` says.

Workers import this. It does with `_pickle`, which is all of `pickle` but what that has in Python: the first result of a
new pool would wait for its import.
"""

from __future__ import annotations

import io
import types
from _pickle import PickleBuffer, Unpickler, dumps, loads
from sys import modules

from ungil import _core
from ungil._process_pool.main_module import MARK

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ungil._process_pool.main_module import MainModule
    from ungil._process_pool.picklers import Table

__all__ = (
    "Buffers",
    "Carried",
    "carried",
    "head_of",
    "pickled",
    "pickled_call",
    "read_call",
    "read_plain",
)

# Buffers of so many bytes and more go beside the pickle, in pages of their own.
_LARGE = 1 << 15

# No more go so than a message can tell of.
_MOST_BUFFERS = 1000


class Buffers(list["memoryview"]):
    """The buffers that are not in a pickle; the callback by which the pickler offers them."""

    def __call__(self, buffer: PickleBuffer) -> bool:
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


def pickled(
    obj: object, main: MainModule | None = None, table: Table | None = None
) -> tuple[bytes, list[Any] | None, list[Any] | None]:
    """Return the pickle of an object, and the buffers that are not in it, if there are any.

    The third is what has to be kept until the other process has read the pickle, if there is something.

    Args:
        obj: the object.
        main: what the other process has of `__main__`; None for nothing.
        table: how objects of some types are reduced, by the types, where that is not as always.

    Raises:
        Exception: what the pickler raised; `explained.py` says more.
    """
    buffers = Buffers()
    shared = modules.get("ungil.shared")
    if shared is not None:
        with shared._keeping() as kept:
            data, has_descriptors = _dumps(obj, buffers, main, table)
    else:
        kept = []
        data, has_descriptors = _dumps(obj, buffers, main, table)
    if has_descriptors:
        # It is this process, which hands them out.
        kept.append(None)
    return data, buffers or None, kept or None


def pickled_call(
    fn: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], main: MainModule | None = None
) -> tuple[bytes, list[Any] | None, list[Any] | None]:
    """Return the same of a call, for `read_call`.

    A function that the other process can import goes by its names. The pickler would do so too, and take four times as
    long over it as over an argument. Where the arguments are plain as well, no pickle is needed (`submit_plain`).

    Args:
        fn: what is called.
        args: its positional arguments.
        kwargs: its keyword arguments.
        main: as `pickled` has it.

    Raises:
        Exception: as `pickled`.
    """
    names = _names_of(fn)
    return pickled((fn, args, kwargs) if names is None else (*names, args, kwargs), main)


def head_of(fn: object) -> tuple[str, str] | tuple[bytes] | None:
    """Return what stands for a function in a call that needs no other pickle (`_ProcessPool.submit_plain`)."""
    return (fn.data,) if isinstance(fn, Carried) else _names_of(fn)


def _names_of(fn: object) -> tuple[str, str] | None:
    """Return the module and the name by which the other process can import a function, if it can."""
    if type(fn) in _NAMED:
        module, name = fn.__module__, fn.__name__  # type: ignore[attr-defined]
        found = modules.get(module)
        if found is not None and module != "__main__" and vars(found).get(name) is fn:
            return module, name
    return None


def read_call(data: bytes, buffers: list[Any] | None) -> tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any]]:
    """Return the call of which this is the pickle, and these are the buffers beside it.

    Raises:
        Exception: what the unpickler raised.
    """
    call = loads(data, buffers=buffers) if buffers else loads(data)
    if len(call) == 3:
        return call  # type: ignore[no-any-return]
    module, name, args, kwargs = call
    return _named(module, name), args, kwargs


def read_plain(call: tuple[Any, ...]) -> tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any]]:
    """Return the call that came without a pickle: the head of what is called (`head_of`), and the arguments.

    Raises:
        Exception: what the unpickler raised.
    """
    *head, args = call
    fn = _read_carried(*head) if len(head) == 1 else _named(*head)
    return fn, args, {}


def _named(module: str, name: str) -> Any:
    try:
        return getattr(modules[module], name)
    except (KeyError, AttributeError):
        # It is still to be imported; or is not there, and the unpickler says so.
        return Unpickler(io.BytesIO()).find_class(module, name)


# What is pickled by its names.
_NAMED = frozenset({types.BuiltinFunctionType, types.FunctionType})


# What a pickle has in it that has a connection of the standard library's: it lets itself be pickled, with a number that
# means nothing elsewhere.
_CONNECTION = b"multiprocessing.connection"


def _dumps(obj: object, buffers: Buffers, main: MainModule | None, table: Table | None) -> tuple[bytes, bool]:
    """Return a pickle, and whether it brings descriptors."""
    try:
        if table is None:
            data = dumps(obj, 5, buffer_callback=buffers)
        else:
            from ungil._process_pool.picklers import with_table

            data = with_table(obj, buffers, table)
        if not _names(data, _CONNECTION):
            if not _names(data, MARK):
                return data, False
            if main is not None:
                from ungil._process_pool.picklers import by_name

                buffers.clear()
                return by_name(obj, buffers, main), False
    except Exception:  # noqa: S110 -- cloudpickle says it better
        # It refuses, or has looked for a function in modules of which one raises.
        pass
    from ungil._process_pool.picklers import by_value

    buffers.clear()
    return by_value(obj, buffers, main, table)


def _names(data: bytes, module: bytes) -> bool:
    """Return whether a pickle names something of a module; that its name is somewhere in it says little."""
    return module in data and _core._pickle_names(data, module.decode())


class Carried:
    """A function that goes by value, pickled once for many calls. The other process keeps the last that it read.

    Attributes:
        data: the pickle.
    """

    __slots__ = ("_name", "data")

    def __init__(self, data: bytes, name: str) -> None:
        self.data = data
        self._name = name

    def __repr__(self) -> str:
        return self._name

    def __reduce__(self) -> tuple[Any, ...]:
        """Become the function itself, there."""
        return _read_carried, (self.data,)


def carried(fn: object, main: MainModule | None = None) -> object:
    """Return what stands for a function in many calls: itself, unless it goes by value."""
    if not _goes_by_value(fn, main):
        return fn
    from ungil._process_pool.picklers import by_value

    if by_value(fn, Buffers(), main, is_trial=True)[1]:
        # What brings a descriptor serves once.
        return fn
    data, buffers, kept = pickled(fn, main)
    return fn if buffers or kept else Carried(data, getattr(fn, "__qualname__", repr(fn)))


def _goes_by_value(fn: object, main: MainModule | None) -> bool:
    try:
        if not _names(dumps(fn, 5), MARK):
            return False
        if main is not None:
            from ungil._process_pool.picklers import by_name

            by_name(fn, Buffers(), main)
            # What takes longer to pickle is pickled once.
            return False
    except Exception:
        return True
    return True


_read: dict[bytes, object] = {}
_MOST_READ = 64


def _read_carried(data: bytes) -> Any:
    fn = _read.get(data)
    if fn is None:
        fn = loads(data)
        if len(_read) >= _MOST_READ:
            _read.pop(next(iter(_read)), None)
        _read[data] = fn
    return fn
