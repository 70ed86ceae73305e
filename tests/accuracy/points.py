"""How far the functions of `math` may be from the exact result, and the points at which that is measured.

`ROWS` and `PAIR_ROWS` are the one table of bounds: the tests assert it, and `write_reference.py` writes
docs/reference/mathematics.md from it. Results are those of compiled code; the exact ones are mpmath's, with
enough bits that their own error does not count.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import cycle
from typing import Any

import numpy as np
from mpmath import libmp  # type: ignore[import-untyped]

import ungil

N_POINTS = 100_000
HUGE = sys.float_info.max
LEAST = 5e-324
NORMAL = sys.float_info.min
# Bits that the reference is computed with: 37 more than a result has at least.
PRECISION = 90
# Turns of a loop in which a function is measured: two of four vectors of four.
N_TURNS = 32

Exact = Callable[..., Any]


@dataclass(frozen=True)
class Row:
    """A function of one argument: the bound of its error in ULP, the exact function, and the intervals of arguments."""

    name: str
    bound: float
    exact: Exact
    intervals: tuple[tuple[float, float], ...]
    fast: bool = False
    # Whether loops compute it in a way of their own, to be measured in one.
    looped: bool = False

    @property
    def title(self) -> str:
        """The function as the reference calls it."""
        return f"`{self.name}`, fast" if self.fast else f"`{self.name}`"

    @property
    def range(self) -> str:
        """The arguments for which the bound holds, as the reference says it."""
        low = min(low for low, _ in self.intervals)
        high = max(high for _, high in self.intervals)
        return "all" if (low, high) == (-HUGE, HUGE) else f"{_shown(low)} to {_shown(high)}"

    def largest_error(self) -> tuple[float, float]:
        """Measure: the largest error, in ULP, and where it is."""
        function = compiled_in_loop(self.name) if self.looped else compiled(self.name, self.fast)
        return max((ulps(function(x), self.exact(libmp.from_float(x))), x) for x in self.points())

    def points(self) -> Iterator[float]:
        """At least `N_POINTS` arguments: edges, evenly spread ones, and ones of every size."""
        rng = np.random.default_rng(len(self.name))
        share = N_POINTS // (2 * len(self.intervals)) + 1
        for low, high in self.intervals:
            yield from (x for x in edges() if low <= x <= high)
            near, far = max(low, -20.0), min(high, 20.0)
            yield from rng.uniform(near, far, share).tolist()
            yield from of_every_size(rng, low, high, share)
        if self.name in ("sin", "cos", "tan"):
            yield from multiples_of_half_pi()
        if self.name == "lgamma":
            yield from next_to_zeros_of_log_gamma()


@dataclass(frozen=True)
class PairRow:
    """A function of two arguments: the bound of its error in ULP, the exact function, and where the bound holds."""

    name: str
    bound: float
    exact: Exact
    range: str
    fast: bool = False
    looped: bool = False

    @property
    def title(self) -> str:
        """The function as the reference calls it."""
        return f"`{self.name}`, fast" if self.fast else f"`{self.name}`"

    def largest_error(self) -> tuple[float, tuple[float, float]]:
        """Measure: the largest error, in ULP, and where it is."""
        function = compiled_of_two_in_loop(self.name) if self.looped else compiled_of_two(self.name, self.fast)

        def error(x: float, y: float) -> float:
            return ulps(function(x, y), self.exact(libmp.from_float(x), libmp.from_float(y)))

        return max((error(x, y), (x, y)) for x, y in self.pairs())

    def pairs(self) -> Iterator[tuple[float, float]]:
        """At least `N_POINTS` pairs; powers of negative bases, subnormal ones and such as overflow among them."""
        rng = np.random.default_rng(len(self.name))
        share = N_POINTS // 3 + 1
        if self.name == "pow":
            bases = np.exp(rng.uniform(-708.0, 708.0, share))
            yield from zip(bases.tolist(), (rng.uniform(-708.0, 708.0, share) / np.log(bases)).tolist(), strict=True)
            bases = rng.uniform(0.0, 3.0, share)
            yield from zip(bases.tolist(), rng.uniform(-20.0, 20.0, share).tolist(), strict=True)
            bases = 1.0 + rng.uniform(-1e-9, 1e-9, share)
            yield from zip(bases.tolist(), rng.uniform(-1e11, 1e11, share).tolist(), strict=True)
            bases = np.exp(rng.uniform(-708.0, 708.0, share))
            for low, high in ((-746.0, -707.0), (707.0, 711.0)):
                results = rng.uniform(low, high, share)
                yield from zip(bases.tolist(), (results / np.log(bases)).tolist(), strict=True)
            bases = -np.exp(rng.uniform(-20.0, 20.0, share))
            yield from zip(bases.tolist(), rng.integers(-55, 56, share).astype(float).tolist(), strict=True)
            bases = rng.integers(1, 1 << 52, share).view(np.float64)
            yield from zip(bases.tolist(), rng.uniform(-1.0, 1.0, share).tolist(), strict=True)
            return
        near = rng.uniform(-4.0, 4.0, (2, share))
        yield from zip(*near.tolist(), strict=True)
        scales = np.exp(rng.uniform(-740.0, 700.0, share))
        yield from zip(*(near * scales).tolist(), strict=True)
        yield from zip(*(list(of_every_size(rng, -HUGE / 2, HUGE / 2, share)) for _ in range(2)), strict=True)


def compiled(name: str, fast: bool) -> Callable[..., float]:
    """The function of `math`, called from compiled code."""
    function = getattr(math, name)

    @ungil.njit(fastmath={"afn"} if fast else False)
    def of_one(x: float) -> float:
        return function(x)  # type: ignore[no-any-return]

    return of_one


def compiled_of_two(name: str, fast: bool) -> Callable[..., float]:
    """The function of `math` of two arguments, called from compiled code."""
    function = getattr(math, name)

    @ungil.njit(fastmath={"afn"} if fast else False)
    def of_two(x: float, y: float) -> float:
        return function(x, y)  # type: ignore[no-any-return]

    return of_two


def compiled_in_loop(name: str) -> Callable[..., float]:
    """The fast function of `math`, called from a loop that computes many side by side.

    From call to call the result is that of the next turn, so that each vector and each place in it are measured.
    """
    function = getattr(math, name)
    turns = cycle(range(N_TURNS))

    # Adding turns of a zero keeps every number, -0.0 too, and LLVM cannot know that they are all the same.
    @ungil.njit(fastmath={"afn", "reassoc"})
    def of_many(x: float, zero: float, n: int, wanted: int) -> float:
        result = -0.0
        for i in range(n):
            value = function(x + i * zero)
            result += value if i == wanted else -0.0
        return result

    return lambda x: of_many(x, -0.0, N_TURNS, next(turns))


def compiled_of_two_in_loop(name: str) -> Callable[..., float]:
    """As `compiled_in_loop`, of two arguments."""
    function = getattr(math, name)
    turns = cycle(range(N_TURNS))

    @ungil.njit(fastmath={"afn", "reassoc", "contract"})
    def of_many(x: float, y: float, zero: float, n: int, wanted: int) -> float:
        result = -0.0
        for i in range(n):
            value = function(x + i * zero, y)
            result += value if i == wanted else -0.0
        return result

    return lambda x, y: of_many(x, y, -0.0, N_TURNS, next(turns))


def edges() -> list[float]:
    """Numbers at which something changes, and their neighbours."""
    ends = [1e-300, 1e-20, 1e-8, 0.5, 1.0, 2.0, math.e, 10.0, 708.0, 745.13, 1e5, 1e22, 1e300]
    ends += [2.0**e for e in (-1022, -126, -54, -28, -27, 23, 30, 31, 52, 53, 128, 1023)]
    # The one that is nearest to a multiple of pi/2, and numbers around the multiples themselves.
    ends += [6381956970095103 * 2.0**797, math.pi / 4, math.pi / 2, math.pi, math.sqrt(0.5), math.sqrt(2.0)]
    ends += [math.log(2.0), math.log(2.0) / 2.0, HUGE]
    near = [y for x in ends for y in (math.nextafter(x, 0.0), x, math.nextafter(x, math.inf)) if y < math.inf]
    near += [0.0, LEAST, 2 * LEAST, 3 * LEAST]
    return [sign * x for x in near for sign in (1.0, -1.0)]


def of_every_size(rng: np.random.Generator, low: float, high: float, count: int) -> Iterator[float]:
    """Numbers whose exponents are spread evenly, down to the subnormal ones."""
    while count > 0:
        bits = rng.integers(0, 1 << 64, size=2 * count, dtype=np.uint64)
        numbers = bits.view(np.float64)
        numbers = numbers[(numbers >= low) & (numbers <= high)][:count]
        count -= len(numbers)
        yield from numbers.tolist()
        if not len(numbers):
            # An interval that few patterns of bits fall into: spread logarithms over it.
            top, least = max(abs(low), abs(high)), max(min(abs(low), abs(high)), 1e-18)
            if low < 0.0 < high:
                least = 1e-18
            sizes = np.exp(rng.uniform(math.log(least), math.log(top), size=count))
            signs = rng.choice([s for s, end in ((-1.0, low), (1.0, high)) if s * end > 0.0], size=count)
            yield from (x for x in (signs * sizes).tolist() if low <= x <= high)
            return


def multiples_of_half_pi() -> Iterator[float]:
    """Where the sine or the cosine is smallest, for turns of every size."""
    rng = np.random.default_rng(1)
    half_pi = libmp.mpf_shift(libmp.mpf_pi(1200), -1)
    for bits in range(1, 1024):
        for k in {1, 1 << (bits - 1), int(rng.integers(1, 1 << 62)) << max(bits - 62, 0)}:
            x = libmp.to_float(libmp.mpf_mul(libmp.from_int(k), half_pi), rnd="n")
            if x < HUGE:
                yield from (x, math.nextafter(x, 0.0), -x)


def next_to_zeros_of_log_gamma() -> Iterator[float]:
    """Both sides of each negative zero that a `float64` is next to: the zeros are about 1/n! off the integers `n`."""
    for n in range(3, 18):
        for side in (-1.0, 1.0):
            for distance in np.exp2(np.linspace(-6.0, 6.0, 97)).tolist():
                yield -(n + side * distance / math.factorial(n))
    for zero in (-2.4570247382208006, -2.7476826467274127, -3.14358088834998, -3.955294284858598, -5.0082181683225935):
        for step in range(-50, 51):
            yield zero + step * math.ulp(zero)


def ulps(got: float, want: Any) -> float:
    """How far `got` is from the exact `want`, in units of the last place of a `float64` near `want`."""
    nearest = libmp.to_float(want, rnd="n")
    if not math.isfinite(nearest) or not math.isfinite(got):
        return 0.0 if got == nearest or (got != got and nearest != nearest) else math.inf
    if want == libmp.fzero:
        return 0.0 if got == 0.0 else math.inf
    _, _, exponent, count = want
    difference = libmp.mpf_sub(libmp.from_float(got), want, 60, "n")
    return abs(libmp.to_float(libmp.mpf_shift(difference, 53 - max(exponent + count, -1021))))


def to_precision(function: Exact) -> Exact:
    """One of mpmath's functions of `libmp`, at the precision of the reference."""
    return lambda *args: function(*args, PRECISION, "n")


def power_of_two(x: Any) -> Any:
    """2 to the power `x`."""
    return libmp.mpf_pow(libmp.from_int(2), x, PRECISION, "n")


def exponential_less_one(x: Any) -> Any:
    """exp(x) - 1; what the difference cancels is computed beyond the precision."""
    if x == libmp.fzero:
        return x
    more = max(0, -(x[2] + x[3]))
    if more > 200:
        # The series' next term is below the precision.
        return libmp.mpf_add(x, libmp.mpf_shift(libmp.mpf_mul(x, x), -1), PRECISION, "n")
    return libmp.mpf_sub(libmp.mpf_exp(x, PRECISION + more, "n"), libmp.fone, PRECISION, "n")


def complement(x: Any) -> Any:
    """1 less the error function; of huge negative numbers, which mpmath takes long for, 2."""
    if x[0] and x[2] + x[3] > 5:
        return libmp.from_int(2)
    return libmp.mpf_erfc(x, PRECISION, "n")


def gamma(x: Any, precision: int = PRECISION) -> Any:
    """The gamma function, a NaN at its poles."""
    pole = x == libmp.fzero or (x[0] and x[2] >= 0)
    return libmp.fnan if pole else libmp.mpf_gamma(x, precision, "n")


def log_gamma(x: Any) -> Any:
    """The logarithm of the gamma function's magnitude, infinite at its poles."""
    if not x[0] and x != libmp.fzero:
        return libmp.mpf_gamma(x, PRECISION, "n", 3)
    value = gamma(x, PRECISION + 120)
    return libmp.finf if value == libmp.fnan else libmp.mpf_log(libmp.mpf_abs(value), PRECISION, "n")


def logarithm_of_more(x: Any) -> Any:
    """log(1 + x)."""
    if x != libmp.fzero and x[2] + x[3] < -200:
        return libmp.mpf_sub(x, libmp.mpf_shift(libmp.mpf_mul(x, x), -1), PRECISION, "n")
    return libmp.mpf_log(libmp.mpf_add(libmp.fone, x), PRECISION, "n")


def logarithm_to(base: int) -> Exact:
    """The logarithm to a base."""
    scale = libmp.mpf_log(libmp.from_int(base), PRECISION + 20, "n")
    return lambda x: libmp.mpf_div(libmp.mpf_log(x, PRECISION + 10, "n"), scale, PRECISION, "n")


def cube_root(x: Any) -> Any:
    """The cube root, of negative numbers too."""
    if x[0]:
        return libmp.mpf_neg(libmp.mpf_cbrt(libmp.mpf_neg(x), PRECISION, "n"))
    return libmp.mpf_cbrt(x, PRECISION, "n")


def degrees(x: Any) -> Any:
    """X times 180 over pi."""
    return libmp.mpf_div(libmp.mpf_mul(x, libmp.from_int(180)), libmp.mpf_pi(PRECISION + 10), PRECISION, "n")


def radians(x: Any) -> Any:
    """X times pi over 180."""
    return libmp.mpf_div(libmp.mpf_mul(x, libmp.mpf_pi(PRECISION + 10)), libmp.from_int(180), PRECISION, "n")


def _shown(x: float) -> str:
    ends = {LEAST: "the least subnormal", HUGE: "the greatest", -HUGE: "the least", -1.0: "-1"}
    return ends.get(x, f"{x:g}")


EVERYWHERE = ((-HUGE, HUGE),)
POSITIVE = ((LEAST, HUGE),)
UNIT = ((-1.0, 1.0), (0.4, 0.6))
OPEN = (math.nextafter(-1.0, 0.0), math.nextafter(1.0, 0.0))
HYPERBOLIC = ((-715.0, 715.0), (-2.0, 2.0))

PAIR_ROWS = [
    PairRow("pow", 1.0, to_precision(libmp.mpf_pow), "all with a real result"),
    PairRow("hypot", 1.0, to_precision(libmp.mpf_hypot), "all"),
    PairRow("hypot", 4.0, to_precision(libmp.mpf_hypot), "all", fast=True, looped=True),
    PairRow("atan2", 4.0, to_precision(libmp.mpf_atan2), "all", fast=True),
]

ROWS = [
    Row("sin", 1.0, to_precision(libmp.mpf_sin), EVERYWHERE),
    Row("cos", 1.0, to_precision(libmp.mpf_cos), EVERYWHERE),
    Row("tan", 1.0, to_precision(libmp.mpf_tan), EVERYWHERE),
    Row("sin", 4.0, to_precision(libmp.mpf_sin), EVERYWHERE, fast=True),
    Row("cos", 4.0, to_precision(libmp.mpf_cos), EVERYWHERE, fast=True),
    Row("tan", 4.0, to_precision(libmp.mpf_tan), EVERYWHERE, fast=True),
    Row("asin", 4.0, to_precision(libmp.mpf_asin), UNIT, fast=True),
    Row("acos", 4.0, to_precision(libmp.mpf_acos), UNIT, fast=True),
    Row("atan", 4.0, to_precision(libmp.mpf_atan), (*EVERYWHERE, (-3.0, 3.0)), fast=True),
    Row("sinh", 4.0, to_precision(libmp.mpf_sinh), HYPERBOLIC, fast=True),
    Row("cosh", 4.0, to_precision(libmp.mpf_cosh), HYPERBOLIC, fast=True),
    Row("tanh", 4.0, to_precision(libmp.mpf_tanh), (*EVERYWHERE, (-2.0, 2.0)), fast=True),
    Row("erf", 4.0, to_precision(libmp.mpf_erf), (*EVERYWHERE, (-2.0, 2.0)), fast=True),
    Row("erfc", 4.0, complement, ((-HUGE, 27.3), (-1.0, 1.0), (0.0, 27.3)), fast=True),
    Row("exp", 1.0, to_precision(libmp.mpf_exp), ((-750.0, 710.0), (-1.0, 1.0))),
    Row("exp2", 1.0, power_of_two, ((-1080.0, 1025.0), (-1.0, 1.0))),
    Row("expm1", 1.0, exponential_less_one, ((-750.0, 710.0), (-1.0, 1.0), (1.0, 45.0))),
    Row("exp", 4.0, to_precision(libmp.mpf_exp), ((-750.0, 710.0), (-1.0, 1.0)), fast=True),
    Row("exp2", 4.0, power_of_two, ((-1080.0, 1025.0), (-1.0, 1.0)), fast=True),
    Row("expm1", 4.0, exponential_less_one, ((-750.0, 710.0), (-1.0, 1.0), (1.0, 45.0)), fast=True),
    Row("log", 1.0, to_precision(libmp.mpf_log), (*POSITIVE, (0.5, 2.0))),
    Row("log2", 1.0, logarithm_to(2), (*POSITIVE, (0.5, 2.0))),
    Row("log10", 1.0, logarithm_to(10), (*POSITIVE, (0.5, 2.0))),
    Row("log1p", 1.0, logarithm_of_more, ((math.nextafter(-1.0, 0.0), HUGE), (-0.5, 1.0))),
    Row("log", 4.0, to_precision(libmp.mpf_log), (*POSITIVE, (0.5, 2.0)), fast=True),
    Row("log2", 4.0, logarithm_to(2), (*POSITIVE, (0.5, 2.0)), fast=True),
    Row("log10", 4.0, logarithm_to(10), (*POSITIVE, (0.5, 2.0)), fast=True),
    Row("log1p", 4.0, logarithm_of_more, ((math.nextafter(-1.0, 0.0), HUGE), (-0.5, 1.0)), fast=True),
    Row("asinh", 4.0, to_precision(libmp.mpf_asinh), (*EVERYWHERE, (-3.0, 3.0)), fast=True),
    Row("acosh", 4.0, to_precision(libmp.mpf_acosh), ((1.0, HUGE), (1.0, 3.0)), fast=True),
    Row("atanh", 4.0, to_precision(libmp.mpf_atanh), (OPEN, (-0.6, 0.6)), fast=True),
    Row("cbrt", 1.0, cube_root, EVERYWHERE),
    Row("gamma", 1.0, gamma, ((-186.0, -LEAST), (LEAST, 172.0), (-186.0, -1.0), (1.0, 172.0))),
    Row("lgamma", 1.0, log_gamma, ((-190.0, -LEAST), (-3.0, -2.0), (LEAST, 2.5e305), (0.5, 3.0))),
    Row("sqrt", 0.5, to_precision(libmp.mpf_sqrt), ((0.0, HUGE),)),
    Row("sqrt", 2.0, to_precision(libmp.mpf_sqrt), ((0.0, HUGE), (2.0**-126, 2.0**128)), fast=True, looped=True),
    Row("degrees", 1.0, degrees, EVERYWHERE),
    Row("radians", 1.0, radians, EVERYWHERE),
]
