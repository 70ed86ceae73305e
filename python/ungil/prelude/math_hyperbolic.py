"""Hyperbolic functions of `float64`, in straight lines that vectorise.

| function | largest error measured | method                     |
|----------|------------------------|----------------------------|
| `sinh`   | 0.75 ULP               | two polynomials            |
| `cosh`   | 0.65 ULP               | the same                   |
| `tanh`   | 0.63 ULP               | the same, and one division |

With `|x| = k * log(2) + r`, `k` an integer and `r` in [-log(2)/2, log(2)/2], the theorems of addition give

    sinh(x) = 2**k * (minus * cosh(r) + plus * sinh(r)), plus = (1 + 4**-k) / 2,
    cosh(x) = 2**k * (plus * cosh(r) + minus * sinh(r)), minus = (1 - 4**-k) / 2,

where nothing cancels; for `k = 0` the sine is sinh(r) itself. sinh(r) - r and cosh(r) - 1 are minimax polynomials with
errors of 2**-61.7 of sinh(r) and 2**-70 of cosh(r); `plus`, `minus`, `r` and the sums are kept in two words.
"""

from ._intrinsics import copysign, div, fabs, fma, from_bits, muladd, select, shl, shr, to_bits

_LOG2_E = 1.4426950408889634
# log(2) in two words: a multiple of the first by an exponent is taken from `x` exactly with a fused multiply-add.
_LOG_2_A = 0.6931471805599453
_LOG_2_B = 2.3190468138462996e-17
# 1.5 * 2**52 + 2 * 1023: adding it rounds to an integer, whose sum with twice the bias of exponents is in the low bits.
_POWER_SHIFT = 6755399441057790.0
# The exponent of 4**-k from the sum above: 1023 + 2 * 2046, less twice the sum.
_FOURTH_SHIFT = 5115
# Beyond this 4**-k is below the second word.
_LAST_FOURTH = 60.0
# Beyond these results are infinite, or 1.
_SINH_HIGHEST = 711.0
_TANH_HIGHEST = 20.0


def sinh(x):
    """The hyperbolic sine; an infinity if that is too large."""
    a = fabs(x)
    a = select(a > _SINH_HIGHEST, _SINH_HIGHEST, a)
    bits, minus, plus, plus_low, r, r_low, odd, even = _hyperbolic_parts(a)
    value, _ = _hyperbolic_sum(minus, plus, plus_low, r, r_low, odd, even)
    return copysign(_times_two_powers(value, bits), x)


def cosh(x):
    """The hyperbolic cosine; inf if that is too large."""
    a = fabs(x)
    a = select(a > _SINH_HIGHEST, _SINH_HIGHEST, a)
    bits, minus, plus, plus_low, r, r_low, odd, even = _hyperbolic_parts(a)
    value, _ = _hyperbolic_sum(plus, minus, -plus_low, r, r_low, odd, even)
    return _times_two_powers(value, bits)


def tanh(x):
    """The hyperbolic tangent."""
    a = fabs(x)
    a = select(a > _TANH_HIGHEST, _TANH_HIGHEST, a)
    _, minus, plus, plus_low, r, r_low, odd, even = _hyperbolic_parts(a)
    over, over_low = _hyperbolic_sum(minus, plus, plus_low, r, r_low, odd, even)
    under, under_low = _hyperbolic_sum(plus, minus, -plus_low, r, r_low, odd, even)
    inverse = div(1.0, under)
    quotient = over * inverse
    rest = fma(-quotient, under, over) + muladd(-quotient, under_low, over_low)
    return copysign(muladd(rest, inverse, quotient), x)


def _hyperbolic_parts(a):
    """`k` as bits, `minus`, `plus` and its second word, `r` and its second word, sinh(r) - r, cosh(r) - 1."""
    shifted = fma(a, _LOG2_E, _POWER_SHIFT)
    k = shifted - _POWER_SHIFT
    exact = fma(-k, _LOG_2_A, a)
    r = fma(-k, _LOG_2_B, exact)
    r_low = fma(-k, _LOG_2_B, exact - r)
    bits = to_bits(shifted)
    half = select(k > _LAST_FOURTH, 0.0, 0.5 * from_bits(shl(_FOURTH_SHIFT - bits - bits, 52)))
    # From k = 27 on both sums round to 1/2, and what they lose is the same; before that they are exact.
    minus = 0.5 - half
    plus = 0.5 + half
    plus_low = (0.5 - plus) + half
    z = r * r
    odd = muladd(z, 2.5109325267583824e-08, 2.755724344205332e-06)
    odd = muladd(odd, z, 0.00019841269886823026)
    odd = muladd(odd, z, 0.008333333333321384)
    odd = muladd(odd, z, 0.16666666666666677)
    even = muladd(z, 2.092176885411901e-09, 2.7557251821682143e-07)
    even = muladd(even, z, 2.4801587349201263e-05)
    even = muladd(even, z, 0.0013888888888873283)
    even = muladd(even, z, 0.041666666666666685)
    even = muladd(even, z, 0.5)
    return bits, minus, plus, plus_low, r, r_low, r * z * odd, z * even


def _hyperbolic_sum(first, second, second_low, r, r_low, odd, even):
    """`first * cosh(r) + second * sinh(r)` in two words; what the second has lost, the first has too much."""
    product = second * r
    product_low = fma(second, r, -product)
    head = first + product
    lost = (first - head) + product + (product_low + second_low * (r - 1.0))
    small = muladd(first, even, muladd(second, odd, muladd(muladd(first, r, second), r_low, lost)))
    high = head + small
    return high, (head - high) + small


def _times_two_powers(value, bits):
    """`value * 2**k`, where the low twelve bits of `bits` are `k + 2046`, rounded once if that is subnormal."""
    half = shr(bits, 1)
    return value * from_bits(shl(half, 52)) * from_bits(shl(bits - half, 52))
