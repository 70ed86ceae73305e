"""Compiled code stops for Ctrl-C, in a process of its own each, and forked children go on."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap

import pytest

SERIAL = """
@njit
def f():
    while True:
        pass
"""
NEAR_ENDLESS = """
@njit
def f():
    s = 0
    for i in range(10**15):
        s += i ^ (s >> 3)
    return s
"""
PARALLEL = """
@njit(parallel=True)
def f():
    s = 0
    for i in prange(10**12):
        s += i ^ (i >> 3)
    return s
"""
RECURSIVE = """
@njit
def fib(n):
    return n if n < 2 else fib(n - 1) + fib(n - 2)

@njit
def f():
    return fib(80)
"""
PROGRAM = """
import math, os, signal, sys, threading, time
from ungil import njit, prange
{source}
if {in_thread}:
    worker = threading.Thread(target=f, daemon=True)
    worker.start()
sent = []
def interrupt():
    # Once the call runs: the sleeper wakes although the call holds no interpreter.
    time.sleep(0.3)
    sent.append(time.monotonic())
    os.kill(os.getpid(), signal.SIGINT)
threading.Thread(target=interrupt).start()
try:
    f()
except KeyboardInterrupt:
    print("interrupted", time.monotonic() - sent[0])
    os._exit(0)
"""


def run(source: str, tmp_path, timeout: float = 60) -> str:
    file = tmp_path / "program.py"
    file.write_text(source)
    done = subprocess.run([sys.executable, str(file)], capture_output=True, text=True, timeout=timeout, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize(
    "source", [SERIAL, NEAR_ENDLESS, PARALLEL, RECURSIVE], ids=["serial", "for", "prange", "recursion"]
)
def test_ctrl_c_stops_compiled_code(source: str, tmp_path) -> None:
    output = run(PROGRAM.format(source=source, in_thread=False), tmp_path)
    assert output.startswith("interrupted")


def test_ctrl_c_stops_the_main_thread_beside_others(tmp_path) -> None:
    assert run(PROGRAM.format(source=PARALLEL, in_thread=True), tmp_path).startswith("interrupted")


def test_other_signals_run_their_handlers_and_the_call_goes_on(tmp_path) -> None:
    source = """
    import os, signal, threading, time
    from ungil import njit

    seen = []
    signal.signal(signal.SIGALRM, lambda *_: seen.append(1))
    signal.setitimer(signal.ITIMER_REAL, 0.05, 0.05)

    @njit
    def f(n):
        s = 0
        for i in range(n):
            s += i ^ (s >> 3)
        return s

    expected = f(1000)
    n = 10**6
    while not seen:
        f(n)
        n *= 2
    assert f(1000) == expected
    # Python gives the signal its default action back before the process ends.
    signal.setitimer(signal.ITIMER_REAL, 0)
    print("went on")
    """
    assert run(textwrap.dedent(source), tmp_path) == "went on\n"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_goes_on(tmp_path) -> None:
    source = """
    import os, sys, threading, warnings
    from ungil import njit, prange
    warnings.simplefilter("ignore", DeprecationWarning)

    @njit(parallel=True)
    def f(n):
        s = 0
        for i in prange(n):
            s += i
        return s

    @njit(parallel=True)
    def g(n):
        s = 1
        for i in prange(n):
            s += i * 2
        return s

    def stays_busy(stop):
        while not stop.is_set():
            f(10**5)

    expected = f(10**6)
    stop = threading.Event()
    threads = [threading.Thread(target=stays_busy, args=(stop,)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for _ in range(10):
        child = os.fork()
        if child == 0:
            # Compiled before the fork, and compiled after it.
            os._exit(0 if f(10**6) == expected and g(10**5) == 1 + 10**5 * (10**5 - 1) else 1)
        assert os.waitpid(child, 0)[1] == 0
    stop.set()
    for thread in threads:
        thread.join()
    print(f(10**6) == expected)
    """
    assert run(textwrap.dedent(source), tmp_path, timeout=120) == "True\n"


def test_a_signal_handler_may_call_compiled_code(tmp_path) -> None:
    source = """
    import signal, time
    from ungil import njit

    @njit
    def add(a, b):
        return a + b

    @njit
    def endless():
        while True:
            pass

    def handler(*_):
        raise ValueError(add(1, 2))

    signal.signal(signal.SIGALRM, handler)
    signal.setitimer(signal.ITIMER_REAL, 0.1)
    try:
        endless()
    except ValueError as error:
        print(error)
    """
    assert run(textwrap.dedent(source), tmp_path) == "3\n"


def test_the_interpreter_exits_while_a_thread_computes(tmp_path) -> None:
    source = """
    import threading, time
    from ungil import njit

    @njit
    def endless():
        while True:
            pass

    started = threading.Event()

    def work():
        started.set()
        endless()

    threading.Thread(target=work, daemon=True).start()
    started.wait()
    print("done")
    """
    assert run(textwrap.dedent(source), tmp_path) == "done\n"
