"""Where an operator of Python's own says the same as the function of `values`, and takes less time.

Each rule names why it holds; what has none is left to the function.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from values import FLOATS, INTEGERS, SIGNED, Function, Type, bits

if TYPE_CHECKING:
    from oracle import Oracle

_WHOLE = ("bool", *INTEGERS)


def binary(op: str, a: str, a_type: Type, b: str, b_type: Type, to: Type) -> str | None:
    """An operation of type `to` as code; none if it takes a function."""
    if to in INTEGERS and op in ("+", "-", "*", "&", "|", "^") and a_type in _WHOLE and b_type in _WHOLE:
        # Modulo a power of two it does not matter whether the operands were wrapped before.
        mask, sign = (1 << bits(to)) - 1, (1 << bits(to) - 1) if to in SIGNED else 0
        return f"((({a} {op} {b}) + {sign} & {mask}) - {sign})" if sign else f"(({a} {op} {b}) & {mask})"
    if to == "float64" and op in ("+", "-", "*") and (a_type in FLOATS or b_type in FLOATS):
        # One is a float, and Python rounds the other one, an integer, as the language does.
        return f"({a} {op} {b})"
    return None


def comparable(op: str, a_type: Type, b_type: Type) -> bool:
    """Whether Python's comparison is the language's: no integer meets a float, which would round it."""
    both = [(ty in _WHOLE, ty in FLOATS) for ty in (a_type, b_type)]
    return both[0] == both[1] and any(both[0]) and op not in ("in", "not in")


def widened(oracle: Oracle, name: str, ty: Type) -> str:
    """A variable of type `ty` that may hold a value from when it was narrower."""
    if ty == "bool" or isinstance(ty, Function):
        return name
    if ty in INTEGERS:
        # A narrower integer is one of this type too; a bool becomes one.
        return f"(+{name})"
    if ty in FLOATS:
        # An integer is rounded, as Python does it; `+ 0.0` would lose the sign of a zero.
        return f"({name} * 1.0)"
    return oracle.converted(name, "?", ty)
