"""Every example runs, and what README shows is what happens."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))


# What each prints; but integrate.py, whose last digits are its own affair.
OUTPUTS = {
    "bounded_semaphore.py": "taken a third time: False\ngiven back a third time: Semaphore released too many times\n",
    "countdown.py": "2 left\n1 left\n0 left\n1 left\n0 left\n",
    "executor.py": "Hello, world!\nKnock?\nKnock!\n[None, None]\n",
    "executor_block.py": "True [1, 2, 4, 8, 16]\ncannot schedule new futures after shutdown\n",
    "future.py": "False True False\n[1, 2, 3, 4]\n<Future at 0x... state=finished returned list>\n",
    "integrate_async.py": "1.000785\n1.000785\n",
    "integrate_async_processes.py": "1.000785\n1.000785\n",
    "integrate_parallel.py": """\
1.000785
1.000785 None
1.000785 auto
1.000785 threading
1.000785 multiprocessing
1.000785 loky
1.000785 processes
1.000785 sequential
""",
    "shared_array.py": "[ 0  1  4  9 16] 999998000001\n",
    "daemon.py": "the main thread is over\nso is the other thread, and the daemon ends with the program\n",
    "join.py": "before its start: False\nafter its start: True\nafter its end: False\n",
    "master_and_workers.py": "[0, 1, 4, 9, 16, 25, 36, 49, 64, 81]\n",
    "names.py": """\
worker has the number None
this is worker
its number is not the main thread's: True
Thread-1 (say_who) has the number None
this is Thread-1 (say_who)
its number is not the main thread's: True
""",
    "ponger.py": "pong 0\npong 1\npong 2\nexit code 0\n",
    "primitives.py": "counted to 2000\nready, go\ngone\nthe lock is ours: True\ntold by a HolderDied\n",
    "process.py": "4 left\n3 left\n2 left\n1 left\n0 left\n",
    "queue_orders.py": """\
Queue
   2 sort the post
   1 put out the fire
   3 water the plants
LifoQueue
   3 water the plants
   1 put out the fire
   2 sort the post
PriorityQueue
   1 put out the fire
   2 sort the post
   3 water the plants
""",
    "rlock.py": "60\n",
    "semaphore.py": "at most 2 at a time\n",
    "shared_counter.py": "40000\n",
    "stop_token.py": "started\nended, with everything in its place\n",
    "task.py": "started\nended, with everything in its place\n",
}


def run(path: Path) -> str:
    done = subprocess.run([sys.executable, str(path)], capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("name", OUTPUTS)
def test_an_example_prints_this(name: str) -> None:
    # Where an object lies is another place each time.
    assert re.sub("0x[0-9a-f]+", "0x...", run(ROOT / "examples" / name)) == OUTPUTS[name]


def test_no_example_is_forgotten() -> None:
    assert {path.name for path in EXAMPLES} == {*OUTPUTS, "integrate.py"}


def test_integrate_gives_the_left_sum() -> None:
    assert float(run(ROOT / "examples" / "integrate.py")) == pytest.approx(1.0000007853979, rel=1e-12)


README_PROGRAMS = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)


@pytest.mark.parametrize("program", README_PROGRAMS, ids=["integrate", "threads", "futures", "parallel"])
def test_a_program_in_readme_prints_what_readme_says(program: str, tmp_path: Path) -> None:
    expected = re.search(r"print\(.*\)\s+# ([\d.]+)", program)
    assert expected is not None
    file = tmp_path / "readme.py"
    file.write_text(program)
    assert run(file).startswith(expected[1])


@pytest.mark.parametrize("page", sorted(ROOT.glob("*.md")) + sorted((ROOT / "docs").rglob("*.md")), ids=str)
def test_links_to_files_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text())
    missing = [link for link in links if not (page.parent / link).exists()]
    assert not missing
