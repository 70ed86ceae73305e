"""What a user reads who calls a function that cannot be compiled: programs in files of their own, run for real."""

from __future__ import annotations

import runpy
import subprocess
import sys
import textwrap
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import ungil

Told = Callable[..., tuple[str, ungil.errors.UngilError]]


@pytest.fixture
def told(tmp_path: Path) -> Told:
    """Return what runs a program, calls its `f`, and gives the error with its text, in which the file is `user.py`."""

    def run(program: str, *args: Any) -> tuple[str, ungil.errors.UngilError]:
        path = tmp_path / "user.py"
        path.write_text("from ungil import njit\n" + textwrap.dedent(program), encoding="utf-8")
        function = runpy.run_path(str(path))["f"]
        with pytest.raises(ungil.errors.UngilError) as caught:
            function(*args)
        return str(caught.value).replace(str(path), "user.py"), caught.value

    return run


def test_the_users_own_line_is_shown_and_underlined(told: Told) -> None:
    text, error = told(
        """
        @njit
        def f(n):
            point = (n, n)
            return point + 1
        """,
        3,
    )
    assert isinstance(error, ungil.TypingError)
    assert "--> user.py:6:12" in text
    assert "6 |     return point + 1\n  |            ^^^^^^^^^" in text


def test_everything_wrong_is_told_at_once(told: Told) -> None:
    text, error = told(
        """
        import math

        @njit
        def f(n, x):
            names = [n]
            low = x & n
            high = math.sqr(x)
            return low + high + undefined + names[0]
        """,
        3,
        0.5,
    )
    assert isinstance(error, ungil.UnsupportedError), "the first mistake chooses the class"
    assert [line.split("]")[0] for line in text.splitlines() if line.startswith("error[")] == [
        "error[unsupported-expression",
        "error[no-operator",
        "error[no-attribute",
        "error[undefined-name",
    ]


def test_each_type_has_its_origin(told: Told) -> None:
    text, _ = told(
        """
        @njit
        def f(n):
            flags = 0
            for i in range(n):
                flags += i / 2
            return (flags & 1) + n.size
        """,
        3,
    )
    assert "`flags` is int64 here" in text
    assert "`flags` becomes float64 here" in text
    assert "the argument `n` is int64" in text


def test_a_variable_of_two_types_is_told_once(told: Told) -> None:
    text, _ = told(
        """
        @njit
        def f(x):
            if x > 0:
                result = x
            else:
                result = "negative"
            print(result.upper())
            return result + 1
        """,
        0.5,
    )
    assert text.count("error[") == 1
    assert "`result` is float64 on one way here and a string on another" in text


@pytest.mark.parametrize(
    ("expression", "meant"),
    [("SCLAE * x", "SCALE"), ("math.ln(x)", "log"), ("rnage(x)", "range"), ("scaled(x, facotr=2.0)", "factor")],
)
def test_what_was_meant_is_suggested(told: Told, expression: str, meant: str) -> None:
    text, _ = told(
        f"""
        import math

        SCALE = 2.0

        def scaled(x, factor):
            return x * factor

        @njit
        def f(x):
            return {expression}
        """,
        0.5,
    )
    assert f"did you mean `{meant}`?" in text


def test_a_callees_mistake_shows_the_calls(told: Told) -> None:
    text, _ = told(
        """
        def inner(a, b):
            return a + b

        @njit
        def f(n):
            return inner(n, None)
        """,
        3,
    )
    assert "--> user.py:4:12" in text
    assert "the argument `b` is `None`" in text
    assert "called from here" in text


def test_the_traceback_ends_at_the_call(told: Told) -> None:
    _, error = told("@njit\ndef f(x):\n    return x.foo\n", 1)
    frames = traceback.extract_tb(error.__traceback__)
    assert [frame.filename for frame in frames] == [__file__]
    assert frames[-1].line == "function(*args)"


@pytest.mark.parametrize("signature", ["int64(int64)", [ungil.int64(ungil.int64)]])
def test_the_traceback_ends_at_a_decorator_with_signatures(signature: Any) -> None:
    with pytest.raises(ungil.TypingError) as caught:

        @ungil.njit(signature)
        def f(x: Any) -> Any:
            return x.foo

    frames = traceback.extract_tb(caught.value.__traceback__)
    assert [frame.filename for frame in frames] == [__file__]


def test_a_program_ends_with_its_own_line_and_the_diagnostic(tmp_path: Path) -> None:
    path = tmp_path / "program.py"
    path.write_text(
        "import ungil\n\n@ungil.njit\ndef f(x):\n    return x << 1\n\ndef main():\n    print(f(0.5))\n\nmain()\n",
        encoding="utf-8",
    )
    done = subprocess.run([sys.executable, str(path)], capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 1
    places = [line.strip() for line in done.stderr.splitlines() if line.startswith("  File ")]
    assert places == [f'File "{path}", line 10, in <module>', f'File "{path}", line 8, in main']
    assert "TypingError: error[no-operator]: `<<` does not apply to float64 and int64" in done.stderr
    assert f"--> {path}:5:12" in done.stderr
