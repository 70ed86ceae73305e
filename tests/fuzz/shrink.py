"""Making a program that differs smaller, as long as it still differs.

Greedy: a statement is left out or replaced by its body, an expression by one of its parts or by a literal; a call that
is not needed is dropped. What is no program any more is refused by the oracle, and then something else is tried.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator
from dataclasses import replace

import check
from generate import Program
from values import IllTyped

_MOST_STEPS = 3000


def shrink(program: Program, configurations: list[check.Configuration]) -> tuple[Program, str]:
    """The smallest program found, and how it differs."""
    mismatch = differs(program, configurations)
    if mismatch is None:
        return program, "it did not differ again"
    # One configuration and one call say enough, if there is one of each that does.
    for configuration in configurations:
        for call in program.calls:
            single = replace(program, calls=[call])
            if found := differs(single, [configuration]):
                return _smaller(single, [configuration], found)
    return _smaller(program, configurations, mismatch)


def differs(program: Program, configurations: list[check.Configuration]) -> str | None:
    """How a program differs; none if it does not, or is none."""
    try:
        check.check(program, check.expected(program), configurations)
    except check.Mismatch as mismatch:
        return str(mismatch)
    except (IllTyped, SyntaxError):
        return None
    return None


def _smaller(program: Program, configurations: list[check.Configuration], mismatch: str) -> tuple[Program, str]:
    refused = "TypingError" in mismatch or "UnsupportedError" in mismatch
    steps, improved = 0, True
    while improved and steps < _MOST_STEPS:
        improved = False
        for candidate in _candidates(program.source):
            steps += 1
            found = differs(replace(program, source=candidate), configurations)
            # A refusal is another fault than a wrong result; one must not become the other on the way.
            if found and ("TypingError" in found or "UnsupportedError" in found) == refused:
                program, mismatch, improved = replace(program, source=candidate), found, True
                break
            if steps >= _MOST_STEPS:
                break
    return program, mismatch


def _candidates(source: str) -> Iterator[str]:
    """Programs that are one step smaller, the boldest steps first."""
    tree = ast.parse(source)
    for index, path in enumerate(_blocks(tree)):
        for at in range(len(path)):
            smaller = copy.deepcopy(tree)
            block = list(_blocks(smaller))[index]
            stmt = block[at]
            block[at : at + 1] = []
            if block:
                yield ast.unparse(smaller)
            if isinstance(stmt, (ast.If, ast.For, ast.While)):
                block[at:at] = stmt.body
                yield ast.unparse(smaller)
    expressions = list(_expressions(tree))
    for index, (_, _, _, node) in enumerate(expressions):
        for replacement in _parts(node):
            smaller = copy.deepcopy(tree)
            parent, field, place, _ = list(_expressions(smaller))[index]
            if place is None:
                setattr(parent, field, replacement)
            else:
                getattr(parent, field)[place] = replacement
            yield ast.unparse(ast.fix_missing_locations(smaller))


def _blocks(tree: ast.AST) -> Iterator[list[ast.stmt]]:
    for node in ast.walk(tree):
        for field in ("body", "orelse"):
            block = getattr(node, field, None)
            if isinstance(block, list) and block:
                yield block


def _expressions(tree: ast.AST) -> Iterator[tuple[ast.AST, str, int | None, ast.expr]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Raise):
            continue
        for field, value in ast.iter_fields(node):
            if field in ("func", "target", "targets", "msg", "slice"):
                continue
            if isinstance(value, ast.expr):
                yield node, field, None, value
            elif isinstance(value, list):
                for at, item in enumerate(value):
                    if isinstance(item, ast.expr):
                        yield node, field, at, item


def _parts(node: ast.expr) -> Iterator[ast.expr]:
    if isinstance(node, (ast.Constant, ast.Name)):
        if not (isinstance(node, ast.Constant) and node.value in (0, 1)):
            yield ast.Constant(1)
        return
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.expr) and not (isinstance(node, ast.Call) and child is node.func):
            yield child
    yield ast.Constant(1)
