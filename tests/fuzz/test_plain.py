"""Random programs in plain Python give, as exact code, what the interpreter gives: to the bit, exceptions included."""

from __future__ import annotations

import linecache
import struct
from collections.abc import Callable
from typing import Any

import plain
import pytest

from ungil._exact import Exact

BATCHES = 6
PROGRAMS = 30


def shown(value: Any) -> Any:
    if type(value) is float:
        return ("float", struct.pack("d", value).hex())
    return tuple(map(shown, value)) if type(value) is tuple else (type(value).__name__, value)


def outcome(function: Callable[..., Any], args: tuple[Any, ...]) -> Any:
    try:
        return shown(function(*args))
    except Exception as error:
        return type(error), error.args


@pytest.mark.parametrize("batch", range(BATCHES))
def test_random_programs_give_the_interpreters_answers(batch: int) -> None:
    wrong, answered = [], 0
    for seed in range(batch * PROGRAMS, (batch + 1) * PROGRAMS):
        source, calls = plain.write(seed)
        name = f"<plain {seed}>"
        linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)
        namespace: dict[str, Any] = {"__name__": name}
        exec(compile(source, name, "exec"), namespace)
        exact = Exact(namespace["main"])
        for args in calls:
            expected, found = outcome(namespace["main"], args), outcome(exact, args)
            if expected != found:
                wrong.append(f"seed {seed}, main{args}: CPython {expected}, exact {found}\n{source}")
        answered += sum(version.compiled for version in exact.versions)
        assert not any("fault of ungil" in version.why for version in exact.versions), exact.explain()
    assert not wrong, "\n\n".join(wrong[:3])
    assert answered > PROGRAMS
