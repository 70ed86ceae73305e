"""What a process has that may outlive a test: child processes, descriptors, and shared memory, mapped or with a name.

`nothing_left` compares it before and after. What ends a little later than the test is waited for.
"""

from __future__ import annotations

import contextlib
import ctypes
import functools
import gc
import multiprocessing
import os
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing import RawValue, forkserver, resource_sharer, resource_tracker
from pathlib import Path

import pytest

__all__ = ("Holdings", "descendants", "descriptors", "is_alive", "named_files", "nothing_left", "shared_files")

# A guard against what never ends, far more than a busy machine needs.
PATIENCE = 60.0

PROC = Path("/proc")
NAMED = Path("/dev/shm")
# What libraries name so there that no test here uses: of other programs on this machine, which leave it for a while.
FOREIGN = ("joblib", "loky", "sem.loky")

PR_SET_CHILD_SUBREAPER, PR_GET_CHILD_SUBREAPER = 36, 37


@dataclass(frozen=True)
class Holdings:
    """What this process has, each thing as often as it has it."""

    processes: Counter[str]
    descriptors: Counter[str]
    mappings: Counter[str]
    named: Counter[str]

    @classmethod
    def now(cls) -> Holdings:
        """Look, after what nobody refers to has gone."""
        gc.collect()
        # This waits for those that have ended.
        multiprocessing.active_children()
        return cls(
            Counter(_command(pid) for pid in descendants() if is_alive(pid)),
            Counter(descriptors()),
            Counter(_mapped(os.getpid())),
            Counter(named_files()),
        )

    def beyond(self, before: Holdings) -> list[str]:
        """Return what there is more of than before, a line each."""
        return [
            f"{n} × {kind}: {name}"
            for kind, now, then in (
                ("process", self.processes, before.processes),
                ("descriptor", self.descriptors, before.descriptors),
                ("mapping", self.mappings, before.mappings),
                ("shared memory", self.named, before.named),
            )
            for name, n in sorted((now - then).items())
        ]


@contextlib.contextmanager
def nothing_left(of: str, patience: float = PATIENCE) -> Iterator[None]:
    """Fail if what is within leaves something for so many seconds, and say what."""
    _start_what_stays()
    before = Holdings.now()
    with _orphans_adopted():
        yield
        # The standard library's thread that hands out descriptors stays until it is told to end.
        resource_sharer.stop(timeout=patience)
        guard = time.monotonic() + patience
        while left := Holdings.now().beyond(before):
            if time.monotonic() > guard:
                pytest.fail(f"{of} has left, {patience:.0f} s after its end:\n  " + "\n  ".join(left))
            time.sleep(0.05)


def descendants(pid: int | None = None) -> list[int]:
    """Return the children of a process, of this one if none is named, their children, and so on."""
    found = []
    for child in _children(os.getpid() if pid is None else pid):
        found += [child, *descendants(child)]
    return found


def is_alive(pid: int) -> bool:
    """Return whether a process has not ended; one that has and that nobody has waited for has."""
    try:
        return (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def descriptors(pid: int | str = "self") -> list[str]:
    """Return what each descriptor of a process leads to; of pipes and sockets, only that it is one."""
    found = []
    for link in _links(PROC / str(pid) / "fd"):
        kind, _, number = link.partition(":[")
        found.append(kind if number else _kind(link))
    return sorted(found)


def shared_files(pid: int | str = "self") -> set[tuple[int, int]]:
    """Return the files in memory without a name that a process has open or has mapped: their devices and numbers."""
    files = set()
    folder = PROC / str(pid) / "fd"
    with contextlib.suppress(OSError):
        for path in folder.iterdir():
            with contextlib.suppress(OSError):
                if str(path.readlink()).startswith("/memfd:ungil"):
                    status = path.stat()
                    files.add((status.st_dev, status.st_ino))
    for line in _maps(pid):
        fields = line.split(maxsplit=5)
        if len(fields) == 6 and fields[5].startswith("/memfd:ungil"):
            major, minor = (int(number, 16) for number in fields[3].split(":"))
            files.add((os.makedev(major, minor), int(fields[4])))
    return files


def named_files() -> set[str]:
    """Return the files of shared memory that have a name, but for those of other programs on this machine."""
    paths = (path for path in NAMED.iterdir() if not path.name.startswith(FOREIGN))
    return {str(path) for path in paths if not _is_anothers(path)}


@functools.cache
def _start_what_stays() -> None:
    """Start what a process has one of, from its first use to its end."""
    from ungil.futures import ProcessPoolExecutor
    from ungil.multiprocessing import Lock

    forkserver.ensure_running()
    resource_tracker.ensure_running()
    # The file that the standard library's shared values lie in.
    RawValue("i")
    # The segment that further locks will lie in, and the server that starts workers.
    Lock()
    with ProcessPoolExecutor(1) as executor:
        executor.submit(abs, -1).result()


@contextlib.contextmanager
def _orphans_adopted() -> Iterator[None]:
    """Have what child processes leave behind become children of this one, where it is found, and wait for it."""
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    known, before = set(_children(os.getpid())), ctypes.c_int()
    prctl(PR_GET_CHILD_SUBREAPER, ctypes.byref(before), 0, 0, 0)
    assert prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0, os.strerror(ctypes.get_errno())
    try:
        yield
    finally:
        prctl(PR_SET_CHILD_SUBREAPER, before.value, 0, 0, 0)
        for pid in set(_children(os.getpid())) - known:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, os.WNOHANG)


def _children(pid: int) -> list[int]:
    found: list[int] = []
    with contextlib.suppress(OSError):
        for thread in (PROC / str(pid) / "task").iterdir():
            # A thread that has ended meanwhile has none.
            with contextlib.suppress(OSError):
                found += map(int, (thread / "children").read_text().split())
    return found


def _command(pid: int) -> str:
    """Return what a process runs, without what differs from one of its kind to the next."""
    try:
        words = (PROC / str(pid) / "cmdline").read_bytes().decode(errors="replace").split("\0")
    except OSError:
        return "ended"
    return " ".join("".join("#" if letter.isdigit() else letter for letter in word) for word in words).strip()


def _links(folder: Path) -> list[str]:
    links = []
    with contextlib.suppress(OSError):
        for path in folder.iterdir():
            # The folder's own descriptor is gone by now.
            with contextlib.suppress(OSError):
                links.append(str(path.readlink()))
    return links


def _maps(pid: int | str) -> list[str]:
    try:
        return (PROC / str(pid) / "maps").read_text().splitlines()
    except OSError:
        return []


def _mapped(pid: int | str) -> list[str]:
    """Return the mappings of shared memory, named or not."""
    names = (line.split(maxsplit=5)[5:] for line in _maps(pid))
    return [_kind(name) for (name,) in filter(None, names) if name.startswith(("/memfd:", f"{NAMED}/"))]


def _kind(name: str) -> str:
    """Return a file's name without what differs from one of its kind to the next, if it is one of shared memory."""
    return name.partition("-")[0] if name.startswith(f"{NAMED}/") else name


def _is_anothers(path: Path) -> bool:
    """Return whether a process that is none of ours uses a file: then it is of another program on this machine."""
    own = {os.getpid(), *descendants()}
    others = (each.name for each in PROC.iterdir() if each.name.isdigit() and int(each.name) not in own)
    name = str(path)
    return any(name in _links(PROC / pid / "fd") or any(name in line for line in _maps(pid)) for pid in others)
