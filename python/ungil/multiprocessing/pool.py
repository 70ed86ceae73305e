"""The pools of `multiprocessing`, and what their methods return: the names of `multiprocessing.pool`.

`Pool` and `ThreadPool` are ours (`docs/reference/multiprocessing.md`). Their exceptions are the standard library's.

Example:
    >>> from ungil.multiprocessing.pool import ThreadPool
    >>> with ThreadPool(2) as pool:
    ...     pool.map(len, ["one", "three"])
    [3, 5]
"""

from __future__ import annotations

import sys
from multiprocessing.pool import MaybeEncodingError, RemoteTraceback  # type: ignore[attr-defined]

if sys.platform == "linux":
    from ungil._mp_pool.iterators import IMapIterator, IMapUnorderedIterator
    from ungil._mp_pool.pool import Pool, ThreadPool
    from ungil._mp_pool.results import ApplyResult, MapResult
else:
    from multiprocessing.pool import ApplyResult, IMapIterator, IMapUnorderedIterator, MapResult, Pool, ThreadPool

AsyncResult = ApplyResult

__all__ = (
    "ApplyResult",
    "AsyncResult",
    "IMapIterator",
    "IMapUnorderedIterator",
    "MapResult",
    "MaybeEncodingError",
    "Pool",
    "RemoteTraceback",
    "ThreadPool",
)
