"""The reduction of huge angles: what is left of a `float64` after whole quarter turns, as if pi were known exactly.

The method is Payne and Hanek's ("Radian Reduction for Trigonometric Functions", SIGNUM Newsletter 18, 1983), as
K. C. Ng explains it ("Argument Reduction for Huge Arguments: Good to the Last Bit", 1992). The angle is `m * 2**e`
with an integer `m` of 53 bits. Of 2/pi, the bits whose product with the angle is a multiple of 4 do not count, and
those far behind them change nothing; so `m` times 192 bits, from a place that `e` tells, give the turns modulo 4 and
126 bits of the fraction. No `float64` is nearer to a multiple of pi/2 than 2**-61 (Ng, section 2.3; J.-M. Muller,
"Elementary Functions", 3rd edition, section 11.3), so 64 bits of any fraction are significant.

Compiled code calls the runtime for it: compiled together with each sine, it made a first call a fifth slower. Here it
is in the compiled language, for CPython and for the test that compares the two.
"""

from math import inf, nan

from ._intrinsics import (
    fabs,
    float64,
    fma,
    from_bits,
    int64,
    leading_zeros,
    muladd,
    mulhigh,
    select,
    shl,
    shr,
    to_bits,
    uint64,
)
from .math_sine import cos_of_reduced, sin_of_reduced

# 31 zeros and the first 1185 bits of 2/pi.
_WORD_0 = 0x0000000145F306DC
_WORD_1 = -0x6377D5AC07B1505D
_WORD_2 = -0x1596447E493AD4CE
_WORD_3 = 0x78872083FCA2C757
_WORD_4 = -0x4288753C91B7238C
_WORD_5 = -0x7B645A3FF36DA22C
_WORD_6 = 0x13A32439FC3BD639
_WORD_7 = 0x62534E7DD1046BEA
_WORD_8 = 0x5D768909D338E04D
_WORD_9 = 0x68BEFC827323AC73
_WORD_10 = 0x06A673E93908BF17
_WORD_11 = 0x7BF250763FF12FFF
_WORD_12 = -0x43F4CFE021A1DCEA
_WORD_13 = -0x4BEB25C125930262
_WORD_14 = 0x4F96136E9E8C7ECD
_WORD_15 = 0x3CBFD45AEA4F758F
_WORD_16 = -0x28341D0985F18C11
_WORD_17 = 0x14A525D4D7F6BF62
_WORD_18 = 0x3F1ABA10AC06608D
# With this taken from the biased exponent, the angle 2**23 begins at the first of those bits.
_FIRST_EXPONENT = 1046
_FRACTION_BITS = 0x000FFFFFFFFFFFFF
_LEADING_BIT = 0x0010000000000000
_ROUNDING_BIT = 0x2000000000000000
_SIGN_BIT = -0x8000000000000000
# pi/2 in parts of 53 bits.
_QUARTER_TURN = 1.5707963267948966
_QUARTER_TURN_LOW = 6.123233995736766e-17


def without_quarter_turns(x):
    """For `x` of at least 2**23: quarter turns to the nearest, modulo 4, and the rest in two words, NaN for inf."""
    bits = to_bits(x)
    start = shr(bits, 52) - _FIRST_EXPONENT
    m = (bits & _FRACTION_BITS) | _LEADING_BIT

    # Four words from the one that holds the bit `start`, then three from that bit.
    by_eight = (start & 512) != 0
    by_four = (start & 256) != 0
    by_two = (start & 128) != 0
    by_one = (start & 64) != 0
    a0 = select(by_eight, _WORD_8, _WORD_0)
    a1 = select(by_eight, _WORD_9, _WORD_1)
    a2 = select(by_eight, _WORD_10, _WORD_2)
    a3 = select(by_eight, _WORD_11, _WORD_3)
    a4 = select(by_eight, _WORD_12, _WORD_4)
    a5 = select(by_eight, _WORD_13, _WORD_5)
    a6 = select(by_eight, _WORD_14, _WORD_6)
    a7 = select(by_eight, _WORD_15, _WORD_7)
    a8 = select(by_eight, _WORD_16, _WORD_8)
    a9 = select(by_eight, _WORD_17, _WORD_9)
    a10 = select(by_eight, _WORD_18, _WORD_10)
    b0 = select(by_four, a4, a0)
    b1 = select(by_four, a5, a1)
    b2 = select(by_four, a6, a2)
    b3 = select(by_four, a7, a3)
    b4 = select(by_four, a8, a4)
    b5 = select(by_four, a9, a5)
    b6 = select(by_four, a10, a6)
    c0 = select(by_two, b2, b0)
    c1 = select(by_two, b3, b1)
    c2 = select(by_two, b4, b2)
    c3 = select(by_two, b5, b3)
    c4 = select(by_two, b6, b4)
    d0 = select(by_one, c1, c0)
    d1 = select(by_one, c2, c1)
    d2 = select(by_one, c3, c2)
    d3 = select(by_one, c4, c3)
    by = start & 63
    high = _shifted(d0, d1, by)
    middle = _shifted(d1, d2, by)
    low = _shifted(d2, d3, by)

    # The product's two higher words: two bits of turns, then the fraction.
    carried = int64(mulhigh(uint64(m), uint64(low)))
    under = int64(m * middle + carried)
    carry = select(uint64(under) < uint64(carried), 1, 0)
    over = int64(m * high + int64(mulhigh(uint64(m), uint64(middle))) + carry)
    turns = shr(int64(over + _ROUNDING_BIT), 62) & 3
    over = _shifted(over, under, 2)
    under = shl(under, 2)

    # The magnitude of the fraction, from its highest bit on; one unit of the 128 does not count.
    sign = shr(over, 63)
    over = over ^ sign
    under = under ^ sign
    zeros = leading_zeros(over)
    word = _shifted(over, under, zeros)
    unit = from_bits(shl(959 - zeros, 52) | (sign & _SIGN_BIT))
    head = float64(int64(shr(uint64(word), 11))) * (2048.0 * unit)
    rest = float64(word & 2047) * unit

    product = head * _QUARTER_TURN
    lost = fma(head, _QUARTER_TURN, -product) + muladd(head, _QUARTER_TURN_LOW, rest * _QUARTER_TURN)
    r = product + lost
    return turns, select(x < inf, r, nan), (product - r) + lost


def sin_of_huge(x):
    """The sine of `x`, at least 2**23 in magnitude."""
    turns, r, low = without_quarter_turns(fabs(x))
    return _of_quarter(turns, r, low, to_bits(x) & _SIGN_BIT)


def cos_of_huge(x):
    """The cosine of `x`, at least 2**23 in magnitude: the sine a quarter turn on."""
    turns, r, low = without_quarter_turns(fabs(x))
    return _of_quarter(turns + 1, r, low, 0)


def _of_quarter(turns, r, low, sign):
    value = select((turns & 1) == 0, sin_of_reduced(r, low), cos_of_reduced(r, low))
    return from_bits(to_bits(value) ^ sign ^ (shl(turns, 62) & _SIGN_BIT))


def _shifted(word, following, by):
    """The first word of two after both have been shifted left by `by`, from 0 to 63."""
    return shl(word, by) | int64(shr(shr(uint64(following), 1), 63 - by))
