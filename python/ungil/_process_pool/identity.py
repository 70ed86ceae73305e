"""A worker of a pool as `multiprocessing` sees it: `current_process()`, `parent_process()`, and its finalizers."""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

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
    """Do what a process of `multiprocessing` does at its end, if it has come to need that.

    Items that are on their way into queues are put, temporary folders are removed, and what else was registered with
    `multiprocessing.util.Finalize` is called.
    """
    util: Any = sys.modules.get("multiprocessing.util")
    if util is not None:
        util._exit_function()
        util._flush_std_streams()
