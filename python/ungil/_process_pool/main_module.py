"""What of `__main__` the workers of a pool have under its name, as the start methods of `multiprocessing` have it.

Forks have all that there was when they were made. Other workers import the program's file as `__mp_main__`, if it is
one that may be imported: if it starts its work under `if __name__ == "__main__":`. It is imported when a call first
names `__main__`. Whatever workers do not have so goes by value (`pickles.py`).
"""

from __future__ import annotations

import functools
import sys
import types

TYPE_CHECKING = False
if TYPE_CHECKING:
    import ast
    from collections.abc import Iterator, Sequence
    from typing import Any

__all__ = ("MARK", "ForkedMain", "ImportedMain", "MainModule", "WorkersMain")

# What a pickle has in it that names something of `__main__`.
MARK = b"__main__"


class MainModule:
    """What of `__main__` the other side has by name: here, whatever is there by name on this side."""

    def has(self, obj: type | types.FunctionType) -> bool:
        """Return whether the other side finds a class or function of `__main__` by its name."""
        root, *rest = obj.__qualname__.split(".")
        found: object = getattr(sys.modules["__main__"], root, None)
        if not self._has_root(root, found):
            return False
        for name in rest:
            found = getattr(found, name, None)
        return found is obj

    def _has_root(self, name: str, value: object) -> bool:  # noqa: ARG002 -- for the parent's
        return True


class ForkedMain(MainModule):
    """The parent's, of workers that are forks of it as it is now."""

    def __init__(self) -> None:
        items = list(vars(sys.modules["__main__"]).items())
        self._there = {name: value for name, value in items if isinstance(value, type | types.FunctionType)}

    def __reduce__(self) -> tuple[Any, ...]:
        """Become the worker's, which has it."""
        return WorkersMain, (None, None)

    def _has_root(self, name: str, value: object) -> bool:
        return self._there.get(name, self) is value


class ImportedMain(MainModule):
    """The parent's, of workers that import it.

    Args:
        path: the file.
        name: the name of the module, if the program was started by that.
        names: what the file binds when it is imported.
    """

    def __init__(self, path: str, name: str | None, names: frozenset[str]) -> None:
        self._path = path
        self._name = name
        self._names = names

    @classmethod
    def find(cls) -> ImportedMain | None:
        """Return the program's; None if there is no file, or none that may be imported.

        Raises:
            RuntimeError: this process is importing it itself, since its parent has started it.
        """
        from multiprocessing import spawn
        from pathlib import Path

        main = sys.modules["__main__"]
        if not hasattr(main, "__spec__"):
            return None
        data = spawn.get_preparation_data("worker")
        name = data.get("init_main_from_name")
        path = data.get("init_main_from_path") if name is None else getattr(main, "__file__", None)
        if path is None or (name is not None and name.endswith("__main__")) or Path(path).stem == "ipython":
            # The standard library does not import these either.
            return None
        names = _names_of(path)
        return None if names is None else cls(path, name, names)

    def __reduce__(self) -> tuple[Any, ...]:
        """Become the worker's, which is to import it."""
        return WorkersMain, (self._path, self._name)

    def _has_root(self, name: str, value: object) -> bool:  # noqa: ARG002 -- what it will be there
        return name in self._names


class WorkersMain(MainModule):
    """A worker's, which is a copy of the parent's.

    Args:
        path: the file that is to be imported when a call names the module; None if this is a fork.
        name: the name of the module, if it is to be imported by that.
    """

    def __init__(self, path: str | None, name: str | None) -> None:
        self._path = path
        self._name = name

    def provide(self, data: bytes) -> None:
        """Import it, if it has not been and a pickle names it.

        Args:
            data: the pickle.

        Raises:
            ImportError: it raised.
        """
        if self._path is None or MARK not in data:
            return
        from multiprocessing import process, spawn

        current = process.current_process()
        # A program that starts processes while it is imported is told so.
        current._inheriting = True  # type: ignore[attr-defined]
        try:
            if self._name is not None:
                spawn._fixup_main_from_name(self._name)  # type: ignore[attr-defined]
            else:
                spawn._fixup_main_from_path(self._path)  # type: ignore[attr-defined]
        except Exception as failure:
            raise ImportError(
                f"the main module {self._path} cannot be imported in the worker process, where calls need what it"
                f" defines: {type(failure).__name__}: {failure}"
            ) from failure
        finally:
            del current._inheriting  # type: ignore[attr-defined]
        self._path = None


@functools.cache
def _names_of(path: str) -> frozenset[str] | None:
    """Return the names that a file binds when it is imported; None if its work has no guard, or it cannot be read."""
    import ast  # which workers need not have, as the next
    from pathlib import Path

    try:
        body = ast.parse(Path(path).read_bytes()).body
    except (OSError, SyntaxError, ValueError):
        return None
    if not any(_is_guard(statement) for statement in body):
        return None
    return frozenset(_bound(body))


def _is_guard(node: ast.AST) -> bool:
    """Return whether it is `if __name__ == "__main__":`, and perhaps more."""
    import ast

    if not isinstance(node, ast.If):
        return False
    named = any(isinstance(part, ast.Name) and part.id == "__name__" for part in ast.walk(node.test))
    return named and any(isinstance(part, ast.Constant) and part.value == "__main__" for part in ast.walk(node.test))


def _bound(nodes: Sequence[ast.AST]) -> Iterator[str]:
    """Give the names that are bound in a module, but for those of its guarded part and of inner scopes."""
    import ast

    for node in nodes:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, ast.If) and _is_guard(node):
            yield from _bound(node.orelse)
        elif not isinstance(node, ast.Lambda):
            yield from _bound(list(ast.iter_child_nodes(node)))
