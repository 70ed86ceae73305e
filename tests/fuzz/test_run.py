"""A program that takes its process down, or never ends, is named; the others are tried all the same."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
from run import Watched

# Crashes with seed 3 and stays with seed 5.
_WORKER = """
import os, signal, sys
from pathlib import Path

sys.path.insert(0, {folder!r})
from state import State

programs, step, state = (sys.argv[sys.argv.index(name) + 1] for name in ("--programs", "--step", "--state"))
state = State(Path(state))
while state.tried < int(programs):
    if state.seed == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    while state.seed == 5:
        signal.pause()
    state.tried += 1
    state.seed += int(step)
state.done = 1
"""


def test_a_crash_and_a_hang_cost_one_program_each(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    worker = tmp_path / "worker.py"
    worker.write_text(_WORKER.format(folder=str(Path(__file__).parent)))
    hours = itertools.count(step=3600.0)
    watched: list[Watched] = []
    # Time passes with seed 5 alone.
    clock = lambda: next(hours) if watched and watched[0].state.seed == 5 else 0.0
    watched.append(Watched(0, 1, 6, tmp_path / "state", worker, clock))
    while watched[0].poll():
        pass
    printed = capsys.readouterr().out
    assert "seed 3: ended by SIGKILL while it was tried" in printed
    assert "seed 5: no end after" in printed
    assert (watched[0].state.tried, watched[0].state.seed, watched[0].lost, watched[0].status) == (6, 8, 2, 1)
    assert watched[0].report(0, 1.0).endswith("now seed 8: 0 differ, 2 crashed or hung")
