"""A worker as `multiprocessing` sees it: `current_process()`, `parent_process()`, and its finalizers."""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ("assume", "begin_anew", "leave")


def assume(name: str, number: int, parent: int) -> None:
    """Become a process that a pool has started.

    Args:
        name: what such processes are called.
        number: of this one, from 1 on; it is the last of its `_identity`, as many programs read it.
        parent: the number of the pool's process.
    """
    # Its type says less than there is.
    from multiprocessing import process

    of_process: Any = process
    current: Any = process.BaseProcess(name=f"{name}-{number}")
    current._identity = (number,)
    current._parent_pid = parent
    current._config["authkey"] = process.current_process().authkey
    of_process._parent_process = of_process._ParentProcess(
        of_process._current_process._name, parent, os.pidfd_open(parent)
    )
    of_process._current_process = current
    begin_anew()


def begin_anew() -> None:
    """Leave to the parent what a fork has inherited: its children, and what is to be called at its end."""
    modules: dict[str, Any] = dict(sys.modules)
    if "multiprocessing.process" in modules:
        _of_parent.append(modules["multiprocessing.process"]._children)
        modules["multiprocessing.process"]._children = set()
    if "multiprocessing.util" in modules:
        _of_parent.append(dict(modules["multiprocessing.util"]._finalizer_registry))
        modules["multiprocessing.util"]._finalizer_registry.clear()
        # Proxies of managers and their like connect anew.
        modules["multiprocessing.util"]._run_after_forkers()


# Kept, since what nobody refers to is finalized, here too: temporary folders would be removed.
_of_parent: list[object] = []


def leave() -> None:
    """Do what a process of `multiprocessing` does at its end, if it has come to need that.

    Items that are on their way into queues are put, temporary folders are removed, and what else was registered with
    `multiprocessing.util.Finalize` is called.
    """
    util: Any = sys.modules.get("multiprocessing.util")
    if util is not None:
        util._exit_function()
        util._flush_std_streams()
