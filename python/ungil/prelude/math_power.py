"""Powers and roots of `float64`, special values treated as C99 annex F says.

| function      | largest error measured | method                                                       |
|---------------|------------------------|--------------------------------------------------------------|
| `hypot`       | 0.67 ULP               | straight lines that vectorise, where squares are not extreme |
| `pow`, `cbrt` | the C library's        | the C library                                                |

`hypot` takes the root of the sum of squares and corrects it once by Newton's step, with the errors of all squares known
from fused multiply-adds (C. F. Borges, "An Improved Algorithm for hypot(a,b)", 2019).
"""

from ._intrinsics import div, fabs, fma, libm, select, sqrt, unlikely


def pow(x, y):
    """`x` to the power `y`: inf for 0 to a negative power, a NaN for a negative base and a fraction."""
    return libm("pow", x, y)


def cbrt(x):
    """The cube root."""
    return libm("cbrt", x)


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
