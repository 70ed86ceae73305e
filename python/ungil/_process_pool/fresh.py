"""Whether a fork of this process is as good as a new interpreter, and how such a fork becomes as one.

A new interpreter takes longer to start than all else that comes before a pool's first result. A fork is there at once,
but takes with it what this process is: threads that it lacks, locks that they hold, memory, open files, and whatever
modules remember. So a process is forked only while it has nothing of that: it has one thread and little memory, and has
imported nothing but the standard library's modules that remember nothing, and ungil's. Where in doubt, it is not.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
import warnings
from pathlib import Path
from types import ModuleType

from ungil._process_pool import identity

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

__all__ = ("become_as_new", "is_fresh")

# The main module, and what `multiprocessing` calls it as well.
_MAIN = ("__main__", "__mp_main__")

# What may have been imported, beside the standard library: ourselves, and what a new interpreter imports as well.
_OTHERS = frozenset({*_MAIN, "_distutils_hack", "cloudpickle", "sitecustomize", "ungil", "usercustomize"})
_EDITABLE = "__editable__"

# Modules of the standard library that have the process remember what was done with them, or are there to look into it.
_REMEMBER = frozenset(
    {"bdb", "cProfile", "ctypes", "curses", "decimal", "faulthandler", "profile", "readline", "sqlite3", "test"}
    | {"tkinter", "trace", "tracemalloc", "unittest"}
)

# So much memory of its own a process may have, in bytes: the pages of a fork are copied when either side writes.
_LITTLE_MEMORY = 64 << 20

# So many frames deep it may be: a fork keeps them, and the stack's limit counts them.
_LITTLE_DEPTH = 100

_FILTERS = ["default", "ignore", "ignore", "ignore", "ignore"]
_RECURSION_LIMIT = 1000


def is_fresh() -> bool:
    """Return whether this process has done nothing yet that a fork would take with it."""
    try:
        return (
            _n_threads() == 1
            and _has_imported_nothing()
            and sys.gettrace() is sys.getprofile() is None
            and (sys.stdin, sys.stdout, sys.stderr) == (sys.__stdin__, sys.__stdout__, sys.__stderr__)
            and sys.getrecursionlimit() == _RECURSION_LIMIT
            and [kind for kind, *_ in warnings.filters] == _FILTERS
            and not any(map(_is_handled, signal.valid_signals()))
            and not _has_logging()
            and not _has_locale()
            and sum(1 for _ in _frames()) <= _LITTLE_DEPTH
            and _memory() <= _LITTLE_MEMORY
        )
    except OSError:
        # It cannot look at itself.
        return False


def become_as_new(*kept: int) -> None:
    """In a fork: let go of what is the parent's, but for these descriptors and the standard ones.

    Nothing of the parent's is freed, and so nothing is finalized: files that were written to are not written again.
    """
    gc.freeze()
    for name in _MAIN:
        module = sys.modules.pop(name, None)
        if module is not None:
            _kept.append(module)
    sys.modules["__main__"] = ModuleType("__main__")
    # Their numbers stay taken: whoever has one writes nowhere, and not into another file.
    null = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
    for fd in [int(path.name) for path in Path("/proc/self/fd").iterdir()]:
        if fd > 2 and fd not in kept and fd != null:
            try:
                os.fstat(fd)
            except OSError:
                # That by which the list was read.
                continue
            os.dup2(null, fd, inheritable=False)
    os.close(null)
    identity.begin_anew()


# Modules of the parent's, in a fork.
_kept: list[ModuleType] = []


def _n_threads() -> int:
    # As the system counts them: not all are Python's.
    return sum(1 for _ in Path("/proc/self/task").iterdir())


def _has_imported_nothing() -> bool:
    names = {name.partition(".")[0] for name in list(sys.modules)}
    return names.isdisjoint(_REMEMBER) and all(
        name in _OTHERS or name.startswith(_EDITABLE) for name in names - sys.stdlib_module_names
    )


def _is_handled(number: int) -> bool:
    handler = signal.getsignal(number)
    return callable(handler) and handler is not signal.default_int_handler


def _has_logging() -> bool:
    logging = sys.modules.get("logging")
    if logging is None:
        return False
    root = logging.root
    loggers = [root, *(each for each in root.manager.loggerDict.values() if isinstance(each, logging.Logger))]
    return any(each.handlers for each in loggers)


def _has_locale() -> bool:
    locale = sys.modules.get("_locale")
    # All of it is "C" but the type of characters, which every interpreter sets.
    return locale is not None and any(
        not part.endswith("=C") and not part.startswith("LC_CTYPE=")
        for part in locale.setlocale(locale.LC_ALL, None).split(";")
    )


def _frames() -> Iterator[FrameType]:
    frame: FrameType | None = sys._getframe()
    while frame is not None:
        yield frame
        frame = frame.f_back


def _memory() -> int:
    """Return how many bytes of memory this process has that no file has."""
    _, resident, shared, *_ = map(int, Path("/proc/self/statm").read_text().split())
    return (resident - shared) * os.sysconf("SC_PAGESIZE")
