"""Logarithms of `float64`.

All are straight lines that vectorise, with one division; `log1p` has two.

`log` follows the classical way: `x = 2**k * m` with `m` between sqrt(1/2) and sqrt(2), `f = m - 1`, `s = f / (2 +
f)`, and log(m) = f - f**2/2 + s * (f**2/2 + R(s**2)), where R is the series of log((1+s)/(1-s))/s - 2, here a minimax
polynomial with an error of 2**-59.5 (the method is described by K. C. Ng in the comments of FDLIBM, 1993). The head,
k * log(2) + f, is kept in two words; so is log(m) before `log2` and `log10` multiply it by the logarithm of e.

`log_in_two_words`, for functions that are exponentials of a logarithm's multiple, has the same series with the quotient
and the first two terms in two words, and a minimax polynomial for the rest with an error of 2**-73.
"""

from math import inf, nan

from ._intrinsics import copysign, div, fma, from_bits, muladd, select, shr, to_bits

_LEAST_NORMAL = 2.2250738585072014e-308
_TWO_54 = 18014398509481984.0
# The bits of sqrt(1/2), and by how much those of 1 are above them.
_SQRT_HALF = 0x3FE6A09E667F3BCD
_TO_ONE = 0x00095F619980C433
_MANTISSA = 0x000FFFFFFFFFFFFF
# 2**52 as bits, and 2**52 + 1023: adding a small integer to the bits adds it to the number.
_COUNTER = 0x4330000000000000
_COUNTED = 4503599627371519.0
_COUNTED_SMALL = 4503599627371573.0
_THIRD = 0.3333333333333333
_THIRD_LOW = 1.850371707708594e-17
# log(2) in parts of 42 and 53 bits: a multiple of the first by an exponent is exact.
_LOG_2_HIGH = 0.6931471805598903
_LOG_2_LOW = 5.497923018708371e-14
# log10(2) likewise, and log2(e) and log10(e) in parts of 53 bits.
_LOG10_2_HIGH = 0.30102999566383914
_LOG10_2_LOW = 1.42050232272661e-13
_LOG2_E = 1.4426950408889634
_LOG2_E_LOW = 2.0355273740931033e-17
_LOG10_E = 0.4342944819032518
_LOG10_E_LOW = 1.098319650216765e-17


def log(x):
    """The natural logarithm; -inf for a zero, a NaN below."""
    small = x < _LEAST_NORMAL
    bits = to_bits(select(small, x * _TWO_54, x)) + _TO_ONE
    k = from_bits((shr(bits, 52) & 0xFFF) + _COUNTER) - select(small, _COUNTED_SMALL, _COUNTED)
    f = from_bits((bits & _MANTISSA) + _SQRT_HALF) - 1.0
    s = div(f, 2.0 + f)
    z = s * s
    half = 0.5 * f * f
    high = k * _LOG_2_HIGH
    head = high + f
    lost = (high - head) + f
    tail = muladd(s, muladd(_log_series(z), z, half), muladd(k, _LOG_2_LOW, lost)) - half
    return _at_the_ends(x, head + tail)


def log2(x):
    """The logarithm to base 2, exact for powers of two; -inf for a zero, a NaN below."""
    k, head, tail = _log_in_parts(x)
    product = head * _LOG2_E
    low = muladd(tail, _LOG2_E, muladd(head, _LOG2_E_LOW, fma(head, _LOG2_E, -product)))
    value = k + product
    return _at_the_ends(x, value + (((k - value) + product) + low))


def log10(x):
    """The logarithm to base 10; -inf for a zero, a NaN below."""
    k, head, tail = _log_in_parts(x)
    product = head * _LOG10_E
    low = muladd(tail, _LOG10_E, muladd(head, _LOG10_E_LOW, fma(head, _LOG10_E, -product)))
    high = k * _LOG10_2_HIGH
    value = high + product
    return _at_the_ends(x, value + (((high - value) + product) + muladd(k, _LOG10_2_LOW, low)))


def _log_in_parts(x):
    """`k`, and log(m) in two words; the second is below an eighth of the first and has its own rounding errors only."""
    small = x < _LEAST_NORMAL
    bits = to_bits(select(small, x * _TWO_54, x)) + _TO_ONE
    k = from_bits((shr(bits, 52) & 0xFFF) + _COUNTER) - select(small, _COUNTED_SMALL, _COUNTED)
    f = from_bits((bits & _MANTISSA) + _SQRT_HALF) - 1.0
    s = div(f, 2.0 + f)
    z = s * s
    half = 0.5 * f * f
    head = f - half
    lost = ((f - head) - half) - fma(0.5 * f, f, -half)
    return k, head, muladd(s, muladd(_log_series(z), z, half), lost)


def _log_series(z):
    """R(z) / z."""
    p = muladd(z, 0.1479559700691435, 0.15314090017110166)
    p = muladd(p, z, 0.18183562598583403)
    p = muladd(p, z, 0.22222198610541374)
    p = muladd(p, z, 0.2857142874197488)
    p = muladd(p, z, 0.39999999999416824)
    return muladd(p, z, 0.6666666666666734)


def _at_the_ends(x, value):
    """The logarithm `value` of `x`, or what it is where there is none."""
    value = select(x < inf, value, x)
    return select(x > 0.0, value, select(x == 0.0, -inf, nan))


def log1p(x):
    """The natural logarithm of `1 + x`; -inf for -1, a NaN below."""
    # What rounding the sum lost is added to its logarithm as the first term of the series.
    u = 1.0 + x
    rounded = u - 1.0
    lost = (1.0 - (u - rounded)) + (x - rounded)
    bits = to_bits(u) + _TO_ONE
    k = from_bits((shr(bits, 52) & 0xFFF) + _COUNTER) - _COUNTED
    f = from_bits((bits & _MANTISSA) + _SQRT_HALF) - 1.0
    s = div(f, 2.0 + f)
    z = s * s
    half = 0.5 * f * f
    high = k * _LOG_2_HIGH
    head = high + f
    low = muladd(k, _LOG_2_LOW, (high - head) + f) + div(lost, u)
    tail = muladd(s, muladd(_log_series(z), z, half), low) - half
    value = select(x < inf, copysign(head + tail, x), x)
    return select(x > -1.0, value, select(x == -1.0, -inf, nan))


def log_in_two_words(x):
    """The natural logarithm of a normal positive `x`, in two words of together about 70 bits."""
    # x = 2**k * m, m in [sqrt(1/2), sqrt(2)), s = (m - 1) / (m + 1) in two words.
    bits = to_bits(x) + _TO_ONE
    k = from_bits((shr(bits, 52) & 0xFFF) + _COUNTER) - _COUNTED
    m = from_bits((bits & _MANTISSA) + _SQRT_HALF)
    over = m - 1.0
    under = m + 1.0
    inverse = div(1.0, under)
    s = over * inverse
    s_low = (fma(-s, under, over) - s * (m - (under - 1.0))) * inverse

    # log(m) / (2 * s) - 1 = z/3 + z**2 * q with z = s**2, in two words.
    z = s * s
    z_low = muladd(s + s, s_low, fma(s, s, -z))
    q = muladd(z, 0.05982010433976968, 0.058390593037796)
    q = muladd(q, z, 0.06668068401749497)
    q = muladd(q, z, 0.07692281076428654)
    q = muladd(q, z, 0.09090909390904846)
    q = muladd(q, z, 0.11111111109189185)
    q = muladd(q, z, 0.14285714285720477)
    q = muladd(q, z, 0.19999999999999993)
    third = z * _THIRD
    third_low = muladd(z_low, _THIRD, muladd(z, _THIRD_LOW, fma(z, _THIRD, -third)))
    rest = z * z * q
    series = third + rest
    series_low = (third - series) + rest + third_low

    # log(x) = k * log(2) + 2 * (s + s * series), and its product with y.
    product = s * series
    product_low = muladd(s, series_low, muladd(s_low, series, fma(s, series, -product)))
    half = s + product
    half_low = (s - half) + product + (product_low + s_low)
    high = k * _LOG_2_HIGH
    log = high + 2.0 * half
    log_low = (high - log) + 2.0 * half + muladd(k, _LOG_2_LOW, 2.0 * half_low)
    return log, log_low
