"""Programs: what `__main__` defines, with and without a guard, by `-c`, and the end of the interpreter."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

OutputOf = Callable[..., str]

DEFINITIONS = {
    "function": "def square(x):\n    return x * x\n",
    "lambda": "square = lambda x: x * x\n",
    "local": "def make():\n    def square(x):\n        return x * x\n    return square\nsquare = make()\n",
    "class": "class Square:\n    def __call__(self, x):\n        return x * x\nsquare = Square()\n",
}

CALLS = {
    "task": "Parallel(2, {backend!r})(delayed(square)(i) for i in range(5))",
    "argument": "Parallel(2, {backend!r})(delayed(run)(square, i) for i in range(5))",
    "keyword": "Parallel(2, {backend!r})(delayed(run)(f=square, x=i) for i in range(5))",
}

START = "from ungil.parallel import Parallel, delayed\ndef run(f, x):\n    return f(x)\n"


@pytest.mark.parametrize("backend", ["processes", "loky", "multiprocessing", "auto"])
@pytest.mark.parametrize("defined", DEFINITIONS)
def test_what_a_program_defines(backend: str, defined: str, output_of: OutputOf) -> None:
    calls = "\n".join(f"print({call.format(backend=backend)})" for call in CALLS.values())
    assert output_of(f"{START}{DEFINITIONS[defined]}{calls}\n") == "[0, 1, 4, 9, 16]\n" * 3


def test_a_program_of_the_command_line() -> None:
    program = f"{START}{DEFINITIONS['function']}print({CALLS['task'].format(backend='processes')})"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "[0, 1, 4, 9, 16]\n"


def test_globals_are_those_of_the_call(output_of: OutputOf) -> None:
    program = """
from ungil.parallel import Parallel, delayed
def tell():
    return value
for value in (1, 2):
    print(Parallel(2, "processes")(delayed(tell)() for _ in range(2)))
"""
    assert output_of(program) == "[1, 1]\n[2, 2]\n"


@pytest.mark.parametrize("backend", ["processes", "threading", "auto"])
def test_a_program_that_ends_with_a_generator_half_read(backend: str, output_of: OutputOf) -> None:
    program = f"""
import warnings
warnings.simplefilter("ignore")
from ungil.parallel import Parallel, delayed
results = Parallel(2, {backend!r}, "generator", batch_size=1)(delayed(abs)(i) for i in range(10_000))
print(next(results), next(results))
"""
    assert output_of(program) == "0 1\n"


def test_ungil_alone_does_not_bring_it(output_of: OutputOf) -> None:
    assert output_of("import sys, ungil\nprint('ungil.parallel' in sys.modules)") == "False\n"


def test_a_worker_imports_little(output_of: OutputOf) -> None:
    program = """
import sys, ungil.parallel._batch
print([name for name in ("dataclasses", "asyncio", "numpy", "ungil.futures") if name in sys.modules])
"""
    assert output_of(program) == "[]\n"


@pytest.mark.parametrize("backend", ["auto", "threading", "sequential"])
def test_a_daemon_thread_may_be_in_a_loop_at_the_end(backend: str, ended: Any) -> None:
    program = f"""
import sys, threading, time
from ungil.parallel import Parallel, delayed
n_done = 0
def task():
    time.sleep(0)
def run():
    global n_done
    try:
        while True:
            Parallel(2, {backend!r})(delayed(task)() for _ in range(50))
            n_done += 1
    except RuntimeError:
        # The interpreter starts no more threads.
        pass
threading.Thread(target=run, daemon=True).start()
while n_done < 20:
    time.sleep(0.01)
sys.exit(7)
"""
    for _ in range(3):
        done = ended(program)
        assert (done.returncode, done.stdout, done.stderr) == (7, "", "")
