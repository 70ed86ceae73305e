"""Random programs for `fastmath`, whose results cannot depend on it.

Their floats are halves of small whole numbers, of which every sum and product here is exact: in whatever order and by
whatever means it is computed, one result is right. Nothing divides, and nothing is infinite or a NaN, which `fastmath`
may assume. What is left to it is the sign of a zero, which is not compared.
"""

from __future__ import annotations

import random
from typing import Any

_CALLS = 6


def write(rng: random.Random) -> tuple[str, tuple[str, ...], list[tuple[Any, ...]]]:
    """Source text, the types of its arguments, and calls."""
    types = (rng.choice(["float32", "float64"]), rng.choice(["int8", "int32", "int64", "uint16"]))
    lines = ["def main(fp0, ip1):"]
    sums: list[str] = []
    for at in range(rng.randint(1, 3)):
        _loop(rng, lines, sums, at)
    lines.append(f"    return ({', '.join(sums)}, )")
    low = 0 if types[1][0] == "u" else -100
    calls = [(rng.randint(-9, 9) / 2, rng.randint(low, 100)) for _ in range(_CALLS)]
    return "\n".join(lines), types, calls


def _loop(rng: random.Random, lines: list[str], sums: list[str], at: int) -> None:
    """A loop, parallel or not, that accumulates into variables of its own."""
    names = []
    for number in range(rng.randint(1, 3)):
        kind = rng.choice("ffi")
        name = f"{kind}{at}r{number}"
        names.append((name, rng.choice(["+", "+", "-", "min", "max"])))
        single = f"float{rng.choice([32, 64])}"
        lines.append(f"    {name} = {'0' if kind == 'i' else f'{single}({_half(rng, [])})'}")
    index, depth = f"i{at}l", "        "
    count = rng.choice(["0", "1", "7", "63", "64", "65", "200", "257", "513", "int64(ip1) & 31"])
    lines.append(f"    for {index} in {rng.choice(['range', 'prange'])}({count}):")
    known = [index]
    if rng.random() < 0.5:
        lines.append(f"{depth}f{at}q = {_term(rng, known)}")
        known.append(f"f{at}q")
    if rng.random() < 0.3:
        lines.append(f"{depth}if {_test(rng, known)}:")
        lines.append(f"{depth}    continue")
    for name, op in names:
        here = depth
        if rng.random() < 0.3:
            lines.append(f"{here}if {_test(rng, known)}:")
            here += "    "
        if rng.random() < 0.2:
            lines.append(f"{here}for i{at}in in range({rng.randint(0, 5)}):")
            here += "    "
        term = _whole(rng, known) if name[0] == "i" else _term(rng, known)
        lines.append(f"{here}{name} = {f'{op}({name}, {term})' if op.isalpha() else f'{name} {op} {term}'}")
    sums += [name for name, _ in names]


def _whole(rng: random.Random, known: list[str]) -> str:
    """A whole number of at most 7."""
    names = ["ip1", *(name for name in known if name[0] == "i")]
    return f"(({rng.choice(names)} {rng.choice(['+', '*', '^', '-'])} {rng.choice([*names, '3'])}) & 7)"


def _half(rng: random.Random, known: list[str]) -> str:
    """A multiple of a half, at most 4.5."""
    return rng.choice(["fp0", "fp0", "1.5", f"{_whole(rng, known)} * 0.5", f"float32({_whole(rng, known)})"])


def _term(rng: random.Random, known: list[str]) -> str:
    a, b = _half(rng, known), _half(rng, known)
    local = [name for name in known if name[0] == "f"]
    if local and rng.random() < 0.5:
        a = local[0]
    match rng.randint(0, 6):
        case 0:
            return f"(({a}) * ({b}))"
        case 1:
            return f"(({a}) + ({b}))"
        case 2:
            return f"(({a}) - ({b}))"
        case 3:
            return f"{rng.choice(['min', 'max'])}({a}, {b})"
        case 4:
            return f"(({a}) if {_test(rng, known)} else ({b}))"
        case 5:
            return f"(-abs({a}))"
        case _:
            return f"({a})"


def _test(rng: random.Random, known: list[str]) -> str:
    op = rng.choice(["<", "<=", "==", "!=", ">"])
    if rng.random() < 0.5:
        return f"({_whole(rng, known)} {op} {rng.randint(0, 7)})"
    return f"(fp0 {op} {_half(rng, known)})"
