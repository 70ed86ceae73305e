"""The picklers of what `_pickle` alone does not send rightly: what `__main__` defines, and what goes by value."""

from __future__ import annotations

import copyreg
import io
import pickle
import types
from collections import ChainMap

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ungil._process_pool.main_module import MainModule
    from ungil._process_pool.pickles import Buffers

    Table = dict[type, Callable[[Any], Any]]

__all__ = ("by_name", "by_value", "with_table")


class _ByNamePickler(pickle.Pickler):
    """Refuses what the other process does not have of `__main__`."""

    main: MainModule

    def reducer_override(self, obj: Any) -> Any:
        """Look at what goes by name."""
        if isinstance(obj, type | types.FunctionType) and obj.__module__ == "__main__" and not self.main.has(obj):
            raise pickle.PicklingError("the other process does not have it")
        return NotImplemented


def by_name(obj: object, buffers: Buffers, main: MainModule) -> bytes:
    """Return the pickle of an object, with names of `__main__`.

    Args:
        obj: the object.
        buffers: takes those that are not in it.
        main: what the other process has of it.

    Raises:
        PicklingError: the other process does not have all of it.
        Exception: what else the pickler raised.
    """
    file = io.BytesIO()
    pickler = _ByNamePickler(file, 5, buffer_callback=buffers)
    pickler.main = main
    pickler.dump(obj)
    return file.getvalue()


def with_table(obj: object, buffers: Buffers, table: Table) -> bytes:
    """Return the pickle of an object, some of whose parts are reduced otherwise than always.

    Args:
        obj: the object.
        buffers: takes those that are not in it.
        table: how objects of some types are reduced, by the types.

    Raises:
        Exception: what the pickler raised.
    """
    file = io.BytesIO()
    pickler = pickle.Pickler(file, 5, buffer_callback=buffers)
    pickler.dispatch_table = {**copyreg.dispatch_table, **table}
    pickler.dump(obj)
    return file.getvalue()


def by_value(
    obj: object,
    buffers: Buffers | None,
    main: MainModule | None = None,
    table: Table | None = None,
    is_trial: bool = False,
) -> tuple[bytes, bool]:
    """Return the pickle of an object, with what the other process cannot import, and whether it brings descriptors.

    Args:
        obj: the object.
        buffers: takes those that are not in it; None if all are to be.
        main: what the other process has of `__main__`; None for nothing.
        table: how objects of some types are reduced, by the types.
        is_trial: whether only to see if it can be done.

    Raises:
        Exception: what the pickler raised.
    """
    from ungil._process_pool.descriptors import reducers

    found: list[object] = []
    base = _by_value_pickler(main)
    file = io.BytesIO()
    # A pickler looks at its class when it is made.
    namespace = {"dispatch_table": ChainMap(table or {}, *reducers(found, is_trial).maps, base.dispatch_table)}
    type("Pickler", (base,), namespace)(file, 5, buffer_callback=buffers).dump(obj)
    return file.getvalue(), bool(found)


def _by_value_pickler(main: MainModule | None) -> Any:
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
