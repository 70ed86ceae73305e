"""Hyperbolic functions and their inverses, error and gamma functions, of `float64`: the C library's, with its errors.

Outside their domain they are a NaN, at a pole an infinity.
"""

from ._intrinsics import libm


def sinh(x):
    """The hyperbolic sine."""
    return libm("sinh", x)


def cosh(x):
    """The hyperbolic cosine."""
    return libm("cosh", x)


def tanh(x):
    """The hyperbolic tangent."""
    return libm("tanh", x)


def asinh(x):
    """The inverse hyperbolic sine."""
    return libm("asinh", x)


def acosh(x):
    """The inverse hyperbolic cosine; a NaN below 1."""
    return libm("acosh", x)


def atanh(x):
    """The inverse hyperbolic tangent; a NaN outside [-1, 1], an infinity at its ends."""
    return libm("atanh", x)


def erf(x):
    """The error function."""
    return libm("erf", x)


def erfc(x):
    """1 less the error function, exact where that is near 1."""
    return libm("erfc", x)


def gamma(x):
    """The gamma function."""
    return libm("tgamma", x)


def lgamma(x):
    """The logarithm of the gamma function's magnitude."""
    return libm("lgamma", x)
