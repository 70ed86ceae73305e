"""Exponentials of `float64`, in straight lines that vectorise.

| function | largest error measured | polynomial's error |
|----------|------------------------|--------------------|
| `exp`    | 0.91 ULP               | 2**-56             |
| `exp2`   | 0.75 ULP               | 2**-57.7           |
| `expm1`  | 0.84 ULP               | 2**-60.1           |

`exp(x) = 2**k * exp(r)` with `k` the integer nearest to x / log(2), so that `r` is in [-log(2)/2, log(2)/2]; `r` is
found by Cody and Waite's method with two parts of log(2); for `exp2`, `r` is exact and in [-1/2, 1/2]. exp(r) is a
minimax polynomial (Remez). Two factors make up `2**k`, so that results below the least normal number are rounded once
more and only there, and those past the greatest become infinite.

`expm1(x) = 2**k * ((1 - 2**-k) + (exp(r) - 1))`, where the sum is taken in two words; for `k = 0` it is exp(r) - 1
itself, with an error as small relative to that.
"""

from ._intrinsics import copysign, fma, from_bits, muladd, select, shl, shr, to_bits

_LOG2_E = 1.4426950408889634
_LOG_2_A = 0.6931471805599453
_LOG_2_B = 2.3190468138462996e-17
# Beyond these every result is infinite or zero; or -1, or infinite or zero.
_EXP_HIGHEST = 710.0
_EXP_LOWEST = -746.0
_EXPM1_LOWEST = -40.0
_EXP2_HIGHEST = 1025.0
_EXP2_LOWEST = -1076.0
# 1.5 * 2**52 + 2 * 1023: adding it rounds to an integer, whose sum with twice the bias of exponents is in the low bits.
_EXP_SHIFT = 6755399441057790.0
# The exponent of 2**-k from the sum above: 1023 + 2046, less the sum.
_INVERSE_SHIFT = 3069
# From here on 2**-k is below the last bit of what it is taken from.
_LAST_INVERSE = 100.0


def exp(x):
    """The exponential of `x`; inf if that is too large."""
    x = select(x > _EXP_HIGHEST, _EXP_HIGHEST, x)
    x = select(x < _EXP_LOWEST, _EXP_LOWEST, x)
    shifted = fma(x, _LOG2_E, _EXP_SHIFT)
    k = shifted - _EXP_SHIFT
    r = fma(-k, _LOG_2_B, fma(-k, _LOG_2_A, x))
    value = muladd(r, muladd(r, exp_tail(r), 1.0), 1.0)
    return times_power_of_two(value, to_bits(shifted))


def exp2(x):
    """2 to the power `x`, exact for integers; inf if that is too large."""
    x = select(x > _EXP2_HIGHEST, _EXP2_HIGHEST, x)
    x = select(x < _EXP2_LOWEST, _EXP2_LOWEST, x)
    shifted = x + _EXP_SHIFT
    r = x - (shifted - _EXP_SHIFT)
    p = muladd(r, 4.439652162827119e-10, 7.073311452997234e-09)
    p = muladd(p, r, 1.017815508027377e-07)
    p = muladd(p, r, 1.321543834280967e-06)
    p = muladd(p, r, 1.5252733644881407e-05)
    p = muladd(p, r, 0.00015403530450121616)
    p = muladd(p, r, 0.0013333558146536666)
    p = muladd(p, r, 0.00961812910760064)
    p = muladd(p, r, 0.05550410866482175)
    p = muladd(p, r, 0.2402265069591011)
    p = muladd(p, r, 0.6931471805599453)
    return times_power_of_two(muladd(p, r, 1.0), to_bits(shifted))


def expm1(x):
    """The exponential of `x`, less 1; as good for small `x`."""
    y = select(x > _EXP_HIGHEST, _EXP_HIGHEST, x)
    y = select(y < _EXPM1_LOWEST, _EXPM1_LOWEST, y)
    shifted = fma(y, _LOG2_E, _EXP_SHIFT)
    k = shifted - _EXP_SHIFT
    exact = fma(-k, _LOG_2_A, y)
    r = fma(-k, _LOG_2_B, exact)
    r_low = fma(-k, _LOG_2_B, exact - r)
    bits = to_bits(shifted)
    inverse = select(k > _LAST_INVERSE, 0.0, from_bits(shl(_INVERSE_SHIFT - bits, 52)))
    # The difference is inexact for k > 53 only. It is greater than `r`, but for k = 0, where it is 0.
    one = 1.0 - inverse
    one_low = (1.0 - one) - inverse
    head = one + r
    small = muladd(r * r, exp_tail_for_sums(r), muladd(r_low, r, r_low) + (((one - head) + r) + one_low))
    return copysign(times_power_of_two(head + small, bits), x)


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


def exp_tail_for_sums(r):
    """The same, one degree higher, for exp(r) in two words: errors are 2**-63.5 of exp(r), 2**-60.1 of exp(r) - 1."""
    p = muladd(r, 2.097684824354381e-09, 2.511392267983575e-08)
    p = muladd(p, r, 2.7557069675201783e-07)
    p = muladd(p, r, 2.7557228705884396e-06)
    p = muladd(p, r, 2.4801587557972655e-05)
    p = muladd(p, r, 0.00019841269903351897)
    p = muladd(p, r, 0.0013888888888778164)
    p = muladd(p, r, 0.008333333333313897)
    p = muladd(p, r, 0.041666666666666824)
    p = muladd(p, r, 0.16666666666666688)
    return muladd(p, r, 0.5)


def times_power_of_two(value, bits):
    """`value * 2**k`, where the low twelve bits of `bits` are `k + 2046`."""
    half = shr(bits, 1)
    return value * from_bits(shl(half, 52)) * from_bits(shl(bits - half, 52))
