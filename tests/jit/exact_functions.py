"""Functions of two numbers, of which exact code and the interpreter must give the same; apart, for pytest rewrites tests."""

from __future__ import annotations

import math

SCALE = 3


def add(a, b):
    return a + b


def subtract(a, b):
    return a - b


def multiply(a, b):
    return a * b


def divide(a, b):
    return a / b


def floor_divide(a, b):
    return a // b


def modulo(a, b):
    return a % b


def divide_both(a, b):
    return divmod(a, b)


def power(a, b):
    return a**b


def static_powers(a, b):
    return a**2, b**3, a**0


def negative_powers(a, b):
    return a**-1 if a else b**-2


def roots(a, b):
    return a**0.5, b**-0.5


def folded(a, b):
    return a * 10**-5 + b * (2**62 - 1)


def shift_left(a, b):
    return a << b


def shift_right(a, b):
    return a >> b


def bits(a, b):
    return a & b, a | b, a ^ b


def unary(a, b):
    return -a, +b, abs(a), not b


def complement(a, b):
    return ~a, ~b


def compare(a, b):
    return a < b, a <= b, a == b, a != b, a > b, a >= b


def compare_constants(a, b):
    return a < 9007199254740993, b >= 9007199254740993.0, a == 1, b != 0.5, 2**63 - 1 > b


def chained(a, b):
    return a < b <= a, a == b != a, 0 <= a < 10


def least(a, b):
    return min(a, b), max(a, b, a), min((b, a))


def either(a, b):
    return (a and a) or b


def elements(a, b):
    return (a, b) == (b, a), (a, b) < (b, a), a in (b, a), (a, 1) <= (b, 2), b not in (1, 2.0)


def one_of_two(a, b):
    x = 1
    if a > b:
        x = 2.5
    return x


def accumulate(a, b):
    total = 0
    for _ in range(3):
        total += a
        total = total * b
    return total


def no_turn(a, b):
    total = 0
    for i in range(0):
        total += a * 1.0 + i
    return total, b


def number(a, b):
    x = 3
    if a < b:
        x = 0.5
    return x + a, x - b, x * x, -x, +x, abs(x), x / 2, 2 / x, x < a, x == b, a <= x


def number_called(a, b):
    x = 3
    if a < b:
        x = 2.5
    return bool(x), float(x), int(x), round(x), math.floor(x), math.cos(x), not x


def two_numbers(a, b):
    x = 0
    y = 1.5
    if a > 0:
        x = b * 1.0
    if b > 0:
        y = 7
    return x + y, x * y, x - y, x == y, x < y, x >= y, (x, y) == (y, x)


def number_divided(a, b):
    x = 7
    if a > 0:
        x = 2.0
    return x / b, x // 2.0, x % 2.5, x**2.0, x // b


def whole(a, b):
    return math.floor(a), math.ceil(b), math.trunc(a), int(b), round(a)


def converted(a, b):
    return float(a), bool(b), int(True), float(False)


def classified(a, b):
    return (
        math.isnan(a),
        math.isinf(b),
        math.isfinite(a),
        math.fabs(a),
        isinstance(a, int),
        isinstance(b, (bool, float)),
    )


def signed(a, b):
    return math.copysign(a, b), math.copysign(b, a)


def angles(a, b):
    return math.radians(a), math.degrees(b)


def integers(a, b):
    return math.gcd(a, b)


def factorial_and_root(a, b):
    return math.factorial(a), math.isqrt(b)


def logarithm(a, b):
    return math.log(a, b)


def ranges(a, b):
    found = 0
    for i in range(a, b, 7):
        found ^= i
        if i > a + 100:
            break
    return found


def range_lengths(a, b):
    return len(range(a, b)), len(range(b, a, -3)), range(a, b)[0]


def indexed(a, b):
    return (1, 2, 3)[a], (1.5, 2.5)[b]


def maybe(a, b):
    if a > b:
        return None
    if a == b:
        return 1
    return 0.5


def present(a, b):
    x = None
    if a > b:
        x = a
    return b if x is None else x + 1


def enumerated(a, b):
    total = 0
    for i, value in enumerate((1, 2, 3), a):
        total += i * value
    return total + b


def zipped(a, b):
    total = 0.0
    for x, y in zip((1.5, 2.5), (a, b)):
        total += x * y
    for z in reversed(range(3)):
        total -= z
    return total


def iterated_once(a, b):
    pairs = zip((1, 2, 3), (a, b, a))
    total = 0
    for _ in range(2):
        for x, y in pairs:
            total += x * y
    return total


def raising(a, b):
    if a > b:
        raise ValueError("a is larger", a)
    return a


def asserting(a, b):
    assert a < b, "no"
    return b


def caught(a, b):
    try:
        return a / b
    except ZeroDivisionError:
        return None


def summed(a, b):
    return sum((1, 2, True), 4), sum((a, b, 0.1, 0.2))


def applied(a, b):
    twice = lambda x: x * 2 + a
    return twice(b), twice(twice(1))


def called(a, b):
    return helper(a), helper(b, scale=2), helper(x=1) * math.pi


def helper(x, scale=SCALE):
    return x * scale + SCALE


def complexes(a, b):
    return a + 1j * b


def texts(a, b):
    text = "abc"
    return text == "abc", len((a, b)), a if text else b


def identities(a, b):
    return a is None, b is not None, (a > b) is True


def attributes(a, b):
    return a.real, b.imag


def attribute_of_range(a, b):
    return range(3, 9).start + a, b


def unbound(a, b):
    if a > b:
        found = a
    return found


ALL = [function for name, function in list(globals().items()) if callable(function) and name != "helper"]
