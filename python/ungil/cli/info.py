"""`ungil info`: what a measurement or a report of a fault has to say about where it ran."""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import sys
import sysconfig
from pathlib import Path

import ungil
from ungil import _core

__all__ = ("machine", "processor", "show_info")

PEERS = ("numba", "numpy", "joblib", "cython")


def show_info(*, as_json: bool) -> int:
    """Print what this interpreter, this processor and this package are, as a table or as JSON."""
    described = machine()
    if as_json:
        print(json.dumps(described, indent=2))
        return 0

    from rich.console import Console
    from rich.table import Table

    table = Table(show_header=False, box=None)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in described.items():
        table.add_row(name.replace("_", " "), _text(value))
    Console().print(table, markup=False, highlight=False)
    return 0


def machine() -> dict[str, object]:
    """Describe versions, processor, threads, cache and platform, as JSON values."""
    return {
        "ungil": importlib.metadata.version("ungil"),
        "python": platform.python_version(),
        "python_build": f"{platform.python_implementation()}, {_gil()}, {platform.python_compiler()}",
        "executable": sys.executable,
        "llvm": _core.llvm_version(),
        "peers": _installed_peers(),
        "platform": platform.platform(),
        "processor": processor(),
        "llvm_cpu": _core.cpu_name(),
        "cpu_features": _features(),
        "cpus": os.cpu_count(),
        "threads": ungil.get_num_threads(),
        "cache": _cache(),
    }


def processor() -> str:
    """Return the processor's name as its maker gives it, or its architecture where that is not told."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor() or platform.machine())


def _cache() -> str:
    """Return where `cache=True` keeps compiled code, and how much is there."""
    folder = _core.cache_folder()
    if folder is None:
        return "no folder: name one in UNGIL_CACHE_DIR"
    sizes = [file.stat().st_size for file in Path(folder).glob("*.code")]
    return f"{folder}, {len(sizes)} functions, {sum(sizes) / 1e6:.1f} MB"


def _features() -> list[str]:
    """Return the names of what the processor has, without what LLVM says it lacks."""
    features = _core.cpu_features()
    names = features.split(",") if isinstance(features, str) else features
    return sorted(name.removeprefix("+") for name in names if name and not name.startswith("-"))


def _gil() -> str:
    return "free-threaded" if sysconfig.get_config_var("Py_GIL_DISABLED") else "with the GIL"


def _installed_peers() -> dict[str, str]:
    found = {}
    for name in PEERS:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def _text(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {version}" for name, version in value.items()) or "none"
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)
