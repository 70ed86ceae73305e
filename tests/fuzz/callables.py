"""Functions of random programs that are more than a name and its parameters.

They take functions, are lambdas, call each other, or take any number of arguments.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from expressions import Expressions
    from generate import Writer


def taking(writer: Writer) -> str:
    """A function `g0` that calls its first argument."""
    kind = writer.rng.choice("ifuc")
    at = f"{kind}p0"
    local = f"{kind}0"
    body = writer.rng.choice(
        [
            f"    return f({at})",
            f"    return f(f({at}))",
            f"    {local} = {at}\n    for _ in range(2):\n        {local} = {local} + f({at})\n    return {local}",
        ]
    )
    writer.expressions.taking.append(("g0", kind))
    return f"def g0(f, {at}):\n{body}"


def call_taking(expressions: Expressions, name: str, kind: str, depth: int) -> str:
    """A call of such a function, with a lambda or another function."""
    fitting = [
        function
        for function, kinds, result, recursive, default in expressions.helpers
        if kinds == [kind] and result == kind and not recursive and not default
    ]
    if fitting and expressions.rng.random() < 0.4:
        argument = expressions.rng.choice(fitting)
    else:
        argument = function(expressions, kind, depth)
    return f"{name}({argument}, {expressions.expr(kind, depth - 1)})"


def function(expressions: Expressions, kind: str, depth: int) -> str:
    """A lambda of one parameter, which reads parameters around it too: they are never set again."""
    expressions.lambdas += 1
    param = f"{kind}z{expressions.lambdas}"
    names, params = expressions.names, expressions.params
    expressions.names = [*params, *expressions.outer, param]
    expressions.outer.append(param)
    body = expressions.expr(kind, depth)
    expressions.outer.pop()
    expressions.names = names
    return f"lambda {param}: {body}"


def mutual(writer: Writer) -> str:
    """Two functions, `m0` and `m1`, that call each other."""
    rng, expressions = writer.rng, writer.expressions
    param, kind = rng.choice("iufb"), rng.choice("iufc")
    parts = []
    for name, other in (("m0", "m1"), ("m1", "m0")):
        writer.begin(name, ["n", f"{param}p0"])
        base, step = expressions.expr(kind, 2), expressions.expr(kind, 1)
        join = {"i": "+", "u": "+", "f": "-", "c": "+"}[kind]
        writer.line(1, "if n <= 0:")
        writer.line(2, f"return {base}")
        writer.line(1, f"return {other}(n - 1, {param}p0) {join} {step}")
        parts.append("\n".join(writer.lines))
    expressions.helpers += [(name, [param], kind, True, False) for name in ("m0", "m1")]
    return "\n".join(parts)


def any_number(writer: Writer) -> str:
    """A function `s0` of one argument or more, and `s1` that hands on what it is given."""
    rng = writer.rng
    body = rng.choice(
        ["ip0 + sum(rest)", "ip0 * len(rest) - sum(rest)", "(rest + (ip0,))[0] ^ ip0", "min(ip0, 3, *rest)"]
    )
    writer.expressions.any_number = True
    return f"def s0(ip0, *rest):\n    return {body}\ndef s1(*rest):\n    return s0(*rest) - len(rest)"


def call_any_number(expressions: Expressions, depth: int) -> str:
    """A call of one of them."""
    rng = expressions.rng
    parts = [expressions.expr(rng.choice("iib"), depth - 1) for _ in range(rng.randint(1, 3))]
    if rng.random() < 0.5:
        parts.insert(rng.randint(1, len(parts)), f"*{expressions.expr('v', depth - 1)}")
    return f"{rng.choice(['s0', 's1'])}({', '.join(parts)})"
