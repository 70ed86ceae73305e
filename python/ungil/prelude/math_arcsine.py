"""Inverses of sine and cosine, of `float64`, in straight lines that vectorise.

| function | largest error measured | method                                    |
|----------|------------------------|-------------------------------------------|
| `asin`   | 0.61 ULP               | one polynomial, a square root, a division |
| `acos`   | 0.60 ULP               | the same                                  |

Up to 1/2 the arc sine is the odd series `s + s**3 * R(s**2)`, R a minimax polynomial for squares up to 1/4 that
leaves a relative error of 2**-59.7 in the arc sine. Beyond it asin(x) = pi/2 - 2 * asin(s) with s = sqrt((1 - x) / 2),
where the square is exact and the root is taken in two words. Constants are in two words too.
"""

from ._intrinsics import copysign, div, fabs, fma, muladd, select, sqrt

_PI_2 = 1.5707963267948966
_PI_2_LOW = 6.123233995736766e-17
_PI = 3.141592653589793
_PI_LOW = 1.2246467991473532e-16
# Far below every root that is not 0, so that adding it changes none of them.
_NO_ROOT = 1e-300


def asin(x):
    """The arc sine, in [-pi/2, pi/2]; a NaN outside [-1, 1]."""
    a = fabs(x)
    far = a > 0.5
    s, tail = _arcsine_terms(a, far)
    factor = select(far, -2.0, 1.0)
    base = select(far, _PI_2, 0.0)
    head = base + factor * s
    lost = (base - head) + factor * s
    return copysign(head + (lost + muladd(factor, tail, select(far, _PI_2_LOW, 0.0))), x)


def acos(x):
    """The arc cosine, in [0, pi]; a NaN outside [-1, 1]."""
    a = fabs(x)
    far = a > 0.5
    s, tail = _arcsine_terms(a, far)
    behind = x < 0.0
    factor = select(far, 2.0, -1.0)
    factor = select(behind, -factor, factor)
    base = select(far, select(behind, _PI, 0.0), _PI_2)
    base_low = select(far, select(behind, _PI_LOW, 0.0), _PI_2_LOW)
    head = base + factor * s
    lost = (base - head) + factor * s
    return head + (lost + muladd(factor, tail, base_low))


def _arcsine_terms(a, far):
    """The arc sine of `a`, or of sqrt((1 - a) / 2) if `far`, as a sine and what is to be added to it."""
    z = select(far, muladd(a, -0.5, 0.5), a * a)
    s = select(far, sqrt(z), a)
    low = select(far, fma(-s, s, z) * div(0.5, s + _NO_ROOT), 0.0)
    p = muladd(z, 0.032278057504015856, -0.02041000468179819)
    p = muladd(p, z, 0.02126807169490917)
    p = muladd(p, z, 0.0038980433406065255)
    p = muladd(p, z, 0.010726069750686825)
    p = muladd(p, z, 0.011409316419256311)
    p = muladd(p, z, 0.013979438903146263)
    p = muladd(p, z, 0.017351738756909627)
    p = muladd(p, z, 0.022372207105552516)
    p = muladd(p, z, 0.030381943027083587)
    p = muladd(p, z, 0.04464285716677579)
    p = muladd(p, z, 0.07499999999980958)
    p = muladd(p, z, 0.1666666666666671)
    return s, muladd(s * z, p, low)
