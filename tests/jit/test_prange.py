"""Parallel loops: what they compute, that it does not depend on the number of threads, and what is refused."""

from __future__ import annotations

import math
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

import ungil
from ungil import njit, prange

N = 10_007


def sums(n):
    s = 0
    for i in prange(n):
        s += i
    return s


def floats(n):
    s = 0.0
    for i in prange(n):
        s += 1.0 / (i + 1)
    return s


def products(n):
    p = 1.0
    for i in prange(n):
        p *= 1.0 + 1.0 / (i + 1) ** 2
    return p


def differences(n):
    d = 100
    for i in prange(n):
        d -= i
    return d


def extremes(n):
    low, high = 1 << 40, -1
    for i in prange(n):
        v = (i * 7919) % 10007
        low = min(low, v)
        high = max(high, v)
    return low, high


def bits(n):
    a, o, x = -1, 0, 0
    for i in prange(n):
        a &= ~(i & 8)
        o |= i
        x ^= i
    return a, o, x


def written_out(n):
    s, t = 0, 1.0
    for i in prange(n):
        s = s + i
        t = t * 1.0001
    return s, t


def conditionally(n):
    odd = even = 0
    for i in prange(n):
        if i % 2:
            odd += i
        else:
            even += 1
    return odd, even


def private(n):
    s = 0
    for i in prange(n):
        x = i * 2
        y = x + 1
        if y % 3 == 0:
            x = 0
        s += x
    return s


def stepped(start, stop, step):
    s = 0
    for i in prange(start, stop, step):
        s += i * i
    return s


def nested(n, m):
    s = 0
    for i in prange(n):
        for j in prange(m):
            s += i * j
    return s


def inner_function(n):
    s = 0
    for i in prange(n):
        s += sums(i % 5)
    return s


def continues(n):
    s = 0
    for i in prange(n):
        if i % 3 == 0:
            continue
        s += i
    return s


def last_assigned(n):
    v = -1
    for i in prange(n):
        v = i * 3
    return v


FUNCTIONS = [
    (sums, [(0,), (1,), (255,), (256,), (257,), (N,), (-5,)]),
    (differences, [(0,), (N,)]),
    (extremes, [(1,), (N,)]),
    (bits, [(1,), (N,)]),
    (conditionally, [(0,), (N,)]),
    (private, [(N,)]),
    (stepped, [(0, N, 1), (N, 0, -1), (-7, N, 3), (N, -100, -7), (5, 5, 2), (3, 10, 100)]),
    (nested, [(0, 5), (5, 0), (40, 50)]),
    (inner_function, [(100,)]),
    (continues, [(N,)]),
]


@pytest.mark.parametrize(("function", "calls"), FUNCTIONS, ids=lambda value: getattr(value, "__name__", ""))
@pytest.mark.parametrize("parallel", [False, True])
def test_the_result_is_that_of_the_serial_loop(agrees, function, calls, parallel: bool) -> None:
    agrees(function, calls, parallel=parallel)


@pytest.mark.parametrize("function", [floats, products, written_out], ids=lambda function: function.__name__)
def test_float_reductions(agrees, function) -> None:
    agrees(function, [(0,), (1,), (N,)], rel=1e-12, parallel=True)


def test_what_carries_a_value_otherwise_is_right_or_refused() -> None:
    def maximum(n):
        s = -1
        for i in prange(n):
            v = (i * 7919) % 10007
            if v > s:
                s = v
        return s

    def reads_previous(n):
        s = 0
        last = 0
        for i in prange(n):
            s += last
            last = i
        return s

    for function in (maximum, reads_previous, last_assigned):
        compiled = njit(parallel=True)(function)
        try:
            results = {compiled(n) for n in [N] * 10}
        except (ungil.TypingError, ungil.UnsupportedError) as error:
            assert "prange" in str(error)
            continue
        assert results == {function(N)}


def leaves_by_break(n):
    s = 0
    for i in prange(n):
        if i == 3:
            break
        s += i
    return s


def leaves_by_return(n):
    for i in prange(n):
        if i == 3:
            return i
    return -1


@pytest.mark.parametrize("function", [leaves_by_break, leaves_by_return])
def test_a_parallel_loop_cannot_be_left(function) -> None:
    with pytest.raises((ungil.UnsupportedError, ungil.TypingError), match="cannot be left early"):
        njit(parallel=True)(function)(5)
    assert njit(function)(5) == function(5)


THREADS = """
import sys
from ungil import njit, prange, get_num_threads, set_num_threads
sys.path.insert(0, {folder!r})
import test_prange as t
print(get_num_threads())
for n in range(1, get_num_threads() + 1):
    set_num_threads(n)
    for f in (t.floats, t.products, t.written_out):
        for fastmath in (False, True):
            print(repr(njit(parallel=True, fastmath=fastmath)(f)(t.N)), end=" ")
    print()
"""


def test_the_result_is_bitwise_the_same_for_any_number_of_threads() -> None:
    program = THREADS.format(folder=str(Path(__file__).parent))
    environment = {**os.environ, "UNGIL_NUM_THREADS": "5"}
    command = [sys.executable, "-c", program]
    output = subprocess.run(command, env=environment, check=True, capture_output=True, text=True, timeout=120).stdout
    count, *results = output.splitlines()
    assert count == "5"
    assert len(results) == 5
    assert len(set(results)) == 1


def test_a_wrong_number_of_threads_in_the_environment_is_told() -> None:
    environment = {**os.environ, "UNGIL_NUM_THREADS": "many"}
    command = [sys.executable, "-c", "import ungil"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert "ValueError: `UNGIL_NUM_THREADS` must be an integer" in done.stderr


def test_numbers_of_threads_are_checked() -> None:
    before = ungil.get_num_threads()
    for wrong in (0, -1, 10**6):
        with pytest.raises(ValueError, match="number of threads"):
            ungil.set_num_threads(wrong)
    assert ungil.get_num_threads() == before
    assert ungil.get_thread_id() == 0
    assert ungil.threading_layer() == "rayon"


def thread_ids(n):
    s = 0
    for i in prange(n):
        if not 0 <= ungil.get_thread_id() < ungil.get_num_threads():
            s += 1
    return s


def test_thread_ids_are_below_the_number_of_threads() -> None:
    assert njit(parallel=True)(thread_ids)(N) == 0


def test_many_threads_may_call_at_once() -> None:
    compiled = njit(parallel=True)(floats)
    expected = compiled(N)
    results = []
    barrier = threading.Barrier(8)

    def work():
        barrier.wait()
        for _ in range(20):
            results.append(compiled(N))

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [expected] * 160


def first_true(n, start):
    found = start
    for i in prange(n):
        found = found or 10 // (i - 3)
    return found


def test_a_serial_prange_evaluates_and_or_as_range_does(agrees) -> None:
    agrees(first_true, [(5, 7), (5, 0), (0, 0), (2, 1)])
    with pytest.raises(ungil.errors.TypingError, match="cannot be accumulated by `or`"):
        njit(parallel=True)(first_true)(5, 7)


def test_outside_of_compiled_code_prange_is_range() -> None:
    assert prange(2, 10, 3) == range(2, 10, 3)
    assert sums(10) == 45


def lecture(a, b, *, n_iter=1000):
    acc = 0
    step = (b - a) / n_iter
    for i in prange(n_iter):
        acc += math.cos(a + i * step) * step
    return acc


@pytest.mark.parametrize("fastmath", [False, True])
@pytest.mark.parametrize("parallel", [False, True])
def test_the_lectures_integral(parallel: bool, fastmath: bool) -> None:
    compiled = njit(parallel=parallel, fastmath=fastmath)(lecture)
    found = compiled(0, math.pi / 2, n_iter=10**6)
    assert str(found).startswith("1.0000007853")
    assert found == pytest.approx(lecture(0, math.pi / 2, n_iter=10**6), abs=1e-12)
