"""Logarithms of `float64` within 4 ULP, faster: in one word.

| function        | largest error measured |
|-----------------|------------------------|
| `log`, `log2`   | 1.7 ULP                |
| `log10`, `log1p`| 1.8 ULP                |

The method is that of `math_logarithm`: `x = 2**k * m` with `m` between sqrt(1/2) and sqrt(2), `f = m - 1`, `s = f / (2
+ f)` and log(m) = f - s * (f - s**2 * R(s**2)). R is the same minimax polynomial (Remez), its error of approximation
2**-59.5 of the logarithm; its terms are summed in pairs, which shortens the chain of operations. Where `k` is 0, next
to 1, nothing is lost before the first term, which is exact. `log1p` adds to `f` what rounding 1 + x lost.

Numbers below the least normal one, zeros, infinities and what has no logarithm go the way of `math_logarithm`.
"""

from math import inf

from ._intrinsics import div, from_bits, muladd, shr, to_bits, unlikely
from .math_logarithm import log, log1p, log2, log10

_LEAST_NORMAL = 2.2250738585072014e-308
# From here on `1 + x` is `x` to more than the precision.
_HUGE = 1e300
# The bits of sqrt(1/2), and by how much those of 1 are above them.
_SQRT_HALF = 0x3FE6A09E667F3BCD
_TO_ONE = 0x00095F619980C433
_MANTISSA = 0x000FFFFFFFFFFFFF
_EXPONENT = 0x7FF0000000000000
# The bits of a power of two and of its inverse add up to this.
_INVERSE = 0x7FE0000000000000
# 2**52 as bits, and 2**52 + 1023: adding a small integer to the bits adds it to the number.
_COUNTER = 0x4330000000000000
_COUNTED = 4503599627371519.0
_LOG_2 = 0.6931471805599453
_LOG10_2 = 0.3010299956639812
_LOG2_E = 1.4426950408889634
_LOG10_E = 0.4342944819032518


def log_fast(x):
    """The natural logarithm, faster."""
    if unlikely(not (x >= _LEAST_NORMAL and x < inf)):
        return log(x)
    k, m = _exponent_and_rest(x)
    f = m - 1.0
    s = div(f, m + 1.0)
    return muladd(-s, muladd(-s * s, _series(s * s, 1.0), f), muladd(k, _LOG_2, f))


def log2_fast(x):
    """The logarithm to base 2, faster; exact for powers of two."""
    if unlikely(not (x >= _LEAST_NORMAL and x < inf)):
        return log2(x)
    k, m = _exponent_and_rest(x)
    f = m - 1.0
    s = div(f, m + 1.0)
    return muladd(-s, muladd(-s * s, _series(s * s, _LOG2_E), f * _LOG2_E), muladd(f, _LOG2_E, k))


def log10_fast(x):
    """The logarithm to base 10, faster."""
    if unlikely(not (x >= _LEAST_NORMAL and x < inf)):
        return log10(x)
    k, m = _exponent_and_rest(x)
    f = m - 1.0
    s = div(f, m + 1.0)
    first = f * _LOG10_E
    return muladd(-s, muladd(-s * s, _series(s * s, _LOG10_E), first), muladd(k, _LOG10_2, first))


def log1p_fast(x):
    """The natural logarithm of `1 + x`, faster; the sign of a zero is not kept."""
    if unlikely(not (x > -1.0 and x < _HUGE)):
        return log1p(x)
    return log_of_one_and(x)


def log_of_one_and(x):
    """log(1 + x) of a normal positive `1 + x`."""
    # Both differences are exact where what the sum lost matters.
    u = 1.0 + x
    lost = x - (u - 1.0)
    bits = to_bits(u) + _TO_ONE
    exponent = bits & _EXPONENT
    k = from_bits(shr(exponent, 52) + _COUNTER) - _COUNTED
    f = from_bits((bits & _MANTISSA) + _SQRT_HALF) - 1.0
    f = muladd(lost, from_bits(_INVERSE - exponent), f)
    s = div(f, 2.0 + f)
    return muladd(-s, muladd(-s * s, _series(s * s, 1.0), f), muladd(k, _LOG_2, f))


def _exponent_and_rest(x):
    """`k` and `m`, for a normal positive `x`."""
    bits = to_bits(x) + _TO_ONE
    k = from_bits(shr(bits & _EXPONENT, 52) + _COUNTER) - _COUNTED
    return k, from_bits((bits & _MANTISSA) + _SQRT_HALF)


def _series(z, scale):
    """R(z), `scale` times."""
    square = z * z
    low = muladd(z, 0.39999999999416824 * scale, 0.6666666666666734 * scale)
    middle = muladd(z, 0.22222198610541374 * scale, 0.2857142874197488 * scale)
    high = muladd(z, 0.15314090017110166 * scale, 0.18183562598583403 * scale)
    high = muladd(square, 0.1479559700691435 * scale, high)
    return muladd(square * square, high, muladd(square, middle, low))
