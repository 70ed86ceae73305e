"""What CPython's tests need around them: a folder to write into, and children that run with the chosen modules."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from implementation import IS_UNGIL
from instead import with_ours


@pytest.fixture(autouse=True)
def _folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture(autouse=True)
def _children_run_with_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    popen = subprocess.Popen

    def start(command: list[str], *arguments: Any, **options: Any) -> subprocess.Popen[Any]:
        if command[0] == sys.executable and "-c" in command:
            command = with_ours(command)
        return popen(command, *arguments, **options)

    if IS_UNGIL:
        monkeypatch.setattr(subprocess, "Popen", start)
