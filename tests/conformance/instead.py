"""Gives `ungil.threading` where a program says `import threading`, and `ungil.queue` where it says `import queue`.

In this process for as long as a block lasts (`instead`), and in a child for all its life, whose program is given a first
line for it (`with_ours`). There it happens at the import, and in the thread that imports: CPython's tests have a program
that first imports `threading` in another thread than the main one, and looks whether it was there before. As the import
is the program's first, all of the standard library that imports `threading` after it gets ours too.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType

__all__ = ("instead", "replace_in_this_program", "with_ours")

_PREFIX = (
    f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r}); "
    "import instead; del sys.path[0]; instead.replace_in_this_program(); del sys, instead\n"
)


@contextmanager
def instead(modules: Mapping[str, ModuleType]) -> Iterator[None]:
    """Let `import` find these, by the names that they are given here, in place of those which it found before."""
    before = {name: sys.modules[name] for name in modules}
    sys.modules.update(modules)
    try:
        yield
    finally:
        sys.modules.update(before)


def with_ours(command: Sequence[str]) -> list[str]:
    """Return the command, which runs a program with `python … -c`, so that the program is run with our modules."""
    at = command.index("-c") + 1
    return [*command[:at], _PREFIX + command[at], *command[at + 1 :]]


def replace_in_this_program() -> None:
    """Replace the two modules, neither of which has been imported, as soon as they are."""
    finder = _Finder("threading", "queue")
    present = finder.names & set(sys.modules)
    if present:
        raise RuntimeError(f"too late: {', '.join(sorted(present))} has been imported")
    sys.meta_path.insert(0, finder)


class _Finder:
    """Finds the module when it is asked the first time; the second request comes from ours, for the standard one."""

    def __init__(self, *names: str) -> None:
        self.names = set(names)

    def find_spec(self, name: str, path: object = None, target: object = None) -> ModuleSpec | None:
        if name not in self.names:
            return None
        self.names.remove(name)
        return ModuleSpec(name, self)  # type: ignore[arg-type]  # has what an import asks of a loader

    def create_module(self, spec: ModuleSpec) -> None:
        """Leave it to the import system, whose module is thrown away."""

    def exec_module(self, module: ModuleType) -> None:
        name = module.__name__
        del sys.modules[name]
        ours = importlib.import_module(f"ungil.{name}")
        sys.modules[name] = ours
