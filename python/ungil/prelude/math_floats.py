"""Remainders, parts and kinds of `float64`; exact.

`fmod` takes the quotient's integer part away with a fused multiply-add where that is exact, which it is up to a
quotient of 2**52; the quotient's rounding may have carried it up to the next integer, and then the divisor is added
back.

`remainder` takes the integer `n` next to the rounded quotient away. Up to 2**52 that rounding is one of at most 1/4, so
that what is left is at most 3/4 of the divisor `b`. It is exact: if `a < b`, `n` is 0, or it is 1 and `a` at least b/2,
so that the difference is exact (Sterbenz's lemma); else `a` and `b` are multiples of the last place of `b`, and so is
what is left, which is smaller than `b`. If it is more than b/2, the divisor is taken away once more, and that is exact
for the same reason. If the quotient is halfway between integers, its rounding is exact, and `n` is the even one.
"""

from math import inf

from ._intrinsics import (
    copysign,
    div,
    fabs,
    fma,
    from_bits,
    int64,
    libm,
    rint,
    select,
    shl,
    shr,
    to_bits,
    trunc,
    unlikely,
)

_MOST_TURNS = 4503599627370496.0
_SIGN = -0x8000000000000000


def isnan(x):
    """Whether `x` is a NaN."""
    return x != x


def isinf(x):
    """Whether `x` is an infinity."""
    return fabs(x) == inf


def isfinite(x):
    """Whether `x` is neither a NaN nor an infinity."""
    return fabs(x) < inf


def fmod(x, y):
    """What the division of `x` by `y`, rounded towards zero, leaves; a NaN for an infinite `x` or a zero `y`."""
    a = fabs(x)
    b = fabs(y)
    turns = div(a, b)
    # The product is a NaN for an infinite divisor, and so the comparison false.
    if unlikely(not turns + 0.0 * b <= _MOST_TURNS):
        return libm("fmod", x, y)
    rest = fma(-trunc(turns), b, a)
    return copysign(select(rest < 0.0, rest + b, rest), x)


def remainder(x, y):
    """What the division of `x` by `y`, rounded to nearest, leaves; a NaN for an infinite `x` or a zero `y`."""
    a = fabs(x)
    b = fabs(y)
    turns = div(a, b)
    if unlikely(not turns + 0.0 * b <= _MOST_TURNS):
        return libm("remainder", x, y)
    rest = fma(-rint(turns), b, a)
    # Doubling is exact, or overflows where it is more than any divisor.
    rest = select(2.0 * fabs(rest) > b, rest - copysign(b, rest), rest)
    return from_bits(to_bits(rest) ^ (to_bits(x) & _SIGN))


def nextafter(x, y):
    """The next number after `x` towards `y`."""
    return libm("nextafter", x, y)


def modf(x):
    """Fraction and integer part, both with the sign of `x`."""
    whole = trunc(x)
    return copysign(select(fabs(x) == inf, 0.0, x - whole), x), whole


def frexp(x):
    """`m` and `e` with `x == m * 2**e` and `m` in [0.5, 1); `x` itself and 0 for zeros, infinities and NaNs."""
    if not fabs(x) < inf or x == 0.0:
        return x, 0
    small = fabs(x) < 2.2250738585072014e-308
    bits = to_bits(select(small, x * 18014398509481984.0, x))
    e = (shr(bits, 52) & 0x7FF) - select(small, 1076, 1022)
    return from_bits((bits & -0x7FF0000000000001) | 0x3FE0000000000000), e


def ldexp(x, e):
    """`x * 2**e`, rounded once."""
    e = int64(e)
    # Each step but the last is exact: scaling up is, and scaling down keeps 53 bits above the least number.
    if e > 1023:
        x = x * 8.98846567431158e307
        e = e - 1023
        if e > 1023:
            x = x * 8.98846567431158e307
            e = select(e > 2046, 1023, e - 1023)
    elif e < -1022:
        x = x * 2.004168360008973e-292
        e = e + 969
        if e < -1022:
            x = x * 2.004168360008973e-292
            e = select(e < -1991, -1022, e + 969)
    return x * from_bits(shl(e + 1023, 52))
