"""`wait` and `as_completed`: several futures at once, ours and standard ones, in any mixture."""

from __future__ import annotations

from concurrent.futures import ALL_COMPLETED, FIRST_COMPLETED, FIRST_EXCEPTION

# Not in its `__all__`, but what it is known by.
from concurrent.futures._base import DoneAndNotDoneFutures

from ungil._core import _Group
from ungil._progress import shown

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from concurrent.futures import Future
    from typing import Any, TypeVar

    T = TypeVar("T")

__all__ = ("as_completed", "wait")


def wait(
    fs: Iterable[Future[T]], timeout: float | None = None, return_when: str = ALL_COMPLETED
) -> DoneAndNotDoneFutures[T]:
    """Wait until enough of several futures are done.

    Args:
        fs: the futures, of any executors; one that is in it twice counts once.
        timeout: the most seconds to wait; None waits without end.
        return_when: `FIRST_COMPLETED` waits for one, `FIRST_EXCEPTION` for one whose call has raised or for all,
            `ALL_COMPLETED` for all.

    Returns:
        The set of those that are done, cancelled ones among them, and the set of the others; a named tuple with `done`
        and `not_done`.

    Raises:
        ValueError: `return_when` is none of these.

    Example:
        >>> from ungil.futures import ThreadPoolExecutor, wait
        >>> with ThreadPoolExecutor(max_workers=2) as executor:
        ...     done, not_done = wait([executor.submit(pow, 2, n) for n in range(3)])
        >>> sorted(future.result() for future in done), not_done
        ([1, 2, 4], set())
    """
    if return_when not in (FIRST_COMPLETED, FIRST_EXCEPTION, ALL_COMPLETED):
        raise ValueError(f"Invalid return condition: {return_when!r}")
    group = _Group(set(fs), timeout)
    try:
        return DoneAndNotDoneFutures(*group.wait(return_when == FIRST_COMPLETED, return_when == FIRST_EXCEPTION))
    finally:
        group.close()


def as_completed(
    fs: Iterable[Future[T]], timeout: float | None = None, *, progress: bool = False
) -> Iterator[Future[T]]:
    """Give each of several futures when it is done, the first first.

    Args:
        fs: the futures, of any executors; one that is in it twice is given once.
        timeout: the most seconds from now until the last is done; None waits without end.
        progress: whether to show a bar of tqdm, which counts the futures that were given.

    Returns:
        An iterator over the futures, which lets go of those that it has given.

    Raises:
        TimeoutError: not all were done in time; by the iterator.
        ImportError: tqdm is not installed, and `progress` is true.

    Example:
        >>> from ungil.futures import ThreadPoolExecutor, as_completed
        >>> with ThreadPoolExecutor(max_workers=2) as executor:
        ...     futures = [executor.submit(pow, 2, n) for n in range(3)]
        ...     sum(future.result() for future in as_completed(futures))
        7
    """
    futures = set(fs)
    each = _each(_Group(futures, timeout))
    return shown(each, len(futures)) if progress else each


def _each(group: _Group) -> Iterator[Future[Any]]:
    try:
        yield from group
    finally:
        group.close()


as_completed.__module__ = wait.__module__ = "ungil.futures"
