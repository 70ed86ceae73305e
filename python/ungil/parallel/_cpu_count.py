"""How many processors this process may use: what the machine has, its affinity, its control group, the environment."""

from __future__ import annotations

import functools
import math
import os
from pathlib import Path

__all__ = ("cpu_count", "n_jobs_of")

# What a control group may use: a quota of microseconds in each period.
_GROUPS = Path("/sys/fs/cgroup")


def cpu_count(only_physical_cores: bool = False) -> int:
    """Return how many processors this process may use, as joblib counts them.

    The least of: the processors of the machine, those of the process's affinity, the quota of its control group
    (rounded up), and the environment's `LOKY_MAX_CPU_COUNT`.

    Args:
        only_physical_cores: whether hardware threads of one core count once. Where a limit is below the number of
            hardware threads, the limit is returned.

    Returns:
        The number, at least 1.

    Raises:
        ValueError: `LOKY_MAX_CPU_COUNT` is no whole number.

    Example:
        >>> from ungil.parallel import cpu_count
        >>> cpu_count() >= 1
        True
    """
    n_machine = _machine()
    n_allowed = min(_affinity(n_machine), _quota(n_machine), _environment(n_machine))
    count = max(min(n_machine, n_allowed), 1)
    if not only_physical_cores or n_allowed < n_machine:
        return count
    return min(_physical_cores() or count, count)


def n_jobs_of(n_jobs: int | None, n_processors: int) -> int:
    """Return how many tasks run at once: negative numbers count from one more than the processors.

    Args:
        n_jobs: what was asked for; None for one.
        n_processors: how many there are.

    Raises:
        ValueError: it is 0.
    """
    if n_jobs is None:
        return 1
    if n_jobs == 0:
        raise ValueError(
            "n_jobs == 0 in Parallel has no meaning: give a positive number, or a negative one, which counts from all"
            " processors"
        )
    return n_jobs if n_jobs > 0 else max(n_processors + 1 + n_jobs, 1)


@functools.cache
def _machine() -> int:
    """Return how many processors the machine has, as it was when first asked for: a system call that opens a file."""
    return os.cpu_count() or 1


def _affinity(n_machine: int) -> int:
    try:
        return len(os.sched_getaffinity(0))
    except (AttributeError, OSError):
        # There is none here.
        return n_machine


def _environment(n_machine: int) -> int:
    text = os.environ.get("LOKY_MAX_CPU_COUNT")
    if text is None:
        return n_machine
    try:
        return int(text)
    except ValueError:
        raise ValueError(f"LOKY_MAX_CPU_COUNT must be a whole number, got {text!r}") from None


@functools.cache
def _quota(n_machine: int) -> int:
    """Return the least quota of this process's control group and of those around it, as it was when first asked for."""
    try:
        lines = Path("/proc/self/cgroup").read_text().splitlines()
    except OSError:
        return n_machine
    quotas = [n_machine]
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers == "":
            folders = [_GROUPS]
        elif "cpu" in controllers.split(","):
            folders = [_GROUPS / controllers, _GROUPS / "cpu"]
        else:
            continue
        for root in folders:
            inner = root / path.strip("/")
            # Where the process sees its own group as the root, the path leads nowhere.
            quotas += [
                n
                for folder in {root, inner, *inner.parents}
                if folder.is_relative_to(root) and (n := _quota_of(folder))
            ]
    return min(quotas)


def _quota_of(folder: Path) -> int | None:
    try:
        # Version 2 has both in one file, "max" for no quota; version 1 has two files, -1 for no quota.
        if (folder / "cpu.max").exists():
            quota, period = (folder / "cpu.max").read_text().split()
        else:
            quota, period = (folder / "cpu.cfs_quota_us").read_text(), (folder / "cpu.cfs_period_us").read_text()
        return math.ceil(int(quota) / int(period)) if int(quota) > 0 and int(period) > 0 else None
    except (OSError, ValueError):
        return None


def _physical_cores() -> int | None:
    """Return how many cores the machine has; None if it does not tell."""
    cores = set()
    for topology in Path("/sys/devices/system/cpu").glob("cpu[0-9]*/topology"):
        try:
            cores.add(tuple((topology / name).read_text() for name in ("physical_package_id", "core_id")))
        except OSError:
            return None
    return len(cores) or None


cpu_count.__module__ = "ungil.parallel"
