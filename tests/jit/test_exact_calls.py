"""Calls of exact functions: what is captured and passed, who runs what, and that nothing fails for being compiled."""

from __future__ import annotations

import builtins
import enum
import math
import subprocess
import sys
import textwrap
import threading
import traceback
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import ungil._exact
from ungil._exact import Exact

FACTOR = 2


def helper(x):
    return x * FACTOR


def scaled(x):
    return helper(x) + FACTOR


def with_defaults(a, b=10, *, c=100):
    return a + b + c


def every_kind(a, /, b, *rest, c=3, d):
    return a + b * 10 + len(rest) * 100 + c * 1000 + d * 10000 + sum(rest)


def cosine(x):
    return math.cos(x)


def magnitude(x):
    return abs(x)


def identity(x):
    return x


def add(a, b):
    return a + b


def counted(exact: Exact[..., Any]) -> tuple[int, int, int]:
    """How many calls code answered, how many it handed back, and for how many types there is none."""
    versions = exact.versions
    refused = sum(not version.is_compiled for version in versions)
    return sum(v.compiled for v in versions), sum(v.handed_back for v in versions), refused


def test_what_was_captured_may_change(monkeypatch: pytest.MonkeyPatch) -> None:
    exact = Exact(scaled)
    assert exact(5) == 12
    monkeypatch.setitem(globals(), "FACTOR", 3)
    assert exact(5) == scaled(5) == 18
    monkeypatch.setitem(globals(), "FACTOR", 0.5)
    assert exact(5) == scaled(5) == 3.0
    monkeypatch.setitem(globals(), "helper", lambda x: x - FACTOR)
    assert exact(5) == scaled(5) == 5.0
    monkeypatch.delitem(globals(), "helper")
    with pytest.raises(NameError, match="helper"):
        exact(5)
    monkeypatch.undo()
    assert exact(5) == 12
    assert counted(exact) == (1, 0, 0)


def test_an_equal_number_is_the_same_capture(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(globals(), "FACTOR", 10**9)
    exact = Exact(scaled)
    exact(1)
    monkeypatch.setitem(globals(), "FACTOR", int("1000000000"))
    exact(1)
    assert counted(exact) == (2, 0, 0)
    monkeypatch.setitem(globals(), "FACTOR", 1e9)
    assert type(exact(1)) is float


def test_code_and_defaults_of_a_called_function_may_change(monkeypatch: pytest.MonkeyPatch) -> None:
    exact = Exact(scaled)
    assert exact(5) == 12
    monkeypatch.setattr(helper, "__code__", identity.__code__)
    assert exact(5) == scaled(5) == 7


def test_its_own_code_and_defaults_may_change(monkeypatch: pytest.MonkeyPatch) -> None:
    exact = Exact(with_defaults)
    assert exact(1) == 111
    monkeypatch.setattr(with_defaults, "__defaults__", (20,))
    assert exact(1) == 121
    monkeypatch.setitem(with_defaults.__kwdefaults__, "c", 200)
    assert exact(1) == 221
    monkeypatch.setattr(with_defaults, "__kwdefaults__", {"c": 0.5})
    assert exact(1) == 21.5
    monkeypatch.setattr(with_defaults, "__code__", (lambda a, b, *, c: a * b).__code__)
    assert exact(3) == 60


def test_builtins_and_attributes_of_modules_may_change(monkeypatch: pytest.MonkeyPatch) -> None:
    exact, absolute = Exact(cosine), Exact(magnitude)
    assert exact(0.0) == 1.0
    assert absolute(-3) == 3
    monkeypatch.setattr(math, "cos", helper)
    assert exact(4.0) == 8.0
    monkeypatch.setitem(globals(), "abs", identity)
    assert absolute(-3) == -3
    monkeypatch.delitem(globals(), "abs")
    monkeypatch.setattr(builtins, "abs", helper)
    assert absolute(-3) == -6


def test_cells_may_change() -> None:
    def outer() -> tuple[Callable[[int], Any], Callable[[Any], None]]:
        kept = 1

        def inner(x):
            return x + kept

        def put(value):
            nonlocal kept
            kept = value

        return inner, put

    inner, put = outer()
    exact = Exact(inner)
    assert exact(1) == 2
    put(2.5)
    assert exact(1) == 3.5
    put([])
    with pytest.raises(TypeError, match="unsupported operand"):
        exact(1)


def test_what_changes_all_the_time_is_left_to_the_interpreter(monkeypatch: pytest.MonkeyPatch) -> None:
    exact = Exact(scaled)
    for factor in range(100):
        monkeypatch.setitem(globals(), "FACTOR", factor)
        assert exact(1) == 2 * factor
    assert "has changed" in exact.reason


def test_only_plain_numbers_are_taken() -> None:
    class Number(enum.IntEnum):
        ONE = 1

    class Real(float):
        def __mul__(self, other: object) -> str:  # type: ignore[override]
            return "times"

    exact = Exact(helper)
    assert exact(Real(1.5)) == "times"
    assert exact(Number.ONE) == 2
    assert type(exact(np.float64(1.5))) is np.float64
    assert exact(2 * 10**18) == 4 * 10**18
    assert exact(10**18 * 9) == 18 * 10**18
    assert exact(10**30) == 2 * 10**30
    assert exact("ab") == "abab"
    assert exact([1]) == [1, 1]
    assert exact(1.5j) == 3j
    assert counted(exact)[:2] == (1, 1)
    assert Exact(identity)((1, (2.5, None), True)) == (1, (2.5, None), True)


def test_captured_subclasses_are_left_to_the_interpreter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(globals(), "FACTOR", np.float64(3))
    exact = Exact(helper)
    assert type(exact(2)) is np.float64
    assert counted(exact) == (0, 0, 1)
    monkeypatch.setitem(globals(), "helper", ungil.njit(identity))
    assert Exact(scaled)(2) == 5.0


@pytest.mark.parametrize(
    ("args", "keywords"),
    [
        ((1, 2), {"d": 4}),
        ((1,), {"b": 2, "d": 4}),
        ((1, 2, 3, 4), {"c": 7, "d": 4}),
        ((1, 2.5), {"d": 4, "c": 0.5}),
        ((1, 2), {}),
        ((), {"a": 1, "b": 2, "d": 4}),
        ((1, 2), {"d": 4, "e": 5}),
        ((1, 2), {"d": 4, "b": 5}),
    ],
)
def test_arguments_bind_as_in_the_interpreter(args: tuple[Any, ...], keywords: dict[str, Any]) -> None:
    exact = Exact(every_kind)

    def end(function: Callable[..., Any]) -> tuple[object, ...]:
        try:
            result = function(*args, **keywords)
        except TypeError as error:
            return TypeError, str(error)
        return type(result), result

    assert end(exact) == end(every_kind)


def test_what_is_no_function_of_python_is_called() -> None:
    class Adder:
        def __call__(self, a: int) -> int:
            return a + 1

        def method(self, a: int) -> int:
            return a + 2

    assert Exact(math.cos)(0) == 1.0
    assert Exact(int)("7") == 7
    assert Exact(Adder())(1) == 2
    assert Exact(Adder().method)(1) == 3
    assert Exact(ungil.njit(identity))(4) == 4
    assert "no function written in Python" in Exact(math.cos).reason


def printing(x):
    print("once", x)
    return x


def appending(x, seen=[]):
    seen.append(x)
    return len(seen)


def test_what_has_effects_runs_once(capsys: pytest.CaptureFixture[str]) -> None:
    exact = Exact(printing)
    assert exact(3) == 3
    assert capsys.readouterr().out == "once 3\n"
    assert "print" in exact.reason
    grows = Exact(appending)
    assert [grows(1), grows(1), grows(1)] == [1, 2, 3]


def dividing(a, b):
    return helper(a / b)


def test_the_interpreters_own_exception_is_raised() -> None:
    exact = Exact(dividing)
    assert exact(1.0, 4.0) == 0.5
    with pytest.raises(ZeroDivisionError) as caught:
        exact(1.0, 0.0)
    assert counted(exact) == (1, 1, 0)
    frames = [frame for frame, _ in traceback.walk_tb(caught.value.__traceback__)]
    assert frames[-1].f_code is dividing.__code__
    assert frames[-1].f_locals == {"a": 1.0, "b": 0.0}


def test_code_that_keeps_handing_back_is_tried_less_and_less() -> None:
    exact = Exact(add)
    for _ in range(200):
        assert exact(2**63 - 1, 1) == 2**63
    version = exact.versions[0]
    assert version.compiled == 0
    assert version.handed_back < 12
    assert version.handed_back + version.passed_over == 200
    assert [exact(1, 2) for _ in range(2000)] == [3] * 2000
    assert exact.versions[0].compiled > 900
    assert "an int outgrew 64 bits" in exact.explain()


@pytest.fixture
def compilations(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The functions whose source was looked at for a compilation, in order."""
    looked_at: list[str] = []
    whole = ungil._exact._is_source_of

    def noted(text: str, code: Any) -> bool:
        looked_at.append(code.co_name)
        return whole(text, code)

    monkeypatch.setattr(ungil._exact, "_is_source_of", noted)
    return looked_at


def listing(x):
    return [x]


def test_what_failed_to_compile_is_not_tried_again(compilations: list[str]) -> None:
    exact = Exact(listing)
    for _ in range(3):
        assert exact(1) == [1]
    assert exact(1.5) == [1.5]
    assert compilations == ["listing", "listing"]
    assert counted(exact) == (0, 0, 2)


def test_many_threads_compile_once(compilations: list[str]) -> None:
    exact, start, results = Exact(add), threading.Barrier(8), []

    def call() -> None:
        start.wait()
        results.append(exact(1, 2.5))

    threads = [threading.Thread(target=call) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [3.5] * 8
    assert compilations == ["add"]
    assert counted(exact) == (8, 0, 0)


def test_a_failing_compiler_fails_no_call(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(text: str, code: object) -> bool:
        raise RuntimeError("a fault")

    monkeypatch.setattr(ungil._exact, "_is_source_of", broken)
    exact = Exact(add)
    assert [exact(1, 2), exact(1, 2), exact("a", "b")] == [3, 3, "ab"]
    assert "a fault" in exact.reason


def test_a_file_that_has_changed_is_not_the_source(tmp_path: Any) -> None:
    file = tmp_path / "changing.py"
    file.write_text("def f(x):\n    return x + 1\n")
    namespace: dict[str, Any] = {"__name__": "changing"}
    exec(compile(file.read_text(), str(file), "exec"), namespace)
    file.write_text("def f(x):\n    return x + 2\n")
    exact = Exact(namespace["f"])
    assert exact(1) == 2
    assert "another text" in exact.reason


def test_functions_that_are_equal_code_are_told_apart() -> None:
    exact = Exact(lambda f, x: f(x))
    made = [lambda x, k=k: x + k for k in range(3)]
    assert [exact(f, 1) for f in made] == [1, 2, 3]
    plain = [eval("lambda x: x * 2", globals()) for _ in range(2)]
    assert [exact(f, 4) for f in plain] == [8, 8]


INTERRUPTED = """
import os, signal, threading, time
from ungil._exact import Exact

def endless(x):
    while True:
        x = x * 0.5 + 1.0

def interrupt():
    # It runs although the call does, which thus holds no interpreter.
    while not exact.versions:
        time.sleep(0.01)
    time.sleep(0.2)
    os.kill(os.getpid(), signal.SIGINT)

# The shell of whoever runs this may have had it ignored.
signal.signal(signal.SIGINT, signal.default_int_handler)
exact = Exact(endless)
threading.Thread(target=interrupt).start()
try:
    exact(1.0)
except KeyboardInterrupt:
    # Run again by the interpreter, it would never end.
    print("interrupted", exact.versions[0].handed_back)
"""


def test_an_interrupt_is_raised_and_not_run_again(tmp_path: Any) -> None:
    file = tmp_path / "program.py"
    file.write_text(textwrap.dedent(INTERRUPTED))
    done = subprocess.run([sys.executable, str(file)], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (0, "interrupted 0\n"), done.stderr


def test_it_explains_itself() -> None:
    exact = Exact(add)
    assert exact.explain() == "add: not called yet"
    exact(1, 2)
    exact([], [])
    assert exact.explain() == (
        "add(int, int): compiled; answered 1 calls\n"
        "add: left to the interpreter: the argument `a` is a `list` that compiled code does not take"
    )
    assert repr(exact).startswith("Exact(<function add")
