"""The builtins and functions of `math` that the oracle knows: the type of each result, and how to get it.

Only functions whose every bit is defined are here; those that round (`sin`, `exp`, ...) have tests of their own.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

from values import COMPLEXES, FLOATS, INTEGERS, SCALARS, SIGNED, IllTyped, Type, binary, convert, saturated, unify

Typed = tuple[Type, Callable[..., Any]]


@functools.cache
def call(name: str, types: tuple[Type, ...], numpy: bool = False) -> Typed:
    """The result's type of a call of the builtin `name` with arguments of `types`, and a function that makes it.

    With `numpy`, under NumPy's error model.
    """
    if name in SCALARS:
        (ty,) = types
        if ty not in SCALARS or (ty in COMPLEXES and name not in (*COMPLEXES, "bool")):
            raise IllTyped(name)
        return name, lambda x: convert(x, name)
    if name in ("min", "max"):
        return _extreme(name, list(types))
    maker = (_NUMPY_MAKERS if numpy else _MAKERS).get((name, len(types)))
    if maker is None:
        raise IllTyped(f"{name} of {len(types)}")
    return maker(*types)


@functools.cache
def compare(op: str, a: Type, b: Type) -> Callable[[Any, Any], bool]:
    """A link of a chain of comparisons."""
    if op in ("in", "not in"):
        equals = [compare("==", part, a) for part in b]
        wanted = op == "in"
        return lambda x, parts: any(equal(part, x) for equal, part in zip(equals, parts)) is wanted
    if isinstance(a, tuple) and isinstance(b, tuple):
        return _compare_tuples(op, a, b)
    if a not in SCALARS or b not in SCALARS:
        raise IllTyped(f"{a} {op} {b}")
    if a in COMPLEXES or b in COMPLEXES:
        if op not in ("==", "!="):
            raise IllTyped(op)
    python = _COMPARE[op]
    if a in (*FLOATS, *COMPLEXES) or b in (*FLOATS, *COMPLEXES):
        ty = unify(a, b)
        return lambda x, y: python(convert(x, ty), convert(y, ty))
    return python


def _compare_tuples(op: str, a: Type, b: Type) -> Callable[[Any, Any], bool]:
    if op in ("==", "!="):
        equals = [compare("==", x, y) for x, y in zip(a, b)] if len(a) == len(b) else None
        return lambda x, y: (equals is not None and all(f(p, q) for f, p, q in zip(equals, x, y))) is (op == "==")
    equals = [compare("==", x, y) for x, y in zip(a, b)]
    orders = [compare(op[0], x, y) for x, y in zip(a, b)]

    def ordered(x: Any, y: Any) -> bool:
        for equal, order, p, q in zip(equals, orders, x, y):
            if not equal(p, q):
                return order(p, q)
        return _COMPARE[op](len(x), len(y))

    return ordered


_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "==": lambda x, y: x == y,
    "!=": lambda x, y: x != y,
    "<": lambda x, y: x < y,
    "<=": lambda x, y: x <= y,
    ">": lambda x, y: x > y,
    ">=": lambda x, y: x >= y,
}


def _extreme(name: str, types: list[Type]) -> Typed:
    if len(types) == 1 and isinstance(types[0], tuple):
        ty, function = _extreme(name, list(types[0]))
        return ty, lambda parts: function(*parts)
    ty = functools.reduce(unify, types)
    if ty not in SCALARS or ty in COMPLEXES or len(types) < 2:
        raise IllTyped(name)
    python = min if name == "min" else max
    return ty, lambda *args: python(convert(arg, ty) for arg in args)


def _abs(ty: Type) -> Typed:
    if ty == "bool":
        return "int64", int
    if ty in SIGNED:
        return ty, lambda x: convert(abs(x), ty)
    if ty in INTEGERS or ty in FLOATS:
        return ty, abs
    raise IllTyped("abs")


def _whole(rounding: Callable[[float], Any]) -> Callable[[Type], Typed]:
    def make(ty: Type) -> Typed:
        if ty == "bool":
            return "int64", int
        if ty in INTEGERS:
            return ty, lambda x: x
        if ty not in FLOATS:
            raise IllTyped("a whole number of no number")
        return "int64", lambda x: _fitting(rounding(x))

    return make


def _saturating(rounding: Callable[[float], Any]) -> Callable[[Type], Typed]:
    exact = _whole(rounding)

    def make(ty: Type) -> Typed:
        if ty not in FLOATS:
            return exact(ty)
        return "int64", lambda x: saturated(rounding(x) if math.isfinite(x) else x, "int64")

    return make


def _numpy_round(ty: Type) -> Typed:
    return _saturating(round)(ty) if ty in FLOATS else _round(ty)


def _numpy_divmod(a: Type, b: Type) -> Typed:
    (quotient, divide), (rest, remain) = binary("//", a, b, True), binary("%", a, b, True)
    return (quotient, rest), lambda x, y: (divide(x, y), remain(x, y))


def _round(ty: Type) -> Typed:
    if ty in INTEGERS:
        wide = "int64" if ty != "uint64" else ty
        return wide, lambda x: x
    return _whole(round)(ty)


def _rounded(rounding: Callable[[float], Any]) -> Callable[[Type], Typed]:
    def make(ty: Type) -> Typed:
        if ty not in FLOATS:
            return _whole(rounding)(ty)
        return "int64", lambda x: rounding(x) if abs(x) < 2.0**63 else -(1 << 63)

    return make


def _round_digits(ty: Type, digits: Type) -> Typed:
    if ty not in FLOATS or digits in (*FLOATS, *COMPLEXES):
        raise IllTyped("round to digits")

    def rounded(x: float, digits: int) -> float:
        if not -22 <= digits <= 22:
            raise IllTyped("digits of which the last bit is not defined")
        return float(convert(round(x, digits), ty))

    return ty, rounded


def _fitting(value: int) -> int:
    if not -(1 << 63) <= value < 1 << 63:
        raise OverflowError("the float is too large for int64")
    return value


def _float(ty: Type) -> Typed:
    if ty in FLOATS:
        return ty, lambda x: x
    if ty in COMPLEXES or ty not in SCALARS:
        raise IllTyped("float")
    return "float64", float


def _complex(a: Type, b: Type) -> Typed:
    if a in COMPLEXES or b in COMPLEXES or a not in SCALARS or b not in SCALARS:
        raise IllTyped("complex")
    part = unify(a, b) if a in FLOATS or b in FLOATS else "float64"
    return ("complex64" if part == "float32" else "complex128"), lambda x, y: complex(
        convert(x, part), convert(y, part)
    )


def _of_float(function: Callable[[float], float]) -> Callable[[Type], Typed]:
    def make(ty: Type) -> Typed:
        if ty in COMPLEXES or ty not in SCALARS:
            raise IllTyped("a function of floats")
        to = "float32" if ty == "float32" else "float64"
        return to, lambda x: convert(function(convert(x, to)), to)

    return make


def _copysign(a: Type, b: Type) -> Typed:
    if a in COMPLEXES or b in COMPLEXES or a not in SCALARS or b not in SCALARS:
        raise IllTyped("copysign")
    to = "float32" if a == b == "float32" else "float64"

    def copysign(x: Any, y: Any) -> float:
        if math.isnan(y):
            # Which sign the processor gives a NaN that it makes is not the language's matter.
            raise IllTyped("the sign of a NaN")
        return math.copysign(convert(x, to), convert(y, to))

    return to, copysign


def _test(function: Callable[[float], bool]) -> Callable[[Type], Typed]:
    def make(ty: Type) -> Typed:
        if ty in COMPLEXES or ty not in SCALARS:
            raise IllTyped("a test of a float")
        return "bool", function

    return make


def _divmod(a: Type, b: Type) -> Typed:
    (quotient, divide), (rest, remain) = binary("//", a, b), binary("%", a, b)
    return (quotient, rest), lambda x, y: (divide(x, y), remain(x, y))


def _sum(ty: Type) -> Typed:
    if not isinstance(ty, tuple):
        raise IllTyped("sum")
    total, steps = "int64", []
    for part in ty:
        total, step = binary("+", total, part)
        steps.append(step)
    return total, lambda parts: functools.reduce(lambda so_far, each: each[0](so_far, each[1]), zip(steps, parts), 0)


def _len(ty: Type) -> Typed:
    if not isinstance(ty, tuple):
        raise IllTyped("len")
    return "int64", len


def _square_root(x: float) -> float:
    return math.nan if x < 0.0 else math.sqrt(x)


_MAKERS: dict[tuple[str, int], Callable[..., Typed]] = {
    ("abs", 1): _abs,
    ("int", 1): _whole(int),
    ("round", 1): _round,
    ("round", 2): _round_digits,
    ("math.floor", 1): _rounded(math.floor),
    ("math.ceil", 1): _rounded(math.ceil),
    ("math.trunc", 1): _rounded(math.trunc),
    ("float", 1): _float,
    ("complex", 2): _complex,
    ("math.sqrt", 1): _of_float(_square_root),
    ("math.fabs", 1): _of_float(math.fabs),
    ("math.copysign", 2): _copysign,
    ("math.isnan", 1): _test(math.isnan),
    ("math.isinf", 1): _test(math.isinf),
    ("math.isfinite", 1): _test(math.isfinite),
    ("divmod", 2): _divmod,
    ("pow", 2): lambda a, b: binary("**", a, b),
    ("sum", 1): _sum,
    ("len", 1): _len,
}
# Where NumPy's error model has another meaning: nothing is too large for an integer, and nothing divides by zero.
_NUMPY_MAKERS = _MAKERS | {
    ("int", 1): _saturating(int),
    ("round", 1): _numpy_round,
    ("divmod", 2): _numpy_divmod,
    ("pow", 2): lambda a, b: binary("**", a, b, True),
}
