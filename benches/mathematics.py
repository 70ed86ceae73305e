"""Every function of `math` in a loop of 10**6 turns, serial and parallel, `fastmath` on both, beside numba.

Each kernel sums the function over evenly spaced arguments from the range named here. Times are the shortest of the
rounds, which alternate. The last line is the geometric mean of all the ratios.
"""

from __future__ import annotations

import importlib
import importlib.util
import statistics
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from report import Line, parse, show
from rounds import alternate

N_TURNS = 1_000_000
PACKAGES = ("ungil", "numba")
# From each expression of `x`, where `x` runs.
FUNCTIONS: dict[str, tuple[float, float]] = {
    "sin(x)": (-20.0, 20.0),
    "cos(x)": (-20.0, 20.0),
    "tan(x)": (-20.0, 20.0),
    "asin(x)": (-1.0, 1.0),
    "acos(x)": (-1.0, 1.0),
    "atan(x)": (-20.0, 20.0),
    "sinh(x)": (-20.0, 20.0),
    "cosh(x)": (-20.0, 20.0),
    "tanh(x)": (-20.0, 20.0),
    "asinh(x)": (-20.0, 20.0),
    "acosh(x)": (1.0, 20.0),
    "atanh(x)": (-0.999, 0.999),
    "exp(x)": (-20.0, 20.0),
    "exp2(x)": (-20.0, 20.0),
    "expm1(x)": (-20.0, 20.0),
    "log(x)": (0.001, 1000.0),
    "log2(x)": (0.001, 1000.0),
    "log10(x)": (0.001, 1000.0),
    "log1p(x)": (-0.999, 1000.0),
    "sqrt(x)": (0.0, 1000.0),
    "erf(x)": (-5.0, 5.0),
    "erfc(x)": (-5.0, 5.0),
    "gamma(x)": (0.1, 20.0),
    "lgamma(x)": (0.1, 20.0),
    "gamma(-x)": (0.1, 20.0),
    "lgamma(-x)": (0.1, 20.0),
    "fabs(x)": (-20.0, 20.0),
    "floor(x)": (-20.0, 20.0),
    "ceil(x)": (-20.0, 20.0),
    "trunc(x)": (-20.0, 20.0),
    "degrees(x)": (-20.0, 20.0),
    "radians(x)": (-20.0, 20.0),
    "copysign(x, 1.5 - x)": (-20.0, 20.0),
    "atan2(x, 1.5)": (-20.0, 20.0),
    "hypot(x, 1.5)": (-20.0, 20.0),
    "pow(x, 1.5)": (0.001, 1000.0),
    "fmod(x, 1.5)": (-20.0, 20.0),
    "remainder(x, 1.5)": (-20.0, 20.0),
    "isnan(x)": (-20.0, 20.0),
    "isinf(x)": (-20.0, 20.0),
    "isfinite(x)": (-20.0, 20.0),
}
SOURCE = """
import math
def kernel(low, step, n):
    total = 0.0
    for i in prange(n):
        x = low + i * step
        total += math.{expression}
    return total
"""


def main() -> None:
    """Measure every function in both packages, in alternating rounds."""
    options = parse(__doc__)
    packages = [name for name in PACKAGES if importlib.util.find_spec(name)]
    lines = []
    with tempfile.TemporaryDirectory() as folder:
        for expression, (low, high) in FUNCTIONS.items():
            for kind in ("serial", "parallel"):
                args = (low, (high - low) / N_TURNS, N_TURNS)
                kernels = {name: kernel(name, expression, kind == "parallel", Path(folder)) for name in packages}
                calls = {name: partial(compiled, *args) for name, compiled in kernels.items() if runs(compiled, args)}
                best = {name: min(times) for name, times in alternate(calls, options.repeat).items()}
                lines.append(Line(f"{expression}, {kind}", best["ungil"], "numba", best.get("numba"), least_ratio=1.0))
    show(f"functions of math, fastmath, {N_TURNS:,} turns", lines, as_json=options.json)
    ratios = [line.ratio for line in lines if line.ratio is not None]
    if ratios and not options.json:
        mean, slower = statistics.geometric_mean(ratios), sum(ratio < 1 for ratio in ratios)
        print(f"geometric mean of {len(ratios)} ratios: {mean:.2f} (budget: at least 4); slower than numba: {slower}")


def kernel(package: str, expression: str, parallel: bool, folder: Path) -> Callable[..., float]:
    """Compile the sum of an expression, from a file of its own."""
    module: Any = importlib.import_module(package)
    name = f"{package}_{abs(hash(expression))}_{int(parallel)}"
    path = folder / f"{name}.py"
    path.write_text(SOURCE.format(expression=expression))
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    loaded: Any = importlib.util.module_from_spec(spec)
    sys.modules[name] = loaded
    loaded.prange = module.prange
    spec.loader.exec_module(loaded)
    compiled: Callable[..., float] = module.njit(parallel=parallel, fastmath=True)(loaded.kernel)
    return compiled


def runs(compiled: Callable[..., float], args: tuple[object, ...]) -> bool:
    """Whether the package knows the function."""
    try:
        compiled(*args)
    except Exception as error:
        print(f"{compiled!r}: {type(error).__name__}", file=sys.stderr)
        return False
    return True


if __name__ == "__main__":
    main()
