"""Powers and roots of `float64`, special values treated as C99 annex F says.

| function | straight lines that vectorise     |
|----------|-----------------------------------|
| `pow`    | where the result is normal        |
| `hypot`  | where the squares are not extreme |
| `cbrt`   | everywhere                        |

`pow` is the exponential of the logarithm's multiple, with the logarithm in two words of together about 70 bits. A
result that a `float64` holds exactly is found exactly, since before the last rounding less than half a unit is lost.

`hypot` takes the root of the sum of squares and corrects it once by Newton's step, with the errors of all squares known
from fused multiply-adds (C. F. Borges, "An Improved Algorithm for hypot(a,b)", 2019).

`cbrt` multiplies by the square of the inverse root: a minimax polynomial (error 2**-14) and one step of the third
order, without a division (the series of (1-e)**(-1/3)). Newton's step on the root itself, with its cube in two words,
leaves the last rounding.
"""

from math import inf

from ._intrinsics import copysign, div, fabs, fma, from_bits, libm, muladd, select, shl, shr, sqrt, to_bits, unlikely
from .math_exponential import exp_tail, times_power_of_two
from .math_logarithm import log_in_two_words

_LEAST_NORMAL = 2.2250738585072014e-308
# As in `math_logarithm` and `math_exponential`.
_SQRT_HALF = 0x3FE6A09E667F3BCD
_TO_ONE = 0x00095F619980C433
_MANTISSA = 0x000FFFFFFFFFFFFF
_COUNTER = 0x4330000000000000
_COUNTED = 4503599627371519.0
_LOG2_E = 1.4426950408889634
_LOG_2_A = 0.6931471805599453
_LOG_2_B = 2.3190468138462996e-17
_EXP_SHIFT = 6755399441057790.0
_THIRD = 0.3333333333333333
# For `cbrt`: numbers below the least normal one are scaled by 2**54; 1.5 * 2**52 + 1023; 2**(1/3) and its inverse.
_TWO_54 = 18014398509481984.0
_COUNTED_SMALL = 4503599627371573.0
_BIASED_SHIFT = 6755399441056767.0
_CBRT_2 = 1.2599210498948732
_INVERSE_CBRT_2 = 0.7937005259840998


def pow(x, y):
    """`x` to the power `y`: inf for 0 to a negative power, a NaN for a negative base and a fraction."""
    log, log_low = log_in_two_words(x)
    e = y * log
    # Not: a normal positive base and a normal result; a NaN fails each comparison.
    if unlikely(not (fabs(e) < 708.0 and x >= _LEAST_NORMAL and x < inf)):
        return libm("pow", x, y)
    e_low = muladd(y, log_low, fma(y, log, -e))

    # exp(e) = 2**k * exp(r), as in `exp`, with `r` in two words.
    shifted = fma(e, _LOG2_E, _EXP_SHIFT)
    k = shifted - _EXP_SHIFT
    exact = fma(-k, _LOG_2_A, e)
    reduced = fma(-k, _LOG_2_B, exact)
    reduced_low = fma(-k, _LOG_2_B, exact - reduced) + e_low
    r = reduced + reduced_low
    r_low = (reduced - r) + reduced_low
    head = 1.0 + r
    lost = (1.0 - head) + r
    return times_power_of_two(head + (lost + muladd(r * r, exp_tail(r), r_low)), to_bits(shifted))


def cbrt(x):
    """The cube root."""
    # |x| = 2**k * m, m in [sqrt(1/2), sqrt(2)), and k = 3 * q + r.
    a = fabs(x)
    small = a < _LEAST_NORMAL
    bits = to_bits(select(small, a * _TWO_54, a)) + _TO_ONE
    k = from_bits((shr(bits, 52) & 0xFFF) + _COUNTER) - select(small, _COUNTED_SMALL, _COUNTED)
    m = from_bits((bits & _MANTISSA) + _SQRT_HALF)
    shifted = fma(k, _THIRD, _BIASED_SHIFT)
    r = muladd(shifted - _BIASED_SHIFT, -3.0, k)

    # The inverse root of m, then of m * 2**r.
    y = muladd(m, 0.12474055895636721, -0.6869060714891523)
    y = muladd(y, m, 1.5369933614033604)
    y = muladd(y, m, -1.845190787795483)
    y = muladd(y, m, 1.8703346450078002)
    y = y * select(r > 0.0, _INVERSE_CBRT_2, select(r < 0.0, _CBRT_2, 1.0))
    m = m * select(r > 0.0, 2.0, select(r < 0.0, 0.5, 1.0))
    e = muladd(-m * y, y * y, 1.0)
    y = muladd(y * e, muladd(e, 0.2222222222222222, _THIRD), y)

    # The root, and Newton's step with what is missing in its cube.
    root = m * (y * y)
    square = root * root
    missing = fma(-square, root, m) - root * fma(root, root, -square)
    root = muladd(missing, y * y * _THIRD, root)
    value = copysign(root * from_bits(shl(to_bits(shifted), 52)), x)
    return select(a < inf and a > 0.0, value, x)


def hypot(x, y):
    """The length of the vector (x, y), without overflow on the way."""
    a = fabs(x)
    b = fabs(y)
    greatest = select(a > b, a, b)
    least = select(a > b, b, a)
    # Squares of numbers between these neither overflow nor lose bits; so a zero goes the other way too.
    if unlikely(not (least > 1e-145 and greatest < 1e145)):
        return libm("hypot", x, y)
    square = greatest * greatest
    h = sqrt(fma(least, least, square))
    error = fma(h, h, -square)
    error = fma(-least, least, error) - fma(greatest, greatest, -square)
    return h - div(error, 2.0 * h)
