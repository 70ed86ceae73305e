"""Powers and roots of `float64`: the C library's, with its errors, special values treated as C99 annex F says."""

from ._intrinsics import libm


def pow(x, y):
    """`x` to the power `y`: inf for 0 to a negative power, a NaN for a negative base and a fraction."""
    return libm("pow", x, y)


def cbrt(x):
    """The cube root."""
    return libm("cbrt", x)


def hypot(x, y):
    """The length of the vector (x, y), without overflow on the way."""
    return libm("hypot", x, y)
