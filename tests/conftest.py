"""What all tests share: a folder of their own for compiled code, so that none finds what others left, and Ctrl-C."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest


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
