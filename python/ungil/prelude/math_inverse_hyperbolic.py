"""Inverses of the hyperbolic functions, of `float64`, in straight lines that vectorise.

| function | largest error measured | method                                       |
|----------|------------------------|----------------------------------------------|
| `asinh`  | 0.52 ULP               | a square root, two divisions, one polynomial |
| `acosh`  | 0.52 ULP               | the same                                     |
| `atanh`  | 0.52 ULP               | one division, the same polynomial            |

All are logarithms of a `y` in two words, y = 2**k * m with `m` about 1: log(y) = k * log(2) + 2 * atanh(t/2), where
t/2 = (m - 1) / (m + 1). For `k = 0` nothing may be lost in `m - 1`, and there half-angle theorems give the quotient
from what is exact: it is sinh / (1 + cosh), and (1 + x) - (1 - x) over their sum. 2 * atanh(t/2) - t is an odd
polynomial, minimax for t**2 up to 0.161, with an error of 2**-62.6 of `t`.
"""

from math import inf, nan

from ._intrinsics import copysign, div, fabs, fma, from_bits, muladd, select, shl, shr, sqrt, to_bits

# The bits of sqrt(1/2), and by how much those of 1 are above them.
_SQRT_HALF = 0x3FE6A09E667F3BCD
_TO_ONE = 0x00095F619980C433
_MANTISSA = 0x000FFFFFFFFFFFFF
_ONE = 0x3FF0000000000000
# 2**52 as bits, and with the bias of exponents: adding a small integer to the bits adds it to the number.
_COUNTER = 0x4330000000000000
_COUNTED = 4503599627371519.0
_COUNTED_PLAIN = 4503599627370496.0
_TWICE_BIAS = 2046
# Half a unit of the exponent, in bits.
_HALF_EXPONENT = 0x0008000000000000
# log(2) in parts of 42 and 53 bits: a multiple of the first by an exponent is exact.
_LOG_2_HIGH = 0.6931471805598903
_LOG_2_LOW = 5.497923018708371e-14
# From here on sinh(x) and cosh(x) are the same to twice the precision.
_EQUAL = 1073741824.0
# Far below every root that is not 0, so that adding it changes none of them.
_NO_ROOT = 1e-300


def asinh(x):
    """The inverse hyperbolic sine."""
    a = fabs(x)
    beyond = a > _EQUAL
    b = select(beyond, 1.0, a)
    square = b * b
    cosh_square = square + 1.0
    one = cosh_square - square
    low = (square - (cosh_square - one)) + (1.0 - one) + fma(b, b, -square)
    w = sqrt(cosh_square)
    w_low = (fma(-w, w, cosh_square) + low) * div(0.5, w)
    value = _log_of_sum(a, 0.0, w, w_low, beyond, a)
    return copysign(select(a < inf, value, a), x)


def acosh(x):
    """The inverse hyperbolic cosine; a NaN below 1."""
    beyond = x > _EQUAL
    b = select(beyond, 2.0, x)
    square = b * b
    sinh_square = square - 1.0
    low = (square - sinh_square) - 1.0 + fma(b, b, -square)
    w = sqrt(sinh_square)
    w_low = (fma(-w, w, sinh_square) + low) * div(0.5, w + _NO_ROOT)
    value = _log_of_sum(w, w_low, x, 0.0, beyond, x)
    value = select(x < inf, value, x)
    return select(x < 1.0, nan, value)


def atanh(x):
    """The inverse hyperbolic tangent; a NaN outside [-1, 1], an infinity at its ends."""
    a = fabs(x)
    over = 1.0 + a
    over_low = (1.0 - over) + a
    under = 1.0 - a
    under_low = (1.0 - under) - a
    # The difference of the bits is the quotient's logarithm, but for a twelfth.
    k = shr(to_bits(over) - to_bits(under) + _HALF_EXPONENT, 52)
    power = from_bits(shl(k, 52) + _ONE)
    under = under * power
    under_low = under_low * power
    # Numbers within a factor of two: their difference is exact. What the sum rounds away is not less than the smaller.
    total = over + under
    part = total - over
    total_low = (over - (total - part)) + (under - part) + (over_low + under_low)
    value = 0.5 * _log_of_quotient(
        from_bits(k + _COUNTER) - _COUNTED_PLAIN, over - under, over_low - under_low, 0.5 * total, 0.5 * total_low
    )
    return copysign(select(a < 1.0, value, select(a == 1.0, inf, nan)), x)


def _log_of_sum(sinh, sinh_low, cosh, cosh_low, beyond, x):
    """log(sinh + cosh), which is log(2 * x) if `beyond`."""
    y = cosh + sinh
    y_low = (cosh - y) + sinh + (sinh_low + cosh_low)
    # A half, since twice `x` may be too large.
    y = select(beyond, 0.5 * x, y)
    bits = to_bits(y) + _TO_ONE
    exponent = shr(bits, 52)
    k = from_bits(exponent + _COUNTER) - _COUNTED
    m = from_bits((bits & _MANTISSA) + _SQRT_HALF)
    m_low = select(beyond, 0.0, y_low * from_bits(shl(_TWICE_BIAS - exponent, 52)))
    near = k == 0.0
    over = select(near, sinh, m - 1.0)
    over_low = select(near, sinh_low, m_low)
    other = 0.5 * select(near, cosh, m)
    under = 0.5 + other
    under_low = (0.5 - under) + other + 0.5 * select(near, cosh_low, m_low)
    return _log_of_quotient(k + select(beyond, 2.0, 0.0), over, over_low, under, under_low)


def _log_of_quotient(k, over, over_low, under, under_low):
    """`k * log(2) + 2 * atanh(t/2)`, `t` the quotient of `over` and `under`, up to 0.4, each in two words."""
    inverse = div(1.0, under)
    t = over * inverse
    t_low = (fma(-t, under, over) + muladd(-t, under_low, over_low)) * inverse
    z = t * t
    p = muladd(z, 1.056545944433884e-06, 4.020030100396939e-06)
    p = muladd(p, z, 1.878803188214707e-05)
    p = muladd(p, z, 8.877765922871878e-05)
    p = muladd(p, z, 0.00043402781866668416)
    p = muladd(p, z, 0.0022321428559128422)
    p = muladd(p, z, 0.012500000000017837)
    p = muladd(p, z, 0.08333333333333325)
    tail = muladd(z * t, p, muladd(0.25 * z, t_low, t_low))
    high = k * _LOG_2_HIGH
    head = high + t
    lost = (high - head) + t
    return head + (lost + muladd(k, _LOG_2_LOW, tail))
