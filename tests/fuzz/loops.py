"""Loops of random programs: `for` over everything that can be iterated, `while`, and `prange` with its reductions.

Floats are accumulated in parallel only by terms whose sum or product is exact, and so the same in any order; a `min` or
`max` of them takes no NaN where the order would decide.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from generate import Writer


def write(writer: Writer, kind: str, depth: int, looping: int) -> None:
    """A serial loop, some with `else`."""
    rng, expressions = writer.rng, writer.expressions
    writer.counter += 1
    at = writer.counter
    known = list(expressions.names)
    if kind == "while":
        turns = f"i{at}w"
        writer.line(depth, f"{turns} = 0")
        expressions.names.append(turns)
        expressions.frozen.add(turns)
        bound = rng.randint(1, 5)
        test = rng.choice([f"{turns} < {bound} and {expressions.test()}", f"({turns} := {turns} + 1) < {bound}"])
        writer.line(depth, f"while {test}:")
        if ":=" not in test:
            writer.line(depth + 1, f"{turns} += 1")
    else:
        target, iterable = _iterable(writer, f"i{at}l")
        writer.line(depth, f"for {target} in {iterable}:")
        expressions.names += target.split(", ")
        expressions.frozen.update(target.split(", "))
    writer.block(depth + 1, looping + 1)
    expressions.names = known
    if rng.random() < 0.25:
        writer.line(depth, "else:")
        writer.block(depth + 1, looping)


def _iterable(writer: Writer, name: str) -> tuple[str, str]:
    rng, expressions = writer.rng, writer.expressions
    numbers = _range(writer)
    match rng.randint(0, 7):
        case 0:
            return name, f"reversed({numbers})"
        case 1:
            start = rng.choice(["", f", {expressions.leaf('i')}"])
            return f"{name}, {name}x", f"enumerate({numbers}{start})"
        case 2:
            return f"{name}, {name}x", f"zip({numbers}, {expressions.expr('v', 1)})"
        case 3:
            return name, expressions.expr("v", 1)
        case _:
            return name, numbers


def _range(writer: Writer) -> str:
    rng, expressions = writer.rng, writer.expressions
    start, step = rng.randint(-4, 4), rng.choice([1, 1, 2, 3, -1, -2])
    match rng.randint(0, 4):
        case 0:
            return f"range({rng.randint(0, 6)})"
        case 4:
            # The ends of `int64`, with a step that leads beyond them.
            return rng.choice(
                [
                    f"range(9223372036854775800, 9223372036854775807, {rng.randint(1, 9)})",
                    f"range(-9223372036854775800, -9223372036854775808, -{rng.randint(1, 9)})",
                    f"range(-9223372036854775808, 9223372036854775807, {rng.randint(4, 9)}000000000000000000)",
                ]
            )
        case 1:
            return f"range({expressions.expr('i', 1)} & 7)"
        case 2:
            return f"range({start}, {start} + {step} * {rng.randint(0, 5)}, {step})"
        case _:
            return f"range({start}, int64({expressions.expr('i', 1)}) % 7, {step if rng.random() < 0.8 else '-1'})"


def write_parallel(writer: Writer, depth: int, looping: int) -> None:
    """A `prange` loop: reductions, variables of each turn, conditions, inner loops and exceptions."""
    rng, expressions = writer.rng, writer.expressions
    writer.counter += 1
    at = writer.counter
    reductions = [_reduction(writer, f"{at}r{index}") for index in range(rng.randint(1, 3))]
    for name, start, _ in reductions:
        writer.line(depth, f"{name} = {start}")
    index = f"i{at}l"
    last = f"i{at}z" if rng.random() < 0.3 else None
    if last:
        writer.line(depth, f"{last} = -1")
    count = (
        rng.choice([0, 1, 3, 7, 7, 15, 30, 63, 65, rng.choice([255, 257, 513])]) if looping == 0 else rng.randint(0, 5)
    )
    bounds = rng.choice([f"{count}", f"-2, {count}, 3", f"{count}, -1, -1", f"({expressions.expr('i', 1)}) & 31"])
    writer.line(depth, f"for {index} in prange({bounds}):")
    known, frozen = list(expressions.names), set(expressions.frozen)
    expressions.names.append(index)
    # The variables around the loop can be read here, but carry nothing from turn to turn.
    expressions.frozen.update(expressions.names)
    if last:
        writer.line(depth + 1, f"{last} = {index} * 3")
        expressions.names.append(last)
    for count in range(rng.randint(0, 2)):
        kind = rng.choice("bifuc")
        name = f"{kind}{at}q{count}"
        writer.line(depth + 1, f"{name} = {expressions.expr(kind, 2)}")
        expressions.names.append(name)
    if rng.random() < 0.15:
        writer.line(depth + 1, f"if {index} == {rng.randint(0, 300)}:")
        writer.leave(depth + 2, "raise")
    if rng.random() < 0.2:
        writer.line(depth + 1, f"if {expressions.test()}:")
        writer.line(depth + 2, "continue")
    for _, _, term in reductions:
        here = depth + 1
        if rng.random() < 0.3:
            writer.line(here, f"if {expressions.test()}:")
            here += 1
        if rng.random() < 0.2:
            writer.line(here, f"for i{at}in in range({rng.randint(0, 3)}):")
            here += 1
        writer.line(here, term())
    expressions.names, expressions.frozen = known, frozen
    if depth == 1:
        _use(writer, depth, [name for name, _, _ in reductions] + ([last] if last else []))


def _use(writer: Writer, depth: int, names: list[str]) -> None:
    """What was accumulated goes into a variable that is returned."""
    for name in names:
        fitting = [other for other in writer.result.strip("(), ").split(", ") if other[0] == name[0]]
        if fitting:
            join = "^" if name[0] in "bi" else "+"
            writer.line(depth, f"{fitting[0]} = {fitting[0]} {join} {name}")
            continue
        floats = [other for other in writer.result.strip("(), ").split(", ") if other[0] in "fc"]
        if floats:
            writer.line(depth, f"{floats[0]} = {floats[0]} + {name}")


def _reduction(writer: Writer, suffix: str) -> tuple[str, str, Callable[[], str]]:
    """Name, start and a maker of the statement that accumulates."""
    rng, expressions = writer.rng, writer.expressions
    kind = rng.choice("iiiufffbc")
    name = f"{kind}{suffix}"

    def term(text: str) -> Callable[[], str]:
        return lambda: text.replace("@", name)

    if kind == "b":
        op, start = rng.choice([("and", "True"), ("or", "False"), ("&", "True"), ("|", "False"), ("^", "True")])
        # Nothing that raises: a turn does not know whether an earlier one has decided.
        return name, start, lambda: f"{name} = {name} {op} {expressions.quiet_test()}"
    if kind in "iu":
        op = rng.choice(["+", "-", "*", "&", "|", "^", "min", "max"])
        if op == "-" and kind == "u":
            op = "+"
        # Constants that are folded may be of the other sign, and what joins the two signs is a float.
        whole = "int64" if kind == "i" else "uint64"
        start = f"{whole}({expressions.expr(kind, 1)})"
        if op in ("min", "max"):
            order = rng.choice(["@, {}", "{}, @"])
            return name, start, lambda: f"{name} = {op}({order.replace('@', name).format(expressions.expr(kind, 2))})"
        if rng.random() < 0.3:
            return name, start, lambda: f"{name} = {name} {op} {whole}({expressions.expr(kind, 2)})"
        return name, start, lambda: f"{name} {op}= {whole}({expressions.expr(kind, 2)})"
    single = rng.random() < 0.3
    if kind == "c":
        whole = f"complex{'64' if single else '128'}"
        return name, f"{whole}(0.5)", lambda: f"{name} += {whole}(complex(({_whole(writer)}), 0.5))"
    float_ = "float32" if single else "float64"
    op = rng.choice(["+", "-", "*", "min", "max"])
    if op == "*":
        return name, f"{float_}(-1.5)", lambda: f"{name} *= {float_}(-1.0) if {expressions.test()} else {float_}(1.0)"
    if op in "+-":
        return (
            name,
            f"{float_}({rng.choice(['0.0', '-0.0', '2.5'])})",
            lambda: f"{name} {op}= {float_}({_whole(writer)}) * {float_}(0.5)",
        )
    if rng.random() < 0.5:
        return (
            name,
            f"{float_}({expressions.expr('f', 1)})",
            lambda: f"{name} = {op}({name}, {expressions.expr('f', 2)})",
        )
    zero = f"math.copysign(float64({_whole(writer)} >> 1), {expressions.expr('f', 1)} )"
    return name, f"{float_}(-0.0)", term(f"@ = {op}({float_}({zero}), @)")


def _whole(writer: Writer) -> str:
    """A small integer, so that sums of it are exact."""
    return f"(({writer.expressions.expr('i', 1)}) & 7)"
