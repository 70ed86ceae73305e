"""The scalar types and what operations on them mean: docs/reference/typing.md, written a second time and apart.

A type is a name (`"int8"`, `"float32"`, ...) or a tuple of types. A value is Python's own, already rounded or wrapped
to its type: a `float32` is a `float` that a `float32` can hold. Nothing here knows the compiler.
"""

from __future__ import annotations

import ast
import ctypes
import functools
import math
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

Type = Any

SIGNED = ("int8", "int16", "int32", "int64")
UNSIGNED = ("uint8", "uint16", "uint32", "uint64")
INTEGERS = SIGNED + UNSIGNED
FLOATS = ("float32", "float64")
COMPLEXES = ("complex64", "complex128")
SCALARS = ("bool", *INTEGERS, *FLOATS, *COMPLEXES)

_NARROW = ("bool", "int8", "uint8", "int16", "uint16", "float32", "complex64")


@dataclass(frozen=True, eq=False)
class Function:
    """The type of a function: that one function, and the types of what it captures; its value is a tuple of these."""

    node: ast.FunctionDef
    captured: tuple[tuple[str, Type], ...]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Function) and (self.node is other.node and self.captured == other.captured)

    def __hash__(self) -> int:
        return hash((id(self.node), self.captured))


@dataclass(frozen=True)
class Optional:
    """The type of what is of type `ty`, or `None`."""

    ty: Type


class IllTyped(Exception):
    """The program is none of the language; a shrinker that made it should try something else."""


def bits(ty: Type) -> int:
    """The width of an integer type."""
    return int(ty.lstrip("uint"))


def float32(value: float) -> float:
    """The nearest `float32`.

    Of one operation on two of them it is the correct one: a `float64` has at least 2 * 24 + 2 bits (Figueroa, 1995).
    """
    return ctypes.c_float(value).value


def unify(a: Type, b: Type) -> Type:
    """The type where two ways meet; `None` stands for a way that is never gone."""
    if a == b or b is None:
        return a
    if a is None:
        return b
    if "none" in (a, b) or isinstance(a, Optional) or isinstance(b, Optional):
        values = [ty.ty if isinstance(ty, Optional) else ty for ty in (a, b) if ty != "none"]
        return Optional(functools.reduce(unify, values))
    if isinstance(a, tuple) and isinstance(b, tuple) and len(a) == len(b):
        return tuple(map(unify, a, b))
    if a not in SCALARS or b not in SCALARS:
        raise IllTyped(f"{a} does not meet {b}")
    if a in COMPLEXES or b in COMPLEXES:
        return "complex64" if narrow(a, b) else "complex128"
    if a in FLOATS or b in FLOATS:
        return "float32" if narrow(a, b) else "float64"
    if a == "bool":
        return b
    if b == "bool":
        return a
    if (a in SIGNED) == (b in SIGNED):
        return max(a, b, key=bits)
    signed, unsigned = (a, b) if a in SIGNED else (b, a)
    if bits(signed) > bits(unsigned):
        return signed
    return f"int{bits(unsigned) * 2}" if bits(unsigned) < 64 else "float64"


def narrow(a: Type, b: Type) -> bool:
    """Whether a float that both meet in is a `float32`."""
    return a in _NARROW and b in _NARROW


def integer(*operands: Type) -> str:
    """The type of integer arithmetic."""
    return "uint64" if all(ty in UNSIGNED for ty in operands) else "int64"


def real(a: Type, b: Type) -> str:
    """The float type of arithmetic; a `uint16` counts as wide there."""
    return "float32" if narrow(a, b) and "uint16" not in (a, b) else "float64"


def convert(value: Any, ty: Type) -> Any:
    """The value as one of `ty`, which the language converts it to."""
    return converter(ty)(value)


@functools.cache
def converter(ty: Type) -> Callable[[Any], Any]:
    """What converts a value to `ty`."""
    if isinstance(ty, tuple):
        parts = [converter(part) for part in ty]
        return lambda values: tuple([part(value) for part, value in zip(parts, values)])
    if isinstance(ty, Optional):
        value = converter(ty.ty)
        return lambda x: None if x is None else value(x)
    if ty == "none":
        return lambda x: x
    if ty in INTEGERS:
        mask, sign = (1 << bits(ty)) - 1, (1 << bits(ty) - 1) if ty in SIGNED else 0
        # Adding and taking away the sign's weight around the mask extends the sign.
        return lambda value: ((value + sign) & mask) - sign if isinstance(value, int) else saturated(value, ty)
    if ty == "complex64":
        return lambda value: complex(float32(complex(value).real), float32(complex(value).imag))
    simple: dict[Type, Callable[[Any], Any]]
    simple = {"bool": bool, "float64": float, "float32": narrowed, "complex128": complex}
    if ty not in simple:
        raise IllTyped("a value of no type that is known")
    return simple[ty]


def narrowed(value: float) -> float:
    """A number as a `float32`: one rounding, of an integer too."""
    if isinstance(value, int) and abs(value) > 1 << 53:
        # Odd in the last place if anything was cut off: then rounding again cannot see a tie that is none.
        cut = (abs(value) >> 12 << 12) | (1 << 12 if abs(value) & 0xFFF else 0)
        value = -cut if value < 0 else cut
    return float32(float(value))


def saturated(value: float, ty: Type) -> int:
    """A float as an integer: truncated, the nearest there is, 0 for a NaN."""
    if math.isnan(value):
        return 0
    low, high = (-(1 << bits(ty) - 1), (1 << bits(ty) - 1) - 1) if ty in SIGNED else (0, (1 << bits(ty)) - 1)
    return low if value <= low else high if value >= high else int(value)


@functools.cache
def binary(op: str, a: Type, b: Type, numpy: bool = False) -> tuple[Type, Callable[[Any, Any], Any]]:
    """The result's type of a binary operator, and the operator; with `numpy`, under NumPy's error model."""
    if op == "+" and isinstance(a, tuple) and isinstance(b, tuple):
        return a + b, lambda x, y: x + y
    if a not in SCALARS or b not in SCALARS:
        raise IllTyped(f"{a} {op} {b}")
    integers, floats, complexes = (
        (_NUMPY_INTEGER, _NUMPY_FLOAT, _NUMPY_COMPLEX) if numpy else (_INTEGER, _FLOAT, _COMPLEX)
    )
    if a in COMPLEXES or b in COMPLEXES:
        ty = "complex64" if real(a, b) == "float32" else "complex128"
        return ty, _computed(complexes, op, ty, ty, ty)
    if a in FLOATS or b in FLOATS:
        ty = a if op == "**" and b not in FLOATS else real(a, b)
        return ty, _computed(floats, op, ty, ty, ty)
    if a == b == "bool" and op in "&|^":
        return "bool", {"&": bool.__and__, "|": bool.__or__, "^": bool.__xor__}[op]
    if op == "/":
        return "float64", _computed(integers, op, "float64", "float64", "float64")
    if op in ("<<", ">>"):
        ty = integer(a)
        return ty, _computed(integers, op, ty, "int64", ty)
    ty = integer(a, b)
    return ty, _computed(integers, op, ty, ty, ty)


def _computed(table: dict[str, Callable[[Any, Any], Any]], op: str, a: Type, b: Type, to: Type) -> Callable[..., Any]:
    function = table.get(op)
    if function is None:
        raise IllTyped(f"{op} on {to}")
    left, right, result = converter(a), converter(b), converter(to)
    if to == "complex64" and op == "*":
        return lambda x, y: _complex_mul32(left(x), right(y))
    return lambda x, y: result(function(left(x), right(y)))


def _int_mod(x: int, y: int) -> int:
    if y == 0:
        raise ZeroDivisionError("integer modulo by zero")
    return x % y


def _int_floordiv(x: int, y: int) -> int:
    if y == 0:
        raise ZeroDivisionError("integer division or modulo by zero")
    return x // y


def _int_pow(x: int, y: int) -> int:
    if y >= 0:
        return pow(x, y, 1 << 64)
    if x == 0:
        raise ZeroDivisionError("0.0 cannot be raised to a negative power")
    return x if x == -1 and y & 1 else 1 if x in (1, -1) else 0


def _shift(x: int, count: int, left: bool) -> int:
    if count < 0:
        raise ValueError("negative shift count")
    count = min(count, 64)
    return x << count if left else x >> count


def _divided(message: str, function: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    def divide(x: Any, y: Any) -> Any:
        if y == 0:
            raise ZeroDivisionError(message)
        return function(x, y)

    return divide


def _float_pow(x: float, y: float) -> float:
    """A power that is exact, or a square."""
    if y == 2.0:
        return x * x
    odd = y % 2.0 in (1.0, -1.0)
    try:
        power = math.pow(x, y)
    except (OverflowError, ValueError):
        if x != 0.0:
            raise IllTyped("a power whose last bit is not defined") from None
        # Of zero to a negative power CPython knows nothing; C99 does.
        return math.copysign(math.inf, x) if odd else math.inf
    if x == 1.0 or y == 0.0 or not (math.isfinite(x) and math.isfinite(y)) or x == 0.0:
        return power
    if not y.is_integer() or abs(y) > 64.0 or Fraction(x) ** int(y) != Fraction(power):
        raise IllTyped("a power whose last bit is not defined")
    return power


def _complex_pow(x: complex, y: complex) -> complex:
    """A power to a small integer, which is made by squaring."""
    if y.imag != 0.0 or not y.real.is_integer() or abs(y.real) > 100.0:
        raise IllTyped("a power whose last bits are not defined")
    count = int(y.real)
    if x == 0.0 and count < 0:
        raise ZeroDivisionError("0.0 to a negative or complex power")
    power, square, rest = complex(1.0, 0.0), x, abs(count)
    while rest:
        if rest & 1:
            power = _complex_mul(power, square)
        square = _complex_mul(square, square)
        rest >>= 1
    if count > 0:
        return power
    if power == 0.0:
        raise IllTyped("one over what is too small")
    return complex(1.0, 0.0) / power


def _complex_mul(x: complex, y: complex) -> complex:
    return complex(x.real * y.real - x.imag * y.imag, x.real * y.imag + x.imag * y.real)


def _complex_mul32(x: complex, y: complex) -> complex:
    def product(a: float, b: float) -> float:
        return float32(a * b)

    return complex(
        float32(product(x.real, y.real) - product(x.imag, y.imag)),
        float32(product(x.real, y.imag) + product(x.imag, y.real)),
    )


_INTEGER: dict[str, Callable[[Any, Any], Any]] = {
    "+": lambda x, y: x + y,
    "-": lambda x, y: x - y,
    "*": lambda x, y: x * y,
    "&": lambda x, y: x & y,
    "|": lambda x, y: x | y,
    "^": lambda x, y: x ^ y,
    "//": _int_floordiv,
    "%": _int_mod,
    "**": _int_pow,
    "/": _divided("division by zero", lambda x, y: x / y),
    "<<": lambda x, y: _shift(x, y, True),
    ">>": lambda x, y: _shift(x, y, False),
}
_FLOAT: dict[str, Callable[[Any, Any], Any]] = {
    "+": lambda x, y: x + y,
    "-": lambda x, y: x - y,
    "*": lambda x, y: x * y,
    "/": _divided("float division by zero", lambda x, y: x / y),
    "//": _divided("float floor division by zero", lambda x, y: x // y),
    "%": _divided("float modulo", lambda x, y: x % y),
    "**": _float_pow,
}
_COMPLEX: dict[str, Callable[[Any, Any], Any]] = {
    "+": lambda x, y: complex(x.real + y.real, x.imag + y.imag),
    "-": lambda x, y: complex(x.real - y.real, x.imag - y.imag),
    "*": _complex_mul,
    "/": _divided("complex division by zero", lambda x, y: x / y),
    "**": _complex_pow,
}


def _float_over(x: float, y: float) -> float:
    """A quotient as IEEE 754 has it."""
    if y != 0.0:
        return x / y
    return math.nan if x == 0.0 or math.isnan(x) else math.copysign(math.inf, x) * math.copysign(1.0, y)


def _complex_over(x: complex, y: complex) -> complex:
    return x / y if y != 0.0 else complex(_float_over(x.real, 0.0), _float_over(x.imag, 0.0))


def _numpy_complex_pow(x: complex, y: complex) -> complex:
    if x == 0.0 and y.imag == 0.0 and y.real < 0.0:
        return complex(math.nan, math.nan)
    return _complex_pow(x, y)


# Where NumPy's error model has another meaning.
_NUMPY_INTEGER = _INTEGER | {
    "//": lambda x, y: x // y if y else 0,
    "%": lambda x, y: x % y if y else 0,
    "/": _float_over,
}
_NUMPY_FLOAT = _FLOAT | {
    "/": _float_over,
    "//": lambda x, y: x // y if y else _float_over(x, y),
    "%": lambda x, y: x % y if y else math.nan,
}
_NUMPY_COMPLEX = _COMPLEX | {"/": _complex_over, "**": _numpy_complex_pow}
