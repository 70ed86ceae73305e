"""The suite itself: CPython's tests have the chosen modules, in children too, and what is left out of them exists."""

from __future__ import annotations

import subprocess
import sys

import pytest
from implementation import IS_UNGIL, queue, standard_queue, standard_threading, threading
from left_out import LEFT_OUT
from suite import classes, load, names_of_tests

TELL = """if 1:
    import {name}
    import sys
    print(sys.modules["{name}"].__name__, {name}.{first}.__module__)
"""


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


def test_the_standard_modules_stay() -> None:
    load("test_threading")
    assert sys.modules["threading"] is standard_threading
    assert sys.modules["queue"] is standard_queue


@pytest.mark.parametrize(("name", "first"), [("threading", "Event"), ("queue", "Queue")])
def test_they_are_in_children(name: str, first: str) -> None:
    program = TELL.format(name=name, first=first)
    output = subprocess.run([sys.executable, "-I", "-c", program], check=True, capture_output=True, text=True).stdout
    module = {"threading": threading, "queue": queue}[name]
    assert output.split() == [module.__name__, getattr(module, first).__module__]


@pytest.mark.skipif(not IS_UNGIL, reason="nothing is left out")
def test_what_is_left_out_exists() -> None:
    modules = {name: classes(load(name)) for name in {path.partition(".")[0] for path in LEFT_OUT}}
    missing = []
    for path, entry in LEFT_OUT.items():
        module, case, *test = path.split(".")
        found = modules[module].get(case)
        if entry.is_here and (found is None or not set(test) <= set(names_of_tests(found))):
            missing.append(path)
    assert not missing
