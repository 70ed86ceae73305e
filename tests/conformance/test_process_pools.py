"""CPython's tests of pools of processes in test.test_concurrent_futures, with our executor, for each start method.

They are the interpreter's own classes, and not copies: the processes import what they call by name. Ours ends with a
worker's death, as the standard one does and as they ask for, by `on_worker_death="break"`.
"""

from __future__ import annotations

import concurrent.futures
import importlib
import pkgutil
import sys
import unittest
from typing import Any

import pytest
from implementation import IS_UNGIL
from suite import classes

if not sys.platform.startswith("linux"):
    pytest.skip("pools of processes are the standard library's here", allow_module_level=True)

package: Any = pytest.importorskip("test.test_concurrent_futures")
_Base: Any = importlib.import_module("ungil.futures").ProcessPoolExecutor


class ProcessPoolExecutor(_Base):  # type: ignore[misc]
    """Ours, with the standard library's behaviour."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options, on_worker_death="break")


def modules() -> list[Any]:
    """Return the modules that have the tests: since 3.12 there are several."""
    if not hasattr(package, "__path__"):
        return [package]
    names = [module.name for module in pkgutil.iter_modules(package.__path__) if module.name.startswith("test_")]
    return [importlib.import_module(f"{package.__name__}.{name}") for name in names]


def with_ours() -> dict[str, type[unittest.TestCase]]:
    """Return the classes of CPython's tests, which make executors of ours."""
    executor = ProcessPoolExecutor if IS_UNGIL else concurrent.futures.ProcessPoolExecutor
    attributes = {"executor_type": executor, "__module__": __name__}
    return {
        name: type(name, (case,), attributes)
        for module in modules()
        for name, case in classes(module).items()
        if name.startswith("ProcessPool")
    }


globals().update(with_ours())
