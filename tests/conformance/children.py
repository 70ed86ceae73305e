"""Gives a child `ungil.threading` where its program says `import threading`, and `ungil.queue` for `import queue`.

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
    """Replace the two modules as soon as they are imported; at once, if the interpreter's start has imported one."""
    names = {"threading", "queue"}
    if names.isdisjoint(sys.modules):
        sys.meta_path.insert(0, _Finder(names))
    else:
        sys.modules.update({name: importlib.import_module(f"ungil.{name}") for name in names})


class _Finder:
    """Finds ours when a module is first asked for; the next to ask is ours, which gets the standard one."""

    def __init__(self, names: set[str]) -> None:
        self.names = names

    def find_spec(self, name: str, path: object = None, target: object = None) -> ModuleSpec | None:
        if name not in self.names:
            return None
        self.names.remove(name)
        return ModuleSpec(name, self)  # type: ignore[arg-type]  # a loader by what it can do, not by its class

    def create_module(self, spec: ModuleSpec) -> None:
        """Leave it to the import system, whose module is thrown away."""

    def exec_module(self, module: ModuleType) -> None:
        name = module.__name__
        del sys.modules[name]
        sys.modules[name] = importlib.import_module(f"ungil.{name}")
