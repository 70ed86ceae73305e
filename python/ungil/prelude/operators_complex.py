"""The operators of complex numbers, with CPython's results, its infinities, NaNs and signed zeros among them.

Nothing is fused, so that `complex_mul` and `complex_div` round where CPython rounds. Division is Smith's ("Algorithm
116", Communications of the ACM 5, 1962). Powers to integers up to 100 are by squaring, others by logarithm and
exponential, as in CPython. Functions whose name ends in `_numpy` go on with infinities and NaNs where the others
raise `ZeroDivisionError`.
"""

from math import nan

from ._intrinsics import complex_, div, fabs, floor, int64, libm, shr


def complex_mul(a, b):
    """`a * b`."""
    return complex_(a.real * b.real - a.imag * b.imag, a.real * b.imag + a.imag * b.real)


def complex_div(a, b):
    """`a / b`."""
    if b.real == 0.0 and b.imag == 0.0:
        raise ZeroDivisionError("complex division by zero")
    return _complex_quotient(a, b)


def complex_div_numpy(a, b):
    """`a / b`; each part of `a` over 0 if `b` is 0."""
    if b.real == 0.0 and b.imag == 0.0:
        return complex_(div(a.real, fabs(b.real)), div(a.imag, fabs(b.real)))
    return _complex_quotient(a, b)


def _complex_quotient(a, b):
    if fabs(b.real) >= fabs(b.imag):
        ratio = div(b.imag, b.real)
        under = b.real + b.imag * ratio
        return complex_(div(a.real + a.imag * ratio, under), div(a.imag - a.real * ratio, under))
    if fabs(b.imag) >= fabs(b.real):
        ratio = div(b.real, b.imag)
        under = b.real * ratio + b.imag
        return complex_(div(a.real * ratio + a.imag, under), div(a.imag * ratio - a.real, under))
    return complex_(nan, nan)


def complex_pow(a, b):
    """`a ** b`."""
    if a.real == 0.0 and a.imag == 0.0 and (b.imag != 0.0 or b.real < 0.0):
        raise ZeroDivisionError("0.0 to a negative or complex power")
    return _complex_power(a, b)


def complex_pow_numpy(a, b):
    """`a ** b`; NaNs where 0 is raised to a negative or complex power."""
    if a.real == 0.0 and a.imag == 0.0 and (b.imag != 0.0 or b.real < 0.0):
        return complex_(nan, nan)
    return _complex_power(a, b)


def _complex_power(a, b):
    if b.imag == 0.0 and b.real == floor(b.real) and fabs(b.real) <= 100.0:
        n = int64(b.real)
        if n > 0:
            return _complex_repeated(a, n)
        return _complex_quotient(complex_(1.0, 0.0), _complex_repeated(a, -n))
    if a.real == 0.0 and a.imag == 0.0:
        return complex_(0.0, 0.0)
    size = libm("hypot", a.real, a.imag)
    length = libm("pow", size, b.real)
    angle = libm("atan2", a.imag, a.real)
    phase = angle * b.real
    if b.imag != 0.0:
        length = length * libm("exp", -angle * b.imag)
        phase = phase + b.imag * libm("log", size)
    return complex_(length * libm("cos", phase), length * libm("sin", phase))


def _complex_repeated(a, n):
    """`a ** n` for `n` not negative."""
    real = 1.0
    imag = 0.0
    square_real = a.real
    square_imag = a.imag
    while n > 0:
        if n & 1:
            real, imag = real * square_real - imag * square_imag, real * square_imag + imag * square_real
        square_real, square_imag = (
            square_real * square_real - square_imag * square_imag,
            square_real * square_imag + square_imag * square_real,
        )
        n = shr(n, 1)
    return complex_(real, imag)
