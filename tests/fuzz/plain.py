"""Random programs in plain Python, for exact code: numbers whose types come as they come, and the interpreter as the oracle.

A variable's first letter is what it begins as, more often than not: `i` an int, `f` a float, `b` a bool. An `i` or an
`f` may become the other on some way, as in any program; a `b` stays one. Every loop has a bound.
"""

from __future__ import annotations

import random

_INTS = ["0", "1", "2", "3", "-1", "7", "63", "1000", "9007199254740993", "9223372036854775807", "-2**63", "2**62"]
_FLOATS = ["0.0", "-0.0", "0.5", "1.5", "-2.25", "0.1", "1e300", "1e-310", "3.0", "1e16", "9.3e18"]
_OF_ONE = ["cos", "sin", "exp", "sqrt", "atan", "log", "fabs", "tanh", "radians", "cbrt", "erf"]
_VALUES = [
    0,
    1,
    -1,
    2,
    5,
    -3,
    2**31,
    2**53 + 1,
    2**62,
    2**63 - 1,
    -(2**63),
    0.0,
    -0.0,
    0.5,
    -1.5,
    2.0,
    1e-320,
    1e17,
    1e308,
]
_VALUES += [float("inf"), float("nan"), -2.0, 3.75, True, False]


class Writer:
    """Writes one program."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.lines: list[str] = []
        self.numbers = ["x", "y"]
        self.bools: list[str] = []
        self.loops = 0

    def program(self) -> str:
        """Source of a function `main(x, y, z)` and its helper."""
        helper = self.number(2)
        for name in ("i0", "i1", "f0", "f1"):
            self.lines.append(f"    {name} = {self.number(1)}")
            self.numbers.append(name)
        for name in ("b0", "b1"):
            self.lines.append(f"    {name} = {self.test(1)}")
            self.bools.append(name)
        for _ in range(self.rng.randint(2, 6)):
            self.statement("    ", 3)
        results = ", ".join([*self.numbers[2:], *self.bools])
        return f"import math\n\ndef h(x, y):\n    return {helper}\n\ndef main(x, y, z):\n" + "\n".join(
            [*self.lines, f"    return {results}", ""]
        )

    def statement(self, at: str, depth: int) -> None:
        """One statement."""
        rng, own = self.rng, self.numbers[2:]
        kind = rng.random()
        if kind < 0.35 or depth == 0:
            name = rng.choice(own)
            operator = rng.choice(["=", "=", "+=", "-=", "*=", "+="])
            self.lines.append(f"{at}{name} {operator} {self.number(3)}")
        elif kind < 0.45:
            self.lines.append(f"{at}{rng.choice(self.bools)} = {self.test(3)}")
        elif kind < 0.5:
            self.lines.append(f"{at}{', '.join(rng.sample(own, 2))} = {self.number(2)}, {self.number(2)}")
        elif kind < 0.75:
            self.lines.append(f"{at}if {self.test(2)}:")
            self.block(at + "    ", depth - 1)
            if rng.random() < 0.5:
                self.lines.append(f"{at}else:")
                self.block(at + "    ", depth - 1)
        elif kind < 0.92:
            self.loops += 1
            index = f"k{self.loops}"
            bounds = rng.choice(["3", "z", "1, 5", "7, -2, -3", "z, 9, 2"])
            self.lines.append(f"{at}for {index} in range({bounds}):")
            self.numbers.insert(0, index)
            self.block(at + "    ", depth - 1)
            self.numbers.remove(index)
            if rng.random() < 0.3:
                self.lines.append(f"{at}    if {self.test(2)}:\n{at}        {rng.choice(['break', 'continue'])}")
        else:
            self.loops += 1
            count = f"n{self.loops}"
            self.lines.append(f"{at}{count} = 0\n{at}while {count} < 4 and {self.test(2)}:")
            self.lines.append(f"{at}    {count} += 1")
            self.block(at + "    ", depth - 1)

    def block(self, at: str, depth: int) -> None:
        """One statement or two."""
        # An index has been put before the names that may be set.
        first = self.numbers.index("x")
        indices, self.numbers = self.numbers[:first], self.numbers[first:]
        for _ in range(self.rng.randint(1, 2)):
            self.statement(at, depth)
        self.numbers = [*indices, *self.numbers]

    def number(self, depth: int) -> str:
        """An expression whose value is a number."""
        rng = self.rng
        if depth == 0 or rng.random() < 0.2:
            return rng.choice(
                [rng.choice(self.numbers), rng.choice(self.numbers), rng.choice(_INTS), rng.choice(_FLOATS)]
            )
        a, b = self.number(depth - 1), self.number(depth - 1)
        kind = rng.random()
        if kind < 0.5:
            return f"({a} {rng.choice(['+', '-', '*', '+', '-', '*', '/', '//', '%'])} {b})"
        if kind < 0.55:
            return f"({a}) ** {rng.choice(['2', '3', '0.5', '-1', '2.0'])}"
        if kind < 0.65:
            return rng.choice([f"-({a})", f"abs({a})", f"min({a}, {b})", f"max({a}, {b})", f"float({a})"])
        if kind < 0.75:
            return f"math.{rng.choice(_OF_ONE)}({a})"
        if kind < 0.8:
            return rng.choice(
                [f"int({a})", f"round({a})", f"math.floor({a})", f"math.atan2({a}, {b})", f"math.fmod({a}, {b})"]
            )
        if kind < 0.9:
            return f"({a} if {self.test(depth - 1)} else {b})"
        return f"h({a}, {b})" if self.lines else f"({a} + {b})"

    def test(self, depth: int) -> str:
        """An expression whose value is a bool."""
        rng = self.rng
        if self.bools and (depth == 0 or rng.random() < 0.2):
            return rng.choice(self.bools)
        depth = max(depth, 1)
        a, b = self.number(depth - 1), self.number(depth - 1)
        kind = rng.random()
        if kind < 0.6:
            return f"{a} {rng.choice(['<', '<=', '==', '!=', '>', '>='])} {b}"
        if kind < 0.7:
            return f"{a} < {b} <= {self.number(depth - 1)}"
        if kind < 0.8:
            return f"(not {self.test(depth - 1)})"
        if kind < 0.9:
            return f"({self.test(depth - 1)} {rng.choice(['and', 'or'])} {self.test(depth - 1)})"
        return f"(({a}, {b}) {rng.choice(['==', '<', '!='])} ({b}, {a}))"


def write(seed: int) -> tuple[str, list[tuple[object, object, int]]]:
    """Source text, and calls of its `main`."""
    rng = random.Random(seed)
    source = Writer(rng).program()
    return source, [(rng.choice(_VALUES), rng.choice(_VALUES), rng.randint(-2, 9)) for _ in range(8)]
