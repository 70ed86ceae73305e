"""How the elements of an iterable become the arguments of calls, one by one or in chunks."""

from __future__ import annotations

from itertools import islice

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any

__all__ = ("arguments",)


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
