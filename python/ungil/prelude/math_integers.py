"""The functions of integers in `math`. What `int64` cannot hold raises `OverflowError`; the rest is exact."""

from ._intrinsics import float64, int64, mulhigh, quot, rem, sqrt, uint64


def gcd(a, b):
    """The greatest common divisor, not negative; Euclid's algorithm."""
    while b != 0:
        # Only the least number divided by -1 has no quotient; its remainder is that by 1.
        a, b = b, rem(a, 1 if b == -1 else b)
    return a if a >= 0 else int64(-a)


def lcm(a, b):
    """The least common multiple, not negative."""
    if a == 0 or b == 0:
        return 0
    return _product(abs(quot(a, gcd(a, b))), abs(b))


def factorial(n):
    """`1 * 2 * ... * n`."""
    if n < 0:
        raise ValueError("factorial() not defined for negative values")
    result = 1
    for factor in range(2, n + 1):
        result = _product(result, factor)
    return result


def comb(n, k):
    """How many ways there are to choose `k` of `n` things."""
    _require_not_negative(n, k)
    if k > n:
        return 0
    k = min(k, n - k)
    result = 1
    for step in range(1, k + 1):
        # The result so far times `n - k + step` is a multiple of `step`; divide before the product grows.
        shared = gcd(result, step)
        result = _product(quot(result, shared), quot(n - k + step, quot(step, shared)))
    return result


def perm(n, k):
    """How many ways there are to choose `k` of `n` things in order."""
    _require_not_negative(n, k)
    if k > n:
        return 0
    result = 1
    for factor in range(n - k + 1, n + 1):
        result = _product(result, factor)
    return result


def isqrt(n):
    """The greatest integer whose square is not above `n`."""
    if n < 0:
        raise ValueError("isqrt() argument must be nonnegative")
    # The float's root is off by at most one; the greatest root is 3037000499.
    root = min(int64(sqrt(float64(n))), 3037000499)
    if root * root > n:
        return root - 1
    if root < 3037000499 and (root + 1) * (root + 1) <= n:
        return root + 1
    return root


def _require_not_negative(n, k):
    if n < 0:
        raise ValueError("n must be a non-negative integer")
    if k < 0:
        raise ValueError("k must be a non-negative integer")


def _product(a, b):
    """`a * b` of numbers that are not negative."""
    product = int64(a * b)
    if mulhigh(uint64(a), uint64(b)) != 0 or product < 0:
        raise OverflowError("the result is too large for int64")
    return product
