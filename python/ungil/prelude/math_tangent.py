"""Tangent of `float64`, in straight lines that vectorise, with two divisions.

`tan` reduces its argument as `sin` does and divides sine by cosine, both in two words (the remainder of the division
is found with a fused multiply-add). Beyond 2**23 the runtime reduces the argument, as `math_reduction`
does it.
"""

from ._intrinsics import div, fabs, fma, from_bits, int64, libm, muladd, select, to_bits, unlikely

# As in `math_sine`: 1.5 * 2**52, and pi/2 in parts of 53, 30 and 53 bits.
_TAN_SHIFT = 6755399441055744.0
_TAN_LIMIT = 8388608.0
_TAN_TWO_OVER_PI = 0.6366197723675814
_TAN_PART_A = 1.5707963267948966
_TAN_PART_B = 6.12323399409214e-17
_TAN_PART_C = 1.6446256936324258e-26
_TAN_SIGN = -0x8000000000000000


def tan(x):
    """The tangent of `x` radians; a NaN for an infinity."""
    magnitude = fabs(x)
    shifted = fma(magnitude, _TAN_TWO_OVER_PI, _TAN_SHIFT)
    k = shifted - _TAN_SHIFT
    exact = fma(-k, _TAN_PART_A, magnitude)
    r = fma(-k, _TAN_PART_B, exact)
    low = fma(-k, _TAN_PART_C, fma(-k, _TAN_PART_B, exact - r))
    turns = to_bits(shifted)
    if unlikely(magnitude > _TAN_LIMIT):
        turns = int64(libm("ungil_rt_quarter_turns", magnitude))
        r = libm("ungil_rt_quarter_rest", magnitude)
        low = libm("ungil_rt_quarter_rest_low", magnitude)
    even = (turns & 1) == 0
    z = r * r
    z_low = fma(r, r, -z)

    # The sine in two words.
    p = muladd(z, 1.5895432872709336e-10, -2.5050734384921032e-08)
    p = muladd(p, z, 2.7557313538499703e-06)
    p = muladd(p, z, -0.00019841269829358512)
    p = muladd(p, z, 0.00833333333332184)
    p = muladd(p, z, -0.1666666666666663)
    tail = muladd(z * r, p, low * muladd(z, -0.5, 1.0))
    sin_high = r + tail
    sin_low = (r - sin_high) + tail

    # The cosine in two words.
    p = muladd(z, -1.1358749028993462e-11, 2.087570539305563e-09)
    p = muladd(p, z, -2.755731421702521e-07)
    p = muladd(p, z, 2.480158728900206e-05)
    p = muladd(p, z, -0.0013888888888873342)
    p = muladd(p, z, 0.041666666666666595)
    head = muladd(z, -0.5, 1.0)
    lost = muladd(z, -0.5, 1.0 - head) - muladd(r, low, 0.5 * z_low)
    tail = muladd(z * z, p, lost)
    cos_high = head + tail
    cos_low = (head - cos_high) + tail

    # In odd quarters the tangent is -cos / sin.
    over = select(even, sin_high, -cos_high)
    over_low = select(even, sin_low, -cos_low)
    under = select(even, cos_high, sin_high)
    under_low = select(even, cos_low, sin_low)
    quotient = div(over, under)
    rest = fma(-quotient, under, over) + fma(-quotient, under_low, over_low)
    value = muladd(rest, div(1.0, under), quotient)
    return from_bits(to_bits(value) ^ (to_bits(x) & _TAN_SIGN))


def degrees(x):
    """Radians to degrees."""
    return x * 57.29577951308232


def radians(x):
    """Degrees to radians."""
    return x * 0.017453292519943295
