"""Starting: the import and the first call of a compiled function with nothing cached, each in a process of its own.

The table shows the shortest of the rounds: what else the machine does only ever adds.
"""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

from report import Line, parse, show

PACKAGES = ("ungil", "numba")
CHILD = Path(__file__).with_name("start_child.py")


def main() -> None:
    """Measure both packages in alternating rounds."""
    options = parse(__doc__)
    rounds: dict[str, list[dict[str, float]]] = {name: [] for name in PACKAGES if importlib.util.find_spec(name)}
    for _ in range(options.repeat):
        for name, times in rounds.items():
            times.append(in_child(name))

    def line(name: str, key: str, most_seconds: float) -> Line:
        ours, numbas = (min((times[key] for times in rounds.get(package, [])), default=None) for package in PACKAGES)
        assert ours is not None
        return Line(name, ours, "numba", numbas, most_seconds=most_seconds)

    lines = [
        line("import", "import", 0.015),
        line("first call, serial", "serial", 0.030),
        line("first call, parallel", "parallel", 0.030),
    ]
    show("starting, nothing cached", lines, as_json=options.json)


def in_child(package: str) -> dict[str, float]:
    """Measure one package in a fresh interpreter."""
    command = [sys.executable, str(CHILD), package]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout  # noqa: S603 - our own file
    times: dict[str, float] = json.loads(output)
    return times


if __name__ == "__main__":
    main()
