"""What `start.py` runs in a process of its own: imports the package that it names, and compiles.

With `cached` as a second argument it compiles once, with `cache=True`; else twice, with nothing cached. Prints the
seconds as JSON. Nothing is imported before the package but what the interpreter and this file need.
"""

import importlib
import json
import math
import sys
from time import perf_counter
from typing import Any

# Set to the package's own before anything is compiled.
prange: Any = range


def integrate(a, b, *, n_iter=1000):  # type: ignore[no-untyped-def]
    """Integrate the cosine from `a` to `b` by left sums."""
    acc = 0
    step = (b - a) / n_iter
    for i in prange(n_iter):
        acc += math.cos(a + i * step) * step
    return acc


def main() -> None:
    """Time the import, then the first calls: the second of two compiles anew, with other options."""
    global prange
    start = perf_counter()
    package = importlib.import_module(sys.argv[1])
    times = {"import": perf_counter() - start}
    prange = package.prange
    nothing_cached = {"serial": {}, "parallel": {"parallel": True, "fastmath": True}}
    kinds = {"cached": {"cache": True}} if "cached" in sys.argv else nothing_cached
    for key, flags in kinds.items():
        kernel = package.njit(**flags)(integrate)
        start = perf_counter()
        kernel(0, math.pi / 2, n_iter=1000)
        times[key] = perf_counter() - start
    print(json.dumps(times))


if __name__ == "__main__":
    main()
