"""CPython's own tests of the running interpreter, from its `test` package, with the chosen modules put in.

`load("test_queue")` executes a copy of `test.test_queue` in which `import threading`, `import queue` and
`import concurrent.futures` found the modules of `implementation.py`. A file of ours has the copy's classes of tests
among its globals, where pytest finds them. The interpreter's modules themselves stay as they are, and none of their
text is here.
"""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
import sys
import unittest
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import ModuleType
from typing import Any
from unittest import mock

import pytest
from implementation import modules, queue

__all__ = ("Case", "classes", "load", "load_all", "names_of_tests", "put_in")

Case = type[unittest.TestCase]


def load(name: str) -> ModuleType:
    """Execute a copy of `test.<name>` with the chosen modules put in; skip the file that asks where there is none."""
    _import(name)
    with put_in():
        return _execute(f"test.{name}")


def load_all(name: str) -> list[ModuleType]:
    """Load `test.<name>` or, where that is a package, all of its modules that have tests."""
    package = _import(name)
    if not hasattr(package, "__path__"):
        return [load(name)]
    names = [f"test.{name}.{module.name}" for module in pkgutil.iter_modules(package.__path__)]
    with_tests = [each for each in names if each.rpartition(".")[2].startswith("test_")]
    for each in names:
        importlib.import_module(each)
    with put_in():
        # What they import from one another has the chosen modules, too.
        with _instead({each: _execute(each) for each in names if each not in with_tests}):
            return [_execute(each) for each in with_tests]


def _import(name: str) -> ModuleType:
    """Import `test.<name>`: all that it imports comes with the standard modules, which it keeps."""
    try:
        return importlib.import_module(f"test.{name}")
    except ModuleNotFoundError as error:
        version = sys.version.split()[0]
        pytest.skip(f"Python {version} came without its `test` package: {error}", allow_module_level=True)


@contextmanager
def put_in() -> Iterator[None]:
    """Let imports find the chosen modules, and what CPython's tests make of them."""
    helper = importlib.import_module("test.support.import_helper")
    import_fresh = helper.import_fresh_module

    def import_fresh_module(name: str, **options: Any) -> ModuleType | None:
        # test_queue tests the standard library's queues with what there is in C, whose place ours take, and without it
        # (`blocked`). The latter stay, and are made with our locks and conditions.
        if name == "queue" and "blocked" not in options:
            return queue
        fresh: ModuleType | None = import_fresh(name, **options)
        return fresh

    with (
        _instead(modules),
        mock.patch.object(helper, "import_fresh_module", import_fresh_module),
        # The standard library's `local` in Python, made with our RLock.
        _instead({"_threading_local": _execute("_threading_local")}),
        # What `from test import lock_tests` finds.
        mock.patch.object(importlib.import_module("test"), "lock_tests", _execute("test.lock_tests"), create=True),
    ):
        yield


@contextmanager
def _instead(modules: Mapping[str, ModuleType]) -> Iterator[None]:
    """Let imports find these modules by the names that are given."""
    before = {name: sys.modules.get(name) for name in modules}
    sys.modules.update(modules)
    try:
        yield
    finally:
        for name, module in before.items():
            if module is None:
                del sys.modules[name]
            else:
                sys.modules[name] = module


def classes(module: ModuleType) -> dict[str, Case]:
    """Return the classes that have tests, by their names in the module."""
    return {
        name: value
        for name, value in vars(module).items()
        if isinstance(value, type) and issubclass(value, unittest.TestCase) and names_of_tests(value)
    }


def names_of_tests(case: Case) -> list[str]:
    """Return the names of a class's tests."""
    return list(unittest.defaultTestLoader.getTestCaseNames(case))


def _execute(name: str) -> ModuleType:
    """Execute a copy of a module, which no import finds."""
    spec = importlib.util.find_spec(name)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
