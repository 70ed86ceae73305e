"""The error function and its complement, of `float64`, within 4 ULP, faster.

| function    | largest error measured | method                             |
|-------------|------------------------|------------------------------------|
| `erf_fast`  | 1.94 ULP               | three polynomials and one division |
| `erfc_fast` | 2.72 ULP               | two polynomials and two divisions  |

The method of the complement is that of `math_error`, in one word and from 0 on: G(q) = 1 + t * K(q), where `t`, half of
q + 1, is x / (x + 4), and K a minimax polynomial (Remez) that leaves an error of 2**-54.4 up to 27.3. So near 0, where
G is steep, an error of `q` does not count. Quotients of polynomials for G would be shorter, but round more.

For erf, V(x) = 1 - exp(x**2) * erfc(x) is the slope at 0 times `x`, less `x**2` times a quotient of polynomials
(minimax, by Remez's method) whose coefficients are all of one sign. Then

    erf(x) = V(x) + (1 - exp(-x**2)) * (1 - V(x))

is a sum of positive terms, and relative to it the error is 2**-56.1. The exponential is that of
`math_exponential_fast`, with the polynomial of `expm1_fast`.
"""

from ._intrinsics import copysign, div, fabs, fma, from_bits, muladd, select, shl, to_bits
from .math_exponential import times_power_of_two

_LOG2_E = 1.4426950408889634
_LOG_2_A = 0.6931471805599453
_LOG_2_B = 2.3190468138462996e-17
# As in `math_exponential_fast`.
_EXP_SHIFT = 6755399441057790.0
_EXPM1_FAST_SHIFT = 6755399441056767.0
# The derivative of the error function at 0.
_SLOPE = 1.1283791670955126
# From here on the error function is 1.
_ERF_FAST_HIGHEST = 6.0
# From here on the complement is 0, or 2.
_ERFC_HIGHEST = 27.3


def erf_fast(x):
    """The error function, faster."""
    a = fabs(x)
    a = select(a > _ERF_FAST_HIGHEST, _ERF_FAST_HIGHEST, a)
    square = a * a
    shifted = fma(-square, _LOG2_E, _EXPM1_FAST_SHIFT)
    # The second word of log(2) would change the power by 2**-55 of the result at most.
    r = fma(_EXPM1_FAST_SHIFT - shifted, _LOG_2_A, -square)
    less = _expm1_fast_near(r)
    power = from_bits(shl(to_bits(shifted), 52))
    over = muladd(square, -0.001382931871991085, muladd(a, -0.020822875421294865, -0.13995195480727435))
    over = muladd(over, square, muladd(a, -0.536291678571768, -1.2376730271660212))
    over = muladd(over, square, muladd(a, -1.641456669827034, -0.9999999999999954))
    under = muladd(a, 0.001225589757372667, 0.01953999711076588)
    under = muladd(under, square, muladd(a, 0.1407324340523325, 0.5902355404576427))
    under = muladd(under, square, muladd(a, 1.5498171065428712, 2.5383476092229174))
    under = muladd(under, square, muladd(a, 2.393709447890493, 1.0))
    rise = muladd(a, _SLOPE, div(square * over, under))
    return copysign(muladd(fma(-power, less, 1.0 - power), 1.0 - rise, rise), x)


def erfc_fast(x):
    """1 less the error function, faster, as good where that is near 1."""
    a = fabs(x)
    a = select(a > _ERFC_HIGHEST, _ERFC_HIGHEST, a)
    square = a * a
    square_low = fma(a, a, -square)
    shifted = fma(-square, _LOG2_E, _EXP_SHIFT)
    k = shifted - _EXP_SHIFT
    r = fma(-k, _LOG_2_B, fma(-k, _LOG_2_A, -square)) - square_low
    t = div(a, a + 4.0)
    q = muladd(t, 2.0, -1.0)
    qq = q * q
    p = muladd(qq, -1.6631674627650363e-08, muladd(q, 9.115075329609974e-10, 2.0215106226315255e-07))
    p = muladd(p, qq, muladd(q, -9.257275620308481e-08, -1.5483599317962255e-06))
    p = muladd(p, qq, muladd(q, 2.1767764645115056e-06, 9.242578310910116e-06))
    p = muladd(p, qq, muladd(q, -3.171159121623607e-05, -1.708974911416028e-05))
    p = muladd(p, qq, muladd(q, 0.00031834268607895455, -0.0007168544179030669))
    p = muladd(p, qq, muladd(q, -0.0007986944996887774, 0.010862634009295323))
    p = muladd(p, qq, muladd(q, -0.04325810176920019, 0.11759313290874471))
    p = muladd(p, qq, muladd(q, -0.25025386456488047, 0.43771953455675633))
    p = muladd(p, qq, muladd(q, -0.6397976666279008, 0.7759917751374443))
    p = muladd(p, qq, muladd(q, -0.7452324709322315, 0.4659902372511051))
    p = t * p
    # exp(r) * G, where both are 1 and little more or less.
    over = 1.0 + muladd(_expm1_fast_near(r), 1.0 + p, p)
    value = div(over, muladd(a, 2.0, 1.0))
    value = times_power_of_two(value, to_bits(shifted))
    return select(x < 0.0, 2.0 - value, value)


def _expm1_fast_near(r):
    """exp(r) - 1 for `r` in [-log(2)/2, log(2)/2]."""
    z = r * r
    p = muladd(r, 2.505376987674374e-08, 2.7626024217445897e-07)
    p = muladd(p, z, muladd(r, 2.7557407520736954e-06, 2.480150530637221e-05))
    p = muladd(p, z, muladd(r, 0.00019841269719067382, 0.001388888893153951))
    p = muladd(p, z, muladd(r, 0.008333333333389512, 0.041666666666576826))
    p = muladd(p, z, muladd(r, 0.16666666666666588, 0.5000000000000006))
    return muladd(p, z, r)
