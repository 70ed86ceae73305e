"""What `Dispatcher.stats` returns; apart, so that only those who ask for it pay for named tuples."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ("Stats",)


class Stats(NamedTuple):
    """How often versions of a function were found in the disk cache.

    Attributes:
        cache_path: the folder of the cache; none without `cache=True`, or without a folder for it.
        cache_hits: from argument types, how often they were found.
        cache_misses: from argument types, how often they were not.
    """

    cache_path: str | None
    cache_hits: dict[tuple[object, ...], int]
    cache_misses: dict[tuple[object, ...], int]
