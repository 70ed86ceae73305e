"""The types of compiled code, under numba's names: `float64`, `int32`, `Tuple((int64, float64))`.

Calling a type with types gives a signature, `float64(int32)`; calling it with a number converts the number.
"""

from __future__ import annotations

from ungil._core import Optional, Signature, Tuple, Type, UniTuple, _type_of_text

__all__ = (
    "Optional",
    "Signature",
    "Tuple",
    "Type",
    "UniTuple",
    "b1",
    "bool_",
    "boolean",
    "byte",
    "c8",
    "c16",
    "char",
    "complex64",
    "complex128",
    "double",
    "f4",
    "f8",
    "float32",
    "float64",
    "float_",
    "i1",
    "i2",
    "i4",
    "i8",
    "int8",
    "int16",
    "int32",
    "int64",
    "int_",
    "intc",
    "intp",
    "long_",
    "longlong",
    "none",
    "optional",
    "short",
    "size_t",
    "ssize_t",
    "u1",
    "u2",
    "u4",
    "u8",
    "uchar",
    "uint",
    "uint8",
    "uint16",
    "uint32",
    "uint64",
    "uintc",
    "uintp",
    "ulong",
    "ulonglong",
    "ushort",
    "void",
)

void = none = _type_of_text("none")
boolean = bool_ = b1 = _type_of_text("bool")

int8 = char = i1 = _type_of_text("int8")
int16 = short = i2 = _type_of_text("int16")
int32 = intc = i4 = _type_of_text("int32")
int64 = intp = int_ = long_ = longlong = ssize_t = i8 = _type_of_text("int64")

uint8 = byte = uchar = u1 = _type_of_text("uint8")
uint16 = ushort = u2 = _type_of_text("uint16")
uint32 = uintc = u4 = _type_of_text("uint32")
uint64 = uintp = uint = ulong = ulonglong = size_t = u8 = _type_of_text("uint64")

float32 = float_ = f4 = _type_of_text("float32")
float64 = double = f8 = _type_of_text("float64")
complex64 = c8 = _type_of_text("complex64")
complex128 = c16 = _type_of_text("complex128")

optional = Optional
