"""The logarithm of the gamma function's magnitude next to its zeros left of -2, where what it is made of cancels.

Of each zero `-z` a table knows `z`, in three words, and pi * cot(pi * z), in two. With `d = a - z` the result is the
difference of two logarithms, which is computed from `d`, so that its relative error is small however near the zero is
(the way of glibc's `lgamma_neg`, 2015):

    lgamma(-a) = -log(sin(pi * a) / sin(pi * z)) - (log(gamma(a + 1)) - log(gamma(z + 1))),
    sin(pi * a) / sin(pi * z) = 1 + sin(pi * d) * cot(pi * z) - 2 * sin(pi * d / 2)**2,

and with Stirling's formula, Y = a + 1 and Z = z + 1,

    log(gamma(Y)) - log(gamma(Z)) = (Z - 1/2) * log(1 + d/Z) + d * (log(Y) - 1) + R(1/Y**2) / Y - R(1/Z**2) / Z,

where R is a minimax polynomial for `Y` from 3.3 to 19, with an error of 2**-63.9 in the last two terms, whose
difference is a divided one times `d`. There are two zeros between any integers below -2; left of -17.5 none is next to
a `float64` that is not an integer. The largest error measured is 0.61 ULP.
"""

from ._intrinsics import copysign, div, fabs, fma, int64, muladd, rint, select
from .math_gamma import sine_over_pi
from .math_logarithm import log_in_two_words

# 2 * pi**2 in two words.
_CURVE = 19.739208802178716
_CURVE_LOW = 1.2530591017479423e-15
_PI_SQUARED_HALVES = 4.934802200544679
# Up to here the logarithm of 1 + u is the beginning of its series.
_SMALL = 1e-6


def lgamma_next_to_zeros(a):
    """The logarithm of the magnitude of gamma(-a), for `a` from 2.3 to 17.5 and a result within 1/4."""
    nearest = rint(a)
    zero, zero_low, zero_lowest, slope, slope_low = _zero_of_lgamma(2 * int64(nearest) + select(a > nearest, 1, 0) - 5)
    # The first difference, of numbers within a factor of two, is exact.
    d, d_low = _two_word_sum(a - zero, -zero_low)
    d_low = d_low - zero_lowest

    # The sines' quotient, less 1.
    sine, sine_low = _two_word_sine(d, d_low)
    half, half_low = _two_word_sine(0.5 * d, 0.5 * d_low)
    square, square_low = _two_word_product(half, half_low, half, half_low)
    square, square_low = _two_word_product(square, square_low, _CURVE, _CURVE_LOW)
    u, u_low = _two_word_product(sine, sine_low, slope, slope_low)
    u, u_low = _two_word_difference(u, u_low, square, square_low)
    turned, turned_low = _log_of_more(u, u_low)

    # The first two terms of Stirling's formula.
    z, z_low = _two_word_sum(1.0 + zero, (zero - ((1.0 + zero) - 1.0)) + zero_low)
    y = 1.0 + a
    inverse = div(1.0, y)
    log, log_low = log_in_two_words(y)
    log_low = log_low + (a - (y - 1.0)) * inverse
    grown, grown_low = _two_word_product(d, d_low, log - 1.0, log_low)
    inverse_z = div(1.0, z)
    u = d * inverse_z
    u_low = (fma(-u, z, d) + muladd(-u, z_low, d_low)) * inverse_z
    stretch, stretch_low = _log_of_more(u, u_low)
    stretch, stretch_low = _two_word_product(stretch, stretch_low, z - 0.5, z_low)

    rest = -d * inverse * inverse_z * _rest_slope(inverse, inverse_z)
    first, first_low = _two_word_difference(-turned, -turned_low, stretch, stretch_low)
    second, second_low = _two_word_difference(first, first_low, grown, grown_low)
    return second + (second_low - rest)


def _rest_slope(i, j):
    """The divided difference, between `i` and `j`, of x * R(x**2)."""
    v = i * i
    w = j * j
    p = -1.8798636357050904
    q = p
    slope = 0.0
    slope = muladd(slope, v, q)
    p = muladd(p, v, 1.3639863553725597)
    q = muladd(q, w, 1.3639863553725597)
    slope = muladd(slope, v, q)
    p = muladd(p, v, -0.48745725379187044)
    q = muladd(q, w, -0.48745725379187044)
    slope = muladd(slope, v, q)
    p = muladd(p, v, 0.12180753861571154)
    q = muladd(q, w, 0.12180753861571154)
    slope = muladd(slope, v, q)
    p = muladd(p, v, -0.02666621307422683)
    q = muladd(q, w, -0.02666621307422683)
    slope = muladd(slope, v, q)
    p = muladd(p, v, 0.006303683114099494)
    q = muladd(q, w, 0.006303683114099494)
    slope = muladd(slope, v, q)
    p = muladd(p, v, -0.001914721987595225)
    q = muladd(q, w, -0.001914721987595225)
    slope = muladd(slope, v, q)
    p = muladd(p, v, 0.0008417004025482416)
    q = muladd(q, w, 0.0008417004025482416)
    slope = muladd(slope, v, q)
    p = muladd(p, v, -0.000595237509305296)
    q = muladd(q, w, -0.000595237509305296)
    slope = muladd(slope, v, q)
    p = muladd(p, v, 0.0007936507896146295)
    q = muladd(q, w, 0.0007936507896146295)
    slope = muladd(slope, v, q)
    p = muladd(p, v, -0.0027777777777635553)
    q = muladd(q, w, -0.0027777777777635553)
    slope = muladd(slope, v, q)
    p = muladd(p, v, 0.08333333333333331)
    q = muladd(q, w, 0.08333333333333331)
    return p + j * (i + j) * slope


def _two_word_sine(x, x_low):
    """sin(pi * x) / pi in two words, for `x` within 1/2."""
    sine, sine_low = sine_over_pi(x)
    # The derivative is cos(pi * x).
    return copysign(sine, x), copysign(1.0, x) * sine_low + x_low * muladd(x * x, -_PI_SQUARED_HALVES, 1.0)


def _log_of_more(u, u_low):
    """log(1 + u) in two words, as good for small `u`."""
    if fabs(u) < _SMALL:
        return _two_word_sum(u, u_low - u * u * muladd(u, muladd(u, 0.25, -0.3333333333333333), 0.5))
    more = 1.0 + u
    log, log_low = log_in_two_words(more)
    return log, log_low + div((1.0 - more) + u + u_low, more)


def _two_word_sum(a, b):
    """The sum of `a` and a smaller `b` in two words."""
    total = a + b
    return total, (a - total) + b


def _two_word_difference(a, a_low, b, b_low):
    """The difference of numbers in two words."""
    total = a - b
    part = total - a
    return _two_word_sum(total, (a - (total - part)) - (b + part) + (a_low - b_low))


def _two_word_product(a, a_low, b, b_low):
    """The product of numbers in two words."""
    product = a * b
    return _two_word_sum(product, fma(a, b, -product) + muladd(a, b_low, a_low * b))


def _zero_of_lgamma(index):
    """The magnitude of the zero of that index, from 2 upwards, in three words; pi * cot(pi * z) of it in two."""
    if index == 0:
        return (
            2.4570247382208006,
            3.7075610815513266e-17,
            1.3622663121726005e-33,
            0.42674487780194525,
            -2.416815909448624e-17,
        )
    if index == 1:
        return (
            2.7476826467274127,
            -9.055340329338315e-17,
            -3.322761057167369e-33,
            -3.0961797453081568,
            1.7787273463342284e-16,
        )
    if index == 2:
        return (
            3.14358088834998,
            2.1818179852331714e-16,
            1.1246581285745781e-32,
            6.485818976132328,
            -3.5201395584583146e-16,
        )
    if index == 3:
        return (
            3.955294284858598,
            1.999428391746348e-17,
            -6.2357435447617e-34,
            -22.221235036167986,
            -1.0309364180622036e-15,
        )
    if index == 4:
        return (
            4.039361839740537,
            -2.1143995503980602e-16,
            3.5961421111626576e-33,
            25.275689118887442,
            4.448894600460486e-16,
        )
    if index == 5:
        return (
            4.991544640560048,
            -1.5174411760571722e-16,
            9.643515906617392e-34,
            -118.24036496059709,
            2.9786876376553e-15,
        )
    if index == 6:
        return (
            5.0082181683225935,
            4.3926353491015815e-17,
            2.68183947324466e-33,
            121.65457785853889,
            -1.9473784325994083e-15,
        )
    if index == 7:
        return (
            5.998607480080875,
            3.311862478893795e-16,
            -3.4720224807210337e-33,
            -718.1180009251096,
            2.3469384848609694e-14,
        )
    if index == 8:
        return (
            6.001385294453155,
            -6.415847287933042e-17,
            1.116080967205309e-33,
            721.8636329074731,
            3.9074607150036915e-14,
        )
    if index == 9:
        return (
            6.999801507890638,
            -1.0550130037400023e-17,
            4.08696427365735e-34,
            -5037.982988819085,
            -2.4223519767680084e-13,
        )
    if index == 10:
        return (
            7.000198333407325,
            -2.504354173632409e-16,
            -2.413795840298293e-32,
            5042.014273227704,
            3.3397234373178524e-13,
        )
    if index == 11:
        return (
            7.999975197095821,
            5.261737128572354e-17,
            2.0441803623138533e-33,
            -40317.859180751104,
            2.8356928164208527e-12,
        )
    if index == 12:
        return (
            8.000024800270682,
            4.354586297860107e-16,
            -2.3599860861934562e-32,
            40322.140463732074,
            -1.1198073144597002e-12,
        )
    if index == 13:
        return (
            8.999997244250977,
            2.2185620509727132e-16,
            -7.336677520259467e-33,
            -362877.7482269704,
            1.5456473847453504e-11,
        )
    if index == 14:
        return 9.000002755714823, 9.491348611623208e-17, 5.762352109706189e-33, 362882.2517321488, 1.882051610645748e-11
    if index == 15:
        return (
            9.99999972442663,
            -4.883037618642443e-16,
            -3.548028340923709e-32,
            -3628797.648245302,
            -5.408663511784837e-11,
        )
    if index == 16:
        return (
            10.000000275573013,
            3.4909708332642057e-16,
            1.2687206116063323e-32,
            3628802.35175048,
            2.090103220567215e-10,
        )
    if index == 17:
        return (
            10.99999997494789,
            -1.9843998306985407e-16,
            4.778979059252407e-33,
            -39916797.557338126,
            3.2561381849328126e-09,
        )
    if index == 18:
        return (
            11.000000025052106,
            6.850849812286175e-16,
            2.753413969507158e-33,
            39916802.44266148,
            3.583774023434841e-09,
        )
    if index == 19:
        return (
            11.999999997912324,
            1.0020693920103036e-16,
            -6.563612372549864e-34,
            -479001597.474005,
            1.4090291866165814e-08,
        )
    if index == 20:
        return (
            12.000000002087676,
            -1.2222548112048185e-16,
            -2.4017170001173477e-33,
            479001602.525995,
            -1.9668045851129297e-08,
        )
    if index == 21:
        return (
            12.99999999983941,
            -6.747262033096337e-16,
            -3.2387758664429733e-32,
            -6227020797.397082,
            4.20359160732315e-07,
        )
    if index == 22:
        return (
            13.00000000016059,
            6.745919484964342e-16,
            -4.8554922539526397e-32,
            6227020802.602918,
            4.1769805725296203e-07,
        )
    if index == 23:
        return (
            13.99999999998853,
            -8.094860741926607e-16,
            -9.034244883215544e-33,
            -87178291197.32565,
            -2.620701006918565e-07,
        )
    if index == 24:
        return (
            14.00000000001147,
            8.094853704222662e-16,
            -2.7432872416268035e-32,
            87178291202.67435,
            -2.6226456190469545e-07,
        )
    if index == 25:
        return (
            14.999999999999236,
            -8.82932241476868e-16,
            -2.7353761726074794e-32,
            -1307674367997.259,
            4.6531459082148665e-05,
        )
    if index == 26:
        return (
            15.000000000000764,
            8.829322382710274e-16,
            4.783424728826244e-32,
            1307674368002.741,
            4.6531445838588106e-05,
        )
    if index == 27:
        return (
            15.999999999999952,
            1.668613399265054e-16,
            -4.77999182703871e-33,
            -20922789887997.195,
            -0.0011741716721173957,
        )
    if index == 28:
        return (
            16.000000000000046,
            1.6094954994609367e-15,
            3.6896396469374614e-32,
            20922789888002.805,
            -0.0011741716729618676,
        )
    if index == 29:
        return (
            16.999999999999996,
            7.412564244549576e-16,
            -1.1475808749961792e-32,
            -355687428095997.1,
            -0.012663142260749615,
        )
    return 17.000000000000004, -7.412564244550028e-16, 2.2878206410005478e-32, 355687428096002.9, -0.012663142260800236
