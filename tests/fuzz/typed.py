"""Expressions of a function as expressions of Python, and their types."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import direct
import functions
from values import (
    COMPLEXES,
    FLOATS,
    INTEGERS,
    SCALARS,
    Function,
    IllTyped,
    Optional,
    Type,
    binary,
    convert,
    integer,
    unify,
)

if TYPE_CHECKING:
    from oracle import Oracle

Env = dict[str, Type] | None

_BINARY = {
    ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.FloorDiv: "//", ast.Mod: "%", ast.Pow: "**",
    ast.LShift: "<<", ast.RShift: ">>", ast.BitAnd: "&", ast.BitOr: "|", ast.BitXor: "^",
}  # fmt: skip
_COMPARE = {
    ast.Eq: "==", ast.NotEq: "!=", ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=", ast.In: "in",
    ast.NotIn: "not in",
}  # fmt: skip


class Typed:
    """Translates expressions where they stand: `env` tells the types of the variables there."""

    oracle: Oracle
    env: Env
    params: set[str]
    nested: dict[str, ast.FunctionDef]
    fresh: int
    # Whether the error model is NumPy's.
    numpy: bool

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

    def here(self) -> dict[str, Type]:
        """The types of the variables, where a statement can be reached."""
        if self.env is None:
            raise IllTyped("code that is never reached")
        return self.env

    def truth(self, node: ast.expr) -> tuple[str, Type]:
        """A condition. Of one that it knows, the compiler leaves out the other way and its types."""
        if not depends(node):
            raise IllTyped("a condition that is known")
        return self.expr(node)

    def expr(self, node: ast.expr) -> tuple[str, Type]:
        if isinstance(node, (ast.BinOp, ast.UnaryOp)) and (known := folded(node)) is not None:
            return f"({known})", literal(known)
        match node:
            case ast.Constant(value=constant):
                return repr(constant), literal(constant)
            case ast.Lambda():
                inner = self.oracle.lambda_(node)
                check_literals(inner)
                captured = self.captured(inner)
                return f"({''.join(name + ', ' for name in captured)})", Function(inner, tuple(captured.items()))
            case ast.Name(id=name) if name in self.oracle.functions and name not in (self.env or {}):
                return "()", Function(self.oracle.functions[name], ())
            case ast.Name(id=name):
                if self.env is None or name not in self.env:
                    raise IllTyped(f"{name} may be unset")
                ty = self.env[name]
                # It may have been set while it was narrower.
                return name if name in self.params or ty is None else direct.widened(self.oracle, name, ty), ty
            case ast.BinOp():
                (a, left), (b, right) = self.expr(node.left), self.expr(node.right)
                op = _BINARY[type(node.op)]
                (a, left), (b, right) = self.present(a, left), self.present(b, right)
                if left is None or right is None:
                    return f"({a}, {b})", None
                ty, function = binary(op, left, right, self.numpy)
                if code := direct.binary(op, a, left, b, right, ty):
                    return code, ty
                return f"{self.oracle.constant((op, left, right, self.numpy), function)}({a}, {b})", ty
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
            case ast.Attribute(value=ast.Name(id="math"), attr="inf" | "nan" as attr):
                return self.oracle.constant(attr, float(attr)), "float64"
            case ast.Attribute(value=value, attr="real" | "imag" as attr):
                code, ty = self.expr(value)
                if ty not in COMPLEXES:
                    raise IllTyped("a part of no complex number")
                return f"{code}.{attr}", "float32" if ty == "complex64" else "float64"
            case ast.NamedExpr(target=ast.Name(id=name), value=value):
                code, ty = self.expr(value)
                self.here()[name] = ty
                return f"({name} := {code})", ty
            case ast.Call():
                return self.call(node)
        raise IllTyped(ast.unparse(node))

    def present(self, code: str, ty: Type) -> tuple[str, Type]:
        """A value that may be `None` as an operand."""
        if not isinstance(ty, Optional):
            return code, ty

        def value(x: Any) -> Any:
            if x is None:
                raise TypeError(f"expected {ty.ty}, got None")
            return x

        return f"{self.oracle.constant(('present', ty.ty), value)}({code})", ty.ty

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
        if isinstance(node.ops[0], (ast.Is, ast.IsNot)):
            code, ty = self.expr(node.left)
            if not isinstance(ty, Optional) or ast.unparse(node.comparators[0]) != "None":
                raise IllTyped("identity")
            return f"({code} {'is' if isinstance(node.ops[0], ast.Is) else 'is not'} None)", "bool"
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
            if direct.comparable(op_name, left_type, right_type):
                links.append(f"({left}) {op_name} ({name} := {right})")
            else:
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
        codes, types = self.arguments(node.args)
        name = ast.unparse(node.func)
        captured: dict[str, Type] = {}
        extra: list[str] = []
        function = self.oracle.functions.get(name)
        value = self.env.get(name) if self.env else None
        if name in self.nested:
            function = self.nested[name]
            captured = self.captured(function)
            extra = list(captured)
        elif isinstance(value, Function):
            function, captured, extra = value.node, dict(value.captured), [f"*{name}"]
        if function is not None:
            codes, types = self.bound(function, codes, types, node.keywords)
        elif node.keywords:
            raise IllTyped("a keyword to a builtin")
        if None in types:
            return f"({', '.join(codes)})", None
        if function is not None:
            python, ty = self.oracle.instance(function, tuple(types), captured, self.numpy)
            return f"{python}({', '.join([*codes, *extra])})", ty
        name = name.removeprefix("ungil.")
        if not name.startswith("math.") and name not in SCALARS and not hasattr(builtins, name):
            raise IllTyped(name)
        ty, made = functions.call(name, tuple(types), self.numpy)
        return f"{self.oracle.constant((name, *types, self.numpy), made)}({', '.join(codes)})", ty

    def arguments(self, args: list[ast.expr]) -> tuple[list[str], list[Type]]:
        """What is given by position; a tuple behind a star is taken apart."""
        codes: list[str] = []
        types: list[Type] = []
        for arg in args:
            if not isinstance(arg, ast.Starred):
                code, ty = self.expr(arg)
                codes.append(code)
                types.append(ty)
                continue
            code, ty = self.expr(arg.value)
            if not isinstance(ty, tuple):
                raise IllTyped("a star before no tuple")
            self.fresh += 1
            name = f"_s{self.fresh}"
            codes += [f"({name} := {code})[0]" if at == 0 else f"{name}[{at}]" for at in range(len(ty))]
            types += ty
        return codes, types

    def captured(self, function: ast.FunctionDef) -> dict[str, Type]:
        """The parameters around a nested function that are read in it, and their types; they are never set again."""
        inner = {arg.arg for arg in function.args.args}
        free = {part.id for part in ast.walk(function) if isinstance(part, ast.Name)} - inner
        return {name: self.here()[name] for name in sorted(free & self.params)}

    def bound(
        self, function: ast.FunctionDef, codes: list[str], types: list[Type], keywords: list[ast.keyword]
    ) -> tuple[list[str], list[Type]]:
        """One argument for each parameter: by position, by name, or its default, which is a literal."""
        params = [arg.arg for arg in function.args.args]
        given = dict(zip(params, zip(codes, types)))
        rest, rest_types = codes[len(params) :], tuple(types[len(params) :])
        for keyword in keywords:
            if keyword.arg not in params or keyword.arg in given:
                raise IllTyped("a keyword that does not fit")
            given[keyword.arg] = self.expr(keyword.value)
        defaults = function.args.defaults
        for param, default in zip(params[len(params) - len(defaults) :], defaults):
            given.setdefault(param, (ast.unparse(default), literal(ast.literal_eval(default))))
        if (rest and not function.args.vararg) or len(given) < len(params):
            raise IllTyped("arguments that do not fit")
        codes, types = [given[param][0] for param in params], [given[param][1] for param in params]
        if function.args.vararg:
            codes.append(f"({''.join(code + ', ' for code in rest)})")
            types.append(None if None in rest_types else rest_types)
        return codes, types


def depends(node: ast.AST) -> bool:
    """Whether a variable is read somewhere in an expression."""
    if isinstance(node, ast.Name):
        return node.id != "math"
    if isinstance(node, ast.Lambda):
        return False
    callee = node.func if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) else None
    return any(part is not callee and depends(part) for part in ast.iter_child_nodes(node))


def check_literals(function: ast.FunctionDef) -> None:
    """What is wrong with a literal in a nested function is told even if that is never called."""
    for part in ast.walk(function):
        if isinstance(part, ast.expr) and (value := folded(part)) is not None:
            literal(value)


def enumerated(iterable: Iterable[Any], start: int) -> Iterator[tuple[int, Any]]:
    """`enumerate`, whose counter wraps."""
    return ((convert(number, "int64"), element) for number, element in enumerate(iterable, start))


def literal(value: Any) -> Type:
    """The type of a literal."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int):
        if not -(1 << 63) <= value < 1 << 64:
            raise IllTyped("an integer of more than 64 bits")
        return "int64" if value < 1 << 63 else "uint64"
    if isinstance(value, (float, complex)):
        return "float64" if isinstance(value, float) else "complex128"
    raise IllTyped(repr(value))


def folded(node: ast.AST) -> int | None:
    """The value of integer literals joined by operators, which CPython computes in advance and in full; else none."""
    match node:
        case ast.Constant(value=int(value)) if not isinstance(value, bool):
            return value
        case ast.UnaryOp(op=ast.USub() | ast.UAdd() | ast.Invert(), operand=operand):
            if folded(operand) is None:
                return None
        case ast.BinOp(left=left, right=right, op=op) if not isinstance(op, ast.Div):
            count = folded(right)
            if folded(left) is None or count is None:
                return None
            if isinstance(op, (ast.Pow, ast.LShift)) and not 0 <= count < 128:
                raise IllTyped("a literal power that is no integer of the language")
        case _:
            return None
    try:
        whole = int(eval(ast.unparse(node), {}))
    except (ZeroDivisionError, ValueError):
        return None
    if abs(whole) >> 126:
        raise IllTyped("an integer beyond what is folded")
    return whole
