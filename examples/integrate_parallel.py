"""The lecture's integral in parts, each a task of a parallel loop, by each of the ways to run it."""

import math

from ungil.parallel import Parallel, delayed


def integrate(f, a, b, *, n_iter=1000):
    """Integrate `f` from `a` to `b` by left sums."""
    acc = 0
    step = (b - a) / n_iter
    for i in range(n_iter):
        acc += f(a + i * step) * step
    return acc


def integrate_async(f, a, b, *, n_jobs, n_iter=1000, backend=None):
    """Integrate `f` from `a` to `b` in `n_jobs` parts at once."""
    step = (b - a) / n_jobs
    with Parallel(n_jobs=n_jobs, backend=backend) as parallel:
        fs = (delayed(integrate)(f, a + i * step, a + (i + 1) * step, n_iter=n_iter // n_jobs) for i in range(n_jobs))
    return sum(parallel(fs))


if __name__ == "__main__":
    print(f"{integrate(math.cos, 0, math.pi / 2):.6f}")
    for backend in (None, "auto", "threading", "multiprocessing", "loky", "processes", "sequential"):
        print(f"{integrate_async(math.cos, 0, math.pi / 2, n_jobs=2, backend=backend):.6f} {backend}")
