"""A parallel `for` loop: joblib's `Parallel` and what goes with it, under their own names, on whichever route is best.

Tasks run in line, in threads or in processes: measured and chosen by itself (`backend="auto"`), or as was asked for; on
Dask or Ray, where one machine is not enough. `register` makes joblib, and so scikit-learn, use ungil's pools.

Example:
    >>> from math import sqrt
    >>> from ungil.parallel import Parallel, delayed
    >>> Parallel(n_jobs=2)(delayed(sqrt)(i**2) for i in range(5))
    [0.0, 1.0, 2.0, 3.0, 4.0]
"""

from __future__ import annotations

import importlib

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ungil.parallel._config import effective_n_jobs as effective_n_jobs
    from ungil.parallel._config import parallel_backend as parallel_backend
    from ungil.parallel._config import parallel_config as parallel_config
    from ungil.parallel._config import register_parallel_backend as register_parallel_backend
    from ungil.parallel._cpu_count import cpu_count as cpu_count
    from ungil.parallel._delayed import delayed as delayed
    from ungil.parallel._delayed import wrap_non_picklable_objects as wrap_non_picklable_objects
    from ungil.parallel._joblib import register as register
    from ungil.parallel._parallel import Parallel as Parallel
    from ungil.parallel._told import ParallelStatistics as ParallelStatistics

__all__ = [
    "Parallel",
    "ParallelStatistics",
    "cpu_count",
    "delayed",
    "effective_n_jobs",
    "parallel_backend",
    "parallel_config",
    "register",
    "register_parallel_backend",
    "wrap_non_picklable_objects",
]

# Loaded when they are asked for: a worker process imports `ungil.parallel._batch`, and so this, and needs none of them.
_HOMES = {
    "Parallel": "_parallel",
    "ParallelStatistics": "_told",
    "cpu_count": "_cpu_count",
    "delayed": "_delayed",
    "effective_n_jobs": "_config",
    "parallel_backend": "_config",
    "parallel_config": "_config",
    "register": "_joblib",
    "register_parallel_backend": "_config",
    "wrap_non_picklable_objects": "_delayed",
}


def __getattr__(name: str) -> object:
    """Return a public name."""
    if name in _HOMES:
        value = globals()[name] = getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
        return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
