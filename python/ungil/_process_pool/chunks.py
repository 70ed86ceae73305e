"""Several calls of a `map` that are sent, made and answered together. Workers import this, and so it imports little."""

from __future__ import annotations

from itertools import starmap

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

__all__ = ("Chunk", "StarChunk")


class Chunk:
    """Calls a function with each of several arguments."""

    __slots__ = ("_fn",)

    def __init__(self, fn: Callable[..., Any]) -> None:
        self._fn = fn

    def __repr__(self) -> str:
        return f"a chunk of {getattr(self._fn, '__qualname__', repr(self._fn))}"

    def __call__(self, items: list[Any]) -> list[Any]:
        return list(map(self._fn, items))


class StarChunk(Chunk):
    """Calls a function with each of several tuples of arguments."""

    __slots__ = ()

    def __call__(self, items: list[Any]) -> list[Any]:
        return list(starmap(self._fn, items))
