"""An array that processes share: each fills its part of it, and nothing is copied."""

import numpy as np

from ungil import shared
from ungil.futures import ProcessPoolExecutor


def fill(part, first):
    """Put the squares of the numbers from `first` on into `part`."""
    part[:] = np.arange(first, first + len(part)) ** 2


if __name__ == "__main__":
    squares = shared.array(1_000_000, dtype="int64")
    parts = np.split(squares, 4)
    with ProcessPoolExecutor() as executor:
        list(executor.map(fill, parts, range(0, 1_000_000, 250_000)))
    print(squares[:5], squares[-1])
