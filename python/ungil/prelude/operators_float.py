"""The operators `//` and `%` of `float64`, equal to CPython's to the bit.

The steps are those of CPython's `float_divmod` and `float_rem`: the remainder of the division rounded towards zero,
moved to the sign of the divisor. Functions whose name ends in `_numpy` go on with infinities and NaNs where the
others raise `ZeroDivisionError`.
"""

from ._intrinsics import copysign, div, floor, select
from .math_floats import fmod


def float_floordiv(x, y):
    """`x // y`."""
    if y == 0.0:
        raise ZeroDivisionError("float floor division by zero")
    return _rounded_quotient(x, y)


def float_floordiv_numpy(x, y):
    """`x // y`; an infinity or a NaN if `y` is a zero."""
    return select(y == 0.0, div(x, y), _rounded_quotient(x, y))


def float_mod(x, y):
    """`x % y`."""
    if y == 0.0:
        raise ZeroDivisionError("float modulo")
    return _signed_remainder(x, y)


def float_mod_numpy(x, y):
    """`x % y`; a NaN if `y` is a zero."""
    return _signed_remainder(x, y)


def _signed_remainder(x, y):
    """`x % y`, a NaN for a zero `y`."""
    rest = fmod(x, y)
    moved = select((y < 0.0) == (rest < 0.0), rest, rest + y)
    return select(rest == 0.0, copysign(0.0, y), moved)


def _rounded_quotient(x, y):
    """`x // y` for `y` not 0."""
    rest = fmod(x, y)
    # Both exact divisions but for one rounding; the second step takes the quotient below if the remainder is moved.
    quotient = div(x - rest, y)
    quotient = select(rest == 0.0 or (y < 0.0) == (rest < 0.0), quotient, quotient - 1.0)
    whole = floor(quotient)
    whole = select(quotient - whole > 0.5, whole + 1.0, whole)
    return select(quotient == 0.0, copysign(0.0, div(x, y)), whole)
