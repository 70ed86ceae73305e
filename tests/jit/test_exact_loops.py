"""Loops of exact code that ask the C library for many results at once: the interpreter's bits, in any turn."""

from __future__ import annotations

import ctypes
import math
import platform
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from test_exact import compare

from ungil._exact import Exact

LENGTHS = [0, 1, 2, 31, 32, 33, 95, 511, 512, 513, 544, 1024, 1500, 20_011]


def integral(step: float, n: int) -> Any:
    acc = 0
    for i in range(n):
        acc += math.cos(1.0 + i * step) * step
    return acc


def squares(step: float, n: int) -> Any:
    acc = 0.0
    for i in range(n):
        acc += math.sin(i * step) ** 2 + math.cos(i * step) ** 2
    return acc


def of_negative_steps(step: float, n: int) -> Any:
    acc = 0.0
    for i in range(n, 0, -3):
        x = (i - 7) * step
        acc = acc * 0.5 + math.sin(x / (1.0 + x * x))
    return acc


def named_index_and_afterwards(step: float, n: int) -> Any:
    i, last = -1, 0.0
    for i in range(n):
        last = math.cos(-(i * step))
    return i, last


def sometimes(step: float, n: int) -> Any:
    acc, asked = 0.0, 0
    for i in range(n):
        x = i * step
        if i % 7 == 3:
            continue
        y = math.sin(x)
        if y > 0.25:
            acc += y
            asked += 1
    return acc, asked


def in_a_branch(step: float, n: int) -> Any:
    acc = 0.0
    for i in range(n):
        if i % 3:
            acc += math.cos(i * step)
    return acc


def of_the_turn_before(step: float, n: int) -> Any:
    x = step
    for _ in range(n):
        x = math.cos(x)
    return x


def of_another(step: float, n: int) -> Any:
    acc = 0.0
    for i in range(n):
        acc += math.cos(math.sin(i * step)) + math.exp(math.sin(i * step))
    return acc


def until(step: float, n: int) -> Any:
    found = -1
    for i in range(n):
        if math.sin(i * step) > 0.999:
            found = i
            break
    return found


def grid(step: float, n: int) -> Any:
    acc = 0.0
    for i in range(n // 37):
        for j in range(37):
            acc += math.sin(i * step) * math.cos(j * step)
    return acc


def roots(step: float, n: int) -> Any:
    acc = 0.0
    for i in range(n):
        acc += math.sqrt(i * step)
    return acc


def both(step: float, n: int) -> Any:
    acc = 0.0
    for i in range(n):
        acc += math.sin(i * step) * math.cos(0.5 - i * step)
    return acc


def skipped(step: float, n: int) -> Any:
    acc = 0.0
    for i in range(n):
        x = math.sin(i * step)
        if x < 0.25:
            continue
        acc += x
    return acc


def in_a_tuple(step: float, n: int) -> Any:
    acc = 0.0
    for i in range(n):
        pair = (math.cos(i * step), i * step)
        acc += pair[0] * pair[1]
    return acc


def four_and_five(step: float, n: int) -> Any:
    a = b = 0.0
    for i in range(n):
        x = i * step
        a += math.cos(x) + math.cos(x + 1.0) + math.cos(x + 2.0) + math.cos(x + 3.0)
    for i in range(n):
        x = i * step
        b += math.cos(x) + math.cos(x + 1.0) + math.cos(x + 2.0) + math.cos(x + 3.0) + math.sin(x)
    return a, b


FUNCTIONS = [
    integral,
    both,
    skipped,
    in_a_tuple,
    four_and_five,
    squares,
    of_negative_steps,
    named_index_and_afterwards,
    sometimes,
    in_a_branch,
    of_the_turn_before,
    of_another,
    until,
    grid,
    roots,
]


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda function: function.__name__)
@pytest.mark.parametrize("step", [0.0, 1e-6, -0.37, 1.0, 1e5, 1e300], ids=str)
def test_loops_give_the_interpreters_bits(function: Callable[..., Any], step: float) -> None:
    exact = compare(function, [(step, n) for n in LENGTHS])
    assert sum(version.compiled for version in exact.versions) > 0, exact.explain()


@pytest.mark.parametrize("step", [math.inf, -math.inf, math.nan], ids=str)
@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda function: function.__name__)
def test_what_is_not_finite_is_left_to_the_interpreter(function: Callable[..., Any], step: float) -> None:
    compare(function, [(step, n) for n in LENGTHS[:8]])


def late(step: float, n: int) -> Any:
    acc = 0.0
    for i in range(n):
        x = i * step
        acc += math.cos(x * x * x * x)
    return acc


def test_an_argument_that_becomes_infinite_late_raises_as_ever() -> None:
    # (600 * 2e74) ** 4 is beyond the greatest float.
    exact = compare(late, [(2e74, n) for n in (100, 500, 570, 600, 1024)])
    counts = [(version.compiled, version.handed_back) for version in exact.versions]
    assert sum(compiled for compiled, _ in counts) >= 3, exact.explain()
    assert sum(handed_back for _, handed_back in counts) >= 1, exact.explain()


def test_many_loops_in_a_recursion_stay_within_the_stack(tmp_path: Path) -> None:
    loops = "".join(f"    for i in range(n):\n        acc += math.cos(i * step + 0.{number})\n" for number in range(40))
    program = f"""
import math
from ungil._exact import Exact

def f(step, n, d):
    acc = 0.0
{loops}    if d > 0:
        return acc * 0.5 + f(step, n, d - 1) * 0.25 + 1.0
    return acc

exact = Exact(f)
assert all(exact(0.25, 64, d) == f(0.25, 64, d) for d in (0, 1, 300, 900)), exact.explain()
print(sum(version.compiled for version in exact.versions) > 0)
"""
    path = tmp_path / "many_loops.py"
    path.write_text(program)
    done = subprocess.run([sys.executable, path], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "True\n"), done.stderr


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the numbers of the modes are those of one C library")
@pytest.mark.skipif(platform.machine() != "x86_64", reason="the numbers of the modes are those of one processor")
@pytest.mark.parametrize("mode", [0x400, 0x800, 0xC00])
def test_whoever_rounds_otherwise_is_given_the_interpreters_bits(mode: int) -> None:
    library = ctypes.CDLL("libm.so.6")
    exact = Exact(integral)
    assert exact(0.001, 2000) == integral(0.001, 2000)
    before = library.fegetround()
    library.fesetround(mode)
    try:
        found, expected = exact(0.001, 2000), integral(0.001, 2000)
    finally:
        library.fesetround(before)
    assert found == expected
