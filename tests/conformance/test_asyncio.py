"""Those tests of CPython's test.test_asyncio that use an executor or a future of threads, with ours put in.

asyncio itself finds ours meanwhile, and makes its executors and futures of threads with them. The other tests, some two
thousand, ask nothing of either.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from types import CodeType, FunctionType
from typing import Any

import pytest
from implementation import modules
from stand_ins import PARENT
from suite import Case, classes, load, names_of_tests

PARTS = ("test_base_events", "test_events", "test_futures", "test_tasks", "test_threads")

# What a test has among the names of its code if it is one of them.
NAMES = {
    "ThreadPoolExecutor",
    "concurrent",
    "run_coroutine_threadsafe",
    "run_in_executor",
    "set_default_executor",
    "shutdown_default_executor",
    "to_thread",
    "wrap_future",
}


def uses_an_executor(test: Any) -> bool:
    """Whether a test, or a function inside it, has one of the names, and not that of the pool of processes."""
    function = getattr(test, "__wrapped__", test)
    if not isinstance(function, FunctionType):
        return False
    names = {name for code in codes(function.__code__) for name in code.co_names}
    return bool(NAMES & names) and "ProcessPoolExecutor" not in names


def codes(code: CodeType) -> Iterator[CodeType]:
    """Give a function's code, and that of the functions inside it."""
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from codes(constant)


def with_those_tests(case: Case) -> Case | None:
    """Return a subclass without the other tests, if any is left."""
    others = {name: None for name in names_of_tests(case) if not uses_an_executor(getattr(case, name))}
    chosen = type(case.__name__, (case,), {**others, "__module__": case.__module__, "__qualname__": case.__qualname__})
    return chosen if names_of_tests(chosen) else None


for part in PARTS:
    for name, case in classes(load(f"test_asyncio.{part}")).items():
        chosen = with_those_tests(case)
        if chosen is not None:
            assert name not in globals(), name
            globals()[name] = chosen


@pytest.fixture(autouse=True)
def _asyncio_finds_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    for user in ("base_events", "futures", "tasks"):
        module = importlib.import_module(f"asyncio.{user}")
        monkeypatch.setattr(module, PARENT, modules[PARENT])


@pytest.mark.parametrize(
    "test",
    [
        "BaseEventLoopTests.test_set_default_executor",
        "EPollEventLoopTests.test_run_in_executor",
        "EPollEventLoopTests.test_run_in_executor_cancel",
        "CFutureTests.test_wrap_future",
        "PyFutureTests.test_wrap_future_cancel2",
        "RunCoroutineThreadsafeTests.test_run_coroutine_threadsafe_with_timeout",
        "ToThreadTests.test_to_thread_contextvars",
    ],
)
def test_these_are_among_them(test: str) -> None:
    case, _, name = test.partition(".")
    assert name in names_of_tests(globals()[case])
