"""`Source`: the caller's iterable of tasks, drawn from no further than was asked for, and closed when it is left."""

from __future__ import annotations

from itertools import islice

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from ungil.parallel._delayed import Task

__all__ = ("Source",)


class Source:
    """Tasks, in their order.

    Args:
        iterable: where they come from.

    Attributes:
        length: how many there are in all, if the iterable says so.
        is_over: whether there are no more.
        n_drawn: how many were taken from the iterable.
        is_drawing: whether the iterable's own code may be running.
    """

    def __init__(self, iterable: Iterable[Task]) -> None:
        try:
            self.length: int | None = len(iterable)  # type: ignore[arg-type]
        except TypeError:
            self.length = None
        self._iterator = iter(iterable)
        self._drawn: list[Task] = []
        self.is_over = False
        self.is_drawing = False
        self.n_drawn = 0

    @property
    def n_left(self) -> int | None:
        """How many tasks were not taken, if that is known."""
        if self.is_over:
            return len(self._drawn)
        return None if self.length is None else max(self.length - self.n_drawn, 0) + len(self._drawn)

    def draw(self, count: int | None = None) -> None:
        """Draw tasks to be taken later; all of them, without a count.

        Raises:
            BaseException: what the iterable raises.
            TypeError: it gives what is no task.
        """
        self._drawn += self._from_iterator(count)

    def take(self, count: int) -> list[Task]:
        """Take tasks: `count` of them, or as many as there are.

        Args:
            count: the most tasks.

        Raises:
            BaseException: what the iterable raises; what it gave just before is not lost.
            TypeError: it gives what is no task.
        """
        taken, self._drawn = self._drawn[:count], self._drawn[count:]
        if len(taken) < count and not self.is_over:
            taken += self._from_iterator(count - len(taken))
        return taken

    def first(self) -> Task | None:
        """Return the task that will be taken next, if there is one; if that is not known, one is drawn.

        Raises:
            BaseException: what the iterable raises.
        """
        if not self._drawn and not self.is_over:
            self._drawn = self._from_iterator(1)
        return self._drawn[0] if self._drawn else None

    def give_back(self, tasks: list[Task]) -> None:
        """Take back tasks that were taken last."""
        self._drawn = [*tasks, *self._drawn]

    def close(self) -> None:
        """Close the iterable, if it can be: a generator's `finally` blocks run."""
        self.is_over = True
        self._drawn.clear()
        close = getattr(self._iterator, "close", None)
        if callable(close):
            close()

    def _from_iterator(self, count: int | None) -> list[Task]:
        self.is_drawing = True
        try:
            tasks = list(islice(self._iterator, count))
        except BaseException:
            self.is_over = True
            raise
        finally:
            self.is_drawing = False
        if count is None or len(tasks) < count:
            self.is_over = True
        # All at once, which takes a third of the time.
        if not ({*map(type, tasks)} <= {tuple} and {*map(len, tasks)} <= {3}):
            tasks = [_checked(task, n) for n, task in enumerate(tasks, self.n_drawn)]
        self.n_drawn += len(tasks)
        return tasks


def _checked(given: Any, number: int) -> Task:
    try:
        function, args, kwargs = given
    except (TypeError, ValueError):
        raise TypeError(
            f"Parallel wants tasks, as delayed(f)(x) makes them, and the one with index {number} is {given!r:.100}, a"
            f" {type(given).__name__}: write delayed(f)(x) in the place of f(x)"
        ) from None
    return function, args, kwargs
