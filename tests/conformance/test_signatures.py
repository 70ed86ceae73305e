"""Every public name of the standard modules is in ours, with the ways to call it, its attributes and documentation.

The classes are ours, with the methods of the standard ones, and so are two functions on futures; all else is the
standard library's own object.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator
from inspect import Parameter, Signature
from typing import Any

import pytest
from implementation import (
    IS_UNGIL,
    futures,
    queue,
    standard_futures,
    standard_queue,
    standard_threading,
    threading,
)

MODULES = {
    "threading": (standard_threading, threading),
    "queue": (standard_queue, queue),
    "futures": (standard_futures, futures),
}
CLASSES = [
    *[("threading", name) for name in ("Lock", "RLock", "Condition", "Semaphore", "BoundedSemaphore")],
    *[("threading", name) for name in ("Event", "Barrier", "Thread", "Timer")],
    *[("queue", name) for name in ("Queue", "LifoQueue", "PriorityQueue", "SimpleQueue")],
    *[("futures", name) for name in ("Executor", "Future", "ThreadPoolExecutor")],
]
FUNCTIONS = [("futures", "as_completed"), ("futures", "wait")]
# Pools of processes and of subinterpreters are not this module's.
NOT_OURS = {"ProcessPoolExecutor", "InterpreterPoolExecutor"}
NAMES = [(module, name) for module, (standard, _) in MODULES.items() for name in {*standard.__all__} - NOT_OURS]
# In the documentation, but not in `__all__`.
NAMES += [("threading", name) for name in ("ThreadError", "activeCount", "currentThread")]
NAMES += [("futures", "InvalidStateError")]
NAMES.sort()  # so that every process names the tests in one order

# Names of before Python 2.0 for the methods of `_thread.lock`, which no documentation has had since.
OBSOLETE = {"acquire_lock", "locked_lock", "release_lock"}

# What the documentation says, where the interpreter knows nothing of its own or takes arguments that it does not read.
DOCUMENTED = {
    "Lock": "()",
    "Lock.acquire": "(self, blocking=True, timeout=-1)",
    "Lock.locked": "(self)",
    "Lock.release": "(self)",
    "RLock": "()",
    "RLock.acquire": "(self, blocking=True, timeout=-1)",
    "RLock.locked": "(self)",
    "RLock.release": "(self)",
}


def examples(module: str, name: str) -> tuple[Any, Any]:
    """Make an object of the standard class, and one of ours."""
    arguments = {"Barrier": (1,), "Timer": (1, print)}.get(name, ())
    standard, ours = (getattr(one, name)(*arguments) for one in MODULES[module])
    return standard, ours


def public_names(example: object) -> set[str]:
    """Return the names of the attributes that users may use."""
    return {name for name in dir(example) if not name.startswith("_")} - OBSOLETE


def methods() -> Iterator[tuple[str, str, str]]:
    """Give module, class and name of each public method of the standard classes."""
    for module, name in CLASSES:
        standard, _ = examples(module, name)
        for public in sorted(public_names(standard)):
            if callable(getattr(type(standard), public, None)):
                yield module, name, public


@pytest.mark.parametrize(("module", "name"), NAMES)
def test_a_public_name_is_a_class_of_ours_or_the_standard_librarys_own(module: str, name: str) -> None:
    standard, ours = (getattr(one, name) for one in MODULES[module])
    if IS_UNGIL and (module, name) in CLASSES:
        assert isinstance(ours, type)
        assert ours is not standard
    elif IS_UNGIL and (module, name) in FUNCTIONS:
        assert inspect.isfunction(ours)
        assert ours is not standard
    else:
        assert ours is standard


@pytest.mark.parametrize("module", MODULES)
def test_a_star_brings_all_names(module: str) -> None:
    standard, ours = MODULES[module]
    namespace: dict[str, object] = {}
    exec(f"from {ours.__name__} import *", namespace)
    assert {*standard.__all__} - NOT_OURS <= set(namespace)


@pytest.mark.skipif(not IS_UNGIL and sys.version_info < (3, 13), reason="new in Python 3.13")
def test_shutdown_is_an_exception_on_every_python() -> None:
    assert issubclass(queue.ShutDown, Exception)


@pytest.mark.skipif(not IS_UNGIL, reason="not all the standard classes have any")
@pytest.mark.parametrize(("module", "name"), CLASSES)
def test_a_class_has_documentation_of_its_own(module: str, name: str) -> None:
    _, ours = examples(module, name)
    assert type(ours).__doc__


@pytest.mark.parametrize(("module", "name"), CLASSES)
def test_a_class_has_the_attributes(module: str, name: str) -> None:
    standard, ours = examples(module, name)
    assert public_names(standard) <= public_names(ours)


@pytest.mark.skipif(not IS_UNGIL, reason="compares ours with the standard ones")
@pytest.mark.parametrize("name", ["Executor", "Future", "ThreadPoolExecutor"])
def test_a_class_of_futures_is_a_standard_one(name: str) -> None:
    assert issubclass(getattr(futures, name), getattr(standard_futures, name))


@pytest.mark.parametrize(("module", "name"), CLASSES + FUNCTIONS)
def test_a_class_or_function_is_called_alike(module: str, name: str) -> None:
    standard, ours = (getattr(one, name) for one in MODULES[module])
    assert_takes_what_is_right_for(standard, ours, name)


@pytest.mark.parametrize(("module", "name", "method"), list(methods()))
def test_a_method_has_documentation_and_is_called_alike(module: str, name: str, method: str) -> None:
    standard, ours = (getattr(type(example), method) for example in examples(module, name))
    assert inspect.getdoc(ours)
    assert_takes_what_is_right_for(standard, ours, f"{name}.{method}")


def assert_takes_what_is_right_for(standard: Any, ours: Any, name: str) -> None:
    """Check that a call which fits the standard signature fits ours, and leaves the same to defaults."""
    expected = documented(name) if name in DOCUMENTED else list(inspect.signature(standard).parameters.values())
    found = expected if ours is standard else list(inspect.signature(ours).parameters.values())
    assert len(found) >= len(expected), f"{name} lacks arguments: {expected[len(found) :]}"
    for theirs, mine in zip(expected, found, strict=False):
        message = f"{name} takes {mine} in place of {theirs}"
        assert mine.default == theirs.default, message
        if theirs.name != "self" and theirs.kind is not Parameter.POSITIONAL_ONLY:
            assert (mine.name, mine.kind) == (theirs.name, theirs.kind), message
    for mine in found[len(expected) :]:
        is_optional = mine.default is not Parameter.empty or mine.kind in (
            Parameter.VAR_POSITIONAL,
            Parameter.VAR_KEYWORD,
        )
        assert is_optional, f"{name} takes {mine} besides"


def documented(name: str) -> list[Parameter]:
    """Return the parameters in the documentation, read as those of a function."""
    namespace: dict[str, Any] = {}
    exec(f"def function{DOCUMENTED[name]}: pass", namespace)
    signature: Signature = inspect.signature(namespace["function"])
    return list(signature.parameters.values())
