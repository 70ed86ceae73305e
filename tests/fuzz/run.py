"""Compare random programs, compiled, with what they mean; those that differ are shrunk and printed.

    python tests/fuzz/run.py --programs 1000 --first 0

The work is done by processes of `worker`, each with seeds of its own; this one watches them. A process that ends in the
middle of a program (a crash) or stays with one (a hang) costs that program alone: its seed is printed, and another
process goes on behind it. A line a minute tells how far each is.
"""

from __future__ import annotations

import argparse
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from state import State

_WORKER = Path(__file__).parent / "worker.py"
# A program takes some 10 ms; in all configurations, on a busy machine, a second. Shrinking one tries thousands.
_HANGS = 180.0
_SHRINKING_HANGS = 3600.0
_REPORTS = 60.0
_POLLS = 0.5
_MOST_LOST = 20


class Watched:
    """One worker after the other on the seeds `first`, `first + step`, ... until `programs` have been tried."""

    def __init__(
        self,
        first: int,
        step: int,
        programs: int,
        state: Path,
        worker: Path = _WORKER,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.worker = worker
        self.clock = clock
        self.programs = programs
        self.step = step
        self.path = state
        self.state = State(state)
        self.lost = 0
        self.status = 0
        self.state.seed = first
        self.start()

    def start(self) -> None:
        """Begin with the seed that the state tells."""
        command = [self.worker, "--programs", self.programs, "--step", self.step, "--state", self.path]
        self.process = subprocess.Popen([sys.executable, *map(str, command)])
        self.begun = self.state.tried
        self.seen = (self.state.seed, self.state.shrinking)
        self.since = self.clock()

    def poll(self) -> bool:
        """Whether there is more to wait for; what went wrong has been printed, and a new worker begun."""
        status = self.process.poll()
        if status is not None and status >= 0 and self.state.done:
            self.status |= status
            return False
        now = (self.state.seed, self.state.shrinking)
        if now != self.seen:
            self.seen, self.since = now, self.clock()
        fault = ""
        if status is not None:
            fault = f"ended by {signal.Signals(-status).name}" if status < 0 else f"ended with status {status}"
        elif self.clock() - self.since > (_SHRINKING_HANGS if self.state.shrinking else _HANGS):
            self.process.kill()
            self.process.wait()
            fault = f"no end after {self.clock() - self.since:.0f} s"
        if fault:
            doing = "while it was shrunk" if self.state.shrinking else "while it was tried"
            print(f"--- seed {self.state.seed}: {fault} {doing}", flush=True)
            self.lost += 1
            self.status = 1
            # One that ends by itself, and at once, is broken.
            if self.lost == _MOST_LOST or (status is not None and status > 0 and self.state.tried == self.begun):
                return False
            self.state.seed += self.step
            self.state.shrinking = 0
            self.start()
        return True

    def report(self, number: int, seconds: float) -> str:
        """How far it is."""
        state = self.state
        return (
            f"process {number}: {state.tried} of {self.programs} programs in {seconds:.0f} s, now seed {state.seed}: "
            f"{state.wrong} differ, {self.lost} crashed or hung"
        )


def watch(first: int, programs: int, processes: int) -> int:
    """Try seeds from `first` on until so many programs have run; the status is 1 if anything went wrong."""
    start = reported = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        watched = [
            Watched(first + at, processes, -(-programs // processes), Path(folder) / str(at)) for at in range(processes)
        ]
        running = list(watched)
        try:
            while running:
                running = [each for each in running if each.poll()]
                if time.monotonic() - reported > _REPORTS or not running:
                    reported = time.monotonic()
                    for number, each in enumerate(watched):
                        print(each.report(number, reported - start), flush=True)
                elif running:
                    time.sleep(_POLLS)
        finally:
            for each in running:
                each.process.kill()
    status = int(any(each.status for each in watched))
    print("something differs, crashed or hung" if status else "nothing differs", flush=True)
    return status


def main() -> int:
    """Run as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--programs", type=int, default=1000)
    parser.add_argument("--first", type=int, default=0, help="the seed to begin with")
    parser.add_argument("--processes", type=int, default=1)
    options = parser.parse_args()
    return watch(options.first, options.programs, options.processes)


if __name__ == "__main__":
    sys.exit(main())
