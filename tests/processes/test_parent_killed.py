"""What is left of a parent that is killed: no process, no descriptor, no mapping, and nothing with a name."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest
from tests.conftest import wait_until
from tests.leftovers import PROC, is_alive, named_files, shared_files

if not sys.platform.startswith("linux"):
    pytest.skip("processes are the standard library's here", allow_module_level=True)

HERE = Path(__file__).parent

# It has one of everything, with somebody at the other side; says which processes and files those are; and waits.
PROGRAM = """
import sys
sys.path[:0] = [{here!r}, {root!r}]
import numpy as np
import pipe_ends
import pool_calls
from tests.leftovers import descendants, shared_files
from ungil import multiprocessing, shared
from ungil.futures import ProcessPoolExecutor

def in_it(array, lock, queue):
    array[0] = 2
    return array

if __name__ == "__main__":
    executor = ProcessPoolExecutor(2)
    array = shared.copy(np.ones(1000))
    assert executor.submit(in_it, array, None, None).result()[0] == 2
    large = executor.submit(pool_calls.double, np.ones(1_000_000)).result()
    busy = [executor.submit(pool_calls.run_for_ever) for _ in range(2)]
    things = [multiprocessing.Lock(), multiprocessing.Queue(), multiprocessing.Event()]
    things[0].acquire()
    things[1].put("an item")
    ends = []
    for method in ("spawn", "forkserver"):
        context = multiprocessing.get_context(method)
        ours, theirs = context.Pipe()
        context.Process(target=pipe_ends.echo, args=(theirs,)).start()
        theirs.close()
        ours.send("there")
        assert ours.recv() == "there"
        ends.append(ours)
    while len(executor._processes) < 2:
        pass
    print(*descendants())
    print(*(f"{{device}}:{{number}}" for device, number in shared_files()))
    print("killed", flush=True)
    sys.stdin.read()
"""


def test_nothing_is_left_of_a_parent_that_is_killed(tmp_path: Path) -> None:
    named = named_files()
    program = tmp_path / "program.py"
    program.write_text(PROGRAM.format(here=str(HERE), root=str(HERE.parents[1])))
    with subprocess.Popen(
        [sys.executable, program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        said = []
        while not said or said[-1] != "killed\n":
            said.append(parent.stdout.readline())
            assert said[-1], "it has ended by itself"
        pids = [int(pid) for pid in said[0].split()]
        files = {tuple(map(int, file.split(":"))) for file in said[1].split()}
        parent.kill()
        assert parent.wait() == -signal.SIGKILL
    # The server and its two workers, two ends of pipes, and the standard library's fork server and resource tracker.
    assert len(pids) >= 6 and len(files) >= 5
    wait_until(lambda: not any(map(is_alive, pids)))

    def users() -> list[str]:
        return [each.name for each in PROC.iterdir() if each.name.isdigit() and shared_files(each.name) & files]

    # Its descriptors and mappings went with it; nobody else has what they were of.
    wait_until(lambda: not users())
    wait_until(lambda: named_files() <= named)
