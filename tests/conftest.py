"""What all tests share: bounded waits, threads that hand on what they raise, child processes, and Ctrl-C.

Compiled code goes into a folder of the run's own, so that none finds what others left.
"""

from __future__ import annotations

import faulthandler
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

# A guard against waits that never end, far more than a busy machine needs.
PATIENCE = 60.0


@pytest.fixture(scope="session", autouse=True)
def _cache_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    before = os.environ.get("UNGIL_CACHE_DIR")
    os.environ["UNGIL_CACHE_DIR"] = str(tmp_path_factory.mktemp("cache"))
    yield
    if before is None:
        del os.environ["UNGIL_CACHE_DIR"]
    else:
        os.environ["UNGIL_CACHE_DIR"] = before


@pytest.fixture(scope="session", autouse=True)
def _ctrl_c() -> None:
    # A shell without job control has what it runs in the background ignore it, and Python leaves that as it is.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def wait_until(is_so: Callable[[], object]) -> None:
    guard = time.monotonic() + PATIENCE
    while not is_so():
        assert time.monotonic() < guard, "waited in vain"
        time.sleep(0.0005)


class Threads:
    """Threads of a test; what they raise is raised again when they are joined."""

    def __init__(self) -> None:
        self.threads: list[threading.Thread] = []
        self.errors: list[BaseException] = []

    def start(self, target: Callable[..., Any], *args: Any) -> threading.Thread:
        def run() -> None:
            try:
                target(*args)
            except BaseException as error:
                self.errors.append(error)

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        self.threads.append(thread)
        return thread

    def join(self, patience: float = PATIENCE) -> None:
        guard = time.monotonic() + patience
        for thread in self.threads:
            thread.join(max(0.0, guard - time.monotonic()))
            if thread.is_alive():
                faulthandler.dump_traceback(all_threads=True)
                pytest.fail("a thread hangs")
        if self.errors:
            raise self.errors[0]
        self.threads.clear()


@pytest.fixture
def until() -> Callable[[Callable[[], object]], None]:
    """Waits until something is so, and fails if it never is."""
    return wait_until


@pytest.fixture
def threads() -> Iterator[Threads]:
    """Starts threads that are joined when the test is over."""
    made = Threads()
    yield made
    # A test that has passed has let them all go.
    made.join(PATIENCE / 4)


@pytest.fixture
def prelude() -> str:
    """Return what each program of a child process begins with; the folders of tests have their own."""
    return ""


@pytest.fixture
def ended(tmp_path: Path, prelude: str) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs a program to its end, in a process of its own."""

    def run(source: str, *options: str, timeout: float = PATIENCE * 2) -> subprocess.CompletedProcess[str]:
        file = tmp_path / "program.py"
        file.write_text(prelude + textwrap.dedent(source))
        return subprocess.run(
            [sys.executable, *options, str(file)], capture_output=True, text=True, timeout=timeout, check=False
        )

    return run


@pytest.fixture
def output_of(ended: Callable[..., subprocess.CompletedProcess[str]]) -> Callable[..., str]:
    """Runs a program that ends well and says nothing on standard error; what it printed."""

    def run(source: str, *options: str, timeout: float = PATIENCE * 2) -> str:
        done = ended(source, *options, timeout=timeout)
        assert (done.returncode, done.stderr) == (0, ""), done.stdout + done.stderr
        return done.stdout

    return run
