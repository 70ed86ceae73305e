"""Progress bars, which are tqdm's: in a terminal or a notebook, whichever it finds."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any, TypeVar

    T = TypeVar("T")

__all__ = ("bar_class", "shown")


def shown(iterator: Iterator[T], total: int | None) -> Iterator[T]:
    """Show how far an iterator has come.

    Args:
        iterator: what is iterated over.
        total: how many elements there will be; None if that is not known.

    Returns:
        An iterator over the same elements.

    Raises:
        ImportError: tqdm is not installed.
    """
    return _each(iterator, bar_class()(total=total))


def bar_class() -> Callable[..., Any]:
    """Return tqdm's class for a bar.

    Returns:
        The class.

    Raises:
        ImportError: tqdm is not installed.
    """
    try:
        from tqdm.auto import tqdm
    except ImportError as missing:
        raise ImportError("progress=True shows a bar of tqdm, which is not installed: pip install tqdm") from missing
    return tqdm


def _each(iterator: Iterator[T], bar: Any) -> Iterator[T]:
    with bar:
        for element in iterator:
            bar.update()
            yield element
            del element
