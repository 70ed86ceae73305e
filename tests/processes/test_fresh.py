"""The server as a fork of a process that is fresh: when it is one, and that workers see nothing of the parent."""

from __future__ import annotations

import sys
from collections.abc import Callable

import pytest

if not sys.platform.startswith("linux"):
    pytest.skip("the executor is the standard library's here", allow_module_level=True)

OutputOf = Callable[..., str]

# Says whether the server of workers has the parent's command line, or is a new interpreter.
PROGRAM = """
import os
from ungil.futures import ProcessPoolExecutor

def command_line(pid):
    with open(f"/proc/{{pid}}/cmdline", "rb") as file:
        return file.read()

{before}
with ProcessPoolExecutor(2) as executor:
    server = executor.submit(os.getppid).result()
    print("a fork" if command_line(server) == command_line(os.getpid()) else "a new interpreter")
"""

TOUCHED = {
    "a thread": "import threading; threading.Thread(target=threading.Event().wait, daemon=True).start()",
    "a thread of a library": "import numpy",
    "a module of its own": "import sys, types; sys.modules['mine'] = types.ModuleType('mine')",
    "a handler of a signal": "import signal; signal.signal(signal.SIGUSR1, print)",
    "a logger's handler": "import logging; logging.basicConfig()",
    "a filter of warnings": "import warnings; warnings.simplefilter('error')",
    "another standard output": "import io, sys; sys.stdout = io.TextIOWrapper(sys.stdout.buffer)",
    "a trace": "import sys; sys.settrace(lambda *_: None)",
    "a profile": "import sys; sys.setprofile(lambda *_: None)",
    "a limit": "import sys; sys.setrecursionlimit(5000)",
    "a context of numbers": "import decimal; decimal.getcontext().prec = 50",
    "a locale": "import locale; locale.setlocale(locale.LC_NUMERIC, 'C.UTF-8')",
    "much memory": "much = bytes(b'1') * (100 << 20)",
}


@pytest.mark.parametrize("before", TOUCHED.values(), ids=TOUCHED)
def test_a_process_that_has_something_to_hand_down_is_not_forked(before: str, output_of: OutputOf) -> None:
    assert output_of(PROGRAM.format(before=before)) == "a new interpreter\n"


def test_deep_in_its_stack_it_is_not_forked(output_of: OutputOf) -> None:
    deep = """
def deep(n):
    return deep(n - 1) if n else ProcessPoolExecutor(1)
deep(150).shutdown()
"""
    assert output_of(PROGRAM.format(before=deep)) == "a new interpreter\n"


@pytest.mark.parametrize(
    "before", ["", "import json, random, logging, argparse, datetime, asyncio", "import cloudpickle"]
)
def test_a_fresh_process_is_forked(before: str, output_of: OutputOf) -> None:
    assert output_of(PROGRAM.format(before=before)) == "a fork\n"


def test_workers_have_nothing_of_the_main_module(output_of: OutputOf) -> None:
    program = """
import sys
from ungil.futures import ProcessPoolExecutor

setting = "the parent's"

def names():
    main = vars(sys.modules["__main__"])
    return sorted(name for name in main if not name.startswith("_")), "__mp_main__" in sys.modules

with ProcessPoolExecutor(1) as executor:
    print(executor.submit(eval, "vars(__import__('__main__')).get('setting')").result())
    print(executor.submit(names).result())
"""
    assert output_of(program) == "None\n([], False)\n"


def test_descriptors_stay_the_parents(output_of: OutputOf) -> None:
    program = """
import os, sys, tempfile
from ungil.futures import ProcessPoolExecutor

reader, writer = os.pipe()
with tempfile.TemporaryFile("w+") as file:
    file.write("in the buffer")
    executor = ProcessPoolExecutor(1)
    print(*(executor.submit(os.readlink, f"/proc/self/fd/{fd}").result() for fd in (reader, writer, file.fileno())))
    # Nobody else has the other end.
    os.close(writer)
    print(os.read(reader, 1))
    executor.shutdown()
    file.seek(0)
    print(file.read())
"""
    assert output_of(program) == "/dev/null /dev/null /dev/null\nb''\nin the buffer\n"


def test_nothing_of_the_parents_is_finalized_there(output_of: OutputOf) -> None:
    program = """
import gc, os, weakref
from ungil.futures import ProcessPoolExecutor

class Cycle:
    def __init__(self):
        self.me = self
    def __del__(self):
        os.write(1, b"finalized\\n")

gc.disable()
Cycle()
cycle = Cycle()
executor = ProcessPoolExecutor(1)
for _ in range(3):
    executor.submit(gc.collect).result()
executor.shutdown()
del cycle
print("now", flush=True)
gc.collect()
"""
    assert output_of(program) == "now\nfinalized\nfinalized\n"


def test_workers_draw_numbers_of_their_own(output_of: OutputOf) -> None:
    program = """
import os, random
from ungil.futures import ProcessPoolExecutor

random.seed(1)
pools = [ProcessPoolExecutor(1) for _ in range(3)]
print(len({random.random(), *(pool.submit(eval, "__import__('random').random()").result() for pool in pools)}))
"""
    assert output_of(program) == "4\n"


def test_a_worker_may_have_a_pool_of_its_own(output_of: OutputOf) -> None:
    program = """
import os
from ungil.futures import ProcessPoolExecutor

def nested(depth):
    if depth == 0:
        return [os.getpid()]
    with ProcessPoolExecutor(1) as executor:
        return [os.getpid(), *executor.submit(nested, depth - 1).result()]

print(len(set(nested(3))))
"""
    assert output_of(program) == "4\n"


def test_a_fork_that_is_interrupted_does_not_go_on_in_the_program(output_of: OutputOf) -> None:
    program = """
import os, signal
from ungil.futures import ProcessPoolExecutor

parent, ignore = os.getpid(), signal.signal

def interrupted(number, handler):
    if os.getpid() != parent:
        raise KeyboardInterrupt
    return ignore(number, handler)

signal.signal = interrupted
try:
    with ProcessPoolExecutor(1) as executor:
        signal.signal = ignore
        print(executor.submit(abs, -1).result())
finally:
    print(os.getpid() == parent)
"""
    assert output_of(program) == "1\nTrue\n"
