"""Every example runs, and what README shows is what happens."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))


def run(path: Path) -> str:
    done = subprocess.run([sys.executable, str(path)], capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_an_example_runs_and_prints(path: Path) -> None:
    assert run(path).strip()


def test_integrate_gives_the_left_sum() -> None:
    assert float(run(ROOT / "examples" / "integrate.py")) == pytest.approx(1.0000007853979, rel=1e-12)


def test_the_program_in_readme_prints_what_readme_says(tmp_path: Path) -> None:
    text = (ROOT / "README.md").read_text()
    program = re.search(r"```python\n(.*?)```", text, re.DOTALL)
    assert program is not None
    expected = re.search(r"print\(.*\)\s+# ([\d.]+)…", program[1])
    assert expected is not None
    file = tmp_path / "readme.py"
    file.write_text(program[1])
    assert run(file).startswith(expected[1])


@pytest.mark.parametrize("page", sorted(ROOT.glob("*.md")) + sorted((ROOT / "docs").rglob("*.md")), ids=str)
def test_links_to_files_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text())
    missing = [link for link in links if not (page.parent / link).exists()]
    assert not missing
