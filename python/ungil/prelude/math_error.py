"""The error function and its complement, of `float64`: the C library's, with its errors."""

from ._intrinsics import libm


def erf(x):
    """The error function."""
    return libm("erf", x)


def erfc(x):
    """1 less the error function, exact where that is near 1."""
    return libm("erfc", x)
