"""The operators of integers that are more than one operation of the machine: `//`, `%`, `**`, `<<`, `>>`.

Both operands have one type, `int64` or `uint64` (the count of a shift is an `int64`), and so has the result; it
wraps. The signs are Python's: a quotient is rounded down and a remainder has the sign of the divisor; the least
`int64` divided by -1 is itself. Functions whose name ends in `_numpy` give 0 where the others raise
`ZeroDivisionError`.

Constants of the operands' type are made from the operands (`a ^ a` is its zero, and the complement of that is -1 or
the greatest value), since a literal is an `int64` and would make the result of a `uint64` one too.
"""

from ._intrinsics import mul_overflows, quot, rem, select, shl, shr


def int_floordiv(a, b):
    """`a // b`."""
    if b == (b ^ b):
        raise ZeroDivisionError("integer division or modulo by zero")
    return _quotient(a, b)


def int_floordiv_numpy(a, b):
    """`a // b`; 0 if `b` is."""
    zero = b ^ b
    return zero if b == zero else _quotient(a, b)


def int_mod(a, b):
    """`a % b`."""
    if b == (b ^ b):
        raise ZeroDivisionError("integer modulo by zero")
    return _remainder(a, b)


def int_mod_numpy(a, b):
    """`a % b`; 0 if `b` is."""
    zero = b ^ b
    return zero if b == zero else _remainder(a, b)


def _quotient(a, b):
    """`a // b` for `b` not 0."""
    zero = b ^ b
    ones = ~zero
    # Dividing by -1 is done as by 1 and negated: the least value over -1 has no quotient. Unsigned, nothing is -1.
    minus_one = ones < zero and b == ones
    divisor = select(minus_one, zero - b, b)
    q = quot(a, divisor)
    q = select(minus_one, zero - q, q)
    uneven = a != q * b
    return q + select(uneven and (a ^ b) < zero, ones, zero)


def _remainder(a, b):
    """`a % b` for `b` not 0."""
    zero = b ^ b
    ones = ~zero
    minus_one = ones < zero and b == ones
    r = rem(a, select(minus_one, zero - b, b))
    return r + select(r != zero and (r ^ b) < zero, b, zero)


def int_pow(a, b):
    """`a ** b` by squaring; a negative power is 0 but for the bases 1 and -1, and of 0 it is an error."""
    zero = b ^ b
    ones = ~zero
    one = zero - ones
    if b < zero:
        if a == zero:
            raise ZeroDivisionError("0.0 cannot be raised to a negative power")
        if a == ones:
            return select((b & one) == zero, one, ones)
        return select(a == one, one, zero)
    result = one
    while b != zero:
        result = result * select((b & one) == zero, one, a)
        a = a * a
        b = shr(b, 1)
    return result


def int_shl(a, count):
    """`a << count`; 0 for a count of 64 or more."""
    if count < 0:
        raise ValueError("negative shift count")
    return select(count > 63, a ^ a, shl(a, count & 63))


def int_shr(a, count):
    """`a >> count`; nothing but the sign is left for a count of 64 or more."""
    if count < 0:
        raise ValueError("negative shift count")
    return select(count > 63, shr(shr(a, 63), 1), shr(a, count & 63))


def int_pow_checked(a, b):
    """`a ** b` by squaring, of `int64`; raises where the power is no `int64`, or no int."""
    if b < 0:
        raise OverflowError("an int is raised to a negative power")
    result = 1
    while b != 0:
        if b & 1:
            if mul_overflows(result, a):
                raise OverflowError("an int outgrew 64 bits")
            result = result * a
        b = shr(b, 1)
        if b != 0:
            # A square that is needed is no larger than the result.
            if mul_overflows(a, a):
                raise OverflowError("an int outgrew 64 bits")
            a = a * a
    return result
