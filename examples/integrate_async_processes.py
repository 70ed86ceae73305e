"""The lecture's integral in parts, each a call in a process; the parts are added up as they are completed."""

import math
from functools import partial

from ungil.futures import ProcessPoolExecutor, as_completed


def integrate(f, a, b, *, n_iter=1000):
    """Integrate `f` from `a` to `b` by left sums."""
    acc = 0
    step = (b - a) / n_iter
    for i in range(n_iter):
        acc += f(a + i * step) * step
    return acc


def integrate_async(f, a, b, *, n_jobs, n_iter=1000):
    """Integrate `f` from `a` to `b` in `n_jobs` parts at once."""
    executor = ProcessPoolExecutor(max_workers=n_jobs)
    spawn = partial(executor.submit, integrate, f, n_iter=n_iter // n_jobs)
    step = (b - a) / n_jobs
    fs = [spawn(a + i * step, a + (i + 1) * step) for i in range(n_jobs)]
    return sum(f.result() for f in as_completed(fs))


if __name__ == "__main__":
    print(f"{integrate(math.cos, 0, math.pi / 2):.6f}")
    print(f"{integrate_async(math.cos, 0, math.pi / 2, n_jobs=2):.6f}")
