"""Random programs of the compiled language, as source text, and arguments for them.

A variable's first letter is its kind, which it keeps: `b` a bool, `i` a signed integer, `u` an unsigned one, `f` a
float, `c` a complex number, `t` a tuple of an integer and a float, `v` a tuple of three `int64`. Within its kind its
type changes as it likes, so what meets where is for the compiler to find out. Signed and unsigned are kept apart:
`int64` and `uint64` meet in a float, to which `&` does not apply. Every loop has a bound, and a test never consists of
literals alone: the compiler leaves out ways that it knows are not gone, and with them their types.

A program in seven is compiled under NumPy's error model. One in twelve is a program of `exact` instead, most of those
with `fastmath`.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from typing import Any

import callables
import exact
import loops
from expressions import Expressions

KINDS = "biufctv"
_TYPES = {
    "b": ["bool"],
    "i": ["int8", "int16", "int32", "int64", "int64", "int64"],
    "u": ["uint8", "uint16", "uint32", "uint64"],
    "f": ["float32", "float64", "float64"],
    "c": ["complex64", "complex128"],
}
_FLOATS = [0.0, -0.0, 1.0, -1.0, 0.5, -2.5, 1e-45, 5e-324, 1e-310, 3.4e38, 1.7e308, 2.0**53, 2.0**63, -(2.0**63)]
_FLOATS += [math.inf, -math.inf, math.nan]
_CALLS = 6


@dataclass(frozen=True)
class Program:
    """A program and calls of it.

    Attributes:
        source: its text, with a function `main`.
        types: the types of the arguments.
        calls: arguments, as Python's values.
        numpy: whether it is compiled with `error_model="numpy"`.
        fastmath: whether it is compiled with `fastmath=True`; then the sign of a zero may differ.
    """

    source: str
    types: tuple[str, ...]
    calls: list[tuple[Any, ...]]
    numpy: bool = False
    fastmath: bool = False


def generate(seed: int) -> Program:
    """The program of a seed."""
    rng = random.Random(seed)
    if rng.random() < 0.08:
        return Program(*exact.write(rng), fastmath=rng.random() < 0.75)
    kinds = [rng.choice("biiufffc") for _ in range(rng.randint(1, 3))]
    types = tuple(rng.choice(_TYPES[kind]) for kind in kinds)
    writer = Writer(rng)
    # Small ones mostly: their cost grows with their size, and two faults seldom need each other.
    helpers = [writer.helper(index) for index in range(rng.choice([0, 0, 1, 1, 2]))]
    for more in (callables.mutual, callables.any_number, callables.taking):
        if rng.random() < 0.12:
            helpers.append(more(writer))
    main = writer.main(kinds)
    source = "\n".join([*helpers, main])
    calls = [tuple(argument(rng, ty) for ty in types) for _ in range(_CALLS)]
    return Program(source, types, calls, numpy=rng.random() < 0.15)


def argument(rng: random.Random, ty: str) -> Any:
    """A value of a type, often one at an edge."""
    if ty == "bool":
        return rng.random() < 0.5
    if "int" in ty:
        bits = int(ty.lstrip("uint"))
        low, high = (0, (1 << bits) - 1) if ty[0] == "u" else (-(1 << bits - 1), (1 << bits - 1) - 1)
        edges = [0, 1, 2, 3, 7, -1, -2, -5, low, low + 1, high, high - 1, rng.randint(low, high)]
        return rng.choice([edge for edge in edges if low <= edge <= high])
    if "float" in ty:
        return rng.choice([*_FLOATS, rng.uniform(-10, 10), float(rng.randint(-9, 9))])
    return complex(argument(rng, "float64"), argument(rng, "float64"))


class Writer:
    """Writes functions; what has been written can be called by what comes later."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.expressions = Expressions(rng)
        self.lines: list[str] = []
        self.left = 0

    def main(self, kinds: list[str]) -> str:
        """The function that is called from outside; it returns every variable."""
        params = [f"{kind}p{index}" for index, kind in enumerate(kinds)]
        names = [f"{self.rng.choice(KINDS)}{index}" for index in range(self.rng.randint(1, 4))]
        self.begin("main", params)
        if self.rng.random() < 0.3:
            self.closure(params)
        if self.rng.random() < 0.15:
            kind = self.rng.choice("ifuc")
            self.line(1, f"named = {callables.function(self.expressions, kind, 2)}")
            self.expressions.closures.append(("named", kind))
        for name in names:
            self.line(1, f"{name} = {self.expressions.expr(name[0], 2)}")
            self.expressions.names.append(name)
        self.result = f"({', '.join(names)}, )"
        self.left = self.rng.choice([1, 1, 1, 2, 2, 3, 4, 7])
        while self.left > 0:
            self.statement(1, 0)
        self.line(1, f"return {self.result}")
        self.expressions.closures.clear()
        return "\n".join(self.lines)

    def helper(self, index: int) -> str:
        """A function of one or two parameters; some call themselves."""
        kinds = [self.rng.choice("iufb") for _ in range(self.rng.randint(1, 2))]
        kind = self.rng.choice("iufbc")
        name = f"h{index}"
        recursive = self.rng.random() < 0.3
        params = [f"{each}p{at}" for at, each in enumerate(kinds)]
        default = None
        if not recursive and kinds[-1] != "u" and self.rng.random() < 0.5:
            default = {"i": "-3", "f": "0.75", "b": "True"}[kinds[-1]]
        self.begin(name, ["n", *params] if recursive else params, default)
        local = f"{kind}0"
        if recursive:
            base = self.expressions.expr(kind, 2)
            self.line(1, "if n <= 0:")
            self.line(2, f"return {base}")
            step = self.expressions.expr(kind, 1)
            join = {"i": "+", "u": "+", "f": "-", "b": "&", "c": "+"}[kind]
            self.line(1, f"return {name}(n - 1, {', '.join(params)}) {join} {step}")
        else:
            self.line(1, f"{local} = {self.expressions.expr(kind, 2)}")
            self.expressions.names.append(local)
            self.result = local
            self.left = self.rng.randint(0, 3)
            while self.left > 0:
                self.statement(1, 0)
            self.line(1, f"return {local}")
        self.expressions.helpers.append((name, kinds, kind, recursive, default is not None))
        return "\n".join(self.lines)

    def closure(self, params: list[str]) -> None:
        """A nested function that reads the parameters around it."""
        kind = self.rng.choice("if")
        self.line(1, f"def inner({kind}x):")
        names = self.expressions.names
        self.expressions.names = [*params, f"{kind}x"]
        self.line(2, f"return {self.expressions.expr(kind, 2)}")
        self.expressions.names = names
        self.expressions.closures.append(("inner", kind))

    def begin(self, name: str, params: list[str], default: str | None = None) -> None:
        """Begin a function; `default` is its last parameter's."""
        self.lines = [f"def {name}({', '.join(params)}{f'={default}' if default else ''}):"]
        self.params = params
        self.counter = 0
        self.expressions.names = list(params)
        self.expressions.params = params

    def line(self, depth: int, text: str) -> None:
        self.lines.append("    " * depth + text)

    def block(self, depth: int, looping: int) -> None:
        for _ in range(self.rng.randint(1, 3)):
            self.statement(depth, looping)

    def statement(self, depth: int, looping: int) -> None:
        """One statement, `looping` loops deep."""
        self.left -= 1
        rng, expressions = self.rng, self.expressions
        choices = ["assign"] * 6 + ["augment"] * 4 + ["unpack", "optional"]
        if depth < 5 and self.left > 0:
            choices += ["if"] * 4
            if looping < 3:
                choices += ["for"] * 3 + ["while"] * 2 + ["prange"] * (3 if looping == 0 else 1)
        choices += ["exit"] * (2 if looping else 1)
        match rng.choice(choices):
            case "assign":
                name = self.variable()
                self.line(depth, f"{name} = {expressions.expr(name[0], rng.randint(1, 3))}")
            case "augment":
                name = self.variable()
                if name[0] in "tv":
                    self.line(depth, f"{name} = {expressions.expr(name[0], 2)}")
                    return
                op, operand = expressions.augmentation(name[0])
                self.line(depth, f"{name} {op}= {operand}")
            case "unpack":
                pair = expressions.expr("t", 2)
                self.counter += 1
                names = [f"i{self.counter}x", f"f{self.counter}x"]
                self.line(depth, f"{', '.join(names)} = {pair}")
                # Known on this way alone: used at once.
                name = self.variable()
                if name[0] in "fc":
                    self.line(depth, f"{name} = {name} + {names[1]} * {names[0]}")
            case "optional":
                self.optional(depth)
            case "if":
                self.line(depth, f"if {expressions.test()}:")
                self.block(depth + 1, looping)
                if rng.random() < 0.3:
                    self.line(depth, f"elif {expressions.test()}:")
                    self.block(depth + 1, looping)
                if rng.random() < 0.5:
                    self.line(depth, "else:")
                    self.block(depth + 1, looping)
            case "for" | "while" as kind:
                loops.write(self, kind, depth, looping)
            case "prange":
                loops.write_parallel(self, depth, looping)
            case "exit":
                self.line(depth, f"if {expressions.test()}:")
                ways = ["return", "raise", "raise", "assert"] + ["break", "continue"] * (3 if looping else 0)
                self.leave(depth + 1, rng.choice(ways))

    def optional(self, depth: int) -> None:
        """A variable that is None on one way, and then a number again, or an exception."""
        self.counter += 1
        name, variable = f"o{self.counter}", self.variable()
        if variable[0] not in "iufc":
            self.line(depth, "pass")
            return
        first, then = "None", self.expressions.expr(variable[0], 2)
        if self.rng.random() < 0.3:
            first, then = then, first
        self.line(depth, f"{name} = {first}")
        self.line(depth, f"if {self.expressions.test()}:")
        self.line(depth + 1, f"{name} = {then}")
        if self.rng.random() < 0.3:
            self.line(depth, f"{variable} = {variable} - {name}")
            return
        self.line(depth, f"if {name} is not None:")
        self.line(depth + 1, f"{variable} = {variable} + {name}")
        if self.rng.random() < 0.5:
            self.line(depth, "else:")
            self.line(depth + 1, f"{variable} = {self.expressions.expr(variable[0], 1)}")
        self.line(depth, f"{variable} = {variable} if {name} is None else {variable} * {name}")

    def leave(self, depth: int, way: str) -> None:
        """A statement that goes away from here."""
        match way:
            case "return":
                self.line(depth, f"return {self.result}")
            case "raise":
                error = self.rng.choice(
                    ['ValueError("wrong", 3)', "IndexError", "KeyError(-1, 2.5)", "OverflowError()"]
                )
                self.line(depth, f"raise {error}")
            case "assert":
                self.line(depth, f'assert {self.expressions.test()}, "asserted"')
            case _:
                self.line(depth, way)

    def variable(self) -> str:
        """A variable that may be set; parameters are not."""
        names = [name for name in self.expressions.names if name not in self.params and name[0] in KINDS]
        names = [name for name in names if name not in self.expressions.frozen]
        if names:
            return self.rng.choice(names)
        self.counter += 1
        return f"i{self.counter}y"
