"""The logarithm of the gamma function's magnitude, of `float64`, in straight lines that vectorise.

| arguments                            | largest error measured |
|--------------------------------------|------------------------|
| positive                             | 0.69 ULP               |
| negative                             | 0.55 ULP               |
| next to zeros below -2, another file | 0.61 ULP               |

| `a`         | log(gamma(a))                                                             |
|-------------|---------------------------------------------------------------------------|
| up to 1/2   | P(t) - log(a * (a + 1)), t = a                                            |
| to 3/2      | P(t) - log(a), t = a - 1                                                  |
| to 5/2      | P(t), t = a - 2                                                           |
| beyond      | (a - 1/2) * (log(a) - 1) + (log(2*pi) - 1) / 2 + R(1/a**2) / a (Stirling) |

One logarithm in two words serves all four. P(t) = log(gamma(2 + t)) is a minimax polynomial with the error 2**-58.8 for
`t` from -1/2 to 1/2, its first two terms in two words, so that it is good next to its zero; R is one with the error
2**-58.9 in the result.

Below 0 it is -log(a * sin(pi * a) / pi) - log(gamma(a)) for `a = -x`. That has zeros, two between any integers below
-2; where the terms cancel, `math_log_gamma_zeros` computes it, which a loop leaves to its second run. At 0 and at
negative integers it is an infinity.
"""

from math import inf

from ._intrinsics import div, fabs, fma, muladd, select, unlikely
from .math_gamma import sine_over_pi
from .math_log_gamma_zeros import lgamma_next_to_zeros
from .math_logarithm import log_in_two_words

_LEAST_NORMAL = 2.2250738585072014e-308
_TWO_54 = 18014398509481984.0
_LOG_TWO_54 = 37.42994775023705
# Below this log(gamma(-a)) is -log(a).
_TINY = 8.673617379884035e-19
# A smaller magnitude, left of -2, is a difference that has lost too much.
_CANCELLED = 0.25
# log(gamma(2 + t)) = t * (_SLOPE + t * _CURVE + ...), the first in two words; (log(2*pi) - 1) / 2 in two words.
_SLOPE = 0.42278433509846713
_SLOPE_LOW = 4.942915152430645e-18
_CURVE = 0.3224670334241132
_CONSTANT = 0.4189385332046727
_CONSTANT_LOW = 1.6728209650585413e-17


def lgamma(x):
    """The logarithm of the gamma function's magnitude; inf at 0 and negative integers."""
    a = fabs(x)
    high, low = _lgamma_parts(a)
    # The logarithm for negative numbers; 0 for others.
    sine, sine_low = sine_over_pi(a)
    reflected = x < -_TINY
    factor = select(reflected, a * sine, 1.0)
    factor_low = select(reflected, fma(a, sine, -factor) + a * sine_low, 0.0)
    log, log_low = log_in_two_words(factor)
    total = log + high
    part = total - log
    value = total + ((log - (total - part)) + (high - part) + (muladd(factor_low, div(1.0, factor), log_low) + low))
    value = select(reflected, -value, value)
    if unlikely(x < -2.0 and fabs(value) < _CANCELLED):
        return lgamma_next_to_zeros(a)
    # What is too large for a `float64` is so in the first word; its second is a NaN.
    value = select(high < inf, value, high)
    return select(x == 0.0 or (reflected and sine == 0.0), inf, value)


def _lgamma_parts(a):
    """log(gamma(a)) in two words, for `a` above 0; where it overflows the first is an infinity and the second a NaN."""
    from_2 = a >= 1.5
    from_1 = a >= 0.5
    far = a >= 2.5

    # The logarithm, of `a` times `a + 1` if `a` is small.
    more = a + 1.0
    product = a * more
    product_low = select(from_1, 0.0, fma(a, more, -product) + a * ((1.0 - more) + a))
    of = select(far, a, select(from_2, 1.0, select(from_1, a, product)))
    small = of < _LEAST_NORMAL
    inverse = div(1.0, of)
    log, log_low = log_in_two_words(select(small, of * _TWO_54, of))
    log_low = select(small, log_low, muladd(product_low, inverse, log_low))

    # P(t), less the logarithm, which is 0 or the greater.
    t = a - select(from_2, 2.0, select(from_1, 1.0, 0.0))
    p = muladd(t, -1.421464849812777e-07, 2.7536881208030094e-07)
    p = muladd(p, t, -4.2165211993456123e-07)
    p = muladd(p, t, 9.237823753874209e-07)
    p = muladd(p, t, -2.0488192780202627e-06)
    p = muladd(p, t, 4.382993077660804e-06)
    p = muladd(p, t, -9.437529872369883e-06)
    p = muladd(p, t, 2.0506011586049116e-05)
    p = muladd(p, t, -4.4926477279671124e-05)
    p = muladd(p, t, 9.945761380527678e-05)
    p = muladd(p, t, -0.00022315474104235634)
    p = muladd(p, t, 0.000509669520321003)
    p = muladd(p, t, -0.001192753912391204)
    p = muladd(p, t, 0.0028905103308136657)
    p = muladd(p, t, -0.007385551028661564)
    p = muladd(p, t, 0.020580808427785074)
    p = muladd(p, t, -0.06735230105319816)
    bend = t * _CURVE
    slope = _SLOPE + bend
    slope_low = (_SLOPE - slope) + bend + muladd(t * t, p, fma(t, _CURVE, -bend) + _SLOPE_LOW)
    near = t * slope
    near_low = muladd(t, slope_low, fma(t, slope, -near))
    near = near + select(small, _LOG_TWO_54, 0.0)
    less = near - log
    less_low = near - (less + log) + (near_low - log_low)

    # Stirling's formula.
    w = inverse * inverse
    r = muladd(w, 1.4459866756467892, -1.7700462100999523)
    r = muladd(r, w, 1.0162305966680745)
    r = muladd(r, w, -0.37282156190756305)
    r = muladd(r, w, 0.10285736245609217)
    r = muladd(r, w, -0.024766444245799706)
    r = muladd(r, w, 0.0061808167912177255)
    r = muladd(r, w, -0.0019095243593938124)
    r = muladd(r, w, 0.0008415591006531273)
    r = muladd(r, w, -0.0005952351608785906)
    r = muladd(r, w, 0.0007936507679651299)
    r = muladd(r, w, -0.0027777777776721254)
    r = muladd(r, w, 0.0833333333333332)
    h = a - 0.5
    h_low = (a - h) - 0.5
    log = log - 1.0
    product = h * log
    total = product + _CONSTANT
    part = total - product
    lost = (product - (total - part)) + (_CONSTANT - part) + fma(h, log, -product)
    total_low = muladd(r, inverse, muladd(h_low, log, muladd(h, log_low, lost + _CONSTANT_LOW)))
    return select(far, total, less), select(far, total_low, less_low)
