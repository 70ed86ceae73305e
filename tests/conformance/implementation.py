"""What the suite is run with: ungil's modules, or the standard library's, with which it has to pass as well.

    UNGIL_CONFORMANCE=standard python -m pytest tests/conformance

shows that a test which ungil's modules fail asks for nothing that the standard ones do not give.
"""

from __future__ import annotations

import concurrent.futures as standard_futures
import importlib
import os
import queue as standard_queue
import sys
import threading as standard_threading
from types import ModuleType

from stand_ins import PARENT, stand_ins

__all__ = (
    "IS_UNGIL",
    "futures",
    "modules",
    "queue",
    "standard_futures",
    "standard_queue",
    "standard_threading",
    "threading",
)

_CHOICE = os.environ.get("UNGIL_CONFORMANCE", "ungil")
if _CHOICE not in ("ungil", "standard"):
    raise ValueError(f"UNGIL_CONFORMANCE is {_CHOICE!r}: it may be 'ungil' or 'standard'")

IS_UNGIL = _CHOICE == "ungil"
threading: ModuleType = importlib.import_module("ungil.threading") if IS_UNGIL else standard_threading
queue: ModuleType = importlib.import_module("ungil.queue") if IS_UNGIL else standard_queue
futures: ModuleType = importlib.import_module("ungil.futures") if IS_UNGIL else standard_futures

# What imports find while the tests are loaded, by names.
modules: dict[str, ModuleType] = {
    "threading": threading,
    "queue": queue,
    **(stand_ins() if IS_UNGIL else {PARENT: sys.modules[PARENT]}),
}
