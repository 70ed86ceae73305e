"""Inverses of the hyperbolic functions, of `float64`, within 4 ULP, faster: logarithms of `1 + t` in one word.

| function | largest error measured | `t`                                         |
|----------|------------------------|---------------------------------------------|
| `asinh`  | 2.6 ULP                | a + a**2 / (1 + sqrt(1 + a**2))             |
| `acosh`  | 2.7 ULP                | (x - 1) + sqrt((x - 1) * (x + 1))           |
| `atanh`  | 2.8 ULP                | 2 * a / (1 - a); half of the logarithm      |

The relative error of log(1 + t) is not greater than that of `t`. Numbers whose square is infinite, infinities and what
has no result go the way of `math_inverse_hyperbolic`.
"""

from ._intrinsics import copysign, div, fabs, sqrt, unlikely
from .math_inverse_hyperbolic import acosh, asinh, atanh
from .math_logarithm_fast import log_of_one_and

_HUGE = 1e150


def asinh_fast(x):
    """The inverse hyperbolic sine, faster."""
    a = fabs(x)
    if unlikely(not a < _HUGE):
        return asinh(x)
    square = a * a
    return copysign(log_of_one_and(a + div(square, 1.0 + sqrt(square + 1.0))), x)


def acosh_fast(x):
    """The inverse hyperbolic cosine, faster."""
    if unlikely(not (x >= 1.0 and x < _HUGE)):
        return acosh(x)
    less = x - 1.0
    return log_of_one_and(less + sqrt(less * (x + 1.0)))


def atanh_fast(x):
    """The inverse hyperbolic tangent, faster."""
    a = fabs(x)
    if unlikely(not a < 1.0):
        return atanh(x)
    return copysign(0.5 * log_of_one_and(div(a + a, 1.0 - a)), x)
