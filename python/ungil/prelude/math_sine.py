"""Sine and cosine of `float64`, in straight lines that vectorise; `math_sine_fast` has the fast forms.

The argument is reduced to [-pi/4, pi/4], in two words, by Cody and Waite's method ("Software Manual for the Elementary
Functions", 1980, chapter 8): a multiple `k` of pi/2 is taken away in steps with the parts of that constant. The first
step is exact, since `x` and the first part are multiples of 2**-53 and their difference is small enough to be held;
what later steps lose is known from the fused multiply-add. `k` is rounded by adding and taking away a number so large
that its last bit counts ones; the low bits of that sum then say which quarter turn it is.

The polynomials are minimax fits of the relative error (Remez), their coefficients rounded from the lowest upwards
with the others fitted again; the larger error of approximation is 2**-57.8. An argument beyond 2**23 goes to the
runtime, which does what `math_reduction` says.
"""

from ._intrinsics import fabs, fma, from_bits, libm, muladd, select, shl, to_bits, unlikely

# 1.5 * 2**52, whose last bit is 1; adding it rounds to an integer, found in the low bits.
_TURN_SHIFT = 6755399441055744.0
_SIGN = -0x8000000000000000

_TWO_OVER_PI = 0.6366197723675814
_QUARTER_LIMIT = 8388608.0
# pi/2 in parts of 53, 30 and 53 bits: `k` times the second part is exact for `k` below 2**23.
_QUARTER_A = 1.5707963267948966
_QUARTER_B = 6.12323399409214e-17
_QUARTER_C = 1.6446256936324258e-26


def sin(x):
    """The sine of `x` radians; a NaN for an infinity."""
    magnitude = fabs(x)
    if unlikely(magnitude > _QUARTER_LIMIT):
        return libm("ungil_rt_sin", x)
    shifted = fma(magnitude, _TWO_OVER_PI, _TURN_SHIFT)
    k = shifted - _TURN_SHIFT
    exact = fma(-k, _QUARTER_A, magnitude)
    r = fma(-k, _QUARTER_B, exact)
    low = fma(-k, _QUARTER_C, fma(-k, _QUARTER_B, exact - r))
    turns = to_bits(shifted)
    value = select((turns & 1) == 0, sin_of_reduced(r, low), cos_of_reduced(r, low))
    return from_bits(to_bits(value) ^ ((shl(turns, 62) ^ to_bits(x)) & _SIGN))


def cos(x):
    """The cosine of `x` radians; a NaN for an infinity."""
    magnitude = fabs(x)
    if unlikely(magnitude > _QUARTER_LIMIT):
        return libm("ungil_rt_cos", x)
    shifted = fma(magnitude, _TWO_OVER_PI, _TURN_SHIFT)
    k = shifted - _TURN_SHIFT
    exact = fma(-k, _QUARTER_A, magnitude)
    r = fma(-k, _QUARTER_B, exact)
    low = fma(-k, _QUARTER_C, fma(-k, _QUARTER_B, exact - r))
    # cos(x) is sin(x + pi/2).
    turns = to_bits(shifted) + 1
    value = select((turns & 1) == 0, sin_of_reduced(r, low), cos_of_reduced(r, low))
    return from_bits(to_bits(value) ^ (shl(turns, 62) & _SIGN))


def sin_of_reduced(r, low):
    """The sine of `r + low`, `r` in [-pi/4, pi/4] and `low` below its last bit."""
    z = r * r
    p = muladd(z, 1.5895432872709336e-10, -2.5050734384921032e-08)
    p = muladd(p, z, 2.7557313538499703e-06)
    p = muladd(p, z, -0.00019841269829358512)
    p = muladd(p, z, 0.00833333333332184)
    p = muladd(p, z, -0.1666666666666663)
    # The derivative is cos(r); its first two terms are enough for `low`.
    return r + muladd(z * r, p, low * muladd(z, -0.5, 1.0))


def cos_of_reduced(r, low):
    """The cosine of `r + low`, `r` in [-pi/4, pi/4] and `low` below its last bit."""
    z = r * r
    p = muladd(z, -1.1358749028993462e-11, 2.087570539305563e-09)
    p = muladd(p, z, -2.755731421702521e-07)
    p = muladd(p, z, 2.480158728900206e-05)
    p = muladd(p, z, -0.0013888888888873342)
    p = muladd(p, z, 0.041666666666666595)
    # 1 - z/2 as it is rounded, and what the rounding lost.
    head = muladd(z, -0.5, 1.0)
    lost = muladd(z, -0.5, 1.0 - head)
    return head + muladd(z * z, p, muladd(-r, low, lost))
