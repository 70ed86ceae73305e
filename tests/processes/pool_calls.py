"""What worker processes are asked to do in the tests of pools. They import it by name."""

from __future__ import annotations

import ctypes
import io
import itertools
import multiprocessing
import os
import signal
import sys
import threading
import time
from multiprocessing.util import Finalize
from pathlib import Path
from typing import Any

import numpy as np

from ungil import multiprocessing as ours

STATE: list[Any] = []


def initialise(value: Any) -> None:
    STATE.append(value)


def state() -> list[Any]:
    return STATE


def fail_to_initialise() -> None:
    raise LookupError("no such thing")


def fail_unless(path: str) -> None:
    """Raise unless the file is there."""
    Path(path).read_bytes()


def double(x: Any) -> Any:
    return x * 2


def pause_and_return(seconds: float, value: Any) -> Any:
    time.sleep(seconds)
    return value


def tell_and_sleep(path: str, seconds: float) -> None:
    """Make a file, and sleep."""
    Path(path).touch()
    time.sleep(seconds)


def wait_for(path: str) -> None:
    """Wait until the file is there."""
    while not Path(path).exists():
        time.sleep(0.01)


def send(end: Any, message: Any) -> None:
    end.send(message)


def an_end_with(message: Any) -> Any:
    """Return an end of a pipe with a message in it."""
    ours, theirs = multiprocessing.Pipe()
    theirs.send(message)
    theirs.close()
    return ours


def put_there(message: Any) -> None:
    """Put a message into the queue that the initializer was given."""
    STATE[0].put(message)


def run_for_ever() -> None:
    while True:
        pass


def kill_self(number: int = signal.SIGKILL) -> None:
    os.kill(os.getpid(), number)
    time.sleep(60)


def segfault() -> None:
    ctypes.string_at(0)


def complain_and_die() -> None:
    print("the last words", file=sys.stderr)
    os._exit(7)


class Custom(Exception):
    """One with more than its arguments."""

    def __init__(self, code: int, detail: str) -> None:
        super().__init__(code, detail)
        self.code = code
        self.detail = detail


class Unreadable(Exception):
    """One that can be pickled, and not unpickled."""

    def __init__(self, code: int, detail: str) -> None:
        super().__init__(f"{code}: {detail}")


class Holder:
    """What cannot be pickled, since of what it has."""

    def __init__(self) -> None:
        self.fine = 1
        self.inner = {"lock": threading.Lock()}


class LateLoad:
    """What can be pickled, and not unpickled."""

    def __reduce__(self) -> Any:
        return int, ("no number",)


def raise_custom() -> None:
    raise Custom(3, "deep")


def raise_unreadable() -> None:
    raise Unreadable(1, "x")


def raise_with_lock() -> None:
    error = ValueError("it has a lock")
    error.lock = threading.Lock()  # type: ignore[attr-defined]
    raise error


def return_holder() -> Holder:
    return Holder()


def return_late_load() -> LateLoad:
    return LateLoad()


def change_and_sum(array: np.ndarray[Any, Any]) -> float:
    array += 1
    return float(array.sum())


def make_array(n: int) -> np.ndarray[Any, Any]:
    return np.arange(n, dtype=np.float64)


KEPT: list[Any] = []


def keep(array: np.ndarray[Any, Any]) -> None:
    KEPT.append(array)


def sum_of_kept() -> float:
    return float(sum(array.sum() for array in KEPT))


def append_line(path: str, text: str, seconds: float = 0.0) -> None:
    with Path(path).open("a") as file:
        file.write(f"{text}\n")
    time.sleep(seconds)


def allocate(n: int) -> int:
    return len(bytearray(n))


def interruptible(path: str) -> str:
    try:
        Path(path).touch()
        time.sleep(60)
    except KeyboardInterrupt:
        return "interrupted"
    return "not interrupted"


CONNECTION: list[Any] = []


def take_end(conn: Any, lock: Any) -> None:
    CONNECTION[:] = [conn, lock]


def send_there(message: Any) -> None:
    with CONNECTION[1]:
        CONNECTION[0].send(message)


def redirect_stderr(path: str) -> None:
    """Have standard error go to a file, as programs do that keep a log."""
    with Path(path).open("a") as file:
        os.dup2(file.fileno(), 2)


def fail_once_more(path: str) -> str:
    """Raise the first time."""
    file = Path(path)
    if not file.exists():
        file.touch()
        raise OSError("once")
    return "made"


def wait_and_return(path: str, value: Any) -> Any:
    """Wait until the file is there."""
    wait_for(path)
    return value


def touch_and_sleep(path: str) -> None:
    """Say that the call has begun, which will not end."""
    Path(path).touch()
    time.sleep(600)


def touch_and_wait(begun: str, path: str) -> str:
    """Say that the call has begun, and wait until the other file is there."""
    Path(begun).touch()
    wait_for(path)
    return "waited"


def identity() -> tuple[str, int, int | None]:
    """Return what `multiprocessing` knows of this process: its name, its number, and that of its parent."""
    process: Any = multiprocessing.current_process()
    parent = multiprocessing.parent_process()
    return process.name, process._identity[0], parent and parent.pid


def clean_up_by(path: str) -> None:
    """Have a file made at the end of this process."""
    Finalize(None, Path(path).touch, exitpriority=1)


def note_start(path: str) -> None:
    """Have a file made that is named by this process."""
    (Path(path) / str(os.getpid())).touch()


def use_a_pool(n: int) -> list[int]:
    """Make a pool in a worker."""
    with ours.Pool(1) as pool:
        return pool.map(abs, range(-n, 0))


class Unwilling:
    """What says itself why it is not pickled."""

    def __reduce__(self) -> Any:
        raise RuntimeError("not this one")


def read_held() -> Any:
    return HELD[-1].locked()


HELD: list[Any] = []


def hold(lock: Any) -> None:
    HELD.append(lock)


def given(*args: Any) -> int:
    """Count the arguments, after a look at each."""
    return sum(1 for arg in args if type(arg).__name__)


def returned(number: int) -> Any:
    """Return one of several values, by its number."""
    return RETURNED[number]


RETURNED: list[Any] = [
    None, True, 0, -1, 2**63 - 1, -(2**63), 2**63, 1.5, "", "é€😀", "\ud800", "x" * 40_000,
    b"", b"\0\xff", b"x" * 40_000, (1, 2), [None], {"a": 1}, np.float64(2.5), np.arange(3).tolist(), 1j,
]  # fmt: skip


def note_turns() -> None:
    """Have a thread note when it has its turns."""

    def note() -> None:
        while True:
            STATE.append(time.monotonic())
            time.sleep(0)

    STATE.clear()
    threading.Thread(target=note, daemon=True).start()


def longest_without_turn() -> float:
    """Return the longest time between two turns of that thread, as a part of the time of all."""
    turns = STATE.copy()
    return max(after - before for before, after in itertools.pairwise(turns)) / (turns[-1] - turns[0])


def throw_as_cpp_does() -> None:
    """Throw an exception of C++ that nothing catches."""
    ctypes.CDLL("libstdc++.so.6")._ZSt21__throw_runtime_errorPKc(b"thrown")


class _Full(io.StringIO):
    is_full = False

    def flush(self) -> None:
        if self.is_full:
            raise OSError("no space is left")
        # From the end of this call on.
        self.is_full = True


def break_output() -> None:
    """Have the next call find that its output cannot be flushed."""
    sys.stdout = _Full()


def given_by_name(x: int = 0) -> int:
    return x


def replace(name: str, value: Any) -> None:
    """Give this module another attribute of that name."""
    globals()[name] = lambda: value


def replaced() -> str:
    return "as it was"


def answer_by_hand(kind: int, data: bytearray) -> None:
    """Send an answer to this call in the place of what it returns, and end this process."""
    frame = sys._getframe()
    while "link" not in frame.f_locals:
        frame = frame.f_back  # type: ignore[assignment]
    frame.f_locals["link"].send(kind, frame.f_locals["number"], bytes(data))
    os._exit(0)
