"""The gamma function of `float64`, in straight lines that vectorise.

| function | largest error measured                       |
|----------|----------------------------------------------|
| `gamma`  | 0.58 ULP; 0.76 where the result is subnormal |

For `a >= 0`, Stirling's formula gives gamma(y) at y = a + 4, and four steps of the recurrence lead back:

    gamma(a) = E / (q * (q + 2)), q = a * (a + 3),
    E = exp((y - 1/2) * (log(y) - 1) + (log(2*pi) - 1) / 2 + R(1/y**2) / y).

R is a minimax polynomial for `y` from 4 to 191, and its error one of 2**-61.9 in E. Below 0, with t the distance to the
nearest integer, v = t * (1 - t), and sin(pi * t) = pi * v * (1 + v + v**2 * W(v)) (the sine is the same at t and
1 - t, so that it is a function of v, and a smooth one; W has an error of 2**-64.3), the theorem of reflection becomes

    gamma(-a) = +-(a + 3) * (q + 2) / (v * (1 + v + v**2 * W(v)) * E).

Exponents, factors and E are kept in two words up to the one division. At a negative integer the result is a NaN, at
zeros an infinity of their sign.
"""

from ._intrinsics import div, fabs, floor, fma, muladd, rint, select, to_bits
from .math_exponential import exp_tail_for_sums, times_power_of_two
from .math_logarithm import log_in_two_words

# Beyond these the results are inf, and zeros.
_HIGHEST = 172.0
_LOWEST = 186.0
# Below this the result is 1/x.
_TINY = 8.673617379884035e-19
# (log(2*pi) - 1) / 2 in two words.
_CONSTANT = 0.4189385332046727
_CONSTANT_LOW = 1.6728209650585413e-17
_LOG2_E = 1.4426950408889634
_LOG_2_A = 0.6931471805599453
_LOG_2_B = 2.3190468138462996e-17
# As in `math_exponential`.
_EXP_SHIFT = 6755399441057790.0


def gamma(x):
    """The gamma function; a NaN for negative integers and -inf."""
    magnitude = fabs(x)
    negative = x < 0.0
    highest = select(negative, _LOWEST, _HIGHEST)
    tiny = magnitude < _TINY
    # Any other number, so that nothing below is infinite.
    a = select(tiny, 1.0, select(magnitude > highest, highest, magnitude))

    # E = 2**k * (power + power_low).
    k, power, power_low = _stirling(a)

    # a + 3, q and q + 2.
    more = a + 3.0
    more_low = a - (more - 3.0)
    square = a * a
    triple = 3.0 * a
    q = square + triple
    part = q - square
    q_low = (square - (q - part)) + (triple - part) + (fma(a, a, -square) + fma(3.0, a, -triple))
    after = q + 2.0
    part = after - q
    after_low = (q - (after - part)) + (2.0 - part) + q_low

    sine, sine_low = sine_over_pi(magnitude)
    sine = select(negative, sine, 1.0)
    sine_low = select(negative, sine_low, 0.0)

    factor = select(negative, more, q)
    factor_low = select(negative, more_low, q_low)
    product = factor * after
    product_low = fma(factor, after, -product) + muladd(factor, after_low, factor_low * after)
    scaled = power * sine
    scaled_low = fma(power, sine, -scaled) + muladd(power, sine_low, power_low * sine)
    over = select(negative, product, scaled)
    over_low = select(negative, product_low, scaled_low)
    under = select(negative, scaled, product)
    under_low = select(negative, scaled_low, product_low)
    inverse = div(1.0, under)
    quotient = over * inverse
    rest = fma(-quotient, under, over) + muladd(-quotient, under_low, over_low)
    value = muladd(rest, inverse, quotient)
    value = times_power_of_two(value, to_bits(select(negative, -k, k) + _EXP_SHIFT))

    # Between -1 and 0 it is negative, and at each integer below it changes.
    half = 0.5 * floor(magnitude)
    change = negative and half == floor(half)
    value = select(change, -value, value)
    return select(tiny, div(1.0, x), value)


def sine_over_pi(x):
    """The magnitude of sin(pi * x) / pi in two words, for `x` not less than 2**-60; 0 for integers."""
    t = fabs(x - rint(x))
    v = fma(-t, t, t)
    v_low = fma(-t, t, t - v)
    w = muladd(v, 4.2568841232535255e-08, 1.2729519208255497e-06)
    w = muladd(w, v, 3.066532682822344e-05)
    w = muladd(w, v, 0.0005582546502357817)
    w = muladd(w, v, 0.007335823650513312)
    w = muladd(w, v, 0.06519779945527576)
    w = muladd(w, v, 0.3550659331517742)
    head = 1.0 + v
    low = muladd(v * v, w, (1.0 - head) + v + v_low)
    bow = head + low
    bow_low = (head - bow) + low
    sine = v * bow
    sine_low = fma(v, bow, -sine) + muladd(v, bow_low, v_low * bow)
    return sine, sine_low


def _stirling(a):
    """gamma(a + 4) as `k` and two words of what 2**k multiplies, for `a` from 0 to 187."""
    y = a + 4.0
    y_low = a - (y - 4.0)
    log, log_low = log_in_two_words(y)
    inverse = div(1.0, y)
    w = inverse * inverse
    p = muladd(w, -0.16034414317340195, 0.08195851667848149)
    p = muladd(p, w, -0.023809722101434217)
    p = muladd(p, w, 0.006175832806457922)
    p = muladd(p, w, -0.0019110939192900883)
    p = muladd(p, w, 0.0008416362813852336)
    p = muladd(p, w, -0.0005952368419329828)
    p = muladd(p, w, 0.0007936507859939355)
    p = muladd(p, w, -0.002777777777756015)
    p = muladd(p, w, 0.08333333333333331)

    # The differences are exact. The derivative, for what `y` lost, is log(y) - 1/(2*y) and less than `y_low` shows.
    h = y - 0.5
    less = log - 1.0
    product = h * less
    e = product + _CONSTANT
    part = e - product
    lost = (product - (e - part)) + (_CONSTANT - part) + fma(h, less, -product)
    e_low = muladd(h, log_low, muladd(y_low, muladd(inverse, -0.5, log), lost + _CONSTANT_LOW))
    e_low = muladd(p, inverse, e_low)

    k = fma(e, _LOG2_E, _EXP_SHIFT) - _EXP_SHIFT
    exact = fma(-k, _LOG_2_A, e)
    reduced = fma(-k, _LOG_2_B, exact)
    reduced_low = fma(-k, _LOG_2_B, exact - reduced) + e_low
    r = reduced + reduced_low
    r_low = (reduced - r) + reduced_low
    head = 1.0 + r
    small = r * r * exp_tail_for_sums(r)
    small = muladd(r_low, head + small, (1.0 - head) + r + small)
    power = head + small
    return k, power, (head - power) + small
