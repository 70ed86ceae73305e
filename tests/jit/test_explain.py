"""`Dispatcher.explain`: what it says is what was done."""

import math
import os
from pathlib import Path

import pytest

import ungil
from ungil import njit, prange


@njit(parallel=True, fastmath=True)
def integrate(a, b, n):
    acc = 0.0
    step = (b - a) / n
    for i in prange(n):
        acc += math.cos(a + i * step) * step
    return acc


def half(x):
    return x / 2


@njit
def loops(n, limit):
    total = 0.0
    for i in range(n):
        total += half(i)
    for _ in range(3):
        total += 1
    while total > limit:
        total -= limit
    for i in range(n):
        if i > limit:
            raise ValueError("too many")
        total += i
    for i in range(n):
        for j in range(i):
            total += j
    return total


@njit
def add(a, b):
    return a + b


def test_a_parallel_loop_is_parallel_and_vectorised():
    integrate(0.0, 1.0, 10)
    (version,) = integrate.explain().versions
    (loop,) = version.loops
    assert loop.parallel
    assert loop.reductions == ("acc",)
    assert loop.lanes > 1, "every processor that runs these tests has vectors of two float64"
    assert (loop.function, Path(loop.file).name, loop.text) == ("integrate", "test_explain.py", "for i in prange(n):")
    assert Path(__file__).read_text().splitlines()[loop.line - 1].strip() == loop.text
    assert "may run long" in version.gil
    names = [name for name, _ in version.stages]
    assert names == ["parsing and typing", "building LLVM's IR", "LLVM's passes", "writing machine code", "loading"]
    assert all(seconds > 0 for _, seconds in version.stages)


def test_each_loop_has_its_fate():
    loops(3, 2)
    (version,) = loops.explain().versions
    summed, constant, wandering, raising, outer, inner = version.loops
    assert summed.lanes > 1
    assert (constant.lanes, constant.why_scalar) == (0, "")
    assert (wandering.lanes, "while" in wandering.why_scalar) == (1, True)
    assert (raising.lanes, "exception" in raising.why_scalar) == (1, True)
    assert (outer.lanes, "another loop" in outer.why_scalar) == (1, True)
    assert inner.lanes > 1
    assert not any(loop.parallel for loop in version.loops)
    assert version.inlined == ("half",)
    assert version.called == ()


@pytest.mark.parametrize("parallel", [False, True])
def test_a_loop_that_is_left_out_does_not_release_the_gil(parallel):
    @njit(parallel=parallel, fastmath=True)
    def count(n, value):
        seen = 0.0
        for i in prange(n):
            seen += math.isnan(i * value)
        return seen

    assert count(2**62, 0.5) == 0.0, "nobody waits for so many turns"
    explanation = count.explain()
    (version,) = explanation.versions
    (loop,) = version.loops
    assert (loop.parallel, loop.lanes) == (parallel, 0)
    assert version.gil.startswith("held")
    assert "threads" not in str(explanation)


def test_what_calls_itself_is_still_called():
    @njit
    def fibonacci(n):
        return n if n < 2 else fibonacci(n - 1) + fibonacci(n - 2)

    @njit
    def twice(n):
        return 2 * fibonacci(n)

    assert twice(10) == 110
    (version,) = twice.explain().versions
    assert [name.rpartition(".")[2] for name in version.called] == ["fibonacci"]
    assert version.inlined == ()


def test_versions_come_in_order_and_by_signature():
    add(1, 2)
    add(1.5, 2)
    explanation = add.explain()
    assert [version.signature for version in explanation.versions] == [
        "(int64, int64) -> int64",
        "(float64, int64) -> float64",
    ]
    assert all("held" in version.gil for version in explanation.versions)
    (version,) = add.explain((ungil.float64, ungil.int64)).versions
    assert version.signature == "(float64, int64) -> float64"
    with pytest.raises(KeyError, match="no version was compiled"):
        add.explain("int8(int8, int8)")


def test_the_cache_is_told(tmp_path, monkeypatch):
    def fresh():
        @njit(cache=True)
        def f(x):
            return x + 1

        f(1)
        (version,) = f.explain().versions
        return version

    monkeypatch.setitem(os.environ, "UNGIL_CACHE_DIR", str(tmp_path / "cache"))
    stored, found = fresh(), fresh()
    assert stored.cache.startswith("the code was written to " + str(tmp_path))
    assert found.cache.startswith("the code was found in " + str(tmp_path))
    assert "LLVM's passes" in dict(stored.stages)
    assert "LLVM's passes" not in dict(found.stages)
    (tmp_path / "file").touch()
    monkeypatch.setitem(os.environ, "UNGIL_CACHE_DIR", str(tmp_path / "file"))
    with pytest.warns(ungil.errors.CacheWarning):
        assert "could not be written" in fresh().cache


def test_it_reads_well(monkeypatch):
    @njit(nogil=True)
    def plain(n: int) -> int:
        total = 0
        for i in range(n):
            total ^= i
        return total

    assert "not compiled yet" in str(plain.explain())
    plain(3)
    explanation = plain.explain()
    text = str(explanation)
    assert "for i in range(n):" in text
    assert "turns at once" in text
    assert "nogil=True" in text
    assert "\x1b" not in text
    assert repr(explanation) == text, "the output of tests is no terminal"
    html = explanation._repr_html_()
    assert html.startswith("<pre>")
    assert "-&gt;" in html
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    assert "\x1b[" in repr(explanation)
