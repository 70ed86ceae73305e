"""Exponentials of `float64` within 4 ULP, faster: one word, shorter polynomials, and no care for what overflows.

| function     | largest error measured | polynomial's error |
|--------------|------------------------|--------------------|
| `exp_fast`   | 2.95 ULP               | 2**-51.6           |
| `exp2_fast`  | 2.44 ULP               | 2**-52.0           |
| `expm1_fast` | 2.14 ULP               | 2**-55.6           |

The method is that of `math_exponential`, with minimax polynomials (Remez) of lower degree. Arguments with results that
are not finite go to the exact functions; tiny results are too common for that (as those of `exp(-x * x)` are). Of each
polynomial, the pairs of terms are summed by Horner's rule in the square: that halves the chain of operations which
wait for one another, and a loop has no more of them in flight than the processor has room for.
"""

from ._intrinsics import fma, from_bits, muladd, select, shl, to_bits, unlikely
from .math_exponential import exp, exp2, expm1, times_power_of_two

_LOG2_E = 1.4426950408889634
_LOG_2_A = 0.6931471805599453
_LOG_2_B = 2.3190468138462996e-17
# Up to these, results are finite.
_EXP_FAST_HIGHEST = 709.0
_EXP2_FAST_HIGHEST = 1023.0
# Below these they are 0, or -1.
_EXP_LOWEST = -746.0
_EXP2_LOWEST = -1076.0
_EXPM1_LOWEST = -40.0
# As in `math_exponential`: 1.5 * 2**52 + 2 * 1023; and 1.5 * 2**52 + 1023, whose low bits are the exponent of 2**k.
_EXP_SHIFT = 6755399441057790.0
_EXPM1_FAST_SHIFT = 6755399441056767.0


def exp_fast(x):
    """The exponential of `x`, faster; inf if that is too large."""
    if unlikely(not x <= _EXP_FAST_HIGHEST):
        return exp(x)
    x = select(x < _EXP_LOWEST, _EXP_LOWEST, x)
    shifted = fma(x, _LOG2_E, _EXP_SHIFT)
    k = shifted - _EXP_SHIFT
    r = fma(-k, _LOG_2_B, fma(-k, _LOG_2_A, x))
    z = r * r
    p = muladd(z, 2.747680010983527e-07, muladd(r, 2.763499073042007e-06, 2.4801931708710226e-05))
    p = muladd(p, z, muladd(r, 0.00019841185236331357, 0.0013888888516236401))
    p = muladd(p, z, muladd(r, 0.00833333337087002, 0.04166666666813645))
    p = muladd(p, z, muladd(r, 0.16666666666611554, 0.49999999999998324))
    return times_power_of_two(muladd(p, z, r) + 1.0, to_bits(shifted))


def exp2_fast(x):
    """2 to the power `x`, faster, exact for integers; inf if that is too large."""
    if unlikely(not x <= _EXP2_FAST_HIGHEST):
        return exp2(x)
    x = select(x < _EXP2_LOWEST, _EXP2_LOWEST, x)
    shifted = x + _EXP_SHIFT
    r = x - (shifted - _EXP_SHIFT)
    z = r * r
    p = muladd(r, 7.0381808915157165e-09, 1.0208323111945079e-07)
    p = muladd(p, z, muladd(r, 1.3215653590104736e-06, 1.5252659427132442e-05))
    p = muladd(p, z, muladd(r, 0.0001540352999424861, 0.0013333558225801134))
    p = muladd(p, z, muladd(r, 0.009618129107983141, 0.05550410866448181))
    p = muladd(p, z, muladd(r, 0.240226506959091, 0.6931471805599492))
    return times_power_of_two(muladd(p, r, 1.0), to_bits(shifted))


def expm1_fast(x):
    """The exponential of `x`, less 1, faster; as good for small `x`, but the sign of a zero is not kept."""
    if unlikely(not x <= _EXP_FAST_HIGHEST):
        return expm1(x)
    x = select(x < _EXPM1_LOWEST, _EXPM1_LOWEST, x)
    shifted = fma(x, _LOG2_E, _EXPM1_FAST_SHIFT)
    k = shifted - _EXPM1_FAST_SHIFT
    r = fma(-k, _LOG_2_B, fma(-k, _LOG_2_A, x))
    z = r * r
    p = muladd(r, 2.505376987674374e-08, 2.7626024217445897e-07)
    p = muladd(p, z, muladd(r, 2.7557407520736954e-06, 2.480150530637221e-05))
    p = muladd(p, z, muladd(r, 0.00019841269719067382, 0.001388888893153951))
    p = muladd(p, z, muladd(r, 0.008333333333389512, 0.041666666666576826))
    p = muladd(p, z, muladd(r, 0.16666666666666588, 0.5000000000000006))
    # 2**k * (exp(r) - 1) + (2**k - 1), where the difference is rounded only if it is far greater than what is added.
    power = from_bits(shl(to_bits(shifted), 52))
    return fma(power, muladd(p, z, r), power - 1.0)
