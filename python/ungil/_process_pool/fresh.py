"""Whether a fork of this process is as good as a new interpreter, and how such a fork becomes as one.

A new interpreter takes longer to start than all else that comes before a pool's first result. A fork is there at once,
but takes with it what this process is: threads that it lacks, locks that they hold, memory, open files, and whatever
modules remember. So a process is forked only while it has nothing of that: it has one thread, little memory, and no
file of its own, has imported nothing but ungil and the standard library, and has changed nothing there that can be
looked at. Where in doubt, it is not.

What remains: what a program has put into modules of the standard library by hand, and its hooks of
`os.register_at_fork`.
"""

from __future__ import annotations

import contextlib
import gc
import os
import sys
import threading
import warnings
from importlib.machinery import FileFinder
from types import FunctionType, ModuleType

from ungil import _core
from ungil._process_pool import identity

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal as _signal
    from collections.abc import Iterator, Mapping
    from types import FrameType
    from typing import Any
else:
    import _signal

__all__ = ("become_as_new", "has_one_thread", "is_fresh")

# The main module, and what `multiprocessing` calls it as well.
_MAIN = ("__main__", "__mp_main__")

# What may have been imported, beside the standard library: ourselves, and what a new interpreter imports as well.
_OTHERS = frozenset({*_MAIN, "_distutils_hack", "cloudpickle", "sitecustomize", "ungil", "usercustomize"})
_EDITABLE = "__editable__"

# Of what a process remembers that has imported these there is too much to look at.
_REMEMBER = frozenset(
    {"bdb", "cProfile", "ctypes", "curses", "decimal", "faulthandler", "profile", "readline", "sqlite3", "test"}
    | {"tkinter", "trace", "tracemalloc", "unittest", "ungil.parallel", "ungil.queue", "ungil.threading"}
)

# What the system's library, and the interpreter, read of the environment when they start.
_READ_AT_START = (b"GLIBC_", b"LANG", b"LC_", b"LD_", b"LOCPATH", b"MALLOC_", b"NLSPATH", b"PYTHON", b"TZ", b"UNGIL_")

# So much memory of its own a process may have, in bytes: the pages of a fork are copied when either side writes.
_LITTLE_MEMORY = 64 << 20
_LITTLE_SHARED_MEMORY = 1 << 20

# So many frames deep it may be: a fork keeps them, and the stack's limit counts them; and so many descriptors it may
# have been started with.
_LITTLE_DEPTH = 100
_FEW_DESCRIPTORS = 32

# As they are at the start, in every version.
_COLLECTS = frozenset({(700, 10, 10), (2000, 10, 0), (2000, 10, 10)})
_FILTERS = ["default", "ignore", "ignore", "ignore", "ignore"]
_MOST_DIGITS = 4300
_RECURSION_LIMIT = 1000
_SWITCH_INTERVAL = 0.005
_FIELD_SIZE = 131072

# With these a new interpreter ignores a signal; all else is as it was before.
_IGNORED = frozenset({_signal.SIGPIPE, _signal.SIGXFSZ})
_SIGNALS = _signal.valid_signals()


def is_fresh() -> bool:
    """Return whether this process has done nothing yet that a fork would take with it."""
    try:
        return (
            has_one_thread()
            and sys.exc_info()[1] is None
            and _has_no_files()
            and _has_imported_nothing()
            and _is_interpreter_new()
            and _are_modules_new()
            and all(map(_is_as_at_start, _SIGNALS))
            and _environment() == _environment_at_start()
            and sum(1 for _ in _frames()) <= _LITTLE_DEPTH
            and _has_little_memory()
        )
    except Exception:
        # It cannot look at itself: the system tells less, or a version of Python keeps something elsewhere.
        return False


def has_one_thread() -> bool:
    """Return whether the system knows of one thread of this process: not all are Python's."""
    return len(os.listdir("/proc/self/task")) == 1  # noqa: PTH208 -- in a third of the time


def become_as_new(control: int) -> None:
    """In a fork: let go of what is the parent's, but for this descriptor and the standard ones.

    Nothing of the parent's is freed, and so nothing is finalized: files that were written to are not written again.
    """
    gc.freeze()
    for name in _MAIN:
        _kept.append(sys.modules.pop(name, None))
    sys.modules["__main__"] = ModuleType("__main__")
    for name, fd, mode in (("stdin", 0, "r"), ("stdout", 1, "w"), ("stderr", 2, "w")):
        _renew_stream(name, fd, mode)
    # Their numbers stay taken: whoever has one writes nowhere, and not into another file.
    null = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
    for fd in _descriptors():
        if fd not in (control, null):
            os.dup2(null, fd, inheritable=False)
    os.close(null)
    for path, finder in list(sys.path_importer_cache.items()):
        if finder is None:
            # There was nothing then.
            del sys.path_importer_cache[path]
        elif isinstance(finder, FileFinder):
            finder.invalidate_caches()
    modules: dict[str, Any] = dict(sys.modules)
    if "tempfile" in modules:
        modules["tempfile"].tempdir = None
    if "multiprocessing.context" in modules:
        modules["multiprocessing.context"]._default_context._actual_context = None
    identity.begin_anew()


# Of the parent's, in a fork.
_kept: list[object] = []


def _renew_stream(name: str, fd: int, mode: str) -> None:
    """Put a standard stream in the place of one whose buffer is the parent's."""
    stream = getattr(sys, name)
    _kept.append(stream)
    buffering = 1 if stream.line_buffering else -1
    new: Any = open(fd, mode, buffering, stream.encoding, stream.errors, closefd=False)  # noqa: SIM115 -- it stays
    if stream.write_through:
        new.reconfigure(write_through=True)
    setattr(sys, name, new)
    setattr(sys, f"__{name}__", new)


def _descriptors() -> list[int]:
    """Return the open descriptors but the standard ones."""
    found = []
    for fd in map(int, os.listdir("/proc/self/fd")):  # noqa: PTH208 -- as above
        with contextlib.suppress(OSError):
            # Not that by which the list is read.
            os.fstat(fd)
            if fd > 2:
                found.append(fd)
    return found


def _has_no_files() -> bool:
    """Whether it has the standard descriptors and, beside them, only those that it was started with."""
    for fd in range(3):
        os.fstat(fd)
    found = _descriptors()
    return len(found) <= _FEW_DESCRIPTORS and all(map(os.get_inheritable, found))


def _has_imported_nothing() -> bool:
    library = os.__file__.removesuffix("os.py")
    for name, module in list(sys.modules.items()):
        package = name.partition(".")[0]
        if name in _REMEMBER or package in _REMEMBER:
            return False
        if package in _OTHERS or package.startswith(_EDITABLE):
            continue
        # One of the program's own may be called as one of the standard library.
        file = getattr(module, "__file__", None)
        if package not in sys.stdlib_module_names or not (file is None or str(file).startswith(library)):
            return False
    return True


def _is_interpreter_new() -> bool:
    return (
        sys.gettrace() is sys.getprofile() is None
        and None not in (sys.stdin, sys.stdout, sys.stderr)
        and (sys.stdin, sys.stdout, sys.stderr) == (sys.__stdin__, sys.__stdout__, sys.__stderr__)
        and sys.getrecursionlimit() == _RECURSION_LIMIT
        and sys.getswitchinterval() == _SWITCH_INTERVAL
        and sys.get_int_max_str_digits() == _MOST_DIGITS
        and threading.stack_size() == 0
        and gc.isenabled()
        and gc.get_threshold() in _COLLECTS
        and not gc.callbacks
        and [kind for kind, *_ in warnings.filters] == _FILTERS
        and all(map(_is_original, ("showwarning", "_showwarnmsg_impl")))
        and _core.get_num_threads() == _core._max_num_threads()
        and _core.deadlock_policy() == "report"
    )


def _is_original(name: str) -> bool:
    """Whether a function of `warnings` is that with which it has begun."""
    function = getattr(warnings, name, None)
    return function is None or (isinstance(function, FunctionType) and function.__module__ == "warnings")


def _are_modules_new() -> bool:
    """Whether modules of the standard library that remember something have nothing to remember."""
    modules: dict[str, Any] = dict(sys.modules)
    if (locale := modules.get("_locale")) is not None:
        # All of it is "C" but the type of characters, which every interpreter sets.
        parts = locale.setlocale(locale.LC_ALL, None).split(";")
        if not all(part.endswith("=C") or part.startswith("LC_CTYPE=") for part in parts if "=" in part):
            return False
    if (socket := modules.get("_socket")) is not None and socket.getdefaulttimeout() is not None:
        return False
    if (csv := modules.get("_csv")) is not None and csv.field_size_limit() != _FIELD_SIZE:
        return False
    if (tracker := modules.get("multiprocessing.resource_tracker")) is not None and tracker._resource_tracker._pid:
        return False
    if (logging := modules.get("logging")) is not None:
        root = logging.root
        loggers = [root, *(each for each in root.manager.loggerDict.values() if isinstance(each, logging.Logger))]
        return bool(
            root.level == logging.WARNING
            and root.manager.disable == 0
            and logging._warnings_showwarning is None
            and not any(each.handlers for each in loggers)
        )
    return True


def _is_as_at_start(number: int) -> bool:
    handler: Any = _signal.getsignal(number)
    if number in _IGNORED:
        return bool(handler == _signal.SIG_IGN)
    return not callable(handler) or handler is _signal.default_int_handler


def _environment() -> dict[bytes, bytes]:
    return _of_start(os.environb)


def _environment_at_start() -> dict[bytes, bytes]:
    entries = (entry.partition(b"=") for entry in _read("environ").split(b"\0"))
    return _of_start({name: value for name, _, value in entries})


def _of_start(environment: Mapping[bytes, bytes]) -> dict[bytes, bytes]:
    """Return those variables that are read when a process starts."""
    return {name: environment[name] for name in environment if name.startswith(_READ_AT_START)}


def _frames() -> Iterator[FrameType]:
    frame: FrameType | None = sys._getframe()
    while frame is not None:
        yield frame
        frame = frame.f_back


def _has_little_memory() -> bool:
    fields = dict(line.split(b":", 1) for line in _read("status").splitlines())

    def size(name: bytes) -> int:
        return int(fields[name].split()[0]) * 1024

    return size(b"VmData") <= _LITTLE_MEMORY and size(b"RssShmem") <= _LITTLE_SHARED_MEMORY


def _read(name: str) -> bytes:
    with open(f"/proc/self/{name}", "rb") as file:  # noqa: PTH123 -- as above
        return file.read()
