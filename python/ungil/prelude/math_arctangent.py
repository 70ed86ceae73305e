"""Arc tangents of `float64`, in straight lines that vectorise.

| function       | largest error measured | method                                             |
|----------------|------------------------|---------------------------------------------------|
| `atan`         | 0.66 ULP               | one division                                       |
| `atan2`        | 0.63 ULP               | the same, where quotient and parts are not extreme |

The angle of the point (b, a) in the first quarter is that of a/b below tan(pi/8) (measured from the nearer axis), and
pi/4 plus that of (a - b) / (a + b) between. So the polynomial, a minimax fit with an error of 2**-59.4, is only asked
for quotients up to tan(pi/8). What the quotient's terms and its division round away is carried along in a second word.
"""

from ._intrinsics import copysign, div, fabs, fma, libm, muladd, select, unlikely

_TAN_PI_8 = 0.41421356237309503
_PI_2 = 1.5707963267948966
_PI_2_LOW = 6.123233995736766e-17
_PI_4 = 0.7853981633974483
_PI_4_LOW = 3.061616997868383e-17
_PI_3_4 = 2.356194490192345
_PI_3_4_LOW = 9.184850993605148e-17
_PI = 3.141592653589793
_PI_LOW = 1.2246467991473532e-16
# Products and quotients of numbers between these neither overflow nor lose bits.
_ATAN2_LEAST = 1e-145
_ATAN2_GREATEST = 1e145


def atan(x):
    """The arc tangent, in [-pi/2, pi/2]."""
    # Beyond 1e300 every angle rounds to pi/2.
    a = fabs(x)
    a = select(a > 1e300, 1e300, a)
    steep = a > 1.0
    return copysign(angle(select(steep, 1.0, a), select(steep, a, 1.0), steep, False), x)


def atan2(y, x):
    """The angle of the point (x, y), in [-pi, pi]."""
    a = fabs(y)
    b = fabs(x)
    steep = a > b
    least = select(steep, b, a)
    greatest = select(steep, a, b)
    # A part that is 0 loses nothing, and is too common to be left to the C library.
    usual = (least > _ATAN2_LEAST or least == 0.0) and greatest > _ATAN2_LEAST and greatest < _ATAN2_GREATEST
    if unlikely(not usual):
        return libm("atan2", y, x)
    return copysign(angle(least, greatest, steep, x < 0.0), y)


def angle(least, greatest, steep, behind):
    """The arc tangent of `least / greatest`, up to 1; taken from pi/2 if `steep`, then from pi if `behind`."""
    wide = least > _TAN_PI_8 * greatest
    above = least - greatest
    below = least + greatest
    # What the difference and the sum round away; the greater term comes first, so this is exact.
    above_low = least - (above + greatest)
    below_low = least - (below - greatest)
    over = select(wide, above, least)
    under = select(wide, below, greatest)
    inverse = div(1.0, under)
    t = over * inverse
    low = (fma(-t, under, over) + select(wide, above_low - t * below_low, 0.0)) * inverse
    z = t * t
    p = muladd(z, -0.017906256142064942, 0.03806358001246082)
    p = muladd(p, z, -0.05039262175776469)
    p = muladd(p, z, 0.05847879154034458)
    p = muladd(p, z, -0.06663102593230653)
    p = muladd(p, z, 0.07692060087350985)
    p = muladd(p, z, -0.09090897751225435)
    p = muladd(p, z, 0.11111110783300208)
    p = muladd(p, z, -0.142857142801964)
    p = muladd(p, z, 0.19999999999953652)
    p = muladd(p, z, -0.333333333333332)
    tail = muladd(z * t, p, muladd(-z, low, low))
    # The angle is base + t + tail, or base - t - tail if it was taken from an axis an odd number of times.
    backward = steep != behind
    t = select(backward, -t, t)
    tail = select(backward, -tail, tail)
    base = select(steep, _PI_2, select(behind, _PI, 0.0))
    base = select(wide, select(behind, _PI_3_4, _PI_4), base)
    base_low = select(steep, _PI_2_LOW, select(behind, _PI_LOW, 0.0))
    base_low = select(wide, select(behind, _PI_3_4_LOW, _PI_4_LOW), base_low)
    head = base + t
    lost = (base - head) + t
    return head + (lost + (base_low + tail))
