"""`ThreadPoolExecutor(compile=True)`: what is compiled gives CPython's own answers, and what is not runs as ever."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from ungil.futures import CancelledError, ThreadPoolExecutor, as_completed


@pytest.fixture
def executor() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(max_workers=2, compile=True) as executor:
        yield executor


# The lecture's, unchanged.
def integrate(f, a, b, *, n_iter=1000):  # type: ignore[no-untyped-def]
    acc = 0
    step = (b - a) / n_iter
    for i in range(n_iter):
        acc += f(a + i * step) * step
    return acc


def factorial(n: int) -> int:
    product = 1
    for factor in range(2, n + 1):
        product *= factor
    return product


def count(text: str) -> int:
    n = 0
    for _ in text:
        n += 1
    return n


def spin(n: int) -> int:
    total = 0
    while total < n:
        total += 1
        if total == n:
            total = 0
    return total


def test_the_lecture_s_integral_is_compiled_and_equal_to_the_bit(executor: ThreadPoolExecutor) -> None:
    spawn = partial(executor.submit, integrate, math.cos, n_iter=500)
    step = (math.pi / 2 - 0) / 2
    futures = [spawn(0 + i * step, 0 + (i + 1) * step) for i in range(2)]
    plain = [integrate(math.cos, 0 + i * step, 0 + (i + 1) * step, n_iter=500) for i in range(2)]
    assert {future.result() for future in as_completed(futures)} == set(plain)
    assert "compiled; answered" in executor.explain(integrate)


@pytest.mark.parametrize("n", [0, 1, 20, 21, 100])
def test_ints_that_outgrow_the_machine_are_the_interpreter_s(executor: ThreadPoolExecutor, n: int) -> None:
    assert executor.submit(factorial, n).result() == math.factorial(n)


def test_exceptions_are_the_interpreter_s(executor: ThreadPoolExecutor) -> None:
    with pytest.raises(ZeroDivisionError):
        executor.submit(integrate, math.cos, 0, 1, n_iter=0).result()
    with pytest.raises(ValueError, match="math domain error"):
        executor.submit(integrate, math.sqrt, -1.0, 0.0).result()
    with pytest.raises(TypeError):
        executor.submit(integrate).result()


@pytest.mark.parametrize(
    ("function", "args"), [(len, ("abc",)), (count, ("abc",)), (lambda x: x + 1, (2,)), (partial(factorial, 3), ())]
)
def test_what_is_not_compiled_runs_as_ever(
    executor: ThreadPoolExecutor, function: Callable[..., Any], args: tuple[Any, ...]
) -> None:
    assert executor.submit(function, *args).result() == function(*args)
    assert "compiled; answered" not in executor.explain(function)


def test_it_says_why_not(executor: ThreadPoolExecutor) -> None:
    executor.submit(count, "abc").result()
    assert "the argument `text` is a `str`" in executor.explain(count)
    assert "it has no loop" in executor.explain(lambda: None)
    assert "builtin_function_or_method" in executor.explain(len)


def test_functions_that_are_made_anew_are_compiled_a_few_times(executor: ThreadPoolExecutor) -> None:
    def make(offset: int) -> Callable[[int], int]:
        def total(n: int) -> int:
            result = offset
            for each in range(n):
                result += each
            return result

        return total

    functions = [make(offset) for offset in range(8)]
    assert [executor.submit(function, 10).result() for function in functions] == [45 + offset for offset in range(8)]
    assert "made anew" in executor.explain(functions[-1])


def test_options_go_with_it(executor: ThreadPoolExecutor) -> None:
    assert list(executor.options(name="fact").map(factorial, [5, 30])) == [120, math.factorial(30)]
    future = executor.options().submit(spin, 10**6)
    while not future.running():
        time.sleep(0.001)
    time.sleep(0.1)
    future.cancel()
    with pytest.raises(CancelledError):
        future.result()


def test_a_trace_has_the_function_s_name(executor: ThreadPoolExecutor, tmp_path: Path) -> None:
    with executor.trace(tmp_path / "trace.json"):
        executor.submit(factorial, 5).result()
    events = json.loads((tmp_path / "trace.json").read_text())["traceEvents"]
    assert [event["name"] for event in events if event["ph"] == "X"] == ["factorial"]
