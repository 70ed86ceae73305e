"""Tries programs one after the other, and tells in a file which one it is at; `run` starts it and watches.

Each program (six calls of it) runs in one configuration of `check.MATRIX`: five sixths at LLVM's lowest level, which
compiles in less than half of the time (serial code and 1, 2 and 5 threads in equal shares), a sixth in equal shares
through the whole matrix. Every five hundredth runs in all of them. A seed makes the same program, and the same choice,
on every machine.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
from pathlib import Path

# The threads that there may be are settled when a package is imported.
os.environ["UNGIL_NUM_THREADS"] = "5"
# NumPy makes types here, and needs no threads for it.
os.environ["OPENBLAS_NUM_THREADS"] = "1"
sys.path.insert(0, str(Path(__file__).parent))

import check
import shrink
from generate import generate
from state import State
from values import IllTyped

_EVERY = 500
_WHOLE_MATRIX = 1 / 6
_MOST_SHRUNK = 5
_MOST_SHOWN = 100


def work(programs: int, step: int, state: State) -> int:
    """Go on from what the state tells until so many programs have run; the status is 1 if any differed."""
    while state.tried < programs and state.wrong < _MOST_SHOWN:
        trial(state)
        state.seed += step
    state.done = 1
    return int(state.wrong > 0)


def trial(state: State) -> None:
    """Try the program of the state's seed, unless that makes none."""
    program = generate(state.seed)
    try:
        outcomes = check.expected(program)
    except IllTyped:
        return
    configurations = chosen(state.seed)
    try:
        check.check(program, outcomes, configurations)
    except check.Mismatch as mismatch:
        state.wrong += 1
        # Known even if shrinking crashes.
        print(f"--- seed {state.seed}\n{program.source}\n{mismatch}\n", flush=True)
        if state.wrong <= _MOST_SHRUNK:
            state.shrinking = 1
            small, text = shrink.shrink(program, configurations)
            print(f"--- seed {state.seed}, shrunk\n{small.source}\n{text}\n", flush=True)
            state.shrinking = 0
    state.tried += 1


def chosen(seed: int) -> list[check.Configuration]:
    """How the program of a seed is compiled and run."""
    rng = random.Random(f"configurations of {seed}")
    if rng.random() < 1 / _EVERY:
        return check.MATRIX
    return [rng.choice(check.MATRIX if rng.random() < _WHOLE_MATRIX else check.MATRIX[: check.LOWEST])]


def main() -> int:
    """Run as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--programs", type=int, required=True)
    parser.add_argument("--step", type=int, required=True, help="from one seed to the next")
    parser.add_argument("--state", type=Path, required=True, help="where the first seed stands, and how far this is")
    options = parser.parse_args()
    return work(options.programs, options.step, State(options.state))


if __name__ == "__main__":
    sys.exit(main())
