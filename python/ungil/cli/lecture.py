"""The lecture's integrate in its forms: the plain one, the one spread over an executor, and the one that is compiled.

They stand as the lecture wrote them, without annotations, because they are what is measured. Worker processes import
this module by name.
"""

import math
from concurrent.futures import as_completed
from functools import partial

from ungil import prange

__all__ = ("exact", "integrate", "integrate_async", "integrate_cos")


def integrate(f, a, b, *, n_iter=1000):
    """Integrate `f` from `a` to `b` by left sums, in the interpreter."""
    acc = 0
    step = (b - a) / n_iter
    for i in range(n_iter):
        acc += f(a + i * step) * step
    return acc


def integrate_async(executor, integrate, a, b, *, n_jobs, n_iter=1000):
    """Cut `[a, b]` into `n_jobs` parts and give each to `executor`, which has been made beforehand."""
    spawn = partial(executor.submit, integrate, n_iter=n_iter // n_jobs)
    step = (b - a) / n_jobs
    fs = [spawn(a + i * step, a + (i + 1) * step) for i in range(n_jobs)]
    return sum(f.result() for f in as_completed(fs))


def integrate_cos(a, b, *, n_iter=1000):
    """Integrate the cosine from `a` to `b` by left sums: what is compiled."""
    acc = 0
    step = (b - a) / n_iter
    for i in prange(n_iter):
        acc += math.cos(a + i * step) * step
    return acc


def exact(a: float, b: float) -> float:
    """Return the integral of the cosine from `a` to `b`."""
    return math.sin(b) - math.sin(a)
