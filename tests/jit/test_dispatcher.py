"""The object that `jit` makes: decorators, signatures, inspection, pickling, garbage."""

from __future__ import annotations

import copy
import gc
import inspect
import io
import pickle
import subprocess
import sys
import threading
import weakref

import numpy as np
import pytest

import ungil
from ungil import float32, float64, int8, int32, int64, jit, njit, types


@jit
def add(a, b):
    """Add."""
    return a + b


def plain(a, b=2, *, c: float = 3.0) -> float:
    """Say something."""
    return a + b + c


def test_every_form_of_the_decorator() -> None:
    for compiled in (
        jit(plain),
        jit()(plain),
        njit(plain),
        njit()(plain),
        jit(nopython=True, nogil=True, cache=True, fastmath=True, parallel=False, boundscheck=True)(plain),
        jit(error_model="numpy", inline="always", boundscheck=None)(plain),
        njit(fastmath={"nnan", "contract"})(plain),
        njit(fastmath={"nnan": True, "ninf": False})(plain),
    ):
        assert isinstance(compiled, ungil.Dispatcher)
        assert compiled(1) == 6.0


@pytest.mark.parametrize(
    "signatures",
    [
        "float64(int64, float64, float64)",
        "(int64, float64, float64)",
        "f8(i8, f8, f8)",
        float64(int64, float64, float64),
        (int64, float64, float64),
        ["float64(int64, float64, float64)", (float64, float64, float64)],
        [float64(int64, float64, float64)],
    ],
)
def test_signatures_are_compiled_at_once_and_are_the_only_ones(signatures) -> None:
    compiled = jit(signatures)(plain)
    assert compiled.signatures[0] == (int64, float64, float64)
    assert compiled(1, 2.0) == 6.0
    assert compiled(1, 2) == 6.0
    with pytest.raises(ungil.TypingError, match="No matching definition for argument type"):
        compiled(1j, 2.0)
    assert len(compiled.signatures) == (len(signatures) if isinstance(signatures, list) else 1)


def test_the_nearest_signature_is_taken() -> None:
    compiled = jit(["int8(int8)", "float64(float64)", "int64(int64)", "float32(float32)"])(lambda x: x)
    cases = [
        (1, int64),
        (1.5, float64),
        (np.int8(1), int8),
        (np.float32(1), float32),
        (np.int16(1), int64),
        (True, int64),
    ]
    for value, expected in cases:
        assert type(compiled(value)) is (int if expected in (int8, int64) else float)
    only_narrow = jit("int32(int32)")(lambda x: x)
    assert only_narrow(2**31 - 1) == 2**31 - 1
    with pytest.raises(OverflowError, match="`x`"):
        only_narrow(2**31)


def test_the_result_is_what_the_signature_says() -> None:
    assert jit("float32(float64)")(lambda x: x)(0.1) == float(np.float32(0.1))
    assert jit("int8(int64)")(lambda x: x)(300) == 44
    assert jit("float64(int64)")(lambda x: x)(3) == 3.0
    assert type(jit("float64(int64)")(lambda x: x)(3)) is float
    assert jit("void(int64)")(lambda x: x)(3) is None
    assert jit("complex128(float64)")(lambda x: x)(1.5) == 1.5 + 0j
    with pytest.raises(ungil.TypingError, match="result of type `int64`"):
        jit("int64(int64)")(lambda x: x * 1j)


def test_tuples_in_signatures() -> None:
    compiled = jit("UniTuple(float64, 2)(Tuple((int64, float64)))")(lambda t: (t[1], t[1]))
    assert compiled((1, 2.5)) == (2.5, 2.5)
    assert compiled.signatures == [(types.Tuple((int64, float64)),)]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("flot64(int64)", "`flot64` is no type"),
        ("float64(int64", r"`,` is expected"),
        ("float64", r"`\(` is expected"),
        ("float64(int64))", "nothing may follow"),
        ("", "name is expected"),
        ("UniTuple(float64, x)(int64)", "number of elements"),
        ("UniTuple(float64, 1000000000)(int64)", "at most 1000"),
        ("(float64,, int64)", "name is expected"),
    ],
)
def test_a_malformed_signature_says_where(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        jit(text)(plain)
    assert str(caught.value).splitlines()[-1].endswith("^")


def test_arrays_are_refused_by_name() -> None:
    for attempt in (lambda: jit("float64[:](int64)")(plain), lambda: float64[:]):
        with pytest.raises(ungil.UnsupportedError, match="arrays are not supported yet"):
            attempt()
    with pytest.raises(
        ungil.TypingError, match=r"argument `a` of `add` is a `numpy.ndarray`: arrays are not supported yet"
    ):
        add(np.zeros(3), 1)


@pytest.mark.parametrize("value", ["text", [1], {1: 2}, {1}, object(), b"bytes", range(3), np.zeros(2), np.str_("x")])
def test_other_arguments_are_refused_by_name(value) -> None:
    with pytest.raises(ungil.TypingError, match="argument `b` of `add`") as caught:
        add(1, value)
    assert type(value).__qualname__ in str(caught.value)
    with pytest.raises(ungil.TypingError, match="argument `b` of `add`"):
        add(1, (1, (value,)))


def test_options_that_do_nothing_yet_are_refused() -> None:
    for options in (
        {"forceobj": True},
        {"looplift": True},
        {"locals": {"x": int64}},
        {"pipeline_class": object},
        {"debug": True},
    ):
        with pytest.raises(ungil.UnsupportedError, match=next(iter(options))):
            jit(**options)
    with pytest.raises(TypeError, match="unexpected option 'parralel'"):
        jit(parralel=True)
    for wrong in ({"error_model": "c"}, {"inline": "sometimes"}, {"fastmath": {"fastest"}}):
        with pytest.raises(ValueError):
            jit(**wrong)(plain)
    for wrong in ({"fastmath": 3}, {"fastmath": "nnan"}):
        with pytest.raises(TypeError):
            jit(**wrong)(plain)


@pytest.mark.parametrize("value", [3, "x(", int, len, object(), [3]])
def test_what_is_no_function_cannot_be_compiled(value) -> None:
    with pytest.raises((TypeError, ValueError)):
        jit(value)(plain) if isinstance(value, (str, list)) else jit(value)
    with pytest.raises(TypeError):
        jit()(value)


def test_a_compiled_function_is_not_compiled_again() -> None:
    with pytest.raises(TypeError, match="compiled already"):
        jit(add)


def test_it_looks_like_the_function() -> None:
    compiled = jit(plain)
    assert compiled.__name__ == "plain"
    assert compiled.__qualname__ == "plain"
    assert compiled.__doc__ == "Say something."
    assert compiled.__module__ == __name__
    assert compiled.__wrapped__ is compiled.py_func is plain
    assert compiled.__defaults__ == (2,)
    assert compiled.__kwdefaults__ == {"c": 3.0}
    assert compiled.__annotations__ == plain.__annotations__
    assert inspect.signature(compiled) == inspect.signature(plain)
    compiled.extra = 1
    assert compiled.__dict__["extra"] == 1
    assert callable(compiled)


def test_the_repr_tells() -> None:
    compiled = jit(parallel=True, fastmath=True)(plain)
    start = "<ungil.Dispatcher plain(a, b=2, *, c: "
    assert repr(compiled).startswith(start)
    assert repr(compiled).endswith(": 0 signatures, parallel fastmath>")
    compiled(1)
    assert repr(compiled).endswith(": 1 signature, parallel fastmath>")


def test_compile_signatures_and_overloads() -> None:
    compiled = jit(plain)
    compiled.compile("(int64, int64, float64)")
    compiled.compile((int32, int32, float32))
    compiled.compile((int32, int32, float32))
    assert compiled.signatures == [(int64, int64, float64), (int32, int32, float32)]
    assert list(compiled.overloads) == compiled.signatures
    assert [str(s) for s in compiled.nopython_signatures] == [
        "(int64, int64, float64) -> float64",
        "(int32, int32, float32) -> float64",
    ]
    with pytest.raises(ValueError, match="the signature has 1 arguments, and `plain` takes 3"):
        compiled.compile("(int64,)")
    compiled.recompile()
    assert compiled.signatures == [(int64, int64, float64), (int32, int32, float32)]
    assert compiled.targetoptions == {}
    assert jit(nogil=True)(plain).targetoptions == {"nogil": True}
    compiled.disable_compile()
    with pytest.raises(ungil.TypingError, match="No matching definition"):
        compiled(1j)


def test_inspection() -> None:
    compiled = jit(plain)
    compiled(1)
    compiled(1.5)
    out = io.StringIO()
    compiled.inspect_types(file=out)
    assert "plain (int64, int64, float64) -> float64" in out.getvalue()
    for inspect_, word in ((compiled.inspect_llvm, "define"), (compiled.inspect_asm, ".text")):
        assert list(inspect_()) == compiled.signatures
        assert all(word in text for text in inspect_().values())
        assert word in inspect_(compiled.signatures[0])
        with pytest.raises(KeyError):
            inspect_((int8,))
    assert compiled.stats.cache_hits == {}
    assert compiled.stats._fields == ("cache_path", "cache_hits", "cache_misses")


def test_types() -> None:
    assert repr(float64(int32, int8)) == "(int32, int8) -> float64"
    assert repr(float64) == str(float64) == "float64"
    assert types.intp is types.int64
    assert types.UniTuple(int8, 2) == types.Tuple((int8, int8))
    assert len({int8, types.char, int32}) == 2
    assert int8(300) == 44
    assert float32(0.1) == np.float32(0.1)
    assert ungil.boolean(3) is True
    assert ungil.typeof((1, 2.0, None)) == types.Tuple((int64, float64, types.none))
    with pytest.raises(ValueError, match="`str`"):
        ungil.typeof("x")
    for ty in (float64, types.Tuple((int8, types.UniTuple(float32, 2))), types.Optional(int64), types.Tuple(())):
        assert pickle.loads(pickle.dumps(ty)) == ty


def test_pickling_goes_by_name() -> None:
    assert pickle.loads(pickle.dumps(add)) is add
    assert copy.copy(add) is copy.deepcopy(add) is add

    @njit
    def local(x):
        return x

    with pytest.raises((pickle.PicklingError, AttributeError), match="local"):
        pickle.dumps(local)


def test_it_can_be_referenced_weakly_and_collected() -> None:
    def make():
        @njit
        def f(a, g):
            return a

        f.itself = f
        f(1, f)
        f(1, lambda x: f(x, x))
        return weakref.ref(f)

    reference = make()
    gc.collect()
    assert reference() is None


def test_calls_do_not_leak() -> None:
    compiled = njit(lambda a, b: (a, b))
    value = 12345.678
    compiled(value, (value, value))
    before = sys.getrefcount(value)
    for _ in range(1000):
        compiled(value, (value, value))
        compiled(b=value, a=value)
    assert sys.getrefcount(value) <= before + 2


def test_many_threads_calling_first_compile_once() -> None:
    for _ in range(5):
        compiled = njit(lambda a, b: a + b)
        barrier = threading.Barrier(8)
        results = []

        def work(compiled=compiled, barrier=barrier, results=results):
            barrier.wait()
            results.append(compiled(1, 2))

        threads = [threading.Thread(target=work) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert results == [3] * 8
        assert compiled.signatures == [(int64, int64)]


def test_a_failed_compilation_fails_for_each_caller() -> None:
    compiled = njit(lambda a: a.nothing)
    for _ in range(2):
        with pytest.raises((ungil.TypingError, ungil.UnsupportedError)):
            compiled(1)
    assert compiled.signatures == []


def test_long_calls_let_other_threads_run() -> None:
    @njit
    def long(n):
        s = 0
        for i in range(n):
            s += i ^ (s >> 3)
        return s

    long(1)
    counted = 0
    done = threading.Event()

    def work():
        long(3 * 10**8)
        done.set()

    thread = threading.Thread(target=work)
    thread.start()
    while not done.is_set():
        counted += 1
    thread.join()
    assert counted > 100


def test_sources_without_a_file() -> None:
    namespace = {}
    exec("def f(x):\n    return x\n", namespace)
    with pytest.raises(ungil.UnsupportedError, match="source of `<string>` cannot be found"):
        njit(namespace["f"])(1)


def test_source_in_an_archive(tmp_path) -> None:
    import zipfile

    archive = tmp_path / "archive.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("zipped.py", "import ungil\n\n@ungil.njit\ndef f(x):\n    return x + 1\n")
    program = f"import sys; sys.path.insert(0, {str(archive)!r}); import zipped; print(zipped.f(2))"
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout == "3\n"


def test_sources_in_other_encodings(tmp_path) -> None:
    for encoding, mark in (("latin-1", b""), ("utf-8", b"\xef\xbb\xbf"), ("utf-8", b"")):
        lines = ["import ungil", "name = 'ä'", "@ungil.njit", "def f(ü):", "    return ü + 1  # é", "print(f(2))", ""]
        text = "\r\n".join([f"# -*- coding: {encoding} -*-", *lines])
        file = tmp_path / "encoded.py"
        file.write_bytes(mark + text.encode(encoding))
        done = subprocess.run([sys.executable, str(file)], capture_output=True, text=True, check=False)
        assert done.stdout == "3\n", done.stderr


def test_the_collector_may_run_at_any_moment() -> None:
    thresholds = gc.get_threshold()
    gc.set_threshold(1)
    try:
        compiled = [njit(lambda x: x) for _ in range(200)]
        compiled[0](1)
    finally:
        gc.set_threshold(*thresholds)
    assert all(gc.is_tracked(one) for one in compiled)


def test_numbers_are_converted_to_the_only_signature() -> None:
    compiled = jit("(int8, uint64, float32, float64, Tuple((int16, float64)))")(lambda a, b, c, d, e: (a, b, c, d, e))
    expected = (-128, 2**64 - 1, float(np.float32(0.1)), 3.0, (5, 7.0))
    found = compiled(-128, 2**64 - 1, 0.1, 3, (5, 7))
    assert found == expected
    assert [type(value) for value in found] == [type(value) for value in expected]
    assert compiled(1, 2, 3, True, (4, 5.5)) == (1, 2, 3.0, 1.0, (4, 5.5))
    for wrong in ((128, 0, 0.0, 0.0, (0, 0.0)), (0, -1, 0.0, 0.0, (0, 0.0)), (0, 0, 0.0, 0.0, (2**15, 0.0))):
        with pytest.raises(OverflowError, match="does not fit"):
            compiled(*wrong)
    with pytest.raises(ungil.TypingError, match="No matching definition"):
        compiled(0.5, 0, 0.0, 0.0, (0, 0.0))
