"""What a type checker makes of decorated functions; checked by mypy, and run as a program too."""

from __future__ import annotations

from typing import assert_type

import ungil
from ungil import Dispatcher, float64, jit, njit, prange


@njit
def half(x: float) -> float:
    return x / 2


@jit(parallel=True, fastmath={"contract"})
def total(n: int, *, step: int = 1) -> int:
    s = 0
    for i in prange(0, n, step):
        s += i
    return s


@jit("float64(float64)")
def same(x: float) -> float:
    return x


@njit(float64(float64))
def other(x: float) -> float:
    return x


def program() -> None:
    assert_type(half(1.0), float)
    assert_type(total(10, step=2), int)
    assert_type(same(1.0), float)
    assert_type(other(1.0), float)
    plain: Dispatcher[[float], float] = half
    assert_type(plain.py_func(3.0), float)
    assert_type(half.signatures, list[tuple[ungil.types.Type, ...]])
    assert_type(half.inspect_asm(), dict[tuple[ungil.types.Type, ...], str])
    assert_type(half.inspect_asm((float64,)), str)


def wrong() -> None:
    half("x")  # type: ignore[arg-type]
    half()  # type: ignore[call-arg]
    total(10, 2)  # type: ignore[call-arg]
    jit(parallel="yes")  # type: ignore[call-overload]
    half.nothing  # type: ignore[attr-defined]


if __name__ == "__main__":
    program()
