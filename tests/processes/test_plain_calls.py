"""Calls and results that need no pickle: they mean what they would mean with one."""

from __future__ import annotations

import builtins
import concurrent.futures
import math
import operator
import os
import pickle
import signal
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pool_calls
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.conftest import PATIENCE, wait_until

from ungil import _core
from ungil.futures import Future, ProcessPoolExecutor, WorkerDied


@pytest.fixture(scope="module")
def single() -> Iterator[ProcessPoolExecutor]:
    with ProcessPoolExecutor(1) as executor:
        yield executor


VALUES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats()
    | st.text()
    | st.text(st.characters())
    | st.binary()
)
VALUES |= st.lists(VALUES, max_size=5).map(tuple)


def is_alike(a: Any, b: Any) -> bool:
    if type(a) is not type(b):
        return False
    if isinstance(a, tuple):
        return len(a) == len(b) and all(map(is_alike, a, b))
    # Zeros have signs, and what is no number has bits.
    return struct.pack("d", a) == struct.pack("d", b) if isinstance(a, float) else bool(a == b)


@settings(deadline=None)
@given(value=VALUES)
def test_a_value_comes_back_as_it_went(single: ProcessPoolExecutor, value: Any) -> None:
    assert is_alike(single.submit(pool_calls.pause_and_return, 0, value).result(), value)


@settings(deadline=None)
@given(args=st.lists(VALUES, max_size=20))
def test_any_number_of_arguments(single: ProcessPoolExecutor, args: list[Any]) -> None:
    assert single.submit(pool_calls.given, *args).result() == len(args)


def test_arguments_that_are_too_long_together(single: ProcessPoolExecutor) -> None:
    assert single.submit(pool_calls.given, *range(5000)).result() == 5000
    assert single.submit(operator.add, "x" * 20_000, "y" * 20_000).result() == "x" * 20_000 + "y" * 20_000


@pytest.mark.parametrize("number", range(len(pool_calls.RETURNED)))
def test_results_that_are_plain_and_others(single: ProcessPoolExecutor, number: int) -> None:
    result = single.submit(pool_calls.returned, number).result()
    assert is_alike(result, pool_calls.RETURNED[number])


def test_what_cannot_be_called_so(single: ProcessPoolExecutor) -> None:
    assert single.submit(int, "12", base=3).result() == 5
    assert single.submit("{}-{}".format, 1, 2).result() == "1-2"
    assert single.submit(str.upper, "a").result() == "A"


def test_a_name_that_the_worker_does_not_have(single: ProcessPoolExecutor) -> None:
    for module, name, problem in [
        ("math", "not_there", "attribute 'not_there'"),
        ("not_there", "a", "No module named"),
    ]:
        future: Future[object] = Future()
        assert single._pool.submit_plain(future, (module, name), (1,))
        with pytest.raises(pickle.UnpicklingError, match=problem):
            future.result()


def test_a_module_that_the_worker_has_not_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "only_here.py").write_text("def negative(x): return -x")
    monkeypatch.syspath_prepend(tmp_path)
    import only_here  # type: ignore[import-not-found]

    is_there = "'only_here' in __import__('sys').modules"
    with ProcessPoolExecutor(1) as executor:
        assert not executor.submit(eval, is_there).result()
        assert [executor.submit(only_here.negative, n).result() for n in range(3)] == [0, -1, -2]
        assert executor.submit(eval, is_there).result()


def test_a_function_that_is_replaced_there(single: ProcessPoolExecutor) -> None:
    assert single.submit(pool_calls.replaced).result() == "as it was"
    single.submit(pool_calls.replace, "replaced", "as it is").result()
    assert single.submit(pool_calls.replaced).result() == "as it is"


def test_exceptions_have_their_types_and_the_frames_of_the_call_alone(single: ProcessPoolExecutor) -> None:
    failure = single.submit(math.sqrt, -1).exception()
    assert type(failure) is ValueError
    failure = single.submit(pool_calls.fail_unless, "/nowhere").exception()
    assert type(failure) is FileNotFoundError
    assert "fail_unless" in str(failure.__cause__) and "worker.py" not in str(failure.__cause__)
    assert type(single.submit(math.sqrt).exception()) is TypeError
    assert type(single.submit(os._exit, "x").exception()) is TypeError
    assert type(single.submit(builtins.exit, 3).exception()) is SystemExit


def test_a_function_that_goes_by_value_is_read_once(single: ProcessPoolExecutor) -> None:
    factor = 3
    assert list(single.map(lambda x: x * factor, range(100))) == list(range(0, 300, 3))
    # What it keeps is seen by the next call.
    counted = list(single.map(lambda _, seen=[]: (seen.append(0), len(seen)), range(5)))  # type: ignore[misc]
    assert counted == [(None, n) for n in range(1, 6)]
    assert [str(single.submit(lambda: factor + n).result()) for n in range(3)] == ["3", "4", "5"]


def test_more_functions_by_value_than_a_worker_keeps(single: ProcessPoolExecutor) -> None:
    for _ in range(2):
        for n in range(100):
            assert list(single.map(lambda x, n=n: x + n, range(3))) == [n, n + 1, n + 2]


def test_a_function_by_value_that_cannot_be_read(single: ProcessPoolExecutor) -> None:
    futures: list[Future[object]] = [Future() for _ in range(3)]
    for future in futures:
        assert single._pool.submit_plain(future, (b"no pickle",), (1,))
    for future in futures:
        with pytest.raises(pickle.UnpicklingError, match="cannot be unpickled"):
            future.result()


def test_an_initializer_comes_first_and_again_if_it_fails(tmp_path: Path) -> None:
    path = tmp_path / "there"
    with ProcessPoolExecutor(1, initializer=pool_calls.fail_unless, initargs=(str(path),)) as executor:
        for _ in range(2):
            with pytest.raises(Exception, match="initializer"):
                executor.submit(abs, -1).result()
        path.touch()
        assert executor.submit(abs, -1).result() == 1
        path.unlink()
        assert list(executor.map(abs, range(-100, 0))) == list(range(100, 0, -1))


def test_what_a_call_prints_is_there_before_its_end() -> None:
    program = """
from ungil.futures import ProcessPoolExecutor

with ProcessPoolExecutor(1) as executor:
    for n in range(20):
        executor.submit(print, n).result()
        print(-n, flush=True)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=PATIENCE)
    assert done.stdout.split() == [str(sign * n) for n in range(20) for sign in (1, -1)]


def test_another_thread_of_the_worker_has_its_turn() -> None:
    with ProcessPoolExecutor(1) as executor:
        executor.submit(pool_calls.note_turns).result()
        # Of what is not written in Python, and does not let go of the interpreter; there is always one more.
        futures = [executor.submit(operator.countOf, "x" * 5000, "y") for _ in range(10_000)]
        concurrent.futures.wait(futures)
        assert executor.submit(pool_calls.longest_without_turn).result() < 0.3


def test_an_interrupt_ends_the_call_and_no_other(single: ProcessPoolExecutor, tmp_path: Path) -> None:
    single.submit(pool_calls.double, 1).result()
    pid = single.submit(os.getpid).result()
    future = single.submit(pool_calls.tell_and_sleep, str(tmp_path / "begun"), 60)
    others = [single.submit(abs, -n) for n in range(10)]
    wait_until((tmp_path / "begun").exists)
    os.kill(pid, signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        future.result()
    assert [other.result() for other in others] == list(range(10))
    # Between calls it is nobody's.
    os.kill(pid, signal.SIGINT)
    time.sleep(0.1)
    assert single.submit(abs, -3).result() == 3 and single.submit(os.getpid).result() == pid


def test_many_threads_submit(single: ProcessPoolExecutor) -> None:
    sums = []

    def submit(first: int) -> None:
        sums.append(sum(single.map(abs, range(first, first + 2000))))

    threads = [threading.Thread(target=submit, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(sums) == sorted(sum(range(n, n + 2000)) for n in range(4))


def test_an_exception_of_another_language_ends_the_worker() -> None:
    # As `std::bad_alloc` of an extension, say, that nobody catches.
    with ProcessPoolExecutor(1) as executor:
        assert executor.submit(pool_calls.double, 2).result() == 4
        with pytest.raises(WorkerDied):
            executor.submit(pool_calls.throw_as_cpp_does).result(PATIENCE)
        assert executor.submit(pool_calls.double, 3).result() == 6


def test_a_flush_that_fails_ends_the_worker_as_with_a_pickle() -> None:
    for how in ({}, {"x": 1}):
        with ProcessPoolExecutor(1) as executor:
            executor.submit(pool_calls.break_output).result()
            with pytest.raises(WorkerDied, match="no space is left"):
                executor.submit(pool_calls.given_by_name, **how).result()


@settings(deadline=None)
@given(first=st.integers(0, 7), rest=st.binary())
def test_any_bytes_are_a_value_or_refused(first: int, rest: bytes) -> None:
    queue = _core._Queue(9, False)
    queue.put(bytes([first]) + rest, True, True, None)
    try:
        value = queue.get(True, None)
    except ValueError:
        return
    assert queue.put_plain(value)
    assert is_alike(queue.get(True, None), value)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x07",
        b"\x03\0",
        b"\x05\xff\xff\xff\xff",
        b"\x05\x01\0\0\0\xff",
        b"\x06\x02\0\0\0a",
        b"\x04",
        b"\x07\xff\xff\xff\xff\0",
        b"\x07\x01\0\0\0\x07\0\0\0\0",
        b"\x07\x02\0\0\0\0",
        b"\x00\x00",
        b"\x07\0\0\0\0\x01",
    ],
)
def test_an_answer_that_is_no_value_fails_its_call_alone(data: bytes) -> None:
    with ProcessPoolExecutor(1) as executor:
        with pytest.raises(ValueError):
            # Its own argument is not plain: then the worker's Python side has the call.
            executor.submit(pool_calls.answer_by_hand, _core._PLAIN, bytearray(data)).result()
        assert executor.submit(abs, -1).result() == 1


@pytest.mark.parametrize("kind", [_core._PLAIN_CALL, _core._MADE, _core._FAILED, 99])
def test_an_answer_of_no_kind_fails_its_call_alone(kind: int) -> None:
    with ProcessPoolExecutor(1) as executor:
        with pytest.raises(ValueError, match=f"no kind: {kind}"):
            executor.submit(pool_calls.answer_by_hand, kind, bytearray(b"x")).result()
        assert executor.submit(abs, -1).result() == 1


def test_a_pool_of_multiprocessing_has_them_too(context: Any) -> None:
    with context.Pool(2) as pool:
        assert pool.map(abs, range(-100, 0), chunksize=1) == list(range(100, 0, -1))
        assert pool.apply(math.gcd, (12, 8)) == 4
        assert pool.starmap(pow, [(2, n) for n in range(70)], chunksize=1) == [2**n for n in range(70)]
        with pytest.raises(ValueError, match="math domain error"):
            pool.apply(math.sqrt, (-1,))
