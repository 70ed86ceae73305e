"""Several calls of a `map` that are sent, made and answered together. Workers import this, and so it imports little."""

from __future__ import annotations

from itertools import islice, starmap

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import Any

__all__ = ("Chunk", "StarChunk", "arguments")


class Chunk:
    """Calls a function with each of several arguments."""

    __slots__ = ("_fn",)

    def __init__(self, fn: Callable[..., Any]) -> None:
        self._fn = fn

    def __call__(self, items: list[Any]) -> list[Any]:
        return list(map(self._fn, items))


class StarChunk(Chunk):
    """Calls a function with each of several tuples of arguments."""

    __slots__ = ()

    def __call__(self, items: list[Any]) -> list[Any]:
        return list(starmap(self._fn, items))


def arguments(items: Iterable[Any], size: int, is_star: bool) -> Iterator[tuple[Any, ...]]:
    """Give the arguments of each call: those of the function if `size` is 1, else of a chunk.

    Args:
        items: where they come from.
        size: how many of them go into a chunk.
        is_star: whether each of the items has all arguments of a call, if they go one by one.
    """
    if size == 1:
        for item in items:
            yield tuple(item) if is_star else (item,)
        return
    iterator = iter(items)
    while chunk := list(islice(iterator, size)):
        yield (chunk,)
