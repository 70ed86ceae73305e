"""Starting: the import, and the first call of a compiled function with nothing cached or with its code on disk.

Each round is a process of its own.

The table shows the shortest of the rounds: what else the machine does only ever adds.
"""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from report import Line, parse, show

PACKAGES = ("ungil", "numba")
CHILD = Path(__file__).with_name("start_child.py")


def main() -> None:
    """Measure both packages in alternating rounds."""
    options = parse(__doc__)
    rounds: dict[str, list[dict[str, float]]] = {name: [] for name in PACKAGES if importlib.util.find_spec(name)}
    with tempfile.TemporaryDirectory() as folder:
        for name in rounds:
            in_child(name, "cached", folder=folder)
        for _ in range(options.repeat):
            for name, times in rounds.items():
                cached = in_child(name, "cached", folder=folder)
                times.append({**in_child(name), "from disk": cached["import"] + cached["cached"]})

    def line(name: str, key: str, most_seconds: float, least_ratio: float | None = None) -> Line:
        ours, numbas = (min((times[key] for times in rounds.get(package, [])), default=None) for package in PACKAGES)
        assert ours is not None
        return Line(name, ours, "numba", numbas, least_ratio=least_ratio, most_seconds=most_seconds)

    lines = [
        line("import", "import", 0.015),
        line("first call, serial", "serial", 0.030),
        line("first call, parallel", "parallel", 0.030),
        line("import, cached call", "from disk", 0.040, 10.0),
    ]
    show("starting", lines, as_json=options.json)


def in_child(package: str, *mode: str, folder: str = "") -> dict[str, float]:
    """Measure one package in a fresh interpreter, its caches in `folder`."""
    command = [sys.executable, str(CHILD), package, *mode]
    caches = {"UNGIL_CACHE_DIR": folder, "NUMBA_CACHE_DIR": folder}
    environment = {**os.environ, **caches} if folder else None
    output = subprocess.run(  # noqa: S603 - our own file
        command, check=True, capture_output=True, text=True, env=environment
    ).stdout
    times: dict[str, float] = json.loads(output)
    return times


if __name__ == "__main__":
    main()
