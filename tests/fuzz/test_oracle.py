"""What the oracle makes of one operation is what CPython makes of it, the class of an exception too.

That ties what compiled programs raise to CPython: they are compared with the oracle.
"""

from __future__ import annotations

import itertools
import math
import operator
from collections.abc import Callable
from typing import Any

import functions
import pytest
from check import outcome, same
from values import IllTyped, binary

_OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "//": operator.floordiv,
    "%": operator.mod,
    "**": operator.pow,
    "<<": operator.lshift,
    ">>": operator.rshift,
    "&": operator.and_,
    "|": operator.or_,
    "^": operator.xor,
}
# Small ones: beyond 64 bits CPython does not wrap.
_INTEGERS = [0, 1, 2, 3, 7, -1, -2, -5]
_FLOATS = [0.0, -0.0, 1.0, -1.0, 0.5, -2.5, 3.0, 5e-324, 1e16, 1.7e308, math.inf, -math.inf, math.nan]
_PARTS = [0.0, -0.0, 1.0, -2.5, 1e16]
_VALUES: dict[str, list[Any]] = {
    "int64": _INTEGERS,
    "float64": _FLOATS,
    "complex128": [complex(*parts) for parts in itertools.product(_PARTS, _PARTS)],
}
_WHOLE: dict[str, Callable[[Any], Any]] = {
    "int": int,
    "round": round,
    "math.floor": math.floor,
    "math.ceil": math.ceil,
    "math.trunc": math.trunc,
}


@pytest.mark.parametrize("op", _OPERATORS)
@pytest.mark.parametrize("ty", _VALUES)
def test_an_operator_is_cpythons(op: str, ty: str) -> None:
    try:
        _, function = binary(op, ty, ty)
    except IllTyped:
        with pytest.raises(TypeError):
            _OPERATORS[op](_VALUES[ty][0], _VALUES[ty][0])
        return
    for args in itertools.product(_VALUES[ty], repeat=2):
        if op == "**" and (ty != "int64" or args[1] < 0):
            # Powers of floats raise nothing; negative ones of integers stay integers.
            continue
        wanted, found = outcome(_OPERATORS[op], args), outcome(function, args)
        assert wanted[0] == found[0], args
        if wanted[0] == "returned":
            assert same(wanted[1], found[1]), args


@pytest.mark.parametrize("name", _WHOLE)
def test_a_whole_number_of_a_float_is_cpythons(name: str) -> None:
    _, function = functions.call(name, ("float64",))
    for value in _FLOATS:
        wanted, found = outcome(_WHOLE[name], (value,)), outcome(function, (value,))
        fits = wanted[0] == "returned" and abs(wanted[1]) < 1 << 63
        if fits or (wanted[0] != "returned" and not name.startswith("math.")):
            assert wanted[0] == found[0], value
            assert not fits or wanted[1] == found[1], value
        elif name.startswith("math."):
            # These raise nothing: the least integer is what numba gives on x86.
            assert found == ("returned", -(1 << 63)), value
        else:
            assert found[0] == "OverflowError", value
