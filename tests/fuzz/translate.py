"""Statements of a function as statements of Python, and the types of its variables.

The types are inferred as docs/reference/typing.md has it: a variable takes one type where two ways meet, which is found
by going around each loop until nothing widens. Since a type only ever widens, it is enough to convert a variable where
it is read.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from typed import Env, Typed, check_literals
from values import IllTyped, Type, converter, unify

if TYPE_CHECKING:
    from oracle import Oracle

_ROUNDS = 20


class Translation(Typed):
    """One function for one choice of types; `lines` is the Python that it became."""

    def __init__(self, oracle: Oracle, env: dict[str, Type], numpy: bool) -> None:
        self.oracle = oracle
        self.params = set(env)
        self.numpy = numpy
        self.env: Env = env
        self.lines: list[str] = []
        self.ret: Type = None
        self.nested: dict[str, ast.FunctionDef] = {}
        # Of each loop around: what is known where it is left, and where its next turn begins.
        self.loops: list[tuple[list[Env], list[Env]]] = []
        self.fresh = 0

    def function(self, name: str, params: list[str], node: ast.FunctionDef) -> None:
        self.lines.append(f"def {name}({', '.join(params)}):")
        self.block(node.body, 1)
        if self.env is not None:
            raise IllTyped("a way to the end without `return`")

    def finished(self, ret: Type) -> list[str]:
        """The lines; every `return` converts to the type of all."""
        convert_ret = self.oracle.constant(("convert", ret), converter(ret))
        return [line.replace("return @", f"return {convert_ret}") for line in self.lines]

    def block(self, body: list[ast.stmt], depth: int) -> None:
        start = len(self.lines)
        for stmt in body:
            if self.env is None:
                break
            self.stmt(stmt, depth)
        if len(self.lines) == start:
            self.line(depth, "pass")

    def line(self, depth: int, text: str) -> None:
        self.lines.append(" " * depth + text)

    def stmt(self, node: ast.stmt, depth: int) -> None:
        match node:
            case ast.Assign(targets=[target]):
                code, ty = self.expr(node.value)
                self.line(depth, f"{ast.unparse(target)} = {code}")
                self.bind(target, ty)
            case ast.AugAssign(target=ast.Name(id=name)):
                value = ast.BinOp(ast.Name(name), node.op, node.value)
                code, ty = self.expr(value)
                self.line(depth, f"{name} = {code}")
                self.bind(node.target, ty)
            case ast.If():
                test, _ = self.truth(node.test)
                self.line(depth, f"if {test}:")
                before = self.copy()
                self.block(node.body, depth + 1)
                then, self.env = self.env, before
                if node.orelse:
                    self.line(depth, "else:")
                    self.block(node.orelse, depth + 1)
                self.env = merge(then, self.env)
            case ast.While() | ast.For():
                self.loop(node, depth)
            case ast.Break() | ast.Continue():
                if not self.loops:
                    raise IllTyped("a jump outside of a loop")
                self.loops[-1][isinstance(node, ast.Continue)].append(self.env)
                self.env = None
                self.line(depth, "break" if isinstance(node, ast.Break) else "continue")
            case ast.Return(value=ast.expr() as returned):
                code, ty = self.expr(returned)
                self.ret = unify(self.ret, ty)
                self.line(depth, f"return @({code})")
                self.env = None
            case ast.Raise():
                self.line(depth, ast.unparse(node))
                self.env = None
            case ast.Assert():
                test, _ = self.truth(node.test)
                message = f", {ast.unparse(node.msg)}" if node.msg else ""
                self.line(depth, f"assert {test}{message}")
            case ast.FunctionDef():
                self.nested[node.name] = node
                check_literals(node)
            case ast.Pass():
                pass
            case ast.Expr():
                code, _ = self.expr(node.value)
                self.line(depth, code)
            case _:
                raise IllTyped(ast.unparse(node))

    def bind(self, target: ast.expr, ty: Type) -> None:
        if isinstance(target, ast.Name):
            self.here()[target.id] = ty
            return
        if not isinstance(target, ast.Tuple) or not isinstance(ty, tuple) or len(ty) != len(target.elts):
            raise IllTyped("unpacking")
        for part, part_type in zip(target.elts, ty):
            self.bind(part, part_type)

    def loop(self, node: ast.While | ast.For, depth: int) -> None:
        if isinstance(node, ast.For):
            iterable, element = self.iterable(node.iter)
        start, head = len(self.lines), dict(self.here())
        for _ in range(_ROUNDS):
            del self.lines[start:]
            self.env = dict(head)
            if isinstance(node, ast.While):
                test, _ = self.truth(node.test)
                self.line(depth, f"while {test}:")
                # A walrus in the test has been set when the loop ends.
                exhausted = self.copy()
            else:
                self.line(depth, f"for {ast.unparse(node.target)} in {iterable}:")
                self.bind(node.target, element)
                exhausted = dict(head)
            self.loops.append(([], []))
            self.line(depth + 1, "_turn()")
            self.block(node.body, depth + 1)
            left, turns = self.loops.pop()
            again = head
            for turn in [*turns, self.env]:
                again = widened(again, turn)
            if again == head:
                break
            head = again
        else:
            raise IllTyped("a loop whose types never settle")
        # A name that is new behind the loop is bound there only if every way binds it; then it is of no interest.
        self.env = exhausted
        if node.orelse:
            self.line(depth, "else:")
            self.block(node.orelse, depth + 1)
        for env in left:
            self.env = merge(self.env, env)

    def copy(self) -> Env:
        return dict(self.env) if self.env is not None else None


def merge(a: Env, b: Env) -> Env:
    """What is known where two ways meet; a name that only one binds is not used behind."""
    if a is None or b is None:
        return a if b is None else b
    return {name: unify(ty, b[name]) for name, ty in a.items() if name in b}


def widened(head: dict[str, Type], turn: Env) -> dict[str, Type]:
    """The types at the head of a loop once a turn that ends so leads back to it."""
    if turn is None:
        return head
    return {name: unify(ty, turn[name]) if name in turn else ty for name, ty in head.items()}
