"""What a program of the compiled language means: CPython runs its control flow, `values` and `functions` the rest.

A function is translated, for the types of its arguments, into Python whose every operation is a call of one that
wraps and rounds as the types say. The types are inferred as docs/reference/typing.md has it: a variable takes one type
where two ways meet, which is found by going around each loop until nothing widens. Since a type only ever widens, it is
enough to convert a variable where it is read.
"""

from __future__ import annotations

import ast
import builtins
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import functions
from values import COMPLEXES, FLOATS, INTEGERS, SCALARS, IllTyped, Type, binary, convert, converter, integer, unify

Env = dict[str, Type] | None

_BINARY = {
    ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.FloorDiv: "//", ast.Mod: "%", ast.Pow: "**",
    ast.LShift: "<<", ast.RShift: ">>", ast.BitAnd: "&", ast.BitOr: "|", ast.BitXor: "^",
}  # fmt: skip
_COMPARE = {
    ast.Eq: "==", ast.NotEq: "!=", ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=", ast.In: "in",
    ast.NotIn: "not in",
}  # fmt: skip
_ROUNDS = 20
_TURNS = 5000


class Oracle:
    """A program: its functions, translated for the types that they are called with."""

    def __init__(self, source: str) -> None:
        self.functions = {node.name: node for node in ast.parse(source).body if isinstance(node, ast.FunctionDef)}
        self.returns: dict[Any, Type] = {}
        self.names: dict[Any, str] = {}
        self.begun: set[Any] = set()
        self.recursive = False
        self.code: list[str] = []
        self.turns = 0
        self.namespace: dict[str, Any] = {"_turn": self.turn}
        self.constants: dict[Any, str] = {}

    def function(self, name: str, types: tuple[Type, ...]) -> Callable[..., Any]:
        """The function for arguments of these types, which takes and returns values of the types exactly."""
        if name not in self.functions:
            raise IllTyped(f"no function {name}")
        for _ in range(_ROUNDS):
            before = dict(self.returns)
            self.begun.clear()
            self.code.clear()
            self.recursive = False
            self.instance(self.functions[name], types, {})
            if not self.recursive or before == self.returns:
                break
        else:
            raise IllTyped("the types never settle")
        exec("\n".join(self.code), self.namespace)
        function = self.namespace[self.names[(name, types, ())]]

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

    def instance(self, node: ast.FunctionDef, types: tuple[Type, ...], captured: dict[str, Type]) -> tuple[str, Type]:
        """The Python name and the result's type of a function for types; `captured` come behind the parameters."""
        key = (node.name, types, tuple(captured.items()))
        if key not in self.begun:
            self.begun.add(key)
            name = self.names.setdefault(key, f"_{node.name}_{len(self.names)}")
            params = [arg.arg for arg in node.args.args]
            if len(params) != len(types):
                raise IllTyped(f"{node.name} takes {len(params)}")
            translation = Translation(self, dict(zip(params, types)) | captured)
            translation.function(name, [*params, *captured], node)
            self.returns[key] = unify(self.returns.get(key), translation.ret)
            self.code += translation.finished(self.returns[key])
            self.recursive |= translation.recursive
        elif self.returns.get(key) is None:
            self.recursive = True
        return self.names[key], self.returns.get(key)

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


class Translation:
    """One function for one choice of types; `lines` is the Python that it became."""

    def __init__(self, oracle: Oracle, env: dict[str, Type]) -> None:
        self.oracle = oracle
        self.params = set(env)
        self.env: Env = env
        self.lines: list[str] = []
        self.ret: Type = None
        self.recursive = False
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
            case ast.Return(value=ast.expr()):
                code, ty = self.expr(node.value)
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
                # What is wrong in it is told even if it is never called.
                for part in ast.walk(node):
                    if isinstance(part, ast.expr) and (value := folded(part)) is not None:
                        literal(value)
            case ast.Pass():
                pass
            case ast.Expr():
                code, _ = self.expr(node.value)
                self.line(depth, code)
            case _:
                raise IllTyped(ast.unparse(node))

    def bind(self, target: ast.expr, ty: Type) -> None:
        if isinstance(target, ast.Name):
            self.env[target.id] = ty
            return
        if not isinstance(target, ast.Tuple) or not isinstance(ty, tuple) or len(ty) != len(target.elts):
            raise IllTyped("unpacking")
        for part, part_type in zip(target.elts, ty):
            self.bind(part, part_type)

    def loop(self, node: ast.While | ast.For, depth: int) -> None:
        if isinstance(node, ast.For):
            iterable, element = self.iterable(node.iter)
        start, head = len(self.lines), self.copy()
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

    def iterable(self, node: ast.expr) -> tuple[str, Type]:
        match node:
            case ast.Call(func=ast.Name(id="range" | "prange"), args=args):
                parts = [self.expr(arg) for arg in args]
                if not all(ty == "int64" for _, ty in parts):
                    raise IllTyped("a range of other numbers")
                return f"range({', '.join(code for code, _ in parts)})", "int64"
            case ast.Call(func=ast.Name(id="reversed"), args=[arg]):
                code, element = self.iterable(arg)
                return f"reversed({code})", element
            case ast.Call(func=ast.Name(id="enumerate"), args=[arg, *start]):
                code, element = self.iterable(arg)
                counts = self.expr(start[0])[0] if start else "0"
                return f"{self.oracle.constant('enumerate', enumerated)}({code}, {counts})", ("int64", element)
            case ast.Call(func=ast.Name(id="zip"), args=args):
                parts = [self.iterable(arg) for arg in args]
                return f"zip({', '.join(code for code, _ in parts)})", tuple(element for _, element in parts)
            case _:
                code, ty = self.expr(node)
                if not isinstance(ty, tuple) or len(set(ty)) != 1:
                    raise IllTyped("iteration")
                return code, ty[0]

    def truth(self, node: ast.expr) -> tuple[str, Type]:
        """A condition. Of one that it knows, the compiler leaves out the other way and its types."""
        callees = {part.func for part in ast.walk(node) if isinstance(part, ast.Call)}
        if not any(isinstance(part, ast.Name) and part not in callees for part in ast.walk(node)):
            raise IllTyped("a condition that is known")
        return self.expr(node)

    def expr(self, node: ast.expr) -> tuple[str, Type]:
        if isinstance(node, (ast.BinOp, ast.UnaryOp)) and (value := folded(node)) is not None:
            return f"({value})", literal(value)
        match node:
            case ast.Constant(value=value):
                return repr(value), literal(value)
            case ast.Name(id=name):
                if self.env is None or name not in self.env:
                    raise IllTyped(f"{name} may be unset")
                ty = self.env[name]
                # It may have been set while it was narrower.
                code = name if name in self.params or ty is None else self.oracle.converted(name, "?", ty)
                return code, ty
            case ast.BinOp():
                (a, left), (b, right) = self.expr(node.left), self.expr(node.right)
                op = _BINARY[type(node.op)]
                if left is None or right is None:
                    return f"({a}, {b})", None
                ty, function = binary(op, left, right)
                return f"{self.oracle.constant((op, left, right), function)}({a}, {b})", ty
            case ast.UnaryOp():
                return self.unary(node)
            case ast.Compare():
                return self.compare(node)
            case ast.BoolOp(values=values):
                typed = [*map(self.truth, values[:-1]), self.expr(values[-1])]
                ty = None
                for _, part in typed:
                    ty = unify(ty, part)
                word = " and " if isinstance(node.op, ast.And) else " or "
                return f"({word.join(self.oracle.converted(code, part, ty) for code, part in typed)})", ty
            case ast.IfExp():
                (test, _), (a, left), (b, right) = self.truth(node.test), self.expr(node.body), self.expr(node.orelse)
                ty = unify(left, right)
                return (
                    f"({self.oracle.converted(a, left, ty)} if {test} else {self.oracle.converted(b, right, ty)})",
                    ty,
                )
            case ast.Tuple(elts=elts):
                typed = [self.expr(elt) for elt in elts]
                ty = tuple(ty for _, ty in typed)
                return f"({''.join(code + ', ' for code, _ in typed)})", None if None in ty else ty
            case ast.Subscript():
                return self.subscript(node)
            case ast.Attribute(value=value, attr="real" | "imag" as attr):
                code, ty = self.expr(value)
                if ty not in COMPLEXES:
                    raise IllTyped("a part of no complex number")
                return f"{code}.{attr}", "float32" if ty == "complex64" else "float64"
            case ast.NamedExpr(target=ast.Name(id=name), value=value):
                code, ty = self.expr(value)
                self.env[name] = ty
                return f"({name} := {code})", ty
            case ast.Call(keywords=[]):
                return self.call(node)
        raise IllTyped(ast.unparse(node))

    def unary(self, node: ast.UnaryOp) -> tuple[str, Type]:
        code, ty = self.expr(node.operand)
        if isinstance(node.op, ast.Not):
            return f"(not {code})", "bool"
        if ty is None:
            return code, None
        sign = {ast.UAdd: "+", ast.USub: "-", ast.Invert: "~"}[type(node.op)]
        if sign == "~" and ty == "bool":
            return f"(not {code})", ty
        if ty == "bool" or ty in INTEGERS:
            wide = integer(ty)
            return self.oracle.converted(f"({sign}{code})", "?", wide), wide
        if ty not in (*FLOATS, *COMPLEXES) or sign == "~":
            raise IllTyped(f"{sign}{ty}")
        return f"({sign}{code})", ty

    def compare(self, node: ast.Compare) -> tuple[str, Type]:
        self.fresh += 1
        left, left_type = self.expr(node.left)
        links = []
        for index, (op, operand) in enumerate(zip(node.ops, node.comparators)):
            right, right_type = self.expr(operand)
            name = f"_c{self.fresh}_{index}"
            op_name = _COMPARE[type(op)]
            if left_type is None or right_type is None:
                function = None
            else:
                function = functions.compare(op_name, left_type, right_type)
            constant = self.oracle.constant((op_name, left_type, right_type), function)
            links.append(f"{constant}({left}, {name} := {right})")
            left, left_type = name, right_type
        return f"({' and '.join(links)})", "bool"

    def subscript(self, node: ast.Subscript) -> tuple[str, Type]:
        code, ty = self.expr(node.value)
        if not isinstance(ty, tuple):
            raise IllTyped("an index of no tuple")
        if isinstance(node.slice, ast.Slice):
            text = ast.unparse(node.slice)
            if any(isinstance(part, ast.Name) for part in ast.walk(node.slice)):
                raise IllTyped("a slice that is not known")
            return f"{code}[{text}]", eval(f"ty[{text}]", {"ty": ty})
        try:
            index = ast.literal_eval(node.slice)
        except ValueError:
            at, at_type = self.expr(node.slice)
            if at_type != "int64" or len(set(ty)) != 1:
                raise IllTyped("an index") from None
            return f"{code}[{at}]", ty[0]
        if not -len(ty) <= index < len(ty):
            raise IllTyped("an index beyond the end")
        return f"{code}[{index}]", ty[index]

    def call(self, node: ast.Call) -> tuple[str, Type]:
        typed = [self.expr(arg) for arg in node.args]
        codes, types = [code for code, _ in typed], [ty for _, ty in typed]
        name = ast.unparse(node.func)
        captured: dict[str, Type] = {}
        function = self.oracle.functions.get(name)
        if name in self.nested:
            function = self.nested[name]
            inner = {arg.arg for arg in function.args.args}
            free = {part.id for part in ast.walk(function) if isinstance(part, ast.Name)} - inner
            captured = {free_name: self.env[free_name] for free_name in sorted(free & self.params)}
        if None in types:
            return f"({', '.join(codes)})", None
        if function is not None:
            python, ty = self.oracle.instance(function, tuple(types), captured)
            return f"{python}({', '.join([*codes, *captured])})", ty
        name = name.removeprefix("ungil.")
        if not name.startswith("math.") and name not in SCALARS and not hasattr(builtins, name):
            raise IllTyped(name)
        ty, made = functions.call(name, types)
        return f"{self.oracle.constant((name, *types), made)}({', '.join(codes)})", ty

    def copy(self) -> Env:
        return dict(self.env) if self.env is not None else None


def enumerated(iterable: Iterable[Any], start: int) -> Iterator[tuple[int, Any]]:
    """`enumerate`, whose counter wraps."""
    return ((convert(number, "int64"), element) for number, element in enumerate(iterable, start))


def literal(value: Any) -> Type:
    """The type of a literal."""
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int):
        if not -(1 << 63) <= value < 1 << 64:
            raise IllTyped("an integer of more than 64 bits")
        return "int64" if value < 1 << 63 else "uint64"
    if isinstance(value, (float, complex)):
        return "float64" if isinstance(value, float) else "complex128"
    raise IllTyped(repr(value))


def folded(node: ast.expr) -> int | None:
    """The value of integer literals joined by operators, which CPython computes in advance and in full; else none."""
    match node:
        case ast.Constant(value=int(value)) if not isinstance(value, bool):
            return value
        case ast.UnaryOp(op=ast.USub() | ast.UAdd() | ast.Invert(), operand=operand):
            parts = [folded(operand)]
        case ast.BinOp(left=left, right=right, op=op) if not isinstance(op, ast.Div):
            parts = [folded(left), folded(right)]
            if None not in parts and isinstance(op, (ast.Pow, ast.LShift)) and not 0 <= parts[1] < 128:
                raise IllTyped("a literal power that is no integer of the language")
        case _:
            return None
    if None in parts:
        return None
    try:
        value = eval(ast.unparse(node), {})
    except (ZeroDivisionError, ValueError):
        return None
    if abs(value) >> 126:
        raise IllTyped("an integer beyond what is folded")
    return value


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
