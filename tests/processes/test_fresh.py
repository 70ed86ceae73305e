"""The server as a fork of a process that is fresh: when it is one, and that workers see nothing of the parent."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

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
    "one that is called as a standard one": "import sys, types; sys.modules['cmd'] = m = types.ModuleType('cmd');"
    " m.__file__ = '/cmd.py'",
    "a handler of a signal": "import signal; signal.signal(signal.SIGUSR1, print)",
    "a signal that is ignored otherwise": "import signal; signal.signal(signal.SIGPIPE, signal.SIG_DFL)",
    "a logger's handler": "import logging; logging.basicConfig()",
    "a logger's level": "import logging; logging.getLogger().setLevel('DEBUG')",
    "no logging": "import logging; logging.disable()",
    "warnings in the log": "import logging; logging.captureWarnings(True)",
    "a filter of warnings": "import warnings; warnings.simplefilter('error')",
    "warnings in a list": "import warnings; caught = warnings.catch_warnings(record=True); caught.__enter__()",
    "another standard output": "import io, sys; sys.stdout = io.TextIOWrapper(sys.stdout.buffer)",
    "no standard input": "import sys; sys.stdin = sys.__stdin__ = None",
    "a trace": "import sys; sys.settrace(lambda *_: None)",
    "a profile": "import sys; sys.setprofile(lambda *_: None)",
    "a limit": "import sys; sys.setrecursionlimit(5000)",
    "a limit of digits": "import sys; sys.set_int_max_str_digits(10_000)",
    "an interval": "import sys; sys.setswitchinterval(0.001)",
    "a size of stacks": "import threading; threading.stack_size(1 << 20)",
    "no collector": "import gc; gc.disable()",
    "a threshold of the collector": "import gc; gc.set_threshold(123)",
    "a context of numbers": "import decimal; decimal.getcontext().prec = 50",
    "a locale": "import locale; locale.setlocale(locale.LC_NUMERIC, 'C.UTF-8')",
    "a timeout": "import socket; socket.setdefaulttimeout(5)",
    "a size of fields": "import csv; csv.field_size_limit(10)",
    "a number of threads": "import ungil; ungil.set_num_threads(1)",
    "settings of loops": "import ungil.parallel; ungil.parallel.Parallel(1)",
    "a time zone": "import os; os.environ['TZ'] = 'Asia/Tokyo'",
    "a file": "file = open(os.__file__)",
    "a pipe": "ends = os.pipe()",
    "no standard descriptor": "os.close(0)",
    "many descriptors": "numbers = [os.dup(0) for _ in range(100)]; [os.set_inheritable(n, True) for n in numbers]",
    "a tracker of resources": "from multiprocessing import resource_tracker; resource_tracker.ensure_running()",
    "much memory": "much = bytes(b'1') * (100 << 20)",
    "memory that it has not touched": "much = bytes(100 << 20)",
    "shared memory": "import mmap; much = mmap.mmap(-1, 4 << 20); much.write(bytes(4 << 20))",
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


def test_a_thread_that_an_initializers_argument_starts_is_seen(output_of: OutputOf) -> None:
    program = """
import os, threading
from ungil.futures import ProcessPoolExecutor

class Starts:
    def __reduce__(self):
        threading.Thread(target=threading.Event().wait, daemon=True).start()
        return int, ()

executor = ProcessPoolExecutor(1, initializer=print, initargs=(Starts(),))
server = executor.submit(os.getppid).result()
with open(f"/proc/{server}/cmdline", "rb") as theirs, open("/proc/self/cmdline", "rb") as ours:
    print(theirs.read() == ours.read())
"""
    assert "False" in output_of(program).split()


def test_a_system_that_tells_less_is_no_failure(output_of: OutputOf) -> None:
    program = """
from ungil._process_pool import fresh
print(fresh.is_fresh())
read = fresh._read
fresh._read = lambda name: b"" if name == "status" else read(name)
print(fresh.is_fresh())
"""
    assert output_of(program) == "True\nFalse\n"


def test_while_it_handles_an_exception_it_is_not_forked(output_of: OutputOf) -> None:
    program = """
import os
from ungil.futures import ProcessPoolExecutor
try:
    1 / 0
except ZeroDivisionError:
    executor = ProcessPoolExecutor(1)
print(executor.submit(eval, "__import__('sys').exc_info()").result())
"""
    assert output_of(program) == "(None, None, None)\n"


def test_descriptors_that_it_was_started_with_stay_its_own(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text("""
import os
from ungil.futures import ProcessPoolExecutor
executor = ProcessPoolExecutor(1)
server = executor.submit(os.getppid).result()
print(*(os.readlink(f"/proc/{pid}/fd/9") for pid in (server, next(iter(executor._processes)))))
with open(f"/proc/{server}/cmdline", "rb") as theirs, open("/proc/self/cmdline", "rb") as ours:
    print(theirs.read() == ours.read())
""")
    done = subprocess.run(
        ["bash", "-c", f"exec 9>{tmp_path}/file; exec {sys.executable} {program}"], capture_output=True, text=True
    )
    assert (done.stdout, done.stderr) == ("/dev/null /dev/null\nTrue\n", "")


def test_what_is_in_buffers_is_written_once_and_by_the_parent(output_of: OutputOf) -> None:
    program = """
import sys
from ungil.futures import ProcessPoolExecutor
print("before", end=" ")
with ProcessPoolExecutor(1) as executor:
    executor.submit(print, "of the worker").result()
    print("after")
"""
    # In which order depends on whether its output has a buffer.
    assert sorted(output_of(program).split()) == ["after", "before", "of", "the", "worker"]


def test_a_full_standard_output_keeps_nobody_up(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text("""
import os, sys
from ungil.futures import ProcessPoolExecutor
print("more", end="")
with ProcessPoolExecutor(1) as executor:
    executor.submit(abs, -1).result()
os.write(2, b"there")
os._exit(0)
""")
    done = subprocess.run(
        ["bash", "-c", f"unset PYTHONUNBUFFERED; {sys.executable} {program} > /dev/full"],
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (0, "there")


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_without_standard_descriptors_workers_have_some(closed: str, tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(f"""
import os
from ungil.futures import ProcessPoolExecutor
def ends():
    return [os.readlink(f"/proc/self/fd/{{fd}}") for fd in range(3)]
with ProcessPoolExecutor(2) as executor, open({str(tmp_path / "said")!r}, "w") as file:
    print(*executor.submit(ends).result(), file=file)
    # What is printed goes nowhere, and harms nothing.
    for _ in range(3):
        executor.submit(os.system, "echo text").result()
    print(sum(executor.map(abs, range(-10, 0))), file=file)
""")
    done = subprocess.run(["bash", "-c", f"{sys.executable} {program} {closed}"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    ends, total = (tmp_path / "said").read_text().splitlines()
    assert total == "55"
    assert [ends.split()[0], len(ends.split())] == ["/dev/null", 3]
    assert not any("ungil" in end or "socket" in end for end in ends.split())


def test_what_multiprocessing_alone_refers_to_is_not_finalized(output_of: OutputOf) -> None:
    program = """
import multiprocessing, os, tempfile
from multiprocessing import process, util
from ungil.futures import ProcessPoolExecutor

class Child:
    def __init__(self):
        self.folder = tempfile.TemporaryDirectory()

child = Child()
name = child.folder.name
process._children.add(child)
other = Child()
other_name = other.folder.name
util.Finalize(None, print, [other], exitpriority=1)
del other
del child
executor = ProcessPoolExecutor(1)
executor.submit(abs, 1).result()
print(os.path.exists(name), os.path.exists(other_name))
executor.shutdown()
process._children.clear()
util._finalizer_registry.clear()
"""
    assert output_of(program) == "True True\n"


def test_settings_of_modules_are_not_handed_down(output_of: OutputOf) -> None:
    program = """
import multiprocessing, os, sys, tempfile
from ungil.futures import ProcessPoolExecutor

multiprocessing.set_start_method("spawn")
tempfile.tempdir = "/nowhere"
sys.path.append("later")
sys.path_importer_cache["later"] = None
with ProcessPoolExecutor(1) as executor:
    server = executor.submit(os.getppid).result()
    print(executor.submit(eval, "__import__('tempfile').tempdir").result())
    print(executor.submit(eval, "__import__('multiprocessing').get_start_method(allow_none=True)").result())
    print(executor.submit(eval, "'later' in __import__('sys').path_importer_cache").result())
"""
    assert output_of(program) == "None\nNone\nFalse\n"


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
