"""Gives a child `ungil.threading` where its program says `import threading`; `ungil.queue` and `ungil.futures` alike.

A first line of the program sees to it (`with_ours`), but the import happens when the program asks for it, and in the
thread that does: one of CPython's tests first imports `threading` in another thread than the main one, and looks
whether it was there before. What the program imports of the standard library after that finds ours too.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType

from stand_ins import PACKAGE, PARENT, stand_ins

__all__ = ("replace_in_this_program", "with_ours")

_FIRST_LINE = (
    f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r}); import children; del sys.path[0]; "
    "children.replace_in_this_program(); del sys, children\n"
)


def with_ours(command: Sequence[str]) -> list[str]:
    """Return the command, which runs a program by `-c`, so that the program has our modules."""
    at = command.index("-c") + 1
    return [*command[:at], _FIRST_LINE + command[at], *command[at + 1 :]]


def replace_in_this_program() -> None:
    """Replace each module as soon as it is imported; at once, if the interpreter's start has imported it."""
    finder = _Finder({"threading", "queue", PACKAGE})
    finder.replace_what_is_there()
    finder.stand_in_front()


class _Finder:
    """Finds ours when a module is first asked for; but while ours is imported, the standard one."""

    def __init__(self, names: set[str]) -> None:
        self.names = names

    def stand_in_front(self) -> None:
        sys.meta_path.insert(0, self)

    def replace_what_is_there(self) -> None:
        """Replace the modules that are imported, and those that this imports."""
        while there := self.names & set(sys.modules):
            self.names -= there
            for name in there:
                _replace(name)

    def find_spec(self, name: str, path: object = None, target: object = None) -> ModuleSpec | None:
        if name not in self.names:
            return None
        return ModuleSpec(name, self)  # type: ignore[arg-type]  # a loader by what it can do, not by its class

    def create_module(self, spec: ModuleSpec) -> None:
        """Leave it to the import system, whose module is thrown away."""

    def exec_module(self, module: ModuleType) -> None:
        sys.meta_path.remove(self)
        name = module.__name__
        del sys.modules[name]
        importlib.import_module(name)
        self.replace_what_is_there()
        self.stand_in_front()


def _replace(name: str) -> None:
    if name == PACKAGE:
        made = stand_ins()
        # `from concurrent import futures` looks into the parent that it has already.
        vars(sys.modules[PARENT]).update(vars(made.pop(PARENT)))
        sys.modules.update(made)
    else:
        sys.modules[name] = importlib.import_module(f"ungil.{name}")
