"""Large arrays among the arguments of tasks for processes: copied once into shared memory, for all of the tasks.

A task has a view of the memory, which by default it cannot write to. An array is known by its identity: what is written
to it after it was first sent, tasks of the same call do not see. Its memory is let go of when the array is gone, or the
call is over.
"""

from __future__ import annotations

import pickle
import sys
import weakref

from ungil._process_pool.explained import explained
from ungil._process_pool.pickles import Carried, carried, pickled
from ungil.parallel._batch import Batch, run_pickled

TYPE_CHECKING = False
if TYPE_CHECKING:
    import concurrent.futures
    from typing import Any, Protocol

    class _Executor(Protocol):
        def submit(self, fn: Any, /, *args: Any) -> concurrent.futures.Future[Any]: ...


__all__ = ("Sharing",)

# Functions that go by value are pickled once; of so many.
_MOST_CARRIED = 64

# From so many bytes on the executor sends buffers by memory of their own.
_LARGE = 1 << 15

_MODES = ("r", "r+", "w+", "c", None)


class Sharing:
    """Submits to an executor of processes, and shares the large arrays.

    Args:
        max_nbytes: from how many bytes on; None for never.
        mmap_mode: "r": tasks may not write; "r+" or "w+": they may, and see what others write; "c": each has a copy
            that it may write to; None: the same.

    Attributes:
        n_bytes: how many bytes were shared.

    Raises:
        ValueError: `mmap_mode` is none of these.
    """

    def __init__(self, max_nbytes: int | None, mmap_mode: str | None) -> None:
        if mmap_mode not in _MODES:
            raise ValueError(f"mmap_mode must be one of {_MODES}, got {mmap_mode!r}")
        self._max_nbytes = max_nbytes
        # What goes beside a pickle is the worker's own until it writes: that is what "c" means.
        self._is_on = max_nbytes is not None and mmap_mode not in ("c", None)
        self._is_writable = mmap_mode in ("r+", "w+")
        self._shared: dict[int, tuple[weakref.ref[Any], Any]] = {}
        self._carried: dict[int, tuple[Any, Any]] = {}
        self.n_bytes = 0

    def submit(self, executor: _Executor, call: Any) -> tuple[concurrent.futures.Future[Any], Any]:
        """Submit a call; the second value has to be kept until its future is done.

        Args:
            executor: an executor of processes.
            call: what is called, with no arguments.

        Raises:
            Exception: it cannot be pickled; the message says which part.
        """
        sent = self._with_carried(call) if isinstance(call, Batch) else call
        try:
            data, buffers, kept = pickled(sent, table=self._table())
        except Exception as failure:
            raise explained(failure, _named(call)) from None
        # Beside the executor's own pickle, so that it is not copied into that.
        beside = pickle.PickleBuffer(data) if len(data) >= _LARGE else data
        return executor.submit(run_pickled, beside, *map(pickle.PickleBuffer, buffers or ())), (kept, call)

    def forget(self) -> None:
        """Let go of all arrays."""
        self._shared.clear()
        self._carried.clear()

    def _with_carried(self, batch: Batch) -> Batch:
        """Return the batch with functions that go by value as what stands for them."""
        functions = {id(function): function for function, _, _ in batch.tasks}
        standing = {key: self._stand_in(function) for key, function in functions.items()}
        if not any(isinstance(stand_in, Carried) for stand_in in standing.values()):
            return batch
        return batch.with_functions(standing)

    def _stand_in(self, function: Any) -> Any:
        known = self._carried.get(id(function))
        if known is not None:
            return known[1]
        try:
            stand_in = carried(function)
        except Exception as failure:
            raise explained(failure, {f"the function {_name(function)}": function}) from None
        if len(self._carried) >= _MOST_CARRIED:
            self._carried.clear()
        # The function is kept, so that its number is no other's.
        self._carried[id(function)] = function, stand_in
        return stand_in

    def _table(self) -> dict[type, Any] | None:
        numpy = sys.modules.get("numpy")
        if not self._is_on or numpy is None:
            return None
        return {numpy.ndarray: self._reduced, numpy.memmap: self._reduced}

    def _reduced(self, array: Any) -> Any:
        if array.nbytes < (self._max_nbytes or 0) or array.nbytes == 0 or array.dtype.hasobject:
            if array.nbytes >= _LARGE and not (array.flags.c_contiguous or array.flags.f_contiguous):
                # Its bytes would be put into the pickle; those of a copy go beside it, and arrive as the same array.
                array = array.copy("C")
            return array.__reduce_ex__(5)
        return _attached, (self._in_memory(array), self._is_writable)

    def _in_memory(self, array: Any) -> Any:
        key = id(array)
        known = self._shared.get(key)
        if known is not None and known[0]() is array:
            return known[1]
        from ungil import shared

        copy = shared.copy(array)
        self.n_bytes += array.nbytes
        all_shared = self._shared

        def let_go(reference: Any) -> None:
            if (entry := all_shared.get(key)) is not None and entry[0] is reference:
                del all_shared[key]

        self._shared[key] = weakref.ref(array, let_go), copy
        return copy


def _attached(memory: Any, is_writable: bool) -> Any:
    """Return what a task has for a shared array: a plain array, whose results are plain ones too."""
    import numpy as np

    array = memory.view(np.ndarray)
    array.flags.writeable = is_writable
    return array


def _named(call: Any) -> dict[str, object]:
    """Return the parts of a call by what they are called in a message."""
    if not isinstance(call, Batch):
        return {"the call": call}
    named: dict[str, object] = {}
    for function, args, kwargs in call.tasks:
        name = _name(function)
        named[f"the function {name}"] = function
        named |= {f"argument {n} of {name}": arg for n, arg in enumerate(args)}
        named |= {f"argument {key} of {name}": arg for key, arg in kwargs.items()}
    return named


def _name(function: Any) -> str:
    return str(getattr(function, "__qualname__", repr(function)))
