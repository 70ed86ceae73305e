"""Small programs that were compiled wrong once; random ones found them."""

from __future__ import annotations

import numpy as np

import ungil


def below(a, b):
    return a < b, a <= b, a == b, b > a


def test_a_bool_is_compared_with_an_unsigned_integer_by_value() -> None:
    compiled = ungil.njit(below)
    assert compiled(np.uint64(2**64 - 1), True) == (False, False, False, False)
    assert compiled(False, np.uint64(2**63)) == (True, True, False, True)
    assert compiled(np.uint64(1), True) == (False, True, True, False)
