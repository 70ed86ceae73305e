"""`Exact`: a callable that gives what a Python function gives, from compiled code where that is certainly the same.

Not imported with the package; an executor that compiles imports it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from types import CodeType, FunctionType
from typing import TYPE_CHECKING, Any, Generic, ParamSpec, TypeVar, cast

from ungil._core import ExactCode

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ("Exact", "ExactVersion")

_P = ParamSpec("_P")
_R_co = TypeVar("_R_co", covariant=True)

# The flags of code that `from __future__` sets, and that `compile` takes.
_FUTURES = 0x1FF0000


@dataclass(frozen=True)
class ExactVersion:
    """What became of the calls of a function with arguments of some types.

    Attributes:
        types: the types of the arguments, functions by their names.
        is_compiled: whether there is code for them.
        compiled: how many calls the compiled code answered.
        handed_back: how many calls it began and the interpreter ran again, from the start.
        passed_over: how many calls the interpreter ran at once, because so many before had been handed back.
        why: why there is no code, or why the last call was handed back; empty if none was.
    """

    types: str
    is_compiled: bool
    compiled: int
    handed_back: int
    passed_over: int
    why: str

    def __str__(self) -> str:
        """Return this in words."""
        if not self.is_compiled:
            return f"({self.types}): not compiled: {self.why}"
        text = f"({self.types}): compiled; answered {self.compiled} calls"
        if self.handed_back:
            text += f", handed {self.handed_back} back to the interpreter, the last one because: {self.why}"
        if self.passed_over:
            text += f"; {self.passed_over} more were left to the interpreter at once"
        return text


class Exact(Generic[_P, _R_co]):
    """Give what `function(*args, **kwargs)` gives in CPython, to the bit, its type and its exceptions included.

    A plain function that computes with numbers is compiled for the types of its arguments, and runs without the GIL
    where it may run long. Where its code cannot know CPython's answer, because an int outgrows 64 bits or anything
    would be raised, the interpreter runs the function again from its start: what is compiled has no effects. What
    cannot be compiled so, the interpreter runs as ever, and `explain` says why.

    What a function reads from outside (globals, closures, defaults, attributes of modules, the functions that it calls)
    is looked at before each call; where it has changed, the function is compiled anew. While a call runs, it is
    constant. A tracer or a coverage tool does not see compiled calls.

    Args:
        function: anything callable; all but functions written in Python is just called.

    Example:
        >>> import math
        >>> from ungil._exact import Exact
        >>> Exact(math.sqrt)(2)
        1.4142135623730951
    """

    __slots__ = ("__weakref__", "_attempt", "_code", "_function")

    def __init__(self, function: Callable[_P, _R_co]) -> None:
        self._function = function
        self._code = ExactCode(function) if type(function) is FunctionType else None
        self._attempt = None if self._code is None else self._code.attempt

    def __call__(self, /, *args: _P.args, **kwargs: _P.kwargs) -> _R_co:
        """Return what the function returns for these arguments, or raise what it raises."""
        if self._attempt is not None:
            result = self._attempt(args, kwargs)
            # No compiled function returns this.
            if result is not NotImplemented:
                return cast(_R_co, result)
        return self._function(*args, **kwargs)

    @property
    def function(self) -> Callable[_P, _R_co]:
        """The function as it was given."""
        return self._function

    @property
    def _trace_name(self) -> Callable[_P, _R_co]:
        """What a trace of an executor calls it."""
        return self._function

    @property
    def versions(self) -> tuple[ExactVersion, ...]:
        """What became of each combination of argument types, as far as captured things have not changed since."""
        if self._code is None:
            return ()
        return tuple(
            ExactVersion(types, compiled >= 0, max(compiled, 0), max(back, 0), max(passed, 0), why or "")
            for types, compiled, back, passed, why in self._code.versions()
        )

    @property
    def reason(self) -> str:
        """Why the interpreter runs it, for whichever types it does; empty if compiled code answers every call."""
        if self._code is None:
            return f"it is no function written in Python, but a {type(self._function).__qualname__!r} object"
        reasons = [version.why for version in self.versions if version.why]
        if self._code.note is not None:
            reasons.append(self._code.note)
        return "\n".join(reasons)

    def explain(self) -> str:
        """Return in words what is compiled and what not, and why; and how often the interpreter had to run it again.

        Returns:
            A line or more for each combination of argument types that it was called with.
        """
        name = getattr(self._function, "__qualname__", repr(self._function))
        if self._code is None:
            return f"{name}: {self.reason}"
        lines = [f"{name}{version}" for version in self.versions]
        if self._code.note is not None:
            lines.append(f"{name}: left to the interpreter: {self._code.note}")
        return "\n".join(lines) or f"{name}: not called yet"

    def __repr__(self) -> str:
        """Return what it is made of."""
        return f"Exact({self._function!r})"


def _is_source_of(text: str, code: CodeType) -> bool:
    """Return whether the interpreter makes `code` of some function in `text`: the file may have changed since."""
    try:
        return code in _codes(text, code.co_filename, code.co_flags & _FUTURES)
    except (SyntaxError, ValueError):
        return False


@lru_cache(maxsize=16)
def _codes(text: str, name: str, flags: int) -> frozenset[CodeType]:
    found: set[CodeType] = set()
    pending: list[Any] = [compile(text, name, "exec", flags=flags, dont_inherit=True)]
    while pending:
        constant = pending.pop()
        if isinstance(constant, CodeType):
            found.add(constant)
            pending.extend(constant.co_consts)
    return frozenset(found)
