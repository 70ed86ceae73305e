"""Exponentials of `float64` within 4 ULP, faster: one word, and no care for the ends of the range.

| function     | largest error measured | polynomial's error |
|--------------|------------------------|--------------------|
| `exp_fast`   | 2.95 ULP               | 2**-51.6           |
| `exp2_fast`  | 2.44 ULP               | 2**-52.0           |
| `expm1_fast` | 2.14 ULP               | 2**-55.6           |

The method is that of `math_exponential`, with minimax polynomials (Remez) of lower degree, and `2**k` made by adding
`k` to the bits of the exponent: arguments with results that are not normal numbers go to the exact functions. Of each
polynomial, the pairs of terms are summed by Horner's rule in the square: that halves the chain of operations which
wait for one another, and a loop has no more of them in flight than the processor has room for.
"""

from ._intrinsics import fabs, fma, from_bits, muladd, shl, to_bits, unlikely
from .math_exponential import exp, exp2, expm1

_LOG2_E = 1.4426950408889634
_LOG_2_A = 0.6931471805599453
_LOG_2_B = 2.3190468138462996e-17
# Up to these, results are normal numbers.
_EXP_FAST_LIMIT = 708.0
_EXP2_FAST_LIMIT = 1021.0
# 1.5 * 2**52: adding it rounds to an integer, found in the low bits; and the same with the bias of exponents added.
_EXP_FAST_SHIFT = 6755399441055744.0
_EXPM1_FAST_SHIFT = 6755399441056767.0


def exp_fast(x):
    """The exponential of `x`, faster; inf if that is too large."""
    if unlikely(not fabs(x) <= _EXP_FAST_LIMIT):
        return exp(x)
    shifted = fma(x, _LOG2_E, _EXP_FAST_SHIFT)
    k = shifted - _EXP_FAST_SHIFT
    r = fma(-k, _LOG_2_B, fma(-k, _LOG_2_A, x))
    z = r * r
    p = muladd(z, 2.747680010983527e-07, muladd(r, 2.763499073042007e-06, 2.4801931708710226e-05))
    p = muladd(p, z, muladd(r, 0.00019841185236331357, 0.0013888888516236401))
    p = muladd(p, z, muladd(r, 0.00833333337087002, 0.04166666666813645))
    p = muladd(p, z, muladd(r, 0.16666666666611554, 0.49999999999998324))
    return from_bits(to_bits(muladd(p, z, r) + 1.0) + shl(to_bits(shifted), 52))


def exp2_fast(x):
    """2 to the power `x`, faster, exact for integers; inf if that is too large."""
    if unlikely(not fabs(x) <= _EXP2_FAST_LIMIT):
        return exp2(x)
    shifted = x + _EXP_FAST_SHIFT
    r = x - (shifted - _EXP_FAST_SHIFT)
    z = r * r
    p = muladd(r, 7.0381808915157165e-09, 1.0208323111945079e-07)
    p = muladd(p, z, muladd(r, 1.3215653590104736e-06, 1.5252659427132442e-05))
    p = muladd(p, z, muladd(r, 0.0001540352999424861, 0.0013333558225801134))
    p = muladd(p, z, muladd(r, 0.009618129107983141, 0.05550410866448181))
    p = muladd(p, z, muladd(r, 0.240226506959091, 0.6931471805599492))
    return from_bits(to_bits(muladd(p, r, 1.0)) + shl(to_bits(shifted), 52))


def expm1_fast(x):
    """The exponential of `x`, less 1, faster; as good for small `x`, but the sign of a zero is not kept."""
    if unlikely(not fabs(x) <= _EXP_FAST_LIMIT):
        return expm1(x)
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
