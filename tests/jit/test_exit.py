"""The process may end while threads compile."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

PROGRAM = """
import sys, threading
from ungil import njit

def compile_for_ever():
    while True:
        njit(lambda x: x * x + 1.0)(2.0)

for _ in range(2):
    threading.Thread(target=compile_for_ever, daemon=True).start()
njit(lambda x: x + 1)(1)
sys.exit(7)
"""


def test_the_process_ends_with_its_own_code_while_threads_compile(tmp_path: Path) -> None:
    file = tmp_path / "program.py"
    file.write_text(PROGRAM)
    for _ in range(5):
        ended = subprocess.run([sys.executable, str(file)], capture_output=True, text=True, timeout=50)
        assert (ended.returncode, ended.stderr) == (7, "")
