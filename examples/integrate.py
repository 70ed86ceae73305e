"""The lecture's integrate: a plain Python loop, compiled at its first call and spread over every core."""

import math

from ungil import jit, prange


@jit(nopython=True, parallel=True, fastmath=True)
def integrate(a, b, *, n_iter=1000):
    """Integrate the cosine from `a` to `b` by left sums."""
    acc = 0
    step = (b - a) / n_iter
    for i in prange(n_iter):
        acc += math.cos(a + i * step) * step
    return acc


if __name__ == "__main__":
    print(integrate(0, math.pi / 2, n_iter=10**6))
