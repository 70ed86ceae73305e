"""What the prelude stands on: the operations that the compiler provides, written out for the interpreter.

The compiler takes a call of a name imported from here to be the operation itself and never reads this file; the
functions below say, and let the tests of the prelude see in CPython, what each operation computes. Integers are
`int64` unless they are NumPy scalars of another type, which keep theirs.
"""

import ctypes
import ctypes.util
import math
import struct
import sys

_LIBM = ctypes.CDLL(ctypes.util.find_library("m") if sys.platform != "win32" else "ucrtbase")
# What the runtime's functions return: what of `math_reduction`, and which part.
_RUNTIME_PARTS = {
    "ungil_rt_quarter_turns": ("without_quarter_turns", 0),
    "ungil_rt_quarter_rest": ("without_quarter_turns", 1),
    "ungil_rt_quarter_rest_low": ("without_quarter_turns", 2),
    "ungil_rt_sin": ("sin_of_huge", None),
    "ungil_rt_cos": ("cos_of_huge", None),
}
_LIBM_FUNCTIONS = {}
_LOW = (1 << 64) - 1


def sqrt(x):
    """The square root, correctly rounded; a NaN below zero."""
    return math.sqrt(x) if x >= 0.0 else x if x != x else math.nan


def near_sqrt(x):
    """The square root, within 2 ULP, where many are wanted side by side; a NaN below zero. Here correctly rounded."""
    return sqrt(x)


def fabs(x):
    """The magnitude."""
    return math.fabs(x)


def floor(x):
    """The greatest integer not above, as a float."""
    return libm("floor", x)


def ceil(x):
    """The least integer not below, as a float."""
    return libm("ceil", x)


def trunc(x):
    """The integer part, as a float."""
    return libm("trunc", x)


def rint(x):
    """The nearest integer, ties to even, as a float."""
    return libm("rint", x)


def copysign(x, y):
    """The magnitude of `x` with the sign of `y`."""
    return math.copysign(x, y)


def fma(a, b, c):
    """`a * b + c`, rounded once."""
    return libm("fma", a, b, c)


def muladd(a, b, c):
    """`a * b + c`, rounded once where the machine does so as fast, else twice; here once."""
    return libm("fma", a, b, c)


def to_bits(x):
    """The bits of a `float64`, as an `int64`."""
    return struct.unpack("<q", struct.pack("<d", x))[0]


def from_bits(i):
    """The `float64` of these bits."""
    return struct.unpack("<d", struct.pack("<Q", int(i) & _LOW))[0]


def leading_zeros(i):
    """How many bits above the highest set one; 64 for 0."""
    return _like(i, 64 - (int(i) & _LOW).bit_length())


def trailing_zeros(i):
    """How many bits below the lowest set one; 64 for 0."""
    low = int(i) & _LOW
    return _like(i, (low & -low).bit_length() - 1 if low else 64)


def popcount(i):
    """How many bits are set."""
    return _like(i, (int(i) & _LOW).bit_count())


def mulhigh(a, b):
    """The high half of the product of two `uint64`."""
    return _like(a, int(a) * int(b) >> 64)


def mul_overflows(a, b):
    """Whether the product of two integers of one type does not fit it."""
    product = int(a) * int(b)
    return int(_like(a, product)) != product


def div(a, b):
    """`a / b`, an infinity or a NaN for a zero `b`; `/` raises there, as everywhere in the language."""
    if b != 0.0:
        return a / b
    return math.nan if a == 0.0 or a != a else math.copysign(math.inf, a) * math.copysign(1.0, b)


def quot(a, b):
    """The quotient of integers, rounded towards zero; `b` is not 0, and the quotient fits."""
    q = abs(int(a)) // abs(int(b))
    return _like(a, -q if (a < 0) != (b < 0) else q)


def rem(a, b):
    """What `quot` leaves; it has the sign of `a`."""
    return _like(a, int(a) - int(b) * int(quot(a, b)))


def shl(a, n):
    """`a << n`, high bits lost; `n` from 0 to 63."""
    return _like(a, int(a) << int(n))


def shr(a, n):
    """`a >> n`, filled with the sign if `a` is signed; `n` from 0 to 63."""
    return _like(a, int(a) >> int(n))


def select(condition, a, b):
    """`a` if the condition holds, else `b`; both are evaluated."""
    return a if condition else b


def unlikely(condition):
    """The condition, which seldom holds."""
    return condition


def int64(x):
    """To `int64`: an integer wraps; a float is truncated, saturated at the ends, and 0 for a NaN."""
    if isinstance(x, float):
        return 0 if x != x else int(x) if abs(x) < 2.0**63 else _end(x)
    return _wrapped(int(x))


def uint64(x):
    """To `uint64`: an integer wraps; a float is truncated, saturated at the ends, and 0 for a NaN."""
    if isinstance(x, float):
        return 0 if not x > 0.0 else int(x) if x < 2.0**64 else _LOW
    return int(x) & _LOW


def float64(x):
    """To `float64`, rounded to nearest."""
    return float(x)


def complex_(re, im):
    """The complex number of these parts."""
    return complex(re, im)


def libm(name, *args):
    """The function of the C mathematics library, on `float64`; or of the runtime, as the prelude has it too."""
    if name in _RUNTIME_PARTS:
        from . import math_reduction

        reduction, part = _RUNTIME_PARTS[name]
        result = getattr(math_reduction, reduction)(*args)
        return float(result if part is None else result[part])
    function = _LIBM_FUNCTIONS.get(name)
    if function is None:
        function = getattr(_LIBM, name)
        function.restype = ctypes.c_double
        function.argtypes = [ctypes.c_double] * len(args)
        _LIBM_FUNCTIONS[name] = function
    return function(*args)


def _wrapped(value):
    low = value & _LOW
    return low - (1 << 64) if low >> 63 else low


def _end(x):
    return (1 << 63) - 1 if x > 0.0 else -(1 << 63)


def _like(example, value):
    """`value` as an integer of the type of `example`, wrapped."""
    if isinstance(example, int):
        return _wrapped(value)
    bits = example.dtype.itemsize * 8
    low = value & ((1 << bits) - 1)
    signed = example.dtype.kind == "i" and low >> (bits - 1)
    return type(example)(low - (1 << bits) if signed else low)
