"""The lecture's integrate, 10**6 steps: ungil beside numba with the same options, in alternating rounds; medians."""

from __future__ import annotations

import importlib.util
import math
import statistics
from collections.abc import Callable

from report import Line, parse, show
from rounds import alternate

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
    calls = {"ungil": prepare(ungil.njit(**flags)(lecture.integrate_cos))}
    if importlib.util.find_spec("numba"):
        calls["numba"] = prepare(numba_kernel(**flags))
    medians = {package: statistics.median(times) for package, times in alternate(calls, repeat).items()}
    return Line(name, medians["ungil"], "numba", medians.get("numba"), least_ratio=least_ratio)


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


if __name__ == "__main__":
    main()
