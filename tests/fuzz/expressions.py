"""Expressions of random programs, by kind of their result; see `generate` for the kinds.

Most divisors are made odd, most shifts and exponents small: an exception ends a program, and too many would leave
little to compare.
"""

from __future__ import annotations

import random

import callables

_INTS = ["0", "1", "2", "3", "5", "7", "10", "63", "127", "128", "255", "1000", "65535", "2147483648", "4294967295"]
_INTS += ["9007199254740993", "9223372036854775807"]
_FLOATS = ["0.0", "-0.0", "1.0", "0.5", "1.5", "-2.25", "0.1", "1e-320", "1e16", "1e300", "3.0"]
_BASES = ["0.0", "-0.0", "1.0", "-1.0", "2.0", "-2.0", "0.5", "-0.25", "math.inf", "-math.inf", "math.nan"]
_TYPES = {
    "i": ["int8", "int16", "int32", "int64"],
    "u": ["uint8", "uint16", "uint32", "uint64"],
    "f": ["float32", "float64"],
    "c": ["complex64", "complex128"],
}


class Expressions:
    """Writes expressions over what is known where they stand."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.names: list[str] = []
        self.params: list[str] = []
        # Names that can be read but not set.
        self.frozen: set[str] = set()
        self.helpers: list[tuple[str, list[str], str, bool, bool]] = []
        self.closures: list[tuple[str, str]] = []
        # Functions whose first argument is a function, and the kind of what that takes and returns.
        self.taking: list[tuple[str, str]] = []
        # Whether there are functions of any number of integers.
        self.any_number = False
        self.lambdas = 0
        # The parameters of the lambdas around.
        self.outer: list[str] = []

    def expr(self, kind: str, depth: int) -> str:
        """An expression of a kind, at most so deep."""
        if depth <= 0 or self.rng.random() < 0.15:
            return self.leaf(kind)
        if self.rng.random() < 0.08:
            call = self.helper_call(kind, depth)
            if call:
                return call
        return str(getattr(self, f"_{kind}")(depth - 1))

    def leaf(self, kind: str) -> str:
        """A name or a literal."""
        names = [name for name in self.names if name[0] == kind]
        if names and self.rng.random() < 0.75:
            return self.rng.choice(names)
        match kind:
            case "b":
                return f"({self.any_name()} {self.rng.choice(['==', '!='])} {self.rng.choice(_INTS)})"
            case "i":
                number = self.rng.choice(_INTS)
                return f"(-{number})" if self.rng.random() < 0.3 else number
            case "u":
                return f"{self.rng.choice(_TYPES['u'])}({self.rng.choice(_INTS)})"
            case "f":
                number = self.rng.choice(_FLOATS)
                return f"float32({number})" if self.rng.random() < 0.2 else number
            case "c":
                return self.rng.choice(["1j", "(2.5-1j)", "complex64(0.5+3j)", "0j"])
            case "t":
                return f"({self.leaf('i')}, {self.leaf('f')})"
            case _:
                return f"(int64({self.leaf('i')}), 1, {self.rng.randint(-5, 5)})"

    def any_name(self) -> str:
        """A number whose value is not known before the call."""
        return self.rng.choice(self.params)

    def test(self) -> str:
        """A condition that depends on an argument."""
        return self.expr("b", 2)

    def quiet_test(self) -> str:
        """A condition that raises nothing."""
        return f"({self.leaf(self.rng.choice('iuf'))} {self.rng.choice(['<', '!=', '>='])} {self.any_real()})"

    def any_real(self) -> str:
        names = [name for name in self.params if name[0] in "biuf"]
        return self.rng.choice(names) if names else f"{self.params[0]}.real"

    def augmentation(self, kind: str) -> tuple[str, str]:
        """Operator and operand of an augmented assignment to a variable of a kind."""
        rng = self.rng
        match kind:
            case "b":
                return rng.choice("&|^"), self.expr("b", 2)
            case "i":
                op = rng.choice(["+", "-", "*", "&", "|", "^", "//", "%", "<<", ">>", "**"])
                if op in ("//", "%"):
                    return op, f"({self.expr('i', 1)} | 1)"
                if op in ("<<", ">>", "**"):
                    return op, f"({self.expr('i', 1)} & {rng.choice([3, 7, 63])})"
                return op, self.expr(rng.choice("iiub"), 2)
            case "u":
                return rng.choice(["+", "*", "&", "|", "^"]), self.expr("u", 2)
            case "f":
                return rng.choice("+-*"), self.expr(rng.choice("ffiub"), 2)
            case _:
                return rng.choice("+-*"), self.expr(rng.choice("cfi"), 2)

    def helper_call(self, kind: str, depth: int) -> str | None:
        """A call of a function of the program, if there is one of this kind."""
        fitting: list[str] = []
        for name, kinds, result, recursive, has_default in self.helpers:
            if result == kind:
                args = [self.expr(each, depth - 1) for each in kinds]
                if has_default and self.rng.random() < 0.4:
                    args.pop()
                elif self.rng.random() < 0.3:
                    # By name, and so evaluated where it stands, but bound elsewhere.
                    args[-1] = f"{kinds[-1]}p{len(kinds) - 1}={args[-1]}"
                first = [f"int64({self.expr('i', 0)}) & 3"] if recursive else []
                fitting.append(f"{name}({', '.join(first + args)})")
        for name, each in self.closures:
            if each == kind and name:
                fitting.append(f"{name}({self.expr(kind, depth - 1)})")
        for name, each in self.taking:
            if each == kind:
                fitting.append(callables.call_taking(self, name, kind, depth))
        if self.any_number and kind == "i":
            fitting.append(callables.call_any_number(self, depth))
        return self.rng.choice(fitting) if fitting else None

    def _b(self, depth: int) -> str:
        rng = self.rng
        match rng.randint(0, 10):
            case 0:
                return f"({self.expr('b', depth)} {rng.choice(['and', 'or'])} {self.expr('b', depth)})"
            case 1:
                return f"(not {self.tied(rng.choice('ifc'), depth)})"
            case 2:
                return f"({self.expr('b', depth)} {rng.choice('&|^')} {self.expr('b', depth)})"
            case 3:
                test = rng.choice(["isnan", "isinf", "isfinite"])
                return f"({self.expr('b', depth)} ^ math.{test}({self.expr('f', depth)}))"
            case 4:
                kinds = rng.choice(["cc", "cf", "ic"])
                return f"({self.tied(kinds[0], depth)} {rng.choice(['==', '!='])} {self.expr(kinds[1], depth)})"
            case 5:
                return f"({self.tied('i', depth)} {rng.choice(['in', 'not in'])} {self.expr('v', depth)})"
            case 6:
                op = rng.choice(["==", "!=", "<", "<=", ">", ">="])
                return (
                    f"(({self.any_real()}, {self.expr('i', depth)}) {op} ({self.any_real()}, {self.expr('f', depth)}))"
                )
            case 7:
                ops = [rng.choice(["<", "<=", ">", ">=", "==", "!="]) for _ in range(2)]
                return f"({self.tied('f', depth)} {ops[0]} {self.expr('i', depth)} {ops[1]} {self.expr('u', depth)})"
            case _:
                op = rng.choice(["<", "<=", ">", ">=", "==", "!="])
                return f"({self.tied(rng.choice('iuf'), depth)} {op} {self.expr(rng.choice('iufb'), depth)})"

    def tied(self, kind: str, depth: int) -> str:
        """An expression of a kind that no compiler knows: an argument is in it."""
        names = [name for name in self.params if name[0] == kind]
        if names:
            return self.rng.choice(names)
        if kind == "c":
            return f"({self.expr('c', depth)} + {self.any_name()})"
        if kind == "f":
            return f"({self.expr('f', depth)} + {self.any_real()})"
        name = self.any_real()
        if name[0] in "fc":
            name = f"int64(math.isnan({name}))"
        return f"({self.expr('i', depth)} ^ {name})" if kind == "i" else f"uint64({name})"

    def _i(self, depth: int) -> str:
        rng = self.rng

        def sub(kinds: str = "i") -> str:
            return self.expr(rng.choice(kinds), depth)

        match rng.randint(0, 17):
            case 0 | 1 | 2:
                return f"({sub()} {rng.choice(['+', '-', '*', '&', '|', '^'])} {sub('iiub')})"
            case 3:
                # Two bools count as integers of 8 bits.
                return f"({sub('b')} {rng.choice(['+', '-', '*', '<<', '**'])} {sub('b')})"
            case 4:
                divisor = sub() if rng.random() < 0.2 else f"({sub()} | 1)"
                return f"({sub()} {rng.choice(['//', '%'])} {divisor})"
            case 5:
                return f"({sub()} {rng.choice(['<<', '>>'])} ({sub()} & {rng.choice([7, 63, 127])}))"
            case 6:
                power = rng.choice([f"({sub()} & 7)", "2", "3", "10", f"uint8({sub()})"])
                return f"({sub()} ** {power})"
            case 7:
                return f"({rng.choice(['-', '~', '+'])}{sub()})"
            case 8:
                return f"abs({sub()})"
            case 9:
                if rng.random() < 0.2:
                    return f"{rng.choice(['min', 'max'])}({self.expr('v', depth)})"
                return f"{rng.choice(['min', 'max'])}({', '.join(sub('iib') for _ in range(rng.randint(2, 3)))})"
            case 10:
                return f"({sub()} if {self.expr('b', depth)} else {sub()})"
            case 11:
                return f"({self.tied('i', depth)} {rng.choice(['and', 'or'])} {sub()})"
            case 12:
                return f"{rng.choice(_TYPES['i'])}({sub('iubf')})"
            case 13:
                rounding = rng.choice(["int", "round", "math.floor", "math.ceil", "math.trunc"])
                # Most floats that are around here are too large; one in five may be.
                inner = self.expr("f", depth) if rng.random() < 0.2 else f"float32({self.small_float(depth)})"
                return f"{rounding}({inner})"
            case 14:
                return f"{self.expr('t', depth)}[0]"
            case 15:
                at = rng.choice(["0", "-1", f"int64({sub()}) % 3", f"int64({sub()}) & 3"])
                return f"{self.expr('v', depth)}[{at}]"
            case 16:
                return f"divmod({sub()}, ({sub('iu')} | 1))[{rng.randint(0, 1)}]"
            case _:
                whole = self.expr("v", depth)
                return rng.choice([f"sum({whole})", f"len({self.expr('t', depth)} + {whole})", f"{whole}[1:][0]"])

    def small_float(self, depth: int) -> str:
        """A float that `int64` can hold."""
        return f"({self.expr('i', depth)} % 1000) * 0.37"

    def _u(self, depth: int) -> str:
        rng = self.rng

        def sub() -> str:
            return self.expr("u", depth)

        match rng.randint(0, 8):
            case 0 | 1:
                return f"({sub()} {rng.choice(['+', '-', '*', '&', '|', '^'])} {sub()})"
            case 2:
                return f"({sub()} {rng.choice(['//', '%'])} ({sub()} | uint8(1)))"
            case 3:
                return f"({sub()} {rng.choice(['<<', '>>'])} ({self.expr('i', depth)} & 63))"
            case 4:
                return f"(~{sub()})"
            case 5:
                return f"{rng.choice(['min', 'max'])}({sub()}, {sub()})"
            case 6:
                return f"({sub()} if {self.expr('b', depth)} else {sub()})"
            case _:
                return f"{rng.choice(_TYPES['u'])}({self.expr(rng.choice('iubf'), depth)})"

    def _f(self, depth: int) -> str:
        rng = self.rng

        def sub(kinds: str = "f") -> str:
            return self.expr(rng.choice(kinds), depth)

        match rng.randint(0, 14):
            case 0 | 1 | 2 | 3:
                a, b = rng.choice([("f", "fiub"), ("fiub", "f")])
                return f"({sub(a)} {rng.choice('+-*')} {sub(b)})"
            case 4:
                divisor = sub("iuf") if rng.random() < 0.3 else f"({sub('iu')} | 1)"
                return f"({sub('iuf')} / {divisor})"
            case 5:
                divisor = sub() if rng.random() < 0.3 else f"({sub()} + 0.75)"
                return f"({sub('fi')} {rng.choice(['//', '%'])} {divisor})"
            case 6:
                return self.power(depth)
            case 7:
                if rng.random() < 0.5:
                    digits = rng.choice([str(rng.randint(-22, 22)), f"({self.expr('i', depth)} % 5)"])
                    return f"round({sub()}, {digits})"
                return f"(-{sub()})"
            case 8:
                return f"{rng.choice(['abs', 'math.fabs', 'math.sqrt'])}({sub()})"
            case 9:
                return f"{rng.choice(['min', 'max'])}({sub()}, {sub('fiu')})"
            case 10:
                return f"({sub()} if {self.expr('b', depth)} else {sub('fiu')})"
            case 11:
                return f"({self.tied('f', depth)} {rng.choice(['and', 'or'])} {sub()})"
            case 12:
                return f"{rng.choice([*_TYPES['f'], 'float'])}({sub('fiub')})"
            case 13:
                return f"math.copysign({sub()}, {sub('fi')})"
            case _:
                return rng.choice(
                    [f"({self.expr('c', depth)}).{rng.choice(['real', 'imag'])}", f"{self.expr('t', depth)}[1]"]
                )

    def power(self, depth: int) -> str:
        """A power of floats: of others than squares only those are defined to the bit that are exact."""
        rng = self.rng
        match rng.randint(0, 5):
            case 0:
                return f"({rng.choice(_TYPES['f'])}({self.expr('i', depth)} % 10) ** ({self.expr('i', depth)} & 7))"
            case 1:
                base = f"({rng.choice(_BASES)} if {self.expr('b', depth)} else {rng.choice(_BASES)})"
                return f"({base} ** float64(({self.expr('i', depth)} & 15) - 8))"
            case 2:
                return f"({self.tied('f', depth)} ** {rng.choice(['0.0', '1.0', '-0.0', '0', '1'])})"
            case _:
                return f"({self.expr('f', depth)} ** 2)"

    def _c(self, depth: int) -> str:
        rng = self.rng

        def sub(kinds: str = "c") -> str:
            return self.expr(rng.choice(kinds), depth)

        match rng.randint(0, 8):
            case 0 | 1 | 2:
                return f"({sub()} {rng.choice('+-*')} {sub('cfiu')})"
            case 3:
                return f"({sub()} / {sub()})"
            case 4:
                power = str(rng.randint(-3, 5)) if rng.random() < 0.5 else f"({sub('i')} % 7)"
                return f"({sub()} ** {power})"
            case 5:
                return f"({sub()} if {self.expr('b', depth)} else {sub('cf')})"
            case 6:
                return f"{rng.choice(_TYPES['c'])}({sub('cfi')})"
            case _:
                return f"complex({sub('fi')}, {sub('fi')})"

    def _t(self, depth: int) -> str:
        match self.rng.randint(0, 3):
            case 0:
                return f"({self.expr('t', depth)} if {self.expr('b', depth)} else {self.expr('t', depth)})"
            case 1 if self.rng.random() < 0.3:
                parts = f"divmod({self.expr('i', depth)}, ({self.expr('f', depth)} + 0.75))"
                return f"({self.expr('i', depth)}, {parts}[{self.rng.randint(0, 1)}])"
            case 1:
                whole = self.expr("t", depth)
                return f"(({self.expr('i', depth)},) + ({whole}[1],))"
            case _:
                return f"({self.expr('i', depth)}, {self.expr('f', depth)})"

    def _v(self, depth: int) -> str:
        if self.rng.random() < 0.25:
            return f"({self.expr('v', depth)} if {self.expr('b', depth)} else {self.expr('v', depth)})"
        return f"({', '.join(f'int64({self.expr(k, depth)})' for k in ('i', 'i', 'u'))})"
