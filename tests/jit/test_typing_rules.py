"""The type of each result: numba's rules, for arguments of every width."""

from __future__ import annotations

import numpy as np
import pytest

import ungil


def add(a, b):
    return a + b


def div(a, b):
    return a / b


def floordiv(a, b):
    return a // b


def power(a, b):
    return a**b


def bits(a, b):
    return a & b


def either(a, b, c):
    return a if c else b


def result_type(function, *args) -> str:
    compiled = ungil.njit(function)
    compiled(*args)
    return str(compiled.nopython_signatures[0].return_type)


I8, I16, I32, I64 = np.int8(3), np.int16(3), np.int32(3), np.int64(3)
U8, U16, U32, U64 = np.uint8(3), np.uint16(3), np.uint32(3), np.uint64(3)
F32, F64, C64, C128 = np.float32(3), 3.0, np.complex64(3), 3j


@pytest.mark.parametrize(
    ("function", "a", "b", "expected"),
    [
        (add, I8, I8, "int64"),
        (add, True, True, "int64"),
        (add, U8, U8, "uint64"),
        (add, True, U8, "int64"),
        (add, I32, U32, "int64"),
        (add, I64, U64, "int64"),
        (add, U64, U64, "uint64"),
        (add, I32, F32, "float64"),
        (add, I16, F32, "float32"),
        (add, F32, F32, "float32"),
        (add, F32, F64, "float64"),
        (add, 1, 0.5, "float64"),
        (add, C64, F32, "complex64"),
        (add, C64, I64, "complex128"),
        (add, C128, 1, "complex128"),
        (div, 1, 1, "float64"),
        (div, I8, I8, "float64"),
        (div, F32, F32, "float32"),
        (floordiv, U8, U8, "uint64"),
        (floordiv, F32, F32, "float32"),
        (power, 2, 3, "int64"),
        (power, 2.0, 3, "float64"),
        (bits, True, True, "bool"),
        (bits, U8, U8, "uint64"),
        (bits, True, I8, "int64"),
    ],
)
def test_operators(function, a, b, expected: str) -> None:
    assert result_type(function, a, b) == expected


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        (I64, U64, "float64"),
        (I8, U8, "int16"),
        (1, 0.5, "float64"),
        (True, 2, "int64"),
        (F32, I32, "float64"),
        (1, None, "OptionalType(int64)"),
        ((1, 2.0), (0.5, 3), "UniTuple(float64 x 2)"),
    ],
)
def test_two_ways_meet_in_one_type(a, b, expected: str) -> None:
    assert result_type(either, a, b, True) == expected


def accumulate(n):
    s = 0
    for i in range(n):
        s += 0.5
    return s


def test_an_accumulator_is_a_float_from_the_start() -> None:
    compiled = ungil.njit(accumulate)
    assert compiled(0) == 0.0
    assert type(compiled(0)) is float
    assert compiled(3) == 1.5


def test_results_are_pythons_own_types() -> None:
    identity = ungil.njit(lambda x: x)
    for value, expected in [
        (I8, int),
        (U64, int),
        (F32, float),
        (np.float64(1), float),
        (C64, complex),
        (np.True_, bool),
    ]:
        assert type(identity(value)) is expected


def test_integers_beyond_int64_are_unsigned_or_refused() -> None:
    identity = ungil.njit(lambda x: x)
    assert identity(2**64 - 1) == 2**64 - 1
    for value in (2**64, -(2**63) - 1):
        with pytest.raises(OverflowError, match="`x`"):
            identity(value)


def changing(x):
    y = x + 1
    y = y * 0.5
    z = (y, x)
    y = z
    return y


def test_a_variable_may_change_its_type(agrees) -> None:
    agrees(changing, [(1,), (2.5,)])


def casts(x):
    return ungil.int8(x), ungil.uint8(x), ungil.float32(x), ungil.int64(x), ungil.float64(x)


def test_types_convert_in_compiled_code() -> None:
    assert ungil.njit(casts)(300) == (44, 44, 300.0, 300, 300.0)
    assert ungil.njit(casts)(-1.75)[3] == -1
