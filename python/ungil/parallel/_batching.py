"""How many tasks go together: measured times in, a number out.

A batch is to take so long that what it costs to send it does not count, and so short that no processor waits for the
last one. This knows neither tasks nor executors.
"""

from __future__ import annotations

__all__ = ("TARGET", "Batching")

# Seconds that a batch is to take. Measured on 10,000 tasks of 10 us in two processes: from 1 to 10 ms it makes no
# difference that stands out, with 0.5 ms they take longer.
TARGET = 5e-3

# A batch is at most so many times as long as the longest that has come back: the first times may not be typical.
_GROWTH = 8

# Of what is left each processor gets its share in so many parts, so that the last ones end at about the same time.
_PARTS = 3

# The weight of the last batch in the mean.
_WEIGHT = 0.5


class Batching:
    """Sizes the batches of a call.

    Args:
        n_jobs: how many batches run at once.
        fixed: the size, if it is not to be measured.
    """

    def __init__(self, n_jobs: int, fixed: int | None = None) -> None:
        self._n_jobs = n_jobs
        self._fixed = fixed
        self._largest = 0
        # Of one task; None until a batch has come back.
        self.seconds: float | None = None

    def size(self, n_left: int | None) -> int:
        """Return how many tasks the next batch has.

        Args:
            n_left: how many tasks there still are, if that is known.
        """
        if self._fixed is not None:
            return self._fixed
        if self.seconds is None:
            return 1
        most = self._largest * _GROWTH
        size = int(TARGET / self.seconds) if self.seconds * most > TARGET else most
        if n_left is not None:
            size = min(size, -(-n_left // (_PARTS * self._n_jobs)))
        return max(size, 1)

    def record(self, n_tasks: int, seconds: float) -> None:
        """Take a batch's time into account.

        Args:
            n_tasks: how many tasks it had.
            seconds: how long they ran, one after the other.
        """
        each = seconds / n_tasks
        self.seconds = each if self.seconds is None else _WEIGHT * each + (1 - _WEIGHT) * self.seconds
        self._largest = max(self._largest, n_tasks)
