"""`concurrent.futures` with ours in it, as a package that imports find in the standard one's place.

`ungil.futures` has the standard package's names for threads. CPython's tests also import pools of processes, and
modules inside the package: whatever is not ours is the standard library's own.
"""

from __future__ import annotations

import importlib
from types import ModuleType

__all__ = ("PACKAGE", "PARENT", "stand_ins")

PARENT = "concurrent"
PACKAGE = f"{PARENT}.futures"


def stand_ins() -> dict[str, ModuleType]:
    """Make the package, its parent and its modules; by their names."""
    # Imported before ours takes its place, since it would find our names in the modules that it imports.
    importlib.import_module(f"{PACKAGE}.process")
    ours = importlib.import_module("ungil.futures")
    inner = {name: _copy(f"{PACKAGE}.{name}", ours) for name in ("_base", "thread")}
    package = _copy(PACKAGE, ours)
    vars(package).update(inner)
    parent = _copy(PARENT, ours)
    vars(parent)["futures"] = package
    return {module.__name__: module for module in (parent, package, *inner.values())}


def _copy(name: str, ours: ModuleType) -> ModuleType:
    """Make a module of this name, with all of the standard one's names, and ours for those that `ungil.futures` has."""
    standard = importlib.import_module(name)
    module = ModuleType(name, standard.__doc__)
    vars(module).update(vars(standard))
    vars(module).update({public: getattr(ours, public) for public in ours.__all__ if hasattr(standard, public)})
    return module
