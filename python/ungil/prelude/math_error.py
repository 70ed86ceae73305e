"""The error function and its complement, of `float64`, in straight lines that vectorise.

| function | largest error measured | method                             |
|----------|------------------------|------------------------------------|
| `erf`    | 0.89 ULP               | three polynomials and one division |
| `erfc`   | 0.83 ULP               | the same                           |

Near 0, erf(x) = x + x * Q(x**2) with a minimax polynomial Q. From 3/4 on,

    erfc(x) = exp(-x**2) * G(q) / (1 + 2*x), q = (x - 4) / (x + 4),

where G is so nearly constant that one polynomial is enough (M. M. Shepherd and J. G. Laframboise, "Chebyshev
Approximation of (1 + 2x) exp(x**2) erfc x in 0 <= x < infinity", Mathematics of Computation 36, 1981). Fitted minimax
for `x` from 3/4 to 27.4, it has an error of 2**-59; the other two have 2**-60.9 (Q, of the result) and 2**-63.5 (exp).
Beyond 27.3 the complement is less than half the least number.
"""

from ._intrinsics import copysign, div, fabs, fma, muladd, select, to_bits
from .math_exponential import exp_tail_for_sums, times_power_of_two

_LOG2_E = 1.4426950408889634
# As in `math_hyperbolic`: log(2) in two words, and 1.5 * 2**52 + 2 * 1023.
_LOG_2_A = 0.6931471805599453
_LOG_2_B = 2.3190468138462996e-17
_POWER_SHIFT = 6755399441057790.0
# The derivative of the error function at 0, less 1, in two words.
_SLOPE = 0.1283791670955126
_SLOPE_LOW = -1.2420116002463032e-17
# G(0), in two words.
_CENTRE = 1.2329951186255526
_CENTRE_LOW = -4.584738268653427e-17
# Up to here erf(x) is x + x * Q(x**2), and erfc(x) 1 less that.
_NEAR = 0.75
# From here on they are 1, and 0.
_ERF_HIGHEST = 6.0
_ERFC_HIGHEST = 27.3


def erf(x):
    """The error function."""
    a = fabs(x)
    high, low, bits = _erfc_parts(select(a > _ERF_HIGHEST, _ERF_HIGHEST, a))
    far = 1.0 - times_power_of_two(high + low, bits)
    return copysign(select(a < _NEAR, muladd(a, _erf_less_one(a), a), far), x)


def erfc(x):
    """1 less the error function, as good where that is near 1."""
    a = fabs(x)
    none = a > _ERFC_HIGHEST
    # Any other number: results that a `float64` cannot hold make processors slow.
    high, low, bits = _erfc_parts(select(none, 1.0, a))
    far = select(none, 0.0, times_power_of_two(high + low, bits))
    far = select(x < 0.0, 2.0 - far, far)
    head = 1.0 - x
    near = head + muladd(-x, _erf_less_one(a), (1.0 - head) - x)
    return select(a < _NEAR, near, far)


def _erf_less_one(a):
    """erf(a) / a - 1."""
    z = a * a
    p = muladd(z, 5.725102260975584e-11, -1.1237310993911305e-09)
    p = muladd(p, z, 1.462532723047507e-08)
    p = muladd(p, z, -1.6345317604242243e-07)
    p = muladd(p, z, 1.6460545327628792e-06)
    p = muladd(p, z, -1.4925568214976925e-05)
    p = muladd(p, z, 0.00012055330058389974)
    p = muladd(p, z, -0.0008548326954587452)
    p = muladd(p, z, 0.005223977624422904)
    p = muladd(p, z, -0.026866170645044957)
    p = muladd(p, z, 0.11283791670954778)
    p = muladd(p, z, -0.3761263890318375)
    return muladd(p, z, _SLOPE) + muladd(p, fma(a, a, -z), _SLOPE_LOW)


def _erfc_parts(a):
    """erfc(a) in two words, and its exponent as `times_power_of_two` wants it, for `a` not below 3/4."""
    # exp(-a**2) = 2**k * exp(r), the square and `r` in two words.
    square = a * a
    shifted = fma(-square, _LOG2_E, _POWER_SHIFT)
    k = shifted - _POWER_SHIFT
    exact = fma(-k, _LOG_2_A, -square)
    r = fma(-k, _LOG_2_B, exact)
    r_low = fma(-k, _LOG_2_B, exact - r) - fma(a, a, -square)
    head = 1.0 + r
    small = r * r * exp_tail_for_sums(r)
    small = muladd(r_low, head + small, (1.0 - head) + r + small)
    power = head + small
    power_low = (head - power) + small

    # G(q), with one division for both quotients.
    under = 1.0 + 2.0 * a
    under_low = (2.0 * a - under) + 1.0
    shift = a + 4.0
    inverse = div(1.0, under * shift)
    q = (a - 4.0) * under * inverse
    inverse = shift * inverse
    p = muladd(q, -8.411076486306225e-09, -1.3090274101630062e-08)
    p = muladd(p, q, 1.0006865425818628e-07)
    p = muladd(p, q, 6.923657263940779e-08)
    p = muladd(p, q, -8.160282544377736e-07)
    p = muladd(p, q, 2.971584747830501e-07)
    p = muladd(p, q, 5.704390332636791e-06)
    p = muladd(p, q, -1.1223291466288722e-05)
    p = muladd(p, q, -2.4397287567033645e-05)
    p = muladd(p, q, 0.0001506219720645627)
    p = muladd(p, q, -0.00019925714015901853)
    p = muladd(p, q, -0.0007577733309922442)
    p = muladd(p, q, 0.005031970042772954)
    p = muladd(p, q, -0.0161977340544292)
    p = muladd(p, q, 0.03716751553184922)
    p = muladd(p, q, -0.06633036581232571)
    p = muladd(p, q, 0.09373283499861626)
    p = muladd(p, q, -0.10103906603630577)
    p = muladd(p, q, 0.06809705425468687)
    p = muladd(p, q, 0.015379652102619854)
    p = muladd(p, q, -0.13962111684056247)
    small = muladd(p, q, _CENTRE_LOW)
    factor = _CENTRE + small
    factor_low = (_CENTRE - factor) + small

    over = power * factor
    over_low = fma(power, factor, -over) + muladd(power, factor_low, power_low * factor)
    high = over * inverse
    low = (fma(-high, under, over) + muladd(-high, under_low, over_low)) * inverse
    return high, low, to_bits(shifted)
