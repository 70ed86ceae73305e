"""What all tests share: a folder of their own for compiled code, so that none finds what an earlier run left."""

from __future__ import annotations

import os
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
