"""Why something cannot be pickled: which part of it is at fault."""

from __future__ import annotations

import pickle
import types

from ungil._process_pool.picklers import by_value
from ungil._process_pool.pickles import Buffers

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ("REFUSALS", "culprit", "explained")

# What the pickler raises for what it cannot do.
REFUSALS = (pickle.PicklingError, AttributeError, TypeError)

# In how many parts of an object, and how deep, the one at fault is looked for.
_MOST_PARTS = 1000
_DEPTH = 12


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
        by_value(obj, Buffers(), is_trial=True)
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
