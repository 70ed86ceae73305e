"""Start methods: the default, how it is set, and that children have their parent's."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent

PROGRAM = """
import multiprocessing as standard, sys
import pipe_ends
from ungil import multiprocessing

if __name__ == "__main__":
    if sys.argv[1] != "default":
        multiprocessing.set_start_method(sys.argv[1])
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.Process(target=pipe_ends.tell_start_methods, args=(theirs,))
    process.start()
    said = [ours.recv()]
    ours.send(True)
    said.append(ours.recv())
    ours.send(False)
    process.join()
    print(*said, standard.get_start_method(allow_none=True), process.exitcode)
"""


@pytest.mark.parametrize(("asked", "method"), [("default", "forkserver"), ("spawn", "spawn"), ("fork", "fork")])
def test_children_have_their_parents_and_the_standard_default_stays_free(
    asked: str, method: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(HERE))
    path = tmp_path / "program.py"
    path.write_text(PROGRAM)
    done = subprocess.run([sys.executable, path, asked], capture_output=True, text=True, check=False, timeout=100)
    assert (done.stdout, done.returncode) == (f"{method} {method} None 0\n", 0), done.stderr
