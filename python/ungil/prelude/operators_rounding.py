"""`round` to decimal digits, as CPython rounds: to even where two results are equally near.

`round_digits` scales by a power of ten. What the multiplication or division loses is known from a fused multiply-add,
so the integer is the one nearest to the exact product; and the last step, one multiplication or division of exact
numbers, gives the `float64` nearest to the decimal fraction. Powers of ten are exact up to 10**22, digits from -22 to
22 therefore as in CPython; past that the scale itself is rounded.
"""

from math import inf

from ._intrinsics import div, fabs, fma, libm, rint, select


def round_digits(x, digits):
    """`round(x, digits)`."""
    if not fabs(x) < inf or x == 0.0:
        return x
    if digits > 0:
        if digits > 22:
            return _round_far(x, digits)
        scale = libm("pow", 10.0, float(digits))
        product = x * scale
        # From 2**53 on the digits are finer than `x` itself.
        if not fabs(product) < 9007199254740992.0:
            return x
        return div(_nearest(product, fma(x, scale, -product)), scale)
    if digits == 0:
        return rint(x)
    if digits < -308:
        return 0.0 * x
    scale = libm("pow", 10.0, float(-digits))
    quotient = div(x, scale)
    if not fabs(quotient) < 9007199254740992.0:
        return x
    # Over `scale`, what is left has the sign of what the quotient lost; only the sign and whether it is zero matter.
    return _nearest(quotient, fma(-quotient, scale, x)) * scale


def _nearest(value, lost):
    """The integer nearest to `value + lost`, ties to even; `lost` is less than the last bit of `value`."""
    whole = rint(value)
    apart = value - whole
    # Halfway as far as `value` tells: what was lost decides.
    up = apart == 0.5 and lost > 0.0
    down = apart == -0.5 and lost < 0.0
    return select(up, whole + 1.0, select(down, whole - 1.0, whole))


def _round_far(x, digits):
    """To more than 22 digits: only numbers that are small to begin with change."""
    if digits > 323:
        return x
    product = x * libm("pow", 10.0, float(digits - 22)) * 1e22
    if not fabs(product) < 9007199254740992.0:
        return x
    return div(div(rint(product), 1e22), libm("pow", 10.0, float(digits - 22)))
