"""The suite itself: CPython's tests have the chosen modules, in children too, and what is left out of them exists."""

from __future__ import annotations

import importlib
import subprocess
import sys
from fnmatch import filter as matching

import pytest
from implementation import (
    futures,
    queue,
    standard_futures,
    standard_queue,
    standard_threading,
    threading,
)
from left_out import LEFT_OUT
from suite import classes, load, load_all, names_of_tests

TELL = """if 1:
    import {name}
    import sys
    print(sys.modules["{name}"].__name__, {name}.{first}.__module__)
"""

# Names of `concurrent.futures` that are ours in `ungil.futures`.
MADE_OF_OURS = ("Executor", "Future", "ThreadPoolExecutor", "as_completed", "wait")


def test_they_are_in_the_modules() -> None:
    tests = load("test_threading")
    assert tests.threading is threading
    assert tests.lock_tests.threading is threading
    for case, member, kind in (
        ("LockTests", "locktype", threading.Lock),
        ("EventTests", "eventtype", threading.Event),
        ("ConditionTests", "condtype", threading.Condition),
        ("ConditionAsRLockTests", "locktype", threading.Condition),
        ("SemaphoreTests", "semtype", threading.Semaphore),
        ("BoundedSemaphoreTests", "semtype", threading.BoundedSemaphore),
        ("BarrierTests", "barriertype", threading.Barrier),
    ):
        assert getattr(getattr(tests, case), member) is kind
    assert issubclass(tests.TestThread, threading.Thread)
    assert load("test_threading_local").threading is threading


def test_they_are_in_the_queues() -> None:
    tests = load("test_queue")
    assert tests.threading is threading
    assert tests.c_queue is queue
    assert tests.CQueueTest.queue is queue
    assert tests.py_queue.threading is threading
    assert tests.py_queue.Queue not in (queue.Queue, standard_queue.Queue)


def test_they_are_in_the_futures() -> None:
    tests = {name: value for module in load_all("test_concurrent_futures") for name, value in vars(module).items()}
    assert tests["threading"] is threading
    assert tests["Future"] is futures.Future
    assert tests["futures"].wait is futures.wait
    assert tests["futures"].as_completed is futures.as_completed
    assert {type(value) for name, value in tests.items() if name.endswith("_FUTURE")} == {futures.Future}
    assert tests["ThreadPoolWaitTests"].executor_type is futures.ThreadPoolExecutor
    assert tests["ThreadPoolInitializerTest"].executor_type is futures.ThreadPoolExecutor
    assert load("test_asyncio.test_futures").concurrent.futures.Future is futures.Future


def test_the_standard_modules_stay() -> None:
    load("test_threading")
    load_all("test_concurrent_futures")
    assert sys.modules["threading"] is standard_threading
    assert sys.modules["queue"] is standard_queue
    assert sys.modules["concurrent.futures"] is standard_futures
    assert sys.modules["concurrent"].futures is standard_futures


@pytest.mark.parametrize(("name", "first"), [("threading", "Event"), ("queue", "Queue")])
def test_they_are_in_children(name: str, first: str) -> None:
    module = {"threading": threading, "queue": queue}[name]
    assert said_by_a_child(TELL.format(name=name, first=first)) == [module.__name__, getattr(module, first).__module__]


@pytest.mark.parametrize(
    "first_line",
    [
        "import concurrent.futures as futures",
        "from concurrent import futures",
        "import threading; from concurrent import futures",
        "from test.test_concurrent_futures import futures",
    ],
)
def test_futures_are_in_children(first_line: str) -> None:
    if "test." in first_line and sys.version_info >= (3, 12):
        first_line = "from test.test_concurrent_futures.test_wait import futures"
    program = f"{first_line}\nprint(*(getattr(futures, name).__module__ for name in {MADE_OF_OURS}))"
    assert said_by_a_child(program) == [getattr(futures, name).__module__ for name in MADE_OF_OURS]


def said_by_a_child(program: str) -> list[str]:
    return subprocess.run(
        [sys.executable, "-I", "-c", program], check=True, capture_output=True, text=True
    ).stdout.split()


def test_what_is_left_out_exists() -> None:
    here = {name: entry for name, entry in LEFT_OUT.items() if entry.is_here}
    paths = [path for name in {each.partition(".")[0] for each in here} for path in paths_of(name)]
    assert [name for name in here if not matching(paths, name)] == []


def paths_of(name: str) -> list[str]:
    """Return the names of CPython's classes and of their tests in this module, as what is left out names them."""
    # Of these the interpreter's own classes are run, which our file of tests has already.
    is_own = name in ("test_multiprocessing", "test_process_pools")
    modules = [importlib.import_module(name)] if is_own else load_all(name)
    cases = [item for module in modules for item in classes(module).items()]
    return [f"{name}.{case}{test}" for case, found in cases for test in ("", *(f".{t}" for t in names_of_tests(found)))]
