"""`Future`: ours, and a standard one to whoever asks.

All that a future does is done in `ungil._core`, whose class comes first among the bases. The standard class is there so
that `isinstance` says yes; its `__init__` is never run.
"""

from __future__ import annotations

import concurrent.futures

from ungil import _core

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeVar

    T = TypeVar("T")

    class _Standard(concurrent.futures.Future[T]):
        """The standard class, as which type checkers see ours, with what ours has of its own."""

        def _set_stop(self, event: _core.Event) -> None: ...
        def _log_unfetched(self) -> None: ...

else:
    T = None

    class _Standard(_core._Future, concurrent.futures.Future):
        __slots__ = ()


__all__ = ("Future",)


class Future(_Standard[T]):
    """What will have come of a call that an executor makes: a `concurrent.futures.Future`, made several times faster.

    Executors make futures. Any number of threads may use one, and call all of its methods. In a forked child, a future
    whose call was being made by another thread of the parent has failed with `BrokenThreadPool`.

    Example:
        >>> from ungil.futures import ThreadPoolExecutor
        >>> with ThreadPoolExecutor(max_workers=1) as executor:
        ...     future = executor.submit(sorted, [4, 3, 1, 2])
        ...     future.result()
        [1, 2, 3, 4]
        >>> future.running(), future.done(), future.cancelled()
        (False, True, False)
    """

    __slots__ = ()


Future.__module__ = "ungil.futures"
_core._make_quickly(Future)
