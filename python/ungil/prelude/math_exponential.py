"""Exponentials of `float64`.

| function        | largest error measured | method                        |
|-----------------|------------------------|-------------------------------|
| `exp`           | 0.91 ULP               | straight lines that vectorise |
| `exp2`, `expm1` | the C library's        | the C library                 |

`exp(x) = 2**k * exp(r)` with `k` the integer nearest to x / log(2), so that `r` is in [-log(2)/2, log(2)/2]; `r` is
found by Cody and Waite's method with two parts of log(2). exp(r) is a minimax polynomial (Remez) with an error of
2**-56. Two factors make up `2**k`, so that results below the least normal number are rounded once more and only there,
and those past the greatest become infinite.
"""

from ._intrinsics import fma, from_bits, libm, muladd, select, shl, shr, to_bits

_LOG2_E = 1.4426950408889634
_LOG_2_A = 0.6931471805599453
_LOG_2_B = 2.3190468138462996e-17
# Beyond these every result is infinite or zero.
_EXP_HIGHEST = 710.0
_EXP_LOWEST = -746.0
# 1.5 * 2**52 + 2 * 1023: adding it rounds to an integer, whose sum with twice the bias of exponents is in the low bits.
_EXP_SHIFT = 6755399441057790.0


def exp(x):
    """The exponential of `x`; inf if that is too large."""
    x = select(x > _EXP_HIGHEST, _EXP_HIGHEST, x)
    x = select(x < _EXP_LOWEST, _EXP_LOWEST, x)
    shifted = fma(x, _LOG2_E, _EXP_SHIFT)
    k = shifted - _EXP_SHIFT
    r = fma(-k, _LOG_2_B, fma(-k, _LOG_2_A, x))
    value = muladd(r, muladd(r, exp_tail(r), 1.0), 1.0)
    return times_power_of_two(value, to_bits(shifted))


def exp_tail(r):
    """(exp(r) - 1 - r) / r**2 for `r` in [-log(2)/2, log(2)/2]."""
    p = muladd(r, 2.49975125624086e-08, 2.7629138972530166e-07)
    p = muladd(p, r, 2.7557590361506274e-06)
    p = muladd(p, r, 2.480149648126983e-05)
    p = muladd(p, r, 0.0001984126950812036)
    p = muladd(p, r, 0.0013888888940023845)
    p = muladd(p, r, 0.008333333333489922)
    p = muladd(p, r, 0.04166666666654568)
    p = muladd(p, r, 0.16666666666666427)
    return muladd(p, r, 0.5000000000000009)


def times_power_of_two(value, bits):
    """`value * 2**k`, where the low twelve bits of `bits` are `k + 2046`."""
    half = shr(bits, 1)
    return value * from_bits(shl(half, 52)) * from_bits(shl(bits - half, 52))


def exp2(x):
    """2 to the power `x`."""
    return libm("exp2", x)


def expm1(x):
    """The exponential of `x`, less 1; as good for small `x`."""
    return libm("expm1", x)
