"""The lecture's integrate, 10**6 steps: ungil beside numba with the same options, in alternating rounds.

A round calls one and then the other, so that a noisy minute hits both; the table shows medians.
"""

from __future__ import annotations

import importlib.util
import math
import statistics
from collections.abc import Callable
from time import perf_counter

from report import Line, parse, show

import ungil
from ungil.cli import lecture
from ungil.cli.rebind import rebind

N_ITER = 10**6
# Calls in a row before the clock is trusted: compilation, the pools' threads, the processor's clock rate.
WARM_UP = 20


def main() -> None:
    """Measure the three settings that have budgets."""
    options = parse(__doc__)
    lines = [
        compare("parallel fastmath", 10, options.repeat, parallel=True, fastmath=True),
        compare("one thread, fastmath", 8, options.repeat, fastmath=True),
        compare("one thread", 1, options.repeat),
    ]
    title = f"integrate(cos, 0, π/2), n_iter={N_ITER:,}, {ungil.get_num_threads()} threads"
    show(title, lines, as_json=options.json)


def compare(name: str, least_ratio: float, repeat: int, **flags: bool) -> Line:
    """Compile the kernel with both and time them in turn."""
    ours = prepare(ungil.njit(**flags)(lecture.integrate_cos))
    numbas = prepare(numba_kernel(**flags)) if importlib.util.find_spec("numba") else None
    our_times, numba_times = [], []
    for _ in range(repeat):
        our_times.append(timed(ours))
        if numbas is not None:
            numba_times.append(timed(numbas))
    peer = statistics.median(numba_times) if numba_times else None
    return Line(name, statistics.median(our_times), "numba", peer, least_ratio=least_ratio)


def numba_kernel(**flags: bool) -> Callable[..., float]:
    """Compile the same source with numba."""
    import numba

    kernel: Callable[..., float] = numba.njit(**flags)(rebind(lecture.integrate_cos, numba.prange, numba.njit))
    return kernel


def prepare(kernel: Callable[..., float]) -> Callable[[], float]:
    """Warm a kernel up and check that it integrates."""

    def call() -> float:
        return kernel(0, math.pi / 2, n_iter=N_ITER)

    for _ in range(WARM_UP):
        result = call()
    assert math.isclose(result, 1.0000007853979, rel_tol=1e-12), result
    return call


def timed(call: Callable[[], float]) -> float:
    """Return the seconds of one call, the second of two: the first finds the caches as the other peer left them."""
    call()
    start = perf_counter()
    call()
    return perf_counter() - start


if __name__ == "__main__":
    main()
