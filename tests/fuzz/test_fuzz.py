"""Random programs do what they mean, 10,000 of them, each called six times; mutilated ones are compiled or refused.

`check.MATRIX` has eighteen configurations: serial code or 1, 2 or 5 threads, at each of LLVM's four levels; and twice
`cache=True`. One program in five hundred runs in all of them. Of the others each runs in one: five sixths at the lowest
level (serial and each number of threads in equal shares), a sixth in equal shares through the whole matrix.
`make fuzz-jit` runs more programs, of other seeds.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

BATCHES = 20
PROGRAMS = 500
# A reduction of `int64` from a constant that folds to `uint64` was a product of floats, whose bits differ by chunks.
DIFFERED_ONCE = (5153771,)
# Seeds of which some are no programs: a batch uses a few more than it has programs.
APART = 10 * PROGRAMS


@pytest.mark.parametrize("batch", range(BATCHES))
def test_random_programs_do_what_they_mean(batch: int) -> None:
    run = Path(__file__).parent / "run.py"
    command = [sys.executable, str(run), "--programs", str(PROGRAMS), "--first", str(batch * APART)]
    # In a process of its own, which a wrong program may take down.
    done = subprocess.run(command, capture_output=True, text=True, timeout=280)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("seed", DIFFERED_ONCE)
def test_programs_that_once_differed_do_what_they_mean(seed: int) -> None:
    command = [sys.executable, str(Path(__file__).parent / "run.py"), "--programs", "1", "--first", str(seed)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=280)
    assert done.returncode == 0, done.stdout + done.stderr


def test_mutilated_programs_are_compiled_or_refused() -> None:
    command = [sys.executable, str(Path(__file__).parent / "mutate.py"), "--programs", "3000"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=280)
    assert done.returncode == 0, done.stdout + done.stderr
