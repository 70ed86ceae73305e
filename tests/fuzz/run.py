"""Compare random programs, compiled, with what they mean; the first that differ are shrunk and printed.

    python tests/fuzz/run.py --programs 1000 --first 0

Each program (six calls of it) runs in one configuration of `check.MATRIX`, by turns: two thirds at LLVM's lowest level,
which compiles in less than half of the time, a third through the whole matrix. Every hundredth runs in all of them. A
seed makes the same program on every machine.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path

# The threads that there may be are settled when the package is imported.
os.environ["UNGIL_NUM_THREADS"] = "5"
sys.path.insert(0, str(Path(__file__).parent))

import check
import shrink
from generate import generate
from values import IllTyped

_EVERY = 100
_MOST_SHOWN = 5


def run(first: int, programs: int) -> int:
    """Try seeds from `first` on until so many programs have run; return how many differed."""
    start, tried, wrong, seed = time.monotonic(), 0, 0, first
    while tried < programs and wrong < _MOST_SHOWN:
        program = generate(seed)
        seed += 1
        try:
            outcomes = check.expected(program)
        except IllTyped:
            continue
        tried += 1
        if seed % _EVERY == 0:
            configurations = check.MATRIX
        else:
            configurations = [check.MATRIX[seed // 3 % len(check.MATRIX) if seed % 3 == 0 else seed % check.LOWEST]]
        try:
            check.check(program, outcomes, configurations)
        except check.Mismatch:
            wrong += 1
            small, mismatch = shrink.shrink(program, configurations)
            print(f"--- seed {seed - 1}\n{small.source}\n{mismatch}\n", flush=True)
    seconds = time.monotonic() - start
    print(f"{tried} programs, seeds {first} to {seed - 1}, {seconds:.0f} s: {wrong} differ", flush=True)
    return wrong


def main() -> int:
    """Run as the command line says, in several processes if asked; the status is 1 if anything differed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--programs", type=int, default=1000)
    parser.add_argument("--first", type=int, default=0, help="the seed to begin with")
    parser.add_argument("--processes", type=int, default=1)
    options = parser.parse_args()
    if options.processes == 1:
        return min(run(options.first, options.programs), 1)
    share = -(-options.programs // options.processes)
    command = [sys.executable, __file__, "--programs", str(share), "--first"]
    # Far enough apart that no two processes try the same seed.
    running = [
        subprocess.Popen([*command, str(options.first + index * share * 10)]) for index in range(options.processes)
    ]
    statuses = [process.wait() for process in running]
    print("nothing differs" if not any(statuses) else f"statuses {statuses}")
    return int(any(statuses))


if __name__ == "__main__":
    sys.exit(main())
