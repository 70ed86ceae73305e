"""What a program of the compiled language means: CPython runs its control flow, `values` and `functions` the rest.

A function is translated, for the types of its arguments, into Python whose every operation is a call of one that
wraps and rounds as the types say (`translate`, `typed`).
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any

from translate import Translation
from values import IllTyped, Type, converter, unify

_ROUNDS = 20
_TURNS = 5000


class Oracle:
    """A program: its functions, translated for the types that they are called with."""

    def __init__(self, source: str) -> None:
        self.functions = {node.name: node for node in ast.parse(source).body if isinstance(node, ast.FunctionDef)}
        self.returns: dict[Any, Type] = {}
        self.names: dict[Any, str] = {}
        self.begun: set[Any] = set()
        # Those that are being translated.
        self.open: set[Any] = set()
        self.recursive = False
        self.code: list[str] = []
        self.turns = 0
        self.lambdas: dict[ast.Lambda, ast.FunctionDef] = {}
        self.namespace: dict[str, Any] = {"_turn": self.turn}
        self.constants: dict[Any, str] = {}

    def function(self, name: str, types: tuple[Type, ...], numpy: bool) -> Callable[..., Any]:
        """The function for arguments of these types, which takes and returns values of the types exactly.

        With `numpy`, under NumPy's error model.
        """
        if name not in self.functions:
            raise IllTyped(f"no function {name}")
        for _ in range(_ROUNDS):
            before = dict(self.returns)
            self.begun.clear()
            self.code.clear()
            self.recursive = False
            self.instance(self.functions[name], types, {}, numpy)
            if not self.recursive or before == self.returns:
                break
        else:
            raise IllTyped("the types never settle")
        exec("\n".join(self.code), self.namespace)
        function = self.namespace[self.names[(name, types, (), numpy)]]

        def call(*args: Any) -> Any:
            self.turns = 0
            try:
                return function(*args)
            except RecursionError:
                raise IllTyped("a recursion without end") from None

        return call

    def turn(self) -> None:
        """Each turn of a loop calls this, so that no program runs for long."""
        self.turns += 1
        if self.turns > _TURNS:
            raise IllTyped("a program that runs for long")

    def instance(
        self, node: ast.FunctionDef, types: tuple[Type, ...], captured: dict[str, Type], numpy: bool
    ) -> tuple[str, Type]:
        """The Python name and the result's type of a function for types; `captured` come behind the parameters."""
        # Of what is compiled with options of its own (see `check.compile_`) the caller's do not matter.
        numpy = numpy and not decorated(node.name)
        key = (node.name, types, tuple(captured.items()), numpy)
        if key not in self.begun:
            self.begun.add(key)
            self.open.add(key)
            name = self.names.setdefault(key, f"_{node.name}_{len(self.names)}")
            params = [arg.arg for arg in [*node.args.args, *([node.args.vararg] if node.args.vararg else [])]]
            if len(params) != len(types):
                raise IllTyped(f"{node.name} takes {len(params)}")
            translation = Translation(self, dict(zip(params, types)) | captured, numpy)
            translation.function(name, [*params, *captured], node)
            self.returns[key] = unify(self.returns.get(key), translation.ret)
            self.code += translation.finished(self.returns[key])
            self.open.remove(key)
        elif key in self.open:
            # Whoever calls it here does so with what is known so far; if that changes, everything is done again.
            self.recursive = True
        return self.names[key], self.returns.get(key)

    def lambda_(self, node: ast.Lambda) -> ast.FunctionDef:
        """A lambda as a function, each time the same."""
        if node not in self.lambdas:
            name = f"lambda_{len(self.lambdas)}"
            self.lambdas[node] = ast.FunctionDef(name, node.args, [ast.Return(node.body)], [])
        return self.lambdas[node]

    def constant(self, key: Any, value: Any) -> str:
        """A global name of `value`, the same for the same key."""
        name = self.constants.setdefault(key, f"_k{len(self.constants)}")
        self.namespace[name] = value
        return name

    def converted(self, code: str, ty: Type, to: Type) -> str:
        """`code` of type `ty` as one of type `to`."""
        if ty == to or ty is None:
            return code
        return f"{self.constant(('convert', to), converter(to))}({code})"


def decorated(name: str) -> bool:
    """Whether the function of a program with that name has a decorator of its own, without options."""
    return name == "h1"
