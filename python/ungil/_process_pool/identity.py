"""A worker of a pool as `multiprocessing` sees it: `current_process()`, `parent_process()`, and its finalizers."""

from __future__ import annotations

import os

__all__ = ("assume", "leave")


def assume(name: str, number: int, parent: int) -> None:
    """Become a process that a pool has started.

    Args:
        name: what such processes are called.
        number: of this one, from 1 on; it is the last of its `_identity`, as many programs read it.
        parent: the number of the pool's process.
    """
    # Their types say less than there is.
    from multiprocessing import process, util
    from typing import Any

    of_process: Any = process
    current: Any = process.BaseProcess(name=f"{name}-{number}")
    current._identity = (number,)
    current._parent_pid = parent
    current._config["authkey"] = process.current_process().authkey
    of_process._parent_process = of_process._ParentProcess(
        of_process._current_process._name, parent, os.pidfd_open(parent)
    )
    of_process._current_process = current
    # What a fork has inherited is the parent's to finalise; but proxies and their like begin anew.
    of_process._children = set()
    util._finalizer_registry.clear()  # type: ignore[attr-defined]
    util._run_after_forkers()  # type: ignore[attr-defined]


def leave() -> None:
    """Do what is to be done at the end of a process: what was registered with `multiprocessing.util.Finalize`."""
    from multiprocessing import util

    util._exit_function()  # type: ignore[attr-defined]
    util._flush_std_streams()  # type: ignore[attr-defined]
